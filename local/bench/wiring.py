"""The app put together for the bench: the shipped use cases behind `Services`, over whatever ports are given."""

from local.memory import CountingIds, MemoryActing, MemoryAnnouncer, MemoryClock, MemoryLetters, MemoryPaces, MemoryStore
from shared.ports import ActingRow, Clusters, Operations, Wakes
from shared.services import Ports, Services
from shared.settings import Settings, read

SUBSCRIPTION = "71de0000-0000-4000-8000-000000000002"
NO_STORAGE = "UseDevelopmentStorage=true"


def settings_of(connection: str = NO_STORAGE) -> Settings:
    """Settings with everything granted; the storage is named only where it is used."""
    return read({
        "TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION,
        "TIDEKEEPER_GRANTS": '[{"actions": ["*"]}]',
        "AzureWebJobsStorage": connection,
    })  # fmt: skip


def services_of(
    settings: Settings, *, clusters: Clusters, operations: Operations, wakes: Wakes, clock: MemoryClock, acting: ActingRow | None = None
) -> Services:
    """The app over these ports, with ids that count and replies and letters kept in memory."""
    brake = acting or MemoryActing()
    ports = Ports(
        clusters=lambda: clusters,
        operations=lambda: operations,
        wakes=lambda: wakes,
        announcer=MemoryAnnouncer,
        letters=MemoryLetters,
        acting=lambda: brake,
        paces=MemoryPaces,
        store=MemoryStore,
        clock=clock,
        ids=CountingIds(),
    )
    return Services(settings, ports)

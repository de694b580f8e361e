"""The same ports, in memory and on the real thing."""

from collections.abc import Iterator

import pytest

from local.memory import MemoryOperations
from shared.adapters import clients
from shared.adapters.operations import TableOperations
from shared.adapters.queues import Queues
from shared.adapters.tables import Tables
from shared.ports import Operations
from tests.contract.tapping import Tap
from tests.worldly import some_settings


@pytest.fixture(scope="session")
def tap() -> Iterator[Tap]:
    """The wire to Azurite's tables."""
    opened = Tap()
    with opened:
        yield opened


@pytest.fixture(scope="session")
def tables(azurite: str, tap: Tap) -> Tables:
    """The tables on Azurite; no test waits before a read is sent again."""
    made = Tables(clients.tables(some_settings({"AzureWebJobsStorage": azurite}), over=tap), pause=lambda _: None)
    made.check()
    return made


@pytest.fixture(params=["memory", "tables"])
def operations(request: pytest.FixtureRequest) -> Iterator[Operations]:
    """The port, twice. What a test leaves in `open` is taken out, so that lists of open operations are one test's own."""
    port: Operations = MemoryOperations() if request.param == "memory" else TableOperations(request.getfixturevalue("tables"))
    yield port
    for row in list(port.open()):
        port.forget(row.operation)


@pytest.fixture
def stored(tables: Tables) -> Iterator[TableOperations]:
    """The port on Azurite alone, for what only a wire has."""
    port = TableOperations(tables)
    yield port
    for row in list(port.open()):
        port.forget(row.operation)


@pytest.fixture(scope="session")
def queue_tap() -> Iterator[Tap]:
    """The wire to Azurite's queues."""
    opened = Tap()
    with opened:
        yield opened


@pytest.fixture(scope="session")
def queues(azurite: str, queue_tap: Tap) -> Queues:
    """The queues on Azurite."""
    return Queues(clients.queues(some_settings({"AzureWebJobsStorage": azurite}), over=queue_tap))

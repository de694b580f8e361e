"""The rehearsed app with the brake's row watched: each count of a call that was written, or lost to another worker, is an event."""

from dataclasses import replace

from local.rehearsal import rehearsed
from local.worldtime import WorldTime
from shared.log import event
from shared.model.acting import Acting
from shared.model.errors import Stale
from shared.model.kept import KeptActing
from shared.ports import ActingRow
from shared.services import Services
from shared.services import install as install_services
from shared.settings import from_environment

WRITTEN, LOST = "brake_written", "brake_lost"


class Watched:
    """The `ActingRow` port that says what became of each write."""

    def __init__(self, below: ActingRow) -> None:
        """Use the row `below`."""
        self._below = below

    def read(self) -> KeptActing:
        """The state."""
        return self._below.read()

    def write(self, before: KeptActing, after: Acting) -> None:
        """Write, and say whether it was lost."""
        try:
            self._below.write(before, after)
        except Stale:
            event(LOST)
            raise
        event(WRITTEN)


def install(world: WorldTime) -> None:
    """As the rehearsal's own: called by the local host before the app is loaded."""
    settings = from_environment()
    ports = rehearsed(settings, world)
    acting = ports.acting
    install_services(Services(settings, replace(ports, acting=lambda: Watched(acting()))))

"""Drives the use cases in memory, as the host would: messages when due, again when their worker died, the sweep every five minutes."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.memory import (
    CountingIds,
    MemoryActing,
    MemoryAnnouncer,
    MemoryClock,
    MemoryLetters,
    MemoryOperations,
    MemoryPaces,
    MemoryStore,
    MemoryWakes,
)
from shared.model.answers import Taken
from shared.model.errors import CallFailed, Stale
from shared.model.operations import Operation, Wake
from shared.model.requests import Submission
from shared.ports import ActingRow, Announcer, Clock, Clusters, Letters, Operations, Paces, Store, Wakes
from shared.services import Ports, Services
from shared.settings import Settings
from tests.worldly import a_world, clusters_of, some_settings

SWEEP_EVERY = timedelta(minutes=5)
HIDDEN = timedelta(minutes=10)
AGAIN = timedelta(seconds=30)
MOST_TURNS = 2000


class Died(BaseException):
    """The worker process is gone, in the middle of something."""


@dataclass
class Pump:
    """An app in memory and the world it acts on."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    settings: Settings = field(default_factory=some_settings)
    takes: timedelta = timedelta(minutes=3)
    registered: bool = True
    throttled: bool = False

    def __post_init__(self) -> None:
        self.world = a_world(self.clock.now, takes=self.takes, registered=self.registered, throttled=self.throttled)
        self.operations = MemoryOperations()
        self.wakes = MemoryWakes(self.clock.now)
        self.announcer = MemoryAnnouncer()
        self.letters = MemoryLetters()
        self.acting = MemoryActing()
        self.paces = MemoryPaces()
        self.clusters = clusters_of(self.world)
        self.ids = CountingIds()
        self.services = self.rebuilt()
        self.swept_at = self.clock.now()

    def rebuilt(
        self,
        *,
        clusters: Clusters | None = None,
        operations: Operations | None = None,
        wakes: Wakes | None = None,
        announcer: Announcer | None = None,
        letters: Letters | None = None,
        acting: ActingRow | None = None,
        paces: Paces | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
    ) -> Services:
        """Services over the same state, with other ports where given."""
        ports = Ports(
            clusters=lambda: clusters or self.clusters,
            operations=lambda: operations or self.operations,
            wakes=lambda: wakes or self.wakes,
            announcer=lambda: announcer or self.announcer,
            letters=lambda: letters or self.letters,
            acting=lambda: acting or self.acting,
            paces=lambda: paces or self.paces,
            store=lambda: store or MemoryStore(),
            clock=clock or self.clock,
            ids=self.ids,
        )
        return Services(self.settings, ports)

    def submit(self, submission: Submission) -> Operation:
        """Accept a request that must be accepted."""
        taken = self.services.submit(submission)
        assert isinstance(taken, Taken), taken
        return taken.operation

    def deliver(self, wake: Wake) -> None:
        """One message to one worker; what the worker does not finish comes again."""
        try:
            self.services.advance(wake)
        except Stale:
            pass
        except CallFailed:
            self.wakes.send(wake, delay=AGAIN)
        except Died:
            self.wakes.send(wake, delay=HIDDEN)

    def take(self) -> bool:
        """Deliver the next message that is visible now; False if there is none."""
        wake = self.wakes.due()
        if wake is None:
            return False
        self.deliver(wake)
        return True

    def next_message_at(self) -> datetime | None:
        """When the next message becomes visible."""
        return self.wakes.next_at()

    def next_sweep_at(self) -> datetime:
        """When the sweep falls due."""
        return self.swept_at + SWEEP_EVERY

    def sweep(self) -> None:
        """One sweep; what goes wrong in it waits for the next."""
        with contextlib.suppress(Died, CallFailed, ExceptionGroup):
            self.services.sweep()

    def turn(self) -> bool:
        """The next thing that happens; False when nothing is left to happen."""
        if self.take():
            return True
        message_at, sweep_at = self.next_message_at(), self.next_sweep_at()
        if message_at is None and all(map(self._resting, self.operations.opened)):
            return False
        self.clock.instant = max(self.clock.now(), min(message_at or sweep_at, sweep_at))
        if self.clock.now() >= sweep_at:
            self.swept_at = self.clock.now()
            self.sweep()
        return True

    def _resting(self, operation_id: str) -> bool:
        """Whether only a person moves the operation on."""
        if operation_id in self.operations.damaged:
            return True
        operation = self.operations.load(operation_id)
        return operation is not None and operation.resting

    def run(self, *, until: datetime | None = None) -> None:
        """Until nothing is left to happen, or until an instant."""
        for _ in range(MOST_TURNS):
            if until is not None and self.clock.now() >= until:
                return
            if not self.turn():
                return
        message = f"still going after {MOST_TURNS} turns, at {self.clock.now()}"
        raise AssertionError(message)

    def now(self, operation: Operation) -> Operation:
        """The operation as it is stored now."""
        found = self.operations.load(operation.id)
        assert found is not None
        return found

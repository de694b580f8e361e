"""Who is at work in a simulated run: workers on messages and timers, and people who ask."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.memory import MemoryClock
from shared.model.clusters import Sight
from shared.model.operations import Operation
from shared.model.plans import Action
from tests.doors import Message
from tests.simulation.baton import Turn


@dataclass(slots=True)
class WorkersClock:
    """A worker's own clock: the true instant, wrong by the skew. `jumped`: it was set while its worker was at work."""

    clock: MemoryClock
    skew: timedelta = timedelta(0)
    jumped: bool = False

    def now(self) -> datetime:
        """The instant it shows."""
        return self.clock.now() + self.skew


@dataclass(eq=False, slots=True, kw_only=True)
class Worker:
    """A worker at work on one thing. `about`: the cluster's key. `until`, `behind`: what it sleeps for, if it does."""

    number: int
    about: str
    kind: str
    clock: WorkersClock
    turn: Turn
    delivered: tuple[str, Message] | None = None
    until: datetime | None = None
    behind: "Worker | None" = None
    action: Action | None = None
    claim: tuple[Operation, int] | None = None
    slept: bool = False
    looked: int = 0
    sights: list[tuple[str, Sight]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What somebody asks by HTTP, again and again until it is answered. `path` None: it has nobody to ask for any more."""

    method: str
    path: Callable[[], str | None]
    about: str = ""
    document: Mapping[str, object] | None = None
    key: str | None = None


class Told(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())

"""How often the workers of a host have ended by themselves, and whether that is too often to go on. Pure, apart from its clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

EACH = 3
"""So many for each process that the host is to have, and no worker is started any more."""
FORGIVEN_AFTER = timedelta(minutes=30)


@dataclass(slots=True, kw_only=True)
class Crashes:
    """The errors so far; half an hour (real time) without one forgives all before it."""

    processes: int
    clock: Callable[[], float] = time.monotonic
    _at: list[float] = field(default_factory=list)

    def note(self) -> None:
        """One more, now."""
        now = self.clock()
        if self._at and now - self._at[-1] > FORGIVEN_AFTER.total_seconds():
            self._at.clear()
        self._at.append(now)

    @property
    def number(self) -> int:
        """How many count."""
        return len(self._at)

    @property
    def too_many(self) -> bool:
        """Whether no worker is to be started any more."""
        return self.number >= EACH * self.processes

"""How often the host looks and how long it waits, at any rehearsal speed; pure, except that chance comes from the caller.

Storage counts in whole seconds of real time, so a lease scaled below one second stays one second.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

LEASE = timedelta(minutes=10)
"""How long a received message stays hidden; the real host has this number built in."""

SHORTEST_PAUSE = timedelta(milliseconds=100)
_SHORTEST_RENEWAL = timedelta(minutes=1)
_ROOMY = 10  # seconds; a shorter lease is renewed at a third instead of at half, for a late renewal would lose it


def _chance() -> float:
    return random.uniform(0.8, 1.2)


@dataclass(slots=True, kw_only=True)
class Backoff:
    """The pauses between empty looks into a queue: 100 ms and more, doubling, with jitter, never above `longest`."""

    longest: timedelta
    chance: Callable[[], float] = field(default=_chance, repr=False)
    _misses: int = 0

    def reset(self) -> None:
        """Something was found."""
        self._misses = 0

    def pause(self) -> timedelta:
        """Nothing was found again: how long to wait before the next look."""
        self._misses += 1
        grown = SHORTEST_PAUSE * (1 + float(2 ** min(self._misses - 1, 30)) * self.chance())
        return max(min(grown, self.longest), SHORTEST_PAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A message's time out of sight, in real seconds: how long it is, and when it is renewed."""

    seconds: int
    renew_after: float
    retry_at_least: float

    @classmethod
    def at(cls, speed: float) -> "Lease":
        """Ten minutes of the world at `speed`, rounded up to whole seconds."""
        seconds = whole_seconds(LEASE, speed)
        renew_after = seconds / 2 if seconds >= _ROOMY else seconds / 3
        return cls(seconds=seconds, renew_after=renew_after, retry_at_least=min(renew_after / 2, _SHORTEST_RENEWAL.total_seconds() / speed))

    def after_fault(self, last: float) -> float:
        """How long to wait before the next try to renew when storage failed after a wait of `last` seconds."""
        return max(last / 2, self.retry_at_least)


def whole_seconds(world: timedelta, speed: float) -> int:
    """The whole real seconds that cover `world` at `speed`; no time stays no time."""
    return math.ceil(world.total_seconds() / speed)


def longest_pause(max_polling_interval: timedelta, speed: float) -> timedelta:
    """The cap of the back-off at `speed`."""
    return max(max_polling_interval / speed, SHORTEST_PAUSE)

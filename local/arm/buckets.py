"""Token buckets: ARM's and AKS's limits on how often one may ask. They empty and refill in world time.

Sources: learn.microsoft.com/azure/aks/quotas-skus-regions (2026-08-03) and
learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (2025-05-28).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bucket of `burst` tokens that gains `per_second` of them."""

    burst: int
    per_second: float


ARM_READS = Limit(burst=250, per_second=25)
ARM_WRITES = Limit(burst=200, per_second=10)
ARM_DELETES = Limit(burst=200, per_second=10)
LIST_IN_SUBSCRIPTION = Limit(burst=500, per_second=1)
LIST_IN_GROUP = Limit(burst=60, per_second=1)
PUT_CLUSTER = Limit(burst=20, per_second=1 / 60)
PUT_POOL = Limit(burst=20, per_second=1 / 60)
GET_CLUSTER = Limit(burst=60, per_second=1)
GET_OPERATION = Limit(burst=200, per_second=2)
OTHER = Limit(burst=60, per_second=1)

GLOBAL = 15
"""A subscription's limit over all principals is this many times that of one."""

_CLOSE = 1e-9
"""What is this close to a whole token, or a whole second, is one: sixtieths do not add up exactly."""


@dataclass(slots=True)
class Buckets:
    """The levels of all buckets that were ever used; a restart fills them."""

    _levels: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, name: str, limit: Limit, now: datetime) -> int:
        """Take one token; 0 if there was one, else the whole seconds until there will be."""
        return self.take_all([(name, limit)], now)

    def take_all(self, limits: Iterable[tuple[str, Limit]], now: datetime) -> int:
        """Take one token of each bucket; 0 if all had one, else the whole seconds until all will: nothing is taken then."""
        levels = [(name, limit, self._level(name, limit, now)) for name, limit in limits]
        waits = [ceil((1 - level) / limit.per_second - _CLOSE) for _, limit, level in levels if level < 1 - _CLOSE]
        if waits:
            return max(1, *waits)
        for name, _, level in levels:
            self._levels[name] = (level - 1, now)
        return 0

    def left(self, name: str, limit: Limit, now: datetime) -> int:
        """The whole tokens in a bucket."""
        return int(self._level(name, limit, now) + _CLOSE)

    def _level(self, name: str, limit: Limit, now: datetime) -> float:
        level, since = self._levels.get(name, (float(limit.burst), now))
        return min(float(limit.burst), level + max(0.0, (now - since).total_seconds()) * limit.per_second)

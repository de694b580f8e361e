"""How long Azure takes with what we ask of it, as our own operations tell: samples, and what was learned of them. Values only."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one step tells: Azure took longer than `longer_than`, and no longer than `at_most`; None: nobody saw it end."""

    kind: str
    longer_than: timedelta
    at_most: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was learned of `operations` operations, and when.

    Half of such operations take longer than `longer_than`, and half no longer than `at_most` (None: nobody can say). `stretch`: how many
    times as late as shipped their looks come.
    """

    stretch: float
    operations: int
    longer_than: timedelta
    at_most: timedelta | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The pace of one kind of action. `shipped`: the figures that it is learned beside; other ones make it begin anew.

    `since`: when the figures that hold now began to hold; only what was looked at by them is counted. `samples`: so many since then, at
    `counted_at`. `learned` None: the shipped figures hold.
    """

    kind: str
    shipped: tuple[int, ...]
    since: datetime
    samples: int = 0
    counted_at: datetime
    learned: Learned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPace:
    """The pace of one kind as a door shows it; looks are in seconds after Azure took a call. `learned` None: the shipped figures hold."""

    kind: str
    shipped: tuple[int, ...]
    looks: tuple[int, ...]
    because: str
    typical: timedelta
    samples: int
    counted_at: datetime | None
    learned: Learned | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPaces:
    """The pace of every kind, and what bounds all of them: looks come at `soonest` to `latest` times the shipped instants, so far apart.

    `wanted`: so many samples are needed.
    """

    paces: tuple[ShownPace, ...]
    soonest: float
    latest: float
    apart: timedelta
    wanted: int

"""Whether the app acts at all: a pause by a person, and the calls that changed something in the current hour. Values only."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.errors import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who stopped all acting, when, and why."""

    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The state of acting. `mutations`: the calls that change something, made or about to be made in the hour from `hour` (UTC) on."""

    pause: Pause | None = None
    hour: datetime | None = None
    mutations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why no call that changes something may be made now. `until`: when that surely ends; None if a person ends it."""

    failure: Failure
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownActing:
    """The state of acting as a door shows it: how many calls may still be made by `ends_at`."""

    pause: Pause | None
    mutations: int
    most: int
    ends_at: datetime

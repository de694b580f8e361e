"""What the use cases answer to the doors."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.operations import Event, Operation
from shared.model.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An accepted request. `position` 0: it is the cluster's current operation (or has ended); `replayed`: its key was known already.

    `holder`: the id of the cluster's current operation, behind which this one waits in line.
    """

    operation: Operation
    position: int = 0
    holder: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would happen, with nothing stored: the plan (None where it must wait for what comes first), and what stands in the way."""

    plan: Plan | None
    already_so: bool
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many operations were removed; `more`: there were more, ask again."""

    removed: int
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An operation as shown: its place in line (None if it has ended), behind whom, when it is looked at next, its history if asked."""

    operation: Operation
    position: int | None
    next_look_at: datetime | None
    history: tuple[Event, ...] | None = None
    holder: str | None = None

"""What the use cases answer to the doors."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.model.operations import Event, Operation
from shared.model.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An accepted request. `position` 0: it is the cluster's current operation (or has ended), else `holder` is that one.

    `replayed`: its key was known already.
    """

    operation: Operation
    position: int = 0
    holder: Operation | None = None
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
class Progress:
    """How far an operation is. `step` counts from 1, and is `steps` when none is left; both are 0 while there is no plan.

    `percent`: each step counts the same; of one that runs in Azure, the share of the time counts that such calls take. `waiting_for`: in
    words; None if it has ended. `next_look_at`: the latest at which it is looked at again, if nothing keeps the app from it; None where
    nothing is looked at until something else happens.
    """

    step: int
    steps: int
    percent: int
    waiting_for: str | None
    next_look_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An operation as shown: its place in line (None if it has ended), how far it is, and its history if asked.

    `holder`: the id of the one behind which it waits in line. `token`: what opens it to anybody by its status link; None where there are no
    links.
    """

    operation: Operation
    position: int | None
    progress: Progress
    history: tuple[Event, ...] | None = None
    holder: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What a status link shows. Its words have no person's name, no other operation and nothing that Azure said.

    `fault`: what went wrong, if something did.
    """

    operation: Operation
    position: int | None
    progress: Progress
    fault: str | None

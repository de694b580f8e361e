"""What has happened to a request: the states of its steps, what was sighted, and the operation that holds them.

An operation's status is computed here from what it holds, and stored beside it only for queries. Transitions live in `rules/engine.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from shared.model.clusters import ClusterRef, Sight
from shared.model.errors import Failure
from shared.model.messages import SCHEMA
from shared.model.plans import Action, Plan
from shared.model.requests import Origin, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """The status URL that ARM gave for a long-running call, verbatim. The adapter checks its host before every use."""

    url: str


# ---- states of a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nothing of this step is known to run in Azure.

    `since`: when the step's clock began (its first look, failed or not). `tries`: claims made. `until`: do not look before. `failure`: why
    it waits. `unsure`: an earlier attempt got no clear answer and may have been applied. `lay_aborted`: what it is about was aborted before
    anything of this step was sent.
    """

    since: datetime | None = None
    tries: int = 0
    until: datetime | None = None
    failure: Failure | None = None
    unsure: bool = False
    lay_aborted: bool = False
    state: Literal["waiting"] = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """Claimed: saved before the call to ARM, so that no mutation happens without a record. Claimed is not sent."""

    since: datetime
    tries: int
    claimed_at: datetime
    unsure: bool = False
    lay_aborted: bool = False
    state: Literal["starting"] = "starting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """ARM accepted the call and gave a handle to ask."""

    since: datetime
    tries: int
    started_at: datetime
    handle: Handle
    state: Literal["running"] = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """ARM has answered (`verdict` None: well); the cluster has the last word and has not spoken yet."""

    since: datetime
    tries: int
    answered_at: datetime
    verdict: Failure | None = None
    state: Literal["settling"] = "settling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The goal was read back. `note` says what was unusual about it."""

    since: datetime
    ended_at: datetime
    note: str | None = None
    state: Literal["done"] = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The step will not be tried again."""

    since: datetime
    ended_at: datetime
    failure: Failure
    state: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Never begun, or aborted, and why."""

    because: str
    state: Literal["skipped"] = "skipped"


StepState = Waiting | Starting | Running | Settling | Done | Failed | Skipped
OpenState = Waiting | Starting | Running | Settling


# ---- what can be sighted


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """ARM took the call. `handle` None: it was finished at once."""

    handle: Handle | None
    kind: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRunning:
    """The handle says: not yet. `progress` is AKS's own word for where it is."""

    progress: str | None = None
    retry_after: timedelta | None = None
    kind: Literal["still_running"] = "still_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The handle says: ended, well or with `failure`."""

    failure: Failure | None = None
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The thing the step is about was looked at."""

    sight: Sight
    kind: Literal["seen"] = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A look failed."""

    failure: Failure
    kind: Literal["unseen"] = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An attempt or a poll failed."""

    failure: Failure
    kind: Literal["refused"] = "refused"


Sighting = Accepted | StillRunning | Answered | Seen | Unseen | Refused


# ---- what to do next


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Look at the cluster and make the plan: the operation has become the first of its cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Look; if the goal is missing, save the claim, then call ARM once."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask the handle."""

    handle: Handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Look again: ARM has spoken, or the step's time is up."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """Nothing to do before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing to do, ever again or until a person acts."""


Move = Draw | Attempt | Poll | Verify | Sleep | Rest


# ---- the operation


class Status(StrEnum):
    """The words people see. Computed, never decided upon."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    NEEDS_ATTENTION = "needs_attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Why a person should look at an open operation. It goes away by itself if the operation moves.

    `holds`: it does not move by itself any more; a person resumes, cancels or force-closes it.
    """

    failure: Failure
    since: datetime
    holds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who asked to cancel, and when.

    `abort`: what is under way in Azure is to be aborted. `aborted_at`: when Azure was asked that and took it. `refusal`: why it would not.
    """

    by: str
    at: datetime
    abort: bool = False
    aborted_at: datetime | None = None
    refusal: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Who asked that no further step begins, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An accepted request and all that has happened to it.

    `headed_at`: when it became the first of its cluster; until then it waits in line. `started_at`: when its first claim was made. `plan`
    is None until it is drawn; `states` has one entry per step. `declined`: why no plan could be made. `retry_of`: the ended operation whose
    unfinished steps it does. `key_name`: under which name the key that stands for it is kept, if one does. `scheduled`: it has no place at
    its cluster yet, because it is not to begin before `not_before`. `lapsed`: why it ended without having begun by `not_after`. `saves`
    counts the saves (and so the history rows), `wake` is the number of the wake-up that may move it.
    """

    id: str
    cluster: ClusterRef
    request: Request
    origin: Origin
    created_at: datetime
    updated_at: datetime
    reason: str | None = None
    headed_at: datetime | None = None
    started_at: datetime | None = None
    plan: Plan | None = None
    states: tuple[StepState, ...] = ()
    declined: Failure | None = None
    cancelled_by: Cancellation | None = None
    suspended_by: Suspension | None = None
    attention: Attention | None = None
    retry_of: str | None = None
    key_name: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    scheduled: bool = False
    lapsed: Failure | None = None
    saves: int = 0
    wake: int = 1

    @property
    def partition(self) -> str:
        """The table partition of the cluster, which the id carries so that a look-up by id is a point read."""
        return partition_of(self.id)

    @property
    def cursor(self) -> int | None:
        """The index of the step that is to move next; None if no step is."""
        return next((n for n, state in enumerate(self.states) if isinstance(state, OpenState)), None)

    @property
    def under_way(self) -> bool:
        """Whether something of its current step may be under way, or applied without having been read back."""
        cursor = self.cursor
        if cursor is None:
            return False
        state = self.states[cursor]
        return not isinstance(state, Waiting) or state.unsure

    @property
    def resting(self) -> bool:
        """Whether it is open and only a person moves it on: it was suspended and nothing of it is under way, or its attention holds it."""
        if self.ended:
            return False
        held = self.attention is not None and self.attention.holds
        return held or (self.suspended_by is not None and not self.under_way)

    @property
    def ended(self) -> bool:
        """Whether nothing will ever happen to it again."""
        return self.status in ENDED

    @property
    def ended_at(self) -> datetime | None:
        """When it ended; an ended operation is never saved again, so that is its last save."""
        return self.updated_at if self.ended else None

    @property
    def failure(self) -> Failure | None:
        """What went wrong, if something ended it or holds it."""
        if self.declined is not None or self.lapsed is not None:
            return self.declined or self.lapsed
        failed = next((state for state in self.states if isinstance(state, Failed)), None)
        if failed is not None:
            return failed.failure
        return self.attention.failure if self.attention is not None else None

    @property
    def status(self) -> Status:
        """The one word for where it stands."""
        if self.lapsed is not None:
            return Status.EXPIRED
        if self.declined is not None or any(isinstance(state, Failed) for state in self.states):
            return Status.FAILED
        if self.cursor is None:
            if any(isinstance(state, Skipped) for state in self.states):
                return Status.CANCELLED
            if self.plan is not None:
                return Status.SUCCEEDED
            if self.cancelled_by is not None:
                return Status.CANCELLED
        if self.attention is not None:
            return Status.NEEDS_ATTENTION
        if self.suspended_by is not None and not self.under_way:
            return Status.SUSPENDED
        if self.scheduled:
            return Status.SCHEDULED
        return Status.QUEUED if self.headed_at is None else Status.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of an operation's history: the n-th save and what it meant."""

    n: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A cluster's lease: its current operation and those that wait behind it, first come first.

    It exists exactly while the cluster has an open operation, so inserting it is taking the lease.
    """

    current: Operation
    line: tuple[str, ...] = ()

    def position(self, operation_id: str) -> int | None:
        """0 for the current operation, 1 for the next, and so on; None if the operation is not here."""
        if operation_id == self.current.id:
            return 0
        return self.line.index(operation_id) + 1 if operation_id in self.line else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """A wake-up: ids and the number of the save that sent it. Everything else is read from the row."""

    cluster_key: str
    operation: str
    wake: int

    def __post_init__(self) -> None:
        """Refuse a cluster that is not the operation's own: a forged message must not reach into another cluster's rows."""
        if partition_of(self.operation) != self.cluster_key:
            message = "the operation is not of this cluster"
            raise ValueError(message)

    @property
    def message(self) -> dict[str, str | int]:
        """The queue message: flat, with no key that the host would take for its own."""
        return {"schema": SCHEMA, "cluster_key": self.cluster_key, "operation": self.operation, "wake": self.wake}


ID_PREFIX = "op-"
PARTITION_LENGTH = 16


def partition_of(operation_id: str) -> str:
    """The cluster's partition that an operation id begins with. Raises ValueError for what cannot be an operation's id."""
    prefix, partition, rest = operation_id[:3], operation_id[3 : 3 + PARTITION_LENGTH], operation_id[3 + PARTITION_LENGTH :]
    wellformed = partition.isalnum() and partition.isascii() and len(partition) == PARTITION_LENGTH and rest[:1] == "-"
    if prefix != ID_PREFIX or not wellformed or not rest[1:].isalnum() or not rest.isascii() or len(rest) > 40:
        message = "not the id of an operation"
        raise ValueError(message)
    return partition

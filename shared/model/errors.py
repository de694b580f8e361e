"""What can go wrong, as values: refusals to callers, failures of calls, and the two exceptions that carry them across a port."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Code(StrEnum):
    """The stable name of every way a request, a call or an operation can fail.

    Values live on disk and in replies: never renamed, only added. `functions/replies.py` holds the single table from code to HTTP status.
    """

    # a request that is refused
    MALFORMED = "malformed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_LARGE = "too_large"
    NEWER_SCHEMA = "newer_schema"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    ALREADY_ENDED = "already_ended"
    WRONG_STATE = "wrong_state"
    KEY_REUSED = "key_reused"
    IMPOSSIBLE = "impossible"
    CLUSTER_EXISTS = "cluster_exists"
    BUSY_STORE = "busy_store"
    NOT_CONFIGURED = "not_configured"

    # a call that failed, or what Azure said
    UNREACHABLE = "unreachable"
    AZURE_FAULT = "azure_fault"
    THROTTLED = "throttled"
    BUSY = "busy"
    CHANGED_MEANWHILE = "changed_meanwhile"
    AZURE_FORBIDDEN = "azure_forbidden"
    AZURE_REFUSED = "azure_refused"
    AZURE_FAILED = "azure_failed"
    OUT_OF_CAPACITY = "out_of_capacity"
    DRAIN_BLOCKED = "drain_blocked"
    HANDLE_GONE = "handle_gone"
    HANDLE_FOREIGN = "handle_foreign"

    # why a step is held
    PAUSED = "paused"
    CAPPED = "capped"

    # how an operation ended or why it waits for a person
    GONE = "gone"
    NOT_REACHED = "not_reached"
    TIMED_OUT = "timed_out"
    STILL_RUNNING_IN_AZURE = "still_running_in_azure"
    BLOCKED_BY_EXTERNAL_OPERATION = "blocked_by_external_operation"
    CANCELLED_EXTERNALLY = "cancelled_externally"
    EXPIRED = "expired"
    STUCK = "stuck"
    FORCE_CLOSED = "force_closed"
    POISONED = "poisoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a body: where (an RFC 6901 pointer) and what."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not accepted: what is, what was wanted, what to do.

    `final`: no operation ahead of it can make it possible, so it is refused even where others would wait in line.
    """

    code: Code
    message: str
    faults: tuple[Fault, ...] = ()
    final: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call or a step failed.

    `transient`: the same call may succeed later. `unsure`: the call may have been applied all the same (no answer came, or a 5xx).
    `azure_code` is Azure's own word, verbatim.
    """

    code: Code
    message: str
    transient: bool = False
    unsure: bool = False
    retry_after: timedelta | None = None
    azure_code: str | None = None


class CallFailed(Exception):  # noqa: N818 - the house's word; what failed is a call, and the failure is inside
    """A call through a port failed; the adapter has classified it once."""

    def __init__(self, failure: Failure) -> None:
        """Carry the failure."""
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure


class Stale(Exception):  # noqa: N818 - not an error: somebody saved first
    """Somebody saved first. Not an error: drop the work, the winner sends the next wake-up."""


class Unreadable(Exception):  # noqa: N818 - a state of what is stored, not a programmer's error
    """A row is damaged: what it says cannot be read any more."""


class NewerSchema(Unreadable):
    """A row or message was written by newer code; it is left for newer code."""

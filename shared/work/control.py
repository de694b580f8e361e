"""What people may do with an operation that has not ended. Each is one save, or a refusal that changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.log import event
from shared.model.errors import Code, Refusal, Stale
from shared.model.listing import Summary
from shared.model.operations import ENDED, Operation, Status
from shared.ports import Clock
from shared.rules import engine
from shared.work import saving
from shared.work.saving import Desk, amend

RACES = 5

Decide = Callable[[Operation, datetime], Operation | Refusal]


def cancel(operation_id: str, *, by: str, desk: Desk, clock: Clock, abort: bool = False) -> Operation | Refusal:
    """Cancel an operation: at once where nothing of it is under way in Azure, else when its running step has ended, or was aborted.

    Answers the operation as it is now, or why it cannot be cancelled. Cancelling twice is the same as once. Raises `CallFailed`.
    """
    return _change(
        operation_id, "operation_cancelled", by, lambda before, now: engine.cancel(before, by=by, now=now, abort=abort), desk, clock
    )


def suspend(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Operation | Refusal:
    """Let no further step of an operation begin. Suspending twice is the same as once. Raises `CallFailed`."""
    return _change(operation_id, "operation_suspended", by, lambda before, now: engine.suspend(before, by=by, now=now), desk, clock)


def resume(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Operation | Refusal:
    """Take up an operation that is suspended or needs a person. Raises `CallFailed`."""
    return _change(operation_id, "operation_resumed", by, engine.resume, desk, clock)


def force_close(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Operation | Refusal:
    """End an operation whatever its state, and free its cluster, without a call to Azure. Raises `CallFailed`."""
    return _change(operation_id, "operation_force_closed", by, lambda before, now: engine.force_close(before, by=by, now=now), desk, clock)


def close_unread(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Summary | Refusal:
    """End an operation whose work cannot be read (damaged, or of newer code), and free its cluster. Raises `CallFailed`.

    Answers what is left to tell of it. Asked again, it completes a close that died half-way.
    """
    for _ in range(RACES):
        wreck = desk.operations.wreck(operation_id)
        if wreck is None:
            return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id}")
        if wreck.summary.status in ENDED:
            saving.close_unread(desk, wreck.summary)
            message = f"operation {operation_id} is {wreck.summary.status} already; nothing is left to close"
            return Refusal(code=Code.ALREADY_ENDED, message=message)
        now = clock.now()
        ended = replace(wreck.summary, status=Status.FAILED, code=Code.FORCE_CLOSED, updated_at=now)
        try:
            saving.write_off(desk, wreck, ended, f"closed unread by {by}; what Azure was asked for may go on, unwatched", now)
        except Stale:
            continue
        event("operation_closed_unread", operation=operation_id, cluster=ended.cluster.key, by=by)
        return ended
    return _too_fast(operation_id)


def _change(operation_id: str, what: str, by: str, decide: Decide, desk: Desk, clock: Clock) -> Operation | Refusal:
    for _ in range(RACES):
        before = desk.operations.load(operation_id)
        if before is None:
            return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id}")
        after = decide(before, clock.now())
        if isinstance(after, Refusal) or after is before:
            return after
        try:
            saved = amend(desk, before, after, clock.now())
        except Stale:
            continue
        event(what, operation=operation_id, cluster=before.cluster.key, by=by, status=after.status)
        return saved
    return _too_fast(operation_id)


def _too_fast(operation_id: str) -> Refusal:
    return Refusal(code=Code.BUSY_STORE, message=f"operation {operation_id} is changing too fast; send the request again")

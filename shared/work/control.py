"""What people may do with an operation that has not ended. Each is one save, or a refusal that changes nothing."""

from collections.abc import Callable
from datetime import datetime

from shared.log import event
from shared.model.errors import Code, Refusal, Stale
from shared.model.operations import Operation
from shared.ports import Clock
from shared.rules import engine
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
    return Refusal(code=Code.BUSY_STORE, message=f"operation {operation_id} is changing too fast; send the request again")

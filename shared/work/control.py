"""What people may do with an operation that has not ended. Each is one save, or a refusal that changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.log import event
from shared.model.errors import Code, Refusal, Stale
from shared.model.operations import Operation
from shared.ports import Clock
from shared.rules import engine
from shared.work.saving import Desk, changed, close, finish, save, wake

RACES = 5

Decide = Callable[[Operation, datetime], Operation | Refusal]


def cancel(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Operation | Refusal:
    """Cancel an operation: at once where nothing of it is under way in Azure, else when its running step has ended.

    Answers the operation as it is now, or why it cannot be cancelled. Cancelling twice is the same as once. Raises `CallFailed`.
    """
    return _change(operation_id, "operation_cancelled", by, lambda before, now: engine.cancel(before, by=by, now=now), desk, clock)


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
            saved = _saved(before, after, desk, clock)
        except Stale:
            continue
        event(what, operation=operation_id, cluster=before.cluster.key, by=by, status=after.status)
        return saved
    return Refusal(code=Code.BUSY_STORE, message=f"operation {operation_id} is changing too fast; send the request again")


def _saved(before: Operation, after: Operation, desk: Desk, clock: Clock) -> Operation:
    """Write what a person changed, in whatever place of its cluster the operation is. Raises `Stale` if somebody saved first."""
    stored = desk.operations.head(before.partition)
    if stored is None or stored.head.position(before.id) is None:
        raise Stale
    if stored.head.current.id != before.id:
        line = tuple(waiting for waiting in stored.head.line if waiting != before.id) if after.ended else stored.head.line
        change = changed(before, after)
        desk.operations.commit(stored, replace(stored.head, line=line), (change,))
        if after.ended:
            close(desk, change.operation)
        return change.operation
    if stored.head.current != before:
        raise Stale
    if after.ended:
        # A wake-up is still on its way. It is not to find its own number, or it would close the operation, and tell its sender, once more.
        finish(desk, stored, before, replace(after, wake=after.wake + 1), clock.now())
        return after
    saved = save(desk, stored, before, after, wake=True)
    if not after.resting:
        wake(desk, saved.head.current)
    return saved.head.current

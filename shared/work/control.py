"""What people may do with an operation."""

from dataclasses import replace

from shared.log import event
from shared.model.errors import Code, Refusal, Stale
from shared.model.operations import Operation
from shared.ports import Clock
from shared.rules import engine
from shared.work.saving import Desk, changed, close, finish, save, wake

RACES = 5


def cancel(operation_id: str, *, by: str, desk: Desk, clock: Clock) -> Operation | Refusal:
    """Cancel an operation: at once where nothing of it is under way in Azure, else when its running step has ended.

    Answers the operation as it is now, or why it cannot be cancelled. Cancelling twice is the same as once. Raises `CallFailed`.
    """
    for _ in range(RACES):
        before = desk.operations.load(operation_id)
        if before is None:
            return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id}")
        after = engine.cancel(before, by=by, now=clock.now())
        if isinstance(after, Refusal) or after is before:
            return after
        try:
            cancelled = _cancelled(before, after, desk, clock)
        except Stale:
            continue
        event("operation_cancelled", operation=operation_id, cluster=before.cluster.key, by=by, status=after.status)
        return cancelled
    return Refusal(code=Code.BUSY_STORE, message=f"operation {operation_id} is changing too fast; send the request again")


def _cancelled(before: Operation, after: Operation, desk: Desk, clock: Clock) -> Operation:
    stored = desk.operations.head(before.partition)
    if stored is None or stored.head.position(before.id) is None:
        raise Stale
    if stored.head.current.id != before.id:
        line = tuple(waiting for waiting in stored.head.line if waiting != before.id)
        change = changed(before, after)
        desk.operations.commit(stored, replace(stored.head, line=line), (change,))
        close(desk, change.operation)
        return change.operation
    if stored.head.current != before:
        raise Stale
    if after.ended:
        # A wake-up is still on its way. It is not to find its own number, or it would close the operation, and tell its sender, once more.
        finish(desk, stored, before, replace(after, wake=after.wake + 1), clock.now())
        return after
    saved = save(desk, stored, before, after, wake=True)
    wake(desk, saved.head.current)
    return saved.head.current

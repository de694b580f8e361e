"""The one way an operation is written: head, row and history in one transaction, and what must follow when it has ended.

Order of writes at the end: the transaction, the reply, `journal`, then the `open` row goes, so that a crash between any two leaves a trace
that the sweep meets in `open`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from shared.log import event, warning
from shared.model.errors import Stale, Unreadable
from shared.model.listing import Summary
from shared.model.operations import Event, Head, Operation, Wake, partition_of
from shared.ports import Announcer, Change, Operations, Stored, Wakes
from shared.rules.telling import told

if TYPE_CHECKING:
    from shared.model.kept import Wreck

_T = TypeVar("_T")
NOW = timedelta(0)
RACES = 5
"""How often a save is tried again after somebody else changed the line behind the operation meanwhile, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every use case that moves operations writes with."""

    operations: Operations
    wakes: Wakes
    announcer: Announcer


def changed(before: Operation | None, after: Operation, *, wake: bool = False) -> Change:
    """`after` as it is to be saved: one save further, and one wake-up further if `wake`."""
    numbered = replace(after, saves=after.saves + 1, wake=after.wake + (1 if wake else 0))
    return Change(operation=numbered, event=Event(n=numbered.saves, at=numbered.updated_at, text=told(before, after)))


def save(desk: Desk, stored: Stored, before: Operation, after: Operation, *, wake: bool) -> Stored:
    """Save the open, current operation. Raises `Stale` if somebody saved first."""
    change = changed(before, after, wake=wake)

    def write(head: Stored) -> Stored:
        saved = desk.operations.commit(head, replace(head.head, current=change.operation), (change,))
        if saved is None:  # pragma: no cover - a commit with a head answers it
            raise TypeError
        return saved

    return _whatever_joins(desk, stored, write)


def wake(desk: Desk, operation: Operation, *, delay: timedelta = NOW) -> None:
    """Send the operation's expected wake-up."""
    desk.wakes.send(Wake(cluster_key=operation.partition, operation=operation.id, wake=operation.wake), delay=max(delay, NOW))


def write_off(desk: Desk, wreck: "Wreck", ended: Summary, because: str, now: datetime) -> None:
    """Save the end of an operation whose work cannot be read, pass its lease on, and close. Raises `Stale` if somebody saved first."""
    head: Head | None = None
    changes: list[Change] = []
    if wreck.behind is not None:
        successor, line = _successor(desk.operations, wreck.behind)
        if successor is not None:
            changes.append(changed(successor, replace(successor, headed_at=now, updated_at=now), wake=True))
            head = Head(current=changes[0].operation, line=line)
    elif wreck.head_etag is not None:
        stored = desk.operations.head(partition_of(ended.id))
        if stored is None or stored.etag != wreck.head_etag:
            raise Stale
        head = replace(stored.head, line=tuple(waiting for waiting in stored.head.line if waiting != ended.id))
    desk.operations.write_off(wreck, ended, Event(n=wreck.events + 1, at=now, text=because), head, changes)
    for change in changes:
        wake(desk, change.operation)
    close_unread(desk, ended)


def close_unread(desk: Desk, ended: Summary) -> None:
    """Move an operation that was written off from `open` to `journal`. Its sender is not told: who it was could not be read."""
    desk.operations.journal_unread(ended)
    desk.operations.forget(ended.id)


def finish(desk: Desk, stored: Stored, before: Operation, after: Operation, now: datetime) -> None:
    """Save the ended, current operation, pass the lease on, and close. Raises `Stale` if somebody saved first."""
    change = changed(before, after)

    def write(ending: Stored) -> Stored | None:
        successor, line = _successor(desk.operations, ending.head.line)
        if successor is None:
            return desk.operations.commit(ending, None, (change,))
        promoted = changed(successor, replace(successor, headed_at=now, updated_at=now), wake=True)
        return desk.operations.commit(ending, Head(current=promoted.operation, line=line), (change, promoted))

    saved = _whatever_joins(desk, stored, write)
    event("operation_ended", operation=after.id, cluster=after.cluster.key, status=after.status, code=after.failure and after.failure.code)
    if saved is not None:
        wake(desk, saved.head.current)
    close(desk, change.operation)


def amend(desk: Desk, before: Operation, after: Operation, now: datetime) -> Operation:
    """Save what became of an operation from outside its turns, wherever it is: current, in line or scheduled; close it if it ended.

    Its old wake-ups die; a current one that is to move is woken at once. Raises `Stale` if somebody saved first.
    """
    if before.scheduled:
        change = changed(before, after, wake=True)
        desk.operations.commit(None, None, (change,))
        if after.ended:
            close(desk, change.operation)
        elif not after.resting:
            wake(desk, change.operation)
        return change.operation
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
        finish(desk, stored, before, replace(after, wake=after.wake + 1), now)
        return after
    saved = save(desk, stored, before, after, wake=True)
    if not after.resting:
        wake(desk, saved.head.current)
    return saved.head.current


def enter(desk: Desk, operation: Operation, now: datetime) -> None:
    """Give an operation that has none its place, at its cluster's head or the end of its line. Raises `Stale` if somebody saved first."""
    stored = desk.operations.head(operation.partition)
    if stored is None:
        first = replace(operation, headed_at=operation.headed_at or now, scheduled=False, updated_at=now)
        again = changed(operation, first, wake=True)
        saved = desk.operations.commit(None, Head(current=again.operation), (again,))
        if saved is not None:
            wake(desk, saved.head.current)
        return
    again = changed(operation, replace(operation, headed_at=None, scheduled=False, updated_at=now), wake=True)
    line = (*stored.head.line, operation.id)
    desk.operations.commit(stored, replace(stored.head, line=line), (again,))


def close(desk: Desk, operation: Operation) -> None:
    """Tell the sender and move the ended operation from `open` to `journal`. Doing it again repeats only the reply."""
    announce(desk, operation, "ended")
    desk.operations.journal(operation)
    desk.operations.forget(operation.id)


def announce(desk: Desk, operation: Operation, what: str) -> None:
    """Reply to the sender of a request that came by queue and said where it wants answers."""
    origin = operation.origin
    if origin.reply_to is None:
        return
    failure = operation.failure
    message: dict[str, object] = {"event": what, "operation": operation.id, "status": operation.status, "cluster": str(operation.cluster)}
    if operation.plan is not None:
        message["because"] = operation.plan.because
    if origin.correlation is not None:
        message["correlation"] = origin.correlation
    if failure is not None:
        message |= {"code": failure.code, "detail": failure.message}
    desk.announcer.say(origin.reply_to, message)


def _whatever_joins(desk: Desk, stored: Stored, write: Callable[[Stored], _T]) -> _T:
    """What `write` makes of the head, though the line behind its operation changes meanwhile.

    Whoever joins or leaves the line replaces the head, and wakes nobody: a turn that gave up for that would leave its operation to the
    sweep. Raises `Stale` if the operation itself was saved by somebody else, who wakes it.
    """
    for _ in range(RACES):
        try:
            return write(stored)
        except Stale:
            again = desk.operations.head(stored.head.current.partition)
            if again is None or again.head.current != stored.head.current:
                raise
            stored = again
    raise Stale


def _successor(operations: Operations, line: tuple[str, ...]) -> tuple[Operation | None, tuple[str, ...]]:
    """The first of the line that is still open, and the rest. A row that was removed by hand, or cannot be read, is passed over."""
    for n, operation_id in enumerate(line):
        try:
            successor = operations.load(operation_id)
        except Unreadable:
            warning("operation_unreadable", operation=operation_id)
            continue
        if successor is not None and not successor.ended:
            return successor, line[n + 1 :]
    return None, ()

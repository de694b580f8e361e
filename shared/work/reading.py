"""Answers about operations and clusters that change nothing."""

from shared.model.answers import Glimpse, Taken, Told
from shared.model.clusters import ClusterRef
from shared.model.operations import Operation
from shared.ports import Clock, Operations
from shared.rules import naming, pace
from shared.rules.progress import fault, progress


def tell(operation_id: str, *, operations: Operations, clock: Clock, history: bool, looks: pace.Looks) -> Told | None:
    """The operation by its id, in one point read (two while it waits in line); None if there is none. `looks`: the figures that hold."""
    operation = operations.load(operation_id)
    if operation is None:
        return None
    position, holder = _place(operation, operations)
    return Told(
        operation=operation,
        position=position,
        progress=progress(operation, clock.now(), position=position, holder=holder, looks=looks),
        history=operations.history(operation_id) if history else None,
        holder=_behind(position, holder),
    )


def glimpse(operation_id: str, *, operations: Operations, clock: Clock, looks: pace.Looks) -> Glimpse | None:
    """What anybody may see of the operation who was given its link, at the same cost; None if there is none."""
    operation = operations.load(operation_id)
    if operation is None:
        return None
    position, holder = _place(operation, operations)
    return Glimpse(
        operation=operation,
        position=position,
        progress=progress(operation, clock.now(), position=position, holder=holder, looks=looks, plainly=True),
        fault=fault(operation),
    )


def told(taken: Taken, *, clock: Clock, looks: pace.Looks) -> Told:
    """An accepted operation as shown, without a read."""
    operation, position = taken.operation, None if taken.operation.ended else taken.position
    return Told(
        operation=operation,
        position=position,
        progress=progress(operation, clock.now(), position=position, holder=taken.holder, looks=looks),
        holder=_behind(position, taken.holder),
    )


def _behind(position: int | None, holder: Operation | None) -> str | None:
    return holder.id if holder is not None and position else None


def _place(operation: Operation, operations: Operations) -> tuple[int | None, Operation | None]:
    """An open operation's place in line, and the one that holds its cluster while it waits there."""
    if operation.ended:
        return None, None
    if operation.headed_at is not None or operation.scheduled:
        return 0, None
    stored = operations.head(operation.partition)
    return (None, None) if stored is None else (stored.head.position(operation.id), stored.head.current)


def holders(*, operations: Operations) -> dict[str, str]:
    """For each cluster with an open operation, by its partition: the id of the one that holds it. One read of what is open.

    First come, first served: the oldest open operation of a cluster is its current one.
    """
    found: dict[str, str] = {}
    for row in sorted(operations.open(), key=lambda row: row.since):
        found.setdefault(naming.partition(row.cluster), row.operation)
    return found


def current(ref: ClusterRef, *, operations: Operations) -> str | None:
    """The id of the operation that holds the cluster now."""
    stored = operations.head(naming.partition(ref))
    return None if stored is None else stored.head.current.id

"""Answers about operations and clusters that change nothing."""

from shared.model.answers import Told
from shared.model.clusters import ClusterRef
from shared.ports import Clock, Operations
from shared.rules import naming, pace


def tell(operation_id: str, *, operations: Operations, clock: Clock, history: bool) -> Told | None:
    """The operation by its id, in one point read (two while it waits in line); None if there is none."""
    operation = operations.load(operation_id)
    if operation is None:
        return None
    position: int | None = None if operation.ended else 0
    holder: str | None = None
    if not operation.ended and operation.headed_at is None and not operation.scheduled:
        stored = operations.head(operation.partition)
        position = stored.head.position(operation.id) if stored is not None else None
        holder = stored.head.current.id if stored is not None and position else None
    return Told(
        operation=operation,
        position=position,
        holder=holder,
        next_look_at=operation.not_before if operation.scheduled else pace.next_look(operation, clock.now()),
        history=operations.history(operation_id) if history else None,
    )


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

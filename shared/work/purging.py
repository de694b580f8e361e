"""Removing what has ended: one operation, the oldest that a person names, or by itself what is older than it is to be kept.

What goes: the operation, its history, its idempotency key and its row in the journal, in an order in which a removal that died half-way
is completed by the next: the journal's row, by which the old are found, goes last.
"""

from datetime import UTC, datetime, timedelta

from shared.log import event, warning
from shared.model.answers import Purged
from shared.model.clusters import ClusterRef
from shared.model.errors import Code, NewerSchema, Refusal, Unreadable
from shared.model.kept import JournalRow
from shared.model.listing import Query
from shared.model.operations import ENDED
from shared.ports import Clock, Letters, Operations

AT_ONCE = 50
"""How many operations one request removes at most: each costs storage about six calls, and nobody waits for more."""
A_RUN = 300
"""How many operations, and how many letters, one run of retention removes at most; it runs every hour."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def one(operation_id: str, *, by: str, operations: Operations) -> Purged | Refusal:
    """Remove one ended operation. Raises `CallFailed`: it may be half gone then, and asking again completes it."""
    operation = operations.load(operation_id)
    if operation is None:
        return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id}")
    if not operation.ended:
        message = f"operation {operation_id} is {operation.status}; only what has ended can be purged: cancel or force-close it first"
        return Refusal(code=Code.WRONG_STATE, message=message)
    operations.erase(JournalRow(operation=operation_id, ended_at=operation.updated_at), operation.key_name)
    event("operation_purged", operation=operation_id, cluster=operation.cluster.key, by=by)
    return Purged(removed=1)


def one_unread(operation_id: str, *, by: str, operations: Operations) -> Purged | Refusal:
    """Remove one ended operation whose work cannot be read; its idempotency key stays, and means nothing. Raises `CallFailed`."""
    wreck = operations.wreck(operation_id)
    if wreck is None:
        return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id}")
    if wreck.summary.status not in ENDED:
        message = f"operation {operation_id} is {wreck.summary.status} and cannot be read; force-close it first"
        return Refusal(code=Code.WRONG_STATE, message=message)
    operations.erase(JournalRow(operation=operation_id, ended_at=wreck.summary.updated_at), None)
    event("operation_purged", operation=operation_id, cluster=wreck.summary.cluster.key, by=by)
    return Purged(removed=1)


def many(until: datetime, cluster: ClusterRef | None, *, by: str, operations: Operations) -> Purged:
    """Remove up to `AT_ONCE` that ended by `until`, an older day first; of one cluster, those asked for by then. Raises `CallFailed`."""
    if cluster is None:
        rows = operations.ended_before(until, AT_ONCE + 1)
        more = len(rows) > AT_ONCE
    else:
        page = operations.page(Query(cluster=cluster, statuses=ENDED, since=BEGINNING, until=until, top=AT_ONCE))
        rows = tuple(JournalRow(operation=item.id, ended_at=item.updated_at) for item in page.items)
        more = page.continuation is not None
    removed = sum(_removed(row, operations) for row in rows[:AT_ONCE])
    event("operations_purged", removed=removed, until=until.isoformat(), cluster=cluster and cluster.key, by=by)
    return Purged(removed=removed, more=more)


def retain(days: int, *, operations: Operations, letters: Letters, clock: Clock) -> int:
    """Remove operations that ended, and letters that were filed, more than `days` days ago; 0: nothing. Answers how many went.

    A fault with one stops no other; all faults are raised together at the end. What newer code wrote is left to newer code.
    """
    if days == 0:
        return 0
    before = clock.now() - timedelta(days=days)
    faults: list[Exception] = []
    removed = 0
    for row in operations.ended_before(before, A_RUN):
        try:
            removed += _removed(row, operations)
        except NewerSchema:
            event("retention_left_newer", operation=row.operation)
        except Exception as fault:  # noqa: BLE001 - kept apart so that no operation suffers for another, and raised below
            warning("retention_fault", operation=row.operation, fault=type(fault).__name__)
            faults.append(fault)
    gone = letters.purge(before, A_RUN)
    event("retained", days=days, operations=removed, letters=gone, faults=len(faults))
    if faults:
        message = f"{len(faults)} old operations could not be removed"
        raise ExceptionGroup(message, faults)
    return removed + gone


def _removed(row: JournalRow, operations: Operations) -> int:
    try:
        operation = operations.load(row.operation)
    except NewerSchema:
        raise
    except Unreadable:
        # Its journal says that it ended. Its key stays, and means nothing from now on.
        operations.erase(row, None)
        return 1
    if operation is None:
        # An earlier removal died before its last step.
        operations.strike(row)
        return 1
    if not operation.ended:  # pragma: no cover - the journal has only ended ones
        raise ValueError(row.operation)
    operations.erase(row, operation.key_name)
    return 1

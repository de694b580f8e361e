"""Finding operations that nothing drives any more. Reads what is open, never what exists.

Every accepted operation has a row in `open` from before it exists until after it is journalled, so whatever died between two writes is met
here.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.log import event, warning
from shared.model.errors import Stale
from shared.model.operations import partition_of
from shared.ports import Clock, OpenRow
from shared.rules import engine
from shared.work.saving import Desk, amend, close, enter, finish, save, wake

QUIET = timedelta(minutes=15)
"""How long an operation may go unsaved before it is woken again, or closed if it has ended: whoever saved it last may still be at work.
Its old wake-ups die with the new number: never a second chain."""
ABANDONED = timedelta(days=1)
"""How long a row in `open` waits for its operation. Longer than any invocation lives (`functionTimeout` in host.json: five minutes), and
than a clock is wrong: an operation that is written after its row was taken away is missed by nobody; a row that stays costs a read."""


@dataclass(slots=True, kw_only=True)
class Swept:
    """What a sweep did, in numbers of operations."""

    seen: int = 0
    woken: int = 0
    closed: int = 0
    leased: int = 0
    forgotten: int = 0
    ended: int = 0


def sweep(*, desk: Desk, clock: Clock) -> Swept:
    """Look at every open row and repair what needs it. A fault with one stops no other; all faults are raised together at the end."""
    swept = Swept()
    faults: list[Exception] = []
    for row in desk.operations.open():
        swept.seen += 1
        try:
            _repair(row, swept, desk, clock.now())
        except Stale:
            event("sweep_found_life", operation=row.operation)
        except Exception as fault:  # noqa: BLE001 - kept apart so that no operation suffers for another, and raised below
            warning("sweep_fault", operation=row.operation, fault=type(fault).__name__)
            faults.append(fault)
    event(
        "swept", seen=swept.seen, woken=swept.woken, closed=swept.closed, leased=swept.leased, forgotten=swept.forgotten, ended=swept.ended
    )
    if faults:
        message = f"{len(faults)} of {swept.seen} open operations could not be swept"
        raise ExceptionGroup(message, faults)
    return swept


def _repair(row: OpenRow, swept: Swept, desk: Desk, now: datetime) -> None:
    operation = desk.operations.load(row.operation)
    if operation is None and now - row.since > ABANDONED:
        # Never written; or a person removed the copy, and the head, which decides, would hold its cluster for ever.
        stored = desk.operations.head(partition_of(row.operation))
        if stored is None or stored.head.current.id != row.operation:
            desk.operations.forget(row.operation)
            swept.forgotten += 1
            return
        operation = stored.head.current
    if operation is None:
        return
    lapsed = engine.lapsed(operation, now)
    if lapsed is not None:
        amend(desk, operation, lapsed, now)
        swept.ended += 1
        return
    if abs(now - operation.updated_at) <= QUIET:
        # One that was saved in hours to come was saved by a clock that is wrong, or this one is: it is not left alone for so long.
        return
    if operation.scheduled and not operation.ended:
        if operation.not_before is not None and now >= operation.not_before and not operation.resting:
            enter(desk, operation, now)
            swept.leased += 1
        return
    if operation.ended:
        close(desk, operation)
        swept.closed += 1
        return
    stored = desk.operations.head(operation.partition)
    if stored is None or stored.head.position(operation.id) is None:
        enter(desk, operation, now)
        swept.leased += 1
    elif stored.head.current.id == operation.id:
        stuck = engine.expired(operation, now)
        if stuck is not None:
            finish(desk, stored, operation, stuck, now)
            swept.ended += 1
        elif not operation.resting:
            saved = save(desk, stored, operation, replace(operation, updated_at=now), wake=True)
            wake(desk, saved.head.current)
            swept.woken += 1

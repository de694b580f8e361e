"""Moving an operation by one wake-up: load, ask the engine, do what needs no waiting, save, send the next wake-up.

One wake-up makes at most one ARM write. Save first, send second: a wake-up that is lost is found by the sweep.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.log import event
from shared.model.errors import CallFailed, Code, Failure, Refusal, Stale
from shared.model.operations import (
    Accepted,
    Attempt,
    Draw,
    Operation,
    Poll,
    Refused,
    Rest,
    Seen,
    Sighting,
    Sleep,
    StillRunning,
    Unseen,
    Verify,
    Wake,
)
from shared.model.plans import Abortable, Action
from shared.ports import Clock, Clusters, Stored
from shared.rules import engine, pace
from shared.rules.planning import AlreadySo, plan
from shared.work.braking import Brake, counted, holding
from shared.work.saving import Desk, amend, announce, close, enter, finish, save, wake
from shared.work.surveying import survey

CLAIM_LASTS = timedelta(minutes=2)
"""A worker that was paused for longer than this between what entitles it to a call (the brake's count and its claim; for an abort, Azure's
word that the step still runs) and the call does not call: by then another may have found the claim, or a person paused all acting."""

LONGEST_WAKE = timedelta(days=6)
"""How long a wake-up may be hidden; a message of Storage Queues lives for seven days. Longer waits go from one wake-up to the next."""


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One wake-up's work in progress: what is saved, what is not yet, and whether the one ARM write was made."""

    stored: Stored
    operation: Operation
    wrote: bool = False
    retry_after: timedelta | None = None

    @property
    def saved(self) -> Operation:
        return self.stored.head.current


def advance(message: Wake, *, clusters: Clusters, desk: Desk, brake: Brake, clock: Clock, looks: pace.Looks) -> None:
    """Take the operation as far as it goes without waiting. A stale or doubled wake-up changes nothing. `looks`: the figures that hold.

    Raises `Stale` if somebody saved first, and `CallFailed` where storage is away; in both cases nothing of this turn is lost that matters:
    what was claimed is found by the next wake-up, which looks before it acts.
    """
    stored = desk.operations.head(message.cluster_key)
    if stored is None or stored.head.current.id != message.operation:
        _not_current(message, stored, desk, clock.now())
        return
    if stored.head.current.wake != message.wake:
        event("wake_dropped", operation=message.operation, wake=message.wake, expected=stored.head.current.wake)
        return
    turn = _Turn(stored=stored, operation=stored.head.current)
    while _move(turn, clusters, desk, brake, clock):
        pass
    _conclude(turn, desk, clock.now(), looks)


def _move(turn: _Turn, clusters: Clusters, desk: Desk, brake: Brake, clock: Clock) -> bool:
    """Make one move; answer whether another may follow at once."""
    before, ref = turn.operation, turn.operation.cluster
    now = clock.now()
    lapsed = engine.lapsed(before, now)
    if lapsed is not None:
        turn.operation = lapsed
        return False
    match engine.next_move(before, now):
        case Rest() | Sleep():
            return False
        case Draw():
            turn.operation = _draw(before, clusters, now)
        case Poll() if turn.wrote:
            return False
        case Poll(handle=handle):
            try:
                sighting: Sighting = clusters.poll(handle)
            except CallFailed as failed:
                sighting = Refused(failure=failed.failure)
            if isinstance(sighting, StillRunning):
                turn.retry_after = sighting.retry_after
            elif isinstance(sighting, Refused):
                turn.retry_after = sighting.failure.retry_after
            turn.operation = engine.record(before, sighting, clock.now())
            target = engine.to_abort(before, sighting)
            if target is not None and clock.now() - now <= CLAIM_LASTS:
                _abort(turn, target, clusters, clock)
        case Verify(action=action):
            turn.operation = engine.record(before, _look(before, action, clusters, turn), clock.now())
        case Attempt(action=action):
            if turn.wrote:
                return False
            _attempt(turn, action, clusters, desk, brake, clock)
    if turn.operation != before:
        event("operation_moved", operation=before.id, cluster=ref.key, status=turn.operation.status, step=turn.operation.cursor)
    return engine.goes_on(before, turn.operation)


def _attempt(turn: _Turn, action: Action, clusters: Clusters, desk: Desk, brake: Brake, clock: Clock) -> None:
    before = turn.operation
    hold = holding(brake, clock) if engine.is_held(before) else None
    if hold is not None:
        turn.operation = engine.held(before, hold, clock.now())
        return
    looked = _look(before, action, clusters, turn)
    after = engine.record(before, looked, clock.now())
    entitled_at = clock.now()
    if engine.claimed(before, after):
        hold = counted(brake, clock)
        after = after if hold is None else engine.record(before, looked, clock.now(), hold=hold)
    turn.operation = after
    if not engine.claimed(before, after) or not isinstance(looked, Seen):
        return
    if before.started_at is None:
        announce(desk, after, "started")
    turn.stored = save(desk, turn.stored, turn.saved, after, wake=False)
    turn.operation = turn.saved
    turn.wrote = True
    if clock.now() - entitled_at > CLAIM_LASTS:
        event("claim_abandoned", operation=after.id, cluster=after.cluster.key)
        return
    event("step_submitted", operation=after.id, cluster=after.cluster.key, step=after.cursor, action=action.kind)
    try:
        sighting: Sighting = Accepted(handle=clusters.attempt(after.cluster, action, looked.sight))
    except CallFailed as failed:
        sighting = Refused(failure=failed.failure)
        event("step_refused", operation=after.id, cluster=after.cluster.key, step=after.cursor, code=failed.failure.code)
    turn.operation = engine.record(turn.operation, sighting, clock.now())


def _abort(turn: _Turn, target: Abortable, clusters: Clusters, clock: Clock) -> None:
    """Ask AKS to abort what was just seen to run. If the answer is lost, the next look asks again, if it still finds it running."""
    before = turn.operation
    refusal: Failure | None = None
    try:
        clusters.abort(before.cluster, target)
    except CallFailed as failed:
        refusal = failed.failure
    event("abort_asked", operation=before.id, cluster=before.cluster.key, step=before.cursor, refused=refusal and refusal.code)
    if refusal is None or not refusal.transient:
        turn.operation = engine.aborted(before, refusal, clock.now())


def _look(operation: Operation, action: Action, clusters: Clusters, turn: _Turn) -> Sighting:
    try:
        return Seen(sight=clusters.look(operation.cluster, action))
    except CallFailed as failed:
        turn.retry_after = failed.failure.retry_after
        return Unseen(failure=failed.failure)


def _draw(operation: Operation, clusters: Clusters, now: datetime) -> Operation:
    try:
        seen = survey(clusters, operation.cluster, operation.request)
    except CallFailed as failed:
        return engine.record(operation, Unseen(failure=failed.failure), now)
    drawn = plan(operation.request, operation.cluster, seen)
    match drawn:
        case Refusal():
            return engine.declined(operation, drawn, now)
        case AlreadySo():
            return engine.drawn(operation, drawn.plan, now, already_so=True)
        case _:
            return engine.drawn(operation, drawn, now, already_so=False)


def _conclude(turn: _Turn, desk: Desk, now: datetime, looks: pace.Looks) -> None:
    operation = turn.operation
    if operation.ended:
        finish(desk, turn.stored, turn.saved, operation, now)
        return
    if operation != turn.saved:
        calls = operation.attention is not None and operation.attention != turn.saved.attention
        turn.stored = save(desk, turn.stored, turn.saved, operation, wake=True)
        if calls:
            announce(desk, turn.saved, "needs_attention")
    look_at = pace.next_look(turn.saved, now, retry_after=turn.retry_after, looks=looks)
    if look_at is not None:
        wake(desk, turn.saved, delay=look_at - now)


def _not_current(message: Wake, stored: Stored | None, desk: Desk, now: datetime) -> None:
    """The wake-up's operation does not hold its cluster: it has ended and the turn that ended it may have died, or it is not its turn."""
    operation = desk.operations.load(message.operation)
    if operation is None:
        event("wake_orphaned", operation=message.operation)
        return
    if operation.scheduled and not operation.ended and message.wake == operation.wake:
        _not_yet(operation, desk, now)
        return
    if not operation.ended or message.wake != operation.wake:
        event("wake_dropped", operation=message.operation, wake=message.wake, expected=operation.wake)
        return
    if stored is not None and stored.head.current.updated_at == stored.head.current.headed_at:
        # The turn that ended it may have died before it woke the next. One that has moved since was woken, and needs no second chain.
        wake(desk, stored.head.current)
    close(desk, operation)


def _not_yet(operation: Operation, desk: Desk, now: datetime) -> None:
    """The wake-up of one that has no place yet: it is given one once its time has come, and is woken again then where it has not."""
    lapsed = engine.lapsed(operation, now)
    if lapsed is not None:
        amend(desk, operation, lapsed, now)
    elif operation.not_before is not None and now < operation.not_before:
        wake(desk, operation, delay=min(operation.not_before - now, LONGEST_WAKE))
    else:
        enter(desk, operation, now)


def poisoned(message: Wake, failure_id: str, *, desk: Desk, clock: Clock) -> None:
    """Mark the operation whose wake-up could not be processed, unless it has moved since. The sweep will wake it again."""
    stored = desk.operations.head(message.cluster_key)
    if stored is None or stored.head.current.id != message.operation or stored.head.current.wake != message.wake:
        return
    before = stored.head.current
    text = f"its wake-up {message.wake} failed five times; the logs say why under {failure_id}. It is woken again, and goes on if it can"
    after = engine.distressed(before, Failure(code=Code.POISONED, message=text), clock.now())
    try:
        save(desk, stored, before, after, wake=True)
    except Stale:
        return
    announce(desk, after, "needs_attention")

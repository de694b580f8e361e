"""Accepting a request: from a submission to a durable operation, or to a refusal that leaves nothing behind.

Order of writes: the idempotency key, the row in `open`, the cluster's transaction, the first wake-up. A crash between any two is repaired:
a key without its operation is taken over by the next request with that key, and the sweep meets the rest in `open`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.log import event
from shared.model.answers import Preview, Taken
from shared.model.errors import CallFailed, Code, Refusal, Stale
from shared.model.operations import ID_PREFIX, PARTITION_LENGTH, Head, Operation
from shared.model.plans import Plan
from shared.model.requests import Origin, Submission
from shared.ports import Clock, Clusters, Ids, Key, Operations, Stored
from shared.rules import admission, engine, naming
from shared.rules.planning import AlreadySo, plan
from shared.work.saving import Desk, announce, changed, close, wake
from shared.work.surveying import survey

RACES = 5
"""How often accepting tries again after somebody else changed the cluster's head meanwhile."""
COME_BACK = timedelta(seconds=5)
MOST_WAITING = 100
"""How many may wait behind a cluster's operation: the line is part of a row that must not outgrow its table."""
TRY_LATER = timedelta(minutes=1)


Drawn = Plan | AlreadySo | Refusal | None
"""What planning said at acceptance; None where it was not asked, because the plan is there already or is made by the first wake-up."""


def preview(submission: Submission, *, clusters: Clusters, operations: Operations, clock: Clock) -> Preview | Refusal:
    """The plan for a request as things stand, by the same code that would accept it, with no write. Raises `CallFailed`."""
    untimely = admission.untimely(submission, clock.now())
    if untimely is not None:
        return untimely
    drawn = _draw(submission, clusters)
    stored = operations.head(naming.partition(submission.cluster))
    if isinstance(drawn, Refusal) and (stored is None or drawn.final):
        return drawn
    findings: list[str] = []
    if isinstance(drawn, Refusal):
        findings.append(f"as things stand it is not possible: {drawn.message}")
    if stored is not None:
        findings.append(
            f"the cluster's open operation {stored.head.current.id} ({stored.head.current.request.action}) comes first, "
            f"and {len(stored.head.line)} more wait; this one would be planned when its turn comes"
        )
    if submission.not_before is not None and clock.now() < submission.not_before:
        findings.append(f"it would wait until {submission.not_before:%Y-%m-%d %H:%M:%S} UTC, and be planned then")
    already_so = isinstance(drawn, AlreadySo)
    found = drawn.plan if isinstance(drawn, AlreadySo) else drawn if isinstance(drawn, Plan) else None
    return Preview(plan=found, already_so=already_so, findings=tuple(findings))


def submit(submission: Submission, *, clusters: Clusters, desk: Desk, clock: Clock, ids: Ids) -> Taken | Refusal:
    """Accept the request, exactly once for its key, or say why not.

    On an idle cluster it is planned here and now; behind other operations it is planned when its turn comes. Raises `CallFailed` where
    Azure or storage is away: nothing was accepted then, and the same request with the same key may be sent again.
    """
    name = naming.key_name(submission.origin, submission.key) if submission.key is not None else None
    try:
        drawn = _draw(submission, clusters)
    except CallFailed:
        known = _known(desk, name, submission.digest)
        if known is None:
            raise
        return known
    untimely = admission.untimely(submission, clock.now())
    if untimely is not None:
        return _known(desk, name, submission.digest) or untimely
    partition = naming.partition(submission.cluster)
    stored: Stored | None = None
    if not isinstance(drawn, Plan):
        # Only then must the head be read first: what is refused or done already on an idle cluster may wait its turn on a busy one.
        known = _known(desk, name, submission.digest)
        if known is not None:
            return known
        if isinstance(drawn, Refusal) and drawn.final:
            return drawn
        stored = desk.operations.head(partition)
        if isinstance(drawn, Refusal) and stored is None:
            return drawn
    now = clock.now()
    operation = replace(_new(submission, partition, ids, now), key_name=name)
    if name is not None:
        bound = desk.operations.bind(name, Key(operation=operation.id, digest=submission.digest))
        if bound is not None:
            known = _meaning(desk, bound, submission.digest)
            if known is not None:
                return known
            operation = replace(operation, id=bound.operation)
    return _enter(operation, drawn, stored, desk=desk, now=now)


def retry(ended: Operation, origin: Origin, *, desk: Desk, clock: Clock, ids: Ids) -> Taken | Refusal:
    """A new operation that does what an ended one left undone, with the very targets that were planned then; or why there is none.

    An ended operation is retried once: asked again, the answer is the operation that the first retry made. Raises `CallFailed`.
    """
    plan_of_old = engine.undone(ended)
    if isinstance(plan_of_old, Refusal):
        return plan_of_old
    now = clock.now()
    again = Submission(request=ended.request, cluster=ended.cluster, origin=origin, digest=ended.id, reason=ended.reason)
    name = naming.retry_name(ended.id)
    operation = replace(_new(again, ended.partition, ids, now), retry_of=ended.id, key_name=name)
    if plan_of_old is not None:
        operation = engine.drawn(operation, plan_of_old, now, already_so=False)
    bound = desk.operations.bind(name, Key(operation=operation.id, digest=ended.id))
    if bound is not None:
        known = _meaning(desk, bound, ended.id)
        if known is not None:
            return known
        operation = replace(operation, id=bound.operation)
    return _enter(operation, None, None, desk=desk, now=now)


def _enter(operation: Operation, drawn: Drawn, stored: Stored | None, *, desk: Desk, now: datetime) -> Taken | Refusal:
    if stored is None and isinstance(drawn, AlreadySo) and not operation.scheduled:
        return _born_ended(engine.drawn(_headed(operation, now), drawn.plan, now, already_so=True), desk)
    desk.operations.intend(operation)
    if operation.scheduled:
        return _wait_for_its_time(operation, desk)
    for _ in range(RACES):
        try:
            taken = _lease(operation, drawn, desk, now) if stored is None else _join(operation, stored, desk)
        except Stale:
            stored = desk.operations.head(operation.partition)
            continue
        if isinstance(taken, Refusal):
            desk.operations.forget(operation.id)
            return taken
        event("operation_accepted", operation=operation.id, cluster=operation.cluster.key, action=operation.request.action,
              door=operation.origin.door, position=taken.position)  # fmt: skip
        return _answered(taken, desk)
    desk.operations.forget(operation.id)
    message = f"cluster {operation.cluster} is being asked for too much at once; send the request again"
    return Refusal(code=Code.BUSY_STORE, message=message, retry_after=COME_BACK)


def _lease(operation: Operation, drawn: Drawn, desk: Desk, now: datetime) -> Taken:
    # Without a plan, and where it was refused or done already when the cluster was busy, its first wake-up looks at it afresh.
    first = _headed(operation, now)
    if isinstance(drawn, Plan):
        first = engine.drawn(first, drawn, now, already_so=False)
    change = changed(None, first)
    desk.operations.commit(None, Head(current=change.operation), (change,))
    return Taken(operation=change.operation)


def _wait_for_its_time(operation: Operation, desk: Desk) -> Taken:
    """It takes no place at its cluster, so that others go on meanwhile. Its first wake-up comes at once and puts itself off."""
    change = changed(None, operation)
    try:
        desk.operations.commit(None, None, (change,))
    except Stale:
        own = desk.operations.load(operation.id)
        if own is None:
            raise
        return _replayed(own, desk)
    event("operation_scheduled", operation=operation.id, cluster=operation.cluster.key, action=operation.request.action)
    return _answered(Taken(operation=change.operation), desk)


def _join(operation: Operation, stored: Stored, desk: Desk) -> Taken | Refusal:
    position = stored.head.position(operation.id)
    if position is not None:
        # A retry of an accept that died half-way, or whose transaction was answered by silence.
        own = desk.operations.load(operation.id)
        return Taken(operation=own or operation, position=position, holder=stored.head.current, replayed=True)
    if len(stored.head.line) >= MOST_WAITING:
        message = f"{MOST_WAITING} operations wait for cluster {operation.cluster} already, and no more may; send the request later"
        return Refusal(code=Code.THROTTLED, message=message, retry_after=TRY_LATER)
    change = changed(None, operation)
    line = (*stored.head.line, operation.id)
    desk.operations.commit(stored, replace(stored.head, line=line), (change,))
    return Taken(operation=change.operation, position=len(line), holder=stored.head.current)


def _born_ended(operation: Operation, desk: Desk) -> Taken:
    change = changed(None, operation)
    desk.operations.intend(operation)
    try:
        desk.operations.commit(None, None, (change,))
    except Stale:
        # Another request with the same key wrote it a moment ago; what it left in `open` is the sweep's.
        own = desk.operations.load(operation.id)
        if own is None:
            raise
        return _replayed(own, desk)
    event("operation_born_ended", operation=operation.id, cluster=operation.cluster.key, action=operation.request.action)
    taken = _answered(Taken(operation=change.operation), desk)
    close(desk, change.operation)
    return taken


def _draw(submission: Submission, clusters: Clusters) -> Drawn:
    return plan(submission.request, submission.cluster, survey(clusters, submission.cluster, submission.request))


def _known(desk: Desk, name: str | None, digest: str) -> Taken | Refusal | None:
    bound = desk.operations.bound(name) if name is not None else None
    return None if bound is None else _meaning(desk, bound, digest)


def _meaning(desk: Desk, bound: Key, digest: str) -> Taken | Refusal | None:
    """What a key that is taken means for this body; None if its operation was never written, so that it may be written now."""
    if bound.digest != digest:
        message = "this idempotency key was used with another body; send the same body, or another key"
        return Refusal(code=Code.KEY_REUSED, message=message)
    operation = desk.operations.load(bound.operation)
    return None if operation is None else _replayed(operation, desk)


def _replayed(operation: Operation, desk: Desk) -> Taken:
    position, holder = 0, None
    if not operation.ended and operation.headed_at is None:
        stored = desk.operations.head(operation.partition)
        if stored is not None:
            position, holder = stored.head.position(operation.id) or 0, stored.head.current
    return _answered(Taken(operation=operation, position=position, holder=holder, replayed=True), desk)


def _answered(taken: Taken, desk: Desk) -> Taken:
    """See that an accepted operation's sender is told, and it is woken. A first wake-up that may never have been sent is sent again."""
    operation = taken.operation
    announce(desk, operation, "accepted")
    if not operation.ended and taken.position == 0 and operation.saves == 1:
        wake(desk, operation)
    return taken


def _new(submission: Submission, partition: str, ids: Ids, now: datetime) -> Operation:
    return Operation(
        id=f"{ID_PREFIX}{partition[:PARTITION_LENGTH]}-{naming.newest_first(now)}{ids.token()}",
        cluster=submission.cluster,
        request=submission.request,
        origin=submission.origin,
        reason=submission.reason,
        created_at=now,
        updated_at=now,
        not_before=submission.not_before,
        not_after=submission.not_after,
        scheduled=submission.not_before is not None and now < submission.not_before,
    )


def _headed(operation: Operation, now: datetime) -> Operation:
    return replace(operation, headed_at=now)

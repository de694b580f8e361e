"""What must hold after every simulated run: one function for each invariant of the engine, over the record of the run.

There is no I9: that what is restored is exactly what was remembered waits for the actions that put clusters to sleep.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from shared.model.operations import Done, Status, Waiting
from shared.model.plans import Action
from tests.simulation.record import Record, Sent

MOST_A_MINUTE = 60
"""Requests to Azure in one virtual minute about one cluster, with every worker at work on it."""
MOST_IN_ALL = 3000
MOST_IN_A_TURN = 40
"""Outside calls of one turn that is no sweep: the longest ends an operation and begins the next one's first step."""
CLAIM_AND_CALL = timedelta(minutes=2)
"""How long after a pause was answered a call may still begin that was counted before it."""
SOON = timedelta(minutes=90)
"""Within which what no fault touched has ended, with those before it in its line."""
SECRET = re.compile(r"Bearer |[?&]sig=|eyJ[\w-]+\.[\w-]+\.|AccountKey=|client-key-data")
ARM = frozenset({"management.azure.com"})


def i1_everything_ends(record: Record) -> Iterator[str]:
    """Every accepted operation ended, or waits for a person, within the time given."""
    yield from record.crashes
    if not record.rested:
        yield "it did not come to rest"
    for name in record.accepted:
        now = record.store.operations.get(name)
        if name not in record.erased and (now is None or not (now.ended or now.resting)):
            yield f"{name} is {now.status if now else 'lost'}"


def i2_one_call_in_flight(record: Record) -> Iterator[str]:
    """Nothing but an abort was applied while something of ours was under way on the cluster, or of others that a look had shown.

    What others begin after the look is for Azure to refuse; a deletion it lets overtake them, as that of a worker that slept just before.
    """
    ours = {sent.n for sent in record.sent}
    for sent in record.sent:
        seen = sent.in_flight is not None and (sent.in_flight in ours or sent.in_flight <= sent.looked)
        if sent.applied and seen and not (sent.aborts or sent.slept):
            yield f"{sent.method} {sent.path} while {sent.in_flight} was in flight"


def i3_no_second_effect(record: Record) -> Iterator[str]:
    """One turn asks once. Within one step a PUT is applied again byte for byte, or insists on what was seen since the first; anything else
    is applied again only where the first came to nothing.
    """
    for (turn, *_), times in Counter(record.tried).items():
        if times > 1:
            yield f"turn {turn} asked Azure twice"
    steps: dict[tuple[str, int | None], list[Sent]] = {}
    for sent in record.sent:
        if sent.applied and not sent.aborts:
            steps.setdefault(sent.step, []).append(sent)
    ended = {long.asked_by: long for long in record.long}
    for step, calls in steps.items():
        for first, again in pairwise(calls):
            long = ended.get(first.n)
            vain = first.others != again.others or (long is not None and (long.ended_at is None or long.outcome != "Succeeded"))
            if again.method == "PUT":
                afresh = again.guard is not None and again.guard != first.guard
                if again.digest != first.digest and not (vain or afresh):
                    yield f"{step} was put again, otherwise"
                if again.guard is None and "/managedclusters/" in again.path.lower():
                    yield f"{step} was put again without a guard"
            elif not vain and "/register" not in again.path:
                yield f"{step} applied twice: {again.method} {again.path}"


def i4_steps_in_order(record: Record) -> Iterator[str]:
    """No step begins before the one before it is done, and none that is done begins again."""
    done: dict[str, set[int]] = {}
    for operation in record.saves:
        now = {n for n, state in enumerate(operation.states) if isinstance(state, Done)}
        if not done.get(operation.id, set()) <= now:
            yield f"{operation.id} undid a step"
        done[operation.id] = now
        began = [n for n, state in enumerate(operation.states) if not isinstance(state, Waiting) and state.state != "skipped"]
        if any(set(range(n)) - now for n in began):
            yield f"{operation.id} began a step too early"


def i5_success_is_seen(record: Record) -> Iterator[str]:
    """What was called done was seen so; what failed says why."""
    yield from record.unmet
    for operation in record.store.operations.values():
        failure = operation.failure
        if operation.status is Status.FAILED and (failure is None or not failure.message):
            yield f"{operation.id} failed without a reason"


def i6_the_end_is_the_end(record: Record) -> Iterator[str]:
    """An ended operation is never saved again as another; its history has no gap."""
    ended: dict[str, Status] = {}
    for operation in record.saves:
        if ended.setdefault(operation.id, operation.status) != operation.status:
            yield f"{operation.id} went from {ended[operation.id]} to {operation.status}"
        if not operation.ended:
            del ended[operation.id]
    for operation in record.store.operations.values():
        if [event.n for event in record.store.history(operation.id)] != list(range(1, operation.saves + 1)):
            yield f"the history of {operation.id} has a gap"


def i7_the_lease_is_right(record: Record) -> Iterator[str]:
    """A cluster's head is held by one that has not ended, and everything that has not ended has its place."""
    placed = Counter(operation_id for stored in record.store.heads.values() for operation_id in (stored.head.current.id, *stored.head.line))
    for operation in record.store.operations.values():
        wanted = 0 if operation.ended or operation.scheduled else 1
        if placed[operation.id] != wanted:
            yield f"{operation.id} is {operation.status} and has {placed[operation.id]} places"


def i8_one_continuation(record: Record) -> Iterator[str]:
    """What moves has one message that will move it; at rest nothing has one, and what has not ended is in `open`, and only that."""
    yield from record.live
    yield from (f"{name} has a message at rest" for name in record.messages)
    for operation in record.store.operations.values():
        if operation.ended == (operation.id in record.store.opened):
            yield f"{operation.id} is {operation.status}; open: {operation.id in record.store.opened}"


def i10_one_for_a_key(record: Record) -> Iterator[str]:
    """A key has one operation at most; what was not removed is stored, and there is nothing else."""
    keys = Counter(operation.key_name for name, operation in record.accepted.items() if operation.key_name and name not in record.erased)
    yield from (f"{times} operations for the key {name}" for name, times in keys.items() if times > 1)
    if set(record.store.operations) != set(record.accepted) - record.erased:
        yield f"accepted {len(record.accepted)}, removed {len(record.erased)}, stored {len(record.store.operations)}"


def i11_claimed_first(record: Record) -> Iterator[str]:
    """Azure is asked for nothing that the store does not hold as begun, or as to be aborted; nor of what never began, nor while paused."""
    for sent in record.sent:
        current, what = sent.current, f"{sent.method} {sent.path}"
        if sent.aborts:
            asked = current is not None and current.cancelled_by is not None and current.cancelled_by.abort
            if not asked and not sent.slept:
                yield f"{what}, which nobody asked for"
            continue
        if sent.applied and (sent.claim is None or sent.action != _claimed(sent)):
            yield f"{what} without a claim"
        elif sent.applied and not sent.claimed and not _harmless(sent, record):
            yield f"{what}, whose step is over, and nothing guards it"
        for pause in record.pauses:
            if (
                sent.at > pause.since + CLAIM_AND_CALL
                and (pause.until is None or sent.at < pause.until)
                and not (sent.jumped or sent.slept)
            ):
                yield f"{what} at {sent.at}, paused since {pause.since}"
    began = {sent.step[0] for sent in record.sent if not sent.aborts}
    for operation in record.store.operations.values():
        if operation.ended and operation.started_at is None and operation.id in began:
            yield f"{operation.id} never began, and Azure was asked"


def _claimed(sent: Sent) -> Action | None:
    """What the step is to do that its worker claimed."""
    if sent.claim is None or sent.claim[0].plan is None:
        return None
    return sent.claim[0].plan.steps[sent.claim[1]].action


def _harmless(sent: Sent, record: Record) -> bool:
    """Whether a call that comes late has no effect of its own: it insists on what it saw, or repeats what was applied.

    AKS takes no etag with a stop or a start. So one whose worker slept just before it may come when it is not wanted any more; that is what
    docs/reliability.md does not promise.
    """
    if sent.guard is not None or (sent.slept and sent.path.rpartition("/")[2] in {"stop", "start"}):
        return True
    return any(other.digest == sent.digest and other.path == sent.path for other in record.sent if other.applied and other.n < sent.n)


def i12_calls_are_bounded(record: Record) -> Iterator[str]:
    """No hot loop: so many requests a minute, a turn and in all; and none that AKS's own limits refused."""
    minutes = Counter((at.replace(second=0, microsecond=0), cluster) for at, cluster in record.asked)
    yield from (f"{calls} calls in the minute of {at}" for (at, _), calls in minutes.items() if calls > MOST_A_MINUTE)
    yield from (f"{calls} calls in turn {turn}" for turn, calls in record.calls.items() if calls > MOST_IN_A_TURN)
    yield from (f"throttled: {what}" for what in record.throttled)
    if len(record.asked) > MOST_IN_ALL:
        yield f"{len(record.asked)} calls"


def i13_nobody_else_suffers(record: Record) -> Iterator[str]:
    """What no fault touched succeeded, or was cancelled as asked, and was not kept waiting."""
    paused = sum((pause.until - pause.since for pause in record.stood if pause.until is not None), timedelta(0))
    for name, operation in record.accepted.items():
        if operation.cluster.key not in record.untouched or name in record.erased:
            continue
        now = record.store.operations.get(name, operation)
        if now.status not in {Status.SUCCEEDED, Status.CANCELLED}:
            yield f"{name} is {now.status}"
        if record.took.get(name, timedelta(0)) > SOON + paused:
            yield f"{name} took {record.took[name]}"


def i14_no_secret_is_told(record: Record) -> Iterator[str]:
    """No row, message, letter, reply or line of the log holds a secret, and nobody but ARM is asked."""
    texts = [repr(record.saves), repr(record.store.events), *record.said]
    yield from (f"{found[0]!r} was told" for found in map(SECRET.search, texts) if found)
    yield from (f"{host} was asked" for host in record.hosts - ARM)


def told_to_the_sender(record: Record) -> Iterator[str]:
    """Who asked by queue heard of the end."""
    said = set(record.replies)
    for operation in record.store.operations.values():
        if operation.origin.reply_to is not None and operation.ended and ("ended", operation.id) not in said:
            yield f"nobody heard that {operation.id} ended"


INVARIANTS = (
    i1_everything_ends,
    i2_one_call_in_flight,
    i3_no_second_effect,
    i4_steps_in_order,
    i5_success_is_seen,
    i6_the_end_is_the_end,
    i7_the_lease_is_right,
    i8_one_continuation,
    i10_one_for_a_key,
    i11_claimed_first,
    i12_calls_are_bounded,
    i13_nobody_else_suffers,
    i14_no_secret_is_told,
    told_to_the_sender,
)


def broken(record: Record) -> list[str]:
    """Every breach, each after the name of its invariant."""
    return [f"{invariant.__name__}: {breach}" for invariant in INVARIANTS for breach in invariant(record)]

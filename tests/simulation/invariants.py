"""What must hold after every simulated run: one function for each invariant of the engine, over the record of the run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.memory import MemoryOperations
from shared.model.operations import Done, Operation, Starting, Status, Waiting
from shared.model.plans import Action

MOST_A_MINUTE = 60
"""Calls to Azure in one virtual minute by one cluster's operations, with every worker at work on them."""
MOST_CALLS = 1500
SECRETS = ("Bearer ", "sig=", "eyJhbGciOi", "AccountKey=", "client-key-data")
"""A token by its first words: three letters of it are in a signed status URL once in some thousand runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call that changed something in Azure, and what the store said of its operation at that moment."""

    cluster: str
    action: Action
    effect: tuple[str, str, str]
    in_flight: bool
    current: Operation | None


@dataclass(slots=True, kw_only=True)
class Record:
    """All that was seen of a run."""

    store: MemoryOperations
    accepted: list[Operation] = field(default_factory=list)
    saves: list[Operation] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    asked: list[tuple[datetime, str]] = field(default_factory=list)
    tried: list[tuple[int, str]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    untouched: frozenset[str] = frozenset()
    rested_after: timedelta | None = timedelta(0)


def i1_everything_ends(record: Record) -> Iterator[str]:
    """Every accepted operation ended, or waits for a person, within the time given."""
    yield from record.crashes
    if record.rested_after is None:
        yield "it did not come to rest"
    for operation in record.accepted:
        now = record.store.operations.get(operation.id)
        if now is None or not (now.ended or now.resting):
            yield f"{operation.id} is {now.status if now else 'lost'}"


def i2_one_call_in_flight(record: Record) -> Iterator[str]:
    """Nothing was applied while something else was under way on the cluster."""
    yield from (f"{sent.effect} while another was in flight" for sent in record.sent if sent.in_flight)


def i3_no_second_effect(record: Record) -> Iterator[str]:
    """One turn asks once, and within one step only an identical PUT is applied twice."""
    yield from (f"turn {turn} asked Azure twice" for turn, times in Counter(turn for turn, _ in record.tried).items() if times > 1)
    steps: dict[tuple[str, int | None], list[tuple[str, str, str]]] = {}
    for sent in record.sent:
        if sent.current is not None:
            steps.setdefault((sent.current.id, sent.current.cursor), []).append(sent.effect)
    for step, effects in steps.items():
        doubled = [
            effect for effect, times in Counter(effects).items() if times > 1 and effect[0] != "PUT" and "/register" not in effect[1]
        ]
        if doubled:
            yield f"{step} applied twice: {doubled}"


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
    """What was called done was so in Azure; what failed says why."""
    yield from record.unmet
    for operation in record.store.operations.values():
        if operation.status is Status.FAILED and operation.failure is None:
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
    """At rest nothing that ended is open or has a message; what has not ended is open."""
    for operation in record.store.operations.values():
        if operation.ended == (operation.id in record.store.opened):
            yield f"{operation.id} is {operation.status}; open: {operation.id in record.store.opened}"
        if operation.ended and operation.id in record.messages:
            yield f"{operation.id} ended and has a message"


def i10_one_for_a_key(record: Record) -> Iterator[str]:
    """There are no operations but those that were accepted, and none was accepted for two keys."""
    ids = [operation.id for operation in record.accepted]
    if len(set(ids)) != len(ids) or set(record.store.operations) - set(ids):
        yield f"accepted {len(ids)}, stored {len(record.store.operations)}"


def i11_claimed_first(record: Record) -> Iterator[str]:
    """Nothing is applied in Azure that the store did not hold as begun."""
    for sent in record.sent:
        current, cursor = sent.current, sent.current.cursor if sent.current is not None else None
        if current is None or current.plan is None or cursor is None:
            yield f"{sent.effect} without a claim"
        elif current.plan.steps[cursor].action != sent.action or not isinstance(current.states[cursor], Starting):
            yield f"{sent.effect} while {current.id} was {current.states[cursor].state}"


def i12_calls_are_bounded(record: Record) -> Iterator[str]:
    """No hot loop: so many calls a minute, and so many in all."""
    minutes = Counter((at.replace(second=0, microsecond=0), cluster) for at, cluster in record.asked)
    yield from (f"{calls} calls in the minute of {at}" for at, calls in minutes.items() if calls > MOST_A_MINUTE)
    if len(record.asked) > MOST_CALLS:
        yield f"{len(record.asked)} calls"


def i13_nobody_else_suffers(record: Record) -> Iterator[str]:
    """What no fault touched succeeded, or was cancelled as asked."""
    for operation in record.accepted:
        now = record.store.operations.get(operation.id, operation)
        if operation.cluster.key in record.untouched and now.status not in {Status.SUCCEEDED, Status.CANCELLED}:
            yield f"{operation.id} is {now.status}"


def i14_no_secret_is_told(record: Record) -> Iterator[str]:
    """No row and no reply holds a secret."""
    texts = [repr(record.saves), repr(record.store.events), *record.said]
    yield from (f"{secret!r} was told" for secret in SECRETS if any(secret in text for text in texts))


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
)


def broken(record: Record) -> list[str]:
    """Every breach, each after the name of its invariant."""
    return [f"{invariant.__name__}: {breach}" for invariant in INVARIANTS for breach in invariant(record)]

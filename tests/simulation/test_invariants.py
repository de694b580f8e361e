"""Each invariant goes red on a record that breaks it, and only then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.memory import MemoryOperations
from shared.model.operations import Done, Event, Head, Starting, Waiting
from shared.model.plans import ScalePool
from shared.ports import Stored
from tests.builders import NOON, QUEUE, an_operation
from tests.simulation.invariants import INVARIANTS, MOST_A_MINUTE, broken
from tests.simulation.record import Paused, Record, Sent

ACTION = ScalePool(pool="user", to=5)
OPEN = an_operation(ACTION, started_at=NOON)
CLAIMED = replace(OPEN, states=(Starting(since=NOON, tries=1, claimed_at=NOON),))
DONE = replace(OPEN, states=(Done(since=NOON, ended_at=NOON),))
SENT = Sent(
    n=1,
    at=NOON,
    turn=1,
    cluster=OPEN.cluster.key,
    action=ACTION,
    method="PUT",
    path="/managedClusters/web/agentPools/user",
    digest="1",
    guard="etag-1",
    applied=True,
    in_flight=None,
    others=0,
    jumped=False,
    slept=False,
    looked=0,
    claim=(CLAIMED, 0),
    current=CLAIMED,
)


def _good() -> Record:
    """One operation that was accepted, claimed, sent and done."""
    store = MemoryOperations()
    store.operations[DONE.id] = DONE
    store.events[DONE.id] = {1: Event(n=1, at=NOON, text="done")}
    return Record(
        store=store, accepted={OPEN.id: OPEN}, saves=[OPEN, CLAIMED, DONE], sent=[SENT], tried=[(1, OPEN.id, 0)], asked=[(NOON, "web")]
    )


def _never_rests(record: Record) -> None:
    record.rested = False


def _crashed(record: Record) -> None:
    record.crashes.append("KeyError")


def _lost(record: Record) -> None:
    record.store.operations.clear()


def _in_flight(record: Record) -> None:
    record.sent[0] = replace(SENT, in_flight=1)


def _seen_in_flight(record: Record) -> None:
    record.sent[0] = replace(SENT, n=9, in_flight=7, looked=8)


def _doubled(record: Record) -> None:
    record.sent = [replace(SENT, method="POST", path="/managedClusters/web/stop", n=n) for n in (1, 2)]


def _put_otherwise(record: Record) -> None:
    record.sent.append(replace(SENT, n=2, digest="another"))


def _put_unguarded(record: Record) -> None:
    record.sent.append(replace(SENT, n=2, guard=None))


def _asked_twice(record: Record) -> None:
    record.tried *= 2


def _too_early(record: Record) -> None:
    early = an_operation(ACTION, ACTION, states=(Waiting(), *CLAIMED.states))
    record.saves.insert(0, early)


def _untrue(record: Record) -> None:
    record.unmet.append("called done, and was not")


def _revived(record: Record) -> None:
    record.saves.append(CLAIMED)


def _gap(record: Record) -> None:
    del record.store.events[DONE.id][1]


def _kept(record: Record) -> None:
    record.store.heads[DONE.partition] = Stored(head=Head(current=DONE), etag="1")


def _left_open(record: Record) -> None:
    record.store.intend(DONE)


def _message_left(record: Record) -> None:
    record.messages.append(DONE.id)


def _two_chains(record: Record) -> None:
    record.live.append("it has 2 messages")


def _two_for_a_key(record: Record) -> None:
    record.accepted |= {name: replace(OPEN, id=name, key_name="k") for name in ("one", "two")}


def _nobodys(record: Record) -> None:
    other = f"op-{'a' * 16}-000000002"
    record.store.operations[other] = replace(DONE, id=other)


def _unclaimed(record: Record) -> None:
    record.sent[0] = replace(SENT, claim=None)


def _claimed_by_another(record: Record) -> None:
    record.sent[0] = replace(SENT, current=DONE, guard=None)


def _never_began(record: Record) -> None:
    record.store.operations[DONE.id] = replace(DONE, started_at=None)


def _paused(record: Record) -> None:
    record.pauses.append(Paused(since=NOON - timedelta(minutes=3)))


def _aborted(record: Record) -> None:
    record.sent.append(replace(SENT, n=2, method="POST", path="/managedClusters/web/abort"))


def _hot(record: Record) -> None:
    record.asked *= MOST_A_MINUTE + 1


def _lasting(record: Record) -> None:
    record.asked = [(NOON + timedelta(minutes=n), "web") for n in range(4000)]


def _long_turn(record: Record) -> None:
    record.calls[1] = 1000


def _throttled(record: Record) -> None:
    record.throttled.append("PUT /pool")


def _suffering(record: Record) -> None:
    record.store.operations[OPEN.id] = CLAIMED
    record.untouched = frozenset({OPEN.cluster.key})


def _kept_waiting(record: Record) -> None:
    record.took[OPEN.id] = timedelta(hours=3)
    record.untouched = frozenset({OPEN.cluster.key})


def _told(record: Record) -> None:
    record.said.append("Authorization: Bearer abc")


def _elsewhere(record: Record) -> None:
    record.hosts.add("example.com")


def _silent(record: Record) -> None:
    record.store.operations[DONE.id] = replace(DONE, origin=QUEUE)


BAD: list[tuple[str, Callable[[Record], None]]] = [
    ("i1", _never_rests),
    ("i1", _crashed),
    ("i1", _lost),
    ("i2", _in_flight),
    ("i2", _seen_in_flight),
    ("i3", _doubled),
    ("i3", _put_otherwise),
    ("i3", _put_unguarded),
    ("i3", _asked_twice),
    ("i4", _too_early),
    ("i5", _untrue),
    ("i6", _revived),
    ("i6", _gap),
    ("i7", _kept),
    ("i8", _left_open),
    ("i8", _message_left),
    ("i8", _two_chains),
    ("i10", _two_for_a_key),
    ("i10", _nobodys),
    ("i11", _unclaimed),
    ("i11", _claimed_by_another),
    ("i11", _never_began),
    ("i11", _paused),
    ("i11", _aborted),
    ("i12", _hot),
    ("i12", _lasting),
    ("i12", _long_turn),
    ("i12", _throttled),
    ("i13", _suffering),
    ("i13", _kept_waiting),
    ("i14", _told),
    ("i14", _elsewhere),
    ("told", _silent),
]


def test_a_good_record_breaks_nothing() -> None:
    assert broken(_good()) == []


@pytest.mark.parametrize(("name", "spoil"), BAD)
def test_a_bad_record_breaks_its_invariant(name: str, spoil: Callable[[Record], None]) -> None:
    record = _good()
    spoil(record)
    assert any(breach.startswith(f"{name}_") for breach in broken(record))


def test_every_invariant_has_a_bad_record() -> None:
    assert {invariant.__name__.partition("_")[0] for invariant in INVARIANTS} == {name for name, _ in BAD}

"""Each invariant goes red on a record that breaks it, and only then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.memory import MemoryOperations
from shared.model.operations import Done, Event, Head, Operation, Starting, Waiting
from shared.model.plans import ScalePool
from shared.ports import Stored
from tests.builders import NOON, an_operation
from tests.simulation.invariants import INVARIANTS, MOST_A_MINUTE, Record, Sent, broken

ACTION = ScalePool(pool="user", to=5)
OPEN = an_operation(ACTION)
CLAIMED = replace(OPEN, states=(Starting(since=NOON, tries=1, claimed_at=NOON),))
DONE = replace(OPEN, states=(Done(since=NOON, ended_at=NOON),))
SENT = Sent(cluster=OPEN.cluster.key, action=ACTION, effect=("PUT", "/pool", "1"), in_flight=False, current=CLAIMED)


def _good() -> Record:
    """One operation that was accepted, claimed, sent and done."""
    store = MemoryOperations()
    store.operations[DONE.id] = DONE
    store.events[DONE.id] = {1: Event(n=1, at=NOON, text="done")}
    return Record(store=store, accepted=[OPEN], saves=[OPEN, CLAIMED, DONE], sent=[SENT], tried=[(1, OPEN.id)], asked=[(NOON, "web")])


def _never_rests(record: Record) -> None:
    record.rested_after = None


def _in_flight(record: Record) -> None:
    record.sent[0] = replace(SENT, in_flight=True)


def _doubled(record: Record) -> None:
    record.sent = [replace(SENT, effect=("POST", "/stop", "1"))] * 2


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


def _two_for_a_key(record: Record) -> None:
    record.accepted.append(OPEN)


def _unclaimed(record: Record) -> None:
    record.sent[0] = replace(SENT, current=OPEN)


def _nobodys(record: Record) -> None:
    record.sent[0] = replace(SENT, current=None)


def _hot(record: Record) -> None:
    record.asked *= MOST_A_MINUTE + 1


def _lasting(record: Record) -> None:
    record.asked = [(NOON + timedelta(minutes=n), "web") for n in range(2000)]


def _suffering(record: Record) -> None:
    record.store.operations[OPEN.id] = CLAIMED
    record.untouched = frozenset({OPEN.cluster.key})


def _told(record: Record) -> None:
    record.said.append("Authorization: Bearer abc")


BAD: list[tuple[str, Callable[[Record], None]]] = [
    ("i1", _never_rests),
    ("i2", _in_flight),
    ("i3", _doubled),
    ("i3", _asked_twice),
    ("i4", _too_early),
    ("i5", _untrue),
    ("i6", _revived),
    ("i6", _gap),
    ("i7", _kept),
    ("i8", _left_open),
    ("i8", _message_left),
    ("i10", _two_for_a_key),
    ("i11", _unclaimed),
    ("i11", _nobodys),
    ("i12", _hot),
    ("i12", _lasting),
    ("i13", _suffering),
    ("i14", _told),
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


def test_the_record_of_an_operation_that_was_lost_is_bad() -> None:
    record = _good()
    record.store.operations.clear()
    lost: list[Operation] = record.accepted
    assert any(lost[0].id in breach for breach in broken(record))

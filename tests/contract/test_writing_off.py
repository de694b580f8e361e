"""The `Operations` port: an operation whose work cannot be read can still be told of, ended and taken out of its cluster's way."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from local.memory import MemoryOperations
from shared.adapters.operations import TableOperations
from shared.adapters.tables import Tables
from shared.model.errors import Code, NewerSchema, Stale, Unreadable
from shared.model.kept import JournalRow
from shared.model.listing import Summary
from shared.model.operations import Event, Head, Operation, Status
from shared.ports import Operations
from tests.builders import NOON
from tests.contract.storing import MINUTE, a_noon, a_ref, all_pages, begun, change, items_of, one, query_of, saved_again, waiting

LATER = NOON + MINUTE
CLOSED = "closed unread by ann"
DAMAGE: dict[str, dict[str, object]] = {
    "half a text": {"state_0": '{"id": "op-'},
    "no text": {"state_0": ""},
    "another shape": {"state_0": '["a", {"line": 7}]'},
    "of newer code": {"schema": 99},
    "no number": {"schema": "one"},
}

Spoil = Callable[[Operation], None]


@pytest.fixture
def spoil(operations: Operations, tables: Tables) -> Spoil:
    """Damages an operation where it is stored, and the head that holds it."""

    def damage(operation: Operation) -> None:
        if isinstance(operations, MemoryOperations):
            operations.damaged.add(operation.id)
            return
        stored = operations.head(operation.partition)
        held = stored is not None and stored.head.current.id == operation.id
        for row in (f"op {operation.id}", *(["head"] if held else [])):
            tables.table("clusters").update_entity({"PartitionKey": operation.partition, "RowKey": row, **DAMAGE["half a text"]})

    return damage


def ended(operations: Operations, operation: Operation) -> Summary:
    """What is left of an operation that is written off."""
    wreck = operations.wreck(operation.id)
    assert wreck is not None
    return replace(wreck.summary, status=Status.FAILED, code=Code.FORCE_CLOSED, updated_at=LATER)


def test_a_damaged_one_cannot_be_read_and_is_told_of_all_the_same(operations: Operations, spoil: Spoil) -> None:
    operation = one(a_ref(), NOON)
    begun(operations, operation, "op-next", "op-after")
    spoil(operation)
    with pytest.raises(Unreadable):
        operations.load(operation.id)
    with pytest.raises(Unreadable):
        operations.head(operation.partition)
    wreck = operations.wreck(operation.id)
    assert wreck is not None
    assert (wreck.summary.id, wreck.summary.cluster, wreck.summary.action) == (operation.id, operation.cluster, "scale")
    assert (wreck.summary.status, wreck.events) == (operation.status, 1)


def test_one_that_is_not_there_has_no_wreck(operations: Operations) -> None:
    assert operations.wreck(one(a_ref(), NOON).id) is None
    with pytest.raises(ValueError, match="not the id"):
        operations.wreck("nonsense")


def test_the_head_goes_with_the_one_that_holds_it_and_its_history_says_how_it_ended(operations: Operations, spoil: Spoil) -> None:
    operation = one(a_ref(), NOON)
    begun(operations, operation)
    spoil(operation)
    wreck = operations.wreck(operation.id)
    assert wreck is not None
    assert wreck.behind == ()
    operations.write_off(wreck, ended(operations, operation), Event(n=2, at=LATER, text=CLOSED), None, ())
    assert operations.head(operation.partition) is None
    assert [event.text for event in operations.history(operation.id)] == ["told", CLOSED]
    after = operations.wreck(operation.id)
    assert after is not None
    assert (after.summary.status, after.summary.code, after.summary.updated_at) == (Status.FAILED, Code.FORCE_CLOSED, LATER)
    assert (after.head_etag, after.behind, after.events) == (None, None, 2)


def test_the_next_in_line_takes_over_in_the_same_transaction(operations: Operations, spoil: Spoil) -> None:
    ref = a_ref()
    first, second = one(ref, NOON), waiting(one(ref, LATER))
    stored = begun(operations, first)
    operations.commit(stored, Head(current=first, line=(second.id,)), (change(second),))
    spoil(first)
    wreck = operations.wreck(first.id)
    assert wreck is not None
    promoted = saved_again(replace(second, headed_at=LATER))
    operations.write_off(wreck, ended(operations, first), Event(n=2, at=LATER, text=CLOSED), Head(current=promoted.operation), (promoted,))
    held = operations.head(first.partition)
    assert held is not None
    assert held.head == Head(current=promoted.operation)
    assert operations.load(second.id) == promoted.operation


def test_one_in_line_leaves_the_holder_alone(operations: Operations, spoil: Spoil) -> None:
    ref = a_ref()
    first, second = one(ref, NOON), waiting(one(ref, LATER))
    stored = begun(operations, first)
    operations.commit(stored, Head(current=first, line=(second.id,)), (change(second),))
    spoil(second)
    wreck = operations.wreck(second.id)
    assert wreck is not None
    assert wreck.behind is None
    operations.write_off(wreck, ended(operations, second), Event(n=2, at=LATER, text=CLOSED), Head(current=first), ())
    held = operations.head(first.partition)
    assert held is not None
    assert held.head == Head(current=first)


def test_nothing_is_written_where_row_or_head_changed_meanwhile(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    wreck = operations.wreck(operation.id)
    assert wreck is not None
    again = saved_again(operation)
    operations.commit(stored, Head(current=again.operation), (again,))
    with pytest.raises(Stale):
        operations.write_off(wreck, ended(operations, operation), Event(n=2, at=LATER, text=CLOSED), None, ())
    assert operations.load(operation.id) == again.operation
    assert [event.text for event in operations.history(operation.id)] == ["told", "told"]


def test_a_list_shows_it_among_the_others_before_and_after(operations: Operations, spoil: Spoil) -> None:
    at = a_noon()
    damaged, other = one(a_ref(), at), one(a_ref(), at + MINUTE)
    for operation in (damaged, other):
        operations.intend(operation)
        begun(operations, operation)
    spoil(damaged)
    assert [item.id for item in items_of(all_pages(operations, query_of(at)))] == [other.id, damaged.id]
    wreck = operations.wreck(damaged.id)
    assert wreck is not None
    gone = replace(ended(operations, damaged), updated_at=at + MINUTE)
    operations.write_off(wreck, gone, Event(n=2, at=at + MINUTE, text=CLOSED), None, ())
    between = {item.id: item.status for item in items_of(all_pages(operations, query_of(at)))}
    assert between == {other.id: Status.RUNNING, damaged.id: Status.FAILED}
    operations.journal_unread(gone)
    operations.forget(damaged.id)
    assert {item.id: item.status for item in items_of(all_pages(operations, query_of(at)))} == between
    assert [item.code for item in items_of(all_pages(operations, query_of(at, cluster=damaged.cluster)))] == [Code.FORCE_CLOSED]


def test_it_can_be_erased(operations: Operations, spoil: Spoil) -> None:
    operation = one(a_ref(), NOON)
    begun(operations, operation)
    spoil(operation)
    operations.erase(JournalRow(operation=operation.id, ended_at=LATER), None)
    assert (operations.load(operation.id), operations.history(operation.id)) == (None, ())


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_whatever_is_wrong_with_a_row_it_is_unreadable_and_no_other_fault(
    stored: TableOperations, tables: Tables, damage: dict[str, object]
) -> None:
    operation = one(a_ref(), NOON)
    begun(stored, operation, "op-next")
    for row in ("head", f"op {operation.id}"):
        tables.table("clusters").update_entity({"PartitionKey": operation.partition, "RowKey": row, **damage})
    for read in (lambda: stored.load(operation.id), lambda: stored.head(operation.partition)):
        with pytest.raises(NewerSchema if damage.get("schema") == 99 else Unreadable) as fault:
            read()
        assert "op-next" not in str(fault.value)
    wreck = stored.wreck(operation.id)
    assert wreck is not None
    assert wreck.behind == (("op-next",) if "schema" in damage else ())
    stored.write_off(wreck, ended(stored, operation), Event(n=2, at=LATER, text=CLOSED), None, ())
    assert stored.head(operation.partition) is None

"""The `Operations` and `Letters` ports: what has ended can be removed whole, and is found by the day it ended."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest

from local.memory import MemoryLetters
from shared.adapters.letters import TableLetters
from shared.adapters.operations import TableOperations
from shared.adapters.tables import Tables
from shared.model.errors import CallFailed
from shared.model.kept import JournalRow
from shared.model.letters import Letter, letter_id
from shared.model.operations import Event, Operation
from shared.ports import Change, Key, Letters, Operations
from tests.contract.storing import MINUTE, a_ref, begun, ended, one, raced, saved_again
from tests.contract.tapping import Breaking, Tap

DAY = timedelta(days=1)
_months: Iterator[int] = count()


@pytest.fixture(autouse=True)
def _nothing_older(tables: Tables) -> None:
    """What other tests left of times before those of these tests goes: here the oldest comes first."""
    latest = datetime(1986, 1, 1, tzinfo=UTC)
    store, letters = TableOperations(tables), TableLetters(tables, lambda: pytest.fail("nothing is sent here"))
    for row in store.ended_before(latest, 1000):
        store.strike(row)
    while letters.purge(latest, 100):
        pass


def an_older_noon() -> datetime:
    """Noon of a day before all that any test used so far: what is removed is found from the oldest day on."""
    return datetime(1985, 1, 1, 12, tzinfo=UTC) - timedelta(days=28 * next(_months))


def done(operations: Operations, at: datetime, *, key: str | None = None, number: str = "00000001") -> Operation:
    """An operation that ended at an instant, as its life leaves it: two history rows, journalled, not open."""
    operation = one(a_ref(), at - MINUTE, number, key_name=key)
    if key is not None:
        operations.bind(key, Key(operation=operation.id, digest="d"))
    operations.intend(operation)
    stored = begun(operations, operation)
    change = saved_again(ended(operation))
    operations.commit(stored, None, (replace(change, operation=replace(change.operation, updated_at=at)),))
    operations.journal(replace(change.operation, updated_at=at))
    operations.forget(operation.id)
    found = operations.load(operation.id)
    assert found is not None
    return found


def erase(operations: Operations, operation: Operation) -> None:
    operations.erase(row_of(operation), operation.key_name)


def row_of(operation: Operation) -> JournalRow:
    return JournalRow(operation=operation.id, ended_at=operation.updated_at)


def test_nothing_is_left_of_what_is_erased(operations: Operations) -> None:
    at, key = an_older_noon(), uuid4().hex
    operation = done(operations, at, key=key)
    operations.intend(operation)
    erase(operations, operation)
    assert (operations.load(operation.id), operations.history(operation.id), operations.bound(key)) == (None, (), None)
    assert operation.id not in {row.operation for row in operations.open()}
    assert operations.ended_before(at, 1) != (row_of(operation),)


def test_erasing_takes_nothing_of_another_operation_of_the_cluster(operations: Operations) -> None:
    ref, at = a_ref(), an_older_noon()
    first, second = one(ref, at), one(ref, at, "00000001x")
    for operation in (first, second):
        stored = begun(operations, operation)
        operations.commit(stored, None, (saved_again(ended(operation)),))
    begun(operations, third := one(ref, at + MINUTE))
    erase(operations, ended(first))
    assert operations.load(second.id) is not None
    assert len(operations.history(second.id)) == 2
    assert (stored_head := operations.head(third.partition)) is not None
    assert stored_head.head.current == third


def test_a_key_that_means_another_operation_by_now_stays(operations: Operations) -> None:
    key = uuid4().hex
    operation, other = done(operations, an_older_noon()), Key(operation=done(operations, an_older_noon()).id, digest="e")
    operations.bind(key, other)
    erase(operations, replace(operation, key_name=key))
    assert operations.bound(key) == other


def test_erasing_what_is_gone_changes_nothing(operations: Operations) -> None:
    operation = done(operations, an_older_noon(), key=uuid4().hex)
    erase(operations, operation)
    erase(operations, operation)
    assert operations.load(operation.id) is None


def test_two_that_erase_one_operation_at_once_both_do(operations: Operations) -> None:
    operation = done(operations, an_older_noon(), key=uuid4().hex)
    raced(2, lambda _: erase(operations, operation))
    assert (operations.load(operation.id), operations.history(operation.id)) == (None, ())


def test_a_history_longer_than_a_transaction_goes_whole(stored: TableOperations) -> None:
    operation = one(a_ref(), an_older_noon())
    head = begun(stored, operation)
    for n in range(2, 152):
        operation = replace(operation, saves=n)
        event = Event(n=n, at=operation.updated_at, text="told")
        after = stored.commit(head, replace(head.head, current=operation), (Change(operation=operation, event=event),))
        assert after is not None
        head = after
    assert len(stored.history(operation.id)) == 151
    erase(stored, ended(head.head.current))
    assert (stored.load(operation.id), stored.history(operation.id)) == (None, ())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4], ids=["key", "history and row", "open row", "journal"])
def test_what_a_broken_connection_left_half_erased_is_completed_by_the_next(
    stored: TableOperations,
    tap: Tap,
    number: int,
    after: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    at, key = an_older_noon(), uuid4().hex
    operation = done(stored, at, key=key)
    writes = count(1)
    tap.breaking.append(Breaking(lambda request: request.method in {"DELETE", "POST"} and next(writes) == number, after=after))
    with pytest.raises(CallFailed):
        erase(stored, operation)
    gone = number == 4 and after
    assert (stored.ended_before(at, 1) == (row_of(operation),)) is not gone
    left = stored.load(operation.id)
    if left is None:
        stored.strike(row_of(operation))
    else:
        erase(stored, left)
    assert (stored.load(operation.id), stored.history(operation.id), stored.bound(key)) == (None, (), None)
    assert stored.ended_before(at, 1) != (row_of(operation),)


def test_what_ended_by_an_instant_is_found_an_older_day_first_and_no_more_than_asked(operations: Operations) -> None:
    at = an_older_noon()
    young, edge, old = (done(operations, at + ago) for ago in (MINUTE, timedelta(0), -DAY))
    assert operations.ended_before(at, 2) == (row_of(old), row_of(edge))
    assert operations.ended_before(at, 1) == (row_of(old),)
    assert row_of(young) not in operations.ended_before(at, 100)
    assert operations.ended_before(at + MINUTE, 3) == (row_of(old), row_of(young), row_of(edge))


def test_a_row_of_the_journal_alone_is_struck_and_striking_it_again_changes_nothing(operations: Operations) -> None:
    at = an_older_noon()
    operation = done(operations, at)
    operations.strike(row_of(operation))
    operations.strike(row_of(operation))
    assert row_of(operation) not in operations.ended_before(at, 100)
    assert operations.load(operation.id) == operation


def test_finding_what_is_old_costs_no_more_the_more_is_kept(stored: TableOperations, tap: Tap) -> None:
    at = an_older_noon()
    done(stored, at)
    before = tap.cost(lambda: stored.ended_before(at, 3))
    for n in range(12):
        done(stored, at + MINUTE * n, number=f"{n:08d}")
        done(stored, at + DAY * (n + 1), number=f"{n:08d}")
    assert tap.cost(lambda: stored.ended_before(at, 3)) == before <= 2


@pytest.mark.parametrize("keyed", [False, True])
def test_erasing_costs_what_the_tables_page_says(stored: TableOperations, tap: Tap, keyed: bool) -> None:  # noqa: FBT001 - by name
    operation = done(stored, an_older_noon(), key=uuid4().hex if keyed else None)
    assert tap.cost(lambda: erase(stored, operation)) == (6 if keyed else 4)


# ---- letters


@pytest.fixture(params=["memory", "tables"])
def letters(request: pytest.FixtureRequest) -> Letters:
    """The port, twice."""
    if request.param == "memory":
        return MemoryLetters()
    tables: Tables = request.getfixturevalue("tables")
    return TableLetters(tables, lambda: request.getfixturevalue("queues"))


def a_letter(letters: Letters, at: datetime) -> str:
    identifier = letter_id(at, uuid4().hex[:24])
    letters.file(Letter(id=identifier, queue="cluster-requests", reason="not JSON", text="{", filed_at=at))
    return identifier


def test_letters_of_whole_days_before_are_removed_the_oldest_first(letters: Letters) -> None:
    at = an_older_noon()
    same, yesterday, older = (a_letter(letters, at - ago) for ago in (12 * 60 * MINUTE, DAY, 2 * DAY))
    assert letters.purge(at, 1) == 1
    assert [letters.load(each) is None for each in (same, yesterday, older)] == [False, False, True]
    assert letters.purge(at, 5) == 1
    assert [letters.load(each) is None for each in (same, yesterday, older)] == [False, True, True]
    assert letters.purge(at, 5) == 0


def test_two_that_purge_letters_at_once_both_do(letters: Letters) -> None:
    at = an_older_noon()
    gone = a_letter(letters, at - DAY)
    raced(2, lambda _: letters.purge(at, 5))
    assert letters.load(gone) is None

"""The `Operations` port: what each promise of its docstrings means, in memory and on Table Storage alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.model.errors import Code, Failure, Stale
from shared.model.operations import Handle, Head, Operation, Running, Waiting
from shared.model.plans import MakeCluster
from shared.model.requests import Door, Origin
from shared.ports import Change, Key, Operations, Stored
from tests.builders import NOON, a_create, a_plan
from tests.contract.storing import MINUTE, a_ref, begun, change, ended, many_pools, one, saved_again, state_of, waiting

NONSENSE = (
    "",
    "op-",
    "op-x-1",
    "nonsense",
    "op-" + "a" * 16,
    f"op-{'a' * 16}-1' or '1' eq '1",
    f"op-{'a' * 15}\u00e9-1",
    "op-" + "/" * 16 + "-1",
)


def test_a_cluster_without_an_open_operation_has_no_head(operations: Operations) -> None:
    assert operations.head(one(a_ref(), NOON).partition) is None


def test_the_first_commit_takes_the_lease_and_writes_all_three_rows(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    stored = operations.commit(None, Head(current=operation), (change(operation, text="accepted"),))
    assert stored is not None
    assert stored == operations.head(operation.partition)
    assert stored.head == Head(current=operation)
    assert operations.load(operation.id) == operation
    assert [(event.n, event.at, event.text) for event in operations.history(operation.id)] == [(1, NOON, "accepted")]


def test_the_etag_of_each_save_is_another(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    first = begun(operations, operation)
    again = saved_again(operation)
    second = operations.commit(first, Head(current=again.operation), (again,))
    assert second is not None
    assert first.etag != second.etag


def test_the_answer_to_a_commit_may_be_used_for_the_next_without_a_read(operations: Operations) -> None:
    stored = begun(operations, one(a_ref(), NOON))
    for _ in range(3):
        again = saved_again(stored.head.current)
        after = operations.commit(stored, Head(current=again.operation), (again,))
        assert after is not None
        assert after == operations.head(again.operation.partition)
        stored = after
    assert [event.n for event in operations.history(stored.head.current.id)] == [1, 2, 3, 4]


def test_a_commit_without_a_head_after_it_gives_the_lease_back(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    last = saved_again(ended(operation))
    assert operations.commit(stored, None, (last,)) is None
    assert operations.head(operation.partition) is None
    assert operations.load(operation.id) == last.operation
    assert begun(operations, one(operation.cluster, NOON + MINUTE)) is not None


def test_the_lease_passes_to_the_next_in_one_transaction(operations: Operations) -> None:
    ref = a_ref()
    first, second = one(ref, NOON), waiting(one(ref, NOON + MINUTE))
    stored = begun(operations, first, second.id)
    over, promoted = saved_again(ended(first)), saved_again(replace(second, headed_at=NOON))
    after = operations.commit(stored, Head(current=promoted.operation), (over, promoted))
    assert after is not None
    assert operations.head(first.partition) == after
    assert (operations.load(first.id), operations.load(second.id)) == (over.operation, promoted.operation)


def test_an_operation_that_was_born_ended_is_written_beside_whatever_head_there_is(operations: Operations) -> None:
    ref = a_ref()
    stored = begun(operations, one(ref, NOON))
    born = ended(one(ref, NOON + MINUTE))
    assert operations.commit(None, None, (change(born),)) is None
    assert operations.load(born.id) == born
    assert operations.head(born.partition) == stored


# ---- losing


@dataclass
class Lost:
    """A commit that must lose, and the operations that must stay as they were."""

    known: tuple[Operation, ...]
    before: Stored | None
    after: Head | None
    changes: tuple[Change, ...]


def head_taken(operations: Operations) -> Lost:
    ref = a_ref()
    first, second = one(ref, NOON), one(ref, NOON + MINUTE)
    begun(operations, first)
    return Lost((first, second), None, Head(current=second), (change(second),))


def head_replaced(operations: Operations) -> Lost:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    theirs = saved_again(operation, "theirs")
    operations.commit(stored, Head(current=theirs.operation), (theirs,))
    ours = saved_again(saved_again(operation).operation, "ours")
    return Lost((operation,), stored, Head(current=ours.operation), (ours,))


def head_replaced_before_the_end(operations: Operations) -> Lost:
    lost = head_replaced(operations)
    return replace(lost, after=None)


def head_gone(operations: Operations) -> Lost:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    operations.commit(stored, None, (saved_again(ended(operation)),))
    ours = change(replace(operation, saves=7))
    return Lost((operation,), stored, Head(current=ours.operation), (ours,))


def head_gone_before_the_end(operations: Operations) -> Lost:
    lost = head_gone(operations)
    return replace(lost, after=None)


def head_gone_and_taken_anew(operations: Operations) -> Lost:
    lost = head_gone(operations)
    other = one(lost.known[0].cluster, NOON + MINUTE)
    begun(operations, other)
    return replace(lost, known=(*lost.known, other))


def history_number_taken(operations: Operations) -> Lost:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    ours = change(replace(operation, reason="another"), n=1, text="ours")
    return Lost((operation,), stored, Head(current=ours.operation), (ours,))


def history_number_of_the_second_taken(operations: Operations) -> Lost:
    ref = a_ref()
    first, second = one(ref, NOON), waiting(one(ref, NOON + MINUTE))
    stored = begun(operations, first, second.id)
    joined = operations.commit(stored, stored.head, (change(second),))
    over, promoted = saved_again(ended(first)), change(replace(second, headed_at=NOON), n=1)
    return Lost((first, second), joined, Head(current=promoted.operation), (over, promoted))


def born_ended_twice(operations: Operations) -> Lost:
    born = ended(one(a_ref(), NOON))
    operations.commit(None, None, (change(born),))
    return Lost((born,), None, None, (change(replace(born, reason="another")),))


@pytest.mark.parametrize(
    "losing",
    [
        head_taken,
        head_replaced,
        head_replaced_before_the_end,
        head_gone,
        head_gone_before_the_end,
        head_gone_and_taken_anew,
        history_number_taken,
        history_number_of_the_second_taken,
        born_ended_twice,
    ],
)
def test_who_comes_second_is_stale_and_has_written_nothing_at_all(operations: Operations, losing: Callable[[Operations], Lost]) -> None:
    lost = losing(operations)
    before = state_of(operations, *lost.known)
    with pytest.raises(Stale):
        operations.commit(lost.before, lost.after, lost.changes)
    assert state_of(operations, *lost.known) == before


# ---- reading


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_what_cannot_be_an_id_is_a_value_error_for_every_reader(operations: Operations, nonsense: str) -> None:
    for ask in (operations.load, operations.history, operations.forget):
        with pytest.raises(ValueError, match="not the id of an operation"):
            ask(nonsense)


def test_an_id_that_nobody_has_is_none_and_has_no_history(operations: Operations) -> None:
    known = one(a_ref(), NOON)
    begun(operations, known)
    for unknown in (one(a_ref(), NOON).id, one(known.cluster, NOON + MINUTE).id):
        assert operations.load(unknown) is None
        assert operations.history(unknown) == ()


def test_history_is_in_order_without_gaps_and_beyond_nine(operations: Operations) -> None:
    stored = begun(operations, one(a_ref(), NOON))
    for n in range(2, 13):
        again = saved_again(stored.head.current, f"save {n}")
        after = operations.commit(stored, Head(current=again.operation), (again,))
        assert after is not None
        stored = after
    history = operations.history(stored.head.current.id)
    assert [event.n for event in history] == list(range(1, 13))
    assert [event.text for event in history[1:]] == [f"save {n}" for n in range(2, 13)]
    assert [event.at for event in history] == sorted(event.at for event in history)


def test_history_is_one_operations_own_even_beside_an_id_that_begins_alike(operations: Operations) -> None:
    ref = a_ref()
    short, long = one(ref, NOON, "0000"), one(ref, NOON, "00001")
    stored = begun(operations, short)
    operations.commit(stored, Head(current=short, line=(long.id,)), (change(waiting(long), text="the longer"),))
    assert [event.text for event in operations.history(short.id)] == ["told"]
    assert [event.text for event in operations.history(long.id)] == ["the longer"]


def test_clusters_whose_names_differ_only_in_case_share_a_head(operations: Operations) -> None:
    ref = a_ref()
    begun(operations, one(ref, NOON))
    shouted = one(replace(ref, group=ref.group.upper(), name=ref.name.upper()), NOON + MINUTE)
    with pytest.raises(Stale):
        begun(operations, shouted)


# ---- open, journal, keys


def test_an_intention_is_a_row_in_open_however_often_it_is_written(operations: Operations) -> None:
    first, second = one(a_ref(), NOON), one(a_ref(), NOON + MINUTE)
    for operation in (first, second, first):
        operations.intend(operation)
    rows = {row.operation: (row.cluster, row.since) for row in operations.open()}
    assert rows == {first.id: (first.cluster, NOON), second.id: (second.cluster, NOON + MINUTE)}


def test_forgetting_takes_one_row_out_and_forgetting_again_is_no_error(operations: Operations) -> None:
    first, second = one(a_ref(), NOON), one(a_ref(), NOON)
    operations.intend(first)
    operations.intend(second)
    operations.forget(first.id)
    operations.forget(first.id)
    assert [row.operation for row in operations.open()] == [second.id]


def test_open_may_be_forgotten_from_while_it_is_read(operations: Operations) -> None:
    made = [one(a_ref(), NOON) for _ in range(8)]
    for operation in made:
        operations.intend(operation)
    seen = []
    for row in operations.open():
        seen.append(row.operation)
        operations.forget(row.operation)
    assert sorted(seen) == sorted(operation.id for operation in made)
    assert list(operations.open()) == []


def test_a_key_gets_its_meaning_once_and_keeps_it(operations: Operations) -> None:
    name = f"key-{a_ref().name}"
    first, second = Key(operation="op-1", digest="d1"), Key(operation="op-2", digest="d2")
    assert operations.bound(name) is None
    assert operations.bind(name, first) is None
    assert operations.bind(name, second) == first
    assert operations.bind(name, first) == first
    assert operations.bound(name) == first


# ---- sizes


def test_a_create_of_a_hundred_pools_comes_back_as_it_was(operations: Operations) -> None:
    pools = many_pools(100)
    action = MakeCluster(
        location="westeurope", version=None, tier="Standard", dns_prefix="web", pools=pools, tags={"owner": "d\u00fcsseldorf"}
    )
    operation = one(a_ref(), NOON, request=a_create(pools=pools), plan=a_plan(action))
    stored = begun(operations, operation)
    assert operations.load(operation.id) == operation
    assert operations.head(operation.partition) == stored
    assert stored.head.current.request == a_create(pools=pools)


def test_an_operation_that_shrinks_leaves_nothing_of_its_old_self(operations: Operations) -> None:
    wide = one(a_ref(), NOON, request=a_create(pools=many_pools(100, label="x" * 1000)))
    stored = begun(operations, wide)
    narrow = saved_again(replace(wide, request=a_create(), plan=None, states=()))
    operations.commit(stored, Head(current=narrow.operation), (narrow,))
    assert operations.load(wide.id) == narrow.operation


def test_texts_in_any_script_come_back_as_they_were(operations: Operations) -> None:
    text = "caf\u00e9 \u6771\u4eac \U0001f680 'quoted' \"twice\" <&> \\ \t\n \u2028 \x01"
    origin = Origin(door=Door.QUEUE, caller="cluster-requests", says=text, reply_to="chat-replies", correlation=text)
    operation = one(a_ref(), NOON, origin=origin, reason=text * 200)
    stored = operations.commit(None, Head(current=operation), (change(operation, text=text),))
    assert stored is not None
    assert operations.load(operation.id) == operation
    assert operations.history(operation.id)[0].text == text


def test_instants_come_back_to_the_microsecond_and_aware(operations: Operations) -> None:
    at = NOON + timedelta(microseconds=123456)
    failure = Failure(code=Code.THROTTLED, message="later", transient=True, retry_after=timedelta(seconds=1.5))
    state = Waiting(since=at, tries=2, until=at + MINUTE, failure=failure, unsure=True)
    operation = one(a_ref(), at, states=(state,))
    begun(operations, operation)
    loaded = operations.load(operation.id)
    assert loaded == operation
    assert loaded is not None
    assert loaded.created_at.utcoffset() == timedelta(0)


def test_a_handle_of_three_thousand_characters_comes_back_verbatim(operations: Operations) -> None:
    url = "https://management.azure.com/subscriptions/s/x?api-version=2025-03-01&c=" + "aB-_%2f" * 430
    state = Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url=url))
    operation = one(a_ref(), NOON, states=(state,))
    begun(operations, operation)
    loaded = operations.load(operation.id)
    assert loaded is not None
    assert loaded.states == (state,)

"""The `Operations` port under many hands at once: of those who try the same thing, exactly one does it."""

from dataclasses import replace

from shared.model.errors import Stale
from shared.model.operations import Head
from shared.ports import Key, Operations
from tests.builders import NOON
from tests.contract.storing import MINUTE, a_ref, begun, change, ended, one, raced, saved_again

MANY = 12


def test_of_many_who_take_an_idle_cluster_one_has_it(operations: Operations) -> None:
    ref = a_ref()
    rivals = [one(ref, NOON + n * MINUTE) for n in range(MANY)]
    outcomes = raced(MANY, lambda n: begun(operations, rivals[n]))
    winners = [n for n, stored in enumerate(outcomes) if stored is not None]
    assert len(winners) == 1
    winner = rivals[winners[0]]
    assert operations.head(winner.partition) == outcomes[winners[0]]
    assert [rival for rival in rivals if operations.load(rival.id) is not None] == [winner]
    assert [rival for rival in rivals if operations.history(rival.id)] == [winner]


def test_of_many_who_save_the_same_operation_one_does(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    changes = [saved_again(replace(operation, reason=f"by {n}"), f"by {n}") for n in range(MANY)]
    outcomes = raced(MANY, lambda n: operations.commit(stored, Head(current=changes[n].operation), (changes[n],)))
    winners = [n for n, after in enumerate(outcomes) if after is not None]
    assert len(winners) == 1
    assert operations.load(operation.id) == changes[winners[0]].operation
    assert [event.text for event in operations.history(operation.id)] == ["told", f"by {winners[0]}"]


def test_of_many_who_end_or_save_an_operation_one_does(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    stored = begun(operations, operation)
    over, saved = saved_again(ended(operation), "ended"), saved_again(operation, "saved")

    def end_or_save(n: int) -> str:
        if n % 2:
            operations.commit(stored, None, (over,))
            return "ended"
        operations.commit(stored, Head(current=saved.operation), (saved,))
        return "saved"

    outcomes = [outcome for outcome in raced(MANY, end_or_save) if outcome is not None]
    assert len(outcomes) == 1
    assert [event.text for event in operations.history(operation.id)] == ["told", outcomes[0]]
    assert (operations.head(operation.partition) is None) == (outcomes == ["ended"])


def test_many_who_each_try_until_they_have_saved_all_save_and_no_save_is_lost(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    begun(operations, operation)

    def save(n: int) -> int:
        for tries in range(500):
            stored = operations.head(operation.partition)
            assert stored is not None
            again = saved_again(stored.head.current, f"by {n}")
            try:
                operations.commit(stored, Head(current=again.operation), (again,))
            except Stale:
                continue
            return tries
        message = "never saved"
        raise AssertionError(message)

    raced(6, save)
    history = operations.history(operation.id)
    assert [event.n for event in history] == list(range(1, 8))
    assert sorted(event.text for event in history[1:]) == [f"by {n}" for n in range(6)]


def test_a_key_that_many_bind_at_once_means_one_thing_to_all_of_them(operations: Operations) -> None:
    name = f"key-{a_ref().name}"
    keys = [Key(operation=f"op-{n}", digest=f"digest {n}") for n in range(MANY)]
    answers = raced(MANY, lambda n: (operations.bind(name, keys[n]),))
    told = [answer[0] for answer in answers if answer is not None]
    winners = [n for n, known in enumerate(told) if known is None]
    assert len(winners) == 1
    assert {known for known in told if known is not None} == {keys[winners[0]]}
    assert operations.bound(name) == keys[winners[0]]


def test_an_intention_that_many_write_and_forget_at_once_hurts_nobody(operations: Operations) -> None:
    operation = one(a_ref(), NOON)

    def both(n: int) -> bool:
        operations.intend(operation) if n % 2 else operations.forget(operation.id)
        return True

    assert raced(MANY, both) == [True] * MANY
    operations.forget(operation.id)
    assert list(operations.open()) == []


def test_different_clusters_do_not_disturb_each_other(operations: Operations) -> None:
    made = [one(a_ref(), NOON) for _ in range(MANY)]

    def live(n: int) -> bool:
        stored = begun(operations, made[n])
        over = saved_again(ended(made[n]))
        return operations.commit(stored, None, (over,)) is None

    assert raced(MANY, live) == [True] * MANY
    assert all(operations.head(operation.partition) is None for operation in made)
    assert all(len(operations.history(operation.id)) == 2 for operation in made)


def test_a_late_save_of_one_who_was_paused_is_stale_even_after_the_cluster_was_let_go_and_taken_again(operations: Operations) -> None:
    operation = one(a_ref(), NOON)
    paused = begun(operations, operation)
    operations.commit(paused, None, (saved_again(ended(operation)),))
    successor = one(operation.cluster, NOON + MINUTE)
    begun(operations, successor)
    late = change(replace(operation, saves=9))
    try:
        operations.commit(paused, Head(current=late.operation), (late,))
    except Stale:
        stale = True
    else:
        stale = False
    assert stale
    stored = operations.head(operation.partition)
    assert stored is not None
    assert stored.head.current == successor

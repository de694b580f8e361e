"""What has ended is removed when a person asks, or by itself when it is old; what is open never is, and no death leaves half of one."""

import contextlib
from datetime import timedelta

import pytest

from shared.model.answers import Purged
from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, Code, NewerSchema, Refusal
from shared.model.kept import JournalRow
from shared.model.letters import Letter, letter_id
from shared.model.operations import Operation
from shared.services import Services
from shared.work import purging
from tests.builders import HTTP, SUBSCRIPTION, WEB, a_create, a_submission
from tests.faulty import AWAY, Calls, Fate, Faulty
from tests.pump import Died, Pump
from tests.worldly import some_settings

DAY = timedelta(days=1)
OTHER = ClusterRef(subscription=SUBSCRIPTION, group="prod-rg", name="api")


def row_of(operation: Operation) -> JournalRow:
    return JournalRow(operation=operation.id, ended_at=operation.updated_at)


def a_pump(**settings: str) -> Pump:
    """An app over a world with prod-rg/web."""
    pump = Pump(settings=some_settings(settings))
    made = pump.submit(a_submission(a_create()))
    pump.run()
    pump.operations.erase(row_of(pump.now(made)), None)
    return pump


@pytest.fixture
def pump() -> Pump:
    return a_pump()


def ended(pump: Pump, **changes: object) -> Operation:
    """An operation that has ended just now."""
    operation = pump.submit(a_submission(**changes))  # type: ignore[arg-type]  # names and values are the tests' own
    pump.run()
    return pump.now(operation)


def gone(pump: Pump, operation: Operation) -> bool:
    """Whether all of it is gone; half of it is a fault."""
    left = [
        pump.operations.load(operation.id) is not None,
        bool(pump.operations.history(operation.id)),
        operation.id in pump.operations.journalled,
        operation.key_name is not None and pump.operations.bound(operation.key_name) is not None,
    ]
    assert len({*left[:3]}) == 1, left
    return not any(left)


def test_one_that_has_ended_is_removed_with_its_key_and_the_key_is_free_again(pump: Pump) -> None:
    operation = ended(pump, key="ci-1")
    assert pump.services.purge(operation.id, HTTP) == Purged(removed=1)
    assert gone(pump, operation)
    assert pump.submit(a_submission(key="ci-1")).id != operation.id


def test_one_that_is_open_stays_and_its_status_is_said(pump: Pump) -> None:
    operation = pump.submit(a_submission())
    refusal = pump.services.purge(operation.id, HTTP)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.WRONG_STATE
    assert "running" in refusal.message
    assert pump.operations.load(operation.id) is not None


def test_what_was_purged_is_unknown_from_then_on(pump: Pump) -> None:
    operation = ended(pump)
    pump.services.purge(operation.id, HTTP)
    again = pump.services.purge(operation.id, HTTP)
    assert isinstance(again, Refusal)
    assert again.code is Code.NOT_FOUND


def test_purging_takes_a_grant_that_nobody_has_by_default() -> None:
    pump = Pump(settings=some_settings({"TIDEKEEPER_GRANTS": '[{"actions": ["create"]}, {}]'}))
    operation = ended(pump, request=a_create())
    one, many = pump.services.purge(operation.id, HTTP), pump.services.purge_many(pump.clock.now(), None, HTTP)
    of_one = pump.services.purge_many(pump.clock.now(), WEB, HTTP)
    for refusal in (one, many, of_one):
        assert isinstance(refusal, Refusal)
        assert (refusal.code, "TIDEKEEPER_GRANTS" in refusal.message) == (Code.FORBIDDEN, True)
    assert not gone(pump, operation)


def test_many_takes_what_had_ended_by_an_instant_and_leaves_the_rest(pump: Pump) -> None:
    old = ended(pump)
    pump.clock.advance(DAY)
    young, running = ended(pump, cluster=OTHER, request=a_create(create_resource_group=False)), pump.submit(a_submission())
    assert pump.services.purge_many(old.updated_at, None, HTTP) == Purged(removed=1)
    assert [gone(pump, old), gone(pump, young)] == [True, False]
    assert pump.operations.load(running.id) is not None
    assert pump.services.purge_many(old.updated_at, None, HTTP) == Purged(removed=0)


def test_many_of_one_cluster_leaves_the_others(pump: Pump) -> None:
    other, own = ended(pump, cluster=OTHER, request=a_create(create_resource_group=False)), ended(pump)
    assert pump.services.purge_many(pump.clock.now(), WEB, HTTP) == Purged(removed=1)
    assert [gone(pump, own), gone(pump, other)] == [True, False]


@pytest.mark.parametrize("cluster", [None, WEB])
def test_many_takes_so_many_at_once_and_says_that_there_are_more(pump: Pump, cluster: ClusterRef | None) -> None:
    for _ in range(purging.AT_ONCE + 3):
        ended(pump)
        pump.clock.advance(timedelta(seconds=1))
    assert pump.services.purge_many(pump.clock.now(), cluster, HTTP) == Purged(removed=purging.AT_ONCE, more=True)
    assert pump.services.purge_many(pump.clock.now(), cluster, HTTP) == Purged(removed=3)
    assert not pump.operations.journalled


def test_what_is_older_than_the_days_goes_by_itself_and_letters_too() -> None:
    pump = a_pump(TIDEKEEPER_RETENTION_DAYS="30")
    old = ended(pump)
    letter = Letter(id=letter_id(pump.clock.now(), "0" * 24), queue="q", reason="r", text="t", filed_at=pump.clock.now())
    pump.letters.file(letter)
    pump.clock.advance(29 * DAY)
    young = ended(pump)
    assert pump.services.retain() == 0
    pump.clock.advance(2 * DAY)
    assert pump.services.retain() == 2
    assert [gone(pump, old), gone(pump, young), pump.letters.load(letter.id)] == [True, False, None]
    assert pump.services.retain() == 0


def test_no_days_keep_everything_for_ever() -> None:
    pump = a_pump(TIDEKEEPER_RETENTION_DAYS="0")
    old = ended(pump)
    pump.clock.advance(5000 * DAY)
    assert pump.services.retain() == 0
    assert not gone(pump, old)


def with_load(pump: Pump, struck: Operation, fault: Exception) -> Services:
    """The app over a store in which one operation cannot be read."""

    def load(operation_id: str) -> Operation | None:
        if operation_id == struck.id:
            raise fault
        return pump.operations.load(operation_id)

    return pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"load": load}))


def test_one_that_cannot_be_removed_stops_no_other_and_is_reported(pump: Pump) -> None:
    struck, other = ended(pump), ended(pump)
    pump.clock.advance(365 * DAY)
    with pytest.raises(ExceptionGroup, match="1 old operations could not be removed"):
        with_load(pump, struck, CallFailed(AWAY)).retain()
    assert [gone(pump, struck), gone(pump, other)] == [False, True]


def test_what_newer_code_wrote_is_left_to_newer_code(pump: Pump) -> None:
    newer, other = ended(pump), ended(pump)
    pump.clock.advance(365 * DAY)
    assert with_load(pump, newer, NewerSchema("newer")).retain() == 1
    assert [gone(pump, newer), gone(pump, other)] == [False, True]


@pytest.mark.parametrize("fate", list(Fate))
def test_whatever_dies_in_retention_the_next_run_leaves_nothing_behind(fate: Fate) -> None:
    """Each outside call of a run, struck in turn."""
    strike, struck = 0, True
    while struck:
        pump = a_pump()
        old = [ended(pump, key=f"k{n}") for n in range(2)]
        pump.clock.advance(365 * DAY)
        calls = Calls(strike=strike, fate=fate)
        services = pump.rebuilt(operations=Faulty(pump.operations, calls), letters=Faulty(pump.letters, calls))
        with contextlib.suppress(Died, CallFailed, ExceptionGroup):
            services.retain()
        pump.services.retain()
        assert all(gone(pump, operation) for operation in old), calls.made
        struck, strike = len(calls.made) > strike, strike + 1


def test_a_journal_row_whose_operation_is_gone_is_struck(pump: Pump) -> None:
    operation = ended(pump)
    pump.operations.erase(row_of(operation), operation.key_name)
    pump.operations.journal(operation)
    pump.clock.advance(365 * DAY)
    assert pump.services.retain() == 1
    assert not pump.operations.journalled

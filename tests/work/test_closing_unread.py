"""A person closes what cannot be read: its cluster is free for the next, and whoever dies in between leaves nothing that stays."""

import pytest

from shared.model.answers import Purged
from shared.model.errors import CallFailed, Code, Refusal
from shared.model.listing import Summary
from shared.model.operations import Operation, Status
from shared.services import Services
from tests.builders import HTTP, WEB, a_create, a_submission
from tests.faulty import Calls, Fate, Faulty
from tests.pump import Died, Pump
from tests.worldly import some_settings


def damaged(pump: Pump) -> Operation:
    """An operation that has begun and cannot be read any more."""
    operation = pump.submit(a_submission())
    pump.take()
    pump.operations.damaged.add(operation.id)
    return operation


def status(pump: Pump, operation: Operation) -> tuple[Status, Code | None]:
    wreck = pump.operations.wreck(operation.id)
    assert wreck is not None
    return wreck.summary.status, wreck.summary.code


CLOSED = (Status.FAILED, Code.FORCE_CLOSED)


def test_it_is_closed_and_the_next_in_line_goes_on(pump: Pump) -> None:
    first = pump.submit(a_submission())
    pump.take()
    second = pump.submit(a_submission())
    pump.operations.damaged.add(first.id)
    answer = pump.services.force_close(first.id, HTTP)
    assert isinstance(answer, Summary)
    assert (answer.status, answer.code) == CLOSED
    pump.operations.damaged.clear()
    pump.run()
    assert (pump.now(second).status, status(pump, first)) == (Status.SUCCEEDED, CLOSED)
    assert first.id in pump.operations.journalled
    assert not pump.operations.opened


def test_one_that_cannot_be_read_in_line_does_not_hold_up_those_behind_it(pump: Pump) -> None:
    pump.submit(a_submission())
    pump.take()
    second, third = pump.submit(a_submission()), pump.submit(a_submission())
    pump.operations.damaged.add(second.id)
    pump.run()
    assert pump.now(third).status is Status.SUCCEEDED
    assert isinstance(pump.services.force_close(second.id, HTTP), Summary)
    assert not pump.operations.opened


def test_its_history_says_by_whom_and_that_nobody_watches(pump: Pump) -> None:
    operation = damaged(pump)
    pump.services.force_close(operation.id, HTTP)
    last = pump.operations.history(operation.id)[-1]
    assert last.text == "closed unread by function-key; what Azure was asked for may go on, unwatched"


def test_closing_it_again_is_refused_as_with_any_other(pump: Pump) -> None:
    operation = damaged(pump)
    pump.services.force_close(operation.id, HTTP)
    again = pump.services.force_close(operation.id, HTTP)
    assert isinstance(again, Refusal)
    assert again.code is Code.ALREADY_ENDED


def test_it_can_be_purged_once_it_is_closed_and_not_before(pump: Pump) -> None:
    operation = damaged(pump)
    before = pump.services.purge(operation.id, HTTP)
    assert isinstance(before, Refusal)
    assert before.code is Code.WRONG_STATE
    pump.services.force_close(operation.id, HTTP)
    assert pump.services.purge(operation.id, HTTP) == Purged(removed=1)
    assert pump.operations.wreck(operation.id) is None


def test_retention_takes_it_with_the_others(pump: Pump) -> None:
    operation = damaged(pump)
    pump.services.force_close(operation.id, HTTP)
    pump.clock.instant = pump.clock.now().replace(year=2030)
    pump.services.retain()
    assert pump.operations.wreck(operation.id) is None


@pytest.mark.parametrize(("grants", "code"), [('[{"actions": ["read"]}]', Code.FORBIDDEN), ('[{"actions": ["scale"]}]', Code.NOT_FOUND)])
def test_who_may_not_do_what_it_does_may_not_close_it(pump: Pump, grants: str, code: Code) -> None:
    operation = damaged(pump)
    pump.settings = some_settings({"TIDEKEEPER_GRANTS": grants})
    refusal = pump.rebuilt().force_close(operation.id, HTTP)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert status(pump, operation) == (Status.RUNNING, None)


def test_a_sweep_sweeps_the_others_and_says_that_one_could_not_be(pump: Pump) -> None:
    operation = damaged(pump)
    with pytest.raises(ExceptionGroup, match="1 of 1 open operations could not be swept"):
        pump.services.sweep()
    pump.services.force_close(operation.id, HTTP)
    assert pump.services.sweep().seen == 0


def ask(services: Services, operation: Operation) -> Summary | Refusal | None:
    """The answer; None where the worker died or a call failed."""
    try:
        answer = services.force_close(operation.id, HTTP)
    except (Died, CallFailed):
        return None
    assert not isinstance(answer, Operation)
    return answer


@pytest.mark.parametrize("fate", list(Fate))
def test_whatever_dies_while_it_is_closed_asking_again_closes_it(fate: Fate) -> None:
    """Each outside call, struck in turn."""
    strike, struck = 0, True
    while struck:
        pump = Pump()
        pump.submit(a_submission(a_create()))
        pump.run()
        first = pump.submit(a_submission())
        pump.take()
        second = pump.submit(a_submission())
        pump.operations.damaged.add(first.id)
        calls = Calls(strike=strike, fate=fate)
        ask(pump.rebuilt(operations=Faulty(pump.operations, calls), wakes=Faulty(pump.wakes, calls)), first)
        ask(pump.services, first)
        assert status(pump, first) == CLOSED
        assert [event.n for event in pump.operations.history(first.id)] == list(range(1, len(pump.operations.history(first.id)) + 1))
        assert sum("closed unread" in event.text for event in pump.operations.history(first.id)) == 1
        pump.operations.damaged.clear()
        pump.run()
        assert pump.now(second).status is Status.SUCCEEDED
        assert not pump.operations.opened
        assert WEB.key not in {stored.head.current.cluster.key for stored in pump.operations.heads.values()}
        struck, strike = len(calls.made) > strike, strike + 1

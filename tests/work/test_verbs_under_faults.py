"""Death and silence at every outside call of what a person asks, in every place an operation can be; and two who ask at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.answers import Taken
from shared.model.errors import CallFailed, Code, Refusal
from shared.model.listing import Summary
from shared.model.operations import Operation, Status
from shared.model.requests import Scale
from shared.services import Services
from tests.builders import HTTP, QUEUE, a_create, a_submission
from tests.faulty import Calls, Fate, Faulty
from tests.pump import Died, Pump

pytestmark = pytest.mark.once

Act = Callable[[Services, str], Operation | Taken | Summary | Refusal]


def _current(pump: Pump) -> Operation:
    return pump.submit(a_submission(key="current", origin=QUEUE))


def _running(pump: Pump) -> Operation:
    operation = _current(pump)
    pump.take()
    return operation


def _in_line(pump: Pump) -> Operation:
    _current(pump)
    return pump.submit(a_submission(Scale(pool="user", to=3), key="in line", origin=QUEUE))


def _scheduled(pump: Pump) -> Operation:
    later = pump.clock.now() + timedelta(hours=1)
    return pump.submit(replace(a_submission(key="scheduled", origin=QUEUE), not_before=later))


def _suspended(pump: Pump) -> Operation:
    operation = _current(pump)
    pump.services.suspend(operation.id, HTTP)
    return operation


def _cancelled(pump: Pump) -> Operation:
    operation = _current(pump)
    pump.services.cancel(operation.id, HTTP)
    return operation


PLACES: dict[str, Callable[[Pump], Operation]] = {
    "current": _current,
    "running": _running,
    "in line": _in_line,
    "scheduled": _scheduled,
    "suspended": _suspended,
    "cancelled": _cancelled,
}
VERBS: dict[str, Act] = {
    "cancel": lambda services, name: services.cancel(name, HTTP),
    "suspend": lambda services, name: services.suspend(name, HTTP),
    "resume": lambda services, name: services.resume(name, HTTP),
    "force_close": lambda services, name: services.force_close(name, HTTP),
    "retry": lambda services, name: services.retry(name, HTTP),
}
CASES = [
    *((verb, place) for verb in ("cancel", "suspend", "force_close") for place in ("current", "running", "in line", "scheduled")),
    ("resume", "suspended"),
    ("retry", "cancelled"),
]


def _peopled() -> Pump:
    pump = Pump()
    pump.submit(a_submission(a_create()))
    pump.run()
    return pump


def _faulted(pump: Pump, calls: Calls) -> Services:
    return pump.rebuilt(operations=Faulty(pump.operations, calls), wakes=Faulty(pump.wakes, calls), announcer=Faulty(pump.announcer, calls))


def _ask(pump: Pump, verb: str, name: str, calls: Calls) -> None:
    """As a person does: again, until it is answered."""
    services = _faulted(pump, calls)
    for _ in range(4):
        try:
            answer = VERBS[verb](services, name)
        except (Died, CallFailed):
            pump.clock.advance(timedelta(seconds=30))
            continue
        if isinstance(answer, Refusal):
            # What was applied and not answered is there already.
            assert answer.code in {Code.ALREADY_ENDED, Code.WRONG_STATE}, answer
        return
    message = "never answered"
    raise AssertionError(message)


def _play(verb: str, place: str, calls: Calls) -> None:
    pump = _peopled()
    operation = PLACES[place](pump)
    mark = len(pump.world.witness.entries)
    _ask(pump, verb, operation.id, calls)
    pump.run()
    after = pump.now(operation)
    if verb == "suspend":
        assert after.status is (Status.SUCCEEDED if place == "running" else Status.SUSPENDED)
        if not after.ended:
            pump.services.resume(operation.id, HTTP)
            pump.run()
            after = pump.now(operation)
    wanted = {"cancel": Status.CANCELLED, "force_close": Status.FAILED, "retry": Status.CANCELLED}.get(verb, Status.SUCCEEDED)
    # A call that Azure took is not undone by a cancellation: the step ends, and with it the operation.
    assert after.status is (Status.SUCCEEDED if (verb, place) == ("cancel", "running") else wanted)
    retries = [known for known in pump.operations.operations.values() if known.retry_of == operation.id]
    assert [known.status for known in retries] == ([Status.SUCCEEDED] if verb == "retry" else [])
    for known in pump.operations.operations.values():
        assert known.ended
        assert known.id in pump.operations.journalled
        assert [event.n for event in pump.operations.history(known.id)] == list(range(1, known.saves + 1))
    assert not pump.operations.heads
    assert not pump.operations.opened
    applied = [entry for entry in pump.world.witness.entries[mark:] if entry.applied]
    assert all(entry.in_flight is None for entry in applied)
    assert len({entry.digest for entry in applied}) == len(applied)


def _count(verb: str, place: str) -> int:
    calls = Calls()
    _play(verb, place, calls)
    return len(calls.made)


@pytest.mark.parametrize(
    ("verb", "place", "number", "fate"),
    [(verb, place, number, fate) for verb, place in CASES for number in range(_count(verb, place)) for fate in Fate],
)
def test_whatever_goes_wrong_while_a_person_asks_it_is_done_once_or_not_at_all(verb: str, place: str, number: int, fate: Fate) -> None:
    _play(verb, place, Calls(strike=number, fate=fate))


@pytest.mark.parametrize("call", ["load", "bind", "intend", "commit"])
def test_two_who_retry_at_once_make_one_operation(call: str) -> None:
    pump = _peopled()
    operation = _cancelled(pump)
    answers: list[Operation | Taken | Refusal] = []

    def meanwhile(*arguments: object, **options: object) -> object:
        if not answers:
            answers.append(Refusal(code=Code.BUSY_STORE, message="the other one is at it"))
            answers[0] = pump.services.retry(operation.id, HTTP)
        return getattr(pump.operations, call)(*arguments, **options)

    mine = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {call: meanwhile}))
    answers.append(mine.retry(operation.id, HTTP))
    made = {answer.operation.id for answer in answers if isinstance(answer, Taken)}
    assert len(made) == 1
    pump.run()
    assert len([known for known in pump.operations.operations.values() if known.retry_of == operation.id]) == 1
    assert not pump.operations.opened
    assert not pump.operations.heads


@pytest.mark.parametrize("call", ["head", "commit"])
def test_one_whose_time_has_come_enters_once_though_a_sweep_and_its_wake_up_meet(call: str) -> None:
    pump = _peopled()
    operation = _scheduled(pump)
    pump.run(until=pump.clock.now() + timedelta(minutes=50))
    pump.clock.advance(timedelta(minutes=10))
    met: list[str] = []

    def meanwhile(*arguments: object, **options: object) -> object:
        if not met:
            met.append("the sweep")
            pump.services.sweep()
        return getattr(pump.operations, call)(*arguments, **options)

    wake = pump.wakes.due()
    assert wake is not None
    whole, pump.services = pump.services, pump.rebuilt(operations=Faulty(pump.operations, Calls(), {call: meanwhile}))
    pump.deliver(wake)
    pump.services = whole
    assert met
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    applied = [entry for entry in pump.world.witness.entries if entry.applied and entry.path.partition("?")[0].endswith("agentPools/user")]
    assert len(applied) == 1

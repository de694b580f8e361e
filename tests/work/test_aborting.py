"""Cancelling with an abort: AKS is asked once, only while ours is what runs, and what it had applied is said."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from local.arm.faults import Fault, Outcome
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, Operation, Running, Skipped, Starting, Status, StillRunning
from shared.model.requests import Delete, Request, Scale, Stop, Upgrade
from tests.builders import HTTP, a_create, a_submission
from tests.faulty import AWAY, Calls, Fate, Faulty
from tests.pump import Died, Pump

MINUTE = timedelta(minutes=1)


def running(pump: Pump, request: Request | None = None) -> Operation:
    """An operation whose first step runs in Azure."""
    operation = pump.submit(a_submission(request))
    while not any(isinstance(state, Running) for state in pump.now(operation).states):
        assert pump.turn()
    return pump.now(operation)


def aborts(pump: Pump) -> list[str]:
    """The aborts that the world took, by path."""
    return [entry.path.partition("?")[0] for entry in pump.world.witness.entries if entry.applied and "/abort" in entry.path]


def cancelled(pump: Pump, operation: Operation, *, abort: bool = True) -> None:
    found = pump.services.cancel(operation.id, HTTP, abort=abort)
    assert isinstance(found, Operation), found


@pytest.mark.parametrize(
    ("request_", "path"),
    [(Scale(pool="system", to=5), "agentPools/system/abort"), (Stop(), "managedClusters/web/abort")],
    ids=["a pool's", "the cluster's"],
)
def test_what_runs_is_aborted_and_the_operation_ends_cancelled(pump: Pump, request_: Request, path: str) -> None:
    operation = running(pump, request_)
    cancelled(pump, operation)
    pump.run()
    now = pump.now(operation)
    assert now.status is Status.CANCELLED
    assert [abort.endswith(path) for abort in aborts(pump)] == [True]
    assert not pump.operations.heads


def test_the_end_says_what_azure_had_not_reached(pump: Pump) -> None:
    operation = running(pump, Scale(pool="system", to=5))
    cancelled(pump, operation)
    pump.run()
    state = pump.now(operation).states[0]
    assert isinstance(state, Skipped)
    assert HTTP.caller in state.because
    assert "what was applied by then stays applied" in state.because
    history = [event.text for event in pump.operations.history(operation.id)]
    assert any("Azure was asked to abort it" in text for text in history)


def test_without_it_nothing_is_aborted(pump: Pump) -> None:
    operation = running(pump)
    cancelled(pump, operation, abort=False)
    pump.run()
    assert (pump.now(operation).status, aborts(pump)) == (Status.SUCCEEDED, [])


def test_an_abort_may_be_asked_for_after_a_plain_cancellation(pump: Pump) -> None:
    operation = running(pump)
    cancelled(pump, operation, abort=False)
    pump.turn()
    cancelled(pump, operation)
    pump.run()
    assert pump.now(operation).status is Status.CANCELLED
    assert len(aborts(pump)) == 1


def test_asked_twice_it_is_aborted_once(pump: Pump) -> None:
    operation = running(pump)
    cancelled(pump, operation)
    pump.turn()
    cancelled(pump, operation)
    pump.run()
    assert len(aborts(pump)) == 1


def test_a_deletion_is_left_to_end(pump: Pump) -> None:
    operation = running(pump, Delete(confirm="web"))
    cancelled(pump, operation)
    pump.run()
    assert (pump.now(operation).status, aborts(pump)) == (Status.SUCCEEDED, [])


def test_what_has_ended_before_the_abort_is_done_and_the_rest_is_skipped(pump: Pump) -> None:
    operation = running(pump)
    pump.clock.advance(10 * MINUTE)
    cancelled(pump, operation)
    pump.run()
    assert (pump.now(operation).status, aborts(pump)) == (Status.SUCCEEDED, [])


def test_a_call_whose_answer_was_lost_is_not_aborted_because_what_runs_may_be_somebody_elses(pump: Pump) -> None:
    operation = pump.submit(a_submission())

    def attempt(*arguments: object) -> object:
        pump.clusters.attempt(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them
        raise Died

    wake = pump.wakes.due()
    assert wake is not None
    with pytest.raises(Died):
        pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"attempt": attempt})).advance(wake)
    assert isinstance(pump.now(operation).states[0], Starting)
    cancelled(pump, operation)
    pump.run()
    assert (pump.now(operation).status, aborts(pump)) == (Status.SUCCEEDED, [])


def refusing(failure: Failure) -> Callable[..., None]:
    def abort(*_: object) -> None:
        raise CallFailed(failure)

    return abort


def test_an_abort_that_azure_refuses_is_said_and_not_repeated(pump: Pump) -> None:
    operation = running(pump)
    calls = Calls()
    no = Failure(code=Code.AZURE_FORBIDDEN, message="the app may not abort")
    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, calls, {"abort": refusing(no)}))
    cancelled(pump, operation)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert calls.made.count("ArmClusters.abort") == 1
    assert any("Azure would not abort it: the app may not abort" in event.text for event in pump.operations.history(operation.id))


def test_an_abort_that_got_no_answer_is_asked_for_again(pump: Pump) -> None:
    operation = running(pump)
    first: list[tuple[object, ...]] = []

    def abort(*arguments: object) -> None:
        if not first:
            first.append(arguments)
            raise CallFailed(AWAY)
        pump.clusters.abort(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them

    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"abort": abort}))
    cancelled(pump, operation)
    pump.run()
    assert pump.now(operation).status is Status.CANCELLED
    assert len(aborts(pump)) == 1


@pytest.mark.parametrize("fate", list(Fate))
def test_whatever_dies_while_aborting_the_operation_ends_cancelled_and_was_aborted_once(fate: Fate) -> None:
    """Each outside call from the cancellation on, struck in turn."""
    strike = 0
    while True:
        other = Pump(takes=MINUTE)
        other.submit(a_submission(a_create()))
        other.run()
        other.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
        own = running(other)
        cancelled(other, own)
        calls = Calls(strike=strike, fate=fate)
        services = other.rebuilt(
            clusters=Faulty(other.clusters, calls),
            operations=Faulty(other.operations, calls),
            wakes=Faulty(other.wakes, calls),
        )
        other.services = services
        other.run()
        assert other.now(own).status is Status.CANCELLED, (strike, calls.made[strike : strike + 1])
        assert len(aborts(other)) == 1, (strike, calls.made[strike : strike + 1])
        if len(calls.made) <= strike:
            return
        strike += 1


def test_an_abort_is_carried_out_while_all_acting_is_paused(pump: Pump) -> None:
    """Who stops the app because something goes wrong wants to stop what goes wrong as well."""
    operation = running(pump)
    pump.services.pause(HTTP, reason=None)
    cancelled(pump, operation)
    pump.run()
    assert pump.now(operation).status is Status.CANCELLED
    assert len(aborts(pump)) == 1


def test_an_aborted_cluster_can_be_asked_for_more(pump: Pump) -> None:
    cancelled(pump, running(pump))
    pump.run()
    again = pump.submit(a_submission())
    pump.run()
    assert pump.now(again).status is Status.SUCCEEDED


def test_the_other_verbs_meet_an_abort_as_any_cancellation(pump: Pump) -> None:
    operation = running(pump, Upgrade(version="latest"))
    cancelled(pump, operation)
    found = pump.services.suspend(operation.id, HTTP)
    assert not isinstance(found, Operation)
    assert found.code is Code.WRONG_STATE
    pump.run()
    assert pump.now(operation).status is Status.CANCELLED


def test_a_worker_that_slept_since_azure_said_it_still_runs_asks_for_no_abort(pump: Pump) -> None:
    operation = running(pump, Scale(pool="system", to=5))
    cancelled(pump, operation)
    asked = pump.clusters.poll

    def sleeps_after(handle: Handle) -> StillRunning | Answered:
        found = asked(handle)
        pump.clock.advance(10 * MINUTE)
        return found

    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"poll": sleeps_after}))
    pump.take()
    assert aborts(pump) == []
    pump.run()
    assert (pump.now(operation).status, aborts(pump)) == (Status.SUCCEEDED, [])

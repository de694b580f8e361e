"""Azure that never answers, two workers at once, and what the sweep finds. Trouble at every outside call is in `tests/simulation`."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.clusters import Absent, ClusterRef, Sight
from shared.model.errors import CallFailed, Code, Stale
from shared.model.operations import Head, Operation, Status, Wake
from shared.model.plans import Action, MakeCluster, MakeGroup
from shared.model.requests import Request, Scale, Submission
from tests.builders import QUEUE, WEB, a_create, a_submission
from tests.faulty import AWAY, Calls, Faulty
from tests.pump import Pump

pytestmark = pytest.mark.once


def _submission(request: Request, key: str) -> Submission:
    return a_submission(request, key=key, origin=QUEUE, cluster=WEB)


SCALE = [_submission(Scale(pool="user", to=5), "scale")]
TWO = [_submission(Scale(pool="user", to=5), "first"), _submission(Scale(pool="user", to=3), "second")]


def _pump() -> Pump:
    pump = Pump()
    made = a_create()
    cluster = MakeCluster(location=made.location, version=None, tier="Free", dns_prefix="web", pools=made.pools)
    for action in (MakeGroup(location=made.location), cluster):
        pump.clusters.attempt(WEB, action, Absent(what="what is to be made"))
    pump.clock.advance(pump.takes)
    return pump


# ---- Azure never answers


@pytest.mark.parametrize("silent", ["look", "attempt", "poll"])
def test_azure_never_answering_ends_the_operation_with_its_reason(silent: str) -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])

    def no_answer(*_: object) -> None:
        raise CallFailed(AWAY)

    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {silent: no_answer}))
    began = pump.clock.now()
    pump.run()
    ended = pump.now(operation)
    if silent == "poll":
        # The cluster has the last word: it was scaled, and the look at the end of the step's time sees it.
        assert ended.status is Status.SUCCEEDED
    else:
        assert ended.status is Status.FAILED
        assert ended.failure is not None
        assert ended.failure.code is Code.TIMED_OUT
    assert pump.clock.now() - began < timedelta(hours=2)
    assert not pump.operations.opened
    assert not pump.operations.heads


def test_azure_never_answering_the_first_look_of_one_that_waited_in_line_ends_it() -> None:
    pump = _pump()
    first, second = (pump.submit(submission) for submission in TWO)

    def no_answer(*_: object) -> None:
        raise CallFailed(AWAY)

    pump.run(until=pump.clock.now() + timedelta(minutes=1))
    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"cluster": no_answer}))
    pump.run()
    assert pump.now(first).status is Status.SUCCEEDED
    failure = pump.now(second).failure
    assert failure is not None
    assert failure.code is Code.TIMED_OUT


# ---- two workers at once


def _first_wake(pump: Pump) -> Wake:
    wake = pump.wakes.due()
    assert wake is not None
    return wake


def test_a_message_delivered_twice_at_once_makes_one_call() -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])
    wake = _first_wake(pump)
    mark = len(pump.world.witness.entries)
    other = pump.services
    outcomes: list[str] = []

    def while_looking(ref: ClusterRef, action: Action) -> Sight:
        if not outcomes:
            outcomes.append("the other worker runs to its end")
            other.advance(wake)
        return pump.clusters.look(ref, action)

    mine = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"look": while_looking}))
    with pytest.raises(Stale):
        mine.advance(wake)
    assert outcomes
    assert [entry.applied for entry in pump.world.witness.entries[mark:] if entry.method == "PUT"] == [True]
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


@pytest.mark.parametrize("where", ["commit", "attempt"])
def test_a_worker_paused_past_its_messages_visibility_makes_no_second_effect(where: str) -> None:
    """It wakes between its claim and its call (or in the call), when another has long found the claim and done the work."""
    pump = _pump()
    operation = pump.submit(SCALE[0])
    wake = _first_wake(pump)
    mark = len(pump.world.witness.entries)
    other = pump.services
    paused: list[str] = []

    def pausing(call: Callable[..., object]) -> Callable[..., object]:
        def paused_around(*arguments: object, **options: object) -> object:
            before = where == "attempt"
            answer = None if before else call(*arguments, **options)
            if not paused:
                paused.append(where)
                pump.clock.advance(timedelta(minutes=11))
                other.advance(wake)
            return call(*arguments, **options) if before else answer

        return paused_around

    calls = Calls()
    around = {where: pausing(pump.operations.commit if where == "commit" else pump.clusters.attempt)}
    mine = pump.rebuilt(operations=Faulty(pump.operations, calls, around), clusters=Faulty(pump.clusters, calls, around))
    with contextlib.nullcontext() if where == "commit" else pytest.raises(Stale):
        mine.advance(wake)
    assert paused
    assert calls.made.count("ArmClusters.attempt") == (0 if where == "commit" else 1)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert len([entry for entry in pump.world.witness.entries[mark:] if entry.applied]) == 1


def test_a_stale_wake_up_and_a_doubled_one_are_dropped_without_a_call() -> None:
    pump = _pump()
    pump.submit(SCALE[0])
    wake = _first_wake(pump)
    pump.deliver(wake)
    mark = len(pump.world.witness.entries)
    pump.deliver(wake)
    pump.deliver(replace(wake, wake=0))
    assert len(pump.world.witness.entries) == mark


def test_a_doubled_poll_leaves_one_live_continuation_after_the_next_transition() -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])
    pump.deliver(_first_wake(pump))
    doubled = pump.wakes.waiting[0][2]
    pump.wakes.send(doubled, delay=timedelta(seconds=31))
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert len(pump.operations.history(operation.id)) == pump.now(operation).saves


# ---- what the sweep finds


def test_an_emptied_queue_is_filled_again_by_the_sweep() -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])
    pump.wakes.waiting.clear()
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_a_head_removed_by_hand_is_put_back() -> None:
    pump = _pump()
    first, second = (pump.submit(submission) for submission in TWO)
    pump.operations.heads.clear()
    pump.wakes.waiting.clear()
    pump.run()
    assert {pump.now(operation).status for operation in (first, second)} == {Status.SUCCEEDED}
    assert not pump.operations.heads


def test_an_operation_removed_by_hand_is_forgotten_and_never_acted_upon() -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])
    mark = len(pump.world.witness.entries)
    pump.operations.heads.clear()
    del pump.operations.operations[operation.id]
    pump.run()
    assert not pump.operations.opened
    assert not [entry for entry in pump.world.witness.entries[mark:] if entry.applied]


def test_the_sweep_does_not_close_what_is_being_closed() -> None:
    pump = _pump()
    pump.submit(SCALE[0])

    def journal(operation: Operation) -> None:
        pump.sweep()
        pump.operations.journal(operation)

    pump.services = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"journal": journal}))
    pump.run()
    assert [said["event"] for _, said in pump.announcer.said] == ["accepted", "started", "ended"]


def test_the_sweep_leaves_alone_what_moves() -> None:
    pump = _pump()
    operation = pump.submit(SCALE[0])
    pump.deliver(_first_wake(pump))
    before = pump.now(operation)
    pump.services.sweep()
    assert pump.now(operation) == before
    assert len(pump.wakes.waiting) == 1


def test_the_sweep_replaces_a_silent_chain_and_never_adds_one() -> None:
    """A long step is quiet for long, so the sweep must not let wake-ups multiply."""
    pump = Pump(takes=timedelta(minutes=50))
    pump.submit(a_submission(a_create()))
    most = 0
    for _ in range(400):
        if not pump.turn():
            break
        most = max(most, len(pump.wakes.waiting))
    assert not pump.operations.opened
    assert most <= 2


def test_a_fault_with_one_operation_does_not_stop_the_sweep_of_another() -> None:
    pump = _pump()
    broken = pump.submit(SCALE[0])
    other = pump.submit(a_submission(a_create(), cluster=replace(WEB, name="other"), key="other"))
    pump.wakes.waiting.clear()
    pump.clock.advance(timedelta(minutes=20))

    def load(operation_id: str) -> Operation | None:
        if operation_id == broken.id:
            message = "unreadable"
            raise RuntimeError(message)
        return pump.operations.load(operation_id)

    pump.services = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"load": load}))
    with pytest.raises(ExceptionGroup, match="1 of 2"):
        pump.services.sweep()
    assert [wake.operation for _, _, wake in pump.wakes.waiting] == [other.id]


def test_a_head_holds_exactly_the_open_operations_in_order() -> None:
    pump = _pump()
    first, second = (pump.submit(submission) for submission in TWO)
    (stored,) = pump.operations.heads.values()
    assert stored.head == Head(current=pump.now(first), line=(second.id,))


def test_the_last_message_of_one_that_ended_begins_no_second_chain_for_the_next() -> None:
    pump = _pump()
    first, second = (pump.submit(submission) for submission in TWO)
    last = _first_wake(pump)
    while not pump.now(first).ended:
        pump.deliver(last)
        last = last if pump.now(first).ended else _next_wake(pump)
    pump.clock.advance(timedelta(seconds=1))
    pump.deliver(_next_wake(pump))
    assert pump.now(second).status is Status.RUNNING
    before = len(pump.wakes.waiting)
    pump.deliver(last)
    assert len(pump.wakes.waiting) == before


def _next_wake(pump: Pump) -> Wake:
    at = pump.wakes.next_at()
    assert at is not None
    pump.clock.instant = max(at, pump.clock.now())
    return _first_wake(pump)

"""Death and silence at every outside call of every scenario: each accepted operation ends, once, and as it should."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.memory import MemoryClock
from shared.model.answers import Taken
from shared.model.clusters import Absent, ClusterRef, Range, Sight
from shared.model.errors import CallFailed, Code, Stale
from shared.model.operations import Head, Operation, Status, Wake
from shared.model.plans import Action, MakeCluster, MakeGroup
from shared.model.requests import Delete, Request, Scale, Stop, Submission, Upgrade
from shared.services import Services
from tests.builders import QUEUE, WEB, a_create, a_submission
from tests.faulty import AWAY, Calls, Fate, Faulty
from tests.pump import Died, Pump

pytestmark = pytest.mark.once

DEADLINE = timedelta(hours=8)
"""Every scenario's steps together may take this long in virtual time, with every wait and retry of ours."""


def _submission(request: Request, key: str) -> Submission:
    return a_submission(request, key=key, origin=QUEUE, cluster=WEB)


CREATE = [_submission(a_create(), "create")]
SCALE = [_submission(Scale(pool="user", to=5), "scale")]
LIMITS = [_submission(Scale(pool="user", to=Range(min=1, max=7)), "limits")]
DELETE = [_submission(Delete(confirm="web", delete_resource_group=True), "delete")]
STOP = [_submission(Stop(), "stop")]
UPGRADE = [_submission(Upgrade(version="1.37"), "upgrade")]
LATER = [replace(_submission(Scale(pool="user", to=5), "later"), not_before=MemoryClock().instant + timedelta(hours=1))]
TWO = [_submission(Scale(pool="user", to=5), "first"), _submission(Scale(pool="user", to=3), "second")]

SCENARIOS = {
    "create": (CREATE, False),
    "scale": (SCALE, True),
    "limits": (LIMITS, True),
    "delete": (DELETE, True),
    "stop": (STOP, True),
    "upgrade": (UPGRADE, True),
    "later": (LATER, True),
    "two at once": (TWO, True),
}
TAKES = {"upgrade": timedelta(minutes=1)}
"""How long Azure takes for a step, where three minutes of it would only be more of the same polls."""


def _pump(*, exists: bool, takes: timedelta = Pump.takes) -> Pump:
    pump = Pump(registered=exists, takes=takes)
    if exists:
        made = a_create()
        cluster = MakeCluster(location=made.location, version=None, tier="Free", dns_prefix="web", pools=made.pools)
        for action in (MakeGroup(location=made.location), cluster):
            pump.clusters.attempt(WEB, action, Absent(what="what is to be made"))
        pump.clock.advance(pump.takes)
    return pump


def _faulted(pump: Pump, calls: Calls) -> Services:
    return pump.rebuilt(
        clusters=Faulty(pump.clusters, calls),
        operations=Faulty(pump.operations, calls),
        wakes=Faulty(pump.wakes, calls),
        announcer=Faulty(pump.announcer, calls),
    )


def _accept(pump: Pump, submission: Submission) -> Operation:
    """As a queue's redelivery or a caller's retry does: again with the same key, until it is answered."""
    for _ in range(4):
        try:
            taken = pump.services.submit(submission)
        except (Died, CallFailed):
            pump.clock.advance(timedelta(seconds=30))
            continue
        assert isinstance(taken, Taken), taken
        return taken.operation
    message = "never accepted"
    raise AssertionError(message)


def _play(submissions: list[Submission], *, exists: bool, calls: Calls, takes: timedelta = Pump.takes) -> tuple[Pump, list[Operation]]:
    pump = _pump(exists=exists, takes=takes)
    mark = len(pump.world.witness.entries)
    pump.services = _faulted(pump, calls)
    began = pump.clock.now()
    accepted = [_accept(pump, submission) for submission in submissions]
    pump.run()
    assert pump.clock.now() - began < DEADLINE
    _hold(pump, accepted, mark)
    return pump, accepted


def _hold(pump: Pump, accepted: list[Operation], mark: int) -> None:
    """What must hold after every run: it ended well, its history has no gap, the sender was told, nothing is left or was doubled."""
    store = pump.operations
    for operation in accepted:
        ended = pump.now(operation)
        assert ended.status is Status.SUCCEEDED, (ended.status, ended.failure)
        numbers = [event.n for event in store.history(operation.id)]
        assert numbers == list(range(1, ended.saves + 1))
        assert ended.id in store.journalled
        assert {"accepted", "started", "ended"} <= {said["event"] for _, said in pump.announcer.said if said["operation"] == ended.id}
    assert len(store.keys) <= len(accepted)
    assert not store.heads
    assert not store.opened
    assert not pump.wakes.waiting
    mutations = [entry for entry in pump.world.witness.entries[mark:] if entry.applied]
    for mutation in mutations:
        assert mutation.in_flight is None
    effects = [(entry.method, entry.path.partition("?")[0], entry.digest) for entry in mutations]
    wanted = {effect for effect in effects if effects.count(effect) > 1 and effect[0] != "PUT" and "register" not in effect[1]}
    assert not wanted  # nothing but an identical PUT is ever there twice


def _calls_of(submissions: list[Submission], *, exists: bool, takes: timedelta = Pump.takes) -> list[str]:
    calls = Calls()
    _play(submissions, exists=exists, calls=calls, takes=takes)
    return calls.made


CASES = [
    pytest.param(name, number, fate, id=f"{name}, call {number} ({call}): {fate}")
    for name, (submissions, exists) in SCENARIOS.items()
    for number, call in enumerate(_calls_of(submissions, exists=exists, takes=TAKES.get(name, Pump.takes)))
    for fate in Fate
]


@pytest.mark.parametrize(("name", "number", "fate"), CASES)
def test_whatever_goes_wrong_at_one_call_the_operation_ends_as_it_should(name: str, number: int, fate: Fate) -> None:
    submissions, exists = SCENARIOS[name]
    _play(submissions, exists=exists, calls=Calls(strike=number, fate=fate), takes=TAKES.get(name, Pump.takes))


def test_two_faults_in_one_scaling_change_nothing_either() -> None:
    """Every pair of calls of the smallest scenario, both dying, or the first losing its answer and the second dying."""
    count = len(_calls_of(SCALE, exists=True))
    for first, second in itertools.combinations(range(count + 4), 2):
        for fate in (Fate.DIES_AFTER, Fate.LOSES_ITS_ANSWER):
            _play(SCALE, exists=True, calls=Calls(strike=first, fate=fate, also=(second, Fate.DIES_BEFORE)))


# ---- Azure never answers


@pytest.mark.parametrize("silent", ["look", "attempt", "poll"])
def test_azure_never_answering_ends_the_operation_with_its_reason(silent: str) -> None:
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
    pump.submit(SCALE[0])
    wake = _first_wake(pump)
    pump.deliver(wake)
    mark = len(pump.world.witness.entries)
    pump.deliver(wake)
    pump.deliver(replace(wake, wake=0))
    assert len(pump.world.witness.entries) == mark


def test_a_doubled_poll_leaves_one_live_continuation_after_the_next_transition() -> None:
    pump = _pump(exists=True)
    operation = pump.submit(SCALE[0])
    pump.deliver(_first_wake(pump))
    doubled = pump.wakes.waiting[0][2]
    pump.wakes.send(doubled, delay=timedelta(seconds=31))
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert len(pump.operations.history(operation.id)) == pump.now(operation).saves


# ---- what the sweep finds


def test_an_emptied_queue_is_filled_again_by_the_sweep() -> None:
    pump = _pump(exists=True)
    operation = pump.submit(SCALE[0])
    pump.wakes.waiting.clear()
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_a_head_removed_by_hand_is_put_back() -> None:
    pump = _pump(exists=True)
    first, second = (pump.submit(submission) for submission in TWO)
    pump.operations.heads.clear()
    pump.wakes.waiting.clear()
    pump.run()
    assert {pump.now(operation).status for operation in (first, second)} == {Status.SUCCEEDED}
    assert not pump.operations.heads


def test_an_operation_removed_by_hand_is_forgotten_and_never_acted_upon() -> None:
    pump = _pump(exists=True)
    operation = pump.submit(SCALE[0])
    mark = len(pump.world.witness.entries)
    pump.operations.heads.clear()
    del pump.operations.operations[operation.id]
    pump.run()
    assert not pump.operations.opened
    assert not [entry for entry in pump.world.witness.entries[mark:] if entry.applied]


def test_the_sweep_does_not_close_what_is_being_closed() -> None:
    pump = _pump(exists=True)
    pump.submit(SCALE[0])

    def journal(operation: Operation) -> None:
        pump.sweep()
        pump.operations.journal(operation)

    pump.services = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"journal": journal}))
    pump.run()
    assert [said["event"] for _, said in pump.announcer.said] == ["accepted", "started", "ended"]


def test_the_sweep_leaves_alone_what_moves() -> None:
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
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
    pump = _pump(exists=True)
    first, second = (pump.submit(submission) for submission in TWO)
    (stored,) = pump.operations.heads.values()
    assert stored.head == Head(current=pump.now(first), line=(second.id,))

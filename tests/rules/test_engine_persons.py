"""What people may do with an operation: suspend, resume, force-close, retry; and what waits for them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.errors import Code, Failure, Refusal
from shared.model.operations import (
    Answered,
    Attention,
    Done,
    Failed,
    Handle,
    Operation,
    Rest,
    Running,
    Seen,
    Settling,
    Skipped,
    Starting,
    Status,
    Unseen,
    Waiting,
)
from shared.model.plans import Plan, ScalePool
from shared.rules import engine, pace
from tests.builders import NOON, a_cluster, a_pool, an_operation

LATER = NOON + timedelta(minutes=10)
FIVE, SIX = ScalePool(pool="user", to=5), ScalePool(pool="user", to=6)
SEEN = Seen(sight=a_cluster(pools=(a_pool("user", count=2),)))
AWAY = Unseen(failure=Failure(code=Code.UNREACHABLE, message="no answer", transient=True))
UNDER_WAY: list[Waiting | Starting | Running | Settling] = [
    Waiting(since=NOON, unsure=True),
    Starting(since=NOON, tries=1, claimed_at=NOON),
    Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://management.azure.com/x")),
    Settling(since=NOON, tries=1, answered_at=NOON),
]
NOT_BEGUN: list[Waiting | Starting | Running | Settling] = [Waiting(), Waiting(since=NOON, failure=AWAY.failure)]


def suspended(operation: Operation) -> Operation:
    after = engine.suspend(operation, by="ann", now=NOON)
    assert isinstance(after, Operation)
    return after


def resumed(operation: Operation) -> Operation:
    after = engine.resume(operation, LATER)
    assert isinstance(after, Operation)
    return after


def with_state(state: Waiting | Starting | Running | Settling) -> Operation:
    return replace(an_operation(FIVE, SIX), states=(state, Waiting()))


def done_and_failed() -> Operation:
    states = (
        Done(since=NOON, ended_at=NOON),
        Failed(since=NOON, ended_at=NOON, failure=Failure(code=Code.AZURE_FAILED, message="no")),
        Skipped(because="an earlier step failed"),
    )
    return replace(an_operation(FIVE, SIX, FIVE), states=states)


@pytest.mark.parametrize("state", NOT_BEGUN)
def test_what_has_not_begun_rests_once_it_is_suspended(state: Waiting) -> None:
    operation = suspended(with_state(state))
    assert (operation.status, operation.resting) == (Status.SUSPENDED, True)
    assert engine.next_move(operation, LATER) == Rest()
    assert pace.next_look(operation, LATER) is None


@pytest.mark.parametrize("state", UNDER_WAY, ids=lambda state: state.state)
def test_what_is_under_way_is_seen_to_its_end_before_it_rests(state: Starting) -> None:
    operation = suspended(with_state(state))
    assert (operation.status, operation.resting) == (Status.RUNNING, False)
    assert engine.next_move(operation, LATER) != Rest()
    assert pace.next_look(operation, LATER) is not None


def test_a_suspended_operation_makes_no_claim_even_where_its_call_was_lost() -> None:
    operation = suspended(with_state(Starting(since=NOON, tries=1, claimed_at=NOON)))
    after = engine.record(operation, SEEN, NOON + engine.CALL_LASTS)
    assert not engine.claimed(operation, after)
    assert after.resting


def test_a_step_that_ends_while_suspended_is_followed_by_none() -> None:
    goal = Seen(sight=a_cluster(pools=(a_pool("user", count=5),)))
    after = engine.record(suspended(with_state(Settling(since=NOON, tries=1, answered_at=NOON))), goal, LATER)
    assert isinstance(after.states[0], Done)
    assert after.resting
    assert after.status is Status.SUSPENDED


def test_an_answer_is_taken_while_suspended() -> None:
    operation = suspended(with_state(Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://management.azure.com/x"))))
    assert isinstance(engine.record(operation, Answered(), LATER).states[0], Settling)


def test_suspending_twice_is_the_same_as_once() -> None:
    operation = suspended(an_operation(FIVE))
    assert engine.suspend(operation, by="bob", now=LATER) is operation


@pytest.mark.parametrize("state", NOT_BEGUN)
def test_the_clock_of_a_step_that_has_not_begun_starts_anew_when_resumed(state: Waiting) -> None:
    operation = resumed(suspended(with_state(state)))
    assert operation.states[0] == Waiting()
    assert (operation.status, operation.suspended_by) == (Status.RUNNING, None)


@pytest.mark.parametrize("state", UNDER_WAY, ids=lambda state: state.state)
def test_resuming_forgets_nothing_of_what_is_under_way(state: Starting) -> None:
    assert resumed(suspended(with_state(state))).states[0] == state


def test_resuming_what_has_no_plan_gives_it_its_time_for_one_again() -> None:
    unplanned = replace(an_operation(FIVE), plan=None, states=())
    assert resumed(suspended(unplanned)).headed_at == LATER
    in_line = replace(unplanned, headed_at=None)
    assert resumed(suspended(in_line)).headed_at is None


def test_only_what_is_suspended_or_needs_a_person_can_be_resumed() -> None:
    refusal = engine.resume(an_operation(FIVE), LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.WRONG_STATE


def test_a_cancelled_operation_is_not_suspended_and_a_suspended_one_can_be_cancelled() -> None:
    running = engine.cancel(with_state(UNDER_WAY[2]), by="ann", now=NOON)
    assert isinstance(running, Operation)
    refusal = engine.suspend(running, by="ann", now=LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.WRONG_STATE
    cancelled = engine.cancel(suspended(an_operation(FIVE)), by="ann", now=LATER)
    assert isinstance(cancelled, Operation)
    assert cancelled.status is Status.CANCELLED


@pytest.mark.parametrize("state", [*NOT_BEGUN, *UNDER_WAY])
def test_a_forced_close_ends_any_state_and_says_what_may_go_on(state: Waiting) -> None:
    closed = engine.force_close(with_state(state), by="ann", now=LATER)
    assert isinstance(closed, Operation)
    assert (closed.status, closed.resting) == (Status.FAILED, False)
    assert closed.failure is not None
    assert closed.failure.code is Code.FORCE_CLOSED
    assert ("may go on" in closed.failure.message) is (state in UNDER_WAY)


def test_a_forced_close_ends_what_has_no_plan() -> None:
    closed = engine.force_close(replace(an_operation(FIVE), plan=None, states=(), headed_at=None), by="ann", now=LATER)
    assert isinstance(closed, Operation)
    assert closed.ended


def test_the_ended_are_neither_suspended_nor_resumed_nor_closed() -> None:
    ended = done_and_failed()
    for refusal in (
        engine.suspend(ended, by="ann", now=LATER),
        engine.resume(ended, LATER),
        engine.force_close(ended, by="ann", now=LATER),
    ):
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.ALREADY_ENDED


def test_what_is_left_undone_is_the_failed_step_and_those_after_it_as_they_were_planned() -> None:
    ended = done_and_failed()
    assert ended.plan is not None
    left = engine.undone(replace(ended, plan=replace(ended.plan, uid="one")))
    assert isinstance(left, Plan)
    assert [step.action for step in left.steps] == [SIX, FIVE]
    assert left.uid == "one"


def test_there_is_nothing_to_retry_of_what_is_open_or_succeeded() -> None:
    succeeded = replace(an_operation(FIVE), states=(Done(since=NOON, ended_at=NOON),))
    for operation in (an_operation(FIVE), succeeded):
        refusal = engine.undone(operation)
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.WRONG_STATE


def test_what_waits_for_a_person_ends_after_seven_days_unheard() -> None:
    failure = Failure(code=Code.BLOCKED_BY_EXTERNAL_OPERATION, message="somebody else's")
    held = replace(with_state(Waiting(since=NOON)), attention=Attention(failure=failure, since=NOON, holds=True))
    assert engine.expired(held, NOON + engine.UNHEARD - timedelta(seconds=1)) is None
    ended = engine.expired(held, NOON + engine.UNHEARD)
    assert ended is not None
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert ended.failure.code is Code.BLOCKED_BY_EXTERNAL_OPERATION

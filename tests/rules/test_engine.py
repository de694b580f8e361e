"""The state machine: every state meets every sighting, and each rule of its theory has a test that goes red without it."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.clusters import Absent, Group, PoolMode, Provider, Sight
from shared.model.errors import Code, Failure, Refusal
from shared.model.operations import (
    Accepted,
    Answered,
    Attempt,
    Done,
    Draw,
    Failed,
    Handle,
    OpenState,
    Operation,
    Poll,
    Refused,
    Rest,
    Running,
    Seen,
    Settling,
    Sighting,
    Skipped,
    Sleep,
    Starting,
    Status,
    StepState,
    StillRunning,
    Unseen,
    Verify,
    Waiting,
)
from shared.model.plans import Action, MakeCluster, MakeGroup, RegisterProvider, RemoveCluster, RemoveGroup, ScalePool
from shared.rules import engine
from tests.builders import NOON, a_cluster, a_plan, a_pool, a_spec, an_operation

HOUR = timedelta(hours=1)
LATER = NOON + timedelta(minutes=1)
LATER_STILL = NOON + engine.CALL_LASTS
TOO_LATE = NOON + HOUR
HANDLE = Handle(url="https://management.azure.com/subscriptions/s/operations/1")
BUSY = Failure(code=Code.BUSY, message="another operation is in progress", transient=True)
THROTTLED = Failure(code=Code.THROTTLED, message="slow down", transient=True, retry_after=timedelta(seconds=70))
FAULT = Failure(code=Code.AZURE_FAULT, message="internal error", transient=True)
LOST = Failure(code=Code.UNREACHABLE, message="no answer", transient=True, unsure=True)
FORBIDDEN = Failure(code=Code.AZURE_FORBIDDEN, message="you may not")
GONE_HANDLE = Failure(code=Code.HANDLE_GONE, message="no longer known", transient=True)
QUOTA = Failure(code=Code.OUT_OF_CAPACITY, message="quota exceeded")

REACHED = a_cluster(a_pool(count=5))
MISSING = a_cluster()
AT_WORK = a_cluster(a_pool(count=5, state="Updating"), state="Updating")
FAILED_AS_WANTED = a_cluster(a_pool(count=5, state="Failed"), state="Failed")
NOWHERE = Absent(what="cluster prod-rg/web")

STATES: dict[str, OpenState] = {
    "fresh": Waiting(),
    "waiting": Waiting(since=NOON, tries=1, failure=FAULT),
    "unsure": Waiting(since=NOON, tries=1, failure=LOST, unsure=True),
    "starting": Starting(since=NOON, tries=1, claimed_at=NOON),
    "starting unsure": Starting(since=NOON, tries=2, claimed_at=NOON, unsure=True),
    "running": Running(since=NOON, tries=1, started_at=NOON, handle=HANDLE),
    "settling": Settling(since=NOON, tries=1, answered_at=NOON),
    "settling after a fault": Settling(since=NOON, tries=1, answered_at=NOON, verdict=FAULT),
    "settling after no": Settling(since=NOON, tries=1, answered_at=NOON, verdict=QUOTA),
    "settling for the third time": Settling(since=NOON, tries=3, answered_at=NOON, verdict=FAULT),
}
SIGHTINGS: dict[str, Sighting] = {
    "goal": Seen(sight=REACHED),
    "gap": Seen(sight=MISSING),
    "at work": Seen(sight=AT_WORK),
    "failed as wanted": Seen(sight=FAILED_AS_WANTED),
    "nowhere": Seen(sight=NOWHERE),
    "look lost": Unseen(failure=LOST),
    "look throttled": Unseen(failure=THROTTLED),
    "look forbidden": Unseen(failure=FORBIDDEN),
    "accepted": Accepted(handle=HANDLE),
    "finished at once": Accepted(handle=None),
    "refused busy": Refused(failure=BUSY),
    "refused throttled": Refused(failure=THROTTLED),
    "refused lost": Refused(failure=LOST),
    "refused for good": Refused(failure=QUOTA),
    "refused forbidden": Refused(failure=FORBIDDEN),
    "handle gone": Refused(failure=GONE_HANDLE),
    "still running": StillRunning(progress="CreatingAgentPools: 1/3 nodes completed"),
    "answered well": Answered(),
    "answered badly": Answered(failure=FAULT),
}
NOWS = {"in time": LATER, "too late": TOO_LATE}


def at(state: StepState, **changes: object) -> Operation:
    """An operation whose only step is in `state`."""
    return replace(an_operation(), states=(state,), **changes)  # type: ignore[arg-type]


def only(operation: Operation) -> StepState:
    """The state of its only step."""
    (state,) = operation.states
    return state


@pytest.mark.parametrize("now", NOWS.values(), ids=NOWS)
@pytest.mark.parametrize("sighting", SIGHTINGS.values(), ids=SIGHTINGS)
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_every_state_meets_every_sighting_as_the_table_says_or_raises(state: OpenState, sighting: Sighting, now: datetime) -> None:
    allowed = engine.TRANSITIONS.get((state.state, sighting.kind))
    if allowed is None:
        with pytest.raises(ValueError, match="cannot meet"):
            engine.record(at(state), sighting, now)
        return
    assert only(engine.record(at(state), sighting, now)).state in allowed


def test_the_table_names_nothing_that_cannot_happen() -> None:
    happened: set[tuple[str, str, str]] = set()
    for state, sighting, now in itertools.product(STATES.values(), SIGHTINGS.values(), NOWS.values()):
        if (state.state, sighting.kind) in engine.TRANSITIONS:
            happened.add((state.state, sighting.kind, only(engine.record(at(state), sighting, now)).state))
    listed = {(state, kind, after) for (state, kind), afters in engine.TRANSITIONS.items() for after in afters}
    assert happened == listed


def test_the_walk_covers_every_state_and_every_sighting_there_is() -> None:
    assert {type(state) for state in STATES.values()} == set(get_args(OpenState))
    assert {type(sighting) for sighting in SIGHTINGS.values()} == set(get_args(Sighting))


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_out_of_time_every_sighting_of_the_cluster_ends_the_step(state: OpenState) -> None:
    if state.since is None:
        return
    for sight in (REACHED, MISSING, AT_WORK, NOWHERE):
        assert isinstance(only(engine.record(at(state), Seen(sight=sight), TOO_LATE)), Done | Failed)
    blind = engine.record(at(state), Unseen(failure=LOST), TOO_LATE)
    if at(state).under_way:
        # Something may have been sent, so a look that fails says nothing: it is looked at for a while more.
        assert only(blind) == state
        assert engine.next_move(blind, TOO_LATE) != Rest()
        assert only(engine.record(blind, Unseen(failure=LOST), TOO_LATE + engine.LAST_LOOKS - timedelta(seconds=1))) == state
        blind = engine.record(blind, Unseen(failure=LOST), TOO_LATE + engine.LAST_LOOKS)
        assert "may be applied" in str(blind.failure)
    assert isinstance(only(blind), Failed)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_out_of_time_the_next_move_is_a_look(state: OpenState) -> None:
    expected = Attempt if isinstance(state, Waiting | Starting) else Verify
    if state.since is not None:
        assert isinstance(engine.next_move(at(state), TOO_LATE), expected)


MOVES = [
    ("fresh", Attempt),
    ("waiting", Attempt),
    ("starting", Attempt),
    ("running", Poll),
    ("settling", Verify),
]


@pytest.mark.parametrize(("state", "move"), MOVES)
def test_each_state_has_its_move(state: str, move: type) -> None:
    assert isinstance(engine.next_move(at(STATES[state]), LATER), move)


def test_before_its_time_a_waiting_step_sleeps_until_then() -> None:
    until = LATER + timedelta(seconds=30)
    waiting = Waiting(since=NOON, tries=1, until=until, failure=THROTTLED)
    assert engine.next_move(at(waiting), LATER) == Sleep(until=until)
    assert isinstance(engine.next_move(at(waiting), until), Attempt)


def test_an_operation_that_is_not_the_first_of_its_cluster_rests() -> None:
    assert engine.next_move(replace(an_operation(), headed_at=None), LATER) == Rest()


def test_the_first_of_a_cluster_without_a_plan_draws_one() -> None:
    assert engine.next_move(replace(an_operation(), plan=None, states=()), LATER) == Draw()


@pytest.mark.parametrize("end", [Done(since=NOON, ended_at=NOON), Failed(since=NOON, ended_at=NOON, failure=QUOTA), Skipped(because="no")])
def test_an_ended_operation_rests_for_ever(end: StepState) -> None:
    assert engine.next_move(at(end), TOO_LATE) == Rest()


# ---- what each sighting means


def test_a_goal_that_holds_already_is_done_without_a_claim() -> None:
    assert only(engine.record(at(Waiting()), SIGHTINGS["goal"], LATER)) == Done(since=LATER, ended_at=LATER, note="already so")


def test_a_missing_goal_is_claimed_and_only_a_claim_entitles_to_a_call() -> None:
    before = at(Waiting())
    after = engine.record(before, SIGHTINGS["gap"], LATER)
    assert only(after) == Starting(since=LATER, tries=1, claimed_at=LATER)
    assert engine.claimed(before, after)
    assert after.started_at == LATER
    for sighting in ("goal", "at work", "look lost", "nowhere"):
        assert not engine.claimed(before, engine.record(before, SIGHTINGS[sighting], LATER))


def test_claimed_is_not_sent() -> None:
    """A claim that is found is looked at, and made again where Azure is idle and the goal missing."""
    found = at(Starting(since=NOON, tries=1, claimed_at=NOON))
    again = engine.record(found, SIGHTINGS["gap"], LATER_STILL)
    assert only(again) == Starting(since=NOON, tries=2, claimed_at=LATER_STILL, unsure=True)
    assert engine.claimed(found, again)


def test_a_claim_whose_call_may_still_be_on_its_way_is_neither_repeated_nor_given_up() -> None:
    found = at(Starting(since=NOON, tries=1, claimed_at=NOON))
    assert engine.record(found, SIGHTINGS["gap"], LATER_STILL - timedelta(seconds=1)) is found
    cancelled = engine.cancel(found, by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    assert engine.record(cancelled, SIGHTINGS["gap"], LATER) is cancelled


def test_a_cluster_that_somebody_else_made_meanwhile_is_not_made_over() -> None:
    make = MakeCluster(
        location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec("user", mode=PoolMode.USER, count=5),)
    )
    fresh = an_operation(make)
    ended = engine.record(fresh, SIGHTINGS["gap"], LATER)
    assert not engine.claimed(fresh, ended)
    assert ended.failure is not None
    assert ended.failure.code is Code.CLUSTER_EXISTS
    for state in (STATES["waiting"], STATES["unsure"], STATES["starting"]):
        ours = replace(fresh, states=(state,))
        assert engine.claimed(ours, engine.record(ours, SIGHTINGS["gap"], LATER_STILL))


def test_a_claim_whose_call_is_at_work_in_azure_is_adopted() -> None:
    found = at(Starting(since=NOON, tries=1, claimed_at=NOON))
    assert engine.record(found, SIGHTINGS["at work"], LATER) is found
    assert only(engine.record(found, SIGHTINGS["goal"], LATER)) == Done(since=NOON, ended_at=LATER)


def test_values_alone_prove_nothing_while_azure_is_at_work() -> None:
    assert isinstance(only(engine.record(at(STATES["settling"]), SIGHTINGS["at work"], LATER)), Settling)


def test_azure_saying_success_is_not_success() -> None:
    settling = engine.record(at(STATES["running"]), Answered(), LATER)
    assert isinstance(only(settling), Settling)
    waiting = only(engine.record(settling, SIGHTINGS["gap"], LATER))
    assert isinstance(waiting, Waiting)
    assert waiting.failure is not None
    assert waiting.failure.code is Code.NOT_REACHED


def test_a_cluster_that_shows_the_target_but_has_failed_is_reconciled_once_and_then_fails() -> None:
    first = Settling(since=NOON, tries=1, answered_at=NOON)
    assert isinstance(only(engine.record(at(first), SIGHTINGS["failed as wanted"], LATER)), Waiting)
    second = only(engine.record(at(replace(first, tries=2)), SIGHTINGS["failed as wanted"], LATER))
    assert isinstance(second, Failed)
    assert second.failure.code is Code.NOT_REACHED


def test_done_though_azure_reported_failure_says_so() -> None:
    done = only(engine.record(at(STATES["settling after no"]), SIGHTINGS["goal"], LATER))
    assert isinstance(done, Done)
    assert done.note is not None
    assert "quota exceeded" in done.note


def test_a_failure_that_azure_will_repeat_is_not_tried_again() -> None:
    failed = only(engine.record(at(STATES["settling after no"]), SIGHTINGS["gap"], LATER))
    assert isinstance(failed, Failed)
    assert failed.failure.code is Code.OUT_OF_CAPACITY


def test_a_fault_of_azures_is_tried_three_times() -> None:
    assert isinstance(only(engine.record(at(STATES["settling after a fault"]), SIGHTINGS["gap"], LATER)), Waiting)
    assert isinstance(only(engine.record(at(STATES["settling for the third time"]), SIGHTINGS["gap"], LATER)), Failed)


def test_being_busy_or_throttled_is_no_try() -> None:
    """Such calls were surely not taken, so they are bounded by time and never by number."""
    starting = at(Starting(since=NOON, tries=1, claimed_at=NOON))
    for sighting in ("refused busy", "refused throttled"):
        waiting = only(engine.record(starting, SIGHTINGS[sighting], LATER))
        assert isinstance(waiting, Waiting)
        assert waiting.tries == 0
        assert not waiting.unsure


def test_a_call_without_an_answer_leaves_the_step_unsure_and_is_a_try() -> None:
    waiting = only(engine.record(at(STATES["starting"]), SIGHTINGS["refused lost"], LATER))
    assert isinstance(waiting, Waiting)
    assert waiting.unsure
    assert waiting.tries == 1


def test_a_sure_refusal_does_not_make_an_earlier_doubt_go_away() -> None:
    waiting = only(engine.record(at(STATES["starting unsure"]), SIGHTINGS["refused busy"], LATER))
    assert isinstance(waiting, Waiting)
    assert waiting.unsure


def test_azures_retry_after_is_heeded_within_bounds() -> None:
    for asked, given_ in ((70, 70), (1, 5), (86_400, 300)):
        refused = Refused(failure=replace(THROTTLED, retry_after=timedelta(seconds=asked)))
        waiting = only(engine.record(at(STATES["starting"]), refused, LATER))
        assert isinstance(waiting, Waiting)
        assert waiting.until == LATER + timedelta(seconds=given_)


def test_the_very_first_look_starts_the_clock_even_if_it_fails() -> None:
    waiting = only(engine.record(at(Waiting()), SIGHTINGS["look lost"], LATER))
    assert isinstance(waiting, Waiting)
    assert waiting.since == LATER
    late = only(engine.record(at(waiting), SIGHTINGS["look lost"], LATER + HOUR))
    assert isinstance(late, Failed)
    assert late.failure.code is Code.TIMED_OUT


def test_unchanged_is_the_very_same_object_so_that_nothing_is_saved() -> None:
    for state, sighting in (
        ("running", "still running"),
        ("running", "refused lost"),
        ("running", "refused throttled"),
        ("starting", "look lost"),
        ("settling", "at work"),
        ("settling", "look lost"),
    ):
        operation = at(STATES[state])
        assert engine.record(operation, SIGHTINGS[sighting], LATER) is operation


def test_waiting_for_somebody_elses_operation_is_saved_once() -> None:
    first = engine.record(at(Waiting()), SIGHTINGS["at work"], LATER)
    assert engine.record(first, SIGHTINGS["at work"], LATER + timedelta(seconds=30)) is first


def test_a_lost_handle_is_decided_by_looking() -> None:
    settling = engine.record(at(STATES["running"]), SIGHTINGS["handle gone"], LATER)
    assert isinstance(only(settling), Settling)
    assert isinstance(only(engine.record(settling, SIGHTINGS["goal"], LATER)), Done)
    assert isinstance(only(engine.record(settling, SIGHTINGS["gap"], LATER)), Waiting)


def test_a_token_that_is_not_to_be_had_for_a_moment_ends_nothing() -> None:
    """The identity service is away: nothing was asked of Azure, which goes on with what it took."""
    no_token = Failure(code=Code.AZURE_FORBIDDEN, message="no token", transient=True)
    running = at(STATES["running"])
    assert engine.record(running, Refused(failure=no_token), LATER) is running
    assert isinstance(only(engine.record(running, SIGHTINGS["refused forbidden"], LATER)), Failed)


def test_a_status_url_that_azure_refuses_says_nothing_of_the_cluster() -> None:
    refused = Refused(failure=Failure(code=Code.AZURE_REFUSED, message="InvalidSignature: no"))
    settling = engine.record(at(STATES["running"]), refused, LATER)
    assert isinstance(only(settling), Settling)
    assert isinstance(only(engine.record(settling, SIGHTINGS["at work"], LATER)), Settling)
    assert isinstance(only(engine.record(settling, SIGHTINGS["goal"], LATER)), Done)
    assert isinstance(only(engine.record(settling, SIGHTINGS["gap"], LATER)), Failed)


def test_a_group_that_holds_what_nobody_asked_to_delete_is_left_alone() -> None:
    group = Group(name="prod-rg", location="westeurope", state="Succeeded", clusters=("other",))
    operation = an_operation(RemoveGroup())
    failed = only(engine.record(operation, Seen(sight=group), LATER))
    assert isinstance(failed, Failed)
    assert failed.failure.message == "resource group prod-rg holds other, which nobody asked to delete"
    assert engine.claimed(operation, engine.record(operation, Seen(sight=replace(group, clusters=())), LATER))


def test_a_cluster_that_is_gone_fails_what_needs_it() -> None:
    for state in ("fresh", "waiting", "settling"):
        failed = only(engine.record(at(STATES[state]), SIGHTINGS["nowhere"], LATER))
        assert isinstance(failed, Failed)
        assert failed.failure.code is Code.GONE


ABORTED = a_cluster(a_pool(state="Canceled"))


def test_what_may_have_been_sent_and_was_aborted_is_not_sent_again() -> None:
    for state in (STATES["unsure"], STATES["starting"], STATES["starting unsure"]):
        failed = only(engine.record(at(state), Seen(sight=ABORTED), LATER_STILL))
        assert isinstance(failed, Failed)
        assert failed.failure.code is Code.CANCELLED_EXTERNALLY
        assert "pool user has 2 nodes, want 5" in failed.failure.message


def test_what_was_aborted_before_anything_was_sent_is_reconciled_whatever_dies() -> None:
    """Through a lost answer, a sure refusal after it and a claim that is found."""
    operation = engine.record(at(Waiting()), Seen(sight=ABORTED), NOON)
    for refusal in ("refused lost", "refused busy"):
        assert isinstance(only(operation), Starting)
        operation = engine.record(engine.record(operation, SIGHTINGS[refusal], LATER), Seen(sight=ABORTED), LATER_STILL)
    again = engine.record(operation, Seen(sight=ABORTED), LATER_STILL + engine.CALL_LASTS)
    assert engine.claimed(operation, again)


def planned_for(uid: str | None, state: OpenState, *actions: Action) -> Operation:
    """An operation planned for the cluster of that uid, its only step in `state`."""
    operation = an_operation(*actions)
    assert operation.plan is not None
    return replace(operation, plan=replace(operation.plan, uid=uid), states=(state,))


@pytest.mark.parametrize("state", ["fresh", "waiting", "unsure", "settling", "settling after no"])
def test_another_cluster_of_the_name_is_not_the_one_that_was_planned_for(state: str) -> None:
    for sight in (REACHED, MISSING, AT_WORK):
        failed = only(engine.record(planned_for("one", STATES[state]), Seen(sight=replace(sight, uid="two")), LATER))
        assert isinstance(failed, Failed)
        assert failed.failure.code is Code.GONE
        assert "another was made under its name" in failed.failure.message


def test_a_deletion_is_done_when_another_cluster_has_the_name() -> None:
    deleting = planned_for("one", STATES["settling"], RemoveCluster())
    assert isinstance(only(engine.record(deleting, Seen(sight=a_cluster(uid="two")), LATER)), Done)
    assert not isinstance(only(engine.record(deleting, Seen(sight=a_cluster(uid="one")), LATER)), Done)


@pytest.mark.parametrize(("planned", "seen"), [(None, "two"), ("one", None), ("one", "one")])
def test_a_cluster_of_which_nobody_can_say_that_it_is_another_is_the_one(planned: str | None, seen: str | None) -> None:
    assert isinstance(only(engine.record(planned_for(planned, Waiting()), Seen(sight=replace(REACHED, uid=seen)), LATER)), Done)


def test_making_a_cluster_is_about_its_name() -> None:
    make = MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),))
    found = a_cluster(uid="two")
    made = replace(found, pools=found.pools[:1])
    assert isinstance(only(engine.record(planned_for("one", STATES["settling"], make), Seen(sight=made), LATER)), Done)


OUT_OF_TIME = [
    ("running", "at work", Code.STILL_RUNNING_IN_AZURE),
    ("settling", "at work", Code.STILL_RUNNING_IN_AZURE),
    ("starting", "at work", Code.STILL_RUNNING_IN_AZURE),
    ("running", "gap", Code.TIMED_OUT),
    ("waiting", "gap", Code.TIMED_OUT),
]


@pytest.mark.parametrize(("state", "sighting", "code"), OUT_OF_TIME)
def test_out_of_time_the_reason_says_what_azure_is_doing(state: str, sighting: str, code: Code) -> None:
    failed = only(engine.record(at(STATES[state]), SIGHTINGS[sighting], TOO_LATE))
    assert isinstance(failed, Failed)
    assert failed.failure.code is code
    assert "within 1:00:00" in failed.failure.message


def test_out_of_time_behind_somebody_elses_operation_a_person_must_decide() -> None:
    waiting = engine.record(at(Waiting()), SIGHTINGS["at work"], NOON)
    held = engine.record(waiting, SIGHTINGS["at work"], TOO_LATE)
    assert held.attention is not None
    assert held.attention.holds
    assert held.attention.failure.code is Code.BLOCKED_BY_EXTERNAL_OPERATION
    assert isinstance(only(held), Waiting)
    assert (held.status, held.resting) == (Status.NEEDS_ATTENTION, True)


def test_a_failed_step_skips_the_later_ones() -> None:
    operation = an_operation(ScalePool(pool="user", to=5), ScalePool(pool="user", to=6))
    failed = engine.record(operation, SIGHTINGS["look forbidden"], LATER)
    assert failed.states[1] == Skipped(because="an earlier step failed")
    assert failed.status is Status.FAILED
    assert failed.ended


def test_steps_run_in_order_and_none_begins_before_its_predecessor_is_verified() -> None:
    operation = an_operation(ScalePool(pool="user", to=5), RemoveCluster())
    answered = replace(operation, states=(STATES["running"], Waiting()))
    settling = engine.record(answered, Answered(), LATER)
    assert settling.cursor == 0
    assert engine.record(settling, SIGHTINGS["goal"], LATER).cursor == 1


@pytest.mark.parametrize(
    ("action", "sight", "done"),
    [
        (RegisterProvider(), Provider(namespace="Microsoft.ContainerService", state="Registered"), True),
        (RegisterProvider(), Provider(namespace="Microsoft.ContainerService", state="Registering"), False),
        (MakeGroup(location="westeurope"), Group(name="prod-rg", location="westeurope", state="Succeeded"), True),
        (RemoveCluster(), NOWHERE, True),
        (RemoveCluster(), a_cluster(state="Deleting"), False),
    ],
)
def test_each_kind_of_action_is_done_by_what_is_seen(
    action: RegisterProvider | MakeGroup | RemoveCluster, sight: Sight, *, done: bool
) -> None:
    after = engine.record(replace(an_operation(action), states=(STATES["settling"],)), Seen(sight=sight), LATER)
    assert isinstance(only(after), Done) is done


# ---- cancelling


def test_cancelling_before_the_claim_ends_at_once() -> None:
    cancelled = engine.cancel(at(Waiting()), by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    assert cancelled.status is Status.CANCELLED
    assert only(cancelled) == Skipped(because="cancelled by me")


@pytest.mark.parametrize("state", ["starting", "running", "settling", "unsure"])
def test_cancelling_while_something_may_be_under_way_waits_for_it(state: str) -> None:
    operation = replace(an_operation(ScalePool(pool="user", to=5), RemoveCluster()), states=(STATES[state], Waiting()))
    cancelled = engine.cancel(operation, by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    assert not cancelled.ended
    sighting: Sighting = Answered() if state == "running" else SIGHTINGS["goal"]
    ended = engine.record(cancelled, sighting, LATER)
    if state == "running":
        ended = engine.record(ended, SIGHTINGS["goal"], LATER)
    assert isinstance(ended.states[0], Done)
    assert ended.states[1] == Skipped(because="cancelled by me; what the steps before it did stays")
    assert ended.status is Status.CANCELLED


@pytest.mark.parametrize("state", ["starting", "unsure"])
def test_a_cancelled_step_of_which_nothing_runs_is_never_claimed_again(state: str) -> None:
    cancelled = engine.cancel(at(STATES[state]), by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    ended = engine.record(cancelled, SIGHTINGS["gap"], LATER_STILL)
    assert ended.status is Status.CANCELLED
    assert not engine.claimed(cancelled, ended)


def test_cancelling_too_late_leaves_a_success_a_success() -> None:
    cancelled = engine.cancel(at(STATES["settling"]), by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    assert engine.record(cancelled, SIGHTINGS["goal"], LATER).status is Status.SUCCEEDED


def test_cancelling_what_has_ended_is_refused_with_its_status() -> None:
    refusal = engine.cancel(at(Done(since=NOON, ended_at=NOON)), by="me", now=LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.ALREADY_ENDED
    assert "succeeded" in refusal.message


def test_cancelling_twice_is_cancelling_once() -> None:
    once = engine.cancel(at(STATES["running"]), by="me", now=LATER)
    assert isinstance(once, Operation)
    assert engine.cancel(once, by="you", now=TOO_LATE) is once


def test_cancelling_one_that_waits_in_line_ends_it() -> None:
    waiting = replace(an_operation(), plan=None, states=(), headed_at=None)
    cancelled = engine.cancel(waiting, by="me", now=LATER)
    assert isinstance(cancelled, Operation)
    assert cancelled.status is Status.CANCELLED


# ---- drawing a plan, and calling for help


def test_no_look_to_plan_from_ends_in_time() -> None:
    operation = replace(an_operation(), plan=None, states=())
    assert engine.record(operation, Unseen(failure=LOST), LATER) is operation
    ended = engine.record(operation, Unseen(failure=LOST), NOON + engine.DRAW_LIMIT)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert ended.failure.code is Code.TIMED_OUT
    forbidden = engine.record(operation, Unseen(failure=FORBIDDEN), LATER)
    assert forbidden.failure is not None
    assert forbidden.failure.code is Code.AZURE_FORBIDDEN


def test_an_operation_without_a_plan_meets_nothing_else() -> None:
    with pytest.raises(ValueError, match="without a plan"):
        engine.record(replace(an_operation(), plan=None, states=()), SIGHTINGS["goal"], LATER)


def test_a_plan_whose_goal_holds_is_born_done() -> None:
    operation = replace(an_operation(), plan=None, states=())
    assert engine.drawn(operation, a_plan(), LATER, already_so=True).status is Status.SUCCEEDED


def test_a_call_for_attention_goes_away_when_the_operation_moves() -> None:
    distressed = engine.distressed(at(STATES["running"]), FAULT, LATER)
    assert distressed.status is Status.NEEDS_ATTENTION
    assert engine.record(distressed, Answered(), LATER).status is Status.RUNNING


def test_the_last_resort_ends_only_what_calls_for_attention_and_is_long_out_of_time() -> None:
    long_after = NOON + HOUR + engine.GRACE
    distressed = engine.distressed(at(STATES["running"]), FAULT, LATER)
    assert engine.expired(at(STATES["running"]), long_after) is None
    assert engine.expired(distressed, long_after - timedelta(seconds=1)) is None
    stuck = engine.expired(distressed, long_after)
    assert stuck is not None
    assert stuck.failure is not None
    assert stuck.failure.code is Code.STUCK
    undrawn = engine.distressed(replace(an_operation(), plan=None, states=()), FAULT, LATER)
    assert engine.expired(undrawn, long_after - timedelta(seconds=1)) is None
    ended = engine.expired(undrawn, long_after)
    assert ended is not None
    assert ended.ended


# ---- any story ends


@settings(max_examples=300, deadline=None)
@given(story=st.lists(st.sampled_from(sorted(SIGHTINGS)), max_size=60), start=st.sampled_from(sorted(STATES)))
def test_any_story_ends_and_an_end_is_final(story: list[str], start: str) -> None:
    """Whatever is sighted, in whatever order, an hour, its last looks and a look later the operation has ended."""
    operation = at(STATES[start])
    now = LATER
    for name in story:
        if operation.ended:
            break
        cursor = operation.cursor
        assert cursor is not None
        if (operation.states[cursor].state, SIGHTINGS[name].kind) in engine.TRANSITIONS:
            operation = engine.record(operation, SIGHTINGS[name], now)
        now += timedelta(seconds=20)
    if not operation.ended:
        operation = engine.record(operation, SIGHTINGS["look lost"], now)
    if not operation.ended:
        operation = engine.record(operation, SIGHTINGS["look lost"], now + HOUR + engine.LAST_LOOKS)
    assert operation.ended
    assert engine.next_move(operation, now) == Rest()

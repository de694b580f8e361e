"""What histories tell about how long Azure took: an interval that holds the truth, or nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.acting import Hold
from shared.model.clusters import PowerState
from shared.model.errors import Code, Failure, Refusal
from shared.model.operations import Accepted, Answered, Event, Handle, Operation, Refused, Seen, Sighting, Starting
from shared.model.paces import Sample
from shared.model.plans import Action, Plan, ScalePool, StopPool
from shared.rules import engine, learning, pace, sampling
from shared.work.saving import changed
from tests.builders import NOON, a_cluster, a_pool, an_operation

KIND = "scale_pool"
FIGURES = {KIND: pace.LOOKS[KIND], "stop_pool": pace.LOOKS["stop_pool"]}
SINCE = dict.fromkeys(FIGURES, NOON)
FIRST, SECOND, *_, LAST = pace.LOOKS[KIND]
GAP, GOAL = Seen(sight=a_cluster()), Seen(sight=a_cluster(a_pool(count=5)))
AT_WORK = Seen(sight=a_cluster(state="Scaling"))
ACCEPTED, WELL = Accepted(handle=Handle(url="https://management.azure.com/subscriptions/s")), Answered()
WRONG = Failure(code=Code.AZURE_FAILED, message="it broke")
UNSURE = Failure(code=Code.UNREACHABLE, message="no answer", transient=True, unsure=True)
HOUR = 3600


class Story:
    """An operation and its history, written as the use cases write it: what a turn sees is saved at its end, with one event."""

    def __init__(self, *actions: Action) -> None:
        self.operation = an_operation(*actions)
        self.events = [Event(n=1, at=NOON, text="accepted")]

    def saved(self, after: Operation | Refusal | None) -> "Story":
        assert isinstance(after, Operation), after
        change = changed(self.operation, after)
        self.operation = change.operation
        self.events.append(change.event)
        return self

    def at(self, seconds: float, *sightings: Sighting, hold: Hold | None = None) -> "Story":
        after = self.operation
        for sighting in sightings:
            after = engine.record(after, sighting, NOON + timedelta(seconds=seconds), hold=hold)
        return self.saved(after)

    def begun(self) -> "Story":
        """Azure took the call at noon."""
        return self.at(0, GAP).at(0, ACCEPTED)

    def swept(self, seconds: float) -> "Story":
        return self.saved(replace(self.operation, updated_at=NOON + timedelta(seconds=seconds)))

    def tells(self, **changes: object) -> tuple[Sample, ...]:
        return sampling.samples(self.operation, self.events, **{"looks": FIGURES, "since": SINCE, **changes})  # type: ignore[arg-type]


def begun() -> Story:
    return Story().begun()


def between(longer_than: float, at_most: float | None, kind: str = KIND) -> Sample:
    most = None if at_most is None else timedelta(seconds=at_most)
    return Sample(kind=kind, longer_than=timedelta(seconds=longer_than), at_most=most)


def test_what_the_second_look_notices_ended_between_the_two() -> None:
    assert begun().at(SECOND + 3, WELL, GOAL).tells() == (between(FIRST - 5, SECOND + 3),)


def test_what_the_first_look_notices_took_no_longer() -> None:
    assert begun().at(FIRST, WELL, GOAL).tells() == (between(0, FIRST),)


def test_what_outlasts_the_figures_ended_since_the_look_before() -> None:
    assert begun().at(HOUR - 1, WELL, GOAL).tells() == (between(HOUR - 1 - 10 - 300, HOUR - 1),)
    assert begun().at(890, WELL, GOAL).tells() == (between(800, 890),)
    assert begun().at(LAST + 35, WELL, GOAL).tells() == (between(LAST - 5, LAST + 35),)


@pytest.mark.parametrize("seconds", [FIRST - 1, FIRST + 11, LAST + 11, LAST + 24, 0, -60])
def test_what_no_look_that_came_in_time_noticed_tells_nothing(seconds: float) -> None:
    assert begun().at(seconds, WELL, GOAL).tells() == ()


def test_where_the_cluster_settled_later_azures_report_counts() -> None:
    assert begun().at(SECOND, WELL, AT_WORK).at(SECOND + 15, GOAL).tells() == (between(FIRST - 5, SECOND),)


def test_each_step_is_timed_by_itself_though_its_end_and_the_next_ones_beginning_are_one_save() -> None:
    story = Story(ScalePool(pool="user", to=5), StopPool(pool="user")).begun()
    story.at(SECOND, WELL, GOAL, GOAL).at(SECOND, ACCEPTED)
    assert [type(state).__name__ for state in story.operation.states] == ["Done", "Running"]
    stopped = Seen(sight=a_cluster(a_pool(power=PowerState.STOPPED)))
    assert story.tells() == ()
    story.at(SECOND + 62, WELL, stopped)
    assert story.tells() == (between(FIRST - 5, SECOND), between(40, 62, "stop_pool"))


def test_what_the_sweep_woke_surely_lasted_until_the_look_that_it_was_woken_for() -> None:
    assert begun().swept(905).at(1200, WELL, GOAL).tells() == (between(905, 1200),)
    assert begun().swept(905).swept(1810).at(1815, WELL, GOAL).tells() == (between(905, 1815),)
    assert begun().swept(905).at(910, WELL, GOAL).tells() == (between(0, 910),)


def test_where_a_clock_went_back_over_the_beginning_nothing_is_told() -> None:
    assert begun().swept(905).at(-60, WELL, GOAL).tells() == ()


def test_what_azure_was_still_at_work_on_when_its_time_was_up_lasted_longer() -> None:
    assert begun().at(HOUR, AT_WORK).tells() == (between(HOUR, None),)


def cancelled(story: Story) -> Story:
    return story.saved(engine.cancel(story.operation, by="ada", now=NOON))


def suspended(story: Story) -> Story:
    return story.saved(engine.suspend(story.operation, by="ada", now=NOON))


def poisoned(story: Story) -> Story:
    return story.saved(engine.distressed(story.operation, WRONG, NOON))


def abort_refused(story: Story) -> Story:
    asked = story.saved(engine.cancel(story.operation, by="ada", now=NOON, abort=True))
    return asked.saved(engine.aborted(asked.operation, WRONG, NOON))


def aborted(story: Story) -> Story:
    asked = story.saved(engine.cancel(story.operation, by="ada", now=NOON, abort=True))
    return asked.saved(engine.aborted(asked.operation, None, NOON))


@pytest.mark.parametrize("meddled", [cancelled, suspended, poisoned, abort_refused, aborted])
def test_where_anybody_meddled_nothing_is_told(meddled: Callable[[Story], Story]) -> None:
    story = meddled(begun()).at(SECOND, WELL, GOAL)
    assert story.operation.ended
    assert story.tells() == ()


def test_what_was_aborted_tells_nothing_whether_it_ended_so_or_outlasted_its_time() -> None:
    gone = Failure(code=Code.CANCELLED_EXTERNALLY, message="aborted")
    story = aborted(begun()).at(SECOND, Answered(failure=gone), GAP)
    assert [state.state for state in story.operation.states] == ["skipped"]
    assert story.tells() == ()
    assert aborted(begun()).at(HOUR, AT_WORK).tells() == ()


def test_what_was_closed_by_force_tells_nothing() -> None:
    story = begun()
    assert story.saved(engine.force_close(story.operation, by="ada", now=NOON + timedelta(seconds=SECOND))).tells() == ()


def test_a_pause_before_the_step_changes_nothing_of_what_it_tells() -> None:
    hold = Hold(failure=Failure(code=Code.PAUSED, message="paused", transient=True), until=None)
    story = Story().saved(engine.held(an_operation(), hold, NOON)).begun()
    assert story.at(SECOND, WELL, GOAL).tells() == (between(FIRST - 5, SECOND),)


def test_what_was_sent_twice_or_never_seen_under_way_tells_nothing() -> None:
    twice = Story().at(0, GAP).at(0, Refused(failure=UNSURE)).at(60, GAP).at(60, ACCEPTED).at(60 + SECOND, WELL, GOAL)
    adopted = Story().at(0, GAP).at(SECOND, GOAL)
    already = Story().at(0, GOAL)
    assert [story.operation.status for story in (twice, adopted, already)] == ["succeeded"] * 3
    assert [story.tells() for story in (twice, adopted, already)] == [(), (), ()]
    assert isinstance(Story().at(0, GAP).operation.states[0], Starting)


def test_a_failure_tells_nothing_nor_does_a_success_that_azure_denies() -> None:
    failed, denied = begun().at(SECOND, Answered(failure=WRONG), GAP), begun().at(SECOND, Answered(failure=WRONG), GOAL)
    assert [story.operation.status for story in (failed, denied)] == ["failed", "succeeded"]
    assert (failed.tells(), denied.tells()) == ((), ())


def test_what_ended_with_its_time_tells_nothing() -> None:
    assert begun().at(HOUR + 1, GOAL).tells() == ()


def test_only_what_began_under_the_figures_that_hold_is_counted() -> None:
    story = begun().at(SECOND, WELL, GOAL)
    assert story.tells(since={KIND: NOON + timedelta(seconds=1)}) == ()
    assert story.tells(since={}) == ()
    assert story.tells(looks={}) == ()


def test_what_is_open_or_has_no_plan_tells_nothing() -> None:
    assert begun().tells() == ()
    operation = engine.declined(replace(an_operation(), plan=None, states=()), Refusal(code=Code.IMPOSSIBLE, message="no"), NOON)
    assert sampling.samples(operation, (), looks=FIGURES, since=SINCE) == ()


def test_steps_of_one_name_are_not_told_apart_and_tell_nothing() -> None:
    story = begun().at(SECOND, WELL, GOAL)
    (step,) = story.operation.plan.steps if story.operation.plan is not None else ()
    doubled = replace(story.operation, plan=Plan(steps=(step, step), because="twice"), states=story.operation.states * 2)
    assert sampling.samples(doubled, story.events, looks=FIGURES, since=SINCE) == ()


def test_the_order_of_the_history_does_not_matter_and_a_hole_in_it_tells_nothing() -> None:
    story = begun().swept(905).at(1200, WELL, GOAL)
    story.events.reverse()
    assert story.tells() == (between(905, 1200),)
    del story.events[1]
    assert story.tells() == ()


@settings(deadline=None)
@given(st.lists(st.builds(Event, n=st.integers(-3, 9), at=st.datetimes().map(lambda at: at.replace(tzinfo=NOON.tzinfo)), text=st.text())))
def test_whatever_a_history_holds_there_is_an_answer(events: list[Event]) -> None:
    story = begun().at(SECOND, WELL, GOAL)
    assert len(sampling.samples(story.operation, [*story.events, *events], looks=FIGURES, since=SINCE)) <= 1


@settings(deadline=None)
@given(
    st.sampled_from(sorted(pace.LOOKS)),
    st.floats(learning.QUICKEST, learning.SLOWEST),
    st.floats(1, 7200),
    st.lists(st.floats(0, sampling.CLOSE.total_seconds()), min_size=1, max_size=5),
)
def test_what_is_told_holds_the_truth_however_late_each_wake_up_is_within_reason(
    kind: str, stretch: float, lasted: float, lateness: list[float]
) -> None:
    looks, at, made = learning.stretched(pace.LOOKS[kind], stretch), timedelta(0), 0
    truth = timedelta(seconds=lasted)
    while at < truth:
        at = pace.look_after(looks, at) + timedelta(seconds=lateness[made % len(lateness)])
        made += 1
    told = sampling.noticed(kind, at, looks)
    assert told is not None
    assert told.at_most == at
    assert told.longer_than < truth <= at

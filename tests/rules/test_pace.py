"""When to look again: bounded whatever Azure says."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import pacing
from shared.model.operations import Cancellation, Done, Handle, Running, Settling, StepState, Waiting
from shared.model.plans import Action, ScalePool, UpgradePool
from shared.rules import pace
from tests.builders import NOON, an_operation

RUNNING = Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://management.azure.com/subscriptions/s"))


@given(asked=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_no_retry_after_makes_us_hot_or_puts_us_to_sleep_for_a_day(asked: timedelta) -> None:
    assert pace.SOONEST <= pace.bounded(asked) <= pace.LATEST


def test_within_bounds_azures_word_is_taken() -> None:
    assert pace.bounded(timedelta(seconds=17)) == timedelta(seconds=17)


def test_backoff_doubles_from_half_a_minute_to_five() -> None:
    assert [pace.backoff(tries).seconds for tries in (1, 2, 3, 4, 5, 6, 50)] == [30, 60, 120, 240, 300, 300, 300]


def test_patience_grows_with_what_was_waited_already() -> None:
    waited = [timedelta(0), timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=12), timedelta(hours=1)]
    assert [pace.patience(time).seconds for time in waited] == [30, 30, 60, 180, 300]
    assert pace.patience(timedelta(hours=1), retry_after=timedelta(seconds=10)) == timedelta(seconds=10)


LOOKS: list[tuple[StepState, datetime]] = [
    (Waiting(), NOON),
    (Waiting(since=NOON), NOON + pace.LOOK_EVERY),
    (Waiting(since=NOON, until=NOON + timedelta(minutes=2)), NOON + timedelta(minutes=2)),
    (RUNNING, NOON + timedelta(seconds=pace.LOOKS["scale_pool"][0])),
    (Settling(since=NOON, tries=1, answered_at=NOON), NOON + pace.SETTLE_EVERY),
]


@pytest.mark.parametrize(("state", "at"), LOOKS)
def test_the_next_look_follows_from_the_row_alone(state: StepState, at: datetime) -> None:
    assert pace.next_look(an_operation(states=(state,)), NOON) == at


def looked(kind: Action, elapsed: float) -> float:
    """Seconds after the call at which a running step is looked at next, when so many have gone by."""
    operation = an_operation(kind, states=(RUNNING,))
    at = pace.next_look(operation, NOON + timedelta(seconds=elapsed))
    assert at is not None
    return (at - NOON).total_seconds()


def test_a_running_step_is_looked_at_when_such_steps_end() -> None:
    scale = pace.LOOKS["scale_pool"]
    assert [looked(ScalePool(pool="user", to=5), elapsed) for elapsed in (0, 60, scale[0] - 5, scale[0] - 4, scale[0], scale[3])] == [
        *(scale[0], scale[0], scale[0], scale[1], scale[1], scale[4])
    ]


def test_what_lasts_longer_than_known_or_is_unknown_is_looked_at_after_a_tenth_of_its_time() -> None:
    last = pace.LOOKS["scale_pool"][-1]
    assert [looked(ScalePool(pool="user", to=5), elapsed) for elapsed in (last, 1000, 3600)] == [last + last / 10, 1100, 3900]
    assert [looked(UpgradePool(pool="user", version="1.36.4"), elapsed) for elapsed in (0, 30, 600)] == [30, 60, 660]


def test_a_clock_that_went_back_puts_no_look_off() -> None:
    at = pace.next_look(an_operation(states=(RUNNING,)), NOON - timedelta(hours=1))
    assert at == NOON - timedelta(hours=1) + timedelta(seconds=pace.LOOKS["scale_pool"][0])


@given(st.sampled_from([(), *pace.LOOKS.values()]), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_no_look_is_hot_and_none_is_more_than_six_minutes_away(looks: tuple[int, ...], elapsed: timedelta) -> None:
    wait = pace.look_after(looks, elapsed) - elapsed
    assert pace.SOONEST <= wait <= max(pace.LATEST, timedelta(seconds=max(looks, default=0)))


def next_after(looks: tuple[int, ...], elapsed: float) -> float:
    return pace.look_after(looks, timedelta(seconds=elapsed)).total_seconds()


def test_the_table_is_what_is_fitted_to_the_recorded_durations(conformance: Path) -> None:
    recorded = pacing.read(conformance / "operation-durations.csv")
    assert {kind: pacing.fitted(pacing.durations_of(kind, recorded)) for kind in pacing.KINDS} == pace.LOOKS


@pytest.mark.once
def test_operations_that_were_not_fitted_to_are_noticed_no_later_with_about_half_the_looks(conformance: Path) -> None:
    """Each fifth is judged by what is fitted to the other four; all recorded operations together, those of a handful unfitted."""
    recorded = pacing.read(conformance / "operation-durations.csv")
    ours, loops = [(0, 0.0)], [(0, 0.0)]
    for seconds in recorded.values():
        for fifth in range(5):
            held_out = seconds[fifth::5]
            rest = [second for place, second in enumerate(seconds) if place % 5 != fifth]
            looks = pacing.fitted(rest) if len(rest) >= 4 else ()
            ours.append(pacing.judged(partial(next_after, looks), held_out))
            loops.append(pacing.judged_loop(held_out))
    (our_looks, our_lateness), (its_looks, its_lateness) = (tuple(map(sum, zip(*rows, strict=True))) for rows in (ours, loops))
    assert our_looks <= 0.55 * its_looks
    assert our_lateness <= its_lateness


def test_what_azure_was_asked_to_abort_is_looked_at_from_the_asking_on_and_not_by_how_long_such_calls_take() -> None:
    asked = Cancellation(by="ada", at=NOON, abort=True, aborted_at=NOON + timedelta(minutes=1))
    operation = replace(an_operation(states=(RUNNING,)), cancelled_by=asked)
    for after, wait in ((timedelta(minutes=1), 30), (timedelta(minutes=11), 60), (timedelta(0), 30)):
        assert pace.next_look(operation, NOON + after) == NOON + after + timedelta(seconds=wait)


def test_azures_retry_after_moves_the_next_look() -> None:
    assert pace.next_look(an_operation(states=(RUNNING,)), NOON, retry_after=timedelta(seconds=15)) == NOON + timedelta(seconds=15)


def test_what_has_ended_or_waits_in_line_is_not_looked_at() -> None:
    assert pace.next_look(an_operation(states=(Done(since=NOON, ended_at=NOON),)), NOON) is None
    assert pace.next_look(an_operation(headed_at=None), NOON) is None

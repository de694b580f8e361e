"""When to look again: bounded whatever Azure says."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.operations import Done, Handle, Running, Settling, StepState, Waiting
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
    (RUNNING, NOON + pace.LOOK_EVERY),
    (Settling(since=NOON, tries=1, answered_at=NOON), NOON + pace.SETTLE_EVERY),
]


@pytest.mark.parametrize(("state", "at"), LOOKS)
def test_the_next_look_follows_from_the_row_alone(state: StepState, at: datetime) -> None:
    assert pace.next_look(an_operation(states=(state,)), NOON) == at


def test_azures_retry_after_moves_the_next_look() -> None:
    assert pace.next_look(an_operation(states=(RUNNING,)), NOON, retry_after=timedelta(seconds=15)) == NOON + timedelta(seconds=15)


def test_what_has_ended_or_waits_in_line_is_not_looked_at() -> None:
    assert pace.next_look(an_operation(states=(Done(since=NOON, ended_at=NOON),)), NOON) is None
    assert pace.next_look(an_operation(headed_at=None), NOON) is None

"""The pause and the cap on calls an hour, as rules."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.model.acting import Acting, Pause
from shared.model.errors import Code
from shared.rules import acting

NOW = datetime(2026, 11, 23, 20, 15, 30, tzinfo=UTC)
EIGHT = datetime(2026, 11, 23, 20, tzinfo=UTC)
NINE = EIGHT + timedelta(hours=1)
PAUSE = Pause(by="ada", at=NOW, reason="an outage in West Europe")


def after(calls: int, state: Acting = Acting(), now: datetime = NOW) -> Acting:  # noqa: B008 - a frozen value
    for _ in range(calls):
        state = acting.counted(state, now)
    return state


def test_an_app_that_nobody_paused_acts() -> None:
    assert acting.hold(Acting(), NOW, most=1) is None


def test_a_pause_holds_until_a_person_ends_it_and_says_by_whom_and_why() -> None:
    held = acting.hold(acting.paused(Acting(), PAUSE), NOW + timedelta(days=400), most=10)
    assert held is not None
    assert held.until is None
    assert (held.failure.code, held.failure.transient) == (Code.PAUSED, True)
    assert "ada" in held.failure.message
    assert "an outage in West Europe" in held.failure.message
    assert acting.hold(acting.unpaused(acting.paused(Acting(), PAUSE)), NOW, most=10) is None


def test_the_reason_of_a_hold_is_the_same_at_every_look() -> None:
    """What is unchanged is unsaved: a text with the time of the look in it would be saved at each."""
    state = after(3, acting.paused(Acting(), PAUSE))
    assert acting.hold(state, NOW, most=3) == acting.hold(state, NOW + timedelta(minutes=2), most=3)
    state = acting.unpaused(state)
    assert acting.hold(state, NOW, most=3) == acting.hold(state, NOW + timedelta(minutes=2), most=3)


def test_who_paused_first_stays() -> None:
    first = acting.paused(Acting(), PAUSE)
    assert acting.paused(first, Pause(by="bob", at=NOW)) is first
    assert acting.unpaused(Acting()) == Acting()


def test_a_pause_forgets_no_call_and_a_call_ends_no_pause() -> None:
    state = after(2, acting.paused(after(1), PAUSE))
    assert (state.pause, state.mutations) == (PAUSE, 3)


def test_the_cap_holds_from_its_last_call_to_the_end_of_the_hour() -> None:
    assert acting.hold(after(2), NOW, most=3) is None
    held = acting.hold(after(3), NOW, most=3)
    assert held is not None
    assert (held.until, held.failure.code, held.failure.transient) == (NINE, Code.CAPPED, True)
    assert "3 calls" in held.failure.message
    assert acting.hold(after(3), NINE - timedelta(microseconds=1), most=3) == held
    assert acting.hold(after(3), NINE, most=3) is None


def test_a_new_hour_begins_at_one() -> None:
    state = acting.counted(after(3), NINE)
    assert (state.hour, state.mutations) == (NINE, 1)


def test_a_slow_clock_does_not_begin_the_count_anew() -> None:
    state = after(3, now=NINE + timedelta(seconds=1))
    slow = NINE - timedelta(minutes=4)
    assert acting.hold(state, slow, most=3) is not None
    again = acting.counted(state, slow)
    assert (again.hour, again.mutations) == (NINE, 4)


def test_a_clock_that_was_days_ahead_does_not_hold_the_app_for_days() -> None:
    state = after(3, now=NOW + timedelta(days=2))
    assert acting.hold(state, NOW, most=3) is None
    assert acting.counted(state, NOW).hour == EIGHT


def test_what_is_shown_is_what_is_judged_by() -> None:
    shown = acting.shown(after(3), NOW, most=10)
    assert (shown.pause, shown.mutations, shown.most, shown.ends_at) == (None, 3, 10, NINE)
    assert acting.shown(after(3), NINE, most=10).mutations == 0


@given(st.lists(st.integers(-240, 240), max_size=40), st.integers(1, 5))
def test_no_more_calls_than_the_cap_in_any_hour_whatever_the_clocks_say(skews: list[int], most: int) -> None:
    """Workers whose clocks are up to four minutes off; the calls of an hour are those whose count was begun in it."""
    state, made = Acting(), dict[datetime, int]()
    now = EIGHT
    for skew in skews:
        now += timedelta(minutes=3)
        seen = now + timedelta(seconds=skew)
        if acting.hold(state, seen, most=most) is None:
            state = acting.counted(state, seen)
            assert state.hour is not None
            made[state.hour] = made.get(state.hour, 0) + 1
    assert all(calls <= most for calls in made.values())

"""What has ended teaches when to look: from real histories, by real wake-ups; and where it cannot, nothing is the worse for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.model.answers import Told
from shared.model.errors import CallFailed, NewerSchema
from shared.model.kept import KeptPace
from shared.model.operations import Event, Operation, Running, Status
from shared.model.paces import Learned, Pace, ShownPaces
from shared.model.requests import Scale
from shared.rules import learning, pace
from shared.work.learning import A_DAY, BACK, TELLING, Lesson
from tests.builders import HTTP, a_create, a_submission
from tests.faulty import AWAY, Calls, Fate, Faulty
from tests.pump import Pump

pytestmark = pytest.mark.once

KIND = "scale_pool"
SHIPPED = pace.LOOKS[KIND]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TYPICAL = timedelta(seconds=pace.TYPICAL[KIND])


@pytest.fixture
def pump() -> Pump:
    """An app whose world has prod-rg/web, idle, and which has begun to count."""
    pump = Pump(takes=TYPICAL)
    pump.submit(a_submission(a_create()))
    pump.run()
    pump.services.learn()
    pump.clock.advance(DAY)
    return pump


def scaled(pump: Pump, takes: timedelta = TYPICAL) -> Operation:
    """Pool user scaled to another count, to the end; what it takes in Azure is `takes`."""
    operation = begun(pump, takes)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    return pump.now(operation)


def begun(pump: Pump, takes: timedelta = TYPICAL) -> Operation:
    """The same, until Azure has taken the call."""
    pump.world.durations = lambda *_: takes
    operation = pump.submit(a_submission(Scale(pool="user", to=3 + len(pump.operations.operations) % 2)))
    while not isinstance(pump.now(operation).states[0], Running):
        assert pump.turn()
    return pump.now(operation)


def lived(pump: Pump, takes: timedelta, *, days: int = 5, a_day: int = A_DAY) -> None:
    """Days on each of which some operations took so long."""
    for _ in range(days):
        night = pump.clock.now() + DAY
        for _ in range(a_day):
            scaled(pump, takes)
        pump.clock.instant = night


def learn(pump: Pump) -> Lesson:
    lesson = pump.services.learn()
    pump.clock.advance(learning.TAKES_HOLD)
    return lesson


def kept(pump: Pump, kind: str = KIND) -> Pace:
    found = pump.paces.kept[kind].pace
    assert found is not None
    return found


def stretch(pump: Pump) -> float:
    told = kept(pump).learned
    return told.stretch if told is not None else 1.0


def watched(pump: Pump, takes: timedelta) -> tuple[int, timedelta]:
    """How often Azure is asked how ten operations get on that take about so long, and how long after their ends those are noticed."""
    before, late = len(pump.world.witness.entries), timedelta(0)
    for n in range(10):
        lasts = takes * (0.85 + 0.03 * n)
        operation = begun(pump, lasts)
        ends = pump.clock.now() + lasts
        pump.run()
        late += pump.now(operation).updated_at - ends
    return sum("/operations/" in entry.path for entry in pump.world.witness.entries[before:]), late


def believing(pump: Pump, times: float) -> None:
    """The pace of scaling, as if it had been learned so."""
    told = Learned(stretch=times, operations=40, longer_than=TYPICAL, at_most=None, at=pump.clock.now())
    known = replace(learning.taken_up(KIND, None, pump.clock.now()), learned=told)
    pump.paces.write(pump.paces.kept.get(KIND), known)
    pump.services = pump.rebuilt()


def test_where_operations_take_twice_as_long_azure_is_asked_half_as_often_and_the_end_noticed_about_as_soon(pump: Pump) -> None:
    takes = 2 * TYPICAL
    looks, late = watched(pump, takes)
    lived(pump, takes)
    lesson = learn(pump)
    assert (lesson.changed, lesson.faults) == (1, 0)
    assert 1.5 < stretch(pump) <= 2.1
    learned_looks, learned_late = watched(pump, takes)
    assert learned_looks <= looks / 2
    assert learned_late <= 1.1 * late


def test_where_operations_take_half_as_long_the_end_is_noticed_sooner(pump: Pump) -> None:
    takes = TYPICAL / 2
    _, late = watched(pump, takes)
    lived(pump, takes)
    learn(pump)
    assert 0.5 <= stretch(pump) < 0.8
    assert watched(pump, takes)[1] < late


def test_where_operations_take_what_was_recorded_nothing_is_learned(pump: Pump) -> None:
    lived(pump, TYPICAL)
    assert learn(pump) == Lesson(read=25, samples=25)
    assert (kept(pump).learned, kept(pump).samples) == (None, 25)


def test_what_was_learned_is_unlearned_when_operations_take_what_was_recorded_again(pump: Pump) -> None:
    believing(pump, 3.0)
    pump.clock.advance(learning.TAKES_HOLD)
    lived(pump, TYPICAL)
    assert learn(pump).changed == 1
    assert kept(pump).learned is None


def test_a_day_on_which_everything_was_late_decides_nothing(pump: Pump) -> None:
    """Fifteen operations while the app was down, and then some usual ones."""
    lived(pump, 4 * TYPICAL, days=1, a_day=15)
    lived(pump, TYPICAL, days=3)
    lesson = learn(pump)
    assert lesson.read == 4 * A_DAY
    assert kept(pump).learned is None


def test_what_began_before_new_figures_hold_everywhere_is_not_counted(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    pump.services.learn()
    scaled(pump, 2 * TYPICAL)
    pump.clock.advance(learning.TAKES_HOLD)
    scaled(pump, 2 * TYPICAL)
    pump.services.learn()
    assert kept(pump).samples == 1


def test_what_was_paused_before_it_began_tells_the_same_and_what_was_aborted_or_woken_by_others_nothing(pump: Pump) -> None:
    pump.services.pause(HTTP, reason="a test")
    operation = pump.submit(a_submission(Scale(pool="user", to=9)))
    pump.run(until=pump.clock.now() + 30 * MINUTE)
    pump.services.unpause(HTTP)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert learn(pump).samples == 1
    aborted = begun(pump)
    pump.services.cancel(aborted.id, HTTP, abort=True)
    pump.run()
    assert pump.now(aborted).status is Status.CANCELLED
    cancelled = begun(pump)
    pump.services.cancel(cancelled.id, HTTP)
    pump.run()
    assert pump.now(cancelled).status is Status.SUCCEEDED
    assert (learn(pump).read, kept(pump).samples) == (2, 1)


def test_what_outlasts_the_sweeps_patience_is_counted_too(pump: Pump) -> None:
    lived(pump, 28 * MINUTE, days=4)
    learn(pump)
    assert stretch(pump) == learning.SLOWEST


def test_what_asked_for_nothing_new_is_not_read_and_hides_nothing(pump: Pump) -> None:
    real = scaled(pump)
    for _ in range(2 * A_DAY):
        pump.clock.advance(timedelta(seconds=1))
        taken = pump.submit(a_submission(real.request))
        assert pump.now(taken).ended
    assert learn(pump).read == 1


def test_a_run_reads_so_much_and_no_more_whatever_there_is(pump: Pump) -> None:
    scaled(pump)
    (item,) = (operation for operation in pump.operations.operations.values() if isinstance(operation.request, Scale))
    events = pump.operations.history(item.id)
    kept_since = pump.clock.now() - 2 * BACK
    pump.paces.write(pump.paces.kept[KIND], replace(kept(pump), since=kept_since))
    for n in range(60 * 24):
        copy = replace(item, id=f"{item.id[:-8]}{n:08d}", updated_at=item.updated_at - n * timedelta(hours=1), created_at=kept_since)
        pump.operations.operations[copy.id] = copy
        pump.operations.journal(copy)
        pump.operations.events[copy.id] = {event.n: event for event in events}
    calls = Calls()
    lesson = pump.rebuilt(operations=Faulty(pump.operations, calls)).learn()
    days = BACK.days + 1
    assert lesson.read == calls.made.count("MemoryOperations.load") <= A_DAY * days
    assert calls.made.count("MemoryOperations.history") == lesson.read
    assert calls.made.count("MemoryOperations.page") <= days + 2 * len(TELLING)


def test_every_kind_with_figures_is_learned_from_one_request() -> None:
    assert sorted(kind for kinds in TELLING.values() for kind in kinds) == sorted(pace.LOOKS)


# ---- looking by what was learned


def test_figures_are_read_once_an_hour_and_a_day_of_waiting_costs_a_day_of_reads(pump: Pump) -> None:
    calls = Calls()
    pump.services = pump.rebuilt(paces=Faulty(pump.paces, calls))
    at = pump.clock.now()
    scaled(pump, timedelta(minutes=55))
    hours = (pump.clock.now() - at) / timedelta(hours=1)
    assert calls.made == ["MemoryPaces.read"] * (1 + int(hours))


def test_the_status_shows_the_next_look_by_what_this_process_knows_and_reads_nothing_for_it(pump: Pump) -> None:
    believing(pump, 2.0)
    operation = begun(pump)
    calls = Calls()
    elsewhere = pump.rebuilt(paces=Faulty(pump.paces, calls))

    def shown(services: Any) -> timedelta:
        told = services.operation(operation.id, HTTP)
        assert isinstance(told, Told)
        assert told.progress.next_look_at is not None
        return told.progress.next_look_at - operation.updated_at

    assert shown(pump.services) == timedelta(seconds=2 * SHIPPED[0])
    assert pump.next_message_at() == operation.updated_at + shown(pump.services)
    assert (shown(elsewhere), calls.made) == (timedelta(seconds=SHIPPED[0]), [])


def broken(fault: Exception) -> Any:
    def fail(*_: object) -> None:
        raise fault

    return Faulty(Pump().paces, Calls(), {"read": fail, "write": fail})


@pytest.mark.parametrize("fault", [CallFailed(AWAY), NewerSchema("newer"), ValueError("nonsense"), RecursionError()], ids=repr)
def test_where_figures_cannot_be_read_wake_ups_go_on_by_the_shipped_ones(pump: Pump, fault: Exception) -> None:
    believing(pump, 3.0)
    pump.services = pump.rebuilt(paces=broken(fault))
    operation = begun(pump)
    assert pump.next_message_at() == operation.updated_at + timedelta(seconds=SHIPPED[0])
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_figures_that_are_read_again_after_an_outage_hold_again(pump: Pump) -> None:
    believing(pump, 2.0)
    calls = Calls(strike=0, fate=Fate.FAILS)
    pump.services = pump.rebuilt(paces=Faulty(pump.paces, calls))
    scaled(pump)
    pump.clock.advance(timedelta(hours=1))
    operation = begun(pump)
    assert pump.next_message_at() == operation.updated_at + timedelta(seconds=2 * SHIPPED[0])


@pytest.mark.parametrize("stretched", [0.0, -1.0, 1e300, float("nan"), float("inf"), 3.2, 0.3])
def test_a_row_beyond_the_bounds_moves_no_look(pump: Pump, stretched: float) -> None:
    believing(pump, stretched)
    operation = begun(pump)
    assert pump.next_message_at() == operation.updated_at + timedelta(seconds=SHIPPED[0])
    assert learn(pump).faults == 0
    assert kept(pump).learned is None


# ---- trouble while learning


def test_two_runs_at_once_come_to_the_same_and_the_first_writes(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    other = pump.rebuilt()
    lessons: list[Lesson] = []

    def read() -> tuple[KeptPace, ...]:
        found = pump.paces.read()
        lessons.append(other.learn())
        return found

    late = pump.rebuilt(paces=Faulty(pump.paces, Calls(), {"read": read})).learn()
    assert [(lesson.changed, lesson.samples) for lesson in (*lessons, late)] == [(1, 25), (0, 25)]
    assert stretch(pump) > 1.5
    assert pump.services.learn().changed == 0


def test_a_run_after_the_same_night_begins_no_counting_anew(pump: Pump) -> None:
    lived(pump, TYPICAL)
    pump.services.learn()
    before = kept(pump)
    pump.services.learn()
    assert kept(pump) == before


def test_storage_that_goes_away_at_any_call_leaves_figures_that_hold_and_the_next_run_learns(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    before = dict(pump.paces.kept)
    calls = Calls()
    pump.rebuilt(operations=Faulty(pump.operations, calls), paces=Faulty(pump.paces, calls)).learn()
    made = len(calls.made)
    assert made > 60
    for fate in (Fate.FAILS, Fate.LOSES_ITS_ANSWER):
        for strike in {*range(0, made, 7), *range(made - len(pace.LOOKS), made)}:
            pump.paces.kept = dict(before)
            struck = Calls(strike=strike, fate=fate)
            lesson = pump.rebuilt(operations=Faulty(pump.operations, struck), paces=Faulty(pump.paces, struck)).learn()
            assert lesson.faults == 1
            assert stretch(pump) == 1.0 or stretch(pump) > 1.5
            pump.services.learn()
            assert stretch(pump) > 1.5


def test_storage_that_stays_away_ends_the_run_at_once_and_nothing_half_counted_is_kept(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    before = kept(pump)
    calls = Calls()

    def load(_: str) -> None:
        raise CallFailed(AWAY)

    lesson = pump.rebuilt(operations=Faulty(pump.operations, calls, {"load": load})).learn()
    assert (lesson.faults, calls.made.count("MemoryOperations.load")) == (1, 1)
    assert kept(pump) == before


def test_a_broken_row_is_written_anew_and_one_of_newer_code_is_left_alone(pump: Pump) -> None:
    row = pump.paces.kept[KIND]
    pump.paces.kept[KIND] = replace(row, pace=None)
    assert learn(pump).faults == 0
    assert kept(pump).since > (row.pace or kept(pump)).since
    newer = pump.paces.kept[KIND] = replace(row, pace=None, newer=True)
    lived(pump, 2 * TYPICAL)
    lesson = learn(pump)
    assert (lesson.read, lesson.changed, lesson.faults) == (0, 0, 0)
    assert pump.paces.kept[KIND] == newer
    assert len(pump.paces.kept) == len(pace.LOOKS)


def forged(text: str) -> Callable[[Event], Event]:
    return lambda event: replace(event, text=text)


def sent_back(event: Event) -> Event:
    return replace(event, at=event.at - 400 * DAY * (event.n % 2))


POISONS: tuple[Callable[[Event], Any], ...] = (
    forged(""),
    forged("; " * 500),
    forged("scale pool user to 4 nodes: done"),
    forged("scale pool user to 4 nodes: running in Azure"),
    sent_back,
    lambda event: replace(event, n=0),
    lambda event: replace(event, at=datetime.max),  # noqa: DTZ901 - what a broken row may hold
    lambda _: None,
)


def test_poisoned_histories_teach_nothing_and_the_others_teach_what_they_teach(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL, days=6)
    names = [name for name, operation in pump.operations.operations.items() if isinstance(operation.request, Scale)]
    for name, poison in zip(names[::3], POISONS, strict=False):
        pump.operations.events[name] = {n: poison(event) for n, event in pump.operations.events[name].items()}
    lesson = learn(pump)
    assert (lesson.read, lesson.samples) == (30, 30 - len(POISONS))
    assert 1.5 < stretch(pump) <= 2.1


def test_an_operation_that_cannot_be_read_is_passed_over(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    bad = next(name for name, operation in pump.operations.operations.items() if isinstance(operation.request, Scale))

    def load(name: str) -> Operation | None:
        if name == bad:
            message = "not an operation"
            raise ValueError(message)
        return pump.operations.load(name)

    lesson = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"load": load})).learn()
    assert (lesson.faults, lesson.read, lesson.changed) == (1, 24, 1)


def test_a_clock_that_was_wrong_makes_counting_begin_anew_and_takes_nothing_away(pump: Pump) -> None:
    believing(pump, 2.0)
    ahead = pump.clock.now() + 400 * DAY
    pump.paces.write(pump.paces.kept[KIND], replace(kept(pump), since=ahead))
    now = pump.clock.now()
    learn(pump)
    assert (stretch(pump), kept(pump).since, kept(pump).samples) == (2.0, now, 0)


def test_who_may_read_anything_is_shown_what_was_learned(pump: Pump) -> None:
    lived(pump, 2 * TYPICAL)
    learn(pump)
    shown = pump.services.paces(HTTP)
    assert isinstance(shown, ShownPaces)
    own = next(each for each in shown.paces if each.kind == KIND)
    assert own.looks == learning.stretched(SHIPPED, stretch(pump)) != own.shipped
    assert own.learned is not None
    assert own.learned.operations == 25

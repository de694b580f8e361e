"""From samples to figures: moved by many, by no handful, never beyond the bounds, and back again."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local import pacing
from shared.model.operations import Handle, Running
from shared.model.paces import Learned, Pace, Sample
from shared.model.plans import ScalePool
from shared.rules import learning, pace, sampling
from tests.builders import NOON, an_operation

KIND = "scale_pool"
TYPICAL = pace.TYPICAL[KIND]
NEW = learning.taken_up(KIND, None, NOON)
LATER = NOON + timedelta(days=1)


def sample(longer_than: float, at_most: float | None, kind: str = KIND) -> Sample:
    most = None if at_most is None else timedelta(seconds=at_most)
    return Sample(kind=kind, longer_than=timedelta(seconds=longer_than), at_most=most)


def around(times: float, many: int = learning.ENOUGH) -> list[Sample]:
    """So many operations that took about so many times as long as the typical one."""
    spread = [times * TYPICAL * (0.9 + 0.2 * n / many) for n in range(many)]
    return [sample(each - 10, each + 10) for each in spread]


def stretch_of(known: Pace) -> float:
    return known.learned.stretch if known.learned is not None else 1.0


def learned(stretch: float, **changes: object) -> Pace:
    told = Learned(stretch=stretch, operations=40, longer_than=timedelta(seconds=300), at_most=timedelta(seconds=500), at=NOON)
    return replace(NEW, learned=told, **changes)  # type: ignore[arg-type]  # names and values are the tests' own


def test_the_median_lies_between_the_fourth_beginning_and_the_fourth_end_from_the_outside_of_twenty() -> None:
    samples = [sample(n, 100 + n) for n in range(20)]
    random.Random(1).shuffle(samples)
    assert learning.median_bounds(samples) == (timedelta(seconds=3), timedelta(seconds=116))
    assert learning.median_bounds(samples[:19]) is None


def test_the_bounds_on_a_median_are_wrong_as_seldom_as_they_say() -> None:
    chance, wrong, runs = random.Random(2), 0, 2000
    for _ in range(runs):
        drawn = [timedelta(seconds=chance.lognormvariate(5, 0.4)) for _ in range(chance.choice([20, 33, 100]))]
        bounds = learning.median_bounds([Sample(kind=KIND, longer_than=each, at_most=each) for each in drawn])
        assert bounds is not None
        assert bounds[1] is not None
        wrong += not bounds[0].total_seconds() <= math.exp(5) <= bounds[1].total_seconds()
    assert wrong <= 2 * learning.DOUBT * runs


def test_nothing_is_learned_from_too_few() -> None:
    after = learning.after_samples(NEW, around(2)[:-1], LATER)
    assert (after.learned, after.samples, after.counted_at) == (None, 19, LATER)


@pytest.mark.parametrize(("takes", "learns"), [(0.6, 0.7), (2.0, 1.8), (30, learning.SLOWEST), (0.01, learning.QUICKEST)])
def test_enough_that_take_otherwise_move_the_looks_and_counting_begins_anew(takes: float, learns: float) -> None:
    after = learning.after_samples(NEW, around(takes), LATER)
    assert stretch_of(after) == pytest.approx(learns, abs=0.1)
    assert (after.since, after.samples) == (LATER, 0)
    assert after.learned is not None
    assert (after.learned.operations, after.learned.at) == (20, LATER)


@pytest.mark.parametrize("wrong", [sample(10**6, None), sample(10**6, 10**6 + 1), sample(0, 1)])
def test_three_of_twenty_that_are_wrong_decide_nothing(wrong: Sample) -> None:
    after = learning.after_samples(NEW, [*around(1.0)[:17], *[wrong] * 3], LATER)
    assert (after.learned, after.samples) == (None, 20)


def test_what_was_learned_wrongly_is_unlearned() -> None:
    """Looks at three times the shipped instants notice all at the first; that it may have ended long before is what the samples say."""
    first = 3.0 * pace.LOOKS[KIND][0]
    after = learning.after_samples(learned(3.0), [sample(0, first + 5)] * 20, LATER)
    assert after.learned is None
    assert learning.looks_by([after]) == pace.LOOKS


def test_figures_that_agree_with_the_samples_go_on_holding_though_the_shipped_ones_agree_too() -> None:
    wide = [sample(0.8 * TYPICAL, 2.5 * TYPICAL)] * 20
    for known in (NEW, learned(1.5), learned(2.0)):
        assert stretch_of(learning.after_samples(known, wide, LATER)) == stretch_of(known)


def test_what_is_hardly_a_change_is_none() -> None:
    after = learning.after_samples(learned(1.5), [sample(1.6 * TYPICAL, 2.0 * TYPICAL)] * 20, LATER)
    assert (stretch_of(after), after.samples, after.since) == (1.5, 20, NOON)
    assert stretch_of(learning.after_samples(learned(1.5), [sample(1.7 * TYPICAL, 2.0 * TYPICAL)] * 20, LATER)) == 1.7


def test_samples_of_other_kinds_are_passed_over() -> None:
    assert learning.after_samples(NEW, [replace(each, kind="stop_pool") for each in around(2)], LATER).samples == 0


def test_what_was_kept_is_taken_up_if_it_suits() -> None:
    known = learned(2.0, samples=7)
    assert learning.taken_up(KIND, known, LATER) == known


def test_what_was_learned_beside_other_figures_or_outside_the_bounds_begins_anew() -> None:
    anew = replace(NEW, since=LATER, counted_at=LATER)
    for stale in (learned(2.0, shipped=(1, 2, 3)), learned(3.01), learned(0.49), learned(math.nan), learned(math.inf), learned(-1.0)):
        assert learning.taken_up(KIND, stale, LATER) == anew
        assert learning.looks_by([stale]) == pace.LOOKS


@pytest.mark.parametrize("since", [LATER + timedelta(days=400), datetime.max.replace(tzinfo=UTC)])
def test_what_a_wrong_clock_kept_is_counted_from_now_on(since: datetime) -> None:
    assert learning.taken_up(KIND, learned(2.0, since=since), LATER) == learned(2.0, since=LATER)


# ---- harm is impossible


anything = st.builds(
    Pace,
    kind=st.sampled_from([*pace.LOOKS, "upgrade_pool", "", "nonsense"]),
    shipped=st.one_of(st.sampled_from([*pace.LOOKS.values()]), st.lists(st.integers(), max_size=13).map(tuple)),
    since=st.just(NOON),
    counted_at=st.just(NOON),
    samples=st.integers(),
    learned=st.one_of(st.none(), st.builds(learned, st.floats()).map(lambda known: known.learned)),
)


def test_no_shipped_looks_are_closer_than_learned_ones_may_be() -> None:
    for looks in pace.LOOKS.values():
        assert min(later - look for look, later in pairwise(looks)) >= learning.APART
    assert timedelta(seconds=learning.APART) >= pace.SOONEST


@settings(deadline=None)
@given(st.lists(anything))
@example([learned(learning.SLOWEST)])
@example([learned(learning.QUICKEST)])
@example([replace(learned(learning.QUICKEST), kind="stop_pool", shipped=pace.LOOKS["stop_pool"])])
def test_whatever_rows_hold_looks_are_within_the_bounds(rows: list[Pace]) -> None:
    found = learning.looks_by(rows)
    assert found.keys() == pace.LOOKS.keys()
    for kind, looks in found.items():
        shipped = pace.LOOKS[kind]
        assert len(looks) == len(shipped)
        for look, as_shipped in zip(looks, shipped, strict=True):
            assert learning.QUICKEST * as_shipped <= look <= learning.SLOWEST * as_shipped
        assert all(later - look >= learning.APART for look, later in pairwise(looks))


@settings(deadline=None)
@given(st.lists(anything), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_whatever_rows_hold_no_wait_is_hot_or_longer_than_three_times_the_shipped_first_one(rows: list[Pace], gone: timedelta) -> None:
    running = Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://management.azure.com/subscriptions/s"))
    at = pace.next_look(an_operation(ScalePool(pool="user", to=5), states=(running,)), NOON + gone, looks=learning.looks_by(rows))
    assert at is not None
    wait = at - (NOON + gone)
    assert pace.SOONEST <= wait <= max(pace.LATEST, timedelta(seconds=learning.SLOWEST * pace.LOOKS[KIND][0]))


@settings(deadline=None)
@given(
    st.lists(anything).map(lambda rows: learning.taken_up(KIND, next((row for row in rows if row.kind == KIND), None), NOON)),
    st.lists(
        st.builds(
            Sample,
            kind=st.sampled_from([KIND, "stop_pool"]),
            longer_than=st.timedeltas(),
            at_most=st.one_of(st.none(), st.timedeltas()),
        ),
        max_size=60,
    ),
)
def test_whatever_samples_say_what_is_learned_suits(known: Pace, samples: list[Sample]) -> None:
    assert learning.suits(learning.after_samples(known, samples, LATER))


# ---- what is shown


def reason(known: Pace | None) -> str:
    return next(each.because for each in learning.shown([] if known is None else [known]).paces if each.kind == KIND)


def test_what_holds_and_why_is_shown_for_every_kind_with_figures() -> None:
    shown = learning.shown([learned(2.0, samples=3)])
    assert [each.kind for each in shown.paces] == [*pace.LOOKS]
    assert [each.looks == each.shipped for each in shown.paces if each.kind != KIND] == [True] * 6
    own = next(each for each in shown.paces if each.kind == KIND)
    assert (own.shipped, own.looks, own.samples) == (pace.LOOKS[KIND], tuple(2 * look for look in pace.LOOKS[KIND]), 3)
    assert (shown.soonest, shown.latest, shown.apart, shown.wanted) == (0.5, 3.0, timedelta(seconds=10), 20)


def test_the_reason_says_what_was_counted_and_what_follows() -> None:
    assert reason(None) == "nothing was counted beside these figures yet"
    assert reason(learned(2.0, shipped=(1, 2))) == "nothing was counted beside these figures yet"
    assert reason(replace(NEW, samples=12)) == "12 of 20 operations that are needed were counted"
    assert reason(replace(NEW, samples=31)) == "31 operations say nothing against the 210 s that are expected"
    assert reason(learned(2.0)) == (
        "40 operations say that half of such take longer than 300 s, and half no longer than 500 s; 210 s was expected. "
        "So looks come at 2 times the shipped instants"
    )
    assert reason(learned(3.0)).endswith("So looks come at 3 times the shipped instants, which is as far as it goes")


# ---- fleets, by the recorded durations


NIGHTS, A_NIGHT = 40, 5


class Fleet:
    """Operations of one kind, a few a day, that take so many times as long as one of the recorded; learned from every night."""

    def __init__(self, kind: str, recorded: list[float], times: float, chance: random.Random) -> None:
        self.kind, self.chance = kind, chance
        self.lasting = [chance.choice(recorded) * times for _ in range(NIGHTS * A_NIGHT)]
        self.known, self.changes = learning.taken_up(kind, None, NOON), 0
        self.samples: list[Sample] = []

    def lived(self) -> "Fleet":
        for night in range(NIGHTS):
            looks = learning.looks_by([self.known])[self.kind]
            for lasted in self.lasting[night * A_NIGHT : (night + 1) * A_NIGHT]:
                found = sampling.noticed(self.kind, timedelta(seconds=self.watched(looks, lasted)[1]), looks)
                self.samples += [found] if found is not None else []
            after = learning.after_samples(self.known, self.samples, NOON)
            if after.learned != self.known.learned:
                self.samples, self.changes = [], self.changes + 1
            self.known = after
        return self

    def watched(self, looks: tuple[int, ...], lasted: float) -> tuple[int, float]:
        """How many looks it takes, and when the end is noticed; each wake-up is late by a few seconds."""
        at, made = 0.0, 0
        while at < lasted:
            at = pace.look_after(looks, timedelta(seconds=at)).total_seconds() + self.chance.uniform(1, 7)
            made += 1
        return made, at

    def judged(self, looks: tuple[int, ...]) -> tuple[int, float]:
        """How many looks they would all take by these figures, and how many seconds after their ends they would be noticed."""
        seen = [(lasted, *self.watched(looks, lasted)) for lasted in self.lasting]
        return sum(made for _, made, _ in seen), sum(at - lasted for lasted, _, at in seen)


def fleets(conformance: Path, times: float, seeds: range) -> list[Fleet]:
    recorded = pacing.read(conformance / "operation-durations.csv")
    return [
        Fleet(kind, pacing.durations_of(kind, recorded), times, random.Random(f"{kind} {seed}")).lived()
        for kind in pace.LOOKS
        for seed in seeds
    ]


def ratios(lived: list[Fleet]) -> tuple[float, float]:
    """Looks and lateness of the figures that all have learned, over those of the shipped ones."""
    ours = [fleet.judged(learning.looks_by([fleet.known])[fleet.kind]) for fleet in lived]
    theirs = [fleet.judged(pace.LOOKS[fleet.kind]) for fleet in lived]
    (looks, late), (shipped_looks, shipped_late) = (tuple(map(sum, zip(*rows, strict=True))) for rows in (ours, theirs))
    return looks / shipped_looks, late / shipped_late


@pytest.mark.once
def test_a_fleet_like_the_recorded_one_learns_nothing(conformance: Path) -> None:
    lived = fleets(conformance, 1.0, range(5))
    assert [(fleet.kind, fleet.known.learned) for fleet in lived if fleet.changes] == []
    assert all(fleet.known.samples > 3 * learning.ENOUGH for fleet in lived)


@pytest.mark.once
def test_a_fleet_that_takes_twice_as_long_is_noticed_no_later_with_half_the_looks(conformance: Path) -> None:
    lived = fleets(conformance, 2.0, range(3))
    assert all(1.2 < stretch_of(fleet.known) <= 2.1 for fleet in lived)
    looks, late = ratios(lived)
    assert looks <= 0.5
    assert late <= 1.0
    assert max(fleet.changes for fleet in lived) <= 4


@pytest.mark.once
def test_a_fleet_that_takes_half_as_long_is_noticed_much_sooner(conformance: Path) -> None:
    looks, late = ratios(fleets(conformance, 0.5, range(3)))
    assert late <= 0.5
    assert looks <= 2.5

"""From samples of one kind to figures that suit it better than the shipped ones, or to none. Pure judgement; must not know who asks.

Theory: the shipped looks say well how such operations spread; what differs from one fleet to another is how long they take altogether. So
one number is learned for a kind: how many times as late as shipped it is looked at. The samples are intervals (`sampling`), and few.
Sorted by their beginnings, and again by their ends, they bound the median of all such operations: the j-th beginning from below, the j-th
end from above, wrong with a chance below `DOUBT` on each side, however the durations are spread. What was learned follows these bounds
only as far as it must: where the figures that hold agree with them, nothing changes; else where the shipped ones agree, those hold again;
else the nearer bound is taken. So a handful of wrong samples moves nothing, and more samples move it closer to the truth.

Harm is made impossible by what is kept: of a row only that one number is believed, and only within `QUICKEST` and `SLOWEST`; the looks are
made from the shipped ones, never closer together than `APART`. No shipped looks are closer either, so learning asks AKS no faster than not
learning may. And what was learned wrongly is unlearned by itself: looks that come too late or too soon show it, as any looks do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil, comb, inf

from shared.model.paces import Learned, Pace, Sample, ShownPace, ShownPaces
from shared.rules import pace

ENOUGH = 20
"""So many samples are needed. With 20 the bounds are the fourth from either end: three that are wrong decide nothing."""
DOUBT = 0.005
"""How likely a bound on the median may be wrong by chance."""
QUICKEST, SLOWEST = 0.5, 3.0
"""Looks come at the soonest at half of the shipped instants, and at the latest at three times those."""
APART = 10
"""Seconds between two looks of the figures, at least."""
WORTH = 0.1
"""A change by less than a tenth is not worth it: after each, counting begins anew."""
TAKES_HOLD = timedelta(hours=2)
"""Until every worker looks by new figures: each reads them once an hour."""
GRAIN = 5
"""Looks are at whole multiples of so many seconds, as shipped."""


def stretched(shipped: Sequence[int], stretch: float) -> tuple[int, ...]:
    """The shipped looks, so many times as late, rounded up to the grain."""
    looks: list[int] = []
    for look in shipped:
        late = ceil(look * stretch / GRAIN) * GRAIN
        looks.append(max(late, looks[-1] + APART) if looks else late)
    return tuple(looks)


def looks_by(paces: Iterable[Pace]) -> pace.Looks:
    """The figures that hold: the learned ones where there are some that were learned beside the shipped ones of this code, else those."""
    found = dict(pace.LOOKS)
    for each in paces:
        if each.learned is not None and suits(each):
            found[each.kind] = stretched(each.shipped, each.learned.stretch)
    return found


def suits(known: Pace) -> bool:
    """Whether a pace was learned beside the figures that ship with this code, and within its bounds; else nothing of it is taken."""
    within = known.learned is None or QUICKEST <= known.learned.stretch <= SLOWEST
    return within and pace.LOOKS.get(known.kind) == known.shipped


def taken_up(kind: str, known: Pace | None, now: datetime) -> Pace:
    """The pace of a kind as it was kept; one that begins now where nothing is known, or nothing that suits.

    What was looked at before is not counted: nobody knows by which figures. One that was kept later than now was kept by a clock that was
    wrong, or this one is: it is counted from now on.
    """
    if known is None or not suits(known):
        return Pace(kind=kind, shipped=pace.LOOKS[kind], since=now, counted_at=now)
    return replace(known, since=min(known.since, now))


def after_samples(before: Pace, samples: Sequence[Sample], now: datetime) -> Pace:
    """The pace after all samples that were taken since its figures began to hold; those of other kinds are passed over."""
    own = [sample for sample in samples if sample.kind == before.kind]
    counted = replace(before, samples=len(own), counted_at=now)
    bounds = median_bounds(own)
    if bounds is None:
        return counted
    holds = before.learned.stretch if before.learned is not None else 1.0
    stretch = _wanted(pace.TYPICAL[before.kind], bounds, holds)
    if abs(stretch / holds - 1) < WORTH:
        return counted
    longer_than, at_most = bounds
    told = Learned(stretch=stretch, operations=len(own), longer_than=longer_than, at_most=at_most, at=now)
    return replace(counted, since=now, samples=0, learned=told if stretch != 1.0 else None)


def median_bounds(samples: Sequence[Sample]) -> tuple[timedelta, timedelta | None] | None:
    """Between which durations the median of all such operations lies; None where the samples are not enough to say."""
    if len(samples) < ENOUGH:
        return None
    place = _place(len(samples))
    ends = sorted(sample.at_most if sample.at_most is not None else timedelta.max for sample in samples)
    longer_than = sorted(sample.longer_than for sample in samples)[place]
    at_most = ends[-1 - place]
    return longer_than, at_most if at_most < timedelta.max else None


def shown(paces: Iterable[Pace]) -> ShownPaces:
    """The pace of every kind with figures as people see it, with the reason for those that hold, and the bounds."""
    known = {each.kind: each for each in paces if suits(each)}
    return ShownPaces(
        paces=tuple(_shown(kind, known.get(kind)) for kind in pace.LOOKS),
        soonest=QUICKEST,
        latest=SLOWEST,
        apart=timedelta(seconds=APART),
        wanted=ENOUGH,
    )


# ---- inside


def _place(many: int) -> int:
    """How many of so many samples may lie beyond the median's bound on one side by chance alone."""
    sure, below = 0, 0
    for place in range(many):
        below += comb(many, place)
        if below > DOUBT * 2**many:
            break
        sure = place
    return sure


def _wanted(typical: int, bounds: tuple[timedelta, timedelta | None], holds: float) -> float:
    """The stretch that the bounds ask for, starting from the one that holds."""
    least = bounds[0].total_seconds() / typical
    most = bounds[1].total_seconds() / typical if bounds[1] is not None else inf
    if least <= holds <= most:
        return holds
    if least <= 1.0 <= most:
        return 1.0
    return round(min(max(least if holds < least else most, QUICKEST), SLOWEST), 2)


def _shown(kind: str, known: Pace | None) -> ShownPace:
    shipped, learned = pace.LOOKS[kind], known.learned if known is not None else None
    return ShownPace(
        kind=kind,
        shipped=shipped,
        looks=shipped if learned is None else stretched(shipped, learned.stretch),
        because=_because(known, timedelta(seconds=pace.TYPICAL[kind])),
        typical=timedelta(seconds=pace.TYPICAL[kind]),
        samples=known.samples if known is not None else 0,
        counted_at=known.counted_at if known is not None else None,
        learned=learned,
    )


def _because(known: Pace | None, typical: timedelta) -> str:
    if known is None:
        return "nothing was counted beside these figures yet"
    learned = known.learned
    if learned is not None:
        upper = f", and half no longer than {_seconds(learned.at_most)}" if learned.at_most is not None else ""
        bound = ", which is as far as it goes" if learned.stretch in {QUICKEST, SLOWEST} else ""
        return (
            f"{learned.operations} operations say that half of such take longer than {_seconds(learned.longer_than)}{upper}; "
            f"{_seconds(typical)} was expected. So looks come at {learned.stretch:g} times the shipped instants{bound}"
        )
    if known.samples < ENOUGH:
        return f"{known.samples} of {ENOUGH} operations that are needed were counted"
    return f"{known.samples} operations say nothing against the {_seconds(typical)} that are expected"


def _seconds(span: timedelta) -> str:
    return f"{round(span.total_seconds())} s"

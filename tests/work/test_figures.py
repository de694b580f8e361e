"""The figures of a process: read once an hour, by one, and nobody waits or fails for them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from shared.rules import pace
from shared.work.figures import HOURLY, Figures
from tests.builders import NOON

OURS = {**pace.LOOKS, "scale_pool": (300, 400)}


class Source:
    """Brings figures, and counts how often."""

    def __init__(self) -> None:
        self.reads, self.fault = 0, False

    def __call__(self) -> pace.Looks:
        self.reads += 1
        if self.fault:
            raise RuntimeError
        return OURS


def test_nothing_is_read_before_it_is_needed() -> None:
    source = Source()
    assert Figures(source).known == pace.LOOKS
    assert source.reads == 0


@pytest.mark.parametrize(
    ("after", "reads"), [(timedelta(minutes=59), 1), (HOURLY, 2), (timedelta(minutes=-59), 1), (-HOURLY, 2), (timedelta(days=-400), 2)]
)
def test_they_are_read_again_after_an_hour_by_whatever_clock(after: timedelta, reads: int) -> None:
    source = Source()
    figures = Figures(source)
    assert (figures.at(NOON), figures.at(NOON + after), figures.known) == (OURS, OURS, OURS)
    assert source.reads == reads


def test_where_they_cannot_be_read_the_shipped_ones_hold_for_an_hour_and_nobody_asks_again_before() -> None:
    source = Source()
    figures = Figures(source)
    figures.at(NOON)
    source.fault = True
    assert [figures.at(NOON + n * timedelta(minutes=30)) for n in (2, 3)] == [pace.LOOKS] * 2
    assert (figures.known, source.reads) == (pace.LOOKS, 2)
    source.fault = False
    assert (figures.at(NOON + 2 * HOURLY), source.reads) == (OURS, 3)


def test_who_comes_while_they_are_read_goes_on_with_what_is_known() -> None:
    begun, may_end = Event(), Event()

    def read() -> pace.Looks:
        begun.set()
        assert may_end.wait(30)
        return OURS

    figures = Figures(read)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(figures.at, NOON)
        assert begun.wait(30)
        assert figures.at(NOON) == pace.LOOKS
        may_end.set()
        assert first.result(30) == OURS
    assert figures.at(NOON) == OURS

"""When workers that end by themselves are too many."""

import pytest

from local.host.crashes import Crashes


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("processes", "allowed"), [(1, 2), (3, 8)])
def test_three_for_each_process_are_too_many(processes: int, allowed: int) -> None:
    crashes = Crashes(processes=processes, clock=Clock())
    for _ in range(allowed):
        crashes.note()
    assert not crashes.too_many
    crashes.note()
    assert crashes.too_many


@pytest.mark.parametrize(("minutes", "number"), [(30, 3), (30.1, 1)])
def test_half_an_hour_without_one_forgives_all_before(minutes: float, number: int) -> None:
    clock = Clock()
    crashes = Crashes(processes=1, clock=clock)
    crashes.note()
    crashes.note()
    clock.now += minutes * 60
    crashes.note()
    assert crashes.number == number

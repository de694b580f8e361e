"""Every planted bug is caught: by trouble at each call of the smallest scenario, and by chance within a few seeds."""

import pytest

from tests.simulation.enumerated import faults, single
from tests.simulation.invariants import broken
from tests.simulation.planted import PLANTED
from tests.simulation.random_run import RandomRun

pytestmark = pytest.mark.once

MOST_SEEDS = 40


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught_by_trouble_at_each_call(name: str) -> None:
    assert any(faults("scale", single("scale"), flaw=PLANTED[name]))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught_by_chance(name: str) -> None:
    assert any(broken(RandomRun(seed=seed, flaw=PLANTED[name]).play()) for seed in range(MOST_SEEDS))

"""A bounded share of the random simulation; every planted bug is caught; a seed says the same each time."""

import pytest

from tests.simulation.invariants import broken
from tests.simulation.planted import PLANTED
from tests.simulation.random_run import RandomRun

pytestmark = pytest.mark.once

SHARE = range(20)
MOST_SEEDS = 40
FOUND: tuple[int, ...] = ()
"""Seeds that once failed."""


@pytest.mark.parametrize("seed", [*SHARE, *FOUND])
def test_whatever_happens_every_invariant_holds(seed: int) -> None:
    assert broken(RandomRun(seed).play()) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught(name: str) -> None:
    assert any(broken(RandomRun(seed, PLANTED[name]).play()) for seed in range(MOST_SEEDS))


def test_a_seed_gives_the_same_run_each_time() -> None:
    first, second = RandomRun(3), RandomRun(3)
    assert first.play().saves == second.play().saves
    assert first.met == second.met

"""A bounded share of the random simulation; a seed says the same each time."""

import pytest

from tests.simulation.invariants import broken
from tests.simulation.random_run import RandomRun

pytestmark = pytest.mark.once

SHARE = range(20)
FOUND: dict[int, str] = {
    388: "the letter of a wake-up was filed while its operation moved on",
    40563: "what a clock hours ahead had saved was left alone by the sweep for hours",
    60602: "who left the line while its first was moved cost that one its wake-up",
    40841: "a row in `open` was taken away from an operation that a clock hours behind was about to write",
}
"""Seeds that once failed, and what they found."""


@pytest.mark.parametrize("seed", [*SHARE, *FOUND])
def test_whatever_happens_every_invariant_holds(seed: int) -> None:
    assert broken(RandomRun(seed=seed).play()) == []


def test_a_seed_gives_the_same_run_each_time() -> None:
    first, second = RandomRun(seed=3), RandomRun(seed=3)
    assert first.play().saves == second.play().saves
    assert first.met == second.met

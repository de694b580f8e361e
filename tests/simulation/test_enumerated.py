"""A share of all troubles at all calls of all scenarios; `python3 dev.py simulate --calls` plays every one."""

from itertools import islice

import pytest

from tests.simulation.enumerated import double, faults, single
from tests.simulation.scenarios import SCENARIOS, SMALL

pytestmark = pytest.mark.once

SHARE = 13
"""One case in so many. A call can meet nine troubles or eleven, with which that shares no factor, so each next call meets another one."""
SHARE_OF_PAIRS = 101


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_one_call_meets_every_invariant_holds_and_all_ends_as_it_should(name: str) -> None:
    assert list(faults(name, islice(single(name), 0, None, SHARE))) == []


@pytest.mark.parametrize("name", SMALL)
def test_whatever_two_calls_meet_every_invariant_holds_and_all_ends_as_it_should(name: str) -> None:
    assert list(faults(name, islice(double(name), 0, None, SHARE_OF_PAIRS))) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_without_trouble_ends_as_it_should_and_everybody_has_asked(name: str) -> None:
    assert list(faults(name, iter(({},)))) == []

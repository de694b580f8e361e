"""A share of all troubles at all calls of all scenarios; `python3 dev.py simulate --calls` plays every one."""

from itertools import islice

import pytest

from tests.simulation.enumerated import double, faults, played, single
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


@pytest.mark.parametrize("name", ["scale", "limits", "upgrade of three pools", "stop", "delete"])
def test_without_trouble_an_operation_costs_what_the_formula_says(name: str) -> None:
    """4P + 4S + 9 (docs/decisions/0001); a request by queue with a key and replies costs six more."""
    run = played(name)
    run.play()
    (operation,) = run.operations.operations.values()
    assert run.record.transactions == 4 * run.made.count("azure.poll") + 4 * len(operation.states) + 9 + 6


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_without_trouble_ends_as_it_should_and_everybody_has_asked(name: str) -> None:
    assert list(faults(name, iter(({},)))) == []

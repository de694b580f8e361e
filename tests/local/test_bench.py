"""The bench counts what it says it counts, and its table tells what holds."""

import json
from pathlib import Path

import pytest

from local import pacing
from local.bench import calls, faults, looks
from local.bench.costs import CASES, Case, CountedStorage
from local.bench.table import Row, rendered, written


def a_row(**changes: object) -> Row:
    facts: dict[str, object] = {"group": "counts", "what": "a thing", "unit": "requests", "at": "most", "bound": 55, "measured": 55}
    return Row(**{**facts, **changes})  # type: ignore[arg-type]  # a builder takes what its tests give


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_takes_as_many_transactions_as_its_budget_has(azurite: str, case: Case) -> None:
    assert CountedStorage(azurite, case).run() == case.bound


def test_three_steps_and_ten_polls_take_sixty_one_transactions(azurite: str) -> None:
    assert CountedStorage(azurite, Case(polls=(3, 3, 4))).run() == 61


def test_the_budget_is_below_a_third_of_what_durable_functions_take() -> None:
    case = Case(polls=(3, 3, 4))
    assert (case.bound, case.durable) == (61, 186)


def test_every_request_to_arm_is_one_that_was_meant() -> None:
    counts = calls.counted()
    assert [count.requests for count in counts] == [count.bound for count in counts]
    assert [(count.steps, count.what) for count in counts] == [
        (3, "create with its group"),
        (1, "scale"),
        (1, "stop"),
        (1, "start"),
        (2, "upgrade by a minor"),
        (2, "delete with its group"),
    ]


@pytest.mark.parametrize("case", faults.CASES, ids=lambda case: case.what)
def test_an_operation_that_meets_faults_takes_exactly_what_they_cost(azurite: str, case: faults.Faults) -> None:
    counted = faults.counted(azurite, case)
    assert (counted.transactions, counted.calls) == (case.transactions, case.calls)
    assert counted.attempts == 3 + len(case.attempts)


def test_looks_and_lateness_are_those_of_records_that_were_not_fitted_to() -> None:
    paces = looks.judged({"pool/scale": [100.0] * 10, "cluster/abort": [45.0]})
    scale, abort = paces["pool/scale"], paces["cluster/abort"]
    assert (scale.operations, scale.loop_looks, scale.loop_late) == (10, 50, 200.0)
    assert scale.looks == 10 * (scale.looks // 10) < scale.loop_looks
    assert (abort.operations, abort.looks, abort.late, abort.loop_looks, abort.loop_late) == (1, 2, 15.0, 3, 15.0)
    together = looks.pooled(paces)
    assert (together.operations, together.loop_looks, together.looks) == (11, 53, scale.looks + 2)


@pytest.mark.once
def test_the_pace_that_the_bench_shows_keeps_its_bounds(conformance: Path) -> None:
    together = looks.pooled(looks.judged(pacing.read(conformance / "operation-durations.csv")))
    assert together.looked <= 0.55
    assert together.noticed <= 1.0


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (a_row(), True),
        (a_row(measured=56), False),
        (a_row(at="least", measured=56), True),
        (a_row(at="least", measured=54.9), False),
    ],
)
def test_a_bound_is_kept_on_its_own_side(row: Row, holds: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    assert row.holds is holds


def test_the_table_shows_each_group_once_and_says_what_does_not_hold() -> None:
    rows = [
        a_row(),
        a_row(what="another thing", measured=1234),
        a_row(group="ratios", what="a start", unit="times", bound=3.0, measured=2.5),
    ]
    lines = [line.split() for line in rendered(rows).splitlines()]
    assert lines[0] == ["what", "bound", "measured", "holds?", "note"]
    assert lines[2:] == [
        [],
        ["counts"],
        ["a", "thing", "<=", "55", "requests", "55", "yes"],
        ["another", "thing", "<=", "55", "requests", "1,234", "NO"],
        [],
        ["ratios"],
        ["a", "start", "<=", "3", "times", "2.50", "yes"],
    ]


def test_the_json_says_what_the_table_says(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "bench.json"
    written([a_row(), a_row(measured=56)], {"python": "3.11"}, file)
    document = json.loads(file.read_text())
    assert document["holds"] is False
    assert [row["holds"] for row in document["rows"]] == [True, False]
    assert document["facts"] == {"python": "3.11"}
    assert [path.name for path in file.parent.iterdir()] == ["bench.json"]

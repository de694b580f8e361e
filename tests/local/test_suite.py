"""The counting of tests: nothing that failed, broke off or was skipped is left out of the last line."""

from pathlib import Path

import pytest

from local.suite import Outcome, asked_of, close, read_report

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_one"/>
<testcase classname="tests.a" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.a" name="test_three"><error message="no"/></testcase>
<testcase classname="tests.b" name="test_four"><skipped message="no recorded data"/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted_with_names_and_reasons(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    outcome = read_report(tmp_path / "report.xml", 1, "3.12")
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 2, 1)
    assert outcome.faults == ("tests.a::test_two (Python 3.12)", "tests.a::test_three (Python 3.12)")
    assert outcome.reasons == ("no recorded data",)


@pytest.mark.parametrize("text", [None, "", "<testsuites", "<testsuites/>"])
def test_a_run_that_broke_off_is_a_failure(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "report.xml").write_text(text)
    outcome = read_report(tmp_path / "report.xml", 3, "3.12")
    assert (outcome.passed, outcome.failed) == (0, 1)
    assert outcome.faults == ("pytest ended with exit code 3 on Python 3.12",)


def test_tests_that_pass_in_a_run_that_broke_off_do_not_hide_it(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text('<testsuites><testcase classname="a" name="b"/></testsuites>')
    outcome = read_report(tmp_path / "report.xml", -9, "3.11")
    assert (outcome.passed, outcome.failed) == (1, 1)


def test_the_last_line_counts_all_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = close([Outcome(4, 0, 0), Outcome(10, 1, 2, ("a (Python 3.11)",), ("no data", "no data"))])
    assert capsys.readouterr().out.splitlines() == ["skipped 2: no data", "failed: a (Python 3.11)", "14 passed, 1 failed, 2 skipped"]
    assert code == 1


def test_skipping_alone_is_no_failure() -> None:
    assert close([Outcome(1, 0, 1, (), ("no data",))]) == 0


def test_of_several_runs_the_first_has_everything_and_no_other_what_is_marked_once() -> None:
    assert [list(asked_of(run, ["-x"])) for run in range(3)] == [["-x"], ["-m", "not once", "-x"], ["-m", "not once", "-x"]]

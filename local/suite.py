"""The checks and the tests, run on the environments they are given and counted.

Standard library only: `dev.py` runs it outside of any environment. It must not know what is tested.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from local.interpreters import ROOT, Python, say

CHECKED = ("function_app.py", "functions", "shared", "local", "dev.py", "tests")


class Outcome(NamedTuple):
    """How many passed, failed and were skipped, what failed, and why what was skipped was skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def checks(inside: Path, *, fix: bool = False) -> Outcome:
    """Lint, form, types and imports; each is shown only when it fails, and `fix` mends what the linter can mend first."""
    paths = [path for path in CHECKED if (ROOT / path).exists()]
    ruff: list[str | Path] = [inside, "-m", "ruff"]
    if fix:
        for mend in (["check", "--fix", "--quiet", *paths], ["format", "--quiet", *paths]):
            subprocess.run([*ruff, *mend], cwd=ROOT, check=False)
    commands: dict[str, list[str | Path]] = {
        "lint (ruff check)": [*ruff, "check", "--quiet", *paths],
        "form (ruff format)": [*ruff, "format", "--check", "--quiet", *paths],
        "imports (import-linter)": [inside.with_name("lint-imports"), "--cache-dir", ROOT / ".cache" / "import-linter"],
        "types (mypy --strict)": [inside, "-m", "mypy", "--no-error-summary", *paths],
    }
    faults = []
    for name, command in commands.items():
        begun = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        say(f"{'ok    ' if done.returncode == 0 else 'FAILED'}  {name}  {time.monotonic() - begun:.1f} s")
        if done.returncode != 0:
            faults.append(name)
            say(done.stdout.rstrip())
    return Outcome(passed=len(commands) - len(faults), failed=len(faults), faults=tuple(faults))


def read_report(path: Path, exit_code: int, python: str) -> Outcome:
    """What pytest wrote about one run; a run that broke off without a word counts as one failure."""
    faults: list[str] = []
    reasons: list[str] = []
    total = 0
    with contextlib.suppress(OSError, ET.ParseError):
        for case in ET.parse(path).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
            total += 1
            name = f"{case.get('classname')}::{case.get('name')} (Python {python})"
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                faults.append(name)
            elif skip is not None:
                reasons.append(skip.get("message") or "no reason given")
    passed = total - len(faults) - len(reasons)
    if exit_code != 0 and not faults:
        faults.append(f"pytest ended with exit code {exit_code} on Python {python}")
    return Outcome(passed, len(faults), len(reasons), tuple(faults), tuple(reasons))


def start_pytest(python: Python, inside: Path, arguments: Sequence[str], output: Path | None) -> subprocess.Popen[bytes]:
    """Start the suite on one Python, shown live or written to `output`."""
    cache = cache_of(python)
    report = cache / "report.xml"
    report.unlink(missing_ok=True)
    command = [str(inside), "-m", "pytest", f"--junitxml={report}", "-o", f"cache_dir={cache / 'pytest'}", *arguments]
    if output is None:
        return subprocess.Popen(command, cwd=ROOT)
    with output.open("wb") as sink:
        return subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT)


def cache_of(python: Python) -> Path:
    """Where a run on that Python leaves its report."""
    place = ROOT / ".cache" / python.tag
    place.mkdir(parents=True, exist_ok=True)
    return place


def asked_of(run: int, arguments: Sequence[str]) -> Sequence[str]:
    """What pytest is asked in one of several runs, counted from 0."""
    return arguments if run == 0 else ["-m", "not once", *arguments]


def tests(runs: Sequence[tuple[Python, Path]], arguments: Sequence[str]) -> list[Outcome]:
    """Run pytest in all environments at once, the first shown live, the others only where something fails.

    At once, because two cores are then busy all the time: three runs take half as long again as one, not three times as long. The others
    leave out what is marked `once`: long searches through our own rules, which find the same on every Python.
    """
    outcomes = []
    started: list[tuple[Python, Path | None, subprocess.Popen[bytes]]] = []
    begun = time.monotonic()
    try:
        for python, inside in runs:
            output = cache_of(python) / "output.txt" if started else None
            say(f"tests on Python {python.name}" + (f", but those marked once, written to {output.relative_to(ROOT)}" if output else ""))
            started.append((python, output, start_pytest(python, inside, asked_of(len(started), arguments), output)))
        for python, output, process in started:
            outcome = read_report(cache_of(python) / "report.xml", process.wait(), python.name)
            outcomes.append(outcome)
            if output is not None and outcome.failed:
                say(output.read_text(errors="replace"))
            counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
            say(f"Python {python.name}: {counts}, {time.monotonic() - begun:.0f} s")
    finally:
        for *_, process in started:
            process.wait()  # after Ctrl-C, which reaches them too: they clean up behind themselves
    return outcomes


def close(outcomes: Sequence[Outcome]) -> int:
    """Say why what was skipped was skipped, what failed, and in one last line how many; answers the exit code."""
    for reason, times in Counter(reason for outcome in outcomes for reason in outcome.reasons).most_common():
        say(f"skipped {times}: {reason}")
    faults = [fault for outcome in outcomes for fault in outcome.faults]
    for fault in faults:
        say(f"failed: {fault}")
    passed, skipped = sum(outcome.passed for outcome in outcomes), sum(outcome.skipped for outcome in outcomes)
    say(f"{passed} passed, {len(faults)} failed, {skipped} skipped")
    return 1 if faults else 0

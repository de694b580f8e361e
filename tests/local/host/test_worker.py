"""A worker process by itself, spoken to as the host does, and the lines of the host's log."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.host.calls import HttpCall, call_frame, outcome_from
from local.host.frames import Frame, packed, read_frame
from local.host.log import Log, level_of
from local.worldtime import WorldTime

ROOT = Path(__file__).resolve().parents[3]
APP = """
import pathlib, sys, threading
import azure.functions as func
app = func.FunctionApp()

@app.route("name")
def name(req: func.HttpRequest) -> func.HttpResponse:
    print("to standard output")
    return func.HttpResponse(f"{sys.stdin.read()!r}")

@app.route("busy")
def busy(req: func.HttpRequest) -> func.HttpResponse:
    pathlib.Path(__file__).with_name("busy").touch()
    threading.Event().wait()
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "function_app.py").write_text(APP)
    command = [sys.executable, "-P", "-m", "local.host.worker", str(os.getpid())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=tmp_path, env=environment) as process:
        head = {"kind": "load", "app_root": str(tmp_path), "module": "function_app", "world": str(WorldTime()), "before": None}
        say(process, Frame(head=head))
        heard = hear(process)
        assert heard.head["kind"] == "loaded"
        yield process
        process.kill()


def say(process: subprocess.Popen[bytes], frame: Frame) -> None:
    assert process.stdin is not None
    process.stdin.write(packed(frame))
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> Frame:
    assert process.stdout is not None
    frame = read_frame(process.stdout)
    assert frame is not None
    return frame


def call(function: str) -> Frame:
    request = HttpCall(method="GET", url="http://localhost/", headers={}, query={}, params={})
    return call_frame(request, function=function, invocation="i1")


def test_what_an_app_prints_or_reads_does_not_disturb_the_pipe(worker: subprocess.Popen[bytes]) -> None:
    say(worker, call("name"))
    heard = hear(worker)
    assert heard.head["invocation"] == "i1"
    outcome = outcome_from(heard)
    assert getattr(outcome, "answer").body == b"''"  # noqa: B009 - mypy knows only that it is an outcome


def test_a_worker_ends_at_once_when_the_host_is_gone_whatever_it_is_doing(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    say(worker, call("busy"))
    while not (tmp_path / "busy").exists():
        assert worker.poll() is None
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(15) == 0


def test_an_event_is_one_line_of_json() -> None:
    stream = io.StringIO()
    Log(stream=stream).event("it_happened", why="two\nlines")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line).items() >= {"event": "it_happened", "level": "information", "category": "Host", "why": "two\nlines"}.items()


@pytest.mark.parametrize(
    ("category", "level", "written"),
    [
        ("Host", "information", False),
        ("Host", "warning", True),
        ("Host.Results", "information", True),
        ("Hostess", "debug", True),
        ("Function.f.User", "debug", True),
        ("Function.f", "trace", False),
        ("Quiet", "critical", False),
    ],
)
def test_the_longest_fitting_category_decides_what_is_written(category: str, level: str, written: bool) -> None:  # noqa: FBT001 - a table's column
    stream = io.StringIO()
    levels = {"Default": "Debug", "Host": "Warning", "host.results": "Information", "Quiet": "None"}
    Log(levels=levels, stream=stream).event("x", category=category, level=level)
    assert bool(stream.getvalue()) is written


@pytest.mark.parametrize(
    ("number", "name"), [(0, "trace"), (10, "debug"), (20, "information"), (25, "information"), (30, "warning"), (55, "critical")]
)
def test_levels_of_python_have_names_at_the_host(number: int, name: str) -> None:
    assert level_of(number) == name

"""The keeper of processes: none is left behind, whatever happens to the one that asked for it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.processes import ROOT, Keeper, NotReadyError

SOON = timedelta(seconds=20)
READY = "import json, time; print(json.dumps({'ready': True, 'port': 5}), flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
WITH_CHILD = (
    "import json, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(json.dumps({'ready': True, 'pid': child.pid}), flush=True); time.sleep(600)"
)
OWNER = """
import json, sys, time
from datetime import timedelta
from pathlib import Path
from local.processes import Keeper
keeper = Keeper(Path(sys.argv[1]), grace=timedelta(seconds=0.2))
children = [keeper.start(f"c{n}", [sys.executable, "-c", sys.argv[2]], environment={}) for n in range(2)]
for child in children:
    child.await_ready(child.ready_line, within=timedelta(seconds=20))
print(json.dumps([child.pid for child in children]), flush=True)
time.sleep(600)
"""


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with Keeper(tmp_path / "logs") as made:
        yield made


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):  # a dead one that nobody has asked after is dead all the same
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return False


def happens(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON.total_seconds()
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_ready_line_is_read_from_standard_output(keeper: Keeper) -> None:
    child = keeper.start("one", python(f"print('not json'); print('{{half'); print('{{}}'); {READY}"), environment={})
    assert child.await_ready(child.ready_line, within=SOON) == {"ready": True, "port": 5}


def test_a_restarted_process_is_not_ready_by_the_line_of_the_one_before(keeper: Keeper) -> None:
    first = keeper.start("one", python(READY), environment={})
    first.await_ready(first.ready_line, within=SOON)
    keeper.kill(first)
    second = keeper.start("one", python("import time; time.sleep(600)"), environment={})
    assert second.ready_line() is None


def test_a_process_that_ends_early_is_named_with_the_end_of_its_log(keeper: Keeper) -> None:
    child = keeper.start("one", python("import sys; sys.exit('the port is taken')"), environment={})
    with pytest.raises(NotReadyError, match="one ended with exit code 1 before it was ready") as caught:
        child.await_ready(child.ready_line, within=SOON)
    assert "the port is taken" in str(caught.value)


def test_the_end_of_a_log_is_of_this_life_only(keeper: Keeper) -> None:
    first = keeper.start("one", python("import sys; sys.exit('an old fault')"), environment={})
    first.process.wait()
    second = keeper.start("one", python("import sys; sys.exit('a new fault')"), environment={})
    with pytest.raises(NotReadyError, match="a new fault") as caught:
        second.await_ready(second.ready_line, within=SOON)
    assert "an old fault" not in str(caught.value)


def test_a_process_that_is_never_ready_is_given_up_in_time(keeper: Keeper) -> None:
    child = keeper.start("one", python("import time; time.sleep(600)"), environment={})
    with pytest.raises(NotReadyError, match="one was not ready within 0 seconds"):
        child.await_ready(child.ready_line, within=timedelta(seconds=0.2))


def test_a_command_that_is_not_there_is_a_clear_fault(keeper: Keeper) -> None:
    with pytest.raises(NotReadyError, match="one could not be started"):
        keeper.start("one", ["/no/such/program"], environment={})


def test_a_process_that_will_not_end_is_ended(tmp_path: Path) -> None:
    with Keeper(tmp_path, grace=timedelta(seconds=0.2)) as keeper:
        child = keeper.start("one", python(STUBBORN), environment={})
        child.await_ready(child.ready_line, within=SOON)
        keeper.stop(child)
    assert child.process.returncode == -signal.SIGKILL


def test_a_process_that_ends_when_asked_is_not_killed(keeper: Keeper) -> None:
    code = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); {READY}"
    child = keeper.start("one", python(code), environment={})
    child.await_ready(child.ready_line, within=SOON)
    keeper.stop(child)
    assert child.process.returncode == 7


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_what_a_process_started_ends_with_it(keeper: Keeper, way: str) -> None:
    child = keeper.start("one", python(WITH_CHILD), environment={})
    grandchild = child.await_ready(child.ready_line, within=SOON)["pid"]
    assert isinstance(grandchild, int)
    assert not gone(grandchild)
    getattr(keeper, way)(child)
    assert happens(lambda: gone(grandchild))


def test_closing_ends_everything(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        children = [keeper.start(name, python(READY), environment={}) for name in ("one", "two")]
    assert not any(child.running() for child in children)


@pytest.mark.parametrize("code", [READY, STUBBORN])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_an_owner_that_was_killed(tmp_path: Path, number: signal.Signals, code: str) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), code], cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pids = json.loads(owner.stdout.readline())
        assert not any(gone(pid) for pid in pids)
        owner.send_signal(number)
    assert happens(lambda: all(gone(pid) for pid in pids))

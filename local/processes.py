"""Processes of the laptop stack: each has a session and a log of its own, and none outlives the process that asked for it.

A watchdog process holds the list of what runs and reads from a pipe; when the pipe ends and something still runs (its owner was killed), it
ends what is left. This module must not know what the processes are for.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

ROOT = Path(__file__).resolve().parent.parent
GRACE = timedelta(seconds=15)  # a host gives its work ten seconds before it leaves
_PAUSE = 0.02
_TAIL = 25

Answer = TypeVar("Answer")


class NotReadyError(RuntimeError):
    """A process did not start, or was not ready in time; the message says which one and ends with the tail of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One running process: what it says on standard output is in `out`, all else in `log`."""

    name: str
    process: subprocess.Popen[bytes]
    out: Path
    out_start: int
    log: Path
    log_start: int

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its session and process group."""
        return self.process.pid

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def said(self) -> str:
        """All it has printed on standard output since it was started."""
        return _from(self.out, self.out_start)

    def ready_line(self) -> dict[str, object] | None:
        """The first whole line of its output that is a JSON object with a true `ready`."""
        for line in self.said().splitlines(keepends=True):
            if not (line.startswith("{") and line.endswith("\n")):
                continue
            with contextlib.suppress(json.JSONDecodeError):
                answer: dict[str, object] = json.loads(line)
                if answer.get("ready") is True:
                    return answer
        return None

    def await_ready(self, seen: Callable[[], Answer | None], *, within: timedelta) -> Answer:
        """What `seen` answers once it answers anything; `NotReadyError` when the process ends first, or `within` (real time) passes."""
        deadline = time.monotonic() + within.total_seconds()
        while (answer := seen()) is None:
            if not self.running():
                message = f"{self.name} ended with exit code {self.process.returncode} before it was ready"
                raise NotReadyError(self._with_tail(message))
            if time.monotonic() > deadline:
                message = f"{self.name} was not ready within {within.total_seconds():.0f} seconds"
                raise NotReadyError(self._with_tail(message))
            time.sleep(_PAUSE)
        return answer

    def _with_tail(self, message: str) -> str:
        for file, start in ((self.log, self.log_start), (self.out, self.out_start)):
            lines = _from(file, start).splitlines()[-_TAIL:]
            if lines:
                return "\n".join([f"{message}; the end of {file}:", *(f"    {line}" for line in lines)])
        return f"{message}; it wrote nothing to {self.log}"


def _from(file: Path, start: int) -> str:
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read().decode(errors="replace")


class Keeper:
    """Starts processes and ends them, last started first; a context manager, or call `close`."""

    def __init__(self, logs: Path, *, grace: timedelta = GRACE) -> None:
        self.logs = logs
        self.grace = grace
        self._children: list[Child] = []
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, name: str, command: Sequence[str | Path], *, environment: Mapping[str, str], directory: Path = ROOT) -> Child:
        """Start `command` in a session of its own, so that Ctrl-C in the terminal reaches only us and we choose the order of the end."""
        self.logs.mkdir(parents=True, exist_ok=True)
        out, log = self.logs / f"{name}.out", self.logs / f"{name}.log"
        self._watch()
        with out.open("ab") as standard_output, log.open("ab") as standard_error:
            starts = standard_output.tell(), standard_error.tell()
            with _signals_held():
                try:
                    process = subprocess.Popen(
                        [str(part) for part in command],
                        stdin=subprocess.DEVNULL,
                        stdout=standard_output,
                        stderr=standard_error,
                        env=dict(environment),
                        cwd=directory,
                        start_new_session=True,
                    )
                except OSError as error:
                    message = f"{name} could not be started: {error}"
                    raise NotReadyError(message) from error
                self._tell(f"+{process.pid}")
                child = Child(name=name, process=process, out=out, out_start=starts[0], log=log, log_start=starts[1])
                self._children.append(child)
        return child

    def stop(self, child: Child) -> None:
        """Ask it to end, wait up to the keeper's grace (real time), then end it and all that it started; an ended one is no error."""
        if child.running():
            child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(self.grace.total_seconds())
        self.kill(child)

    def kill(self, child: Child) -> None:
        """End it and all that it started, at once and unasked, as a power cut would."""
        _end_group(child.pid, signal.SIGKILL)
        child.process.wait()
        if child in self._children:
            self._children.remove(child)
            self._tell(f"-{child.pid}")

    def close(self) -> None:
        """End all that still runs, last started first, and the watchdog with it."""
        for child in reversed(tuple(self._children)):
            self.stop(child)
        if self._watchdog is not None:
            if self._watchdog.stdin is not None:
                self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None

    def _watch(self) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", __file__, str(self.grace.total_seconds())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )

    def _tell(self, line: str) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # then there is no watchdog any more; `close` still ends everything
                self._watchdog.stdin.write(f"{line}\n".encode())


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Put off signals until the block has ended, so that none can come between a process and the note that it is there."""
    held: list[int] = []
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if callable(signal.getsignal(number)):
                former[number] = signal.signal(number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(signal.Signals(held[0]))


def _end_group(group: int, number: int) -> bool:
    """Whether the process group was there to be sent the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers the second for a group of zombies
        return False
    return True


def _keep_watch(grace: float) -> None:
    """Read who starts (+) and who has ended (-) until the owner is gone, then end who is left, by force after `grace` seconds."""
    alive: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            alive.append(group)
        elif group in alive:
            alive.remove(group)
    for group in reversed(alive):
        _end_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while alive and time.monotonic() < deadline:
        alive = [group for group in alive if _end_group(group, 0)]
        time.sleep(_PAUSE)
    for group in alive:
        _end_group(group, signal.SIGKILL)


if __name__ == "__main__":
    _keep_watch(float(sys.argv[1]))

"""The listener lock of a timer: of the hosts that share one `--state` folder, one at a time runs it.

Files stand in the place of the real host's blob leases: the holder renews its note, and a note that is not renewed runs out. What is run
under the lock is not known here.
"""

import asyncio
import contextlib
import fcntl
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol, Self

from local.host.log import Log

_SHORTEST = 1.0  # seconds of real time: at rehearsal speed a lease must outlast a busy machine's hiccups


class Runner(Protocol):
    """What runs while the lock is held."""

    def stop(self) -> None:
        """End soon."""

    async def run(self) -> None:
        """Run until stopped, or until there is nothing more to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTimes:
    """Real seconds: how long a note holds without being renewed, and how often one who was too late tries again."""

    period: float
    recheck: float

    @classmethod
    def at(cls, speed: float, *, period: timedelta, recheck: timedelta) -> Self:
        """Those of a world at `speed`; a period below a second stays one second."""
        return cls(period=max(period.total_seconds() / speed, _SHORTEST), recheck=recheck.total_seconds() / speed)


@dataclass(slots=True, kw_only=True)
class Locks:
    """The locks that one host takes; without a folder nobody shares them, and every one is free."""

    folder: Path | None
    times: LockTimes
    clock: Callable[[], float] = time.time
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    def take(self, name: str) -> bool:
        """Whether this host holds the lock called `name` from now for a period; taking again renews."""
        if self.folder is None:
            return True
        with self._alone(self.folder):
            if self._holder(self.folder / name) not in {None, self.owner}:
                return False
            fresh = self.folder / f"{name}.new"
            fresh.write_text(json.dumps({"owner": self.owner, "until": self.clock() + self.times.period}), encoding="utf-8")
            fresh.replace(self.folder / name)
            return True

    def release(self, name: str) -> None:
        """Let others have it at once, where it is ours."""
        if self.folder is None:
            return
        with self._alone(self.folder):
            if self._holder(self.folder / name) == self.owner:
                (self.folder / name).unlink()

    def _holder(self, note: Path) -> str | None:
        """Who holds it now; an unreadable note holds nothing."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(note.read_text(encoding="utf-8"))
            return str(said["owner"]) if float(said["until"]) > self.clock() else None
        return None

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".mutex").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go of it with the file, however this process ends
            yield


class Alone:
    """Runs what `make` makes while this host holds the lock called `name`, and tries again later while another host does."""

    def __init__(self, name: str, make: Callable[[], Runner], locks: Locks, log: Log) -> None:
        self._name = name
        self._make = make
        self._locks = locks
        self._log = log
        self._stopping = asyncio.Event()
        self._runner: Runner | None = None

    def stop(self) -> None:
        """End soon; what runs may finish."""
        self._stopping.set()
        if self._runner is not None:
            self._runner.stop()

    async def run(self) -> None:
        """Wait for the lock and run, until stopped or until there is nothing more to do."""
        waits = False
        while not self._stopping.is_set():
            if self._locks.take(self._name):
                if await self._held():
                    return
            elif not waits:
                self._log.event("lock_held_by_another_host", lock=self._name)
            waits = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._locks.times.recheck):
                    await self._stopping.wait()

    async def _held(self) -> bool:
        """Run while the lock is ours; whether that came to its end, and not the lock to another host."""
        self._runner = self._make()
        running = asyncio.create_task(self._runner.run())
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=self._locks.times.period / 3)
                if not running.done() and not self._locks.take(self._name):
                    self._log.event("lock_lost", level="warning", lock=self._name)
                    self._runner.stop()
                    await running
                    return False
            await running
            return True
        finally:
            running.cancel()
            self._locks.release(self._name)
            self._runner = None

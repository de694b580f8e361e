"""Timer triggers: runs a function when its schedule falls due in world time, and remembers when it last did.

The memory is one JSON file a timer, in the place of the blobs that the real host keeps. Missed ticks are not made up, but for one at
the start.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from local.host.calls import Call, Outcome, TimerCall
from local.host.log import Log
from local.host.ncrontab import Schedule
from local.worldtime import WorldTime

_NEVER = "0001-01-01T00:00:00+00:00"
Invoke = Callable[[str, Call], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the monitor keeps of a timer; `last` is None before its first tick."""

    last: datetime | None
    next: datetime
    updated: datetime

    def said(self) -> dict[str, str]:
        """As the host writes it."""
        return {
            "Last": self.last.isoformat() if self.last else _NEVER,
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }

    @classmethod
    def heard(cls, said: dict[str, str]) -> Self:
        """Read what `said` wrote."""
        last = None if said["Last"] == _NEVER else datetime.fromisoformat(said["Last"])
        return cls(last=last, next=datetime.fromisoformat(said["Next"]), updated=datetime.fromisoformat(said["LastUpdated"]))


class Monitor:
    """The statuses of all timers, each in a JSON file of `folder`, or only in memory where there is none.

    A status is read anew each time: another host may have run the timer in between.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._statuses: dict[str, Status] = {}

    def status(self, function: str) -> Status | None:
        """What is kept of `function`'s timer; what cannot be read is as good as never written."""
        if self._folder is None:
            return self._statuses.get(function)
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError, TypeError):
            return Status.heard(json.loads(self._place(self._folder, function).read_text(encoding="utf-8")))
        return None

    def keep(self, function: str, status: Status) -> None:
        """Remember `status`, so that it survives the end of this process at any instant."""
        if self._folder is None:
            self._statuses[function] = status
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._place(self._folder, function)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(status.said(), indent=2), encoding="utf-8")
        fresh.replace(place)

    @staticmethod
    def _place(folder: Path, function: str) -> Path:
        return folder / f"Host.Functions.{function}.json"


def at_start(stored: Status | None, schedule: Schedule, now: datetime) -> tuple[Status | None, bool]:
    """What the monitor says when the host starts, and whether a tick is past due; None when the schedule will never fall due.

    A schedule that was changed since is reckoned anew and not past due, and so is one whose memory lies in the future (a world set back).
    """
    coming = schedule.after(now)
    if coming is None:
        return None, False
    if stored is None or stored.updated > now or (stored.last or now) > now:
        return Status(last=None, next=coming, updated=now), False
    expected = schedule.after(stored.last or stored.updated)
    if expected != stored.next:
        return Status(last=stored.last, next=coming, updated=now), False
    return stored, stored.next < now


class Ticker:
    """The timer trigger of one function."""

    def __init__(
        self,
        function: str,
        schedule: Schedule,
        *,
        world: WorldTime,
        monitor: Monitor | None,
        run_on_startup: bool,
        invoke: Invoke,
        log: Log,
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._world = world
        self._monitor = monitor
        self._run_on_startup = run_on_startup
        self._invoke = invoke
        self._log = log
        self._stopping = asyncio.Event()
        self._status: Status | None = None

    def stop(self) -> None:
        """Tick no more; a tick that runs goes on."""
        self._stopping.set()

    async def run(self) -> None:
        """Tick until stopped. The next tick is looked for only when one has returned, so ticks never overlap."""
        now = self._world.now()
        stored = self._monitor.status(self._function) if self._monitor is not None else None
        self._status, past_due = at_start(stored, self._schedule, now)
        if self._monitor is not None and self._status is not None:
            self._monitor.keep(self._function, self._status)
        if past_due:
            await self._tick(now, past_due=True)
        elif self._run_on_startup:
            await self._tick(now, at_startup=True)
        while not self._stopping.is_set():
            if self._status is None:
                self._log.event("timer_never_due", level="warning", function=self._function)
                return
            if await self._wait_until(self._status.next):
                await self._tick(max(self._world.now(), self._status.next))

    async def _wait_until(self, due: datetime) -> bool:
        """Whether `due` came before the end."""
        wait = self._world.real_seconds(due - self._world.now())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(wait, 0)):
                await self._stopping.wait()
        return not self._stopping.is_set()

    async def _tick(self, at: datetime, *, past_due: bool = False, at_startup: bool = False) -> None:
        """Run the function once; whether it fails changes nothing here: the schedule goes on."""
        status = self._status.said() if self._monitor is not None and self._status is not None else None
        await self._invoke(self._function, TimerCall(past_due=past_due, status=status))
        if self._status is None:
            return
        reckoned = at if at_startup else max(at, self._status.next)
        following = self._schedule.after(reckoned)
        if following is None:
            self._status = None
            return
        self._status = Status(last=reckoned, next=following, updated=reckoned)
        if self._monitor is not None:
            self._monitor.keep(self._function, self._status)

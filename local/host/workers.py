"""The worker processes as the host sees them: started, asked in turn, killed when a function takes too long, and replaced when they end.

It knows calls and outcomes, not where they come from.
"""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from local.host.calls import Attempt, Call, Failed, Outcome, call_frame, outcome_from
from local.host.crashes import Crashes
from local.host.frames import Frame, next_frame, packed
from local.host.indexing import Function
from local.host.log import Log, level_of
from local.host.settings import HostError
from local.worldtime import WorldTime

_REPOSITORY = Path(__file__).resolve().parents[2]
_START_LIMIT = 120.0  # seconds; the host waits two minutes for a Python worker
_BETWEEN_STARTS = timedelta(seconds=10)
_LINE_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What every worker process of a host is given."""

    app_root: Path
    environment: Mapping[str, str] = field(repr=False)
    world: WorldTime
    before: str | None = None
    timeout: timedelta | None = None
    processes: int = 1


class _Process:
    """One worker process and the invocations it works on."""

    def __init__(self, process: asyncio.subprocess.Process, log: Log) -> None:
        self._process = process
        self._log = log
        self.timed_out = False
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._loaded: asyncio.Future[tuple[Function, ...]] = asyncio.get_running_loop().create_future()
        self._output = asyncio.create_task(self._pass_on_output())
        self.ended = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may be asked for more."""
        return not self.timed_out and not self.ended.done()

    async def load(self, settings: WorkerSettings) -> tuple[Function, ...]:
        """Have it import the app; HostError with the app's own words when that fails."""
        module = Path(settings.environment.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")).stem
        head = {
            "kind": "load",
            "app_root": str(settings.app_root),
            "module": module,
            "world": str(settings.world),
            "before": settings.before,
        }
        await self._say(Frame(head=head))
        async with asyncio.timeout(_START_LIMIT):
            return await self._loaded

    async def invoke(self, frame: Frame, *, limit: float | None) -> Outcome:
        """Have it run what `frame` says; past `limit` seconds the process is killed, and all that it was working on has failed."""
        function, invocation = frame.head["function"], frame.head["invocation"]
        if self.ended.done():
            return Failed(error="the worker process ended")
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[invocation] = answered
        try:
            await self._say(frame)
            async with asyncio.timeout(limit):
                return await asyncio.shield(answered)
        except TimeoutError:
            self._log.event(
                "function_timed_out", level="error", function=function, invocation=invocation, limit_seconds=limit, pid=self.pid
            )
            self.timed_out = True
            self.kill()
            return Failed(error=f"the function ran longer than functionTimeout ({limit:g} s); its worker was killed")
        finally:
            self._waiting.pop(invocation, None)

    def kill(self) -> None:
        # Not by `Process.kill`, which polls first: where the worker has just ended, that reaps it before the loop's own watcher, which
        # then cannot say how it ended.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Let it go: it ends when its pipe closes, and is killed if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        await asyncio.gather(self.ended, self._output)

    async def _say(self, frame: Frame) -> None:
        if self._process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):  # a worker that has ended is noticed where its answers are read
            self._process.stdin.write(packed(frame))
            await self._process.stdin.drain()

    async def _listen(self) -> int:
        """Hear the process until it ends; answers its exit code."""
        stream = self._process.stdout
        while stream is not None and (frame := await next_frame(stream)) is not None:
            self._hear(frame)
        code = await self._process.wait()
        if not self._loaded.done():
            self._loaded.set_exception(HostError(f"the worker ended while it loaded the app (exit code {code})"))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(Failed(error=f"the worker process ended (exit code {code})"))
        return code

    def _hear(self, frame: Frame) -> None:
        match frame.head:
            case {"kind": "outcome", "invocation": invocation}:
                waiting = self._waiting.get(invocation)
                if waiting is not None and not waiting.done():
                    waiting.set_result(outcome_from(frame))
            case {"kind": "loaded", "functions": functions}:
                self._loaded.set_result(tuple(Function.heard(said) for said in functions))
            case {"kind": "broken", "error": error, "trace": trace}:
                self._log.event("app_failed_to_load", level="error", error=error, trace=trace)
                self._loaded.set_exception(HostError(f"the app could not be indexed: {error}"))
            case {"kind": "log"}:
                self._pass_on(frame.head)
            case _:
                self._log.event("worker_said_nonsense", level="error", kind=frame.head.get("kind"))

    def _pass_on(self, said: Mapping[str, Any]) -> None:
        category = f"Function.{said['function']}.User" if said["function"] else "Function"
        facts = {name: said[name] for name in ("logger", "message", "function", "invocation") if said[name]}
        self._log.event("app_log", level=level_of(said["level"]), category=category, **facts)

    async def _pass_on_output(self) -> None:
        """What the app prints becomes events, a line each; a very long line comes in pieces."""
        stream, rest = self._process.stderr, b""
        while stream is not None and (data := await stream.read(_LINE_LIMIT)):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LINE_LIMIT:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._log.event("app_output", category="Function", text=line.decode(errors="replace"), pid=self.pid)
        if rest:
            self._log.event("app_output", category="Function", text=rest.decode(errors="replace"), pid=self.pid)


class Workers:
    """All worker processes of a host; invocations go to them in turn."""

    def __init__(self, settings: WorkerSettings, log: Log, *, gave_up: Callable[[str], None]) -> None:
        self._settings = settings
        self._log = log
        self._gave_up = gave_up
        self._running: list[_Process] = []
        self._turn = count()
        self._some = asyncio.Event()
        self._crashes = Crashes(processes=settings.processes)
        self._over = ""
        self._starting = asyncio.Lock()
        self._keepers: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run now."""
        return [process.pid for process in self._running]

    async def start(self) -> tuple[Function, ...]:
        """Start one process and answer the app's functions, the others follow; HostError when the app cannot be indexed."""
        first, functions = await self._started()
        self._keep(first)
        self._in_background(self._grow(self._settings.processes - 1))
        return functions

    async def invoke(self, function: str, call: Call, attempt: Attempt | None = None) -> Outcome:
        """Run `function` in the next worker, waiting for one if all are being replaced; never raises for what the app does."""
        while not (able := [process for process in self._running if process.usable]):
            if self._over:
                return Failed(error=self._over)
            self._some.clear()
            await self._some.wait()
        process = able[next(self._turn) % len(able)]
        limit = self._settings.timeout.total_seconds() if self._settings.timeout is not None else None
        invocation = str(uuid.uuid4())
        frame = call_frame(call, function=function, invocation=invocation, attempt=attempt)
        outcome = await process.invoke(frame, limit=limit)
        if isinstance(outcome, Failed):
            facts = {"function": function, "invocation": invocation, "error": outcome.error, "trace": outcome.trace}
            self._log.event("function_failed", level="error", category=f"Function.{function}", **facts)
        else:
            self._log.event("function_succeeded", category=f"Function.{function}", function=function, invocation=invocation)
        return outcome

    async def close(self) -> None:
        """End all workers; what they still work on is abandoned, as the real host does after its grace."""
        self._end("the host is ending")
        await asyncio.gather(*(process.close() for process in list(self._running)))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _started(self) -> tuple[_Process, tuple[Function, ...]]:
        environment = dict(self._settings.environment)
        places = [environment.get("PYTHONPATH", ""), str(_REPOSITORY)]
        environment["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "local.host.worker", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._settings.app_root,
            env=environment,
        )
        process = _Process(made, self._log)
        try:
            functions = await process.load(self._settings)
        except BaseException:
            process.kill()
            await process.close()
            raise
        self._log.event("worker_started", pid=process.pid)
        return process, functions

    def _keep(self, process: _Process) -> None:
        self._running.append(process)
        self._some.set()
        self._in_background(self._replace_when_ended(process))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        keeper = asyncio.create_task(work)
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)

    async def _grow(self, more: int) -> None:
        """Start the other processes, ten seconds of the world apart."""
        for _ in range(more):
            await self._pause()
            if not self._over and not await self._add():
                await self._start_another()

    async def _replace_when_ended(self, process: _Process) -> None:
        code = await asyncio.shield(process.ended)
        self._running.remove(process)
        if self._over:
            return
        self._log.event("worker_ended", level="error", pid=process.pid, exit_code=code)
        await process.close()
        if not process.timed_out:
            self._crashes.note()
        await self._start_another()

    async def _start_another(self) -> None:
        """Start one process more, at least ten seconds after the last such start.

        After too many errors none is started any more, and with none left the host ends.
        """
        started = False
        while not started and not self._over:
            async with self._starting:
                if self._crashes.too_many:
                    if not self._running:
                        self._give_up(f"the workers ended {self._crashes.number} times by themselves")
                    return
                started = await self._add()
                await self._pause()

    async def _add(self) -> bool:
        """Whether one process more could be started."""
        try:
            process, _ = await self._started()
        except (HostError, TimeoutError, OSError) as error:
            self._log.event("worker_not_started", level="error", why=str(error))
            self._crashes.note()
            return False
        self._keep(process)
        return True

    async def _pause(self) -> None:
        await asyncio.sleep(self._settings.world.real_seconds(_BETWEEN_STARTS))

    def _give_up(self, why: str) -> None:
        self._end(why)
        self._gave_up(why)

    def _end(self, why: str) -> None:
        """Let nobody wait for a worker any more."""
        self._over = why
        self._some.set()

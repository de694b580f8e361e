"""One running app: its workers, its queue and timer triggers, and every invocation on its way; the one place where these meet.

HTTP reaches it through `web`; it serves nothing itself.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from azure.core.exceptions import AzureError

from local.host.admitting import Admitted, QueueName, admit
from local.host.calls import Arrived, Attempt, Call, Done, Failed, HttpCall, Outcome, TimerCall, queue_call
from local.host.indexing import Function
from local.host.listening import Listener
from local.host.locks import Alone, Locks, LockTimes
from local.host.log import Log
from local.host.ncrontab import fires_often
from local.host.retrying import Retries
from local.host.settings import HostError, HostSettings
from local.host.storage import Queues
from local.host.throttle import Throttle
from local.host.ticking import Monitor, Ticker
from local.host.workers import Workers, WorkerSettings
from local.worldtime import WorldTime

GRACE = timedelta(seconds=10)
"""How long the host waits for what is under way when it is asked to end."""


class Draining(Enum):
    """How far the host is in taking no more work from queues and timers."""

    DISABLED = "Disabled"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What the command line says."""

    app_root: Path
    environment: Mapping[str, str] = field(repr=False)
    settings: HostSettings
    world: WorldTime
    processes: int = 1
    before: str | None = None
    state: Path | None = None
    grace: timedelta = GRACE


class Host:
    """The app, running."""

    def __init__(self, options: HostOptions, log: Log) -> None:
        self.options = options
        self.log = log
        self.admitted = Admitted()
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.outstanding = 0
        self.throttle = Throttle(options.settings)
        self._started_at = time.monotonic()
        self._drained = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: list[Listener] = []
        self._timers: list[Alone] = []
        self._triggers: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[Outcome]] = set()
        self._queues = Queues(options.settings.queues.encoding, told=self._wake)
        self._retries = Retries(options.world.speed, log)
        self._monitor = Monitor(options.state / "timers" if options.state is not None else None)
        times = LockTimes.at(options.world.speed, period=options.settings.lock_period, recheck=options.settings.lock_recheck)
        self._locks = Locks(folder=options.state / "locks" if options.state is not None else None, times=times)
        self._workers = Workers(
            WorkerSettings(
                app_root=options.app_root,
                environment=options.environment,
                world=options.world,
                before=options.before,
                timeout=options.settings.function_timeout,
                processes=options.processes,
            ),
            log,
            gave_up=self._give_up,
        )

    @property
    def pids(self) -> list[int]:
        """The worker processes."""
        return self._workers.pids

    @property
    def uptime(self) -> timedelta:
        """Real time since the start."""
        return timedelta(seconds=time.monotonic() - self._started_at)

    @property
    def outstanding_retries(self) -> int:
        """How many functions wait for their next attempt."""
        return self._retries.outstanding

    @property
    def draining(self) -> Draining:
        """Whether queues and timers are let go, and whether the last of their work is done."""
        if not self._drained.is_set():
            return Draining.DISABLED
        return Draining.COMPLETED if self._idle.is_set() else Draining.IN_PROGRESS

    @property
    def _sources(self) -> list[Listener | Alone]:
        return [*self._listeners, *self._timers]

    async def start(self) -> None:
        """Start the workers, index the app and begin to listen; HostError when the app as a whole cannot run."""
        try:
            functions = await self._workers.start()
            self.admitted = admit(functions, self.options.settings, self.options.environment)
        except TimeoutError:
            await self._workers.close()
            message = "the app was not imported within two minutes"
            raise HostError(message) from None
        except HostError:
            await self._workers.close()
            raise
        for setting in ("WEBSITE_TIME_ZONE", "TZ"):
            if self.options.environment.get(setting, "UTC").upper() not in {"UTC", "ETC/UTC"}:
                self.log.event("time_zone_not_honoured", level="warning", setting=setting, why="schedules are in UTC here, as in Azure")
        for function, error in self.admitted.errors.items():
            self.log.event("function_dropped", level="error", function=function, error=error)
        self._listen()

    async def invoke(self, function: str, call: Call, attempt: Attempt | None = None) -> Outcome:
        """Run a function and write its outputs; an output that cannot be written fails the invocation."""
        self.outstanding += 1
        self._note_idle()
        try:
            outcome = await self._workers.invoke(function, call, attempt)
            if isinstance(outcome, Done):
                for binding, texts in outcome.outputs.items():
                    for text in texts:
                        await self._queues.put(self.admitted.outputs[function, binding], text)
        except (AzureError, ValueError) as error:
            self.log.event("output_not_written", level="error", function=function, error=type(error).__name__)
            return Failed(error=f"an output of {function} could not be written: {type(error).__name__}")
        else:
            return outcome
        finally:
            self.outstanding -= 1
            self._note_idle()

    def start_by_hand(self, function: Function, said: str) -> None:
        """Run a function in the background with what an administrator said as its trigger's input."""
        task = asyncio.create_task(self.invoke(function.name, self._by_hand(function, said)))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def drain(self) -> None:
        """Take nothing more from queues and timers, and repeat nothing; HTTP goes on."""
        self._drained.set()
        for trigger in self._sources:
            trigger.stop()

    async def close(self) -> None:
        """Drain for at most ten seconds and end; messages still under way come back when their lease ends."""
        self.drain()
        try:
            async with asyncio.timeout(self.options.grace.total_seconds()):
                await self._idle.wait()
        except TimeoutError:
            self.log.event("work_abandoned", level="warning", invocations=self.outstanding)
        tasks = [*self._triggers, *self._background]
        for task in tasks:
            task.cancel()
        await self._workers.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._queues.close()

    def _listen(self) -> None:
        options, enabled = self.options, self.admitted.functions.keys() - self.admitted.disabled
        self._listeners = [
            Listener(name, self._queues, options.settings.queues, queue=queue, speed=options.world.speed, invoke=self.invoke, log=self.log)
            for name, queue in self.admitted.queues.items()
            if name in enabled
        ]
        self._timers = [self._timer(name) for name in self.admitted.schedules if name in enabled]
        for trigger in self._sources:
            task = asyncio.create_task(trigger.run())
            self._triggers.add(task)
            task.add_done_callback(self._trigger_ended)
        self._note_idle()

    def _note_idle(self) -> None:
        if self.outstanding or self._triggers:
            self._idle.clear()
        else:
            self._idle.set()

    def _timer(self, name: str) -> Alone:
        return Alone(f"Host.Functions.{name}.Listener", lambda: self._ticker(name), self._locks, self.log)

    def _ticker(self, name: str) -> Ticker:
        trigger, schedule = self.admitted.functions[name].trigger, self.admitted.schedules[name]
        watched = trigger.properties.get("useMonitor", True) and not fires_often(schedule, self.options.world.now())
        return Ticker(
            name,
            schedule,
            world=self.options.world,
            monitor=self._monitor if watched else None,
            run_on_startup=bool(trigger.properties.get("runOnStartup", False)),
            invoke=self._repeat,
            log=self.log,
        )

    async def _repeat(self, function: str, call: Call) -> Outcome:
        """Run a timer's function, and again as its retry policy says."""
        policy = self.admitted.functions[function].retry
        return await self._retries.run(function, policy, lambda attempt: self.invoke(function, call, attempt), self._drained)

    def _trigger_ended(self, task: asyncio.Task[None]) -> None:
        self._triggers.discard(task)
        self._note_idle()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(f"a listener failed: {error!r}")

    def _wake(self, queue: QueueName) -> None:
        for listener in self._listeners:
            if listener.queue == queue:
                listener.wake()

    def _give_up(self, why: str) -> None:
        self.log.event("host_gives_up", level="critical", why=why)
        if not self.failure.done():
            self.failure.set_result(why)

    def _by_hand(self, function: Function, said: str) -> Call:
        match function.trigger.type:
            case "queueTrigger":
                times = {"inserted_at": datetime.now(UTC), "expires_at": _END, "next_visible_at": _END}
                return queue_call(said, Arrived(id=str(uuid.uuid4()), pop_receipt="", text=said, dequeue_count=0, **times))
            case "timerTrigger":
                kept = self._monitor.status(function.name)
                return TimerCall(status=kept.said() if kept else None)
            case _:
                listed = function.trigger.properties.get("methods") or ["POST"]
                return HttpCall(
                    method="POST" if "POST" in listed else str(listed[0]),
                    url=f"http://{self.options.environment.get('WEBSITE_HOSTNAME', 'localhost')}/admin/functions/{function.name}",
                    headers={"content-type": "application/json", "content-length": str(len(said.encode()))},
                    query={},
                    params={},
                    body=said.encode(),
                )


_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

"""Whole operations a second through one host and three, from the HTTP door to the journal, beside the same storage calls in a loop.

Real processes: Azurite, the simulated Azure, the local hosts with a worker each. Each operation creates a cluster of its own, so none waits
for another. The simulated Azure runs so fast, and so many operations are under way, that what takes time is work and not waiting. All of
it, the loop as well, shares this machine's processors: what is found holds as ratios within one run.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.data.tables import TableServiceClient

from local.bench import brake
from local.bench.storage_calls import StorageCall, as_json, recorded
from local.demo.doors import App, Json
from local.processes import ROOT, Child
from local.stack import INPUT_QUEUES, Recipe, Stack
from local.storage import LAPTOP
from local.worldtime import WorldTime

HOSTS = 3
OPERATIONS = 90
"""So many that the three seconds that each of them waits in all are few beside the work of all."""
WARM = 4
"""Operations a host before it is measured: the app is imported, its clients made, the provider registered."""
SPEED = 90.0
TAKES = timedelta(seconds=100)
"""How long each of the simulated Azure's operations takes there: less than the first look waits, so that each is polled once."""
THREADS = min(32, (os.cpu_count() or 1) + 4)
"""As many as a worker has for functions."""
SENDERS = 6
WITHIN = timedelta(seconds=120)
LOOK_EVERY = 0.2
HERE = LAPTOP / "bench" / "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What so many hosts did: seconds of real time for `OPERATIONS`, of them processor seconds by part, and calls counted by the brake.

    `lost`: how often a count was lost to another worker and made again.
    """

    hosts: int
    seconds: float
    processor: dict[str, float] = field(default_factory=dict)
    counted: int = 0
    lost: int = 0

    @property
    def a_second(self) -> float:
        """Operations a second."""
        return OPERATIONS / self.seconds

    @property
    def bound_by(self) -> str:
        """Which part took how much of the processors that are there."""
        if not self.processor:
            return "who took the processors was not measured: there is no ps"
        parts = ", ".join(f"{name} {spent / sum(self.processor.values()):.0%}" for name, spent in self.processor.items())
        return f"{sum(self.processor.values()) / self.seconds:.1f} of {os.cpu_count()} cores busy: {parts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """One host and `HOSTS` of them, and the loop in as many processes: operations a second."""

    one: Rate
    more: Rate
    raw_one: float
    raw_more: float
    calls: int


def measured() -> Rates:
    """All of it in one run, on fresh state; nothing is left running."""
    shutil.rmtree(HERE, ignore_errors=True)
    world = WorldTime.starting_now(SPEED)
    stack = Stack(Recipe(state=HERE, world=world, before=f"{brake.__name__}:install", takes=TAKES))
    try:
        stack.storage.start()
        stack.storage.create_queues(*INPUT_QUEUES)
        stack.start_simulator()
        connection = stack.storage.connection_string
        calls = recorded(connection, TAKES)
        field_ = _Field(stack)
        found = []
        for number in (1, HOSTS):
            while len(field_.hosts) < number:
                field_.add_host()
            before = _raw(connection, calls, processes=number, name=f"before{number}")
            rate = field_.rate()
            # The loop before and after, because a machine that others use too is not the same for a minute.
            found.append((rate, statistics.fmean([before, _raw(connection, calls, processes=number, name=f"after{number}")])))
    finally:
        stack.stop()
    (one, raw_one), (more, raw_more) = found
    return Rates(one=one, more=more, raw_one=raw_one, raw_more=raw_more, calls=len(calls))


class _Field:
    """The stack and its hosts."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.hosts: list[tuple[Child, App, list[int]]] = []
        self._names = 0
        self._done = len(self._ended())

    def add_host(self) -> None:
        """Start one more, and warm it up."""
        recipe = self._stack.recipe
        command: list[str | Path] = [sys.executable, "-m", "local.host", "--app-root", recipe.app_root, "--port", "0"]
        command += ["--world", str(recipe.world), "--state", recipe.state / "host", "--before", str(recipe.before)]
        child = self._stack.keeper.start(f"host{len(self.hosts) + 1}", command, environment=self._stack.environment)
        line: dict[str, Any] = child.await_ready(child.ready_line, within=WITHIN)
        self.hosts.append((child, App(url=str(line["url"]).rstrip("/")), [int(line["pid"]), *map(int, line["pids"])]))
        self._play([self.hosts[-1][1]], WARM)

    def rate(self) -> Rate:
        """What `OPERATIONS` take, spread over the doors of all hosts."""
        before, said = self._processor(), self._said()
        begun = time.perf_counter()
        self._play([app for _, app, _ in self.hosts], OPERATIONS)
        seconds = time.perf_counter() - begun
        after, said_then = self._processor(), self._said()
        return Rate(
            hosts=len(self.hosts),
            seconds=seconds,
            processor={name: spent - before[name] for name, spent in after.items()},
            counted=said_then.count(brake.WRITTEN) - said.count(brake.WRITTEN),
            lost=said_then.count(brake.LOST) - said.count(brake.LOST),
        )

    def _play(self, apps: Sequence[App], operations: int) -> None:
        """Create so many clusters, and wait until every operation has ended; `RuntimeError` if one did not succeed."""
        names = [f"rate{self._names + n}" for n in range(operations)]
        self._names += operations
        with ThreadPoolExecutor(SENDERS) as pool:
            for answer in pool.map(lambda n: apps[n % len(apps)].post("/api/operations", _creation(names[n])), range(operations)):
                if answer.status != 202:
                    message = f"an operation was not accepted: {answer.status} {answer.body}"
                    raise RuntimeError(message)
        self._done += operations
        deadline = time.monotonic() + WITHIN.total_seconds()
        with TableServiceClient.from_connection_string(self._stack.storage.connection_string) as service:
            while any(True for _ in service.get_table_client("open").list_entities(select=["RowKey"])):
                if time.monotonic() > deadline:
                    message = f"not all of {operations} operations ended within {WITHIN.total_seconds():.0f} seconds"
                    raise RuntimeError(message)
                time.sleep(LOOK_EVERY)
        ended = self._ended()
        if ended != ["succeeded"] * self._done:
            message = f"{ended.count('succeeded')} of {self._done} operations succeeded: {set(ended)}"
            raise RuntimeError(message)

    def _ended(self) -> list[str]:
        """How each operation in the journal has ended."""
        with TableServiceClient.from_connection_string(self._stack.storage.connection_string) as service:
            return [str(row["status"]) for row in service.get_table_client("journal").list_entities(select=["status"])]

    def _said(self) -> str:
        return "".join(child.log.read_text(errors="replace") for child, _, _ in self.hosts)

    def _processor(self) -> dict[str, float]:
        """Processor seconds so far, by part; nothing where the machine has no `ps`."""
        simulator, *_ = self._stack.pids[1:]
        parts = {
            "Azurite": [self._stack.pids[0]],
            "simulated Azure": [simulator],
            "hosts": [pids[0] for _, _, pids in self.hosts],
            "workers": [pid for _, _, pids in self.hosts for pid in pids[1:]],
        }
        spent = processor_seconds([pid for pids in parts.values() for pid in pids])
        return {name: sum(spent.get(pid, 0.0) for pid in pids) for name, pids in parts.items()} if spent else {}


def processor_seconds(pids: Sequence[int]) -> dict[int, float]:
    """Processor time of processes in seconds, as `ps` tells it: whole ones on Linux. Nothing where there is no `ps`."""
    ps = shutil.which("ps")
    if ps is None:
        return {}
    asked = [ps, "-o", "pid=,time=", "-p", ",".join(map(str, pids))]
    lines = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split("\n")
    return {int(line.split()[0]): seconds_of(line.split()[1]) for line in lines if line.strip()}


def seconds_of(text: str) -> float:
    """`[[days-]hours:]minutes:seconds[.hundredths]` in seconds."""
    days, _, rest = text.rpartition("-")
    seconds = 0.0
    for part in rest.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)


def _creation(name: str) -> Json:
    pool = {"name": "system", "mode": "System", "vm_size": "Standard_D2s_v5", "count": 1}
    return {"action": "create", "cluster": f"{name}-rg/{name}", "location": "centralus", "create_resource_group": True, "pools": [pool]}


def _raw(connection: str, calls: tuple[StorageCall, ...], *, processes: int, name: str) -> float:
    """Operations a second of the loop in so many processes with `THREADS` threads each, all of them together."""
    share = OPERATIONS // 2 // processes
    script = [sys.executable, "-m", "local.bench.storage_calls", connection, str(share), str(THREADS)]

    def run(number: int) -> float:
        done = subprocess.run([*script, f"{name}-{number}"], cwd=ROOT, input=as_json(calls), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = f"the loop ended with exit code {done.returncode}: {done.stderr[-2000:]}"
            raise RuntimeError(message)
        return float(json.loads(done.stdout)["seconds"])

    with ThreadPoolExecutor(processes) as pool:
        return sum(share / seconds for seconds in pool.map(run, range(processes)))

"""The stack with three hosts on one queue, and the harm that is done to it: kills, stops of storage, faults. It must not judge."""

import contextlib
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient

from local.demo.doors import App, Azure, Json, ask
from local.demo.expecting import BrokenError
from local.processes import Child
from local.stack import INPUT_QUEUES, Recipe, Stack
from local.worldtime import WorldTime

HOSTS = 3
SPEED = 120.0  # ten minutes, after which a killed host's message comes back, are five seconds; the sweep's quiet quarter of an hour is 7.5
KILL_EVERY, DOWN_FOR = (2.5, 5.0), (0.2, 1.5)  # seconds of real time, like all below
PASSED, MOST_OWED = 2, 2  # requests that pass before each fault that hits any, and faults that nobody has met yet
STORAGE_EVERY, STORAGE_GONE_FOR = (9.0, 15.0), (0.5, 2.0)
FAULT_EVERY = (0.7, 1.5)
TICK = 0.1


def _refusal(status: int, **more: object) -> Json:
    return {"effect": {"kind": "answer", "status": status, "code": "TooManyRequests" if status == 429 else "ServiceUnavailable", **more}}


FAULTS: Mapping[str, Json] = {
    "429 with seconds": _refusal(429, headers={"Retry-After": "20"}),
    "429 with a date": _refusal(429, retry_date=40),
    "429 with an absurd time": _refusal(429, headers={"Retry-After": "86400"}),
    "429 without a time": _refusal(429),
    "503": _refusal(503),
    "reset": {"effect": {"kind": "reset"}},
    "answer lost": {"method": "PUT", "effect": {"kind": "lost_answer"}},
    "silence, not applied": {"method": "PUT", "effect": {"kind": "silence"}},
    "silence, applied": {"method": "PUT", "effect": {"kind": "silence", "applied": True}},
    "silence at a look": {"method": "GET", "path": "/operations/", "effect": {"kind": "silence"}},
}
"""By name; where no path is given, any request about a cluster or an operation on it is hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is asked for, and how long (seconds of real time) the storm and all together may last."""

    state: Path
    seed: int
    operations: int
    clusters: int
    storm: float
    deadline: float
    speed: float = SPEED


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened; `losses` says in words what should not have."""

    kills: int = 0
    stops: int = 0
    fallen: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    again: int = 0
    seconds: float = 0.0
    losses: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Host:
    """One of the hosts on the one queue; after a kill it comes back on the port it had."""

    name: str
    port: int = 0
    child: Child | None = None
    url: str = ""
    back_at: float = 0.0


class Field:
    """The stack with its hosts, and what is done to them."""

    def __init__(self, scenario: Scenario, tally: Tally) -> None:
        self.scenario, self.tally = scenario, tally
        self.stack = Stack(Recipe(state=scenario.state, world=WorldTime.starting_now(scenario.speed), seed=scenario.seed))
        self.hosts = [Host(name=f"host{number}") for number in range(1, HOSTS + 1)]
        self.chance = random.Random(scenario.seed)
        self._kinds = itertools.cycle(self.chance.sample(sorted(FAULTS), len(FAULTS)))
        self._scripted: list[tuple[str, int]] = []
        self._storage_back_at: float | None = None
        begun = time.monotonic()
        self._due = {"kill": begun + 4.0, "storage": begun + 8.0, "fault": begun + 1.0}

    def start(self) -> None:
        """Start storage and the simulated Azure; the hosts follow with the first turns of `keep`."""
        self.stack.storage.start()
        self.stack.storage.create_queues(*INPUT_QUEUES)
        self.stack.start_simulator()

    @property
    def azure(self) -> Azure:
        """The simulator's own routes."""
        return Azure(url=self.stack.arm_url, authority=self.scenario.state / "certificates" / "authority.pem")

    def app(self) -> App | None:
        """The doors of one of the hosts that are up, if any is."""
        up = [host for host in self.hosts if host.url]
        return App(url=self.chance.choice(up).url) if up else None

    def keep(self) -> None:
        """Bring back what is due to come back, and notice who is ready or has fallen by itself."""
        now = time.monotonic()
        if self._storage_back_at is not None and now >= self._storage_back_at:
            self.stack.storage.start()
            self._storage_back_at = None
        for host in self.hosts:
            if host.child is None:
                if now >= host.back_at:
                    host.child = self.stack.keeper.start(host.name, self._command(host), environment=self.stack.environment)
            elif not host.child.running():
                self.tally.fallen += 1
                self._gone(host, now + 1.0)
            elif not host.url and (line := host.child.ready_line()) is not None:
                host.url = str(line["url"]).rstrip("/")
                host.port = int(host.url.rpartition(":")[2])

    def strike(self) -> None:
        """Do the harm that is due."""
        now = time.monotonic()
        up = [host for host in self.hosts if host.child is not None and host.url]
        if up and self._is_due("kill", now, KILL_EVERY):
            self._gone(self.chance.choice(up), now + self.chance.uniform(*DOWN_FOR))
            self.tally.kills += 1
        if self._storage_back_at is None and self._is_due("storage", now, STORAGE_EVERY):
            self.stack.storage.stop()
            self._storage_back_at = time.monotonic() + self.chance.uniform(*STORAGE_GONE_FOR)
            self.tally.stops += 1
        if self._is_due("fault", now, FAULT_EVERY) and self._owed() < MOST_OWED:
            kind, times = next(self._kinds), self.chance.randint(1, 2)
            fault = {"path": "/managedClusters|/operations/", **FAULTS[kind], "times": times}
            fault["skip"] = 0 if "method" in fault else PASSED
            answer = ask("POST", f"{self.azure.url}/_simulator/faults", body=fault, trust=self.azure.authority)
            if answer.status != 201:
                message = f"the simulated Azure should take the fault {kind}, but answered {answer.status}: {answer.body}"
                raise BrokenError(message)
            self._scripted.append((kind, times))

    def calm(self) -> None:
        """The storm is over: count whom it hit, script nothing more, and let storage be back."""
        address = f"{self.azure.url}/_simulator/faults"
        for (kind, times), fault in zip(self._scripted, ask("GET", address, trust=self.azure.authority).body["faults"], strict=True):
            self.tally.faults[kind] += min(times, max(0, int(fault["seen"]) - int(fault["skip"])))
        ask("DELETE", address, trust=self.azure.authority)
        if self._storage_back_at is not None:
            self._storage_back_at = 0.0

    def still_open(self) -> list[str] | None:
        """The operations in the table `open`; None while storage cannot be asked."""
        with contextlib.suppress(AzureError), TableServiceClient.from_connection_string(self.stack.storage.connection_string) as service:
            return [str(row["RowKey"]) for row in service.get_table_client("open").list_entities()]
        return None

    def _owed(self) -> int:
        """How many faults are scripted and not used up: an Azure that never answers lets no operation succeed, however good the app is."""
        faults = ask("GET", f"{self.azure.url}/_simulator/faults", trust=self.azure.authority).body["faults"]
        return sum(int(fault["seen"]) < int(fault["skip"]) + int(fault["times"]) for fault in faults)

    def clusters(self) -> list[Json]:
        """Every cluster as the simulator has it."""
        found: list[Json] = ask("GET", f"{self.azure.url}/_simulator/world", trust=self.azure.authority).body["clusters"]
        return found

    def _is_due(self, what: str, now: float, every: tuple[float, float]) -> bool:
        if now < self._due[what]:
            return False
        self._due[what] = now + self.chance.uniform(*every)
        return True

    def _gone(self, host: Host, back_at: float) -> None:
        if host.child is not None:
            self.stack.keeper.kill(host.child)
        host.child, host.url, host.back_at = None, "", back_at

    def _command(self, host: Host) -> list[str | Path]:
        recipe = self.stack.recipe
        command: list[str | Path] = [sys.executable, "-m", "local.host", "--app-root", recipe.app_root, "--port", str(host.port)]
        # One folder for all: by it they agree who runs the timers.
        return [*command, "--world", str(recipe.world), "--state", recipe.state / "host", "--before", str(recipe.before)]

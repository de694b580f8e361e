"""What the acts play with, and what several of them do: submit, follow operations to their end, see what Azure shows."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from local.demo.costs import Costs, counted, instant, name_of, real_span, world_span
from local.demo.doors import Answer, App, Azure, Bot, Json, until
from local.demo.expecting import BrokenError, Expectations
from local.demo.screen import Screen
from local.processes import ROOT
from local.stack import Stack

CLUSTER = "group1/myK8sCluster"
EXAMPLES = ROOT / "docs" / "examples"
LONGEST = 90.0  # seconds of real time that an operation may take before the demo gives up on it


@dataclass(slots=True, kw_only=True)
class Scene:
    """The stack and its doors; `killed`, `lost_calls` and `marks` are what the act that kills the host leaves for later ones."""

    stack: Stack
    screen: Screen
    expect: Expectations
    app: App
    bot: Bot
    azure: Azure
    killed: str = ""
    lost_calls: int = 0
    marks: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """How many times as fast as real the world is."""
        return self.stack.recipe.world.speed

    @property
    def clock(self) -> str:
        """The time in the world, for a line that is rewritten."""
        return f"world time {self.stack.recipe.world.now():%H:%M}"

    def spent(self) -> Costs:
        """What the app has logged so far."""
        log = self.stack.keeper.logs / "host.log"
        return counted(log.read_text(encoding="utf-8", errors="replace").splitlines())

    def watch(self) -> None:
        """Raise `BrokenError` when a part of the stack has ended that should run."""
        fallen = self.stack.fallen()
        if fallen is not None:
            message = f"expected that all parts of the stack run, but {fallen}"
            raise BrokenError(message)

    def submit(self, request: Json, *, key: str | None = None) -> Json:
        """Send a request that must be accepted; answers its operation."""
        answer = self.app.post("/api/operations", request, key=key)
        operation = must(answer, 202, "to a request that can be done").body
        self.expect.same(f"accepted as {operation['id']}", wanted=operation["links"]["self"], found=answer.headers.get("location"))
        return operation

    def follow(self, *ids: str) -> list[Json]:
        """Show how operations go on until all have ended; answers them in the same order."""
        found: list[Json] = []
        for _ in until(LONGEST, f"the end of {' and '.join(ids)}"):
            self.watch()
            found = [_operation(self.app.get(f"/api/operations/{each}")) for each in ids]
            if all(operation["ended_at"] for operation in found):
                break
            self.screen.progress("; ".join(map(stage, found)), f"{waiting_for(found)}{self.clock}")
        return found

    def succeeded(self, operation: Json) -> None:
        """Expect an ended operation to have succeeded."""
        lasted = instant(operation["ended_at"]) - instant(operation["created_at"])
        what = f"{name_of(operation)}: succeeded after {world_span(lasted)} in the world, {real_span(lasted, self.speed)} here"
        found = operation["status"] if operation["error"] is None else f"{operation['status']} ({operation['error']['message']})"
        self.expect.same(what, wanted="succeeded", found=found)

    def has_nodes(self, **wanted: int) -> None:
        """Expect the one cluster to have these pools with these counts, and to be settled."""
        listed = must(self.app.get("/api/clusters"), 200, "to a look at the clusters").body["clusters"]
        found = [({pool["name"]: pool["count"] for pool in cluster["pools"]}, cluster["provisioning_state"]) for cluster in listed]
        counts = ", ".join(f"{name} {count}" for name, count in wanted.items())
        self.expect.same(f"Azure shows {sum(wanted.values())} nodes ({counts}), settled", wanted=[(wanted, "Succeeded")], found=found)

    def is_powered(self, wanted: str) -> None:
        """Expect the one cluster to be Running or Stopped, and settled."""
        listed = must(self.app.get("/api/clusters"), 200, "to a look at the clusters").body["clusters"]
        found = [(cluster["power_state"], cluster["provisioning_state"]) for cluster in listed]
        self.expect.same(f"Azure shows the cluster {wanted}, settled", wanted=[(wanted, "Succeeded")], found=found)


def example(name: str) -> Json:
    """A request as the documentation shows it."""
    document: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return document


def must(answer: Answer, status: int, what: str) -> Answer:
    """The answer, if it has the status that is needed to go on; else raise `BrokenError` with what it says instead."""
    if answer.status != status:
        message = f"expected {status} {what}, came {answer.status}: {answer.body.get('detail', answer.body)}"
        raise BrokenError(message)
    return answer


def _operation(answer: Answer) -> Json:
    return answer.body if answer.status == 202 else must(answer, 200, "to a look at an operation").body


def stage(operation: Json) -> str:
    """How far an operation is, in a few words."""
    progress = operation["progress"]
    if operation["status"] == "queued":
        return f"the next waits in line, {operation['queue_position']} before it"
    if operation["ended_at"] or operation["plan"] is None:
        return str(operation["status"])
    step = str(operation["plan"]["steps"][progress["step"] - 1]["name"])
    return step if progress["steps"] == 1 else f"step {progress['step']} of {progress['steps']}, {step}"


def waiting_for(operations: Sequence[Json]) -> str:
    """What the first of them that is at work waits for."""
    for operation in operations:
        if operation["status"] != "queued" and operation["progress"]["waiting_for"]:
            return f"waits for {operation['progress']['waiting_for']}, "
    return ""


def alive(pids: Sequence[int], *, within: float = 5.0) -> list[int]:
    """Which processes are still there after `within` seconds of real time, which the system gets to take killed ones away."""
    deadline = time.monotonic() + within
    left = list(pids)
    while (left := [pid for pid in left if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

"""The real app under the whole stack with one and with three worker processes: several operations on several clusters at once.

Storage, the simulated Azure and the host are processes of their own. With three workers one is killed in the middle.
"""

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.demo.doors import App, Azure, Bot, ask
from local.stack import Recipe, Stack
from local.worldtime import WorldTime
from tests.living import gone

pytestmark = pytest.mark.once

Json = dict[str, Any]
CLUSTERS = ("group1/one", "group2/two", "group3/three")
OPEN = frozenset({"queued", "running"})
LONGEST = 240.0  # seconds; it takes about ten where nothing else is to be done


def create(cluster: str) -> Json:
    pools = [{"name": "system", "mode": "System", "vm_size": "Standard_D4s_v5", "count": 1}]
    return {"action": "create", "cluster": cluster, "location": "centralus", "create_resource_group": True, "pools": pools}


def scale(cluster: str, count: int) -> Json:
    return {"action": "scale", "cluster": cluster, "pool": "system", "count": count}


class Rehearsal:
    """The stack, seen from outside."""

    def __init__(self, stack: Stack, bot: Bot) -> None:
        self.stack = stack
        self.bot = bot
        self.killed: list[int] = []
        self.app = App(url=stack.url)
        self.azure = Azure(url=stack.arm_url, authority=stack.recipe.state / "certificates" / "authority.pem")

    def workers(self) -> list[int]:
        listed = ask("GET", f"{self.stack.url}/admin/host/processes").body["processes"]
        return [int(process["processId"]) for process in listed if process["processName"] == "python"]

    def by_http(self, *requests: Json) -> None:
        """Send them all at once, each with a key and again where it fails, as it does in a worker that is killed; each must be accepted."""
        with ThreadPoolExecutor(max_workers=len(requests)) as all_at_once:
            list(all_at_once.map(self._submit, requests))

    def _submit(self, request: Json) -> None:
        key = str(uuid.uuid4())
        for _ in looks():
            answer = self.app.post("/api/operations", request, key=key)
            if answer.status != 500:
                assert answer.status == 202, answer.body
                return

    def by_queue(self, *requests: Json) -> None:
        for request in requests:
            self.bot.send({**request, "requested_by": "a test"})

    def changes(self) -> Counter[tuple[str, str]]:
        """How often Azure was asked for which change of a group, cluster or pool, and did it: by path and by what was asked."""
        done = [entry for entry in self.azure.asked() if entry["applied"] and entry["method"] != "GET" and "/register" not in entry["path"]]
        return Counter((entry["path"].partition("?")[0].lower(), entry["digest"]) for entry in done)

    def kill_a_worker(self, *, when: str) -> None:
        """SIGKILL one as soon as Azure has changed something whose path has `when` in it."""
        for _ in looks():
            if any(when in path for path, _ in self.changes()):
                break
        self.killed.append(self.workers()[0])
        os.kill(self.killed[-1], signal.SIGKILL)

    def operations(self) -> list[Json]:
        """All operations; nothing where the worker that was asked has just been killed."""
        answer = self.app.get("/api/operations?top=200")
        assert answer.status in {200, 500}
        listed: list[Json] = answer.body.get("operations", [])
        return listed

    def accepted(self, number: int) -> list[str]:
        """The statuses of all operations, as soon as there are `number`."""
        for _ in looks():
            assert self.stack.fallen() is None
            statuses = [str(operation["status"]) for operation in self.operations()]
            if len(statuses) == number:
                return statuses
        raise AssertionError(self.operations())

    def ended(self, number: int) -> list[str]:
        """What came of all `number` operations, once all have ended."""
        for _ in looks():
            statuses = self.accepted(number)
            if not OPEN & set(statuses):
                return statuses
        raise AssertionError(self.operations())


def looks() -> Iterator[None]:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest, azurite: str, tmp_path: Path) -> Iterator[Rehearsal]:
    del azurite  # it skips where there is no Azurite
    recipe = Recipe(state=tmp_path, world=WorldTime.starting_now(300), workers=request.param)
    with Stack(recipe) as stack, Bot(stack.storage.connection_string) as bot:
        yield Rehearsal(stack, bot)


@pytest.mark.parametrize(("rehearsal", "workers"), [(1, 1), (3, 3)], indirect=["rehearsal"])
def test_operations_on_several_clusters_at_once_all_succeed_and_nothing_is_done_twice(rehearsal: Rehearsal, workers: int) -> None:
    for _ in looks():
        if len(rehearsal.workers()) == workers:
            break
    one, two, three = CLUSTERS
    rehearsal.by_queue(create(three))
    rehearsal.by_http(create(one), create(two))
    if workers > 1:
        rehearsal.kill_a_worker(when="/managedclusters/")
    assert rehearsal.ended(3) == ["succeeded"] * 3

    rehearsal.by_queue(scale(one, 2))
    rehearsal.by_http(scale(two, 3), scale(three, 4))
    rehearsal.accepted(6)
    if workers > 1:
        rehearsal.kill_a_worker(when="/agentpools/")
    rehearsal.by_http(scale(one, 5), scale(three, 2))
    assert rehearsal.ended(8) == ["succeeded"] * 8

    changes = rehearsal.changes()
    assert {change: times for change, times in changes.items() if times > 1} == {}
    assert len(changes) == 3 * 2 + 5  # a group and a cluster each, and five scalings
    counts = {cluster["name"]: cluster["pools"][0]["count"] for cluster in rehearsal.app.get("/api/clusters").body["clusters"]}
    assert counts == {"one": 5, "two": 3, "three": 2}
    assert all(gone(pid) for pid in rehearsal.killed)
    for _ in looks():
        if len(rehearsal.workers()) == workers:
            return
    raise AssertionError(rehearsal.workers())

"""Two Azures for the `Clusters` port: the simulated world in this process, and the same one served over TLS by a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import requests

from local.arm.wire import Reply, Request
from local.arm.world import World
from local.certificates import Certificates
from local.memory import MemoryClock
from local.processes import ROOT
from local.worldtime import WorldTime
from shared.adapters.arm import ArmClusters
from shared.adapters.clients import Arm
from shared.model.clusters import Cluster, ClusterRef
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import MakeCluster, MakeGroup
from shared.model.requests import PoolSpec
from shared.model.versions import Offer
from shared.settings import PUBLIC_ARM
from tests.builders import SUBSCRIPTION, a_spec
from tests.worldly import a_world, clusters_of, some_settings

OTHER_SUBSCRIPTION = "00000000-0000-0000-0000-000000000002"
SECRET = "made-up-identity-header"
SPEED = 600.0
TAKES = timedelta(seconds=30)
MOST_LOOKS = 400

Ask = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], bytes]]


@dataclass(frozen=True)
class Answer:
    """What somebody else was answered."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True)
class Azure:
    """The port on an Azure, and the ways of somebody else who uses the same Azure."""

    clusters: ArmClusters
    endpoint: str
    raw: Ask
    later: Callable[[], object]
    ref: ClusterRef = field(default_factory=lambda: ClusterRef(subscription=SUBSCRIPTION, group=f"rg-{uuid4().hex[:8]}", name="web"))

    def ask(self, method: str, path: str, body: object = None, api_version: str = "2026-08-01") -> Answer:
        """One request of somebody else's."""
        content = b"" if body is None else json.dumps(body).encode()
        url = path if path.startswith("/_simulator") else f"{path}?api-version={api_version}"
        status, headers, text = self.raw(method, url, {"content-type": "application/json"}, content)
        return Answer(status, headers, json.loads(text) if text else None)

    def script(self, **fault: object) -> None:
        """Script a fault on this test's own cluster or group."""
        answer = self.ask("POST", "/_simulator/faults", {"path": self.ref.group, **fault})
        assert answer.status == 201, answer

    def entries(self) -> list[dict[str, Any]]:
        """The requests about this test's own group, as the simulator saw them."""
        log = self.ask("GET", "/_simulator/log").document["entries"]
        return [entry for entry in log if self.ref.group.lower() in entry["path"].lower()]

    def requests(self) -> int:
        """How many requests the simulator has had, of anybody's and about anything."""
        return len(self.ask("GET", "/_simulator/log").document["entries"])

    def until(self, seen: Callable[[], bool]) -> None:
        """Let time pass until something is so."""
        for _ in range(MOST_LOOKS):
            if seen():
                return
            self.later()
        message = "it never came to be"
        raise AssertionError(message)

    def polled(self, handle: Handle) -> Answered:
        """The end of what a handle is about."""
        ends: list[Answered] = []

        def ended() -> bool:
            answer = self.clusters.poll(handle)
            ends.extend([answer] if isinstance(answer, Answered) else [])
            return not isinstance(answer, StillRunning)

        self.until(ended)
        return ends[0]

    def with_group(self) -> "Azure":
        """The same, with this test's resource group."""
        action = MakeGroup(location="westeurope")
        assert self.clusters.attempt(self.ref, action, self.clusters.look(self.ref, action)) is None
        return self

    def with_cluster(self, *pools: PoolSpec) -> Cluster:
        """This test's cluster, made and settled."""
        action = a_make(*pools)
        self.with_group()
        handle = self.clusters.attempt(self.ref, action, self.clusters.look(self.ref, action))
        assert handle is not None
        assert self.polled(handle) == Answered()
        return self.seen()

    def seen(self) -> Cluster:
        """This test's cluster, which must be there."""
        found = self.clusters.cluster(self.ref)
        assert isinstance(found, Cluster), found
        return found

    def offer(self) -> list[str]:
        """What this test's cluster is offered, lowest first."""
        found = self.clusters.offer(self.ref)
        assert isinstance(found, Offer), found
        return [str(target.version) for target in found.targets]

    def scale_behind(self, pool: str, count: int, *, settled: bool) -> None:
        """Somebody else scales a pool, and has done so; or is at it for ever."""
        if not settled:
            self.script(method="PUT", effect={"kind": "outcome", "ends": "never"})
        path = f"{self.ref.id}/agentPools/{pool}"
        body = self.ask("GET", path).document
        body["properties"]["count"] = count
        assert self.ask("PUT", path, body).status == 200
        if settled:
            self.until(lambda: self.seen().settled)


def a_make(*pools: PoolSpec) -> MakeCluster:
    """The making of a cluster with a system pool of one node, or the given pools."""
    return MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=pools or (a_spec(),))


def in_process() -> Azure:
    """A fresh world without sockets, on a clock that moves when a test waits."""
    clock = MemoryClock()
    world = a_world(clock.now, takes=TAKES)
    return Azure(clusters_of(world), PUBLIC_ARM, _asker(world), lambda: clock.advance(timedelta(seconds=5)))


def _asker(world: World) -> Ask:
    def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        token = {"authorization": f"Bearer {world.token()}"}
        answer = world.handle(Request(method=method, url=url, headers={**headers, **token}, body=body))
        assert isinstance(answer, Reply), answer
        return answer.status, answer.headers, answer.body

    return ask


@dataclass(frozen=True)
class Served:
    """A simulator that listens, and how this process is to reach it."""

    arm: str
    raw: Ask


@contextmanager
def served(files: Certificates) -> Iterator[Served]:
    """The simulator in a process of its own; while it runs, this process trusts its authority and has its identity, as a host would."""
    command = [sys.executable, "-m", "local.arm", "--cert", str(files.server), "--key", str(files.key), "--identity-secret", SECRET]
    command += ["--world", str(WorldTime.starting_now(SPEED)), "--fixed-duration", str(TAKES.total_seconds())]
    command += ["--subscription", SUBSCRIPTION, "--subscription", OTHER_SUBSCRIPTION]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            told = {"IDENTITY_ENDPOINT": ready["identity"], "IDENTITY_HEADER": SECRET, "REQUESTS_CA_BUNDLE": str(files.authority)}
            with _told(told):
                yield Served(ready["arm"], _wire(ready["arm"], ready["identity"], files.authority))
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def _told(names: Mapping[str, str]) -> Iterator[None]:
    """What a host's environment says to the SDKs: they have no other way to be told."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _wire(arm: str, identity: str, authority: Path) -> Ask:
    asked = requests.get(
        identity,
        params={"api-version": "2019-08-01", "resource": PUBLIC_ARM},
        headers={"X-IDENTITY-HEADER": SECRET},
        timeout=20,
    )
    token = asked.json()["access_token"]

    def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        with requests.request(
            method,
            f"{arm}{url}",
            headers={**headers, "authorization": f"Bearer {token}"},
            data=body,
            verify=str(authority),
            timeout=20,
        ) as answer:
            return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content

    return ask


def over_the_wire(server: Served) -> Azure:
    """The port on a served simulator: by TLS, with the tokens of the managed identity."""
    settings = some_settings({"TIDEKEEPER_ARM_ENDPOINT": server.arm, "TIDEKEEPER_ARM_AUDIENCE": PUBLIC_ARM})
    clusters = ArmClusters(Arm(settings), endpoint=settings.arm_endpoint)
    return Azure(clusters, server.arm, server.raw, lambda: Event().wait(0.02))

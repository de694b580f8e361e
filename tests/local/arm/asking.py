"""Helpers for tests of the simulator: a world on a clock that the test moves, and short ways to ask it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.arm.durations import fixed
from local.arm.wire import Drop, Json, Reply, Request
from local.arm.world import SUBSCRIPTION, World

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{ROOT}/resourceGroups/group1"
CLUSTERS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters"
CLUSTER = f"{CLUSTERS}/web"
SYSTEM = f"{CLUSTER}/agentPools/system"
USER = f"{CLUSTER}/agentPools/user"
VERSION = "2026-08-01"
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Clock:
    """The world's clock, moved by the test."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


def a_world(clock: Callable[[], datetime], **changes: Any) -> World:
    settings: dict[str, Any] = {"clock": clock, "registered": True, "durations": fixed(MINUTE)}
    return World(**{**settings, **changes})


def a_pool(name: str = "system", **changes: object) -> Json:
    return {"name": name, "count": 2, "vmSize": "Standard_D4ds_v5", "mode": "System" if name == "system" else "User", **changes}


def a_cluster(*pools: Json, location: str = "centralus", **properties: object) -> Json:
    profiles = list(pools) or [a_pool(), a_pool("user", count=3)]
    return {
        "location": location,
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "web", "agentPoolProfiles": profiles, **properties},
    }


@dataclass(slots=True)
class Asker:
    """Asks a world as a client would, with a token and an api-version; answers must be answers, not dropped connections."""

    world: World
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self, method: str, url: str, body: object = None, **headers: str) -> Reply | Drop:
        if "api-version" not in url:
            url += f"?api-version={VERSION}"
        if url.startswith("/"):
            url = f"https://management.azure.com{url}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        authorization = {"authorization": f"Bearer {self.world.token()}"}
        return self.world.handle(Request(method=method, url=url, headers={**authorization, **self.headers, **named}, body=content))

    def ask(self, method: str, url: str, body: object = None, **headers: str) -> Reply:
        answer = self.raw(method, url, body, **headers)
        assert isinstance(answer, Reply), f"{method} {url} was dropped: {answer}"
        return answer

    def get(self, url: str) -> Reply:
        return self.ask("GET", url)

    def put(self, url: str, body: object, **headers: str) -> Reply:
        return self.ask("PUT", url, body, **headers)

    def delete(self, url: str, **headers: str) -> Reply:
        return self.ask("DELETE", url, **headers)

    def later(self, by: timedelta = MINUTE) -> None:
        self.clock.advance(by)

    def with_group(self) -> "Asker":
        assert self.put(GROUP, {"location": "centralus"}).status in {200, 201}
        return self

    def with_cluster(self, body: Json | None = None) -> "Asker":
        """A cluster `web` in `group1` whose creation has ended."""
        self.with_group()
        made = self.put(CLUSTER, body or a_cluster())
        assert made.status == 201, made.document
        self.later()
        assert self.get(CLUSTER).document["properties"]["provisioningState"] == "Succeeded"
        return self


def an_asker(**changes: Any) -> Asker:
    clock = Clock()
    return Asker(a_world(clock, **changes), clock)


def a_saved_world(file: Path, clock: Clock) -> Asker:
    return Asker(a_world(clock, state_file=file), clock)


def code(answer: Reply) -> tuple[int, str]:
    """Status and error code, whichever shape the body has."""
    body = answer.document
    return answer.status, body.get("error", body)["code"]


def state(answer: Reply) -> str:
    return str(answer.document["properties"]["provisioningState"])

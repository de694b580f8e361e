"""The newest recording of real AKS, held against the simulator: the same requests get the same statuses, headers and shapes.

The recording is asked for again exchange by exchange, names and all; what stood before its first request is made first. Values that
belong to one cluster (ids, versions, addresses) are not compared; which keys there are is. Errors that a status document shows though
nothing failed come by chance on both sides.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.arm.durations import fixed
from local.arm.wire import Json, Reply
from local.arm.world import SUBSCRIPTION
from tests.local.arm.asking import Asker, Clock, a_world

RECORDED_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
POLL = timedelta(seconds=10)

DIFFERENCES = {
    "addonProfiles": "the recorded cluster had the policy add-on from a policy of its subscription",
    "eTag": "documented since 2024, but not in the recording",
}
NOT_YET = ("listClusterAdminCredential", "listClusterUserCredential", "maintenanceConfigurations")

HEADERS = {"azure-asyncoperation", "location", "content-type", "retry-after", "x-ms-failure-cause", "x-ms-operation-identifier"}


@dataclass(slots=True)
class Replay:
    """A world that is asked what was recorded; `handles` maps each recorded status URL to ours."""

    asker: Asker
    handles: dict[str, str] = field(default_factory=dict)

    def again(self, exchange: Json) -> Reply:
        url = self.handles.get(exchange["url"]) or exchange["url"].replace(RECORDED_SUBSCRIPTION, SUBSCRIPTION)
        answer = self.asker.ask(exchange["method"], url, exchange["request_body"])
        for name in ("azure-asyncoperation", "location"):
            if name in exchange["response_headers"] and name in answer.headers:
                self.handles[exchange["response_headers"][name]] = answer.headers[name]
        return answer


def _exchanges(conformance: Path) -> list[Json]:
    lines = (conformance / "aks-traffic" / "cluster-crud-2025-08-01.jsonl").read_text(encoding="utf-8").splitlines()
    return [exchange for exchange in map(json.loads, lines) if not any(part in exchange["url"] for part in NOT_YET)]


@pytest.fixture
def replay(conformance: Path) -> Replay:
    clock = Clock()
    asker = Asker(a_world(clock, durations=fixed(timedelta(hours=1)), throttled=False), clock)
    exchanges = _exchanges(conformance)
    group, cluster = exchanges[0], next(exchange for exchange in exchanges if "managedClusters" in exchange["url"])
    made = next(exchange for exchange in exchanges if exchange["method"] == "PUT" and "managedClusters" in exchange["url"])
    for exchange in (group, made):  # the recording begins with both in place
        answer = asker.put(exchange["url"].replace(RECORDED_SUBSCRIPTION, SUBSCRIPTION), exchange["request_body"])
        assert answer.status == 201, answer.document
    asker.later(timedelta(hours=1))
    assert cluster["status"] == 200
    return Replay(asker)


def test_the_newest_recording_is_answered_alike(conformance: Path, replay: Replay) -> None:
    exchanges = _exchanges(conformance)
    differences: list[str] = []
    for number, exchange in enumerate(exchanges):
        if _last_poll(exchange) or (number and _ends(exchanges[number - 1], exchange)):
            replay.asker.later(timedelta(hours=2))
        answer = replay.again(exchange)
        differences += [
            f"{number} {exchange['method']} {urlsplit(exchange['url']).path}: {text}" for text in _differences(exchange, answer)
        ]
    assert differences == []
    assert len(exchanges) > 60


def _last_poll(exchange: Json) -> bool:
    body = exchange["response_body"]
    return isinstance(body, dict) and body.get("status") == "Succeeded"


def _ends(before: Json, exchange: Json) -> bool:
    """A poll without a body that says done, or a read of something that is gone by then."""
    return "/operationresults/" in exchange["url"] and exchange["status"] == 200 and before["status"] == 202


def _differences(exchange: Json, answer: Reply) -> list[str]:
    found: list[str] = []
    if answer.status != exchange["status"]:
        found.append(f"status {answer.status}, recorded {exchange['status']}")
    recorded, ours = HEADERS & exchange["response_headers"].keys(), HEADERS & answer.headers.keys()
    if recorded != ours:
        found.append(f"headers {sorted(ours ^ recorded)} on one side only")
    exact = {name: exchange["response_headers"][name] for name in recorded & ours & {"content-type", "retry-after", "x-ms-failure-cause"}}
    found += [f"{name} {answer.headers[name]}, recorded {value}" for name, value in exact.items() if answer.headers[name] != value]
    limits = {name for name in exchange["response_headers"] if name.startswith("x-ms-ratelimit")}
    if not limits <= answer.headers.keys():
        found.append(f"headers {sorted(limits - answer.headers.keys())} missing")
    return found + _shape("", exchange["response_body"], answer.document)


def _shape(where: str, recorded: Any, ours: Any) -> list[str]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        sides = (recorded.keys() ^ ours.keys()) - DIFFERENCES.keys() - ({"error"} if "status" in recorded else set())
        found = [f"{where}.{name} {'recorded only' if name in recorded else 'ours only'}" for name in sorted(sides)]
        return found + [text for name in recorded.keys() & ours.keys() for text in _shape(f"{where}.{name}", recorded[name], ours[name])]
    if isinstance(recorded, list) and isinstance(ours, list):
        found = [] if len(recorded) == len(ours) else [f"{where} has {len(ours)}, recorded {len(recorded)}"]
        return found + [text for index, pair in enumerate(zip(recorded, ours, strict=False)) for text in _shape(f"{where}[{index}]", *pair)]
    if where == ".status" and "Succeeded" in {recorded, ours} and recorded != ours:
        return [f"{where} is {ours}, recorded {recorded}"]
    if type(recorded) is not type(ours):
        return [f"{where} is {ours!r}, recorded {recorded!r}"]
    fixed_words = ("provisioningState", "type", "kind", "code", "subcode", "mode", "backendPoolType", "osDiskType", "kubeletDiskType")
    if where.rsplit(".", 1)[-1] in fixed_words and recorded != ours:
        return [f"{where} is {ours!r}, recorded {recorded!r}"]
    return []

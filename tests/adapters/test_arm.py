"""The ARM adapter against answers that no well-behaved Azure gives, and against every status document that was recorded."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from shared.adapters.arm import MOST_PAGES
from shared.model.clusters import Absent, Cluster, Range
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import MakeCluster, MakeGroup, RegisterProvider, RemoveCluster, RemoveGroup, ScalePool
from shared.settings import PUBLIC_ARM
from tests.adapters.wires import Asked, Reply, Wire, arm_answered, arm_on, said
from tests.builders import SUBSCRIPTION, WEB, a_cluster, a_pool, a_spec

Json = dict[str, Any]
MAKE = MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),))
SCALE = ScalePool(pool="user", to=5)
STATUS = f"{PUBLIC_ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/x/operations/1?api-version=2025-03-01"
FOREIGN = STATUS.replace("management.azure.com", "evil.example")
CLUSTER: Json = {"id": WEB.id, "location": "westeurope", "properties": {"provisioningState": "Succeeded"}}
POOL: Json = {
    "id": f"{WEB.id}/agentPools/user",
    "name": "user",
    "type": "Microsoft.ContainerService/managedClusters/agentPools",
    "properties": {
        "eTag": "etag-of-the-pool",
        "count": 2,
        "vmSize": "Standard_D4s_v5",
        "mode": "User",
        "osType": "Linux",
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "currentOrchestratorVersion": "1.35.4",
        "nodeLabels": {"team": "a"},
        "newsOf2027": {"keep": ["me"]},
        "upgradeSettings": {"maxSurge": "10%", "newerStill": 1},
    },
}


def failure_of(call: Callable[[], object]) -> Failure:
    with pytest.raises(CallFailed) as failed:
        call()
    return failed.value.failure


# ---- what is not there


@pytest.mark.parametrize("code", ["InvalidResourceType", "SubscriptionNotFound", None])
def test_a_404_that_says_nothing_of_the_cluster_does_not_make_it_absent(code: str | None) -> None:
    """An unknown API version is a 404 as well, and a deletion must not be believed for it."""
    answer = Reply(status=404) if code is None else said({"error": {"code": code, "message": "not here"}}, status=404)
    for look in (RemoveCluster(), RemoveGroup()):
        arm, _ = arm_answered(answer)
        assert failure_of(partial(arm.look, WEB, look)).code in {Code.CHANGED_MEANWHILE, Code.AZURE_REFUSED}


# ---- lists


def test_every_page_of_a_list_is_read_by_azures_own_link() -> None:
    pages = [[f"a{n}" for n in range(3)], ["b0"], []]
    answers = []
    for n, names in enumerate(pages):
        value = [{**CLUSTER, "id": WEB.id.replace("/web", f"/{name}")} for name in names]
        following = {"nextLink": f"{PUBLIC_ARM}/subscriptions/{SUBSCRIPTION}/x?$skipToken={n}%2B1"} if n + 1 < len(pages) else {}
        answers.append(said({"value": value, **following}))
    arm, wire = arm_answered(*answers)
    assert [cluster.ref.name for cluster in arm.clusters(SUBSCRIPTION)] == ["a0", "a1", "a2", "b0"]
    assert [asked.url for asked in wire.asked[1:]] == [f"{PUBLIC_ARM}/subscriptions/{SUBSCRIPTION}/x?$skipToken={n}%2B1" for n in range(2)]


def test_a_link_to_another_host_is_not_followed_and_nothing_is_listed() -> None:
    for link in (
        "https://evil.example/subscriptions/x",
        "http://management.azure.com/subscriptions/x",
        "/subscriptions/x",
        "//evil.example/subscriptions/",
    ):
        arm, wire = arm_answered(said({"value": [CLUSTER], "nextLink": link}))
        assert failure_of(partial(arm.clusters, SUBSCRIPTION)).code is Code.HANDLE_FOREIGN
        assert {urlsplit(asked.url).netloc for asked in wire.asked} == {"management.azure.com"}
        assert len(wire.asked) == 1


def test_a_list_without_end_is_a_fault_and_not_half_an_answer() -> None:
    wire = Wire(lambda _: said({"value": [CLUSTER], "nextLink": f"{PUBLIC_ARM}/subscriptions/{SUBSCRIPTION}/again"}))
    failure = failure_of(lambda: arm_on(wire).clusters(SUBSCRIPTION))
    assert (failure.code, failure.transient) == (Code.AZURE_FAULT, True)
    assert len(wire.asked) == MOST_PAGES


@pytest.mark.parametrize("document", [{}, {"value": None}, {"value": [], "nextLink": None}, {"value": [], "nextLink": ""}])
def test_a_list_with_nothing_in_it_is_empty(document: Json) -> None:
    arm, _ = arm_answered(said(document))
    assert arm.clusters(SUBSCRIPTION) == ()


@pytest.mark.parametrize(
    "item",
    [{}, {"id": "nonsense"}, "text", None, {"id": WEB.id, "properties": 5}, {"id": WEB.id, "properties": {"agentPoolProfiles": [{}]}}],
)
def test_a_list_with_something_that_is_no_cluster_is_azures_fault(item: object) -> None:
    arm, _ = arm_answered(said({"value": [CLUSTER, item]}))
    failure = failure_of(lambda: arm.clusters(SUBSCRIPTION))
    assert (failure.code, failure.transient, failure.unsure) == (Code.AZURE_FAULT, True, False)


# ---- reads


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=200),
        Reply(status=204),
        Reply(status=200, body=b"<html>hello</html>", headers={"content-type": "text/html"}),
        Reply(status=200, body=b"{", headers={"content-type": "application/json"}),
        said([]),
        said("text"),
        said({"properties": 5}),
        said({"properties": {"agentPoolProfiles": [{"count": "many", "name": "x"}]}}),
        Reply(status=302, headers={"location": PUBLIC_ARM}),
    ],
    ids=range(9),
)
def test_an_answer_that_is_no_cluster_is_azures_fault_and_never_an_empty_cluster(answer: Reply) -> None:
    arm, _ = arm_answered(answer)
    failure = failure_of(lambda: arm.cluster(WEB))
    assert failure.code in {Code.AZURE_FAULT, Code.UNREACHABLE}
    assert (failure.transient, failure.unsure) == (True, False)


def test_a_look_is_one_plain_read_of_the_newest_version() -> None:
    arm, wire = arm_answered(said(CLUSTER))
    assert isinstance(arm.look(WEB, SCALE), Cluster)
    assert [(asked.method, asked.url) for asked in wire.asked] == [("GET", f"{PUBLIC_ARM}{WEB.id}?api-version=2026-08-01")]


# ---- polls


def polled(*answers: Reply) -> StillRunning | Answered:
    arm, _ = arm_answered(*answers)
    return arm.poll(Handle(url=STATUS))


def test_a_status_url_of_three_thousand_characters_is_asked_as_it_is() -> None:
    url = f"{STATUS}&t=638999999999999999&c=" + "aB-_" * 600 + "&s=" + "Zz9_-" * 80 + "&h=" + "h" * 43
    arm, wire = arm_answered(said({"status": "InProgress"}))
    assert len(url) >= 3000
    assert arm.poll(Handle(url=url)) == StillRunning(progress="InProgress")
    assert [(asked.method, asked.url, asked.body) for asked in wire.asked] == [("GET", url, b"")]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (said({"status": "InProgress"}), StillRunning(progress="InProgress")),
        (said({"status": "CreatingAgentPools: 0/1 nodes completed"}), StillRunning(progress="CreatingAgentPools: 0/1 nodes completed")),
        (said({"status": "Canceling"}), StillRunning(progress="Canceling")),
        (said({"status": "Succeeded"}), Answered()),
        (said({"status": "SUCCEEDED"}), Answered()),
        (said({"status": "InProgress", "error": {"code": "NotLatestOperation", "message": "m"}}), StillRunning(progress="InProgress")),
        (said({"status": "Succeeded", "error": {"code": "NotLatestOperation", "message": "m"}}), Answered()),
        (said({"status": "InProgress"}, Retry_After="17"), StillRunning(progress="InProgress", retry_after=timedelta(seconds=17))),
        (Reply(status=202, headers={"Location": STATUS}), StillRunning()),
        (Reply(status=202, headers={"Retry-After": "15"}), StillRunning(retry_after=timedelta(seconds=15))),
        (said({"properties": {"provisioningState": "Running"}}, status=202), StillRunning()),
        (Reply(status=200), Answered()),
        (Reply(status=204), Answered()),
        (said({"id": "a resource"}), Answered()),
    ],
    ids=range(14),
)
def test_what_a_poll_may_answer(answer: Reply, wanted: StillRunning | Answered) -> None:
    assert polled(answer) == wanted


@pytest.mark.parametrize("status", ["Canceled", "canceled", "Cancelled"])
def test_an_aborted_operation_was_aborted_by_somebody_else(status: str) -> None:
    answer = polled(said({"status": status, "error": {"code": "Whatever"}}))
    assert isinstance(answer, Answered)
    assert answer.failure is not None
    assert answer.failure.code is Code.CANCELLED_EXTERNALLY


@pytest.mark.parametrize("error", [None, "why", [], {}, {"code": 5}])
def test_a_failed_operation_is_a_failure_however_badly_it_is_explained(error: object) -> None:
    answer = polled(said({"status": "Failed", "error": error}))
    assert isinstance(answer, Answered)
    assert answer.failure is not None
    assert (answer.failure.code, answer.failure.transient) == (Code.AZURE_FAILED, True)


@pytest.mark.parametrize(
    ("answer", "code", "transient"),
    [
        (Reply(status=404), Code.HANDLE_GONE, True),
        (Reply(status=410), Code.HANDLE_GONE, True),
        (Reply(status=401), Code.AZURE_FORBIDDEN, False),
        (Reply(status=403), Code.AZURE_FORBIDDEN, False),
        (Reply(status=429, headers={"Retry-After": "9"}), Code.THROTTLED, True),
        (Reply(status=500), Code.AZURE_FAULT, True),
        (Reply(status=302, headers={"Location": FOREIGN}), Code.AZURE_FAULT, True),
        (Reply(status=200, body=b"<html>", headers={"content-type": "text/html"}), Code.UNREACHABLE, True),
    ],
    ids=range(8),
)
def test_a_poll_that_is_not_answered_is_never_taken_for_an_end(answer: Reply, code: Code, *, transient: bool) -> None:
    failure = failure_of(lambda: polled(answer))
    assert (failure.code, failure.transient, failure.unsure) == (code, transient, False)


def test_progress_is_azures_word_on_one_line_and_cut() -> None:
    answer = polled(said({"status": "Working\n" + "x" * 100_000}))
    assert isinstance(answer, StillRunning)
    assert answer.progress is not None
    assert answer.progress.startswith("Working xxx")
    assert len(answer.progress) < 2000


def test_every_recorded_status_document_is_read(conformance: Path) -> None:
    running, ended, failed = 0, 0, 0
    for file in sorted((conformance / "aks-traffic").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            if "/operations/" not in exchange["url"] and "/operationresults/" not in exchange["url"]:
                continue
            body = b"" if exchange["response_body"] is None else json.dumps(exchange["response_body"]).encode()
            arm, wire = arm_answered(Reply(status=exchange["status"], headers=exchange["response_headers"], body=body))
            answer = arm.poll(Handle(url=exchange["url"]))
            assert wire.asked[0].url == exchange["url"]
            status = (exchange["response_body"] or {}).get("status")
            assert isinstance(answer, StillRunning) == (exchange["status"] == 202 or status not in {None, "Succeeded", "Failed"})
            running += isinstance(answer, StillRunning)
            ended += isinstance(answer, Answered)
            failed += isinstance(answer, Answered) and answer.failure is not None
    assert running > 50
    assert ended > 10
    assert failed == 0


# ---- attempts


def test_the_first_of_the_two_headers_is_the_handle_and_either_will_do() -> None:
    other = STATUS.replace("/operations/", "/operationresults/")
    for headers, wanted in (
        ({"Azure-AsyncOperation": STATUS, "Location": other}, Handle(url=STATUS)),
        ({"azure-asyncoperation": STATUS}, Handle(url=STATUS)),
        ({"Location": other}, Handle(url=other)),
        ({}, None),
    ):
        arm, _ = arm_answered(Reply(status=202, headers=headers))
        assert arm.attempt(WEB, RemoveCluster(), a_cluster()) == wanted
        arm, _ = arm_answered(Reply(status=202, headers=headers))
        assert arm.attempt(WEB, RemoveGroup(), Absent(what="")) == wanted


def test_a_call_that_was_taken_with_a_foreign_status_url_was_taken_all_the_same() -> None:
    for action in (RemoveCluster(), RemoveGroup(), MAKE):
        status = 201 if action is MAKE else 202
        arm, wire = arm_answered(said(CLUSTER, status=status, Azure_AsyncOperation=FOREIGN))
        assert arm.attempt(WEB, action, Absent(what="")) is None
        assert len(wire.asked) == 1


@pytest.mark.parametrize(
    ("answer", "transient", "unsure"),
    [
        (Reply(status=202), True, True),
        (Reply(status=302, headers={"Location": FOREIGN}), True, True),
        (said({"code": "Bad", "message": "m"}, status=400), False, False),
    ],
    ids=["an undocumented success", "a redirect", "a refusal"],
)
def test_a_making_that_is_answered_oddly_is_unsure(answer: Reply, *, transient: bool, unsure: bool) -> None:
    arm, wire = arm_answered(answer)
    failure = failure_of(lambda: arm.attempt(WEB, MAKE, Absent(what="")))
    assert (failure.transient, failure.unsure) == (transient, unsure)
    assert len(wire.asked) == 1


def test_a_making_whose_answer_is_half_a_body_was_taken() -> None:
    arm, _ = arm_answered(Reply(status=201, body=b"{", headers={"content-type": "application/json", "Azure-AsyncOperation": STATUS}))
    assert arm.attempt(WEB, MAKE, Absent(what="")) == Handle(url=STATUS)


def guards(asked: Asked) -> dict[str, str]:
    return {name: asked.headers[name] for name in ("if-match", "if-none-match") if name in asked.headers}


def test_writes_to_clusters_carry_what_was_seen() -> None:
    seen, without = a_cluster(etag="etag-1"), a_cluster(etag=None)
    for action, sight, wanted in (
        (MAKE, Absent(what=""), {"if-none-match": "*"}),
        (MAKE, seen, {"if-match": '"etag-1"'}),
        (MAKE, without, {}),
        (RemoveCluster(), seen, {"if-match": '"etag-1"'}),
        (RemoveCluster(), without, {}),
        (RemoveCluster(), Absent(what=""), {}),
    ):
        arm, wire = arm_answered(said(CLUSTER, status=201 if action is MAKE else 202))
        arm.attempt(WEB, action, sight)
        assert guards(wire.asked[0]) == wanted
        assert "api-version=2026-08-01" in wire.asked[0].url


def test_plain_writes_say_what_is_wanted_and_no_more() -> None:
    for action, method, path, body in (
        (MakeGroup(location="westeurope"), "PUT", WEB.group_id, {"location": "westeurope"}),
        (RegisterProvider(), "POST", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/register", None),
        (RemoveGroup(), "DELETE", WEB.group_id, None),
    ):
        arm, wire = arm_answered(said({}))
        arm.attempt(WEB, action, Absent(what=""))
        asked = wire.asked[0]
        assert (asked.method, asked.url) == (method, f"{PUBLIC_ARM}{path}?api-version=2021-04-01")
        assert (asked.document if asked.body else None) == body


# ---- scaling: read, change one place, write back


def scaled(to: int | Range, pool: Json = POOL) -> tuple[Json, Asked]:
    arm, wire = arm_answered(said(pool), said(pool, Azure_AsyncOperation=STATUS))
    assert arm.attempt(WEB, ScalePool(pool="user", to=to), a_cluster(a_pool())) == Handle(url=STATUS)
    assert [asked.method for asked in wire.asked] == ["GET", "PUT"]
    document: Json = wire.asked[1].document
    return document, wire.asked[1]


@pytest.mark.parametrize(
    ("to", "changes"),
    [
        (5, {"count": 5}),
        (Range(min=1, max=5), {"enableAutoScaling": True, "minCount": 1, "maxCount": 5}),
        (Range(min=4, max=5), {"enableAutoScaling": True, "minCount": 4, "maxCount": 5, "count": 4}),
        (Range(min=0, max=1), {"enableAutoScaling": True, "minCount": 0, "maxCount": 1, "count": 1}),
    ],
    ids=str,
)
def test_a_pool_is_written_back_as_it_was_read_with_one_place_changed(to: int | Range, changes: Json) -> None:
    document, asked = scaled(to)
    read_only = {"eTag", "provisioningState", "currentOrchestratorVersion"}
    wanted = {name: value for name, value in POOL["properties"].items() if name not in read_only} | changes
    sent = {name: value for name, value in document["properties"].items() if name not in read_only}
    assert sent == wanted
    assert guards(asked) == {"if-match": '"etag-of-the-pool"'}


def test_a_pool_without_an_etag_is_written_without_a_guard() -> None:
    properties = {name: value for name, value in POOL["properties"].items() if name != "eTag"}
    _, asked = scaled(5, {**POOL, "properties": properties})
    assert guards(asked) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3},
        {"provisioningState": "Updating"},
        {"powerState": {"code": "Stopped"}},
        {"enableAutoScaling": True, "minCount": 1, "maxCount": 5},
    ],
    ids=str,
)
def test_a_pool_that_is_not_as_it_was_seen_is_not_written(change: Json) -> None:
    arm, wire = arm_answered(said({**POOL, "properties": {**POOL["properties"], **change}}))
    failure = failure_of(lambda: arm.attempt(WEB, SCALE, a_cluster(a_pool())))
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert [asked.method for asked in wire.asked] == ["GET"]


def test_a_pool_that_nobody_saw_is_not_written() -> None:
    for sight in (a_cluster(a_pool("other")), Absent(what="cluster")):
        arm, wire = arm_answered(said(POOL))
        assert failure_of(partial(arm.attempt, WEB, SCALE, sight)).code is Code.CHANGED_MEANWHILE
        assert [asked.method for asked in wire.asked] == ["GET"]


def test_a_pool_that_changes_between_the_read_and_the_write_is_azures_to_refuse() -> None:
    arm, wire = arm_answered(said(POOL), said({"code": "PreconditionFailed", "message": "The ETag does not match."}, status=412))
    failure = failure_of(lambda: arm.attempt(WEB, SCALE, a_cluster(a_pool())))
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert guards(wire.asked[1]) == {"if-match": '"etag-of-the-pool"'}


def test_the_read_before_a_scaling_changes_nothing_so_its_faults_are_never_unsure() -> None:
    for answer in (Reply(status=500), requests.ReadTimeout(), said({})):
        arm, wire = arm_answered(answer)
        failure = failure_of(partial(arm.attempt, WEB, SCALE, a_cluster(a_pool())))
        assert (failure.transient, failure.unsure) == (True, False)
        assert [asked.method for asked in wire.asked] == ["GET"]

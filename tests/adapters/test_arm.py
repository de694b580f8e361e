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
from shared.model.clusters import Absent, Cluster, Group, Range
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import (
    Action,
    MakeCluster,
    MakeGroup,
    RegisterProvider,
    RemoveCluster,
    RemoveGroup,
    ScalePool,
    StartCluster,
    StartPool,
    StopCluster,
    StopPool,
    UpgradeControlPlane,
    UpgradePool,
)
from shared.settings import PUBLIC_ARM
from tests.adapters.wires import Asked, Reply, Wire, arm_answered, arm_on, said
from tests.builders import SUBSCRIPTION, WEB, a_cluster, a_pool, a_spec, an_offer

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


@pytest.mark.parametrize(("there", "found"), [(True, ("other", "web")), (False, ("other",))])
def test_a_cluster_that_was_made_again_is_in_the_group_that_is_to_go_and_one_that_a_list_still_names_is_not(
    *, there: bool, found: tuple[str, ...]
) -> None:
    listed = [CLUSTER, {**CLUSTER, "id": WEB.id.replace("/web", "/other")}]
    own = said(CLUSTER) if there else said({"error": {"code": "ResourceNotFound", "message": "not here"}}, status=404)
    arm, _ = arm_answered(
        said({"name": "prod-rg", "location": "westeurope", "properties": {"provisioningState": "Succeeded"}}), said({"value": listed}), own
    )
    sight = arm.look(WEB, RemoveGroup())
    assert isinstance(sight, Group)
    assert sight.clusters == found


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


OFFER: Json = {"properties": {"controlPlaneProfile": {"upgrades": [{"kubernetesVersion": "1.36.1"}]}}}
VERSIONS: Json = {"values": [{"version": "1.36", "patchVersions": {"1.36.1": {}}}]}
REGION = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations"


def test_an_offer_is_one_plain_read_of_the_clusters_upgrade_profile() -> None:
    arm, wire = arm_answered(said(OFFER))
    assert arm.offer(WEB) == an_offer("1.36.1")
    wanted = f"{PUBLIC_ARM}{WEB.id}/upgradeProfiles/default?api-version=2026-08-01"
    assert [(asked.method, asked.url, asked.body) for asked in wire.asked] == [("GET", wanted, b"")]


@pytest.mark.parametrize("code", ["NotFound", "ResourceNotFound", "ResourceGroupNotFound"])
def test_the_offer_to_a_cluster_that_is_not_there_is_absent(code: str) -> None:
    arm, _ = arm_answered(said({"code": code, "message": "not here"}, status=404))
    assert arm.offer(WEB) == Absent(what="cluster prod-rg/web")


def test_the_versions_of_a_region_are_one_plain_read_of_the_subscription_that_is_named() -> None:
    arm, wire = arm_answered(said(VERSIONS))
    assert [str(found.version) for found in arm.offered(SUBSCRIPTION, "westeurope")] == ["1.36.1"]
    wanted = f"{PUBLIC_ARM}{REGION}/westeurope/kubernetesVersions?api-version=2026-08-01"
    assert [(asked.method, asked.url, asked.body) for asked in wire.asked] == [("GET", wanted, b"")]


def test_a_region_is_one_piece_of_a_path_whatever_it_is() -> None:
    arm, wire = arm_answered(said(VERSIONS))
    arm.offered(SUBSCRIPTION, "a?b#c d")
    assert wire.asked[0].url.startswith(f"{PUBLIC_ARM}{REGION}/a%3Fb%23c%20d/kubernetesVersions?api-version=")


NOT_AS_ASKED: list[Reply] = [
    Reply(status=200), Reply(status=204), said([]), said("text"), said({}), said({"properties": 5, "values": 5}), Reply(status=503),
    said({"properties": {"controlPlaneProfile": {"upgrades": [{}]}}, "values": [{"patchVersions": {"1.36": {}}}]}),
    Reply(status=200, body=b"<html>hello</html>", headers={"content-type": "text/html"}),
    Reply(status=302, headers={"location": PUBLIC_ARM}),
]  # fmt: skip


@pytest.mark.parametrize("answer", NOT_AS_ASKED, ids=range(len(NOT_AS_ASKED)))
def test_an_answer_that_says_nothing_of_versions_is_azures_fault_and_never_nothing_newer(answer: Reply) -> None:
    for read in ("offer", "offered"):
        arm, _ = arm_answered(answer)
        failure = failure_of(partial(arm.offer, WEB) if read == "offer" else partial(arm.offered, SUBSCRIPTION, "westeurope"))
        assert failure.code in {Code.AZURE_FAULT, Code.UNREACHABLE}
        assert (failure.transient, failure.unsure) == (True, False)


def test_a_region_that_azure_refuses_is_refused_in_its_words() -> None:
    error = {"error": {"code": "NoRegisteredProviderFound", "message": "no such location"}}
    arm, _ = arm_answered(said(error, status=400))
    failure = failure_of(lambda: arm.offered(SUBSCRIPTION, "nowhere"))
    assert (failure.code, failure.message, failure.transient) == (Code.AZURE_REFUSED, "NoRegisteredProviderFound: no such location", False)


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


# ---- starting, stopping, upgrading

POWER: list[tuple[Action, str]] = [(StartCluster(), "start"), (StopCluster(), "stop")]


@pytest.mark.parametrize(("action", "verb"), POWER)
def test_a_cluster_is_started_and_stopped_by_one_call_without_a_body(action: Action, verb: str) -> None:
    arm, wire = arm_answered(Reply(status=202, headers={"Azure-AsyncOperation": STATUS}))
    assert arm.attempt(WEB, action, a_cluster()) == Handle(url=STATUS)
    wanted = [("POST", f"{PUBLIC_ARM}{WEB.id}/{verb}?api-version=2026-08-01", b"")]
    assert [(asked.method, asked.url, asked.body) for asked in wire.asked] == wanted


@pytest.mark.parametrize(("action", "verb"), POWER)
def test_a_start_or_stop_that_has_nothing_to_do_was_taken(action: Action, verb: str) -> None:
    arm, wire = arm_answered(Reply(status=204))
    assert arm.attempt(WEB, action, a_cluster()) is None
    assert wire.asked[0].url.partition("?")[0].endswith(f"/{verb}")


@pytest.mark.parametrize(("action", "verb"), POWER)
@pytest.mark.parametrize(
    ("answer", "code", "transient", "unsure"),
    [
        (requests.ReadTimeout(), Code.UNREACHABLE, True, True),
        (Reply(status=500), Code.AZURE_FAULT, True, True),
        (said({"code": "OperationNotAllowed", "message": "in progress"}, status=409), Code.BUSY, True, False),
        (said({"code": "Throttled", "message": "slow"}, status=429), Code.THROTTLED, True, False),
        (said({"code": "BadRequest", "message": "Availability Sets Not Supported"}, status=400), Code.AZURE_REFUSED, False, False),
        (said({"code": "QuotaExceeded", "message": "no cores"}, status=400), Code.OUT_OF_CAPACITY, False, False),
    ],
    ids=range(6),
)
def test_a_start_or_stop_that_azure_does_not_take_is_sent_once_and_told_apart(
    action: Action, verb: str, answer: Reply | Exception, code: Code, *, transient: bool, unsure: bool
) -> None:
    arm, wire = arm_answered(answer)
    failure = failure_of(lambda: arm.attempt(WEB, action, a_cluster()))
    assert (failure.code, failure.transient, failure.unsure) == (code, transient, unsure)
    assert [asked.url.partition("?")[0].rpartition("/")[2] for asked in wire.asked] == [verb]


POOL_CHANGES: list[tuple[Action, Json]] = [
    (StopPool(pool="user"), {"powerState": {"code": "Stopped"}}),
    (StartPool(pool="user"), {"powerState": {"code": "Running"}}),
    (UpgradePool(pool="user", version="1.36.1"), {"orchestratorVersion": "1.36.1"}),
]


@pytest.mark.parametrize(("action", "changes"), POOL_CHANGES)
def test_a_pool_is_stopped_started_and_upgraded_by_one_changed_field(action: Action, changes: Json) -> None:
    pool = {**POOL, "properties": {**POOL["properties"], "orchestratorVersion": "1.35"}}
    arm, wire = arm_answered(said(pool), said(pool, Azure_AsyncOperation=STATUS))
    assert arm.attempt(WEB, action, a_cluster(a_pool())) == Handle(url=STATUS)
    assert [(asked.method, asked.url.partition("?")[0]) for asked in wire.asked] == [
        (method, f"{PUBLIC_ARM}{WEB.id}/agentPools/user") for method in ("GET", "PUT")
    ]
    read_only = {"eTag", "provisioningState", "currentOrchestratorVersion"}
    sent = {name: value for name, value in wire.asked[1].document["properties"].items() if name not in read_only}
    assert sent == {name: value for name, value in pool["properties"].items() if name not in read_only} | changes
    assert guards(wire.asked[1]) == {"if-match": '"etag-of-the-pool"'}


def test_an_upgraded_pool_is_sent_back_without_the_snapshot_it_was_made_from() -> None:
    made_from = {"sourceResourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/snapshots/s"}
    pool = {**POOL, "properties": {**POOL["properties"], "creationData": made_from}}
    for action, kept in ((UpgradePool(pool="user", version="1.36.1"), None), (StopPool(pool="user"), made_from)):
        arm, wire = arm_answered(said(pool), said(pool, Azure_AsyncOperation=STATUS))
        arm.attempt(WEB, action, a_cluster(a_pool()))
        assert wire.asked[1].document["properties"].get("creationData") == kept


@pytest.mark.parametrize(("action", "changes"), POOL_CHANGES)
@pytest.mark.parametrize(
    "other",
    [{"count": 3}, {"provisioningState": "Updating"}, {"powerState": {"code": "Stopped"}}, {"currentOrchestratorVersion": "1.35.9"}],
    ids=str,
)
def test_a_pool_that_changed_since_the_look_is_left_alone(action: Action, changes: Json, other: Json) -> None:
    arm, wire = arm_answered(said({**POOL, "properties": {**POOL["properties"], **other}}))
    failure = failure_of(lambda: arm.attempt(WEB, action, a_cluster(a_pool())))
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert [asked.method for asked in wire.asked] == ["GET"]
    assert changes


PROFILES: list[Json] = [
    {
        "name": name,
        "count": 2,
        "mode": mode,
        "vmSize": "Standard_D4s_v5",
        "osType": "Linux",
        "provisioningState": "Succeeded",
        "orchestratorVersion": "1.35",
        "currentOrchestratorVersion": "1.35.4",
        "eTag": f"etag-of-{name}",
        "newsOf2027": {"keep": ["me"]},
    }
    for name, mode in (("system", "System"), ("user", "User"))
]
WHOLE: Json = {
    "id": WEB.id,
    "name": "web",
    "type": "Microsoft.ContainerService/ManagedClusters",
    "location": "westeurope",
    "eTag": "etag-7",
    "tags": {"team": "web"},
    "identity": {"type": "SystemAssigned", "principalId": "p"},
    "sku": {"name": "Base", "tier": "Free"},
    "properties": {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "kubernetesVersion": "1.35",
        "currentKubernetesVersion": "1.35.4",
        "dnsPrefix": "web",
        "fqdn": "web.example",
        "agentPoolProfiles": PROFILES,
        "servicePrincipalProfile": {"clientId": "11111111-2222-3333-4444-555555555555"},
        "networkProfile": {"networkPlugin": "azure", "aFieldOf2027": True},
        "newsOf2027": {"keep": ["me"]},
    },
}
TO_136 = UpgradeControlPlane(version="1.36.1")


def upgraded(cluster: Json = WHOLE, look: Json | None = None) -> Asked:
    """What is sent to bring a cluster's control plane to 1.36.1."""
    arm, wire = arm_answered(said(look or cluster), said(cluster), said(cluster, Azure_AsyncOperation=STATUS))
    sight = arm.look(WEB, TO_136)
    assert arm.attempt(WEB, TO_136, sight) == Handle(url=STATUS)
    assert [asked.method for asked in wire.asked] == ["GET", "GET", "PUT"]
    assert len({asked.url for asked in wire.asked}) == 1
    return wire.asked[2]


def test_a_control_plane_is_upgraded_by_the_cluster_as_it_was_read_with_another_version() -> None:
    read_only = {"provisioningState", "powerState", "currentKubernetesVersion", "fqdn"}
    sent = upgraded().document
    wanted = {name: value for name, value in WHOLE["properties"].items() if name not in {*read_only, "servicePrincipalProfile"}}
    pools = [{name: value for name, value in profile.items() if name not in read_only} for profile in PROFILES]
    for profile in (*pools, *sent["properties"]["agentPoolProfiles"]):
        profile.pop("currentOrchestratorVersion", None)
        profile.pop("provisioningState", None)
        profile.pop("eTag", None)
    properties = {name: value for name, value in sent["properties"].items() if name not in read_only}
    assert properties == wanted | {"kubernetesVersion": "1.36.1", "agentPoolProfiles": pools}
    assert (sent["location"], sent["tags"], sent["sku"]) == ("westeurope", {"team": "web"}, WHOLE["sku"])
    assert sent["identity"]["type"] == "SystemAssigned"


def test_the_pools_of_an_upgraded_control_plane_are_sent_back_with_the_versions_they_came_with() -> None:
    mixed = [{**PROFILES[0], "orchestratorVersion": "1.35.4"}, {**PROFILES[1], "orchestratorVersion": "1.34"}]
    sent = upgraded({**WHOLE, "properties": {**WHOLE["properties"], "agentPoolProfiles": mixed}}).document
    assert [profile["orchestratorVersion"] for profile in sent["properties"]["agentPoolProfiles"]] == ["1.35.4", "1.34"]


def test_a_service_principal_is_not_sent_back_because_nobody_reads_its_secret() -> None:
    assert "servicePrincipalProfile" not in upgraded().document["properties"]


def test_a_control_planes_write_carries_the_etag_that_was_read() -> None:
    assert guards(upgraded()) == {"if-match": '"etag-7"'}
    assert guards(upgraded({name: value for name, value in WHOLE.items() if name != "eTag"})) == {}


@pytest.mark.parametrize(
    "other",
    [
        {"eTag": "etag-8"},
        {"tags": {"team": "shop"}},
        {"properties": {**WHOLE["properties"], "currentKubernetesVersion": "1.35.6"}},
        {"properties": {**WHOLE["properties"], "provisioningState": "Updating"}},
        {"properties": {**WHOLE["properties"], "agentPoolProfiles": [PROFILES[0], {**PROFILES[1], "count": 3}]}},
        {"properties": {**WHOLE["properties"], "agentPoolProfiles": PROFILES[:1]}},
    ],
    ids=range(6),
)
def test_a_cluster_that_changed_since_the_look_is_not_upgraded(other: Json) -> None:
    arm, wire = arm_answered(said(WHOLE), said({**WHOLE, **other}))
    sight = arm.look(WEB, TO_136)
    failure = failure_of(lambda: arm.attempt(WEB, TO_136, sight))
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert failure.message == "cluster prod-rg/web changed while it was looked at"
    assert [asked.method for asked in wire.asked] == ["GET", "GET"]


def test_a_cluster_that_nobody_saw_is_not_upgraded() -> None:
    arm, wire = arm_answered(said(WHOLE))
    assert failure_of(lambda: arm.attempt(WEB, TO_136, Absent(what="cluster"))).code is Code.CHANGED_MEANWHILE
    assert [asked.method for asked in wire.asked] == ["GET"]


def test_a_cluster_that_changes_between_the_read_and_the_write_is_azures_to_refuse() -> None:
    refusal = said({"code": "PreconditionFailed", "message": "The ETag does not match."}, status=412)
    arm, wire = arm_answered(said(WHOLE), said(WHOLE), refusal)
    sight = arm.look(WEB, TO_136)
    failure = failure_of(lambda: arm.attempt(WEB, TO_136, sight))
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert guards(wire.asked[2]) == {"if-match": '"etag-7"'}


def test_the_read_before_an_upgrade_changes_nothing_so_its_faults_are_never_unsure() -> None:
    for answer in (Reply(status=500), requests.ReadTimeout(), said({}), said({**WHOLE, "properties": None})):
        arm, wire = arm_answered(answer)
        failure = failure_of(partial(arm.attempt, WEB, TO_136, a_cluster()))
        assert (failure.transient, failure.unsure) == (True, False)
        assert [asked.method for asked in wire.asked] == ["GET"]


@pytest.mark.parametrize(
    ("answer", "code", "transient", "unsure"),
    [
        (requests.ReadTimeout(), Code.UNREACHABLE, True, True),
        (Reply(status=500), Code.AZURE_FAULT, True, True),
        (
            said({"code": "OperationNotAllowed", "message": "Another operation is in progress"}, status=409),
            Code.BUSY,
            True,
            False,
        ),
        (said({"code": "K8sVersionNotSupported", "message": "no"}, status=400), Code.AZURE_REFUSED, False, False),
        (said({"code": "UnsatisfiablePDB", "message": "PDB web/web-pdb"}, status=400), Code.DRAIN_BLOCKED, False, False),
        (said({"code": "InsufficientVCPUQuota", "message": "no cores"}, status=400), Code.OUT_OF_CAPACITY, False, False),
    ],
    ids=range(6),
)
def test_an_upgrade_that_azure_does_not_take_is_sent_once_and_told_apart(
    answer: Reply | Exception, code: Code, *, transient: bool, unsure: bool
) -> None:
    arm, wire = arm_answered(said(WHOLE), said(WHOLE), answer)
    sight = arm.look(WEB, TO_136)
    failure = failure_of(lambda: arm.attempt(WEB, TO_136, sight))
    assert (failure.code, failure.transient, failure.unsure) == (code, transient, unsure)
    assert [asked.method for asked in wire.asked] == ["GET", "GET", "PUT"]

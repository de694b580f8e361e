"""Long-running operations of the simulator: their documents, their URLs, how they end."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from local.arm.faults import Fault, Outcome
from tests.local.arm.asking import CLUSTER, GROUP, MINUTE, USER, Asker, a_cluster, an_asker, code, state


def _started(asker: Asker, version: str = "2026-08-01") -> str:
    asker.with_group()
    return asker.put(f"{CLUSTER}?api-version={version}", a_cluster()).headers["azure-asyncoperation"]


def test_the_document_has_a_start_with_seven_decimals_and_an_end_only_at_the_end() -> None:
    asker = an_asker()
    url = _started(asker)
    running = asker.get(url)
    assert running.status == 200
    assert running.document["startTime"] == "2026-11-23T12:00:00.0000000Z"
    assert running.document["name"] in url
    assert "endTime" not in running.document
    assert "retry-after" not in running.headers
    asker.later()
    ended = asker.get(url).document
    assert (ended["status"], ended["endTime"]) == ("Succeeded", "2026-11-23T12:01:00.0000000Z")


def test_a_creation_says_how_far_it_is_in_the_words_of_2026() -> None:
    asker = an_asker()
    url = _started(asker)
    seen: list[str] = []
    for _ in range(60):
        status = asker.get(url).document["status"]
        if status not in seen:
            seen.append(status)
        asker.later(timedelta(seconds=1))
    assert seen == [
        "InProgress",
        "ProvisioningNetworkResources",
        "ProvisioningControlPlane",
        "ReconcilingDNS",
        "ReconcilingAddons",
        "CreatingAgentPools",
        *(f"CreatingAgentPools: {ready}/5 nodes completed" for ready in range(6)),
    ]


def test_older_clients_see_in_progress_alone_and_the_older_url() -> None:
    asker = an_asker()
    url = _started(asker, "2024-09-01")
    assert "api-version=2016-03-30" in url
    asker.later(timedelta(seconds=30))
    assert asker.get(url).document["status"] == "InProgress"


def test_a_status_url_is_about_three_thousand_characters_and_names_the_host_that_was_asked() -> None:
    asker = an_asker()
    asker.headers["host"] = "127.0.0.1:4711"
    url = _started(asker)
    assert 2900 <= len(url) <= 3100
    assert urlsplit(url).netloc == "127.0.0.1:4711"
    assert parse_qs(urlsplit(url).query)["api-version"] == ["2025-03-01"]


@pytest.mark.parametrize("parameter", ["t", "c", "s", "h"])
def test_a_status_url_works_only_verbatim(parameter: str) -> None:
    asker = an_asker()
    url = _started(asker)
    value = parse_qs(urlsplit(url).query)[parameter][0]
    assert code(asker.get(url.replace(f"&{parameter}={value}", ""))) == (403, "InvalidSignature")
    other = ("0" if value[-1] != "0" else "1") + value[1:]
    assert code(asker.get(url.replace(f"&{parameter}={value}", f"&{parameter}={other}"))) == (403, "InvalidSignature")


def test_one_operations_signature_does_not_open_another() -> None:
    asker = an_asker()
    url = _started(asker)
    identifier = urlsplit(url).path.rsplit("/", 1)[1]
    assert code(asker.get(url.replace(identifier, identifier[::-1]))) == (403, "InvalidSignature")


def test_operationresults_is_202_with_itself_and_then_204() -> None:
    asker = an_asker().with_cluster()
    url = asker.delete(USER).headers["location"]
    running = asker.get(url)
    assert (running.status, running.body, running.headers["location"]) == (202, b"", url)
    asker.later()
    assert (asker.get(url).status, asker.get(url).body) == (204, b"")


def test_a_failed_operation_says_why_and_leaves_the_cluster_failed_showing_what_was_wanted() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="ErrCode_InsufficientVCPUQuota", message="no cores")))
    url = asker.put(CLUSTER, a_cluster(kubernetesVersion="1.37")).headers["azure-asyncoperation"]
    asker.later()
    status = asker.get(url).document
    assert (status["status"], status["error"]) == ("Failed", {"code": "ErrCode_InsufficientVCPUQuota", "message": "no cores"})
    cluster = asker.get(CLUSTER)
    assert state(cluster) == "Failed"
    assert cluster.document["properties"]["currentKubernetesVersion"] == "1.37.1"
    assert asker.put(CLUSTER, a_cluster()).status in {200, 400}  # not busy any more


def test_a_pools_failure_is_the_pools_alone() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed")))
    asker.put(USER, {"properties": {"count": 5}})
    asker.later()
    assert (state(asker.get(USER)), state(asker.get(CLUSTER))) == ("Failed", "Succeeded")


def test_a_cancelled_operation_leaves_everything_canceled() -> None:
    asker = an_asker().with_group()
    asker.world.faults.add(Fault(method="PUT", path="managedClusters", effect=Outcome(ends="Canceled")))
    url = asker.put(CLUSTER, a_cluster()).headers["azure-asyncoperation"]
    asker.later()
    assert asker.get(url).document["status"] == "Canceled"
    cluster = asker.get(CLUSTER)
    assert state(cluster) == "Canceled"
    assert {pool["provisioningState"] for pool in cluster.document["properties"]["agentPoolProfiles"]} == {"Canceled"}


def test_an_operation_that_never_ends_never_ends_until_a_deletion_overtakes_it() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    url = asker.put(USER, {"properties": {"count": 5}}).headers["azure-asyncoperation"]
    asker.later(timedelta(days=30))
    assert asker.get(url).document["status"] == "InProgress"
    assert code(asker.put(CLUSTER, a_cluster())) == (409, "OperationNotAllowed")
    asker.delete(CLUSTER)
    asker.later(MINUTE)
    assert asker.get(CLUSTER).status == 404


def test_a_lost_operation_goes_on_though_its_url_answers_404() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Succeeded", lost=True)))
    url = asker.put(USER, {"properties": {"count": 5}}).headers["azure-asyncoperation"]
    assert code(asker.get(url)) == (404, "NotFound")
    asker.later()
    assert state(asker.get(USER)) == "Succeeded"


def test_a_failed_deletion_leaves_the_cluster_there() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="DELETE", effect=Outcome(ends="Failed")))
    asker.delete(CLUSTER)
    asker.later()
    assert state(asker.get(CLUSTER)) == "Failed"


def test_some_operations_show_an_error_though_nothing_failed() -> None:
    asker = an_asker()
    notes = 0
    for number in range(40):
        cluster = f"{CLUSTER}{number}"
        asker.with_group().put(cluster, a_cluster())
        asker.later()
        url = asker.delete(cluster).headers["azure-asyncoperation"]
        document = asker.get(url).document
        notes += document.get("error", {}).get("code") == "NotLatestOperation"
        assert document["status"] == "InProgress"
    assert 3 <= notes <= 20


def test_a_group_is_deleted_with_its_clusters_by_a_url_of_arms_own() -> None:
    asker = an_asker().with_cluster()
    deleted = asker.delete(GROUP)
    assert (deleted.status, deleted.body, deleted.headers["retry-after"]) == (202, b"", "15")
    assert "azure-asyncoperation" not in deleted.headers
    assert state(asker.get(GROUP)) == "Deleting"
    assert state(asker.get(CLUSTER)) == "Deleting"
    assert code(asker.put(CLUSTER, a_cluster())) == (409, "ResourceGroupBeingDeleted")
    url = deleted.headers["location"]
    running = asker.get(url)
    assert (running.status, running.headers["retry-after"]) == (202, "15")
    asker.later()
    assert asker.get(running.headers["location"]).status == 202  # the clusters are gone, the group not yet
    asker.later()
    assert asker.get(running.headers["location"]).status == 200
    assert code(asker.get(CLUSTER)) == (404, "ResourceGroupNotFound")
    assert asker.ask("HEAD", GROUP).status == 404

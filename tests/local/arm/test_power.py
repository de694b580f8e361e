"""Clusters and pools of the simulator, stopped and started: states, powers and counts, and all that is refused meanwhile."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.arm.faults import Fault, Outcome
from local.arm.wire import Json, Reply
from tests.local.arm.asking import CLUSTER, SYSTEM, USER, Asker, Clock, a_cluster, a_pool, a_saved_world, an_asker, code, state

STOPPED: Json = {"properties": {"powerState": {"code": "Stopped"}}}
STARTED: Json = {"properties": {"powerState": {"code": "Running"}}}


def stop(asker: Asker) -> Reply:
    return asker.ask("POST", f"{CLUSTER}/stop")


def start(asker: Asker) -> Reply:
    return asker.ask("POST", f"{CLUSTER}/start")


def a_stopped_cluster(body: Json | None = None) -> Asker:
    asker = an_asker().with_cluster(body)
    assert stop(asker).status == 202
    asker.later()
    return asker


def powers(asker: Asker) -> list[tuple[Any, ...]]:
    """State, power and (for pools) count, of the cluster and of each pool in it."""
    properties = asker.get(CLUSTER).document["properties"]
    everything = [properties, *properties["agentPoolProfiles"]]
    return [(one["provisioningState"], one["powerState"]["code"], one.get("count")) for one in everything]


# ----------------------------------------------------------------------------------------------------------------- whole clusters


def test_a_stop_is_an_empty_202_with_both_headers() -> None:
    asker = an_asker().with_cluster()
    answer = stop(asker)
    assert (answer.status, answer.body) == (202, b"")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert "retry-after" not in answer.headers
    assert asker.get(answer.headers["azure-asyncoperation"]).document["status"] == "InProgress"
    assert asker.get(answer.headers["location"]).status == 202
    asker.later()
    assert asker.get(answer.headers["azure-asyncoperation"]).document["status"] == "Succeeded"
    assert asker.get(answer.headers["location"]).status == 204


def test_a_stopped_cluster_has_succeeded_and_no_nodes() -> None:
    asker = an_asker().with_cluster()
    stop(asker)
    assert powers(asker) == [("Stopping", "Stopped", None), ("Stopping", "Stopped", 2), ("Stopping", "Stopped", 3)]
    asker.later()
    assert powers(asker) == [("Succeeded", "Stopped", None), ("Succeeded", "Stopped", 0), ("Succeeded", "Stopped", 0)]
    assert asker.get(USER).document["properties"]["powerState"] == {"code": "Stopped"}


def test_a_start_brings_back_the_nodes_that_there_were() -> None:
    asker = a_stopped_cluster()
    answer = start(asker)
    assert (answer.status, answer.body) == (202, b"")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert powers(asker) == [("Starting", "Running", None), ("Starting", "Running", 2), ("Starting", "Running", 3)]
    asker.later()
    assert powers(asker) == [("Succeeded", "Running", None), ("Succeeded", "Running", 2), ("Succeeded", "Running", 3)]


def test_every_step_of_a_stop_and_a_start_changes_the_etags() -> None:
    asker = an_asker().with_cluster()
    seen = [asker.get(CLUSTER).document["eTag"]]
    for act in (stop, start):
        act(asker)
        seen.append(asker.get(CLUSTER).document["eTag"])
        asker.later()
        seen.append(asker.get(CLUSTER).document["eTag"])
    assert len(set(seen)) == 5


def test_a_stop_of_a_stopped_cluster_is_refused_and_says_since_when() -> None:
    asker = a_stopped_cluster()
    asker.later(timedelta(days=7, hours=1, minutes=15, seconds=37))
    refused = stop(asker)
    assert code(refused) == (409, "OperationNotAllowed")
    assert refused.document["message"] == (
        "managed cluster is not currently running, stopping cannot be performed; The stop operation started at "
        "'2026-11-23T12:01:00Z' and elapsed time is: '7 days and 01:16:37' (RFC3339 format)"
    )


def test_a_start_of_a_running_cluster_is_refused() -> None:
    refused = start(an_asker().with_cluster())
    assert code(refused) == (409, "OperationNotAllowed")
    assert refused.document["message"] == (
        "managed cluster is in Provisioning State(Succeeded) and Power State(Running), starting cannot be performed The previous "
        "operation started at '2026-11-23T12:00:00Z' and elapsed time is: '00:01:00' (RFC3339 format)"
    )


def test_a_start_while_the_cluster_is_updated_is_refused_in_the_documented_words() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    asker.later(timedelta(seconds=5))
    for act, word in ((start, "starting"), (stop, "stopping")):
        refused = act(asker)
        assert code(refused) == (409, "OperationNotAllowed")
        assert refused.document["message"] == (
            f"managed cluster is in Provisioning State(Updating) and Power State(Running), {word} cannot be performed The previous "
            "operation started at '2026-11-23T12:01:00Z' and elapsed time is: '00:00:05' (RFC3339 format)"
        )


def test_of_two_stops_at_once_the_second_is_refused_and_the_first_goes_on() -> None:
    asker = an_asker().with_cluster()
    first, second = stop(asker), stop(asker)
    assert first.status == 202
    assert code(second) == (409, "OperationNotAllowed")
    assert "Provisioning State(Stopping) and Power State(Stopped), stopping cannot be performed" in second.document["message"]
    assert code(start(asker)) == (409, "OperationNotAllowed")
    asker.later()
    assert asker.get(first.headers["azure-asyncoperation"]).document["status"] == "Succeeded"


def test_a_stop_waits_for_no_pool() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"count": 5}})
    refused = stop(asker)
    assert code(refused) == (409, "OperationNotAllowed")
    assert "Another agentpool operation (user - Updating) is in progress" in refused.document["message"]


def test_a_stopped_cluster_can_only_be_started_or_deleted() -> None:
    asker = a_stopped_cluster()
    before = asker.get(CLUSTER).document
    for method, url, body in (
        ("PUT", CLUSTER, a_cluster()),
        ("PUT", CLUSTER, before),
        ("PATCH", CLUSTER, {"tags": {"a": "b"}}),
        ("PUT", USER, {"properties": {"count": 4}}),
        ("PUT", USER, STOPPED),
        ("PUT", f"{CLUSTER}/agentPools/extra", {"properties": {"count": 1}}),
        ("DELETE", USER, None),
        ("POST", f"{USER}/upgradeNodeImageVersion", None),
        ("POST", f"{CLUSTER}/runCommand", {"command": "kubectl get nodes"}),
    ):
        assert code(asker.ask(method, url, body)) == (409, "OperationNotAllowed"), (method, url)
    assert asker.get(CLUSTER).document == before
    assert asker.delete(CLUSTER).status == 202


def test_what_a_stopped_cluster_refuses_says_that_it_is_not_running() -> None:
    asker = a_stopped_cluster()
    assert (
        asker.put(USER, {"properties": {"count": 4}})
        .document["message"]
        .startswith(
            "managed cluster is not currently running, updating cannot be performed; The stop operation started at '2026-11-23T12:01:00Z'"
        )
    )


def test_clusters_of_availability_sets_are_neither_stopped_nor_started() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(type="AvailabilitySet")))
    for act in (stop, start):
        refused = act(asker)
        assert code(refused) == (400, "BadRequest")
        assert refused.document["message"] == "Client Error: Availability Sets Not Supported"


def test_a_cluster_that_provisions_its_nodes_itself_is_not_stopped() -> None:
    asker = an_asker().with_cluster(a_cluster(nodeProvisioningProfile={"mode": "Auto"}))
    for refused in (stop(asker), asker.put(USER, STOPPED)):
        assert code(refused) == (400, "OperationNotAllowed")
        assert refused.document["message"] == (
            "Unable to perform 'stopping' operation since the cluster enables .properties.nodeProvisioningProfile.mode 'Auto'"
        )


def test_stops_and_starts_of_what_is_not_there_are_404() -> None:
    asker = an_asker().with_group()
    for act in (stop, start):
        assert code(act(asker)) == (404, "ResourceNotFound")


def test_a_failed_start_shows_running_and_can_be_repeated() -> None:
    asker = a_stopped_cluster()
    asker.world.faults.add(Fault(method="POST", path="start", effect=Outcome(ends="Failed", code="AllocationFailed", message="none left")))
    status = start(asker).headers["azure-asyncoperation"]
    asker.later()
    assert asker.get(status).document["error"] == {"code": "AllocationFailed", "message": "none left"}
    assert powers(asker)[0] == ("Failed", "Running", None)
    assert start(asker).status == 202
    asker.later()
    assert powers(asker) == [("Succeeded", "Running", None), ("Succeeded", "Running", 2), ("Succeeded", "Running", 3)]


def test_a_failed_stop_shows_running_with_all_its_nodes_and_can_be_repeated() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="POST", path="stop", effect=Outcome(ends="Failed")))
    stop(asker)
    asker.later()
    assert powers(asker) == [("Failed", "Running", None), ("Failed", "Running", 2), ("Failed", "Running", 3)]
    assert code(start(asker)) == (409, "OperationNotAllowed")  # it was not stopped
    assert stop(asker).status == 202


def test_a_failed_cluster_that_runs_cannot_be_started() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed")))
    asker.put(CLUSTER, a_cluster())
    asker.later()
    refused = start(asker)
    assert code(refused) == (409, "OperationNotAllowed")
    assert "Provisioning State(Failed) and Power State(Running)" in refused.document["message"]


def test_a_deletion_overtakes_a_stop() -> None:
    asker = an_asker().with_cluster()
    status = stop(asker).headers["azure-asyncoperation"]
    asker.later(timedelta(seconds=10))
    assert asker.delete(CLUSTER).status == 202
    assert asker.get(status).document["error"]["code"] == "AKSOperationPreemptedByDelete"
    refused = start(asker)
    assert code(refused) == (409, "OperationNotAllowed")
    assert "since deletion was issued on 'web'" in refused.document["message"]


def test_a_stopped_cluster_made_again_is_a_running_one() -> None:
    asker = a_stopped_cluster()
    asker.delete(CLUSTER)
    asker.later()
    asker.put(CLUSTER, a_cluster())
    asker.later()
    assert powers(asker)[0] == ("Succeeded", "Running", None)


def test_a_restart_forgets_neither_the_stop_nor_the_nodes(tmp_path: Path) -> None:
    clock = Clock()
    asker = a_saved_world(tmp_path / "world.json", clock).with_cluster()
    asker.put(USER, STOPPED)
    asker.later()
    stop(asker)
    asker.later(timedelta(seconds=30))
    again = a_saved_world(tmp_path / "world.json", clock)
    again.later(timedelta(seconds=30))
    assert powers(again) == [("Succeeded", "Stopped", None), ("Succeeded", "Stopped", 0), ("Succeeded", "Stopped", 0)]
    once_more = a_saved_world(tmp_path / "world.json", clock)
    assert "'2026-11-23T12:02:00Z'" in stop(once_more).document["message"]
    start(once_more)
    once_more.later()
    once_more.put(USER, STARTED)
    assert powers(once_more) == [("Succeeded", "Running", None), ("Succeeded", "Running", 2), ("Starting", "Running", 3)]


# ------------------------------------------------------------------------------------------------------------------- single pools


def test_a_stopped_pool_is_answered_with_no_nodes_and_read_with_them_until_they_are_gone() -> None:
    asker = an_asker().with_cluster()
    answer = asker.put(USER, STOPPED)
    assert (answer.status, state(answer), answer.document["properties"]["count"]) == (200, "Stopping", 0)
    assert answer.document["properties"]["powerState"] == {"code": "Stopped"}
    assert "location" not in answer.headers
    assert powers(asker) == [("Succeeded", "Running", None), ("Succeeded", "Running", 2), ("Stopping", "Stopped", 3)]
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Stopped", 0)


def test_a_pool_is_started_by_sending_back_what_was_read() -> None:
    asker = an_asker().with_cluster()
    read = asker.get(USER).document
    asker.put(USER, {**read, "properties": {**read["properties"], "powerState": {"code": "Stopped"}}})
    asker.later()
    read = asker.get(USER).document
    answer = asker.put(USER, {**read, "properties": {**read["properties"], "powerState": {"code": "Running"}}})
    assert (state(answer), answer.document["properties"]["count"]) == ("Starting", 3)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 3)


def test_a_system_pool_is_not_stopped() -> None:
    assert code(an_asker().with_cluster().put(SYSTEM, STOPPED)) == (400, "OperationNotAllowed")


def test_a_pool_of_an_availability_set_is_not_stopped() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", type="AvailabilitySet")))
    assert code(asker.put(USER, STOPPED)) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("power", "expected"),
    [({"code": "Sleeping"}, (400, "InvalidParameter")), ({"code": 1}, (400, "UnmarshalError")), ("Stopped", (400, "UnmarshalError"))],
)
def test_a_power_that_is_none_is_refused(power: object, expected: tuple[int, str]) -> None:
    asker = an_asker().with_cluster()
    assert code(asker.put(USER, {"properties": {"powerState": power}})) == expected
    assert state(asker.get(USER)) == "Succeeded"


def test_of_a_stop_and_a_start_at_once_the_second_is_refused() -> None:
    asker = an_asker().with_cluster()
    assert asker.put(USER, STOPPED).status == 200
    refused = asker.put(USER, STARTED)
    assert code(refused) == (409, "OperationNotAllowed")
    assert "(user - Stopping)" in refused.document["message"]


def test_a_stopped_pool_is_not_scaled_but_upgraded() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.35"))
    asker.put(USER, STOPPED)
    asker.later()
    assert code(asker.put(USER, {"properties": {"count": 5}})) == (409, "OperationNotAllowed")
    assert code(asker.put(CLUSTER, a_cluster(a_pool(), a_pool("user", count=5)))) == (409, "OperationNotAllowed")
    asker.put(CLUSTER, a_cluster(a_pool(), kubernetesVersion="1.36"))
    asker.later()
    answer = asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})
    assert (answer.status, state(answer)) == (200, "Upgrading")
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Stopped", 0)


def test_a_stopped_autoscaled_pool_stays_without_nodes_whatever_its_range() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", count=3, enableAutoScaling=True, minCount=2, maxCount=5)))
    asker.put(USER, STOPPED)
    asker.later()
    asker.put(USER, {"properties": {"nodeLabels": {"a": "b"}}})
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Stopped", 0)
    asker.put(USER, STARTED)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 3)


def test_a_pool_that_was_stopped_alone_stays_so_through_a_stop_and_a_start_of_its_cluster() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, STOPPED)
    asker.later()
    stop(asker)
    asker.later()
    start(asker)
    asker.later()
    assert powers(asker) == [("Succeeded", "Running", None), ("Succeeded", "Running", 2), ("Succeeded", "Stopped", 0)]
    asker.put(USER, STARTED)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 3)


def test_an_aborted_stop_of_the_cluster_wakes_no_pool_that_was_stopped_before() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, STOPPED)
    asker.later()
    stop(asker)
    asker.ask("POST", f"{CLUSTER}/abort")
    asker.later()
    assert powers(asker) == [("Canceled", "Running", None), ("Canceled", "Running", 2), ("Canceled", "Stopped", 0)]


def test_a_pool_that_was_started_again_stops_and_starts_with_its_cluster() -> None:
    asker = an_asker().with_cluster()
    for body in (STOPPED, STARTED):
        asker.put(USER, body)
        asker.later()
    stop(asker)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Stopped", 0)
    start(asker)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 3)


def test_a_new_pool_remembers_nothing_of_an_older_one_of_its_name() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, STOPPED)
    asker.later()
    asker.delete(USER)
    asker.later()
    asker.put(USER, {"properties": {"count": 7}})
    asker.later()
    stop(asker)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Stopped", 0)
    start(asker)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 7)


def test_a_started_pool_may_be_outside_the_autoscalers_range_until_it_is_written_again() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", count=3, enableAutoScaling=True, minCount=2, maxCount=5)))
    asker.put(USER, STOPPED)
    asker.later()
    asker.put(USER, {"properties": {"minCount": 5, "maxCount": 9}})
    asker.later()
    asker.put(USER, STARTED)
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 3)
    asker.put(USER, {"properties": {"nodeLabels": {"a": "b"}}})
    asker.later()
    assert powers(asker)[2] == ("Succeeded", "Running", 5)


def test_when_a_cluster_was_stopped_is_known_longer_than_its_operation() -> None:
    asker = a_stopped_cluster()
    assert powers(asker)[0] == ("Succeeded", "Stopped", None)
    asker.world.state.operations.clear()
    asker.later(timedelta(hours=1))
    assert "The stop operation started at '2026-11-23T12:01:00Z'" in stop(asker).document["message"]


def test_a_failed_stop_of_a_pool_shows_running() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed")))
    asker.put(USER, STOPPED)
    asker.later()
    assert powers(asker)[2] == ("Failed", "Running", 3)

"""Commands that the simulator seems to run in a cluster, and the machines they would run on."""

from datetime import timedelta

import pytest

from local.arm.faults import Fault, Outcome
from local.arm.wire import Reply
from tests.local.arm.asking import CLUSTER, USER, Asker, a_cluster, a_pool, an_asker, code


def run(asker: Asker, command: object = "kubectl get nodes", version: str = "2026-08-01") -> Reply:
    return asker.ask("POST", f"{CLUSTER}/runCommand?api-version={version}", {"command": command, "context": ""})


def result(asker: Asker, command: str) -> Reply:
    location = run(asker, command).headers["location"]
    asker.later()
    return asker.get(location)


def test_a_command_is_accepted_with_location_alone() -> None:
    answer = run(an_asker().with_cluster(), version="2025-03-01")
    assert (answer.status, answer.body) == (202, b"")
    assert "azure-asyncoperation" not in answer.headers
    path, _, query = answer.headers["location"].partition("?")
    assert query == "api-version=2025-03-01"
    assert path.rsplit("/", 3)[-3:-1] == ["web", "commandResults"]
    assert len(path.rsplit("/", 1)[-1]) == 32


def test_a_result_is_202_with_itself_and_then_200() -> None:
    asker = an_asker().with_cluster()
    location = run(asker).headers["location"]
    running = asker.get(location)
    assert (running.status, running.headers["location"]) == (202, location)
    assert running.document == {"id": location.split("?")[0].rsplit("/", 1)[-1], "properties": {"provisioningState": "Running"}}
    asker.later()
    done = asker.get(location)
    assert done.status == 200
    assert "location" not in done.headers
    properties = done.document["properties"]
    assert properties.keys() == {"provisioningState", "exitCode", "startedAt", "finishedAt", "logs"}
    assert (properties["provisioningState"], properties["exitCode"]) == ("Succeeded", 0)
    assert (properties["startedAt"], properties["finishedAt"]) == ("2026-11-23T12:01:00Z", "2026-11-23T12:02:00Z")


def test_a_result_is_forgotten_after_a_day() -> None:
    asker = an_asker().with_cluster()
    location = run(asker).headers["location"]
    asker.later(timedelta(days=1))
    assert asker.get(location).status == 200
    asker.later()
    assert code(asker.get(location)) == (404, "NotFound")


def test_a_result_is_its_own_clusters_alone() -> None:
    asker = an_asker().with_cluster()
    location = run(asker).headers["location"]
    asker.put(CLUSTER.replace("/web", "/shop"), a_cluster())
    asker.later()
    assert code(asker.get(location.replace("/web/", "/shop/"))) == (404, "NotFound")
    assert asker.get(location.replace("managedclusters", "managedClusters")).status == 200


def test_commands_run_side_by_side_and_while_the_cluster_is_updated() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    first, second = run(asker), run(asker)
    assert (first.status, second.status) == (202, 202)
    assert first.headers["location"] != second.headers["location"]


@pytest.mark.parametrize(
    ("command", "exit_code", "part"),
    [
        ("kubectl get nodes", 0, "vmss000002     Ready    <none>   1d    v1.36.4"),
        ("kubectl get pods -A", 0, "coredns-"),
        ("kubectl version", 0, "Server Version: v1.36.4"),
        ("kubectl", 0, "controls the Kubernetes cluster manager"),
        ("kubectl get teapots", 1, 'the server doesn\'t have a resource type "teapots"'),
        ("kubectl dance", 1, 'unknown command "dance"'),
        ("rm -rf /", 127, "rm: not found"),
        ("   ", 127, "not found"),
    ],
)
def test_reads_are_answered_and_the_rest_fails_as_it_would(command: str, exit_code: int, part: str) -> None:
    properties = result(an_asker().with_cluster(), command).document["properties"]
    assert properties["exitCode"] == exit_code
    assert part in properties["logs"]


def test_output_is_cut_at_512_kilobytes() -> None:
    asker = an_asker(throttled=False).with_cluster(a_cluster(a_pool(), *(a_pool(f"p{number}", count=1000) for number in range(10))))
    assert len(result(asker, "kubectl get nodes").document["properties"]["logs"]) == 512 * 1024


def test_a_command_must_be_a_text() -> None:
    asker = an_asker().with_cluster()
    assert code(run(asker, None)) == (400, "InvalidParameter")
    assert code(run(asker, "")) == (400, "InvalidParameter")
    assert code(run(asker, ["kubectl"])) == (400, "UnmarshalError")


def test_no_command_runs_before_the_cluster_is_there_or_while_it_starts() -> None:
    asker = an_asker().with_group()
    assert code(run(asker)) == (404, "ResourceNotFound")
    asker.put(CLUSTER, a_cluster())
    assert code(run(asker)) == (409, "OperationNotAllowed")
    asker.later()
    asker.ask("POST", f"{CLUSTER}/stop")
    assert code(run(asker)) == (409, "OperationNotAllowed")
    asker.later()
    asker.ask("POST", f"{CLUSTER}/start")
    assert code(run(asker)) == (409, "OperationNotAllowed")


def test_a_command_finds_no_node_to_run_on_where_none_ever_came() -> None:
    asker = an_asker().with_group()
    asker.world.faults.add(Fault(method="PUT", path="managedClusters", effect=Outcome(ends="Failed", code="AllocationFailed")))
    asker.put(CLUSTER, a_cluster())
    asker.later()
    refused = run(asker)
    assert code(refused) == (400, "KubernetesPerformanceError")
    assert "did not start within 30s on your cluster" in refused.document["message"]


def test_machines_are_as_many_as_the_pool_has_nodes() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", count=3, availabilityZones=["1", "2"])))
    machines = asker.get(f"{USER}/machines").document["value"]
    assert [machine["name"][-6:] for machine in machines] == ["000000", "000001", "000002"]
    assert [machine["zones"] for machine in machines] == [["1"], ["2"], ["1"]]
    assert asker.get(f"{USER}/machines/{machines[1]['name']}").document == machines[1]
    assert code(asker.get(f"{USER}/machines/aks-user-1-vmss000009")) == (404, "NotFound")
    assert code(asker.get(f"{CLUSTER}/agentPools/absent/machines")) == (404, "NotFound")
    asker.put(USER, {"properties": {"count": 1}})
    assert len(asker.get(f"{USER}/machines").document["value"]) == 1


def test_machines_are_named_in_base_36_and_have_addresses_of_their_own() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(count=40), a_pool("user", count=400)))
    machines = [machine for pool in ("system", "user") for machine in asker.get(f"{CLUSTER}/agentPools/{pool}/machines").document["value"]]
    assert machines[36]["name"].endswith("000010")
    addresses = {machine["properties"]["network"]["ipAddresses"][0]["ip"] for machine in machines}
    assert len(addresses) == 440

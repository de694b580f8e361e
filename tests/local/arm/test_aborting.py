"""Operations of the simulator, aborted: Canceling, then Canceled, and nothing rolled back; the older protocol that did it at once."""

from datetime import timedelta
from pathlib import Path

from local.arm.durations import recorded
from local.arm.faults import Fault, Outcome
from local.arm.wire import Reply
from tests.local.arm.asking import CLUSTER, SYSTEM, USER, Asker, Clock, a_cluster, a_pool, a_saved_world, an_asker, code, state

MOMENT = timedelta(seconds=5)


def abort(asker: Asker, what: str = CLUSTER, version: str = "2026-08-01") -> Reply:
    return asker.ask("POST", f"{what}/abort?api-version={version}")


def status(asker: Asker, answer: Reply) -> str:
    return str(asker.get(answer.headers["azure-asyncoperation"]).document["status"])


def test_an_abort_is_a_202_with_the_resource_and_both_headers() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    answer = abort(asker)
    assert (answer.status, state(answer)) == (202, "Canceling")
    assert answer.document["id"].endswith("/managedClusters/web")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert {pool["provisioningState"] for pool in answer.document["properties"]["agentPoolProfiles"]} == {"Canceling"}


def test_the_aborted_operation_says_canceling_and_then_canceled_while_the_abort_succeeds() -> None:
    asker = an_asker().with_cluster()
    victim = asker.put(CLUSTER, a_cluster())
    asker.later(MOMENT)
    aborting = abort(asker)
    assert (status(asker, victim), status(asker, aborting)) == ("Canceling", "InProgress")
    asker.later()
    assert (status(asker, victim), status(asker, aborting)) == ("Canceled", "Succeeded")
    assert "error" not in asker.get(victim.headers["azure-asyncoperation"]).document
    assert asker.get(aborting.headers["location"]).status == 204


def test_an_aborted_upgrade_is_canceled_everywhere_and_rolls_nothing_back() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.35"))
    pools = [a_pool(orchestratorVersion="1.36"), a_pool("user", count=3, orchestratorVersion="1.36")]
    asker.put(CLUSTER, a_cluster(*pools, kubernetesVersion="1.36"))
    abort(asker)
    asker.later()
    properties = asker.get(CLUSTER).document["properties"]
    assert (properties["provisioningState"], properties["kubernetesVersion"]) == ("Canceled", "1.36")
    assert {pool["provisioningState"] for pool in properties["agentPoolProfiles"]} == {"Canceled"}


def test_a_cluster_can_be_written_again_after_an_abort() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    abort(asker)
    assert code(asker.put(CLUSTER, a_cluster())) == (409, "OperationNotAllowed")
    asker.later()
    assert asker.put(CLUSTER, a_cluster()).status == 200
    asker.later()
    assert state(asker.get(CLUSTER)) == "Succeeded"


def test_a_pools_abort_is_the_pools_alone() -> None:
    asker = an_asker().with_cluster()
    victim = asker.put(USER, {"properties": {"count": 9}})
    answer = abort(asker, USER)
    assert (answer.status, state(answer), answer.document["name"]) == (202, "Canceling", "user")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert state(asker.get(CLUSTER)) == "Succeeded"
    asker.later()
    assert (status(asker, victim), state(asker.get(USER)), state(asker.get(SYSTEM))) == ("Canceled", "Canceled", "Succeeded")
    assert asker.get(USER).document["properties"]["count"] == 9


def test_an_aborted_stop_of_a_pool_shows_running_again() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"powerState": {"code": "Stopped"}}})
    abort(asker, USER)
    asker.later()
    properties = asker.get(USER).document["properties"]
    assert (properties["provisioningState"], properties["powerState"], properties["count"]) == ("Canceled", {"code": "Running"}, 3)


def test_an_aborted_stop_of_a_cluster_leaves_it_running_and_an_aborted_start_can_be_repeated() -> None:
    asker = an_asker().with_cluster()
    for verb, again in (("stop", "stop"), ("start", "start")):
        asker.ask("POST", f"{CLUSTER}/{verb}")
        assert abort(asker).status == 202
        asker.later()
        properties = asker.get(CLUSTER).document["properties"]
        assert (properties["provisioningState"], properties["powerState"]) == ("Canceled", {"code": "Running"})
        assert [pool["count"] for pool in properties["agentPoolProfiles"]] == [2, 3]
        assert asker.ask("POST", f"{CLUSTER}/{again}").status == 202
        asker.later()
        assert state(asker.get(CLUSTER)) == "Succeeded"


def test_an_abort_with_nothing_to_abort_is_a_conflict() -> None:
    asker = an_asker().with_cluster()
    for what in (CLUSTER, USER):
        refused = abort(asker, what)
        assert code(refused) == (409, "OperationNotAllowed")
        assert "There is no operation in progress" in refused.document["message"]


def test_an_abort_that_comes_after_the_end_is_a_conflict() -> None:
    asker = an_asker().with_cluster()
    victim = asker.put(CLUSTER, a_cluster())
    asker.later()
    assert code(abort(asker)) == (409, "OperationNotAllowed")
    assert status(asker, victim) == "Succeeded"


def test_of_two_aborts_at_once_the_second_is_refused() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    assert abort(asker).status == 202
    assert code(abort(asker)) == (409, "OperationNotAllowed")


def test_an_abort_knows_clusters_from_pools() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"count": 9}})
    assert code(abort(asker)) == (409, "OperationNotAllowed")
    assert code(abort(asker, SYSTEM)) == (409, "OperationNotAllowed")
    asker.later()
    asker.put(CLUSTER, a_cluster())
    assert code(abort(asker, USER)) == (409, "OperationNotAllowed")


def test_a_deletion_is_not_aborted() -> None:
    asker = an_asker().with_cluster()
    asker.delete(USER)
    asker.later(MOMENT)
    refused = abort(asker, USER)
    assert code(refused) == (409, "OperationNotAllowed")
    assert refused.document["message"] == (
        "Unable to perform 'Aborting' operation on 'user' since deletion was issued on 'user'. The only allowed operation is deletion once "
        "deletion has started. The delete operation started at '2026-11-23T12:01:00Z' and elapsed time is: '00:00:05' (RFC3339 format)"
    )
    asker.later()
    asker.delete(CLUSTER)
    assert code(abort(asker)) == (409, "OperationNotAllowed")


def test_aborts_of_what_is_not_there_are_404() -> None:
    asker = an_asker().with_group()
    assert code(abort(asker)) == (404, "ResourceNotFound")
    assert code(abort(asker, USER)) == (404, "ParentResourceNotFound")
    asker.with_cluster()
    assert code(abort(asker, f"{CLUSTER}/agentPools/absent")) == (404, "NotFound")


def test_an_operation_that_never_ends_can_be_aborted() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    victim = asker.put(CLUSTER, a_cluster())
    asker.later(timedelta(days=3))
    assert abort(asker).status == 202
    asker.later()
    assert status(asker, victim) == "Canceled"


def test_the_aborted_operation_does_not_end_while_it_is_being_aborted() -> None:
    asker = an_asker(durations=lambda _resource, verb, _share: timedelta(minutes=5 if verb == "abort" else 1)).with_cluster()
    victim = asker.put(CLUSTER, a_cluster())
    abort(asker)
    asker.later(timedelta(minutes=2))
    assert status(asker, victim) == "Canceling"
    asker.later(timedelta(minutes=3))
    assert status(asker, victim) == "Canceled"


def test_an_abort_that_fails_lets_the_operation_go_on() -> None:
    asker = an_asker(durations=lambda _resource, verb, _share: timedelta(minutes=1 if verb == "abort" else 3)).with_group()
    asker.put(CLUSTER, a_cluster())
    asker.later(timedelta(minutes=3))
    asker.world.faults.add(Fault(method="POST", path="abort", times=2, effect=Outcome(ends="Failed")))
    for what, body in ((CLUSTER, a_cluster()), (USER, {"properties": {"count": 9}})):
        victim = asker.put(what, body)
        aborting = abort(asker, what)
        asker.later()
        assert (status(asker, aborting), state(asker.get(what))) == ("Failed", "Updating")
        assert status(asker, victim) not in {"Canceling", "Canceled"}
        asker.later(timedelta(minutes=2))
        assert (status(asker, victim), state(asker.get(what))) == ("Succeeded", "Succeeded")


def test_a_deletion_overtakes_an_abort_and_what_it_aborts() -> None:
    asker = an_asker().with_cluster()
    victim = asker.put(CLUSTER, a_cluster())
    aborting = abort(asker)
    asker.later(MOMENT)
    assert asker.delete(CLUSTER).status == 202
    assert (status(asker, victim), status(asker, aborting)) == ("Failed", "Failed")
    asker.later()
    assert asker.get(CLUSTER).status == 404


def test_until_2022_an_abort_was_done_when_it_was_answered() -> None:
    asker = an_asker().with_group()
    victim = asker.put(f"{CLUSTER}?api-version=2022-09-02-preview", a_cluster())
    answer = abort(asker, version="2022-09-02-preview")
    assert (answer.status, answer.body) == (204, b"")
    assert not {"azure-asyncoperation", "location"} & answer.headers.keys()
    cluster = asker.get(CLUSTER)
    assert state(cluster) == "Canceled"
    assert {pool["provisioningState"] for pool in cluster.document["properties"]["agentPoolProfiles"]} == {"Canceled"}
    assert status(asker, victim) == "Canceled"
    assert code(abort(asker, version="2022-09-02-preview")) == (409, "OperationNotAllowed")


def test_an_abort_at_once_outlives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    asker = a_saved_world(tmp_path / "world.json", clock).with_cluster()
    asker.put(USER, {"properties": {"count": 9}})
    assert abort(asker, USER, version="2022-09-02-preview").status == 204
    assert state(a_saved_world(tmp_path / "world.json", clock).get(USER)) == "Canceled"


def test_an_abort_takes_some_seconds() -> None:
    asker = an_asker(durations=recorded).with_group()
    asker.put(CLUSTER, a_cluster())
    aborting = abort(asker)
    asker.later(timedelta(seconds=7))
    assert state(asker.get(CLUSTER)) == "Canceling"
    asker.later(timedelta(seconds=4))
    assert (status(asker, aborting), state(asker.get(CLUSTER))) == ("Succeeded", "Canceled")

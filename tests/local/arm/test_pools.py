"""`agentPools` of the simulator: made, scaled, ranged and deleted, mirrored by the cluster."""

from tests.local.arm.asking import CLUSTER, SYSTEM, USER, a_cluster, a_pool, an_asker, code, state

EXTRA = f"{CLUSTER}/agentPools/extra"


def test_a_new_pool_is_201_and_creating_while_the_cluster_stays_as_it_is() -> None:
    asker = an_asker().with_cluster()
    made = asker.put(EXTRA, {"properties": {"count": 1, "vmSize": "Standard_D4ds_v5"}})
    assert (made.status, state(made)) == (201, "Creating")
    assert made.document["properties"]["mode"] == "User"
    assert "location" not in made.headers
    cluster = asker.get(CLUSTER)
    assert state(cluster) == "Succeeded"
    assert cluster.document["properties"]["agentPoolProfiles"][2]["provisioningState"] == "Creating"
    asker.later()
    assert state(asker.get(EXTRA)) == "Succeeded"


def test_a_scaled_pool_shows_the_wanted_count_at_once_in_both_places() -> None:
    asker = an_asker().with_cluster()
    changed = asker.put(USER, {"properties": {"count": 8}})
    assert (changed.status, state(changed)) == (200, "Updating")
    assert changed.document["properties"]["count"] == 8
    mirrored = asker.get(CLUSTER).document["properties"]["agentPoolProfiles"][1]
    assert (mirrored["count"], mirrored["provisioningState"]) == (8, "Updating")
    asker.later()
    assert state(asker.get(USER)) == "Succeeded"


def test_a_user_pool_may_have_no_nodes_at_all() -> None:
    asker = an_asker().with_cluster()
    assert asker.put(USER, {"properties": {"count": 0}}).document["properties"]["count"] == 0


def test_the_service_not_the_put_brings_the_count_into_the_autoscalers_range() -> None:
    asker = an_asker().with_cluster()
    ranged = asker.put(USER, {"properties": {"enableAutoScaling": True, "minCount": 5, "maxCount": 9, "count": 3}})
    assert ranged.document["properties"]["count"] == 3
    asker.later()
    settled = asker.get(USER).document["properties"]
    assert (settled["count"], settled["minCount"], settled["maxCount"]) == (5, 5, 9)


def test_a_count_changes_nothing_while_the_autoscaler_owns_it() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", count=3, enableAutoScaling=True, minCount=1, maxCount=5)))
    assert asker.put(USER, {"properties": {"count": 4}}).document["properties"]["count"] == 3


def test_switching_the_autoscaler_off_drops_its_range_and_takes_the_count() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", count=3, enableAutoScaling=True, minCount=1, maxCount=5)))
    manual = asker.put(USER, {"properties": {"count": 1, "enableAutoScaling": False}}).document["properties"]
    assert (manual["count"], manual["enableAutoScaling"]) == (1, False)
    assert "minCount" not in manual


def test_labels_and_tags_are_replaced_whole() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(), a_pool("user", nodeLabels={"a": "1", "b": "2"})))
    changed = asker.put(USER, {"properties": {"count": 2, "nodeLabels": {"c": "3"}}})
    assert changed.document["properties"]["nodeLabels"] == {"c": "3"}


def test_pools_are_listed_in_order_of_making() -> None:
    asker = an_asker().with_cluster()
    assert [pool["name"] for pool in asker.get(f"{CLUSTER}/agentPools").document["value"]] == ["system", "user"]


def test_a_deleted_pool_is_deleting_and_then_gone_from_both_places() -> None:
    asker = an_asker().with_cluster()
    deleted = asker.delete(USER)
    assert deleted.status == 202
    assert {"azure-asyncoperation", "location"} <= deleted.headers.keys()
    assert state(asker.get(USER)) == "Deleting"
    asker.later()
    gone = asker.get(USER)
    assert code(gone) == (404, "NotFound")
    assert gone.document["subcode"] == "GetAgentPool_NotFound_HCPServerError"
    assert len(asker.get(CLUSTER).document["properties"]["agentPoolProfiles"]) == 1
    assert asker.delete(USER).status == 204


def test_a_pool_of_no_cluster_is_the_gateways_parent_not_found() -> None:
    asker = an_asker().with_group()
    for method in ("GET", "PUT", "DELETE"):
        assert code(asker.ask(method, USER, {"properties": {"count": 1}})) == (404, "ParentResourceNotFound")


def test_the_last_system_pool_and_the_last_pool_stay() -> None:
    asker = an_asker().with_cluster()
    last = asker.delete(SYSTEM)
    assert code(last) == (400, "OperationNotAllowed")
    assert last.document["message"] == "There has to be at least one system agent pool."
    assert code(asker.put(SYSTEM, {"properties": {"count": 2, "mode": "User"}})) == (400, "MustDefineAtLeastOneSystemPool")
    asker.delete(USER)
    asker.later()
    assert asker.delete(SYSTEM).document["message"] == "There has to be at least one agent pool."


def test_a_pools_name_in_a_path_ignores_case() -> None:
    asker = an_asker().with_cluster()
    assert asker.get(USER.replace("/user", "/USER")).document["name"] == "user"

"""`managedClusters` of the simulator: how they are made, changed, shown and deleted."""

from datetime import timedelta
from typing import Any

import pytest

from tests.local.arm.asking import CLUSTER, CLUSTERS, GROUP, MINUTE, ROOT, SYSTEM, USER, Asker, a_cluster, a_pool, an_asker, code, state


def test_a_new_cluster_is_201_and_creating_everywhere_until_its_time_has_come() -> None:
    asker = an_asker().with_group()
    made = asker.put(CLUSTER, a_cluster())
    assert made.status == 201
    assert state(made) == "Creating"
    assert [pool["provisioningState"] for pool in made.document["properties"]["agentPoolProfiles"]] == ["Creating", "Creating"]
    assert "location" not in made.headers
    assert "retry-after" not in made.headers
    asker.later(MINUTE - timedelta(seconds=1))
    assert state(asker.get(CLUSTER)) == "Creating"
    asker.later(timedelta(seconds=1))
    settled = asker.get(CLUSTER)
    assert state(settled) == "Succeeded"
    assert [pool["provisioningState"] for pool in settled.document["properties"]["agentPoolProfiles"]] == ["Succeeded", "Succeeded"]


def test_the_document_has_the_spellings_and_defaults_of_aks() -> None:
    document = an_asker().with_cluster().get(CLUSTER).document
    assert document["id"].startswith(f"{ROOT}/resourcegroups/group1/providers/Microsoft.ContainerService/managedClusters/")
    assert document["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert document["kind"] == "Base"
    assert document["sku"] == {"name": "Base", "tier": "Free"}
    properties = document["properties"]
    assert properties["nodeResourceGroup"] == "MC_group1_web_centralus"
    assert properties["powerState"] == {"code": "Running"}
    assert properties["fqdn"].startswith("web-")
    assert properties["fqdn"].endswith(".hcp.centralus.azmk8s.io")
    assert properties["maxAgentPools"] == 100
    assert len(properties["resourceUID"]) == 24
    assert properties["networkProfile"]["loadBalancerProfile"]["backendPoolType"] == "nodeIPConfiguration"
    pool = properties["agentPoolProfiles"][0]
    assert (pool["maxPods"], pool["osDiskSizeGB"], pool["osSKU"]) == (250, 128, "Ubuntu")
    assert pool["upgradeSettings"] == {"maxSurge": "10%", "maxUnavailable": "0"}


def test_outbound_addresses_and_the_kubelet_identity_appear_only_after_success() -> None:
    asker = an_asker().with_group()
    early = asker.put(CLUSTER, a_cluster()).document["properties"]
    assert "identityProfile" not in early
    assert "effectiveOutboundIPs" not in early["networkProfile"]["loadBalancerProfile"]
    asker.later()
    settled = asker.get(CLUSTER).document["properties"]
    assert "kubeletidentity" in settled["identityProfile"]
    assert settled["networkProfile"]["loadBalancerProfile"]["effectiveOutboundIPs"]


def test_a_cluster_that_asks_for_no_version_gets_the_minor_before_the_newest_with_its_newest_patch() -> None:
    properties = an_asker().with_cluster().get(CLUSTER).document["properties"]
    assert (properties["kubernetesVersion"], properties["currentKubernetesVersion"]) == ("1.36", "1.36.4")
    pool = properties["agentPoolProfiles"][0]
    assert (pool["orchestratorVersion"], pool["currentOrchestratorVersion"]) == ("1.36", "1.36.4")


def test_a_minor_stands_for_its_newest_patch_and_a_patch_for_itself() -> None:
    for asked, patch in (("1.35", "1.35.6"), ("1.35.4", "1.35.4")):
        properties = an_asker().with_cluster(a_cluster(kubernetesVersion=asked)).get(CLUSTER).document["properties"]
        assert (properties["kubernetesVersion"], properties["currentKubernetesVersion"]) == (asked, patch)


def test_names_in_a_path_ignore_case_and_keep_their_first_spelling() -> None:
    asker = an_asker().with_cluster()
    shouted = asker.get(CLUSTER.replace("resourceGroups/group1", "RESOURCEGROUPS/GROUP1").replace("/web", "/WEB"))
    assert shouted.document["name"] == "web"
    assert asker.put(CLUSTER.replace("/web", "/WEB"), a_cluster()).status == 200


def test_a_put_shows_the_wanted_count_at_once_though_nothing_is_settled() -> None:
    asker = an_asker().with_cluster()
    changed = asker.put(CLUSTER, a_cluster(a_pool(), a_pool("user", count=7)))
    assert changed.status == 200
    assert state(changed) == "Updating"
    user = changed.document["properties"]["agentPoolProfiles"][1]
    assert (user["count"], user["provisioningState"]) == (7, "Updating")
    asker.later()
    assert state(asker.get(CLUSTER)) == "Succeeded"


def test_what_a_put_leaves_out_stays() -> None:
    asker = an_asker().with_cluster({**a_cluster(), "tags": {"team": "a"}})
    asker.put(CLUSTER, {"location": "centralus", "properties": {"agentPoolProfiles": [a_pool(count=4)]}})
    document = asker.get(CLUSTER).document
    assert document["tags"] == {"team": "a"}
    assert document["identity"]["type"] == "SystemAssigned"
    assert [(pool["name"], pool["count"]) for pool in document["properties"]["agentPoolProfiles"]] == [("system", 4), ("user", 3)]


def test_profiles_are_kept_as_they_came_and_unknown_and_read_only_properties_ignored() -> None:
    linux = {"adminUsername": "azureuser", "ssh": {"publicKeys": [{"keyData": "ssh-rsa AAAA"}]}}
    body = a_cluster(linuxProfile=linux, aadProfile={"managed": True}, fqdn="mine", provisioningState="Succeeded", colour="blue")
    properties = an_asker().with_cluster(body).get(CLUSTER).document["properties"]
    assert (properties["linuxProfile"], properties["aadProfile"]) == (linux, {"managed": True})
    assert properties["fqdn"] != "mine"
    assert "colour" not in properties


def test_secrets_are_taken_and_never_shown() -> None:
    windows = {"adminUsername": "azureuser", "adminPassword": "hunter2hunter2"}
    body = a_cluster(servicePrincipalProfile={"clientId": "a", "secret": "hunter2"}, windowsProfile=windows)
    properties = an_asker().with_cluster(body).get(CLUSTER).document["properties"]
    assert properties["servicePrincipalProfile"] == {"clientId": "a"}
    assert properties["windowsProfile"] == {"enableCSIProxy": True, "adminUsername": "azureuser"}


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        ({"linuxProfile": {"adminUsername": "azureuser"}}, "linuxProfile.ssh"),
        ({"windowsProfile": {}}, "windowsProfile.adminUsername"),
    ],
)
def test_a_profile_says_all_that_it_must(profile: dict[str, Any], field: str) -> None:
    answer = an_asker().with_group().put(CLUSTER, a_cluster(**profile))
    assert (answer.status, answer.document["target"]) == (400, f"properties.{field}")


def test_what_was_read_can_be_put_back_unchanged() -> None:
    asker = an_asker().with_cluster()
    before = asker.get(CLUSTER).document
    assert asker.put(CLUSTER, before).status == 200
    asker.later()
    after = asker.get(CLUSTER).document
    for document in (before, after):
        del document["eTag"]
        for pool in document["properties"]["agentPoolProfiles"]:
            del pool["eTag"]
    assert after == before


def test_empty_tags_and_labels_are_echoed_by_the_put_and_left_out_by_reads() -> None:
    asker = an_asker().with_group()
    made = asker.put(CLUSTER, a_cluster(a_pool(tags={}, nodeLabels={})))
    assert made.document["properties"]["agentPoolProfiles"][0]["tags"] == {}
    assert "tags" not in asker.get(CLUSTER).document["properties"]["agentPoolProfiles"][0]


def test_tags_are_patched_at_once_without_an_operation() -> None:
    asker = an_asker().with_cluster()
    tagged = asker.ask("PATCH", CLUSTER, {"tags": {"team": "b"}})
    assert tagged.status == 200
    assert "azure-asyncoperation" not in tagged.headers
    assert (tagged.document["tags"], state(tagged)) == ({"team": "b"}, "Succeeded")
    assert "tags" not in asker.ask("PATCH", CLUSTER, {"tags": {}}).document


def test_lists_by_subscription_and_by_group_show_what_is_there() -> None:
    asker = an_asker().with_cluster()
    other = GROUP.replace("group1", "group2")
    asker.put(other, {"location": "westeurope"})
    asker.put(CLUSTER.replace("group1", "group2"), a_cluster(location="westeurope"))
    assert [cluster["location"] for cluster in asker.get(CLUSTERS).document["value"]] == ["centralus"]
    everywhere = asker.get(f"{ROOT}/providers/Microsoft.ContainerService/managedClusters").document["value"]
    assert [cluster["location"] for cluster in everywhere] == ["centralus", "westeurope"]


def test_every_write_to_a_cluster_changes_its_etag_and_those_of_all_its_pools() -> None:
    asker = an_asker().with_cluster()
    before = _etags(asker)
    asker.ask("PATCH", CLUSTER, {"tags": {"a": "b"}})
    after = _etags(asker)
    assert not set(before) & set(after)
    asker.put(USER, {"properties": {"count": 5}})
    third = _etags(asker)
    assert (third[0], third[1]) == (after[0], after[1])  # a pool's operation touches that pool alone
    assert third[2] != after[2]
    asker.later()
    assert _etags(asker)[2] != third[2]
    asker.put(CLUSTER, a_cluster(a_pool(count=4)))
    fourth = _etags(asker)
    assert not set(third) & set(fourth)  # the pool that the PUT does not name too
    asker.later()
    assert not set(fourth) & set(_etags(asker))


def _etags(asker: Asker) -> list[str]:
    document = asker.get(CLUSTER).document
    return [document["eTag"], *(pool["eTag"] for pool in document["properties"]["agentPoolProfiles"])]


def test_a_deletion_shows_deleting_and_then_aks_own_404_and_at_last_the_gateways() -> None:
    asker = an_asker().with_cluster()
    deleted = asker.delete(CLUSTER)
    assert (deleted.status, deleted.body) == (202, b"")
    assert {"azure-asyncoperation", "location"} <= deleted.headers.keys()
    assert "retry-after" not in deleted.headers
    assert state(asker.get(CLUSTER)) == "Deleting"
    asker.later()
    flat = asker.get(CLUSTER)
    assert (flat.status, flat.document["subcode"]) == (404, "GetManagedCluster_NotFound_HCPServerError")
    asker.later()
    wrapped = asker.get(CLUSTER)
    assert code(wrapped) == (404, "ResourceNotFound")
    assert wrapped.headers["x-ms-failure-cause"] == "gateway"
    assert asker.delete(CLUSTER).status == 204


def test_a_second_deletion_follows_the_first_ones_operation() -> None:
    asker = an_asker().with_cluster()
    first, second = asker.delete(CLUSTER), asker.delete(CLUSTER)
    assert second.status == 202
    assert first.headers["azure-asyncoperation"] == second.headers["azure-asyncoperation"]


def test_a_deletion_overtakes_what_is_in_flight_which_ends_failed() -> None:
    asker = an_asker().with_cluster()
    scaled = asker.put(USER, {"properties": {"count": 5}})
    asker.later(timedelta(seconds=10))
    assert asker.delete(CLUSTER).status == 202
    status = asker.get(scaled.headers["azure-asyncoperation"]).document
    assert (status["status"], status["error"]["code"]) == ("Failed", "AKSOperationPreemptedByDelete")


def test_a_deletion_while_another_write_is_being_saved_meets_an_etag_mismatch() -> None:
    asker = an_asker().with_group()
    asker.put(CLUSTER, a_cluster())
    assert code(asker.delete(CLUSTER)) == (409, "EtagMismatch")
    asker.later(timedelta(seconds=3))
    assert asker.delete(CLUSTER).status == 202


def test_a_deleted_cluster_can_be_made_again_and_is_another_one() -> None:
    asker = an_asker().with_cluster()
    first = asker.get(CLUSTER).document["properties"]["resourceUID"]
    asker.delete(CLUSTER)
    asker.later()
    assert asker.put(CLUSTER, a_cluster()).status == 201
    assert asker.get(CLUSTER).document["properties"]["resourceUID"] != first


def test_a_new_version_upgrades_the_cluster_and_shows_the_target_at_once() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.35"))
    pools = [a_pool(orchestratorVersion="1.36"), a_pool("user", count=3, orchestratorVersion="1.36")]
    changed = asker.put(CLUSTER, a_cluster(*pools, kubernetesVersion="1.36"))
    assert (changed.status, state(changed)) == (200, "Upgrading")
    properties = changed.document["properties"]
    assert properties["currentKubernetesVersion"] == "1.36.4"
    assert [pool["provisioningState"] for pool in properties["agentPoolProfiles"]] == ["Upgrading", "Upgrading"]


@pytest.mark.parametrize(
    ("here", "wanted", "expected"),
    [
        ("1.36", "1.35", (400, "OperationNotAllowed")),
        ("1.34", "1.36", (400, "AgentPoolUpgradeVersionNotAllowed")),
        ("1.36", "1.99", (400, "AgentPoolK8sVersionNotSupported")),
    ],
)
def test_an_upgrade_neither_goes_back_nor_jumps_nor_leaves_the_catalogue(here: str, wanted: str, expected: tuple[int, str]) -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion=here))
    assert code(asker.put(CLUSTER, a_cluster(kubernetesVersion=wanted))) == expected


def test_offered_versions_are_listed_under_values_with_exactly_one_default() -> None:
    url = f"{ROOT}/providers/Microsoft.ContainerService/locations/centralus/kubernetesVersions"
    values = an_asker().get(url).document["values"]
    assert {value["version"] for value in values} == {"1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"}
    assert [value["version"] for value in values if value.get("isDefault")] == ["1.36"]
    plans = {value["version"]: value["capabilities"]["supportPlan"] for value in values}
    assert plans["1.33"] == ["AKSLongTermSupport"]
    patches = {value["version"]: value["patchVersions"] for value in values}
    assert patches["1.35"]["1.35.4"]["upgrades"] == ["1.35.6", "1.36.2", "1.36.4"]
    assert patches["1.37"]["1.37.1"]["upgrades"] == []


def test_the_newest_patch_has_not_arrived_in_every_region() -> None:
    url = f"{ROOT}/providers/Microsoft.ContainerService/locations/japanwest/kubernetesVersions"
    offered = {value["version"]: set(value["patchVersions"]) for value in an_asker().get(url).document["values"]}
    assert offered["1.37"] == {"1.37.0"}


def test_a_pool_of_the_cluster_is_found_under_its_own_address_too() -> None:
    asker = an_asker().with_cluster()
    mirrored = asker.get(CLUSTER).document["properties"]["agentPoolProfiles"][0]
    alone = asker.get(SYSTEM).document
    assert alone["type"] == "Microsoft.ContainerService/managedClusters/agentPools"
    assert {**alone["properties"], "name": alone["name"]} == mirrored

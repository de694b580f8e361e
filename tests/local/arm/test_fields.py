"""What AKS reads of a body: unknown names are dropped, wrong types and unknown words refused, and what is never shown is not."""

from typing import Any

import pytest

from local.arm import fields
from local.arm.refusals import Refused
from local.arm.wire import Json
from tests.local.arm.asking import CLUSTER, GROUP, SYSTEM, USER, Asker, a_cluster, a_pool, an_asker, code


def test_unknown_names_and_nulls_are_dropped_at_every_depth() -> None:
    body = {
        "location": "centralus",
        "colour": "blue",
        "tags": None,
        "sku": {"tier": "Free", "size": "big"},
        "properties": {"dnsPrefix": "web", "autoUpgradeProfile": {"upgradeChannel": "stable", "pace": 1}, "fqdn": "mine"},
    }
    assert fields.known(body, fields.CLUSTER, "ManagedCluster") == {
        "location": "centralus",
        "sku": {"tier": "Free"},
        "properties": {"dnsPrefix": "web", "autoUpgradeProfile": {"upgradeChannel": "stable"}},
    }


@pytest.mark.parametrize(
    ("pool", "field", "go"),
    [
        ({"count": "2"}, "count", "int32"),
        ({"count": 2.5}, "count", "int32"),
        ({"count": True}, "count", "int32"),
        ({"enableFIPS": 1}, "enableFIPS", "bool"),
        ({"spotMaxPrice": "dear"}, "spotMaxPrice", "float64"),
        ({"vmSize": []}, "vmSize", "string"),
        ({"nodeTaints": "a"}, "nodeTaints", "[]string"),
        ({"nodeTaints": ["a", 1]}, "nodeTaints", "string"),
        ({"nodeLabels": {"a": None}}, "nodeLabels.a", "string"),
        ({"tags": []}, "tags", "map"),
        ({"upgradeSettings": {"drainTimeoutInMinutes": "30"}}, "upgradeSettings.drainTimeoutInMinutes", "int32"),
        ({"kubeletConfig": "a"}, "kubeletConfig", "map"),
        ({"osSKU": 1}, "osSKU", "string"),
    ],
)
def test_a_wrong_type_is_refused_with_the_field_and_the_type(pool: Json, field: str, go: str) -> None:
    with pytest.raises(Refused) as refused:
        fields.known(pool, fields.POOL, "Pool")
    body = refused.value.answer.document
    assert (refused.value.answer.status, body["code"]) == (400, "UnmarshalError")
    assert body["message"].endswith(f"into Go struct field Pool.{field} of type {go}.")


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-23", "2026-11-23T12:00:00"])
def test_an_instant_needs_a_date_a_time_and_a_zone(until: str) -> None:
    def override(instant: str) -> Json:
        return {"properties": {"upgradeSettings": {"overrideSettings": {"until": instant}}}}

    with pytest.raises(Refused):
        fields.known(override(until), fields.CLUSTER, "ManagedCluster")
    assert fields.known(override("2026-11-23T12:00:00.5Z"), fields.CLUSTER, "ManagedCluster") == override("2026-11-23T12:00:00.5Z")


def test_a_word_is_read_in_any_case_and_written_as_aks_writes_it() -> None:
    assert fields.known({"osSKU": "ubuntu", "scaleDownMode": ""}, fields.POOL, "Pool") == {"osSKU": "Ubuntu"}
    with pytest.raises(Refused) as refused:
        fields.known({"osSKU": "BeOS"}, fields.POOL, "ManagedClusterAgentPoolProfile")
    assert refused.value.answer.document["target"] == "agentPoolProfile.osSKU"


# ---------------------------------------------------------------------------------------------------------- what comes of it, as recorded


def properties(asker: Asker, url: str = CLUSTER) -> Json:
    found: Json = asker.get(url).document["properties"]
    return found


def test_what_only_says_the_default_changes_nothing() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool(osDiskSizeGB=0, orchestratorVersion=""), kubernetesVersion=""))
    pool = properties(asker, SYSTEM)
    assert (pool["osDiskSizeGB"], pool["orchestratorVersion"]) == (128, properties(asker)["kubernetesVersion"])
    assert asker.put(SYSTEM, {"properties": {"count": 3, "osDiskSizeGB": 0, "orchestratorVersion": ""}}).status == 200


def test_spot_settings_are_shown_of_spot_pools_only() -> None:
    settings: dict[str, Any] = {"scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1.0}
    regular = a_pool("user", count=1, scaleSetPriority="Regular", **settings)
    spot = a_pool("spot", count=1, scaleSetPriority="Spot", **settings)
    asker = an_asker().with_cluster(a_cluster(a_pool(), regular, spot))
    assert not {"scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice"} & properties(asker, USER).keys()
    assert properties(asker, f"{CLUSTER}/agentPools/spot").items() >= {"scaleSetPriority": "Spot", **settings}.items()


def test_a_cluster_with_a_service_principal_has_no_identity_of_its_kubelets() -> None:
    body = a_cluster(servicePrincipalProfile={"clientId": "a", "secret": "b"})
    asker = an_asker().with_cluster({name: value for name, value in body.items() if name != "identity"})
    assert "identityProfile" not in properties(asker)
    assert "identityProfile" in properties(an_asker().with_cluster())


@pytest.mark.parametrize(
    ("network", "pods"),
    [
        ({}, True),
        ({"networkPlugin": "kubenet"}, True),
        ({"networkPlugin": "azure", "networkPluginMode": "overlay"}, True),
        ({"networkPlugin": "azure"}, False),
    ],
)
def test_pods_have_a_range_of_their_own_only_where_they_are_not_in_the_subnet(network: Json, *, pods: bool) -> None:
    shown = properties(an_asker().with_cluster(a_cluster(networkProfile=network)))["networkProfile"]
    assert {"podCidr", "podCidrs"} <= shown.keys() if pods else not {"podCidr", "podCidrs"} & shown.keys()


def test_an_addon_shows_its_settings_though_there_are_none_and_has_an_identity_once_it_runs() -> None:
    asker = an_asker().with_group()
    made = asker.put(CLUSTER, a_cluster(addonProfiles={"azurepolicy": {"enabled": True}, "other": {"enabled": False}}))
    assert made.document["properties"]["addonProfiles"]["azurepolicy"] == {"config": None, "enabled": True}
    asker.later()
    shown = properties(asker)["addonProfiles"]
    assert shown["azurepolicy"]["identity"].keys() == {"resourceId", "clientId", "objectId"}
    assert shown["other"] == {"config": None, "enabled": False}
    asker.put(CLUSTER, a_cluster(addonProfiles={}))
    assert properties(asker)["addonProfiles"] == shown


def test_a_dns_zone_that_is_not_there_is_refused() -> None:
    zone = "/subscriptions/s/resourcegroups/g/providers/Microsoft.Network/dnsZones/example.com"
    asker = an_asker().with_group()
    for routing in ({"dnsZoneResourceIds": [zone]}, {"dnsZoneResourceId": zone}):
        refused = asker.put(CLUSTER, a_cluster(ingressProfile={"webAppRouting": {"enabled": True, **routing}}))
        assert code(refused) == (400, "BadRequest")
        assert refused.document["subcode"] == "WebAppRoutingDNSZoneNotFound"
    assert asker.put(CLUSTER, a_cluster(ingressProfile={"webAppRouting": {"enabled": True}})).status == 201


def test_in_a_group_that_is_gone_a_pools_deletion_misses_the_cluster_and_a_clusters_the_group() -> None:
    asker = an_asker()
    assert code(asker.delete(CLUSTER)) == (404, "ResourceGroupNotFound")
    assert code(asker.delete(USER)) == (404, "ResourceNotFound")
    assert code(asker.get(USER)) == (404, "ResourceGroupNotFound")
    assert code(asker.delete(GROUP)) == (404, "ResourceGroupNotFound")

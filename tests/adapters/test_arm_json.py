"""ARM's JSON and our nouns: every recorded cluster and pool is read, and what we write is what the API's description knows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.adapters.arm_json import cluster_body, cluster_of, group_of, pool_of, provider_of, ref_of
from shared.adapters.arm_versions import offer_of, offered_of
from shared.model.clusters import TERMINAL_STATES, ClusterRef, Group, NodePool, OsType, PoolMode, PowerState, Provider, Range
from shared.model.plans import MakeCluster
from shared.model.versions import Offer
from tests.builders import WEB, a_spec, an_offer

Json = dict[str, Any]
PROFILE: Json = {
    "name": "user",
    "count": 2,
    "vmSize": "Standard_D4s_v5",
    "mode": "User",
    "osType": "Linux",
    "provisioningState": "Succeeded",
}
MAKE = MakeCluster(
    location="westeurope",
    version="1.35",
    tier="Standard",
    dns_prefix="web",
    pools=(
        a_spec(os_disk_gb=256, max_pods=60, zones=("1", "2")),
        a_spec("win", mode=PoolMode.USER, os=OsType.WINDOWS, autoscale=Range(min=1, max=5), labels={"a": "b"}, taints=("a=b:NoSchedule",)),
    ),
    tags={"owner": "team-a"},
)


# ---- recorded traffic


def exchanges(conformance: Path) -> Iterator[Json]:
    for file in sorted((conformance / "aks-traffic").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            if exchange["method"] in {"GET", "PUT"} and exchange["status"] in {200, 201} and isinstance(exchange["response_body"], dict):
                yield exchange


def segments(exchange: Json) -> list[str]:
    return [part.lower() for part in urlsplit(exchange["url"]).path.strip("/").split("/")]


def test_every_recorded_cluster_is_read_whole(conformance: Path) -> None:
    read = 0
    for exchange in exchanges(conformance):
        parts = segments(exchange)
        if parts[-2] != "managedclusters":
            continue
        body = exchange["response_body"]
        cluster = cluster_of(body)
        assert cluster == replace(cluster_of(body, cluster.ref), ref=cluster.ref)
        assert cluster.ref.key == f"{parts[1]}/{parts[3]}/{parts[7]}"
        assert cluster.version == body["properties"]["kubernetesVersion"]
        assert cluster.state == body["properties"]["provisioningState"]
        assert cluster.location == body["location"]
        assert [pool.name for pool in cluster.pools] == [profile["name"] for profile in body["properties"]["agentPoolProfiles"]]
        assert [pool.count for pool in cluster.pools] == [profile["count"] for profile in body["properties"]["agentPoolProfiles"]]
        assert all(pool.vm_size and pool.version for pool in cluster.pools)
        assert cluster.busy == (not {cluster.state, *(pool.state for pool in cluster.pools)} <= TERMINAL_STATES)
        read += 1
    assert read > 40


def test_a_recorded_cluster_keeps_its_uid_whatever_is_done_with_it(conformance: Path) -> None:
    """Its own name tells it from a later one of the same id, so an operation in flight rests on that name not changing."""
    found: dict[str, list[str]] = {}
    for exchange in exchanges(conformance):
        if segments(exchange)[-2] == "managedclusters":
            cluster = cluster_of(exchange["response_body"])
            if cluster.uid is not None:
                found.setdefault(cluster.ref.key, []).append(cluster.uid)
    assert max(map(len, found.values())) > 5
    assert [len(set(uids)) for uids in found.values()] == [1] * len(found)


def test_every_recorded_pool_is_read_whole_and_alike_in_its_cluster(conformance: Path) -> None:
    read, stopped, windows = 0, 0, 0
    for exchange in exchanges(conformance):
        if segments(exchange)[-2] != "agentpools":
            continue
        body = exchange["response_body"]
        pool = pool_of({**body["properties"], "name": body["name"]})
        assert pool.name == segments(exchange)[-1]
        assert (pool.count, pool.state) == (body["properties"]["count"], body["properties"]["provisioningState"])
        read += 1
        stopped += pool.power is PowerState.STOPPED
        windows += pool.os is OsType.WINDOWS
    assert read > 25
    assert stopped
    assert windows


def test_every_recorded_list_of_pools_and_group_is_read(conformance: Path) -> None:
    lists, groups = 0, 0
    for exchange in exchanges(conformance):
        parts = segments(exchange)
        if parts[-1] == "agentpools":
            lists += 1
            for item in exchange["response_body"]["value"]:
                assert isinstance(pool_of({**item["properties"], "name": item["name"]}), NodePool)
        if len(parts) == 4 and parts[2] == "resourcegroups":
            groups += 1
            assert group_of(exchange["response_body"]).state == "Succeeded"
    assert lists
    assert groups


def test_every_recorded_offer_to_a_cluster_is_read(conformance: Path) -> None:
    read, offered = 0, 0
    for exchange in exchanges(conformance):
        parts = segments(exchange)
        if parts[-2:] != ["upgradeprofiles", "default"] or parts[-4] != "managedclusters":
            continue
        upgrades = exchange["response_body"]["properties"]["controlPlaneProfile"].get("upgrades") or []
        offer = offer_of(exchange["response_body"])
        assert {str(target.version): target.preview for target in offer.targets} == {
            item["kubernetesVersion"]: bool(item.get("isPreview")) for item in upgrades
        }
        read += 1
        offered += len(upgrades)
    assert read
    assert offered


def test_what_a_real_region_offered_is_read_whole_and_newest_first(conformance: Path) -> None:
    document = json.loads((conformance / "spec-examples" / "REAL_kubernetesVersions_westus2_2023-06-25.json").read_text(encoding="utf-8"))
    found = offered_of(document)
    assert [str(item.version) for item in found] == ["1.27.1", "1.26.3", "1.26.0", "1.25.6", "1.25.5", "1.24.10", "1.24.9"]
    assert {str(item.version): [str(version) for version in item.upgrades] for item in found}["1.25.5"] == ["1.25.6", "1.26.0", "1.26.3"]
    assert found[0].plans == ("KubernetesOfficial", "AKSLongTermSupport")
    assert {item.plans for item in found[1:]} == {("KubernetesOfficial",)}
    assert not any(item.default or item.preview for item in found)


def test_the_apis_own_examples_of_versions_and_offers_are_read(conformance: Path) -> None:
    examples = conformance / "spec-examples"
    versions = json.loads((examples / "KubernetesVersions_List.json").read_text(encoding="utf-8"))["responses"]["200"]["body"]
    minors = {minor["version"]: minor for minor in versions["values"]}
    found = offered_of(versions)
    assert sum(len(minor["patchVersions"]) for minor in minors.values()) == len(found)
    assert all(item.preview == bool(minors[item.version.family].get("isPreview")) for item in found)
    offer = json.loads((examples / "ManagedClustersGetUpgradeProfile@2026-06-01.json").read_text(encoding="utf-8"))["responses"]["200"][
        "body"
    ]
    assert offer_of(offer) == an_offer("1.7.11", previews=("1.7.9",))


# ---- the description of the API


def properties_of(definitions: Json, name: str) -> Json:
    """Every property of a definition, its parents' too."""
    definition = definitions[name]
    found: Json = dict(definition.get("properties", {}))
    for parent in definition.get("allOf", ()):
        found |= properties_of(definitions, parent["$ref"].rsplit("/", 1)[1])
    return found


def faults(definitions: Json, schema: Json, value: Any, where: str) -> list[str]:
    """What of a body the API's description does not know, or knows as something that only Azure writes."""
    if schema.get("readOnly"):
        return [f"{where} is read-only"]
    name = schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None
    if name is not None and ("properties" in definitions[name] or "allOf" in definitions[name]):
        known = properties_of(definitions, name)
        found = [f"{where}.{key} is not known" for key in value.keys() - known.keys()]
        return found + [
            text for key in value.keys() & known.keys() for text in faults(definitions, known[key], value[key], f"{where}.{key}")
        ]
    if name is not None:
        return faults(definitions, definitions[name], value, where)
    kinds: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    wanted = kinds[schema["type"]]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        return [f"{where} is {value!r}, want {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where} is {value!r}, want one of {schema['enum']}"]
    if wanted is list:
        return [text for n, item in enumerate(value) for text in faults(definitions, schema["items"], item, f"{where}[{n}]")]
    return []


@pytest.fixture
def definitions(conformance: Path) -> Json:
    document: Json = json.loads((conformance / "spec" / "managedClusters.2026-08-01.fromsdk.json").read_text(encoding="utf-8"))
    found: Json = document["definitions"]
    return found


@pytest.mark.parametrize("action", [MAKE, replace(MAKE, version=None, tags={}, pools=(a_spec(),), tier="Premium")], ids=["full", "least"])
def test_what_is_sent_to_make_a_cluster_is_what_the_api_knows(definitions: Json, action: MakeCluster) -> None:
    assert faults(definitions, {"$ref": "#/definitions/ManagedCluster"}, cluster_body(action), "body") == []


def test_the_check_against_the_description_finds_what_is_wrong(definitions: Json) -> None:
    body = cluster_body(MAKE)
    body["sku"]["tier"] = "Gratis"
    body["properties"]["provisioningState"] = "Succeeded"
    body["properties"]["agentPoolProfiles"][0]["nodeCount"] = 3
    body["properties"]["agentPoolProfiles"][1]["count"] = "3"
    assert len(faults(definitions, {"$ref": "#/definitions/ManagedCluster"}, body, "body")) == 4


# ---- what is written


def test_a_cluster_is_asked_for_with_everything_that_was_wanted_and_nothing_more() -> None:
    assert cluster_body(MAKE) == {
        "location": "westeurope",
        "tags": {"owner": "team-a"},
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Standard"},
        "properties": {
            "dnsPrefix": "web",
            "kubernetesVersion": "1.35",
            "agentPoolProfiles": [
                {
                    "name": "system",
                    "mode": "System",
                    "osType": "Linux",
                    "vmSize": "Standard_D4s_v5",
                    "count": 1,
                    "type": "VirtualMachineScaleSets",
                    "enableAutoScaling": False,
                    "osDiskSizeGB": 256,
                    "maxPods": 60,
                    "availabilityZones": ["1", "2"],
                },
                {
                    "name": "win",
                    "mode": "User",
                    "osType": "Windows",
                    "vmSize": "Standard_D4s_v5",
                    "count": 1,
                    "type": "VirtualMachineScaleSets",
                    "enableAutoScaling": True,
                    "minCount": 1,
                    "maxCount": 5,
                    "nodeLabels": {"a": "b"},
                    "nodeTaints": ["a=b:NoSchedule"],
                },
            ],
        },
    }


def test_a_version_that_was_left_to_aks_is_not_sent() -> None:
    assert "kubernetesVersion" not in cluster_body(replace(MAKE, version=None))["properties"]


def test_the_same_action_is_the_same_body_to_the_byte() -> None:
    assert json.dumps(cluster_body(MAKE)) == json.dumps(cluster_body(replace(MAKE)))


# ---- what is read


@pytest.mark.parametrize("spelling", ["resourceGroups", "resourcegroups", "ResourceGroups"])
def test_a_reference_is_read_however_azure_spells_the_id(spelling: str) -> None:
    identity = f"/subscriptions/ABC/{spelling}/Prod-RG/providers/Microsoft.ContainerService/ManagedClusters/Web"
    assert ref_of({"id": identity}) == ClusterRef(subscription="abc", group="Prod-RG", name="Web")


@pytest.mark.parametrize("identity", ["", "/subscriptions/abc", None, 5, "/subscriptions/a/resourceGroups/b/providers/x/y/"])
def test_an_id_that_is_none_is_a_value_error(identity: object) -> None:
    with pytest.raises(ValueError, match="without a usable id"):
        ref_of({"id": identity})


def test_null_and_missing_are_the_same_for_everything_that_may_be_missing() -> None:
    names = (
        "kubernetesVersion",
        "currentKubernetesVersion",
        "provisioningState",
        "powerState",
        "agentPoolProfiles",
        "fqdn",
        "eTag",
        "resourceUID",
    )
    nulls = cluster_of({"location": None, "tags": None, "eTag": None, "properties": dict.fromkeys(names)}, WEB)
    missing = cluster_of({}, WEB)
    assert nulls == missing == cluster_of({"properties": None}, WEB)
    assert (missing.version, missing.state, missing.power, missing.pools, missing.tags) == ("", "Unknown", PowerState.RUNNING, (), {})
    assert not missing.settled
    assert missing.busy
    least = ("count", "vmSize", "mode", "osType", "provisioningState", "powerState", "enableAutoScaling", "minCount", "maxCount")
    assert pool_of({"name": "x", **dict.fromkeys(least)}) == pool_of({"name": "x"})


def test_values_that_nobody_here_knows_are_read_as_the_plainer_kind() -> None:
    pool = pool_of({**PROFILE, "mode": "Gateway", "osType": "Plan9", "provisioningState": "Dreaming", "news": {"a": 1}})
    assert (pool.mode, pool.os, pool.state) == (PoolMode.USER, OsType.LINUX, "Dreaming")


def test_case_does_not_matter_to_words_of_azures() -> None:
    pool = pool_of({**PROFILE, "mode": "SYSTEM", "osType": "windows", "powerState": {"code": "stopped"}})
    assert (pool.mode, pool.os, pool.power) == (PoolMode.SYSTEM, OsType.WINDOWS, PowerState.STOPPED)


def test_limits_count_only_while_the_autoscaler_is_on() -> None:
    assert pool_of({**PROFILE, "enableAutoScaling": True, "minCount": 1, "maxCount": 5}).autoscale == Range(min=1, max=5)
    assert pool_of({**PROFILE, "enableAutoScaling": False, "minCount": 1, "maxCount": 5}).autoscale is None


def test_the_version_that_runs_comes_before_the_one_that_was_asked_for() -> None:
    assert pool_of({**PROFILE, "orchestratorVersion": "1.35", "currentOrchestratorVersion": "1.35.4"}).version == "1.35.4"
    assert pool_of({**PROFILE, "orchestratorVersion": "1.35"}).version == "1.35"


def test_a_private_clusters_address_and_an_etag_in_either_place_are_found() -> None:
    cluster = cluster_of({"eTag": "outer", "properties": {"privateFQDN": "web.private", "eTag": "inner", "resourceUID": "u"}}, WEB)
    assert (cluster.fqdn, cluster.etag, cluster.uid) == ("web.private", "outer", "u")
    assert cluster_of({"properties": {"eTag": "inner"}}, WEB).etag == "inner"


def test_groups_and_providers_are_read() -> None:
    assert group_of({"name": "rg", "location": "westeurope", "properties": {"provisioningState": "Deleting"}}) == Group(
        name="rg", location="westeurope", state="Deleting"
    )
    assert group_of({"name": "rg", "location": "x", "properties": {"provisioningState": None}}).state == "Unknown"
    assert provider_of({"namespace": "N", "registrationState": "Registering"}) == Provider(namespace="N", state="Registering")
    assert provider_of({}).state == "Unknown"


def test_node_auto_provisioning_and_the_machines_of_a_pool_are_seen() -> None:
    for mode, auto in (("Auto", True), ("auto", True), ("Manual", False), ("", False), (None, False)):
        assert cluster_of({"properties": {"nodeProvisioningProfile": {"mode": mode}}}, WEB).auto_provisioned is auto
    assert not cluster_of({"properties": {"nodeProvisioningProfile": None}}, WEB).auto_provisioned
    assert pool_of({**PROFILE, "type": "AvailabilitySet"}).type == "AvailabilitySet"
    assert pool_of({**PROFILE, "type": None}).type == pool_of(PROFILE).type == "VirtualMachineScaleSets"


# ---- versions


def upgrades(*items: Json | None) -> Json:
    return {"properties": {"controlPlaneProfile": {"kubernetesVersion": "1.35.4", "upgrades": list(items)}, "agentPoolProfiles": None}}


def test_an_offer_is_put_in_order_and_a_preview_is_known() -> None:
    document = upgrades(
        {"kubernetesVersion": "1.36.10"},
        {"kubernetesVersion": "1.36.9", "isPreview": False},
        {"kubernetesVersion": "1.37.0", "isPreview": True},
    )
    assert offer_of(document) == an_offer("1.36.9", "1.36.10", previews=("1.37.0",))
    assert [str(target.version) for target in offer_of(document).targets] == ["1.36.9", "1.36.10", "1.37.0"]


@pytest.mark.parametrize("profile", [{}, {"upgrades": None}, {"upgrades": []}])
def test_where_there_is_nothing_newer_the_offer_is_empty(profile: Json) -> None:
    assert offer_of({"properties": {"controlPlaneProfile": {"kubernetesVersion": "1.35.4", **profile}}}) == Offer(targets=())


NO_OFFERS: list[Json] = [
    {}, {"properties": None}, {"properties": {}},
    {"properties": {"controlPlaneProfile": None}}, {"properties": {"controlPlaneProfile": 5}},
    upgrades(None), upgrades({}), upgrades({"kubernetesVersion": "1.36"}), upgrades({"kubernetesVersion": None}),
]  # fmt: skip


@pytest.mark.parametrize("document", NO_OFFERS, ids=str)
def test_what_is_no_offer_is_never_an_empty_one(document: Json) -> None:
    """An empty offer means that there is nothing to upgrade to, which somebody would believe."""
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        offer_of(document)


def minor(version: str, *patches: str, **facts: object) -> Json:
    return {
        "version": version,
        "capabilities": {"supportPlan": ["KubernetesOfficial"]},
        "patchVersions": {patch: {"upgrades": ["1.37.1", "1.37.0"]} for patch in patches},
        **facts,
    }


def test_a_regions_default_is_the_newest_patch_of_its_default_minor() -> None:
    document = {"values": [minor("1.36", "1.36.9", "1.36.10", "1.36.2", isDefault=True), minor("1.37", "1.37.0", isPreview=True)]}
    found = offered_of(document)
    assert [(str(item.version), item.default, item.preview) for item in found] == [
        ("1.37.0", False, True), ("1.36.10", True, False), ("1.36.9", False, False), ("1.36.2", False, False),
    ]  # fmt: skip
    assert [str(version) for version in found[1].upgrades] == ["1.37.0", "1.37.1"]


def test_a_minor_of_which_little_is_said_is_read_all_the_same() -> None:
    least = {"version": "1.36", "patchVersions": {"1.36.1": None, "1.36.2": {}, "1.36.3": {"upgrades": None}}, "capabilities": None}
    assert [(str(item.version), item.plans, item.upgrades) for item in offered_of({"values": [least, {"version": "1.35"}]})] == [
        (f"1.36.{patch}", (), ()) for patch in (3, 2, 1)
    ]
    assert offered_of({"values": None}) == offered_of({"values": []}) == ()


@pytest.mark.parametrize("document", [{}, {"value": []}, {"values": 5}, {"values": ["x"]}, {"values": [minor("1.36", "1.36")]}], ids=str)
def test_what_is_no_list_of_versions_is_never_an_empty_one(document: Json) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        offered_of(document)

"""Bodies as the Azure CLI 2.91 sends them: what it leaves empty is what it leaves to Azure."""

import base64

from local.arm.wire import Json
from tests.local.arm.asking import CLUSTER, SYSTEM, USER, Asker, an_asker


def a_create(**network: str) -> Json:
    pool: Json = {"name": "system", "orchestratorVersion": "", "vmSize": "", "count": 3, "mode": "System", "upgradeSettings": {}}
    properties = {
        "agentPoolProfiles": [{**pool, "scaleSetPriority": "Regular", "nodeTaints": [], "type": "VirtualMachineScaleSets"}],
        "kubernetesVersion": "",
        "dnsPrefix": "web-group1-000000",
        "networkProfile": {"loadBalancerSku": "standard", "outboundType": "loadBalancer", **network},
        "addonProfiles": {},
        "storageProfile": {},
    }
    identity, sku = {"type": "SystemAssigned"}, {"name": "Base", "tier": "Free"}
    return {"location": "centralus", "identity": identity, "sku": sku, "properties": properties}


def made(body: Json) -> tuple[Asker, Json]:
    asker = an_asker().with_cluster(body)
    properties: Json = asker.get(CLUSTER).document["properties"]
    return asker, properties


def test_an_empty_size_and_an_empty_version_are_chosen_by_azure() -> None:
    _, properties = made(a_create())
    (pool,) = properties["agentPoolProfiles"]
    assert pool["vmSize"].startswith("Standard_")
    assert pool["orchestratorVersion"] == properties["kubernetesVersion"] != ""


def test_a_network_without_a_plugin_is_an_overlay_whatever_else_is_said_about_it() -> None:
    _, properties = made(a_create())
    network = properties["networkProfile"]
    assert (network["networkPlugin"], network["networkPluginMode"], network["podCidr"]) == ("azure", "overlay", "10.244.0.0/16")
    assert properties["agentPoolProfiles"][0]["maxPods"] == 250


def test_a_plugin_that_is_named_is_taken_as_it_is() -> None:
    _, properties = made(a_create(networkPlugin="azure"))
    assert "networkPluginMode" not in properties["networkProfile"]
    assert properties["agentPoolProfiles"][0]["maxPods"] == 30


def test_an_added_pool_without_a_size_gets_one_and_keeps_it() -> None:
    asker, _ = made(a_create())
    assert asker.put(USER, {"properties": {"count": 1, "mode": "User", "vmSize": "", "orchestratorVersion": ""}}).status == 201
    asker.later()
    size = asker.get(USER).document["properties"]["vmSize"]
    assert size.startswith("Standard_")
    assert asker.put(USER, {"properties": {"count": 2, "mode": "User", "vmSize": ""}}).status == 200
    asker.later()
    assert asker.get(USER).document["properties"]["vmSize"] == size
    assert asker.get(SYSTEM).status == 200


def test_both_kubeconfigs_name_their_context_after_the_cluster_and_the_cli_tells_them_apart() -> None:
    asker, _ = made(a_create())
    for role in ("Admin", "User"):
        (config,) = asker.ask("POST", f"{CLUSTER}/listCluster{role}Credential").document["kubeconfigs"]
        text = base64.b64decode(config["value"]).decode()
        assert "\ncurrent-context: web\n" in text
        assert f"    user: cluster{role}_group1_web\n  name: web\n" in text

"""The JSON that AKS shows: how a cluster and its pools look when they are made, changed and read, after recordings of 2026.

Whatever a client sent and the service does not decide is kept as it came; which values are allowed is the business of `rules`.
"""

from datetime import UTC, datetime

from local.arm import catalogue, refusals
from local.arm.call import Call
from local.arm.chance import Chance
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json

_FIRST = (
    *("name", "count", "vmSize", "osDiskSizeGB", "osDiskType", "kubeletDiskType", "maxPods", "type", "availabilityZones", "maxCount"),
    *("minCount", "enableAutoScaling", "scaleDownMode", "provisioningState", "powerState", "orchestratorVersion"),
    *("currentOrchestratorVersion", "enableNodePublicIP", "tags", "nodeLabels", "nodeTaints", "mode", "osType", "osSKU"),
    *("nodeImageVersion", "upgradeSettings", "enableFIPS", "securityProfile"),
)

_READ_ONLY_CLUSTER = {
    "provisioningState",
    "powerState",
    "currentKubernetesVersion",
    "fqdn",
    "azurePortalFQDN",
    "privateFQDN",
    "maxAgentPools",
    "resourceUID",
    "identityProfile",
    "agentPoolProfiles",
    "status",
}
_READ_ONLY_POOL = {
    "eTag",
    "name",
    "provisioningState",
    "powerState",
    "currentOrchestratorVersion",
    "nodeImageVersion",
    "virtualMachineNodesStatus",
    "status",
}

STATES = {
    "create": "Creating",
    "update": "Updating",
    "scale": "Updating",
    "upgrade": "Upgrading",
    "upgrade_image": "UpgradingNodeImageVersion",
    "stop": "Stopping",
    "start": "Starting",
    "delete": "Deleting",
    "abort": "Canceling",
}
"""The provisioning state while an operation of each verb runs."""


def seven(moment: datetime) -> str:
    """An instant as ARM writes them: UTC, seven decimals."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def merged(old: Json, wanted: Json) -> Json:
    """What a PUT makes of a document: what is absent or null keeps its value; objects merge, everything else is replaced.

    Raises Refused where a value is not of the JSON type that the document has there.
    """
    result = dict(old)
    for name, value in wanted.items():
        if value is None:
            continue
        known = old.get(name)
        if known is not None and type(known) is not type(value):
            raise Refused(refusals.unmarshalled(name, value, type(known).__name__))
        result[name] = merged(known or {}, value) if isinstance(value, dict) else value
    return result


def _replaced(old: Json, wanted: Json, names: tuple[str, ...]) -> Json:
    """As `merged`, but these objects are replaced whole: a key left out of tags or labels is gone."""
    result = merged(old, wanted)
    for name in names:
        if isinstance(wanted.get(name), dict):
            result[name] = dict(wanted[name])
    return result


# -------------------------------------------------------------------------------------------------------------------------- pools


def new_pool(call: Call, name: str, wanted: Json, *, version: str, patch: str, location: str, network: Json) -> Json:
    """The profile of a pool that is being made, all defaults filled in."""
    os_type = wanted.get("osType") or "Linux"
    asked = wanted.get("orchestratorVersion") or version
    current = _pool_patch(call, asked, location=location, control_plane=patch) or patch
    defaults: Json = {
        "count": 1,
        "vmSize": "Standard_D4ds_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": _most_pods(network),
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": os_type,
        "osSKU": "Windows2022" if os_type == "Windows" else "Ubuntu",
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
        "enableFIPS": False,
        "securityProfile": {"sshAccess": "LocalUser", "enableVTPM": False, "enableSecureBoot": False},
    }
    sent = {field: value for field, value in wanted.items() if field not in _READ_ONLY_POOL}
    profile = merged(defaults, sent)
    profile |= {
        "name": name,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": asked,
        "currentOrchestratorVersion": current,
        "nodeImageVersion": catalogue.node_image(current, os_type, call.now),
    }
    call.settle_etags(profile)
    return _tidy(profile)


def changed_pool(call: Call, old: Json, wanted: Json, *, location: str, control_plane: str) -> Json:
    """The profile that a PUT makes of an existing pool: the wanted values show at once, long before they are true (recorded)."""
    sent = {field: value for field, value in wanted.items() if field not in _READ_ONLY_POOL}
    if old["enableAutoScaling"] and sent.get("enableAutoScaling", True) is not False:
        sent.pop("count", None)  # while the autoscaler owns the count, a count in a PUT changes nothing
    if sent.get("enableAutoScaling") is False:
        old = {field: value for field, value in old.items() if field not in {"minCount", "maxCount"}}
    profile = _replaced(old, sent, ("tags", "nodeLabels"))
    if profile["orchestratorVersion"] != old["orchestratorVersion"]:
        patch = _pool_patch(call, profile["orchestratorVersion"], location=location, control_plane=control_plane)
        profile["currentOrchestratorVersion"] = patch or profile["currentOrchestratorVersion"]
        profile["nodeImageVersion"] = catalogue.node_image(profile["currentOrchestratorVersion"], profile["osType"], call.now)
    call.settle_etags(profile)
    return _tidy(profile)


def _pool_patch(call: Call, asked: str, *, location: str, control_plane: str) -> str | None:
    """The patch of a pool: never newer than its control plane's, however new the newest offered one is."""
    if asked == control_plane or control_plane.startswith(f"{asked}."):
        return control_plane
    return catalogue.any_patch(asked, location=location, now=call.now)


def autoscale(pool: Json) -> None:
    """Let the autoscaler bring a settled pool's count into its range: the service sets it, not the PUT."""
    if pool["enableAutoScaling"]:
        pool["count"] = min(max(pool["count"], pool["minCount"]), pool["maxCount"])


def _most_pods(network: Json) -> int:
    if network.get("networkPlugin", "azure") == "kubenet":
        return 110
    return 250 if network.get("networkPluginMode") == "overlay" else 30


def _tidy(profile: Json) -> Json:
    """The fields in AKS's order; empty labels, taints, tags and zones are not shown."""
    hidden: set[str] = {name for name in ("tags", "nodeLabels", "nodeTaints", "availabilityZones") if name in profile and not profile[name]}
    if profile.get("scaleSetPriority") != "Spot":
        hidden |= {"scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice"}  # shown of Spot pools only (recorded)
    ordered = [name for name in _FIRST if name in profile] + [name for name in profile if name not in _FIRST]
    return {name: profile[name] for name in ordered if name not in hidden}


# ----------------------------------------------------------------------------------------------------------------------- clusters


def new_cluster(call: Call, wanted: Json, *, location: str, version: str, patch: str) -> Json:
    """The document of a cluster that is being made, without its pools."""
    name, group, sub = call.names["cluster"], call.group, call.subscription
    properties: Json = wanted.get("properties") or {}
    prefix = properties.get("dnsPrefix") or properties.get("fqdnSubdomain")
    mark = call.chance.letters("name", 8)
    identity: Json = wanted.get("identity") or {}
    network: Json = properties.get("networkProfile") or {}
    shown: Json = {
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": version,
        "currentKubernetesVersion": patch,
        "dnsPrefix": prefix,
        "fqdn": f"{prefix}-{mark}.hcp.{location}.azmk8s.io",
        "azurePortalFQDN": f"{prefix}-{mark}.portal.hcp.{location}.azmk8s.io",
        "agentPoolProfiles": [],
        "servicePrincipalProfile": {"clientId": "msi"},
        "nodeResourceGroup": f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": True,
        "supportPlan": "KubernetesOfficial",
        "networkProfile": _network(network),
        "maxAgentPools": 100,
        "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
        "securityProfile": {},
        "storageProfile": {"diskCSIDriver": {"enabled": True}, "fileCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}},
        "oidcIssuerProfile": {"enabled": False},
        "workloadAutoScalerProfile": {},
        "resourceUID": call.chance.letters("uid", 24, "0123456789abcdef"),
        "metricsProfile": {"costAnalysis": {"enabled": False}},
        "nodeProvisioningProfile": {"mode": "Manual", "defaultNodePools": "Auto"},
        "bootstrapProfile": {"artifactSource": "Direct"},
    }
    sent = {field: value for field, value in properties.items() if field not in _READ_ONLY_CLUSTER | {"kubernetesVersion"}}
    body: Json = {
        "id": f"/subscriptions/{sub}/resourcegroups/{group}/providers/Microsoft.ContainerService/managedClusters/{name}",
        "location": location,
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "kind": wanted.get("kind") or "Base",
        "properties": _shown(merged(shown, sent)),
    }
    if wanted.get("tags"):
        body["tags"] = dict(wanted["tags"])
    if identity.get("type", "None") != "None":
        body["identity"] = {**merged({}, identity), "principalId": call.chance.guid("identity"), "tenantId": call.identity.tenant}
    body["sku"] = merged({"name": "Base", "tier": "Free"}, wanted.get("sku") or {})
    call.settle_etags(body)
    return body


def _network(wanted: Json) -> Json:
    plugin = wanted.get("networkPlugin") or "azure"
    network: Json = {"networkPlugin": plugin}
    if not wanted.get("networkPlugin"):  # who names no plugin gets an overlay (recorded without any profile)
        network["networkPluginMode"] = "overlay"
    network |= {"networkPolicy": "none", "networkDataplane": "azure", "loadBalancerSku": "standard"}
    if (wanted.get("outboundType") or "loadBalancer") == "loadBalancer":
        network["loadBalancerProfile"] = {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"}
    pods = wanted.get("podCidr") or "10.244.0.0/16"
    services = wanted.get("serviceCidr") or "10.0.0.0/16"
    overlay = plugin != "azure" or (wanted.get("networkPluginMode") or network.get("networkPluginMode")) == "overlay"
    network |= {"podCidr": pods} if overlay else {}  # else pods have addresses of the subnet (recorded)
    network |= {"serviceCidr": services, "dnsServiceIP": "10.0.0.10", "outboundType": "loadBalancer"}
    return network | ({"podCidrs": [pods]} if overlay else {}) | {"serviceCidrs": [services], "ipFamilies": ["IPv4"]}


def changed_cluster(call: Call, old: Json, wanted: Json) -> Json:
    """The document that a PUT makes of an existing cluster, without its pools."""
    sent = {field: value for field, value in (wanted.get("properties") or {}).items() if field not in _READ_ONLY_CLUSTER}
    body = {**old, "properties": _shown(merged(old["properties"], sent))}
    if isinstance(wanted.get("tags"), dict):
        body["tags"] = dict(wanted["tags"])
    if not body.get("tags"):
        body.pop("tags", None)
    if wanted.get("sku"):
        body["sku"] = merged(old["sku"], wanted["sku"])
    call.settle_etags(body)
    return body


def _shown(properties: Json) -> Json:
    """Without what AKS takes and never shows: secrets, passwords, and add-ons where there are none."""
    shown = {name: value for name, value in properties.items() if name != "addonProfiles" or value}
    if "addonProfiles" in shown:  # each shows its settings, though they be none (recorded)
        addons = shown["addonProfiles"].items()
        shown["addonProfiles"] = {name: {"config": None, **addon} if isinstance(addon, dict) else addon for name, addon in addons}
    if "windowsProfile" in shown:
        shown["windowsProfile"] = {"enableCSIProxy": True, **shown["windowsProfile"]}
    for profile, field in (("servicePrincipalProfile", "secret"), ("windowsProfile", "adminPassword")):
        if profile in shown:
            shown[profile] = {name: value for name, value in shown[profile].items() if name != field}
    return shown


def complete(cluster: Cluster, chance: Chance) -> None:
    """What appears once an operation has succeeded: outbound addresses and the kubelet's identity."""
    properties = cluster.body["properties"]
    where = f"/subscriptions/{cluster.subscription}/{{groups}}/{properties['nodeResourceGroup']}/providers"
    balancer = properties["networkProfile"].get("loadBalancerProfile")
    if balancer is not None and "effectiveOutboundIPs" not in balancer:
        address = f"{where.format(groups='resourceGroups')}/Microsoft.Network/publicIPAddresses/{chance.guid('address')}"
        balancer["effectiveOutboundIPs"] = [{"id": address}]
    if "identityProfile" not in properties and "identity" in cluster.body:  # a cluster with a service principal has none (recorded)
        identity = f"{where.format(groups='resourcegroups')}/Microsoft.ManagedIdentity/userAssignedIdentities/{cluster.name}-agentpool"
        kubelet = {"resourceId": identity, "clientId": chance.guid("identity"), "objectId": chance.guid("identity")}
        properties["identityProfile"] = {"kubeletidentity": kubelet}
    for name, addon in properties.get("addonProfiles", {}).items():
        if "identity" in cluster.body and isinstance(addon, dict) and addon.get("enabled") is True and "identity" not in addon:
            identity = (
                f"{where.format(groups='resourcegroups')}/Microsoft.ManagedIdentity/userAssignedIdentities/{name.lower()}-{cluster.name}"
            )
            addon["identity"] = {"resourceId": identity, "clientId": chance.guid("identity"), "objectId": chance.guid("identity")}


def mark(cluster: Cluster, state: str) -> None:
    """Put a cluster and all of its pools into a provisioning state."""
    cluster.body["properties"]["provisioningState"] = state
    for pool in cluster.pools.values():
        pool["provisioningState"] = state


def cluster_view(cluster: Cluster) -> Json:
    """The cluster as it is read, its pools mirrored in `agentPoolProfiles`."""
    properties = {**cluster.body["properties"], "agentPoolProfiles": list(cluster.pools.values())}
    return {**cluster.body, "properties": properties}


def pool_view(cluster: Cluster, name: str) -> Json:
    """One pool as it is read on its own."""
    profile = {field: value for field, value in cluster.pools[name].items() if field != "name"}
    kind = "Microsoft.ContainerService/managedClusters/agentPools"
    return {"id": f"{cluster.body['id']}/agentPools/{name}", "name": name, "type": kind, "properties": profile}

"""ARM's JSON to our nouns and back. Pure; tolerant of what it does not know, because Azure adds fields without asking."""

import re
from collections.abc import Mapping
from typing import Any

from shared.model.clusters import SCALE_SET, Cluster, ClusterRef, Group, NodePool, OsType, PoolMode, PowerState, Provider, Range
from shared.model.plans import MakeCluster
from shared.model.requests import PoolSpec

Json = Mapping[str, Any]
_ID = re.compile(r"/subscriptions/([^/]+)/resource[gG]roups/([^/]+)/providers/[^/]+/[^/]+/([^/]+)", re.IGNORECASE)


def ref_of(document: Json) -> ClusterRef:
    """Which cluster a document is about, from its id (whose spelling of `resourceGroups` varies)."""
    found = _ID.match(str(document["id"]))
    if found is None:
        message = "a managed cluster came without a usable id"
        raise ValueError(message)
    return ClusterRef(subscription=found[1].lower(), group=found[2], name=found[3])


def cluster_of(document: Json, ref: ClusterRef | None = None) -> Cluster:
    """A cluster as read. Under `ref` if the caller has one, so that a cluster keeps the spelling it was asked by."""
    properties = document.get("properties") or {}
    pools = tuple(pool_of(profile) for profile in properties.get("agentPoolProfiles") or ())
    return Cluster(
        ref=ref or ref_of(document),
        location=str(document.get("location") or ""),
        version=str(properties.get("kubernetesVersion") or ""),
        current_version=properties.get("currentKubernetesVersion"),
        state=str(properties.get("provisioningState") or "Unknown"),
        power=_power(properties),
        pools=pools,
        tags={str(key): str(value) for key, value in (document.get("tags") or {}).items()},
        tier=(document.get("sku") or {}).get("tier"),
        dns_prefix=properties.get("dnsPrefix"),
        fqdn=properties.get("fqdn") or properties.get("privateFQDN"),
        etag=document.get("eTag") or properties.get("eTag"),
        uid=properties.get("resourceUID"),
        auto_provisioned=str((properties.get("nodeProvisioningProfile") or {}).get("mode", "")).lower() == "auto",
    )


def pool_of(profile: Json) -> NodePool:
    """A node pool as shown in its cluster's `agentPoolProfiles`."""
    autoscale = None
    if profile.get("enableAutoScaling"):
        autoscale = Range(min=int(profile.get("minCount") or 0), max=int(profile.get("maxCount") or 0))
    return NodePool(
        name=str(profile["name"]),
        mode=PoolMode.SYSTEM if str(profile.get("mode", "")).lower() == "system" else PoolMode.USER,
        os=OsType.WINDOWS if str(profile.get("osType", "")).lower() == "windows" else OsType.LINUX,
        vm_size=str(profile.get("vmSize") or ""),
        count=int(profile.get("count") or 0),
        autoscale=autoscale,
        version=profile.get("currentOrchestratorVersion") or profile.get("orchestratorVersion"),
        power=_power(profile),
        state=str(profile.get("provisioningState") or "Unknown"),
        os_disk_gb=profile.get("osDiskSizeGB"),
        max_pods=profile.get("maxPods"),
        zones=tuple(str(zone) for zone in profile.get("availabilityZones") or ()),
        labels={str(key): str(value) for key, value in (profile.get("nodeLabels") or {}).items()},
        taints=tuple(str(taint) for taint in profile.get("nodeTaints") or ()),
        type=str(profile.get("type") or SCALE_SET),
    )


def group_of(document: Json) -> Group:
    """A resource group as read."""
    properties = document.get("properties") or {}
    return Group(
        name=str(document.get("name", "")),
        location=str(document.get("location", "")),
        state=str(properties.get("provisioningState") or "Unknown"),
    )


def provider_of(document: Json) -> Provider:
    """A resource provider's registration as read."""
    return Provider(namespace=str(document.get("namespace", "")), state=str(document.get("registrationState", "Unknown")))


def cluster_body(action: MakeCluster) -> dict[str, Any]:
    """The body of the PUT that makes a cluster: a system-assigned identity, and every pool at once."""
    properties: dict[str, Any] = {
        "dnsPrefix": action.dns_prefix,
        "agentPoolProfiles": [_profile(pool) for pool in action.pools],
    }
    if action.version is not None:
        properties["kubernetesVersion"] = action.version
    return {
        "location": action.location,
        "tags": dict(action.tags),
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": action.tier},
        "properties": properties,
    }


def _profile(pool: PoolSpec) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "name": pool.name,
        "mode": pool.mode.value,
        "osType": pool.os.value,
        "vmSize": pool.vm_size,
        "count": pool.count,
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": pool.autoscale is not None,
    }
    if pool.autoscale is not None:
        wanted |= {"minCount": pool.autoscale.min, "maxCount": pool.autoscale.max}
    if pool.os_disk_gb is not None:
        wanted["osDiskSizeGB"] = pool.os_disk_gb
    if pool.max_pods is not None:
        wanted["maxPods"] = pool.max_pods
    if pool.zones:
        wanted["availabilityZones"] = list(pool.zones)
    if pool.labels:
        wanted["nodeLabels"] = dict(pool.labels)
    if pool.taints:
        wanted["nodeTaints"] = list(pool.taints)
    return wanted


def _power(properties: Json) -> PowerState:
    code = str((properties.get("powerState") or {}).get("code", ""))
    return PowerState.STOPPED if code.lower() == "stopped" else PowerState.RUNNING

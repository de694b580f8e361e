"""What AKS lets through: names, counts, ranges, versions and what can never change. Each check raises Refused or returns.

Limits are those of the AKS documentation of August 2026. Checks look at the profile that would result, so that a default never slips
past them.
"""

import re
from collections.abc import Iterable, Mapping

from local.arm import catalogue, refusals
from local.arm.call import Call
from local.arm.refusals import Refused
from local.arm.wire import Json

MOST_POOLS = 100
MOST_NODES_IN_POOL = 1000

_CLUSTER_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_DNS_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,43}[A-Za-z0-9]")
_POOL_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")

_INTEGERS = ("count", "minCount", "maxCount", "maxPods", "osDiskSizeGB")
_STRINGS = ("name", "vmSize", "mode", "osType", "osSKU", "type", "orchestratorVersion", "vnetSubnetID")
_BOOLEANS = ("enableAutoScaling", "enableNodePublicIP", "enableFIPS")
_FIXED_IN_POOL = ("vmSize", "maxPods", "osType", "osDiskSizeGB", "osDiskType", "type", "availabilityZones", "vnetSubnetID")


def cluster_body(wanted: Json) -> list[Json]:
    """The pools that a cluster PUT names, after a check of the body's types."""
    properties = _object(wanted, "properties")
    for field in ("kubernetesVersion", "dnsPrefix", "fqdnSubdomain", "nodeResourceGroup", "supportPlan"):
        _typed(properties, field, str, "ManagedCluster")
    for field in ("identity", "sku", "tags"):
        _object(wanted, field)
    _typed(wanted.get("identity") or {}, "type", str, "ManagedClusterIdentity")
    network = _object(properties, "networkProfile")
    for field in ("networkPlugin", "networkPluginMode", "outboundType", "podCidr", "serviceCidr"):
        _typed(network, field, str, "ContainerServiceNetworkProfile")
    _tags(wanted.get("tags"))
    pools = properties.get("agentPoolProfiles") or []
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        raise Refused(refusals.unmarshalled("ManagedClusterProperties.agentPoolProfiles", pools, "[]*ManagedClusterAgentPoolProfile"))
    names = [str(pool.get("name")) for pool in pools]
    for name in names:
        if names.count(name) > 1:
            raise Refused(refusals.doubled_pool(name))
    for pool in pools:
        pool_body(pool)
    return pools


def pool_body(wanted: Json) -> Json:
    """The properties of a pool, after a check of their types."""
    for field in _INTEGERS:
        _typed(wanted, field, int, "ManagedClusterAgentPoolProfile")
    for field in _STRINGS:
        _typed(wanted, field, str, "ManagedClusterAgentPoolProfile")
    for field in _BOOLEANS:
        _typed(wanted, field, bool, "ManagedClusterAgentPoolProfile")
    for field in ("tags", "nodeLabels", "upgradeSettings"):
        _object(wanted, field)
    for field in ("nodeTaints", "availabilityZones"):
        value = wanted.get(field)
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise Refused(refusals.unmarshalled(f"ManagedClusterAgentPoolProfile.{field}", value, "[]string"))
    return wanted


def new_cluster(name: str, wanted: Json) -> None:
    """What a cluster must say to be made, before its pools are looked at."""
    properties: Json = wanted.get("properties") or {}
    if not _CLUSTER_NAME.fullmatch(name):
        raise Refused(refusals.invalid("resourceName"))
    if properties.get("fqdnSubdomain") is None:
        if properties.get("dnsPrefix") is None:
            raise Refused(refusals.missing("properties.dnsPrefix"))
        if not _DNS_PREFIX.fullmatch(properties["dnsPrefix"]):
            raise Refused(refusals.invalid("properties.dnsPrefix"))
    identity = (wanted.get("identity") or {}).get("type") or "None"
    if identity == "None" and properties.get("servicePrincipalProfile") is None:
        raise Refused(refusals.missing("servicePrincipalProfile"))
    if not properties.get("agentPoolProfiles"):
        raise Refused(refusals.missing("properties.agentPoolProfiles"))


def pool(profile: Json, wanted: Json) -> None:
    """Whether a pool may be as `profile` says; `wanted` is what the client sent."""
    if not _POOL_NAME.fullmatch(profile["name"]):
        raise Refused(refusals.invalid("agentPoolProfile.name"))
    if profile["osType"] not in {"Linux", "Windows"}:
        raise Refused(refusals.invalid("agentPoolProfile.osType"))
    if profile["osType"] == "Windows" and len(profile["name"]) > 6:
        raise Refused(refusals.windows_name_too_long())
    if profile["mode"] not in {"System", "User", "Gateway"} or (profile["mode"] == "System" and profile["osType"] == "Windows"):
        raise Refused(refusals.invalid("agentPoolProfile.mode"))
    if not 10 <= profile["maxPods"] <= 250:
        raise Refused(refusals.invalid("agentPoolProfile.maxPods"))
    least = 1 if profile["mode"] == "System" else 0
    if not least <= profile["count"] <= MOST_NODES_IN_POOL:
        raise Refused(refusals.count_out_of_range(profile["count"], least))
    if profile["enableAutoScaling"]:
        for bound in ("minCount", "maxCount"):
            if profile.get(bound) is None:
                raise Refused(refusals.missing(f"agentPoolProfile.{bound}"))
        if not least <= profile["minCount"] <= profile["maxCount"]:
            raise Refused(refusals.invalid("agentPoolProfile.minCount"))
        if not 1 <= profile["maxCount"] <= MOST_NODES_IN_POOL:
            raise Refused(refusals.invalid("agentPoolProfile.maxCount"))
    elif wanted.get("minCount") is not None or wanted.get("maxCount") is not None:
        raise Refused(refusals.range_without_autoscaler())


def pools(profiles: Iterable[Json]) -> None:
    """Whether a cluster may have these pools together."""
    profiles = list(profiles)
    if len(profiles) > MOST_POOLS:
        raise Refused(refusals.too_many_pools(len(profiles)))
    if not any(profile["mode"] == "System" for profile in profiles):
        raise Refused(refusals.no_system_pool())


def pool_deletion(profiles: Mapping[str, Json], name: str) -> None:
    """Whether a cluster can do without a pool."""
    rest = [profile for other, profile in profiles.items() if other != name]
    if not rest:
        raise Refused(refusals.last_pool("agent pool"))
    if not any(profile["mode"] == "System" for profile in rest):
        raise Refused(refusals.last_pool("system agent pool"))


def unchanged_cluster(old: Json, wanted: Json) -> None:
    """Refuse another value for what a cluster keeps for ever."""
    properties: Json = wanted.get("properties") or {}
    for field in ("dnsPrefix", "nodeResourceGroup", "fqdnSubdomain"):
        if properties.get(field) is not None and properties[field] != old["properties"].get(field):
            raise Refused(refusals.immutable(f"properties.{field}"))


def unchanged_pool(old: Json, wanted: Json, prefix: str) -> None:
    """Refuse another value for what a pool keeps for ever; `prefix` is how the call names the pool in its error."""
    for field in _FIXED_IN_POOL:
        value = wanted.get(field)
        if value is None or (value == [] and field not in old):
            continue
        if str(value).casefold() != str(old.get(field)).casefold():
            raise Refused(refusals.immutable(f"{prefix}.{field}"))


# ----------------------------------------------------------------------------------------------------------------------- versions


def new_version(call: Call, wanted: str, location: str, plan: str) -> str:
    """The patch that a new cluster gets. Refuses what the region does not offer."""
    patch = catalogue.patch_for(wanted, location=location, now=call.now, plan=plan)
    if patch is None:
        raise Refused(refusals.version_not_supported(wanted))
    return patch


def cluster_version(call: Call, properties: Json, wanted: str, location: str) -> str:
    """The patch that an existing cluster gets. Refuses a downgrade, and a jump over a minor."""
    current = str(properties["currentKubernetesVersion"])
    if wanted in {properties["kubernetesVersion"], current}:
        return current
    patch = new_version(call, wanted, location, properties["supportPlan"])
    if catalogue.order(patch) < catalogue.order(current):
        raise Refused(refusals.downgrade(current, patch, catalogue.upgrades(current, location, call.now)))
    if catalogue.order(patch)[1] > catalogue.order(current)[1] + 1:
        raise Refused(refusals.minor_skipped("managed cluster", current, patch))
    return patch


def pool_version(call: Call, old: Json | None, wanted: str | None, control_plane: str, location: str) -> None:
    """Whether a pool may run a version under a control plane (`control_plane` is its patch); None or what it runs now is always right."""
    if wanted is None or (old is not None and wanted in {old["orchestratorVersion"], old["currentOrchestratorVersion"]}):
        return
    if wanted == control_plane or control_plane.startswith(f"{wanted}."):
        return
    patch = new_version(call, wanted, location, "AKSLongTermSupport")
    if catalogue.order(patch) > catalogue.order(control_plane):
        raise Refused(refusals.pool_ahead(patch, control_plane))
    if old is not None:
        current = old["currentOrchestratorVersion"]
        here, there = catalogue.order(current), catalogue.order(patch)
        if there < here or there[1] > here[1] + 1:
            raise Refused(refusals.minor_skipped("agent pool", current, patch))


# -------------------------------------------------------------------------------------------------------------------------- types


def _typed(document: Json, field: str, wanted: type, struct: str) -> None:
    value = document.get(field)
    right = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    if value is not None and not right:
        raise Refused(refusals.unmarshalled(f"{struct}.{field}", value, {int: "int32", bool: "bool", str: "string"}[wanted]))


def _object(document: Json, field: str) -> Json:
    value = document.get(field)
    if value is not None and not isinstance(value, dict):
        raise Refused(refusals.unmarshalled(field, value, "map"))
    return value or {}


def _tags(tags: Json | None) -> None:
    for name, value in (tags or {}).items():
        if not isinstance(value, str):
            raise Refused(refusals.unmarshalled(f"ManagedCluster.tags.{name}", value, "string"))

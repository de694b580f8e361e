"""What AKS lets through: names, counts, ranges, versions and what can never change. Each check raises Refused or returns.

Limits are those of the AKS documentation of August 2026. Checks look at the profile that would result, so that a default never slips
past them.
"""

import re
from collections.abc import Iterable, Mapping

from local.arm import catalogue, conflicts, fields, refusals
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json

MOST_POOLS = 100
MOST_NODES_IN_POOL = 1000
MOST_MINORS_BEHIND = 3

_CLUSTER_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_DNS_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,43}[A-Za-z0-9]")
_POOL_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")

_FIXED_IN_POOL = ("vmSize", "maxPods", "osType", "osDiskSizeGB", "osDiskType", "type", "availabilityZones", "vnetSubnetID")

_NEEDED = {"linuxProfile": ("adminUsername", "ssh"), "windowsProfile": ("adminUsername",)}


def cluster_body(wanted: Json) -> Json:
    """What AKS reads of a cluster's body, its pools included."""
    body = fields.known(wanted, fields.CLUSTER, "ManagedCluster")
    pools = body.get("properties", {}).get("agentPoolProfiles") or []
    names = [str(pool.get("name")) for pool in pools]
    for name in names:
        if names.count(name) > 1:
            raise Refused(refusals.doubled_pool(name))
    if pools:
        body["properties"]["agentPoolProfiles"] = [pool_body(pool) for pool in pools]
    return body


def pool_body(wanted: Json) -> Json:
    """What AKS reads of a pool, without what only says "the default": an empty version or size, a disk of 0 GB."""
    unsaid = {"orchestratorVersion": "", "osDiskSizeGB": 0, "vmSize": ""}
    pool = fields.known(wanted, fields.POOL, "ManagedClusterAgentPoolProfile")
    return {field: value for field, value in pool.items() if field not in unsaid or value != unsaid[field]}


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


def profiles(properties: Json) -> None:
    """Whether the profiles of the cluster that would result say what they must, and name only what there is: no DNS zone is here."""
    for profile, names in _NEEDED.items():
        for name in names if profile in properties else ():
            if properties[profile].get(name) is None:
                raise Refused(refusals.missing(f"properties.{profile}.{name}"))
    routing = properties.get("ingressProfile", {}).get("webAppRouting", {})
    for zone in [*routing.get("dnsZoneResourceIds", []), routing.get("dnsZoneResourceId")]:
        if zone:
            raise Refused(refusals.no_dns_zone(zone))


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


def resting_pool(old: Json, wanted: Json) -> None:
    """Refuse another count for a stopped pool, which has none; it can be upgraded and changed otherwise (documented)."""
    scales = wanted.get("count") not in {None, old["count"]} and not (wanted.get("enableAutoScaling") or old["enableAutoScaling"])
    if old["powerState"]["code"] == "Stopped" and scales:
        raise Refused(conflicts.pool_not_running(old["name"]))


def stoppable_cluster(properties: Json, *profiles: Json) -> None:
    """Whether a cluster with these pools can be stopped (learn.microsoft.com/azure/aks/start-stop-cluster)."""
    if (properties.get("nodeProvisioningProfile") or {}).get("mode") == "Auto":
        raise Refused(conflicts.provisions_its_nodes("Stopping"))
    without_sets(*profiles)


def stoppable_pool(properties: Json, profile: Json) -> None:
    """Whether a pool can be stopped alone (learn.microsoft.com/azure/aks/start-stop-nodepools)."""
    stoppable_cluster(properties, profile)
    if profile["mode"] == "System":
        raise Refused(conflicts.system_pool_runs(profile["name"]))


def without_sets(*profiles: Json) -> None:
    """Refuse pools of availability sets, which are neither stopped nor started."""
    if any(profile["type"] == "AvailabilitySet" for profile in profiles):
        raise Refused(conflicts.availability_sets())


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
    upgrades = catalogue.upgrades(current, location, call.now, properties["supportPlan"])
    if catalogue.order(patch) < catalogue.order(current):
        raise Refused(refusals.downgrade(current, patch, upgrades))
    if patch != current and patch not in upgrades:
        raise Refused(refusals.minor_skipped("managed cluster", current, patch))
    return patch


def pool_versions(call: Call, cluster: Cluster, sent: list[Json], control_plane: str) -> None:
    """What a cluster's PUT may say about its pools' versions: nothing, for all of them what they have, or what the control plane gets."""
    wanted = {pool.get("name"): pool["orchestratorVersion"] for pool in sent if pool.get("orchestratorVersion")}
    moves = False
    for name, version in wanted.items():
        pool = cluster.pools.get(str(name))
        if pool is None or version in {pool["orchestratorVersion"], pool["currentOrchestratorVersion"]}:
            continue
        moves = True
        patch = catalogue.any_patch(version, location=cluster.location, now=call.now)
        if control_plane not in {version, patch} and not control_plane.startswith(f"{version}."):
            raise Refused(refusals.versions_apart())
    if moves and not cluster.pools.keys() <= wanted.keys():
        raise Refused(refusals.versions_apart())


def version_skew(profiles: Iterable[Json], control_plane: str) -> None:
    """Refuse pools that are, or are left, too many minors behind a control plane (`control_plane` is its patch)."""
    for profile in profiles:
        version = str(profile["currentOrchestratorVersion"])
        if catalogue.order(version)[1] < catalogue.order(control_plane)[1] - MOST_MINORS_BEHIND:
            raise Refused(refusals.pool_too_old(version, control_plane))


def pool_version(call: Call, old: Json | None, wanted: str | None, control_plane: str, location: str) -> None:
    """Whether a pool may run a version under a control plane (`control_plane` is its patch); None or what it runs now is always right."""
    if not wanted or (old is not None and wanted in {old["orchestratorVersion"], old["currentOrchestratorVersion"]}):
        return
    if wanted == control_plane or control_plane.startswith(f"{wanted}."):
        return
    patch = catalogue.any_patch(wanted, location=location, now=call.now)
    if patch is None:
        raise Refused(refusals.version_not_supported(wanted))
    if catalogue.order(patch) > catalogue.order(control_plane):
        raise Refused(refusals.pool_ahead(patch, control_plane))
    if old is not None:
        current = old["currentOrchestratorVersion"]
        if patch != current and patch not in catalogue.upgrades(current, location, call.now):
            raise Refused(refusals.minor_skipped("agent pool", current, patch))

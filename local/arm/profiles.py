"""Where a cluster and its pools can go: upgrade profiles and the versions a new pool may have. The versions are the catalogue's."""

from local.arm import catalogue, clusters, pools
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.wire import Json, Reply, reply

SKEW = 3
"""So many minors may a pool be behind its control plane (learn.microsoft.com/azure/aks/supported-kubernetes-versions)."""


def of_cluster(call: Call) -> Reply:
    """Where the control plane can go. `agentPoolProfiles` is null, though the API description says it is a list (recorded)."""
    cluster = clusters.found(call)
    here = _control_plane(cluster)
    targets = catalogue.upgrades(here, cluster.location, call.now, cluster.body["properties"]["supportPlan"])
    profile: Json = {"kubernetesVersion": here, "osType": "Linux", **_listed(call, cluster, targets)}
    return reply(
        200,
        {
            "id": f"{cluster.body['id']}/upgradeprofiles/default",
            "name": "default",
            "type": "Microsoft.ContainerService/managedClusters/upgradeprofiles",
            "properties": {"controlPlaneProfile": profile, "agentPoolProfiles": None},
        },
    )


def of_pool(call: Call) -> Reply:
    """Where a pool can go: no further than its control plane; `upgrades` is absent where that is nowhere (recorded)."""
    cluster, name = pools.found(call)
    pool = cluster.pools[name]
    here = pool["currentOrchestratorVersion"]
    most = catalogue.order(_control_plane(cluster))
    targets = [target for target in catalogue.upgrades(here, cluster.location, call.now) if catalogue.order(target) <= most]
    image = catalogue.node_image(here, pool["osType"], call.now)
    properties: Json = {
        "kubernetesVersion": here,
        "osType": pool["osType"],
        **_listed(call, cluster, targets),
        "latestNodeImageVersion": image,
    }
    return reply(
        200,
        {
            "id": f"{cluster.body['id']}/agentPools/{name}/upgradeProfiles/default",
            "name": "default",
            "type": "Microsoft.ContainerService/managedClusters/agentPools/upgradeProfiles",
            "properties": properties,
        },
    )


def for_new_pools(call: Call) -> Reply:
    """The versions that a new pool may have; the default is the control plane's."""
    cluster = pools.parent(call, "read")
    here = _control_plane(cluster)
    most = catalogue.order(here)
    plan = cluster.body["properties"]["supportPlan"]
    minors = [minor for minor in catalogue.offered(cluster.location, call.now) if plan in minor.plans and minor.number >= most[1] - SKEW]
    older = [patch for minor in minors for patch in minor.patches if catalogue.order(patch) < most]
    versions = [{"default": True, "kubernetesVersion": here}, *(_target(call, cluster, patch) for patch in older)]
    return reply(
        200,
        {
            "id": f"{cluster.body['id']}/availableAgentpoolVersions",
            "name": "default",
            "type": "Microsoft.ContainerService/managedClusters/availableAgentpoolVersions",
            "properties": {"agentPoolVersions": versions},
        },
    )


def _control_plane(cluster: Cluster) -> str:
    return str(cluster.body["properties"]["currentKubernetesVersion"])


def _listed(call: Call, cluster: Cluster, targets: list[str]) -> Json:
    return {"upgrades": [_target(call, cluster, target) for target in targets]} if targets else {}


def _target(call: Call, cluster: Cluster, version: str) -> Json:
    preview: Json = {"isPreview": True} if catalogue.is_preview(version, cluster.location, call.now) else {}
    return {"kubernetesVersion": version, **preview}

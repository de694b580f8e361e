"""`agentPools`: the pools of a cluster on their own, made, scaled, given a range, deleted; the cluster mirrors them."""

from local.arm import documents, operations, refusals, rules
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply


def put(call: Call) -> Reply:
    """Make a pool (201) or change one (200)."""
    cluster = _parent(call, "write")
    properties = call.document().get("properties") or {}
    if not isinstance(properties, dict):
        raise Refused(refusals.unmarshalled("AgentPool.properties", properties, "ManagedClusterAgentPoolProfileProperties"))
    wanted = rules.pool_body(properties)
    name = _known_name(call, cluster)
    current = cluster.pools.get(name)
    operations.require_match(call.headers, current, creates=True)
    return _create(call, cluster, name, wanted) if current is None else _update(call, cluster, name, wanted)


def _create(call: Call, cluster: Cluster, name: str, wanted: Json) -> Reply:
    if wanted.get("count") is None:
        raise Refused(refusals.missing("properties.count"))
    properties = cluster.body["properties"]
    version, patch = properties["kubernetesVersion"], properties["currentKubernetesVersion"]
    rules.pool_version(call, None, wanted.get("orchestratorVersion"), patch, cluster.location)
    network = properties["networkProfile"]
    profile = documents.new_pool(call, name, wanted, version=version, patch=patch, location=cluster.location, network=network)
    rules.pool(profile, wanted)
    rules.pools([*cluster.pools.values(), profile])
    operations.require_idle(call, cluster)
    cluster.pools[name] = profile
    operation = operations.begin(call, cluster, "create", pool=name, nodes=profile["count"])
    return reply(201, documents.pool_view(cluster, name), headers=operations.handles(call, operation))


def _update(call: Call, cluster: Cluster, name: str, wanted: Json) -> Reply:
    current = cluster.pools[name]
    rules.unchanged_pool(current, wanted, "properties")
    control_plane = cluster.body["properties"]["currentKubernetesVersion"]
    rules.pool_version(call, current, wanted.get("orchestratorVersion"), control_plane, cluster.location)
    profile = documents.changed_pool(call, current, wanted, location=cluster.location)
    rules.pool(profile, wanted)
    rules.pools([*(pool for other, pool in cluster.pools.items() if other != name), profile])
    operations.require_idle(call, cluster)
    scales = profile["count"] != current["count"]
    upgrades = profile["currentOrchestratorVersion"] != current["currentOrchestratorVersion"]
    profile["provisioningState"] = "Upgrading" if upgrades else "Updating"
    cluster.pools[name] = profile
    operation = operations.begin(call, cluster, "scale" if scales else "update", pool=name, nodes=profile["count"])
    return reply(200, documents.pool_view(cluster, name), headers=operations.handles(call, operation))


def get(call: Call) -> Reply:
    """One pool."""
    cluster = _parent(call, "read")
    name = _known_name(call, cluster)
    if name not in cluster.pools:
        raise Refused(refusals.pool_not_found(call.subscription, call.group, cluster.name, name))
    return reply(200, documents.pool_view(cluster, name))


def listed(call: Call) -> Reply:
    """The pools of a cluster."""
    cluster = _parent(call, "read")
    return reply(200, {"value": [documents.pool_view(cluster, name) for name in cluster.pools]})


def delete(call: Call) -> Reply:
    """Begin a deletion (202); nothing there is 204."""
    cluster = _parent(call, "delete")
    name = _known_name(call, cluster)
    if name not in cluster.pools:
        return reply(204)
    operations.require_match(call.headers, cluster.pools[name], creates=False)
    rules.pool_deletion(cluster.pools, name)
    operations.require_idle(call, cluster)
    cluster.pools[name]["provisioningState"] = "Deleting"
    call.settle_etags(cluster.pools[name])
    operation = operations.begin(call, cluster, "delete", pool=name)
    return reply(202, headers=operations.handles(call, operation, location=True))


def _parent(call: Call, verb: str) -> Cluster:
    cluster = call.cluster()
    if cluster is None:
        path = f"/subscriptions/{call.subscription}/resourceGroups/{call.group}/providers"
        raise Refused(refusals.parent_not_found(verb, f"{path}/Microsoft.ContainerService/managedClusters/{call.names['cluster']}"))
    return cluster


def _known_name(call: Call, cluster: Cluster) -> str:
    """The pool's name in the path; spelled as the cluster spells it, if the cluster has it."""
    asked = call.names["pool"]
    return asked.lower() if asked.lower() in cluster.pools else asked

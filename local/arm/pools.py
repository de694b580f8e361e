"""`agentPools`: the pools of a cluster on their own, made, scaled, given a range, deleted; the cluster mirrors them."""

from dataclasses import replace

from local.arm import circumstances, conflicts, documents, operations, preconditions, refusals, rules
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply


def put(call: Call) -> Reply:
    """Make a pool (201) or change one (200)."""
    cluster = parent(call, "write")
    preconditions.require_running(call, cluster, pool=known_name(call, cluster))
    properties = call.document().get("properties") or {}
    if not isinstance(properties, dict):
        raise Refused(refusals.unmarshalled("AgentPool.properties", properties, "ManagedClusterAgentPoolProfileProperties"))
    wanted = rules.pool_body(properties)
    name = known_name(call, cluster)
    current = cluster.pools.get(name)
    preconditions.require_match(call.headers, current, creates=True)
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
    rules.version_skew([profile], patch)
    preconditions.require_idle(call, cluster, "Creating", pool=name)
    circumstances.admit(call, replace(cluster, pools={**cluster.pools, name: profile}), "create", pool=name)
    cluster.pools[name] = profile
    operation = operations.begin(call, cluster, "create", pool=name, nodes=profile["count"])
    return reply(201, documents.pool_view(cluster, name), headers=operations.handles(call, operation))


def _update(call: Call, cluster: Cluster, name: str, wanted: Json) -> Reply:
    verb, profile = _changed(call, cluster, cluster.pools[name], wanted)
    rules.pool(profile, wanted)
    rules.pools([*(pool for other, pool in cluster.pools.items() if other != name), profile])
    preconditions.require_idle(call, cluster, "Scaling" if verb == "scale" else documents.STATES[verb], pool=name)
    circumstances.admit(call, replace(cluster, pools={**cluster.pools, name: profile}), verb, pool=name)
    profile["provisioningState"] = documents.STATES[verb]
    cluster.pools[name] = profile
    if verb == "start":
        cluster.pools_asleep.pop(name, None)
    operation = operations.begin(call, cluster, verb, pool=name, nodes=profile["count"])
    view = documents.pool_view(cluster, name)
    if verb == "stop":
        view["properties"]["count"] = 0  # in this answer alone: reads show the nodes until they are gone (recorded)
    return reply(200, view, headers=operations.handles(call, operation))


def _changed(call: Call, cluster: Cluster, current: Json, wanted: Json) -> tuple[str, Json]:
    """What a PUT does to a pool, and the profile that it makes of it."""
    rules.unchanged_pool(current, wanted, "properties")
    verb = _power_verb(current, wanted)
    if verb is None:
        rules.resting_pool(current, wanted)
    control_plane = cluster.body["properties"]["currentKubernetesVersion"]
    rules.pool_version(call, current, wanted.get("orchestratorVersion"), control_plane, cluster.location)
    profile = documents.changed_pool(call, current, wanted, location=cluster.location, control_plane=control_plane)
    if verb == "stop":
        rules.stoppable_pool(cluster.body["properties"], profile)
        return verb, profile | {"count": current["count"], "powerState": {"code": "Stopped"}}
    if verb == "start":
        # A client that sends back what it read asks for 0 nodes; what comes back is what there was (recorded).
        before = cluster.pools_asleep.get(current["name"], 0)
        return verb, profile | {"count": profile["count"] or before, "powerState": {"code": "Running"}}
    if profile["currentOrchestratorVersion"] != current["currentOrchestratorVersion"]:
        return "upgrade", profile
    return "scale" if profile["count"] != current["count"] else "update", profile


def _power_verb(current: Json, wanted: Json) -> str | None:
    """What a PUT's powerState asks for: a stop, a start, or nothing new."""
    asked = (wanted.get("powerState") or {}).get("code")
    if asked not in {None, "Running", "Stopped"}:
        raise Refused(refusals.invalid("agentPoolProfile.powerState.code"))
    if asked in {None, current["powerState"]["code"]}:
        return None
    return "stop" if asked == "Stopped" else "start"


def upgrade_image(call: Call) -> Reply:
    """Begin to bring a pool's nodes to the newest image of their version (202 with the pool)."""
    cluster, name = found(call, "write")
    preconditions.require_idle(call, cluster, "UpgradingNodeImageVersion", pool=name)
    pool = cluster.pools[name]
    if pool["powerState"]["code"] == "Stopped":
        raise Refused(conflicts.pool_not_running(name))
    circumstances.admit(call, cluster, "upgrade_image", pool=name)
    pool["provisioningState"] = documents.STATES["upgrade_image"]
    call.settle_etags(pool)
    operation = operations.begin(call, cluster, "upgrade_image", pool=name, nodes=pool["count"])
    return reply(202, documents.pool_view(cluster, name), headers=operations.handles(call, operation, location=True))


def get(call: Call) -> Reply:
    """One pool."""
    cluster, name = found(call)
    return reply(200, documents.pool_view(cluster, name))


def listed(call: Call) -> Reply:
    """The pools of a cluster."""
    cluster = parent(call, "read")
    return reply(200, {"value": [documents.pool_view(cluster, name) for name in cluster.pools]})


def delete(call: Call) -> Reply:
    """Begin a deletion (202); nothing there is 204; a second deletion gets the first one's operation."""
    cluster = parent(call, "delete")
    name = known_name(call, cluster)
    if name not in cluster.pools:
        return reply(204)
    preconditions.require_match(call.headers, cluster.pools[name], creates=False)
    running = call.state.operations.get(cluster.pool_operations.get(name, ""))
    if running is not None and running.verb == "delete":
        return reply(202, headers=operations.handles(call, running, location=True))
    rules.pool_deletion(cluster.pools, name)
    preconditions.require_idle(call, cluster, "Deleting", pool=name)
    cluster.pools[name]["provisioningState"] = "Deleting"
    call.settle_etags(cluster.pools[name])
    operation = operations.begin(call, cluster, "delete", pool=name)
    return reply(202, headers=operations.handles(call, operation, location=True))


def parent(call: Call, verb: str) -> Cluster:
    """The cluster of the pool in the path. Raises Refused with ARM's own 404, which names what was tried."""
    cluster = call.cluster()
    if cluster is None:
        path = f"/subscriptions/{call.subscription}/resourceGroups/{call.group}/providers"
        raise Refused(refusals.parent_not_found(verb, f"{path}/Microsoft.ContainerService/managedClusters/{call.names['cluster']}"))
    return cluster


def found(call: Call, verb: str = "read") -> tuple[Cluster, str]:
    """The cluster and the name of the pool in the path. Raises Refused: 404 of either."""
    cluster = parent(call, verb)
    name = known_name(call, cluster)
    if name not in cluster.pools:
        raise Refused(refusals.pool_not_found(call.subscription, call.group, cluster.name, name))
    return cluster, name


def known_name(call: Call, cluster: Cluster) -> str:
    """The pool's name in the path; spelled as the cluster spells it, if the cluster has it."""
    asked = call.names["pool"]
    return asked.lower() if asked.lower() in cluster.pools else asked

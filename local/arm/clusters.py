"""`managedClusters`: made and changed by PUT, tagged by PATCH, read, listed, deleted. Pools have their own module."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from local.arm import catalogue, circumstances, conflicts, documents, endings, operations, preconditions, refusals, rules
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

TYPE = "Microsoft.ContainerService/managedClusters"
_SAVING = timedelta(seconds=3)
"""How long another write is being saved: a deletion that comes meanwhile meets an etag mismatch (recorded)."""


def put(call: Call) -> Reply:
    """Make a cluster (201) or change one (200): the body shows the wanted values at once, the state says that they are not true yet."""
    wanted = call.document()
    location = _region(wanted)
    current = call.cluster()
    if current is not None and current.location != location:
        raise Refused(refusals.moved(current.name, call.group, current.location, location))
    preconditions.require_match(call.headers, None if current is None else current.body, creates=True)
    wanted = rules.cluster_body(wanted)
    sent: list[Json] = wanted.get("properties", {}).get("agentPoolProfiles") or []
    return _create(call, wanted, sent, location) if current is None else _update(call, current, wanted, sent)


def _region(wanted: Json) -> str:
    asked = wanted.get("location")
    if not isinstance(asked, str) or not asked:
        raise Refused(refusals.gateway(400, "LocationRequired", "The location property is required for this definition."))
    location = catalogue.region(asked)
    if location not in catalogue.REGIONS:
        raise Refused(refusals.location_not_available(asked, TYPE, catalogue.REGIONS))
    return location


def _create(call: Call, wanted: Json, sent: list[Json], location: str) -> Reply:
    name = call.names["cluster"]
    rules.new_cluster(name, wanted)
    properties: Json = wanted["properties"]
    plan = properties.get("supportPlan") or "KubernetesOfficial"
    version = properties.get("kubernetesVersion") or catalogue.default(location, call.now).name
    patch = rules.new_version(call, version, location, plan)
    body = documents.new_cluster(call, wanted, location=location, version=version, patch=patch)
    rules.profiles(body["properties"])
    pools: dict[str, Json] = {}
    network = body["properties"]["networkProfile"]
    for pool in sent:
        if pool.get("count") is None:
            raise Refused(refusals.missing("agentPoolProfile.count"))
        rules.pool_version(call, None, pool.get("orchestratorVersion"), patch, location)
        profile = documents.new_pool(call, pool.get("name") or "", pool, version=version, patch=patch, location=location, network=network)
        rules.pool(profile, pool)
        pools[profile["name"]] = profile
    rules.pools(pools.values())
    rules.version_skew(pools.values(), patch)
    cluster = Cluster(subscription=call.subscription, group=call.group, name=name, body=body, pools=pools)
    circumstances.admit(call, cluster, "create")
    call.state.clusters[cluster.key] = cluster
    call.state.deleted.pop(cluster.key, None)
    operation = operations.begin(call, cluster, "create", nodes=sum(pool["count"] for pool in pools.values()))
    return reply(201, _with_empties(documents.cluster_view(cluster), sent), headers=operations.handles(call, operation))


def _update(call: Call, cluster: Cluster, wanted: Json, sent: list[Json]) -> Reply:
    old = cluster.body["properties"]
    preconditions.require_running(call, cluster)
    rules.unchanged_cluster(cluster.body, wanted)
    version = (wanted.get("properties") or {}).get("kubernetesVersion") or old["kubernetesVersion"]
    patch = rules.cluster_version(call, old, version, cluster.location)
    rules.pool_versions(call, cluster, sent, patch)
    pools = dict(cluster.pools)  # a pool that the PUT does not name stays as it is
    for pool in sent:
        name = pool.get("name") or ""
        if name not in pools:
            raise Refused(refusals.pool_introduced())
        rules.unchanged_pool(pools[name], pool, "agentPoolProfile")
        rules.resting_pool(pools[name], pool)
        rules.pool_version(call, pools[name], pool.get("orchestratorVersion"), patch, cluster.location)
        profile = documents.changed_pool(call, pools[name], pool, location=cluster.location, control_plane=patch)
        rules.pool(profile, pool)
        pools[name] = profile
    rules.pools(pools.values())
    if patch != old["currentKubernetesVersion"]:
        rules.version_skew(pools.values(), patch)
    newer = [pools[name] for name, pool in cluster.pools.items() if _current(pools[name]) != _current(pool)]
    upgrades = bool(newer) or patch != old["currentKubernetesVersion"]
    scales = any(pools[name]["count"] != pool["count"] for name, pool in cluster.pools.items())
    preconditions.require_idle(call, cluster, "Upgrading" if upgrades else "Scaling" if scales else "Updating")
    body = documents.changed_cluster(call, cluster.body, wanted)
    rules.profiles(body["properties"])
    body["properties"] |= {"kubernetesVersion": version, "currentKubernetesVersion": patch}
    circumstances.admit(call, replace(cluster, body=body, pools=pools), "upgrade" if upgrades else "update")
    cluster.body, cluster.pools = body, pools
    call.settle_etags(*pools.values())
    documents.mark(cluster, "Upgrading" if upgrades else "Updating")
    nodes = sum(pool["count"] for pool in (newer if upgrades else pools.values()))
    operation = operations.begin(call, cluster, "upgrade" if upgrades else "scale" if scales else "update", nodes=nodes)
    return reply(200, _with_empties(documents.cluster_view(cluster), sent), headers=operations.handles(call, operation))


def _current(pool: Json) -> str:
    return str(pool["currentOrchestratorVersion"])


def _with_empties(view: Json, sent: list[Json]) -> Json:
    """The answer to a PUT repeats the empty tags and labels that it was given; reads leave them out."""
    given: dict[Any, Json] = {pool.get("name"): {name: {} for name in ("tags", "nodeLabels") if pool.get(name) == {}} for pool in sent}
    pools = [{**profile, **given.get(profile["name"], {})} for profile in view["properties"]["agentPoolProfiles"]]
    return {**view, "properties": {**view["properties"], "agentPoolProfiles": pools}}


def tag(call: Call) -> Reply:
    """Replace the tags (200, at once: no operation)."""
    cluster = found(call)
    tags = rules.cluster_body({"tags": call.document().get("tags")}).get("tags") or {}
    preconditions.require_match(call.headers, cluster.body, creates=False)
    preconditions.require_idle(call, cluster)
    cluster.body = documents.changed_cluster(call, cluster.body, {"tags": tags})
    call.settle_etags(*cluster.pools.values())
    call.applied = True
    return reply(200, documents.cluster_view(cluster))


def get(call: Call) -> Reply:
    """One cluster."""
    return reply(200, documents.cluster_view(found(call)))


def listed(call: Call) -> Reply:
    """The clusters of the subscription, or of the group that the path names."""
    clusters = call.state.clusters_in(call.subscription, call.names.get("group"))
    return reply(200, {"value": [documents.cluster_view(cluster) for cluster in clusters]})


def delete(call: Call) -> Reply:
    """Begin a deletion (202); nothing there is 204; a second deletion gets the first one's operation."""
    cluster = call.cluster()
    if cluster is None:
        return reply(204)
    preconditions.require_match(call.headers, cluster.body, creates=False)
    running = call.state.operations[cluster.operation] if cluster.operation is not None else None
    if running is not None and running.verb == "delete":
        return reply(202, headers=operations.handles(call, running, location=True))
    if running is not None and call.now - running.started_at < _SAVING:
        raise Refused(conflicts.goal_not_saved(cluster.subscription, cluster.group, cluster.name))
    begin_deletion(call, cluster)
    operation = call.state.operations[cluster.operation or ""]
    return reply(202, headers=operations.handles(call, operation, location=True))


def begin_deletion(call: Call, cluster: Cluster) -> None:
    """Let a deletion overtake whatever is in flight."""
    endings.preempt(call.state, cluster, call.now)
    documents.mark(cluster, "Deleting")
    call.settle_etags(cluster.body, *cluster.pools.values())
    operations.begin(call, cluster, "delete")


def versions(call: Call) -> Reply:
    """The Kubernetes versions that a region offers."""
    location = catalogue.region(call.names["location"])
    if location not in catalogue.REGIONS:
        raise Refused(refusals.location_not_available(call.names["location"], "locations/kubernetesVersions", catalogue.REGIONS))
    return reply(200, catalogue.listing(location, call.now))


def found(call: Call) -> Cluster:
    """The cluster in the path. Raises Refused: 404 in ARM's own shape, or in AKS's right after a deletion."""
    cluster = call.cluster()
    if cluster is not None:
        return cluster
    name = call.names["cluster"]
    if call.state.deleted.get(call.cluster_key, call.now) > call.now:
        raise Refused(refusals.cluster_not_found(call.subscription, call.group, name))
    raise Refused(refusals.resource_not_found(f"{TYPE}/{name}", call.group))

"""Long-running operations: begun by a request, ended by the clock, watched through two status URLs.

Headers, documents and words are those of recorded traffic; the preconditions are those of learn.microsoft.com/azure/aks/use-etags.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from local.arm import documents, refusals, signatures
from local.arm.call import Call
from local.arm.chance import Chance
from local.arm.records import Cluster, LongOperation, State
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

KEPT = 1000
"""Ended operations that can still be asked for."""

_NOT_LATEST = {
    "code": "NotLatestOperation",
    "message": (
        "Expected goal state for managed cluster not saved yet. This means saving goal state to database was slow or failed. "
        "This type of failed operations can usually be retried."
    ),
}

_UPDATING = ((0.1, "InProgress"), (0.25, "ProvisioningNetworkResources"), (0.8, "ProvisioningControlPlane"), (1.0, "ReconcilingDNS"))
_PHASES = {
    ("cluster", "create"): (
        (0.05, "InProgress"),
        (0.2, "ProvisioningNetworkResources"),
        (0.5, "ProvisioningControlPlane"),
        (0.55, "ReconcilingDNS"),
        (0.6, "ReconcilingAddons"),
        (0.65, "CreatingAgentPools"),
        (1.0, "CreatingAgentPools: {ready}/{nodes} nodes completed"),
    ),
    ("cluster", "update"): _UPDATING,
    ("cluster", "scale"): _UPDATING,
    ("cluster", "upgrade"): _UPDATING,
    ("pool", "create"): ((0.25, "CreatingAgentPool"), (1.0, "CreatingAgentPool: {ready}/{nodes} nodes completed")),
}


def begin(call: Call, cluster: Cluster, verb: str, *, pool: str | None = None, nodes: int = 0) -> LongOperation:
    """Begin an operation on a cluster or on one of its pools; how long it takes is drawn now, how it ends is decided now."""
    resource: Literal["cluster", "pool"] = "cluster" if pool is None else "pool"
    lasts = call.durations(resource, verb, call.chance.share(f"{resource}/{verb}"))
    outcome = call.outcome
    deleting = resource == "cluster" and verb == "delete"
    operation = LongOperation(
        id=call.chance.guid("operation"),
        resource=resource,
        verb=verb,
        asked_by=call.number,
        subscription=cluster.subscription,
        location=cluster.location,
        cluster=cluster.key,
        pool=pool,
        nodes=nodes,
        progress=call.version >= "2025",
        started_at=call.now,
        ends_at=None if outcome is not None and outcome.ends == "never" else call.now + lasts,
        outcome="Succeeded" if outcome is None or outcome.ends == "never" else outcome.ends,
        error={"code": outcome.code, "message": outcome.message} if outcome is not None and outcome.ends == "Failed" else None,
        # Seen in 310 of 38,090 recorded status documents, and in the newest recording of a deletion.
        note=_NOT_LATEST if call.chance.share("note") < (0.25 if deleting else 0.01) else None,
        lost=outcome is not None and outcome.lost,
    )
    call.state.operations[operation.id] = operation
    if pool is None:
        cluster.operation = operation.id
    else:
        cluster.pool_operations[pool] = operation.id
    call.applied = True
    return operation


def handles(call: Call, operation: LongOperation, *, location: bool = False) -> dict[str, str]:
    """The headers that lead to an operation: always Azure-AsyncOperation, for deletions Location too; never Retry-After (recorded)."""
    headers = {"azure-asyncoperation": _url(call, operation, "operations")}
    if location:
        headers["location"] = _url(call, operation, "operationresults")
    return headers


def _url(call: Call, operation: LongOperation, what: str) -> str:
    provider = f"/subscriptions/{operation.subscription}/providers/Microsoft.ContainerService"
    path = f"{provider}/locations/{operation.location}/{what}/{operation.id}"
    version = "2025-03-01" if operation.progress else "2016-03-30"
    return f"https://{call.host}{path}?api-version={version}{signatures.signed(path, call.now, seed=call.seed)}"


def poll(call: Call) -> Reply:
    """The operation's document, always 200; while it runs, newer api-versions say how far it is (recorded)."""
    operation = _asked_for(call)
    document: Json = {"name": operation.id, "status": _status(operation, call.now), "startTime": documents.seven(operation.started_at)}
    if operation.ended_at is not None:
        document["endTime"] = documents.seven(operation.ended_at)
    error = operation.error if operation.ended_at is not None and operation.error is not None else operation.note
    if error is not None:
        document["error"] = error
    return reply(200, document)


def results(call: Call) -> Reply:
    """The other status URL: 202 and itself while the operation runs, then 204 however it ended."""
    operation = _asked_for(call)
    if operation.ended_at is not None:
        return reply(204)
    return reply(202, headers={"location": f"https://{call.host}{call.target}"})


def _asked_for(call: Call) -> LongOperation:
    if not signatures.genuine(call.path, call.query, seed=call.seed):
        raise Refused(refusals.bad_signature())
    operation = call.state.operations.get(call.names["operation"].lower())
    if operation is None or operation.lost:
        raise Refused(refusals.operation_not_found(call.names["operation"]))
    return operation


def _status(operation: LongOperation, now: datetime) -> str:
    if operation.ended_at is not None:
        return operation.outcome
    phases = _PHASES.get((operation.resource, operation.verb), ())
    if operation.ends_at is None or not operation.progress or not phases:
        return "InProgress"
    done = (now - operation.started_at) / (operation.ends_at - operation.started_at)
    begun = 0.0
    for ends, text in phases:
        if done < ends:
            ready = int((done - begun) / (ends - begun) * (operation.nodes + 1))
            return text.format(ready=min(ready, operation.nodes), nodes=operation.nodes)
        begun = ends
    return "InProgress"


# ------------------------------------------------------------------------------------------------------------------- how they end


def settle(state: State, chance: Chance, now: datetime) -> bool:
    """End all that is due by now, in the order in which it became due; whether anything did."""
    due = sorted(
        (operation.ends_at, operation.asked_by, operation.id)
        for operation in state.running()
        if operation.ends_at is not None and operation.ends_at <= now
    )
    for ends_at, _, identifier in due:
        _end(state, chance, state.operations[identifier], ends_at)
    gone = [name for name, group in state.groups.items() if group.gone_at is not None and group.gone_at <= now]
    for name in gone:
        # What a failed or endless deletion left behind goes with its group.
        for cluster in state.clusters_in(state.groups[name].subscription, state.groups[name].name):
            preempt(state, cluster, now)
            del state.clusters[cluster.key]
        del state.groups[name]
    ready = [p for p in state.providers.values() if p.state == "Registering" and p.ready_at is not None and p.ready_at <= now]
    for provider in ready:
        provider.state = "Registered"
    ended = [operation.id for operation in state.operations.values() if operation.ended_at is not None]
    for identifier in ended[:-KEPT]:
        del state.operations[identifier]
    return bool(due or gone or ready)


def _end(state: State, chance: Chance, operation: LongOperation, ended_at: datetime) -> None:
    operation.ended_at = ended_at
    cluster = state.clusters.get(operation.cluster)
    if cluster is None:
        return
    deleted = operation.verb == "delete" and operation.outcome == "Succeeded"
    if operation.pool is not None:
        del cluster.pool_operations[operation.pool]
        if deleted:
            del cluster.pools[operation.pool]
            return
        pools = [cluster.pools[operation.pool]]
    else:
        cluster.operation = None
        if deleted:
            del state.clusters[cluster.key]
            # ARM's index may lag behind AKS: until then the 404 is AKS's own (recorded both ways).
            state.deleted[cluster.key] = ended_at + timedelta(seconds=30 * chance.share("index"))
            return
        pools = list(cluster.pools.values())
        cluster.body["properties"]["provisioningState"] = operation.outcome
        cluster.body["eTag"] = chance.guid("etag")
        if operation.outcome == "Succeeded":
            documents.complete(cluster, chance)
    for pool in pools:
        pool["provisioningState"] = operation.outcome
        pool["eTag"] = chance.guid("etag")
        if operation.outcome == "Succeeded":
            documents.autoscale(pool)


def preempt(state: State, cluster: Cluster, now: datetime) -> None:
    """End whatever is in flight on a cluster because it is being deleted; AKS lets a deletion overtake everything."""
    for identifier in filter(None, (cluster.operation, *cluster.pool_operations.values())):
        operation = state.operations[identifier]
        operation.ended_at, operation.outcome = now, "Failed"
        operation.error = {
            "code": "AKSOperationPreemptedByDelete",
            "message": "This operation has been preempted by Deleting operation.",
        }
    cluster.operation = None
    cluster.pool_operations.clear()


def require_idle(call: Call, cluster: Cluster) -> None:
    """Refuse a write to a cluster, or to any of its pools, while an operation of either is in flight."""
    if cluster.operation is not None:
        operation = call.state.operations[cluster.operation]
        raise Refused(refusals.cluster_busy(operation.verb, operation.id, operation.started_at))
    for pool in cluster.pool_operations:
        raise Refused(refusals.pool_busy(pool, cluster.pools[pool]["provisioningState"]))


def require_match(headers: Mapping[str, str], current: Json | None, *, creates: bool) -> None:
    """Honour If-Match and If-None-Match against a document's eTag (None: there is no such thing), as AKS documents them for its writes."""
    match = headers.get("if-match", "").strip()
    if match and current is None and creates:
        raise Refused(refusals.nothing_to_match())
    if match not in {"", "*"} and current is not None and match.strip('"') != current["eTag"]:
        raise Refused(refusals.etag_differs())
    if headers.get("if-none-match", "").strip() == "*" and current is not None:
        raise Refused(refusals.exists_already())

"""Long-running operations: begun by a request and watched through two status URLs. How they end is the business of `endings`.

Headers, documents and words are those of recorded traffic.
"""

import uuid
from datetime import datetime
from typing import Literal

from local.arm import circumstances, documents, refusals, signatures
from local.arm.call import Call
from local.arm.records import Cluster, LongOperation
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

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
    # An upgrade that touches no node is one of the control plane alone.
    kind = "upgrade_control_plane" if (resource, verb, nodes) == ("cluster", "upgrade", 0) else verb
    lasts = call.durations(resource, kind, call.chance.share(f"{resource}/{kind}"))
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
        swapped=call.version < "2024",
    )
    circumstances.decide(call, cluster, operation)
    call.state.operations[operation.id] = operation
    cluster.latest = operation.id
    if pool is None:
        cluster.operation = operation.id
    else:
        cluster.pool_operations[pool] = operation.id
    call.applied = True
    return operation


def handles(call: Call, operation: LongOperation, *, location: bool = False) -> dict[str, str]:
    """The headers that lead to an operation: Azure-AsyncOperation, where no body comes back Location too; never Retry-After (recorded)."""
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
    return reply(200, document(_asked_for(call), call.now))


def document(operation: LongOperation, now: datetime) -> Json:
    """What there is to say about an operation."""
    found: Json = {"name": _name(operation), "status": _status(operation, now), "startTime": documents.seven(operation.started_at)}
    if operation.ended_at is not None:
        found["endTime"] = documents.seven(operation.ended_at)
    error = operation.error if operation.ended_at is not None and operation.error is not None else operation.note
    if error is not None:
        found["error"] = error
    return found


def results(call: Call) -> Reply:
    """The other status URL: 202 and itself while the operation runs, then 204 however it ended."""
    operation = _asked_for(call)
    headers = {"location": f"https://{call.host}{call.target}"}
    if operation.ended_at is None:
        return reply(202, headers=headers)
    return reply(204, headers={**headers, "content-type": "application/json"})  # though nothing follows (recorded)


def _name(operation: LongOperation) -> str:
    """The operation's id; up to 2023 with its first three groups byte by byte in reverse (recorded)."""
    if not operation.swapped:
        return operation.id
    return str(uuid.UUID(bytes_le=uuid.UUID(operation.id).bytes))


def _asked_for(call: Call) -> LongOperation:
    if not signatures.genuine(call.path, call.query, seed=call.seed):
        raise Refused(refusals.bad_signature())
    operation = call.state.operations.get(call.names["operation"].lower())
    if operation is None or operation.lost:
        raise Refused(refusals.operation_not_found(call.names["operation"]))
    return operation


def done(operation: LongOperation, now: datetime) -> float:
    """The part of its time that has passed; 0 for one that never ends."""
    if operation.ends_at is None or operation.ends_at <= operation.started_at:
        return 0.0
    return min((now - operation.started_at) / (operation.ends_at - operation.started_at), 1.0)


def _status(operation: LongOperation, now: datetime) -> str:
    if operation.ended_at is not None:
        return operation.outcome
    if operation.aborted_by is not None:
        return "Canceling"
    phases = _PHASES.get((operation.resource, operation.verb), ())
    if operation.ends_at is None or not operation.progress or not phases:
        return "InProgress"
    part = done(operation, now)
    begun = 0.0
    for ends, text in phases:
        if part < ends:
            ready = int((part - begun) / (ends - begun) * (operation.nodes + 1))
            return text.format(ready=min(ready, operation.nodes), nodes=operation.nodes)
        begun = ends
    return "InProgress"

"""What must hold before a write is let through: nothing in flight, not stopped, not being deleted, and the caller's If-Match.

The preconditions by eTag are those of learn.microsoft.com/azure/aks/use-etags.
"""

from collections.abc import Mapping
from datetime import datetime

from local.arm import conflicts
from local.arm.call import Call
from local.arm.records import Cluster, LongOperation
from local.arm.refusals import Refused
from local.arm.wire import Json


def require_idle(call: Call, cluster: Cluster, wanted: str = "Updating", *, pool: str | None = None) -> None:
    """Refuse a write to a cluster, or to one of its pools, while an operation of either is in flight or while the cluster is stopped.

    `wanted` is the provisioning state that the write would lead to. A pool's write meets the older wording of a busy cluster (recorded).
    """
    running = own_operation(call, cluster)
    if running is not None and running.verb == "delete":
        raise Refused(conflicts.deletion_issued(wanted, cluster.name, running.started_at, call.now))
    if running is not None and pool is not None:
        raise Refused(conflicts.cluster_busy_for_pools(cluster.state))
    if running is not None:
        raise Refused(conflicts.cluster_busy(running.verb, running.id, running.started_at))
    _require_idle_pools(call, cluster, wanted, pool)
    if cluster.power == "Stopped":
        raise Refused(conflicts.not_running(wanted, stopped_at(call, cluster), call.now))


def require_running(call: Call, cluster: Cluster, wanted: str = "Updating", *, pool: str | None = None) -> None:
    """Refuse a write to a stopped cluster before anything else is looked at: without nodes, most of its pools break a rule."""
    if cluster.power == "Stopped":
        require_idle(call, cluster, wanted, pool=pool)


def require_no_operation(call: Call, cluster: Cluster, wanted: str) -> None:
    """Refuse a stop or a start while an operation of the cluster, or of one of its pools, is in flight."""
    running = own_operation(call, cluster)
    if running is not None and running.verb == "delete":
        raise Refused(conflicts.deletion_issued(wanted, cluster.name, running.started_at, call.now))
    if running is not None:
        raise Refused(conflicts.wrong_state(cluster.state, cluster.power, wanted, running.started_at, call.now))
    _require_idle_pools(call, cluster, wanted, None)


def _require_idle_pools(call: Call, cluster: Cluster, wanted: str, pool: str | None) -> None:
    for name, identifier in cluster.pool_operations.items():
        running = call.state.operations[identifier]
        if name == pool and running.verb == "delete":
            raise Refused(conflicts.deletion_issued(wanted, name, running.started_at, call.now))
        raise Refused(conflicts.pool_busy(name, cluster.pools[name]["provisioningState"]))


def own_operation(call: Call, cluster: Cluster) -> LongOperation | None:
    """The cluster's own operation in flight."""
    return None if cluster.operation is None else call.state.operations[cluster.operation]


def latest_began(call: Call, cluster: Cluster) -> datetime:
    """When the newest operation on a cluster or one of its pools began; now, if that is forgotten."""
    latest = call.state.operations.get(cluster.latest or "")
    return call.now if latest is None else latest.started_at


def stopped_at(call: Call, cluster: Cluster) -> datetime:
    """When a stopped cluster's stop began."""
    return cluster.stopped_at or latest_began(call, cluster)


def require_match(headers: Mapping[str, str], current: Json | None, *, creates: bool) -> None:
    """Honour If-Match and If-None-Match against a document's eTag (None: there is no such thing), as AKS documents them for its writes."""
    match = headers.get("if-match", "").strip()
    if match and current is None and creates:
        raise Refused(conflicts.nothing_to_match())
    if match not in {"", "*"} and current is not None and match.strip('"') != current["eTag"]:
        raise Refused(conflicts.etag_differs())
    if headers.get("if-none-match", "").strip() == "*" and current is not None:
        raise Refused(conflicts.exists_already())

"""Clusters stopped and started, whole. Single pools are stopped and started through their own PUT, in `pools`.

The power state shows what is wanted at once, as recorded for pools; the node counts drop to 0 when the stop has ended and are back when a
start begins. What is refused is that of learn.microsoft.com/azure/aks/start-stop-cluster (2026-03-04).
"""

from local.arm import clusters, conflicts, documents, operations, preconditions, rules
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Reply, reply


def stop(call: Call) -> Reply:
    """Begin to stop a running cluster (202, empty)."""
    cluster = clusters.found(call)
    rules.stoppable_cluster(cluster.body["properties"], *cluster.pools.values())
    preconditions.require_no_operation(call, cluster, "Stopping")
    if cluster.power == "Stopped":
        raise Refused(conflicts.not_running("Stopping", preconditions.stopped_at(call, cluster), call.now))
    nodes = sum(pool["count"] for pool in cluster.pools.values())
    _turn(call, cluster, "Stopped", {name for name in cluster.pools if name not in cluster.pools_asleep})
    operation = operations.begin(call, cluster, "stop", nodes=nodes)
    return reply(202, headers=operations.handles(call, operation, location=True))


def start(call: Call) -> Reply:
    """Begin to start a stopped cluster (202, empty), or again one whose start failed or was aborted."""
    cluster = clusters.found(call)
    rules.without_sets(*cluster.pools.values())
    preconditions.require_no_operation(call, cluster, "Starting")
    if cluster.power == "Running" and not _half_started(call, cluster):
        began = preconditions.latest_began(call, cluster)
        raise Refused(conflicts.wrong_state(cluster.state, cluster.power, "Starting", began, call.now))
    _turn(call, cluster, "Running", {name for name in cluster.pools if name not in cluster.pools_asleep})
    for name, count in cluster.asleep.items():
        cluster.pools[name]["count"] = count
    cluster.asleep = {}
    nodes = sum(pool["count"] for pool in cluster.pools.values())
    operation = operations.begin(call, cluster, "start", nodes=nodes)
    return reply(202, headers=operations.handles(call, operation, location=True))


def _half_started(call: Call, cluster: Cluster) -> bool:
    latest = call.state.operations.get(cluster.latest or "")
    verb = None if latest is None else latest.verb
    if latest is not None and latest.aborts is not None:
        victim = call.state.operations.get(latest.aborts)
        verb = None if victim is None else victim.verb
    return cluster.state in {"Failed", "Canceled"} and verb == "start"


def _turn(call: Call, cluster: Cluster, power: str, pools: set[str]) -> None:
    cluster.body["properties"]["powerState"] = {"code": power}
    for name in pools:
        cluster.pools[name]["powerState"] = {"code": power}
    documents.mark(cluster, documents.STATES["stop" if power == "Stopped" else "start"])
    call.settle_etags(cluster.body, *cluster.pools.values())

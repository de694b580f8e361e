"""The newest operation of a cluster or of a pool, aborted: nothing is rolled back, what it was about ends Canceled.

After learn.microsoft.com/azure/aks/manage-abort-operations (2024-06-12) and recordings: up to the api-versions of 2022 an abort was done
when it was answered (204, no headers); since then it is an operation of some seconds, during which the aborted one says Canceling.
"""

from local.arm import clusters, conflicts, documents, endings, operations, pools, preconditions
from local.arm.call import Call
from local.arm.records import Cluster, LongOperation
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

_AT_ONCE_BEFORE = "2023"


def abort_cluster(call: Call) -> Reply:
    """Abort the cluster's own operation."""
    cluster = clusters.found(call)
    victim = preconditions.own_operation(call, cluster)
    return _abort(call, cluster, victim, None)


def abort_pool(call: Call) -> Reply:
    """Abort the operation of one pool."""
    cluster, name = pools.found(call, "abort")
    identifier = cluster.pool_operations.get(name)
    return _abort(call, cluster, None if identifier is None else call.state.operations[identifier], name)


def _abort(call: Call, cluster: Cluster, victim: LongOperation | None, pool: str | None) -> Reply:
    name = pool or cluster.name
    if victim is not None and victim.verb == "delete":
        raise Refused(conflicts.deletion_issued("Aborting", name, victim.started_at, call.now))
    if victim is None or victim.verb == "abort":
        raise Refused(conflicts.nothing_to_abort(name))
    if call.version < _AT_ONCE_BEFORE:
        endings.cancel(cluster, victim, call.chance, call.now)
        call.applied = True
        return reply(204)
    if pool is None:
        documents.mark(cluster, documents.STATES["abort"])
        call.settle_etags(cluster.body, *cluster.pools.values())
    else:
        cluster.pools[pool]["provisioningState"] = documents.STATES["abort"]
        call.settle_etags(cluster.pools[pool])
    operation = operations.begin(call, cluster, "abort", pool=pool)
    operation.aborts, victim.aborted_by = victim.id, operation.id
    view: Json = documents.cluster_view(cluster) if pool is None else documents.pool_view(cluster, pool)
    return reply(202, view, headers=operations.handles(call, operation, location=True))

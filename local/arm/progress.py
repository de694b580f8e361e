"""Operations as their cluster or pool shows them, with a percentage: a preview API (manage-abort-operations in the docs)."""

from local.arm import clusters, operations, pools, refusals
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Reply, reply


def of_cluster(call: Call) -> Reply:
    """An operation under its cluster's address; `latest` is the newest of the cluster and its pools."""
    cluster = clusters.found(call)
    return _shown(call, cluster, cluster.latest, cluster.body["id"])


def of_pool(call: Call) -> Reply:
    """An operation under its pool's address; `latest` is the newest of that pool alone."""
    cluster, name = pools.found(call)
    own = [operation.id for operation in call.state.operations.values() if (operation.cluster, operation.pool) == (cluster.key, name)]
    return _shown(call, cluster, own[-1] if own else None, f"{cluster.body['id']}/agentPools/{name}")


def _shown(call: Call, cluster: Cluster, latest: str | None, where: str) -> Reply:
    asked = call.names["operation"].lower()
    operation = call.state.operations.get((latest or "") if asked == "latest" else asked)
    if operation is None or operation.cluster != cluster.key:
        raise Refused(refusals.operation_not_found(call.names["operation"]))
    percent = 100.0 if operation.ended_at is not None else round(100 * operations.done(operation, call.now), 1)
    named = {"id": f"{where}/operations/{operation.id}"}
    return reply(200, {**named, **operations.document(operation, call.now), "percentComplete": percent})

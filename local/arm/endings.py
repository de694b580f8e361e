"""How operations end: all that is due by now takes effect, in order; what a deletion overtakes ends with it.

A Failed or Canceled operation rolls nothing back: the documents go on showing what was wanted, and only the state tells. Two exceptions
are known: a stop that did not succeed shows Power State(Running) (recorded for an aborted one), and the image that nodes run is what they
run. A failed start shows Running (issue 2171 of Azure/AKS).
"""

from datetime import datetime, timedelta

from local.arm import catalogue, circumstances, documents
from local.arm.chance import Chance
from local.arm.records import Cluster, Ended, LongOperation, State
from local.arm.wire import Json

KEPT = 1000
"""Ended operations that can still be asked for."""


def settle(state: State, chance: Chance, now: datetime) -> bool:
    """End all that is due by now, in the order in which it became due; whether anything did."""
    changed = False
    while (operation := _first_due(state, now)) is not None:
        changed = True
        _end(state, chance, operation, operation.ends_at or now)
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
    for identifier in [command.id for command in state.commands.values() if command.gone_at <= now]:
        del state.commands[identifier]
    ended = [operation.id for operation in state.operations.values() if operation.ended_at is not None]
    for identifier in ended[:-KEPT]:
        del state.operations[identifier]
    return bool(changed or gone or ready)


def _first_due(state: State, now: datetime) -> LongOperation | None:
    due = [
        (operation.ends_at, operation.asked_by, operation.id)
        for operation in state.running()
        if operation.ends_at is not None and operation.ends_at <= now and operation.aborted_by is None
    ]
    return state.operations[min(due)[2]] if due else None


def _end(state: State, chance: Chance, operation: LongOperation, ended_at: datetime) -> None:
    operation.ended_at = ended_at
    cluster = state.clusters.get(operation.cluster)
    if cluster is None:
        return
    if operation.aborts is not None:
        victim = state.operations[operation.aborts]
        if operation.outcome != "Succeeded":
            resume(cluster, victim, ended_at)
            return
        cancel(cluster, victim, chance, ended_at)
    elif operation.verb == "delete" and operation.outcome == "Succeeded":
        _delete(state, chance, cluster, operation, ended_at)
    else:
        _conclude(cluster, operation, operation.outcome, chance)


def cancel(cluster: Cluster, victim: LongOperation, chance: Chance, now: datetime) -> None:
    """Let an operation that is being aborted end as Canceled, and what it was about with it."""
    victim.ended_at, victim.outcome, victim.error, victim.aborted_by = now, "Canceled", None, None
    _conclude(cluster, victim, "Canceled", chance)


def resume(cluster: Cluster, victim: LongOperation, now: datetime) -> None:
    """Let an operation go on whose abort failed."""
    victim.aborted_by = None
    if victim.ends_at is not None:
        victim.ends_at = max(victim.ends_at, now)
    if victim.pool is None:
        cluster.operation = victim.id
        documents.mark(cluster, documents.STATES[victim.verb])
    else:
        cluster.pool_operations[victim.pool] = victim.id
        cluster.pools[victim.pool]["provisioningState"] = documents.STATES[victim.verb]


def _delete(state: State, chance: Chance, cluster: Cluster, operation: LongOperation, ended_at: datetime) -> None:
    if operation.pool is not None:
        del cluster.pools[operation.pool], cluster.pool_operations[operation.pool]
        cluster.asleep.pop(operation.pool, None)
        cluster.pools_asleep.pop(operation.pool, None)
        cluster.nodes.pop(operation.pool, None)
        return
    del state.clusters[cluster.key]
    # ARM's index may lag behind AKS: until then the 404 is AKS's own (recorded both ways).
    state.deleted[cluster.key] = ended_at + timedelta(seconds=30 * chance.share("index"))


def _conclude(cluster: Cluster, operation: LongOperation, outcome: Ended, chance: Chance) -> None:
    if operation.pool is not None:
        del cluster.pool_operations[operation.pool]
        pools = {operation.pool: cluster.pools[operation.pool]}
    else:
        cluster.operation = None
        pools = cluster.pools
        cluster.body["properties"]["provisioningState"] = outcome
        cluster.body["eTag"] = chance.guid("etag")
        if outcome == "Succeeded":
            documents.complete(cluster, chance)
    if operation.verb == "stop":
        _stop(cluster, operation, outcome, pools)
    for pool in pools.values():
        pool["provisioningState"] = outcome
        pool["eTag"] = chance.guid("etag")
        if outcome == "Succeeded":
            _settle_pool(pool, operation)
    circumstances.settle(cluster, operation, outcome)


def _settle_pool(pool: Json, operation: LongOperation) -> None:
    if operation.verb == "upgrade_image":
        pool["nodeImageVersion"] = catalogue.node_image(pool["currentOrchestratorVersion"], pool["osType"], operation.started_at)
    # After a start the count may be outside the autoscaler's range until something else scales the pool (documented).
    if operation.verb not in {"start", "stop"} and pool["powerState"]["code"] == "Running":
        documents.autoscale(pool)


def _stop(cluster: Cluster, operation: LongOperation, outcome: Ended, pools: dict[str, Json]) -> None:
    whole = operation.pool is None
    asleep = cluster.asleep if whole else cluster.pools_asleep
    if whole and outcome == "Succeeded":
        cluster.stopped_at = operation.started_at
    elif whole:
        cluster.body["properties"]["powerState"] = {"code": "Running"}
    for name, pool in pools.items():
        if whole and name in cluster.pools_asleep:
            continue  # it was stopped before, on its own
        if outcome == "Succeeded":
            asleep[name], pool["count"] = pool["count"], 0
        else:
            pool["powerState"] = {"code": "Running"}


def preempt(state: State, cluster: Cluster, now: datetime) -> None:
    """End whatever is in flight on a cluster because it is being deleted; AKS lets a deletion overtake everything."""
    for identifier in filter(None, (cluster.operation, *cluster.pool_operations.values())):
        for operation in (state.operations[identifier], state.operations.get(state.operations[identifier].aborts or "")):
            if operation is not None:
                operation.ended_at, operation.outcome, operation.aborted_by = now, "Failed", None
                operation.error = {
                    "code": "AKSOperationPreemptedByDelete",
                    "message": "This operation has been preempted by Deleting operation.",
                }
    cluster.operation = None
    cluster.pool_operations.clear()

"""Planning of node counts and autoscaler limits."""

from datetime import timedelta

from shared.model.clusters import Cluster, ClusterRef, NodePool, PoolMode, PowerState, Range
from shared.model.errors import Code, Fault, Refusal
from shared.model.plans import Plan, ScalePool, Step
from shared.model.requests import Scale
from shared.rules.goals import gap
from shared.rules.planning.survey import AlreadySo, Survey, existing, existing_pool, impossible

SCALE_LIMIT = timedelta(hours=1)
"""The slowest of 25 recorded scalings took under five minutes, the slowest of 1,315 cluster updates 18."""
MOST_NODES = 1000


def plan_scale(request: Scale, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """One step that sets the count, or the autoscaler's limits, of an existing pool of a running cluster."""
    cluster = existing(ref, survey)
    if isinstance(cluster, Refusal):
        return cluster
    pool = existing_pool(cluster, request.pool)
    if isinstance(pool, Refusal):
        return pool
    refusal = _impossible(request, cluster, pool)
    if refusal is not None:
        return refusal
    action = ScalePool(pool=pool.name, to=request.to)
    wanted = str(request.to) if isinstance(request.to, Range) else f"{request.to} nodes"
    missing = gap(action, cluster)
    step = Step(name=f"scale pool {pool.name} to {wanted}", action=action, limit=SCALE_LIMIT)
    because = f"pool {pool.name} has {wanted} already" if missing is None else missing
    plan = Plan(steps=(step,), because=because)
    return AlreadySo(plan=plan) if missing is None else plan


def _impossible(request: Scale, cluster: Cluster, pool: NodePool) -> Refusal | None:
    if isinstance(request.to, Range):
        wrong, pointer = range_fault(request.to, pool.mode), "/min"
    else:
        wrong, pointer = count_fault(request.to, pool.mode), "/count"
    if wrong is not None:
        message = f"pool {pool.name} cannot have {wrong}"
        return Refusal(code=Code.IMPOSSIBLE, message=message, faults=(Fault(pointer=pointer, message=wrong),), final=True)
    if PowerState.STOPPED in (cluster.power, pool.power):
        what = f"cluster {cluster.ref}" if cluster.power is PowerState.STOPPED else f"pool {pool.name}"
        return impossible(f"{what} is stopped, and AKS scales nothing that is stopped; start it first")
    if not isinstance(request.to, Range) and pool.autoscale is not None:
        message = (
            f"pool {pool.name} is scaled by the cluster autoscaler ({pool.autoscale}), which would undo a count of {request.to}; "
            f"ask for min and max instead of count"
        )
        return impossible(message, "/count")
    return None


def count_fault(count: int, mode: PoolMode) -> str | None:
    """What is wrong with a node count for a pool of that mode (AKS: 1 to 1000 for System, 0 to 1000 for User pools)."""
    least = 1 if mode is PoolMode.SYSTEM else 0
    return None if least <= count <= MOST_NODES else f"{count} nodes; a {mode} pool wants {least} to {MOST_NODES}"


def range_fault(autoscale: Range, mode: PoolMode) -> str | None:
    """What is wrong with autoscaler limits for a pool of that mode."""
    if autoscale.min > autoscale.max:
        return f"min {autoscale.min} above max {autoscale.max}; min must not exceed max"
    if autoscale.max < 1:
        return f"max {autoscale.max}; the autoscaler wants a max of 1 at least"
    return count_fault(autoscale.min, mode) or count_fault(autoscale.max, mode)

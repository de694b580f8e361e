"""Planning of starts and stops, of a cluster or of one of its pools.

The preconditions are AKS's own (learn.microsoft.com/azure/aks/start-stop-cluster and start-stop-nodepools), said before anything is begun.
"""

from datetime import timedelta

from shared.model.clusters import SCALE_SET, Cluster, ClusterRef, NodePool, PoolMode, PowerState
from shared.model.errors import Refusal
from shared.model.plans import Action, Plan, StartCluster, StartPool, Step, StopCluster, StopPool
from shared.model.requests import Start, Stop
from shared.rules.goals import gap, half_stopped
from shared.rules.planning.survey import AlreadySo, Survey, existing, existing_pool, impossible

POWER_LIMIT = timedelta(hours=1)
"""The slowest of 20 recorded stops took under 13 minutes, the slowest of 20 starts under six."""


def plan_power(request: Start | Stop, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """One step that starts or stops the cluster, or the pool that is named."""
    cluster = existing(ref, survey)
    if isinstance(cluster, Refusal):
        return cluster
    if request.pool is None:
        refusal = _unstoppable(cluster) if isinstance(request, Stop) else None
        action: Action = StopCluster() if isinstance(request, Stop) else StartCluster()
        what = f"cluster {ref.name}"
    else:
        pool = existing_pool(cluster, request.pool)
        if isinstance(pool, Refusal):
            return pool
        refusal = _pool_stays(request, cluster, pool)
        action = StopPool(pool=pool.name) if isinstance(request, Stop) else StartPool(pool=pool.name)
        what = f"pool {pool.name}"
    if refusal is not None:
        return refusal
    missing = gap(action, cluster)
    wanted = PowerState.STOPPED if isinstance(request, Stop) else PowerState.RUNNING
    step = Step(name=f"{request.action} {what}", action=action, limit=POWER_LIMIT)
    plan = Plan(steps=(step,), because=f"{what} is {wanted} already" if missing is None else missing)
    return AlreadySo(plan=plan) if missing is None else plan


def _unstoppable(cluster: Cluster) -> Refusal | None:
    """Why AKS cannot stop the cluster, if it cannot."""
    half = half_stopped(cluster)
    if half is not None:
        return impossible(half)
    if cluster.auto_provisioned:
        return impossible(f"cluster {cluster.ref} has node auto-provisioning, and AKS stops no such cluster; scale its pools down instead")
    other = next((pool for pool in cluster.pools if pool.type != SCALE_SET), None)
    if other is not None:
        return impossible(f"pool {other.name} of {cluster.ref} is of type {other.type}, and AKS stops only clusters of {SCALE_SET}")
    return None


def _pool_stays(request: Start | Stop, cluster: Cluster, pool: NodePool) -> Refusal | None:
    """Why AKS cannot start or stop the pool, if it cannot."""
    if cluster.power is PowerState.STOPPED:
        return impossible(f"cluster {cluster.ref} is stopped, and its pools are started and stopped only while it runs; start it first")
    if cluster.auto_provisioned:
        return impossible(f"cluster {cluster.ref} has node auto-provisioning, and AKS starts and stops no pool of such a cluster")
    if isinstance(request, Stop) and pool.mode is PoolMode.SYSTEM:
        return impossible(f"pool {pool.name} is a System pool, and AKS stops only User pools; stop the whole cluster instead", "/pool")
    if isinstance(request, Stop) and pool.type != SCALE_SET:
        return impossible(f"pool {pool.name} is of type {pool.type}, and AKS stops only pools of {SCALE_SET}", "/pool")
    return None

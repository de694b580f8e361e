"""What each action wants: `gap` is the only definition of done. Must not know states of steps, plans or time."""

from typing import assert_never

from shared.model.clusters import Absent, Cluster, Group, NodePool, PowerState, Provider, Range, Sight
from shared.model.plans import (
    Action,
    MakeCluster,
    MakeGroup,
    PoolAction,
    RegisterProvider,
    RemoveCluster,
    RemoveGroup,
    ScalePool,
    StartCluster,
    StartPool,
    StopCluster,
    StopPool,
    UpgradeControlPlane,
    UpgradePool,
)
from shared.model.requests import PoolSpec


def gap(action: Action, sight: Sight) -> str | None:
    """What is still missing for the action's goal to hold, in words for an operator; None if it holds.

    Done means the wanted value *and* a provisioning state of Succeeded, of the cluster and of every pool: AKS shows wanted values the
    moment it accepts a PUT. Raises TypeError if the sight is not of what the action is about.
    """
    match action, sight:
        case RegisterProvider(), Provider():
            return None if sight.state == "Registered" else f"provider {sight.namespace} is {sight.state}, want Registered"
        case MakeGroup(), Group():
            return None if sight.state == "Succeeded" else f"resource group {sight.name} is {sight.state}, want Succeeded"
        case RemoveGroup(), Group():
            return f"resource group {sight.name} is {sight.state}, want it gone"
        case ((RemoveGroup() | RemoveCluster()), Absent()):
            return None
        case RemoveCluster(), Cluster():
            return f"cluster {sight.ref.name} is {sight.state}, want it gone"
        case _, Absent() if not isinstance(action, RegisterProvider):
            return f"{sight.what} does not exist"
        case MakeCluster(), Cluster():
            return _cluster_gap(action, sight)
        case StartCluster(), Cluster():
            return _power_gap(PowerState.RUNNING, sight) or sight.unsettled
        case StopCluster(), Cluster():
            return _power_gap(PowerState.STOPPED, sight) or sight.unsettled
        case UpgradeControlPlane(version=version), Cluster():
            return _control_plane_gap(version, sight) or sight.unsettled
        case ((ScalePool() | StartPool() | StopPool() | UpgradePool()), Cluster()):
            return _pool_gap(action, sight) or sight.unsettled
        case _:
            message = f"{action.kind} is not about a {type(sight).__name__}"
            raise TypeError(message)


def busy(sight: Sight) -> bool:
    """Whether Azure is at work on what was seen, so that a call now would be refused or would pre-empt somebody."""
    match sight:
        case Cluster() | Group():
            return sight.busy
        case Provider():
            return sight.state in {"Registering", "Unregistering"}
        case Absent():
            return False
        case _:
            assert_never(sight)


def called_off(action: Action, sight: Sight) -> bool:
    """Whether what Azure did last with the pool or cluster that the action is about was aborted."""
    if not isinstance(sight, Cluster):
        return False
    about = sight.pool(action.pool) if isinstance(action, PoolAction) else sight
    return about is not None and about.state == "Canceled"


def unreachable(action: Action, sight: Sight) -> str | None:
    """Why the goal can never hold from what was seen, whatever is sent; None if it can."""
    match action, sight:
        case RemoveGroup(), Group() if sight.clusters:
            return f"resource group {sight.name} holds {', '.join(sight.clusters)}, which nobody asked to delete"
        case ((RegisterProvider() | MakeGroup() | RemoveGroup() | MakeCluster() | RemoveCluster()), _):
            return None
        case _, Absent():
            return f"{sight.what} does not exist any more"
        case StartCluster(), _:
            return None
        case StopCluster(), Cluster():
            return half_stopped(sight)
        case _, Cluster() if sight.power is PowerState.STOPPED and not sight.busy:
            return f"cluster {sight.ref.name} was stopped meanwhile, and AKS changes nothing that is stopped; start it, then ask again"
        case UpgradeControlPlane(version=version), Cluster():
            shown = None if sight.busy else sight.current_version or sight.version  # what AKS is at may fail yet
            return _passed(version, shown, f"the control plane of {sight.ref.name}")
        case ((ScalePool(pool=name) | StartPool(pool=name) | StopPool(pool=name) | UpgradePool(pool=name)), Cluster()):
            pool = sight.pool(name)
            if pool is None:
                return f"cluster {sight.ref.name} has no pool {name} any more"
            return _passed(action.version, pool.version, f"pool {name}") if isinstance(action, UpgradePool) and not sight.busy else None
        case _:
            return None


def half_stopped(cluster: Cluster) -> str | None:
    """Why a cluster can be stopped no further though it is not settled, if it cannot: AKS stops only what runs."""
    if cluster.power is not PowerState.STOPPED or cluster.busy or cluster.unsettled is None:
        return None
    return f"{cluster.unsettled}, though it is stopped, and AKS stops only what runs; start it, then stop it again"


def occupied(action: Action, sight: Sight) -> str | None:
    """Why a call that was never made must not be: it would change what somebody else has made since the plan; None if its place is free."""
    match action, sight:
        case MakeCluster(), Cluster():
            return f"cluster {sight.ref.name} was made by somebody else meanwhile and is not what is asked"
        case _:
            return None


def _cluster_gap(action: MakeCluster, cluster: Cluster) -> str | None:
    if cluster.location.replace(" ", "").lower() != action.location:
        return f"cluster {cluster.ref.name} is in {cluster.location}, want {action.location}"
    if action.version is not None and not covers(action.version, cluster):
        return f"cluster {cluster.ref.name} is at {cluster.version}, want {action.version}"
    for spec in action.pools:
        pool = cluster.pool(spec.name)
        if pool is None:
            return f"cluster {cluster.ref.name} has no pool {spec.name}"
        missing = _spec_gap(spec, pool)
        if missing is not None:
            return missing
    extra = [pool.name for pool in cluster.pools if pool.name not in {spec.name for spec in action.pools}]
    if extra:
        return f"cluster {cluster.ref.name} has a pool {extra[0]} that is not wanted"
    if cluster.tier is not None and cluster.tier != action.tier:
        return f"cluster {cluster.ref.name} is of tier {cluster.tier}, want {action.tier}"
    missing_tag = next((name for name, value in action.tags.items() if cluster.tags.get(name) != value), None)
    if missing_tag is not None:
        return f"cluster {cluster.ref.name} lacks the wanted value of tag {missing_tag!a}"
    return cluster.unsettled


def _spec_gap(spec: PoolSpec, pool: NodePool) -> str | None:
    if pool.vm_size.lower() != spec.vm_size.lower():
        return f"pool {pool.name} has VM size {pool.vm_size}, want {spec.vm_size}"
    if pool.mode is not spec.mode:
        return f"pool {pool.name} is of mode {pool.mode}, want {spec.mode}"
    if pool.os is not spec.os:
        return f"pool {pool.name} runs {pool.os}, want {spec.os}"
    return _different(spec, pool) or _count_gap(spec.autoscale or spec.count, pool)


def _different(spec: PoolSpec, pool: NodePool) -> str | None:
    """Which of the things that were asked for on purpose the pool has otherwise; what was left to AKS is not compared."""
    if spec.os_disk_gb not in (None, pool.os_disk_gb):
        return f"pool {pool.name} has OS disks of {pool.os_disk_gb} GB, want {spec.os_disk_gb}"
    if spec.max_pods not in (None, pool.max_pods):
        return f"pool {pool.name} has max_pods {pool.max_pods}, want {spec.max_pods}"
    if spec.zones and sorted(spec.zones) != sorted(pool.zones):
        return f"pool {pool.name} is in zones {', '.join(pool.zones) or 'none'}, want {', '.join(spec.zones)}"
    label = next((name for name, value in spec.labels.items() if pool.labels.get(name) != value), None)
    if label is not None:
        return f"pool {pool.name} lacks the wanted value of label {label!a}"
    taint = next((taint for taint in spec.taints if taint not in pool.taints), None)
    return None if taint is None else f"pool {pool.name} lacks the taint {taint!a}"


def _power_gap(wanted: PowerState, cluster: Cluster) -> str | None:
    return None if cluster.power is wanted else f"cluster {cluster.ref.name} is {cluster.power}, want {wanted}"


def _control_plane_gap(wanted: str, cluster: Cluster) -> str | None:
    shown = cluster.current_version or cluster.version
    return None if shown == wanted else f"the control plane of {cluster.ref.name} is at {shown}, want {wanted}"


def _passed(wanted: str, shown: str | None, what: str) -> str | None:
    """Why a version cannot be reached any more: somebody has gone beyond it, and AKS never goes back."""
    from shared.model.versions import KubernetesVersion

    try:
        beyond = shown is not None and KubernetesVersion.parse(shown) > KubernetesVersion.parse(wanted)
    except ValueError:
        return None
    return f"{what} is at {shown} meanwhile, beyond {wanted}, and AKS goes back to no version" if beyond else None


def _pool_gap(action: PoolAction, cluster: Cluster) -> str | None:
    """What is missing of the pool's own values; whether it has settled is the cluster's to say."""
    pool = cluster.pool(action.pool)
    if pool is None:
        return f"cluster {cluster.ref.name} has no pool {action.pool}"
    match action:
        case ScalePool(to=to):
            return _count_gap(to, pool)
        case StartPool():
            return _pool_power_gap(PowerState.RUNNING, pool)
        case StopPool():
            return _pool_power_gap(PowerState.STOPPED, pool)
        case UpgradePool(version=version):
            return None if pool.version == version else f"pool {pool.name} is at {pool.version}, want {version}"
        case _:
            assert_never(action)


def _pool_power_gap(wanted: PowerState, pool: NodePool) -> str | None:
    return None if pool.power is wanted else f"pool {pool.name} is {pool.power}, want {wanted}"


def _count_gap(to: int | Range, pool: NodePool) -> str | None:
    if isinstance(to, Range):
        if pool.autoscale == to:
            return None
        has = f"the autoscaler at {pool.autoscale}" if pool.autoscale is not None else "no autoscaler"
        return f"pool {pool.name} has {has}, want {to}"
    if pool.autoscale is not None:
        return f"pool {pool.name} has the autoscaler at {pool.autoscale}, want {to} nodes without it"
    return None if pool.count == to else f"pool {pool.name} has {pool.count} {'node' if pool.count == 1 else 'nodes'}, want {to}"


def covers(wanted: str, cluster: Cluster) -> bool:
    """Whether the cluster's version is the wanted one: `1.34` covers every patch of it, `1.34.2` only itself."""
    shown = cluster.current_version or cluster.version
    return wanted in (cluster.version, shown) or shown.startswith(f"{wanted}.")

"""Planning of upgrades: which version is meant, whether AKS offers it, and in which order it is reached.

The rules are AKS's own (learn.microsoft.com/azure/aks/upgrade-aks-control-plane and supported-kubernetes-versions): the control plane goes
first and one minor at a time, a pool is never ahead of it, moves one minor at a time too, and nothing goes back.
"""

from datetime import timedelta

from shared.model.clusters import Cluster, ClusterRef, NodePool, PowerState
from shared.model.errors import Code, Refusal
from shared.model.plans import Plan, Step, UpgradeControlPlane, UpgradePool
from shared.model.requests import Upgrade
from shared.model.versions import KubernetesVersion, Offer
from shared.rules.goals import gap
from shared.rules.planning.survey import AlreadySo, Survey, existing, impossible

LATEST = "latest"
CONTROL_PLANE_LIMIT = timedelta(hours=2)
"""The slowest of 63 recorded upgrades, pools included, took 26 minutes."""
POOL_LIMIT, LIMIT_A_NODE, MOST_POOL_LIMIT = timedelta(hours=2), timedelta(minutes=10), timedelta(hours=24)
"""A pool is drained node by node, and AKS waits up to 30 minutes for each that will not drain before it gives up."""


def plan_upgrade(request: Upgrade, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """The control plane, then each pool that is behind, all to one pinned patch. Refused with what is offered, where that is the reason."""
    cluster = existing(ref, survey)
    if isinstance(cluster, Refusal):
        return cluster
    if cluster.power is PowerState.STOPPED:
        return _impossible(f"cluster {ref} is stopped, and AKS upgrades nothing that is stopped; start it first")
    try:
        current = KubernetesVersion.parse(cluster.current_version or cluster.version)
    except ValueError as fault:
        return _impossible(f"the control plane of {ref} shows no version to start from: {fault}")
    if not isinstance(survey.offer, Offer):
        message = f"cluster {ref} was not there yet when it was asked what AKS offers it; ask again"
        return Refusal(code=Code.CHANGED_MEANWHILE, message=message)
    target = _target(request.version, current, survey.offer)
    if isinstance(target, Refusal):
        return target
    lagging = _too_far_behind(cluster, target)
    if lagging is not None:
        return lagging
    steps = [Step(name=f"control plane to {target}", action=UpgradeControlPlane(version=str(target)), limit=CONTROL_PLANE_LIMIT)]
    steps += [
        Step(name=f"pool {pool.name} to {target}", action=UpgradePool(pool=pool.name, version=str(target)), limit=_pool_limit(pool))
        for pool in cluster.pools
    ]
    missing = [(step, why) for step in steps if (why := gap(step.action, cluster)) is not None]
    if not missing:
        because = f"the control plane and every pool of {ref.name} are at {target} already"
        return AlreadySo(plan=Plan(steps=tuple(steps), because=because))
    return Plan(steps=tuple(step for step, _ in missing), because=missing[0][1])


def _target(wanted: str | None, current: KubernetesVersion, offer: Offer) -> KubernetesVersion | Refusal:
    """The patch that is meant. A minor that the control plane runs already means the patch it runs, as it does to AKS."""
    if wanted is None:
        newest = offer.newest(current.family)
        return current if newest is None else max(newest.version, current)
    if wanted == LATEST:
        newer = [target.version for target in offer.targets if not target.preview and target.version > current]
        near = [version for version in newer if current.hops_to(version) <= 1]
        return _too_far(wanted, current, offer) if newer and not near else max([current, *near])
    family = wanted.count(".") == 1
    version = KubernetesVersion.parse(f"{wanted}.0" if family else wanted)
    if version == current or (family and version.family == current.family):
        return current
    if current.hops_to(version) < 0 or (not family and version < current):
        return _impossible(f"the control plane is at {current}, and AKS goes back to no version; it offers {_listed(offer)}")
    if current.hops_to(version) > 1:
        return _too_far(wanted, current, offer)
    found = offer.newest(version.family) if family else offer.find(version)
    if found is not None:
        return found.version
    if family and any(target.version.family == version.family for target in offer.targets):
        why = f"AKS offers this cluster {wanted} only as a preview, which must be asked for by its patch"
    else:
        why = f"AKS does not offer this cluster {wanted}"
    return _impossible(f"{why}; the control plane is at {current}, and AKS offers {_listed(offer)}")


def _too_far(wanted: str, current: KubernetesVersion, offer: Offer) -> Refusal:
    """A minor after the next. AKS offers one at once where the next is out of support, but to the cluster whole, never in steps."""
    following = f"{current.major}.{current.minor + 1}"
    if any(target.version.family == following for target in offer.targets):
        way = f"ask for {following} first"
    else:
        way = f"{following} is not offered any more, so this cluster has to be upgraded whole and by hand"
    ahead = f"the control plane is at {current}, and {wanted} is more than one minor ahead of it"
    return _impossible(f"{ahead}; {way}; AKS offers {_listed(offer)}")


def _listed(offer: Offer) -> str:
    return ", ".join(f"{target.version}{' (preview)' if target.preview else ''}" for target in offer.targets) or "nothing newer"


def _too_far_behind(cluster: Cluster, target: KubernetesVersion) -> Refusal | None:
    """Why a pool cannot follow the control plane to the target, if one cannot."""
    for pool in cluster.pools:
        try:
            version = KubernetesVersion.parse(pool.version or "")
        except ValueError:
            continue
        if version.hops_to(target) > 1:
            first = f"{version.major}.{version.minor + 1}"
            help_ = f"ask for {first} first" if (cluster.current_version or "").startswith(f"{first}.") else f"bring it to {first} first"
            return _impossible(
                f"pool {pool.name} is at {version}, {version.hops_to(target)} minors before {target}, and AKS moves a pool one minor at a "
                f"time; {help_}"
            )
    return None


def _pool_limit(pool: NodePool) -> timedelta:
    nodes = pool.count if pool.autoscale is None else max(pool.count, pool.autoscale.max)  # it may have grown when its turn comes
    return min(POOL_LIMIT + LIMIT_A_NODE * nodes, MOST_POOL_LIMIT)


def _impossible(message: str) -> Refusal:
    return impossible(message, "/version")

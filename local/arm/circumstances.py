"""What the obstacles of the world mean for a request: refused at once, let in to fail later, or nothing at all. Decided when it begins.

Nodes are counted by what really runs, not by what profiles show: who starts or grows takes its nodes at once, who stops or shrinks gives
them back when that has ended. A pool gets all the nodes that it wants or none; a cluster's pools are served in order until one is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from local.arm import catalogue, refusals, shortages, sizes
from local.arm.call import Call
from local.arm.records import Cluster, Ended, LongOperation, Nodes, State, key
from local.arm.refusals import Refused
from local.arm.wire import Json

DRAIN_TIMEOUT = 30
"""Minutes that the drain of one node may take, unless its pool says otherwise (the SDK's text on drainTimeoutInMinutes)."""

_SEEN_WITHIN = timedelta(hours=12)
_FIRST_CHECKED_MINOR = 26
"""A deprecated API blocks upgrades to this minor or later, if it was used within these hours before
(learn.microsoft.com/azure/aks/stop-cluster-upgrade-api-breaking-changes)."""

_SHRINKING = {"stop", "delete", "abort"}
_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How circumstances end an operation: Failed, this much later than planned; only the pools in `reached` have what they wanted."""

    error: Json
    reached: tuple[str, ...]
    later: timedelta = timedelta(0)


# --------------------------------------------------------------------------------------------------------------------- the answers


def admit(call: Call, wanted: Cluster, verb: str, *, pool: str | None = None) -> None:
    """Refuse what AKS checks before it lets a request in; `wanted` is the cluster as it would be, the state still has it as it is.

    That is the number of clusters, vCPU quota with the surge nodes of an upgrade, deprecated APIs, and budgets that can never be met.
    """
    current = call.state.clusters.get(wanted.key)
    if current is None:
        _require_cluster_quota(call.state, wanted)
    else:
        _require_no_deprecated_api(call, current, wanted)
    changes = list(_changes(wanted, verb, pool))
    _require_satisfiable_budgets(call, wanted, changes)
    lacking = _lacking_quota(call.state, wanted, changes)
    if lacking is not None:
        raise Refused(refusals.flat(400, lacking["code"], lacking["message"]))


def decide(call: Call, cluster: Cluster, operation: LongOperation) -> None:
    """Let an operation that is about to begin end as circumstances will have it; an outcome scripted by a fault goes before them."""
    ending = None if call.outcome is not None else verdict(call, cluster, operation.verb, operation.pool)
    if ending is not None:
        operation.outcome, operation.error, operation.reached = "Failed", ending.error, list(ending.reached)
        operation.ends_at = None if operation.ends_at is None else operation.ends_at + ending.later


def verdict(call: Call, cluster: Cluster, verb: str, pool: str | None) -> Ending | None:
    """How an operation will fail for lack of nodes or by a drain that is blocked; None if nothing is in its way."""
    served: list[_Change] = []
    for change in _changes(cluster, verb, pool):
        later = timedelta(0)
        error = _lacking_capacity(call.state, cluster, [*served, change])
        if error is None and verb == "start":
            error = _lacking_quota(call.state, cluster, [*served, change])  # nobody checks a start beforehand (ours)
        if error is None and change.drains and not _forced(cluster, call.now):
            error = _blocked_drain(call.state, cluster, change.pool)
            later = timedelta(minutes=_drain_timeout(cluster.pools[change.pool]))
        if error is not None:
            return Ending(error=error, reached=tuple(one.pool for one in served), later=later)
        served.append(change)
    return None


def settle(cluster: Cluster, operation: LongOperation, outcome: Ended) -> None:
    """Note what really runs once an operation has ended.

    Where circumstances made it fail, pools that were not reached show their old version and image again; a count goes on showing what
    was wanted.
    """
    fell = outcome == "Failed" and operation.reached is not None
    for name in cluster.pools if operation.pool is None else (operation.pool,):
        profile = cluster.pools[name]
        if outcome == "Succeeded" or (fell and name in (operation.reached or ())):
            cluster.nodes[name] = Nodes(
                count=profile["count"],
                version=profile["orchestratorVersion"],
                patch=profile["currentOrchestratorVersion"],
                image=profile["nodeImageVersion"],
            )
        elif fell and name in cluster.nodes:
            real = cluster.nodes[name]
            profile |= {"orchestratorVersion": real.version, "currentOrchestratorVersion": real.patch, "nodeImageVersion": real.image}


# ----------------------------------------------------------------------------------------------------------- what would be changed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What an operation does to one pool: it has `before` nodes and needs `most` until it has ended; `drains` those it had."""

    pool: str
    vm_size: str
    before: int
    most: int
    drains: bool

    @property
    def more(self) -> int:
        """The nodes that it needs beside those it has."""
        return self.most - self.before

    def counts_as(self, family: str) -> bool:
        """Whether its nodes are of that family."""
        return family == _ANY or sizes.family(self.vm_size).casefold() == family.casefold()


def _changes(cluster: Cluster, verb: str, pool: str | None) -> Iterator[_Change]:
    """What an operation does to its pools, by what they have and what their profiles ask for."""
    if verb in _SHRINKING:
        return
    for name, profile in cluster.pools.items():
        if pool in {None, name}:
            real = cluster.nodes.get(name)
            before = 0 if real is None else real.count
            renewed = real is not None and (verb == "upgrade_image" or real.patch != profile["currentOrchestratorVersion"])
            drains = renewed and before > 0
            most = max(before, profile["count"]) + (_surge(profile, before) if drains else 0)
            yield _Change(pool=name, vm_size=profile["vmSize"], before=before, most=most, drains=drains)


def _surge(profile: Json, count: int) -> int:
    """The nodes that an upgrade adds for a while: a number, or a share of the pool, rounded up."""
    asked = str(profile["upgradeSettings"]["maxSurge"])
    share = asked.removesuffix("%")
    if not share.isdecimal():
        return 1
    return ceil(count * int(share) / 100) if asked.endswith("%") else int(share)


def _drain_timeout(profile: Json) -> int:
    return int(profile["upgradeSettings"].get("drainTimeoutInMinutes", DRAIN_TIMEOUT))


def _forced(cluster: Cluster, now: datetime) -> bool:
    """Whether upgrades are forced at that time: the override must be on and have an end that is still to come."""
    override: Json = (cluster.body["properties"].get("upgradeSettings") or {}).get("overrideSettings") or {}
    if override.get("forceUpgrade") is not True:
        return False
    try:
        return datetime.fromisoformat(override.get("until") or "") > now
    except ValueError:  # none, or the form of an instant without being one: 30 February
        return False


# ---------------------------------------------------------------------------------------------------------------- how much there is


def _held(state: State, cluster: Cluster, pool: str) -> int:
    """The nodes that a pool has, or that are promised to an operation in flight on it."""
    operation = state.operations.get(cluster.operation or cluster.pool_operations.get(pool) or "")
    real = cluster.nodes.get(pool)
    has = 0 if real is None else real.count
    if operation is None:
        return has
    if operation.outcome != "Succeeded" and pool not in (operation.reached or ()):
        return has
    return max([change.most for change in _changes(cluster, operation.verb, pool)], default=has)


def _used(state: State, region: str, family: str, subscription: str | None = None) -> tuple[int, int]:
    """The nodes and vCPUs of a family that are taken in a region, by a subscription or by all."""
    nodes = vcpus = 0
    for cluster in state.clusters.values():
        if cluster.location != region or subscription not in {None, key(cluster.subscription)}:
            continue
        for name, profile in cluster.pools.items():
            if family == _ANY or sizes.family(profile["vmSize"]).casefold() == family.casefold():
                held = _held(state, cluster, name)
                nodes, vcpus = nodes + held, vcpus + held * sizes.vcpus(profile["vmSize"])
    return nodes, vcpus


def _lacking_capacity(state: State, cluster: Cluster, changes: Sequence[_Change]) -> Json | None:
    """The error of the last change if its nodes do not fit beside all others."""
    last = changes[-1]
    if not last.more:
        return None
    for limit in state.obstacles.capacity:
        if limit.region != cluster.location or not last.counts_as(limit.family):
            continue
        nodes, vcpus = _used(state, limit.region, limit.family)
        for change in changes:
            if change.counts_as(limit.family):
                nodes, vcpus = nodes + change.more, vcpus + change.more * sizes.vcpus(change.vm_size)
        if (limit.nodes is not None and nodes > limit.nodes) or (limit.vcpus is not None and vcpus > limit.vcpus):
            profile = cluster.pools[last.pool]
            ephemeral = profile["osDiskType"] == "Ephemeral"
            return shortages.nodes_not_allocated(zonal=bool(profile.get("availabilityZones")), ephemeral=ephemeral)
    return None


def _lacking_quota(state: State, cluster: Cluster, changes: Sequence[_Change]) -> Json | None:
    subscription = key(cluster.subscription)
    for quota in state.obstacles.quotas.vcpus:
        if quota.region != cluster.location or quota.subscription.casefold() not in {_ANY, subscription}:
            continue
        counted = [change for change in changes if change.counts_as(quota.family)]
        requested = sum(change.more * sizes.vcpus(change.vm_size) for change in counted)
        left = max(0, quota.vcpus - _used(state, quota.region, quota.family, subscription)[1])
        if requested > left:
            family = None if quota.family == _ANY else sizes.family(counted[0].vm_size)
            return shortages.vcpus_exceed_quota(quota.region, family, left, requested)
    return None


def _require_cluster_quota(state: State, wanted: Cluster) -> None:
    subscription = key(wanted.subscription)
    for quota in state.obstacles.quotas.clusters:
        if quota.region == wanted.location and quota.subscription.casefold() in {_ANY, subscription}:
            used = sum(cluster.location == quota.region for cluster in state.clusters_in(wanted.subscription))
            if used >= quota.clusters:
                raise Refused(shortages.clusters_exceed_quota(quota.clusters, used))


# --------------------------------------------------------------------------------------------------------------- what blocks upgrades


def _blocked_drain(state: State, cluster: Cluster, pool: str) -> Json | None:
    for budget in state.obstacles.pdbs:
        if _is(budget.cluster, cluster) and budget.pool in {None, pool}:
            number = int(cluster.body["properties"]["resourceUID"][:8], 16) % 10**8
            return shortages.drain_blocked(f"aks-{pool}-{number:08}-vmss000000", budget.pod, budget.name)
    return None


def _require_satisfiable_budgets(call: Call, wanted: Cluster, changes: Sequence[_Change]) -> None:
    """The check looks at the whole cluster, whichever pool is upgraded (issue 4839 of Azure/AKS)."""
    if any(change.drains for change in changes) and not _forced(wanted, call.now):
        budgets = [budget.name for budget in call.state.obstacles.pdbs if budget.seen_beforehand and _is(budget.cluster, wanted)]
        if budgets:
            raise Refused(shortages.budgets_unsatisfiable(budgets))


def _require_no_deprecated_api(call: Call, current: Cluster, wanted: Cluster) -> None:
    here, there = (_minor(cluster.body["properties"]["currentKubernetesVersion"]) for cluster in (current, wanted))
    if there <= here or there < _FIRST_CHECKED_MINOR or _forced(wanted, call.now):
        return
    usages = [
        (usage.api, usage.seen_at or call.now.replace(minute=0, second=0, microsecond=0), usage.removed_in)
        for usage in call.state.obstacles.deprecated_apis
        if _is(usage.cluster, wanted)
        and here < _minor(usage.removed_in) <= there
        and (usage.seen_at is None or usage.seen_at >= call.now - _SEEN_WITHIN)
    ]
    if usages:
        raise Refused(shortages.deprecated_apis_used(usages))


def _minor(version: str) -> int:
    return catalogue.order(version)[1]


def _is(named: str, cluster: Cluster) -> bool:
    """Whether a cluster is the one that an obstacle names as group/name."""
    return key(named) == key(cluster.group, cluster.name)

"""Planning of new clusters. Knows AKS's own limits for what is asked; must not know how a cluster is made."""

import re
from datetime import timedelta

from shared.model.clusters import Absent, Cluster, ClusterRef, Group, OsType, PoolMode, Range
from shared.model.errors import Code, Fault, Refusal
from shared.model.plans import MakeCluster, MakeGroup, Plan, RegisterProvider, Step
from shared.model.requests import Create, PoolSpec
from shared.rules.goals import gap
from shared.rules.planning.scale import count_fault, range_fault
from shared.rules.planning.survey import AlreadySo, Survey

SHORT_LIMIT = timedelta(hours=1)
"""For steps that take Azure seconds or minutes. No limit may be shorter: a worker's death hides its message for ten minutes, and a lost
wake-up is found within twenty, so a shorter one would fail a step for our own bad luck."""
CREATE_LIMIT = timedelta(hours=2)
"""The slowest of 1,841 recorded creates took 73 minutes; half of them under four."""
MOST_POOLS = 100
LEAST_MAX_PODS, MOST_MAX_PODS = 10, 250

_POOL_NAME = {OsType.LINUX: re.compile(r"[a-z][a-z0-9]{0,10}", re.ASCII), OsType.WINDOWS: re.compile(r"[a-z][a-z0-9]{0,5}", re.ASCII)}
"""AKS's documents disagree on 11 or 12 characters for Linux; 11 is safe on both."""
_DNS_PREFIX = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,52}[A-Za-z0-9])?", re.ASCII)


def plan_create(request: Create, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """Provider registered, group made if asked, cluster made with all its pools; refused if another cluster has the name."""
    faults = tuple(_faults(request))
    if faults:
        message = f"cluster {ref} cannot be made as asked: {'; '.join(fault.message for fault in faults)}"
        return Refusal(code=Code.IMPOSSIBLE, message=message, faults=faults, final=True)
    make = MakeCluster(
        location=request.location,
        version=request.version,
        tier=request.tier,
        dns_prefix=request.dns_prefix or _dns_prefix(ref),
        pools=request.pools,
        tags=request.tags,
    )
    steps = [Step(name="register the resource provider", action=RegisterProvider(), limit=SHORT_LIMIT)]
    if request.create_resource_group:
        steps.append(Step(name=f"make resource group {ref.group}", action=MakeGroup(location=request.location), limit=SHORT_LIMIT))
    nodes = sum(pool.count for pool in request.pools)
    steps.append(Step(name=f"make cluster {ref.name} with {_counted(nodes, 'node')}", action=make, limit=CREATE_LIMIT))
    plan = Plan(steps=tuple(steps), because=f"cluster {ref} is wanted in {request.location} with {_counted(len(request.pools), 'pool')}")
    return _judged(plan, make, ref, survey, request)


def _judged(plan: Plan, make: MakeCluster, ref: ClusterRef, survey: Survey, request: Create) -> Plan | AlreadySo | Refusal:
    if isinstance(survey.cluster, Cluster):
        missing = gap(make, survey.cluster)
        prefix = survey.cluster.dns_prefix
        if request.dns_prefix not in (None, prefix):
            missing = missing or f"its DNS prefix is {prefix}, want {request.dns_prefix}"
        if missing is None:
            return AlreadySo(plan=plan)
        message = f"cluster {ref} exists already and is not what is asked: {missing}; choose another name, or change the one that exists"
        return Refusal(code=Code.CLUSTER_EXISTS, message=message)
    if isinstance(survey.group, Absent) and not request.create_resource_group:
        message = f"resource group {ref.group} does not exist; make it first, or ask with create_resource_group true"
        return Refusal(code=Code.IMPOSSIBLE, message=message)
    if isinstance(survey.group, Group) and survey.group.state == "Deleting":
        message = f"resource group {ref.group} is being deleted; wait until it is gone, or choose another"
        return Refusal(code=Code.IMPOSSIBLE, message=message)
    return plan


def _faults(request: Create) -> list[Fault]:
    faults: list[Fault] = []
    if not 1 <= len(request.pools) <= MOST_POOLS:
        faults.append(Fault(pointer="/pools", message=f"{len(request.pools)} pools, want 1 to {MOST_POOLS}"))
    elif all(pool.mode is not PoolMode.SYSTEM for pool in request.pools):
        faults.append(Fault(pointer="/pools", message="no pool of mode System, want at least one"))
    names = [pool.name for pool in request.pools]
    for n, pool in enumerate(request.pools):
        if pool.name in names[:n]:
            faults.append(Fault(pointer=f"/pools/{n}/name", message=f"pool name {pool.name!a} is there twice, want each once"))
        faults.extend(_pool_faults(pool, f"/pools/{n}"))
    if request.dns_prefix is not None and not _DNS_PREFIX.fullmatch(request.dns_prefix):
        message = (
            f"dns_prefix {request.dns_prefix[:60]!a}, want 1 to 54 letters, digits and hyphens that begin and end with a letter or digit"
        )
        faults.append(Fault(pointer="/dns_prefix", message=message))
    return faults


def _pool_faults(pool: PoolSpec, pointer: str) -> list[Fault]:
    faults: list[Fault] = []
    if not _POOL_NAME[pool.os].fullmatch(pool.name):
        most = 11 if pool.os is OsType.LINUX else 6
        message = (
            f"pool name {pool.name[:60]!a}, want a lower-case letter, then letters and digits, {most} characters at most for {pool.os}"
        )
        faults.append(Fault(pointer=f"{pointer}/name", message=message))
    if pool.mode is PoolMode.SYSTEM and pool.os is not OsType.LINUX:
        faults.append(Fault(pointer=f"{pointer}/os", message=f"pool {pool.name!a} is a System pool on {pool.os}, want Linux"))
    wrong = count_fault(pool.count, pool.mode)
    if wrong is not None:
        faults.append(Fault(pointer=f"{pointer}/count", message=f"pool {pool.name!a} has {wrong}"))
    if pool.autoscale is not None:
        faults.extend(_autoscale_faults(pool, pool.autoscale, pointer))
    if pool.max_pods is not None and not LEAST_MAX_PODS <= pool.max_pods <= MOST_MAX_PODS:
        message = f"pool {pool.name!a} has max_pods {pool.max_pods}, want {LEAST_MAX_PODS} to {MOST_MAX_PODS}"
        faults.append(Fault(pointer=f"{pointer}/max_pods", message=message))
    return faults


def _autoscale_faults(pool: PoolSpec, autoscale: Range, pointer: str) -> list[Fault]:
    wrong = range_fault(autoscale, pool.mode)
    if wrong is not None:
        return [Fault(pointer=f"{pointer}/min", message=f"pool {pool.name!a} has {wrong}")]
    if not autoscale.min <= pool.count <= autoscale.max:
        message = f"pool {pool.name!a} begins with {pool.count} nodes, want a count within its autoscaler's {autoscale}"
        return [Fault(pointer=f"{pointer}/count", message=message)]
    return []


def _dns_prefix(ref: ClusterRef) -> str:
    """A DNS prefix from the names, as AKS's own tools make one: letters, digits and hyphens, 54 at most."""
    words = re.sub(r"[^A-Za-z0-9-]", "", f"{ref.name}-{ref.group}").strip("-")
    return words[:54].strip("-") or "cluster"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

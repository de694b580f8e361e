"""Readable defaults for tests: a cluster, a pool, a request, an operation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.model.clusters import Cluster, ClusterRef, NodePool, OsType, PoolMode, PowerState
from shared.model.operations import Operation, Waiting
from shared.model.plans import Action, Plan, ScalePool, Step
from shared.model.requests import Create, Door, Origin, PoolSpec, Request, Scale, Submission
from shared.model.versions import KubernetesVersion, Offer, Target

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WEB = ClusterRef(subscription=SUBSCRIPTION, group="prod-rg", name="web")
HTTP = Origin(door=Door.HTTP, caller="function-key")
QUEUE = Origin(door=Door.QUEUE, caller="cluster-requests", reply_to="chat-replies", correlation="c-1")


def a_pool(name: str = "user", **changes: Any) -> NodePool:
    """A settled Linux user pool of two nodes."""
    pool = NodePool(
        name=name,
        mode=PoolMode.USER,
        os=OsType.LINUX,
        vm_size="Standard_D4s_v5",
        count=2,
        autoscale=None,
        version="1.35.4",
        power=PowerState.RUNNING,
        state="Succeeded",
    )
    return replace(pool, **changes)


def a_cluster(*pools: NodePool, **changes: Any) -> Cluster:
    """A settled, running cluster with a system pool and whatever else is given (by default one user pool)."""
    system = a_pool("system", mode=PoolMode.SYSTEM, count=1)
    cluster = Cluster(
        ref=WEB,
        location="westeurope",
        version="1.35",
        current_version="1.35.4",
        state="Succeeded",
        power=PowerState.RUNNING,
        pools=(system, *(pools or (a_pool(),))),
        etag="etag-1",
    )
    return replace(cluster, **changes)


def an_offer(*versions: str, previews: tuple[str, ...] = ()) -> Offer:
    """What AKS offers a cluster's control plane: releases, and previews, in the order of their versions."""
    targets = [Target(version=KubernetesVersion.parse(text), preview=text in previews) for text in (*versions, *previews)]
    return Offer(targets=tuple(sorted(targets, key=lambda target: target.version)))


def a_spec(name: str = "system", **changes: Any) -> PoolSpec:
    """A System pool of one node."""
    return replace(PoolSpec(name=name, mode=PoolMode.SYSTEM, vm_size="Standard_D4s_v5", count=1), **changes)


def a_create(**changes: Any) -> Create:
    """A cluster with a system pool of one node and a user pool of two."""
    pools = (a_spec(), a_spec("user", mode=PoolMode.USER, count=2))
    return replace(Create(location="westeurope", pools=pools, create_resource_group=True), **changes)


def a_submission(request: Request | None = None, **changes: Any) -> Submission:
    """A request to scale pool `user` of prod-rg/web to five nodes, by HTTP."""
    request = request or Scale(pool="user", to=5)
    return replace(Submission(request=request, cluster=WEB, origin=HTTP, digest=repr(request)), **changes)


def a_plan(*actions: Action, limit: timedelta = timedelta(hours=1)) -> Plan:
    """A plan of the given actions; by default one that scales pool `user` to five nodes."""
    steps = tuple(
        Step(name=f"step {n}", action=action, limit=limit) for n, action in enumerate(actions or (ScalePool(pool="user", to=5),), 1)
    )
    return Plan(steps=steps, because="a test wants it")


def an_operation(*actions: Action, **changes: Any) -> Operation:
    """An operation that is the first of its cluster and planned, its steps waiting."""
    plan = a_plan(*actions)
    operation = Operation(
        id=f"op-{'a' * 16}-000000001",
        cluster=WEB,
        request=Scale(pool="user", to=5),
        origin=HTTP,
        created_at=NOON,
        updated_at=NOON,
        headed_at=NOON,
        plan=plan,
        states=(Waiting(),) * len(plan.steps),
        saves=1,
    )
    return replace(operation, **changes)

"""Starts and stops: one step each, or a refusal that says what AKS does not do and what to do instead."""

import pytest

from shared.model.clusters import Absent, Cluster, PoolMode, PowerState, Range
from shared.model.errors import Code, Refusal
from shared.model.plans import Action, Plan, StartCluster, StartPool, StopCluster, StopPool
from shared.model.requests import Request, Scale, Start, Stop, Upgrade
from shared.rules.planning import AlreadySo, Survey, plan
from shared.rules.planning.power import POWER_LIMIT
from tests.builders import WEB, a_cluster, a_pool, an_offer

NO_CLUSTER = Absent(what="cluster prod-rg/web")
STOPPED = a_cluster(power=PowerState.STOPPED)
POOL_STOPPED = a_cluster(a_pool(power=PowerState.STOPPED, count=0))
CLUSTER, POOL = "cluster prod-rg/web", "pool user"


def planned(request: Request, cluster: Cluster | Absent) -> Plan | AlreadySo | Refusal:
    return plan(request, WEB, Survey(cluster=cluster, offer=an_offer("1.36.1")))


PLANS: list[tuple[Start | Stop, Cluster, Action, str, str]] = [
    (Stop(), a_cluster(), StopCluster(), "stop cluster web", "cluster web is Running, want Stopped"),
    (Start(), STOPPED, StartCluster(), "start cluster web", "cluster web is Stopped, want Running"),
    (Stop(pool="user"), a_cluster(), StopPool(pool="user"), "stop pool user", "pool user is Running, want Stopped"),
    (Start(pool="user"), POOL_STOPPED, StartPool(pool="user"), "start pool user", "pool user is Stopped, want Running"),
    (
        Stop(pool="user"),
        a_cluster(a_pool(autoscale=Range(min=1, max=5))),
        StopPool(pool="user"),
        "stop pool user",
        "pool user is Running, want Stopped",
    ),
    (
        Start(pool="system"),
        a_cluster(state="Updating"),
        StartPool(pool="system"),
        "start pool system",
        "cluster web is Updating, want Succeeded",
    ),
]


@pytest.mark.parametrize(("request_", "cluster", "action", "name", "because"), PLANS)
def test_a_start_or_a_stop_is_one_step_that_says_why(
    request_: Start | Stop, cluster: Cluster, action: Action, name: str, because: str
) -> None:
    found = planned(request_, cluster)
    assert isinstance(found, Plan)
    assert [(step.name, step.action, step.limit) for step in found.steps] == [(name, action, POWER_LIMIT)]
    assert found.because == because


ALREADY: list[tuple[Start | Stop, Cluster, Action, str]] = [
    (Stop(), STOPPED, StopCluster(), "cluster web is Stopped already"),
    (Start(), a_cluster(), StartCluster(), "cluster web is Running already"),
    (Start(), POOL_STOPPED, StartCluster(), "cluster web is Running already"),
    (Stop(pool="user"), POOL_STOPPED, StopPool(pool="user"), "pool user is Stopped already"),
    (Start(pool="user"), a_cluster(), StartPool(pool="user"), "pool user is Running already"),
    (Start(pool="system"), POOL_STOPPED, StartPool(pool="system"), "pool system is Running already"),
]


@pytest.mark.parametrize(("request_", "cluster", "action", "because"), ALREADY)
def test_what_is_started_or_stopped_already_is_already_so(request_: Start | Stop, cluster: Cluster, action: Action, because: str) -> None:
    found = planned(request_, cluster)
    assert isinstance(found, AlreadySo)
    assert [step.action for step in found.plan.steps] == [action]
    assert found.plan.because == because


@pytest.mark.parametrize(
    ("request_", "cluster", "because"),
    [
        (Stop(), a_cluster(power=PowerState.STOPPED, state="Stopping"), "cluster web is Stopping, want Succeeded"),
        (Start(), a_cluster(state="Starting"), "cluster web is Starting, want Succeeded"),
        (Stop(), a_cluster(a_pool(state="Stopping"), power=PowerState.STOPPED), "pool user is Stopping, want Succeeded"),
        (Stop(pool="user"), a_cluster(a_pool(power=PowerState.STOPPED, state="Stopping")), "pool user is Stopping, want Succeeded"),
        (Start(pool="user"), a_cluster(a_pool(state="Starting")), "pool user is Starting, want Succeeded"),
        (Start(), a_cluster(a_pool(state="Scaling")), "pool user is Scaling, want Succeeded"),
    ],
)
def test_a_shown_power_state_is_not_already_so_before_azure_has_ended_well(request_: Start | Stop, cluster: Cluster, because: str) -> None:
    found = planned(request_, cluster)
    assert isinstance(found, Plan)
    assert found.because == because


AUTO = a_cluster(auto_provisioned=True)
AVAILABILITY_SET = a_cluster(a_pool(type="AvailabilitySet"))
REFUSED: list[tuple[Start | Stop, Cluster | Absent, Code, str, list[str]]] = [
    (
        Stop(),
        a_cluster(power=PowerState.STOPPED, state="Failed"),
        Code.IMPOSSIBLE,
        "cluster web is Failed, want Succeeded, though it is stopped, and AKS stops only what runs; start it, then stop it again",
        [],
    ),
    (Stop(), NO_CLUSTER, Code.NOT_FOUND, f"{CLUSTER} does not exist", []),
    (Start(), NO_CLUSTER, Code.NOT_FOUND, f"{CLUSTER} does not exist", []),
    (Stop(pool="user"), NO_CLUSTER, Code.NOT_FOUND, f"{CLUSTER} does not exist", []),
    (Stop(), a_cluster(state="Deleting"), Code.IMPOSSIBLE, f"{CLUSTER} is being deleted", []),
    (Start(), a_cluster(state="Deleting", power=PowerState.STOPPED), Code.IMPOSSIBLE, f"{CLUSTER} is being deleted", []),
    (Start(pool="user"), a_cluster(state="Deleting"), Code.IMPOSSIBLE, f"{CLUSTER} is being deleted", []),
    (
        Stop(),
        AUTO,
        Code.IMPOSSIBLE,
        f"{CLUSTER} has node auto-provisioning, and AKS stops no such cluster; scale its pools down instead",
        [],
    ),
    (
        Stop(),
        AVAILABILITY_SET,
        Code.IMPOSSIBLE,
        "pool user of prod-rg/web is of type AvailabilitySet, and AKS stops only clusters of VirtualMachineScaleSets",
        [],
    ),
    (
        Stop(pool="user"),
        AVAILABILITY_SET,
        Code.IMPOSSIBLE,
        f"{POOL} is of type AvailabilitySet, and AKS stops only pools of VirtualMachineScaleSets",
        ["/pool"],
    ),
    (
        Stop(pool="system"),
        a_cluster(),
        Code.IMPOSSIBLE,
        "pool system is a System pool, and AKS stops only User pools; stop the whole cluster instead",
        ["/pool"],
    ),
    *(
        (request, AUTO, Code.IMPOSSIBLE, f"{CLUSTER} has node auto-provisioning, and AKS starts and stops no pool of such a cluster", [])
        for request in (Stop(pool="user"), Start(pool="user"))
    ),
    *(
        (
            request,
            STOPPED,
            Code.IMPOSSIBLE,
            f"{CLUSTER} is stopped, and its pools are started and stopped only while it runs; start it first",
            [],
        )
        for request in (Stop(pool="user"), Start(pool="user"), Stop(pool="system"))
    ),
    *(
        (
            request,
            a_cluster(),
            Code.IMPOSSIBLE,
            f"{CLUSTER} has no pool 'usr'; its pools are: system, user",
            ["/pool"],
        )
        for request in (Stop(pool="usr"), Start(pool="usr"))
    ),
]


@pytest.mark.parametrize(("request_", "cluster", "code", "message", "pointers"), REFUSED)
def test_what_aks_does_not_start_or_stop_is_refused_with_the_reason(
    request_: Start | Stop, cluster: Cluster | Absent, code: Code, message: str, pointers: list[str]
) -> None:
    refusal = planned(request_, cluster)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.message) == (code, message)
    assert [fault.pointer for fault in refusal.faults] == pointers


@pytest.mark.parametrize("request_", [Stop(pool="user"), Stop(pool="system"), Stop()])
def test_a_refusal_of_what_may_change_in_the_line_is_not_final(request_: Stop) -> None:
    refusal = planned(request_, a_cluster(a_pool(type="AvailabilitySet")))
    assert isinstance(refusal, Refusal)
    assert not refusal.final


@pytest.mark.parametrize("cluster", [AUTO, AVAILABILITY_SET], ids=["node auto-provisioning", "availability sets"])
def test_starting_a_cluster_is_not_held_to_what_stopping_needs(cluster: Cluster) -> None:
    """Whoever stopped it elsewhere, or before AKS had the rule, can still have it started."""
    assert isinstance(planned(Start(), cluster), AlreadySo)


@pytest.mark.parametrize("cluster", [a_cluster(a_pool(mode=PoolMode.SYSTEM)), a_cluster(a_pool(type="AvailabilitySet"))])
def test_starting_a_pool_is_not_held_to_what_stopping_it_needs(cluster: Cluster) -> None:
    assert isinstance(planned(Start(pool="user"), cluster), AlreadySo)


@pytest.mark.parametrize("request_", [Scale(pool="user", to=5), Upgrade(version="1.36"), Start(pool="user"), Stop(pool="user")])
def test_whatever_needs_a_running_cluster_says_to_start_it_first(request_: Request) -> None:
    refusal = planned(request_, STOPPED)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.IMPOSSIBLE
    assert f"{CLUSTER} is stopped" in refusal.message
    assert refusal.message.endswith("; start it first")
    assert not refusal.final

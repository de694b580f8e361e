"""From a request and a survey to a plan, or to a refusal that says what would be possible."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.clusters import Absent, Cluster, Group, OsType, PoolMode, PowerState, Range
from shared.model.errors import Code, Refusal
from shared.model.plans import MakeCluster, MakeGroup, Plan, RegisterProvider, RemoveCluster, RemoveGroup, ScalePool
from shared.model.requests import Create, Delete, Request, Scale, Start, Stop, Upgrade
from shared.rules.planning import AlreadySo, Survey, needs_contents, needs_group, needs_offer, plan
from shared.rules.planning.scale import count_fault, range_fault
from tests.builders import WEB, a_cluster, a_create, a_pool, a_spec, an_offer

NO_CLUSTER = Absent(what="cluster prod-rg/web")
NO_GROUP = Absent(what="resource group prod-rg")
GROUP = Group(name="prod-rg", location="westeurope", state="Succeeded")
NOTHING = Survey(cluster=NO_CLUSTER, group=NO_GROUP)
SHORTEST = timedelta(minutes=30)
"""A dead worker's message comes back after ten minutes, a lost wake-up is found within twenty."""


def planned(request: Request, cluster: Cluster | Absent = NO_CLUSTER, group: Group | Absent | None = None) -> Plan:
    """The plan that there must be."""
    found = plan(request, WEB, Survey(cluster=cluster, group=group))
    assert isinstance(found, Plan), found
    return found


def refused(request: Request, cluster: Cluster | Absent = NO_CLUSTER, group: Group | Absent | None = None) -> Refusal:
    """The refusal that there must be."""
    found = plan(request, WEB, Survey(cluster=cluster, group=group))
    assert isinstance(found, Refusal), found
    return found


def test_a_cluster_is_made_after_its_provider_and_its_group() -> None:
    found = planned(a_create(), group=NO_GROUP)
    assert [type(step.action) for step in found.steps] == [RegisterProvider, MakeGroup, MakeCluster]
    assert found.because == "cluster prod-rg/web is wanted in westeurope with 2 pools"


def test_a_group_is_made_only_if_asked() -> None:
    found = planned(a_create(create_resource_group=False), group=GROUP)
    assert [type(step.action) for step in found.steps] == [RegisterProvider, MakeCluster]


def test_the_wanted_cluster_is_in_the_plan_whole() -> None:
    request = a_create(version="1.35", tier="Standard", tags={"team": "web"})
    action = planned(request, group=NO_GROUP).steps[-1].action
    assert action == MakeCluster(
        location="westeurope", version="1.35", tier="Standard", dns_prefix="web-prod-rg", pools=request.pools, tags={"team": "web"}
    )


@pytest.mark.parametrize(
    "request_",
    [
        a_create(),
        Scale(pool="user", to=5),
        Delete(confirm="web", delete_resource_group=True),
        Stop(),
        Stop(pool="user"),
        Upgrade(version="1.36"),
    ],
)
def test_no_step_has_less_time_than_the_death_of_a_worker_costs(request_: Request) -> None:
    cluster = NO_CLUSTER if isinstance(request_, Create) else a_cluster()
    found = plan(request_, WEB, Survey(cluster=cluster, group=NO_GROUP, offer=an_offer("1.36.1")))
    assert isinstance(found, Plan)
    assert all(step.limit > SHORTEST for step in found.steps)


IMPOSSIBLE_CREATES = [
    (a_create(pools=()), "/pools", "0 pools, want 1 to 100"),
    (a_create(pools=tuple(a_spec(f"p{n}") for n in range(101))), "/pools", "101 pools, want 1 to 100"),
    (a_create(pools=(a_spec(mode=PoolMode.USER),)), "/pools", "no pool of mode System, want at least one"),
    (a_create(pools=(a_spec(), a_spec())), "/pools/1/name", "pool name 'system' is there twice, want each once"),
    (a_create(pools=(a_spec(count=0),)), "/pools/0/count", "pool 'system' has 0 nodes; a System pool wants 1 to 1000"),
    (a_create(pools=(a_spec(count=1001),)), "/pools/0/count", "pool 'system' has 1001 nodes; a System pool wants 1 to 1000"),
    (a_create(pools=(a_spec("System"),)), "/pools/0/name", "want a lower-case letter"),
    (a_create(pools=(a_spec("abcdefghijkl"),)), "/pools/0/name", "11 characters at most for Linux"),
    (a_create(pools=(a_spec(), a_spec("windows", mode=PoolMode.USER, os=OsType.WINDOWS))), "/pools/1/name", "6 characters at most"),
    (a_create(pools=(a_spec("sys", os=OsType.WINDOWS),)), "/pools/0/os", "is a System pool on Windows, want Linux"),
    (a_create(pools=(a_spec(autoscale=Range(min=3, max=2)),)), "/pools/0/min", "min 3 above max 2"),
    (a_create(pools=(a_spec(autoscale=Range(min=2, max=4)),)), "/pools/0/count", "begins with 1 nodes, want a count within"),
    (a_create(pools=(a_spec(autoscale=Range(min=0, max=4)),)), "/pools/0/min", "0 nodes; a System pool wants 1 to 1000"),
    (a_create(pools=(a_spec(max_pods=5),)), "/pools/0/max_pods", "max_pods 5, want 10 to 250"),
    (a_create(dns_prefix="-web"), "/dns_prefix", "want 1 to 54 letters"),
]


@pytest.mark.parametrize(("request_", "pointer", "message"), IMPOSSIBLE_CREATES)
def test_a_cluster_that_aks_would_refuse_is_refused_by_its_place_in_the_body(request_: Create, pointer: str, message: str) -> None:
    refusal = refused(request_, group=NO_GROUP)
    assert refusal.code is Code.IMPOSSIBLE
    assert [fault.pointer for fault in refusal.faults] == [pointer]
    assert message in refusal.faults[0].message


def test_all_that_is_wrong_is_said_at_once() -> None:
    refusal = refused(a_create(pools=(a_spec("A", count=0), a_spec("B", count=2000)), dns_prefix="-"), group=NO_GROUP)
    assert {fault.pointer for fault in refusal.faults} == {
        "/pools/0/name",
        "/pools/0/count",
        "/pools/1/name",
        "/pools/1/count",
        "/dns_prefix",
    }


def test_a_missing_group_is_refused_with_what_to_do() -> None:
    refusal = refused(a_create(create_resource_group=False), group=NO_GROUP)
    assert "make it first, or ask with create_resource_group true" in refusal.message


def test_a_group_that_is_being_deleted_is_no_place_for_a_cluster() -> None:
    assert "is being deleted" in refused(a_create(), group=replace(GROUP, state="Deleting")).message


def test_the_cluster_that_exists_as_asked_is_already_so() -> None:
    assert isinstance(plan(a_create(), WEB, Survey(cluster=a_cluster(), group=GROUP)), AlreadySo)


def test_another_cluster_of_the_name_is_refused_with_the_difference() -> None:
    refusal = refused(a_create(), a_cluster(a_pool(count=9)), GROUP)
    assert refusal.code is Code.CLUSTER_EXISTS
    assert "pool user has 9 nodes, want 2" in refusal.message


def test_another_dns_prefix_is_another_cluster() -> None:
    existing = a_cluster(dns_prefix="web")
    assert isinstance(plan(a_create(dns_prefix="web"), WEB, Survey(cluster=existing, group=GROUP)), AlreadySo)
    assert "its DNS prefix is web, want shop" in refused(a_create(dns_prefix="shop"), existing, GROUP).message


def test_a_dns_prefix_is_made_of_the_names_and_always_valid() -> None:
    ref = replace(WEB, name="a_b" * 20, group="(odd)_group.")
    found = plan(a_create(), ref, NOTHING)
    assert isinstance(found, Plan)
    action = found.steps[-1].action
    assert isinstance(action, MakeCluster)
    assert len(action.dns_prefix) <= 54
    assert action.dns_prefix.replace("-", "").isalnum()


# ---- scaling


def test_scaling_is_one_step_that_says_why() -> None:
    found = planned(Scale(pool="user", to=5), a_cluster())
    assert [step.action for step in found.steps] == [ScalePool(pool="user", to=5)]
    assert found.because == "pool user has 2 nodes, want 5"


def test_scaling_to_what_is_there_is_already_so() -> None:
    found = plan(Scale(pool="user", to=2), WEB, Survey(cluster=a_cluster()))
    assert isinstance(found, AlreadySo)
    assert found.plan.because == "pool user has 2 nodes already"


def test_values_alone_are_not_already_so_while_azure_is_at_work() -> None:
    assert planned(Scale(pool="user", to=2), a_cluster(state="Updating")).because == "cluster web is Updating, want Succeeded"


IMPOSSIBLE_SCALES = [
    (Scale(pool="user", to=5), NO_CLUSTER, Code.NOT_FOUND, "cluster prod-rg/web does not exist"),
    (Scale(pool="usr", to=5), a_cluster(), Code.IMPOSSIBLE, "has no pool 'usr'; its pools are: system, user"),
    (Scale(pool="system", to=0), a_cluster(), Code.IMPOSSIBLE, "0 nodes; a System pool wants 1 to 1000"),
    (Scale(pool="user", to=1001), a_cluster(), Code.IMPOSSIBLE, "1001 nodes; a User pool wants 0 to 1000"),
    (Scale(pool="user", to=Range(min=5, max=2)), a_cluster(), Code.IMPOSSIBLE, "min 5 above max 2"),
    (Scale(pool="user", to=Range(min=0, max=0)), a_cluster(), Code.IMPOSSIBLE, "wants a max of 1 at least"),
    (Scale(pool="user", to=5), a_cluster(a_pool(autoscale=Range(min=1, max=9))), Code.IMPOSSIBLE, "ask for min and max instead of count"),
    (Scale(pool="user", to=5), a_cluster(power=PowerState.STOPPED), Code.IMPOSSIBLE, "cluster prod-rg/web is stopped"),
    (Scale(pool="user", to=5), a_cluster(a_pool(power=PowerState.STOPPED)), Code.IMPOSSIBLE, "pool user is stopped"),
    (Scale(pool="user", to=5), a_cluster(state="Deleting"), Code.IMPOSSIBLE, "is being deleted"),
]


@pytest.mark.parametrize(("request_", "cluster", "code", "message"), IMPOSSIBLE_SCALES)
def test_an_impossible_scaling_says_what_would_be_possible(request_: Scale, cluster: Cluster | Absent, code: Code, message: str) -> None:
    refusal = refused(request_, cluster)
    assert refusal.code is code
    assert message in refusal.message


def test_a_user_pool_may_go_to_zero() -> None:
    assert planned(Scale(pool="user", to=0), a_cluster()).steps[0].action == ScalePool(pool="user", to=0)


def test_the_autoscalers_limits_may_be_set_whether_it_is_on_or_off() -> None:
    limits = Range(min=1, max=9)
    for pool in (a_pool(), a_pool(autoscale=Range(min=2, max=3))):
        assert planned(Scale(pool="user", to=limits), a_cluster(pool)).steps[0].action == ScalePool(pool="user", to=limits)


@given(count=st.integers(-5, 2000), mode=st.sampled_from(PoolMode))
def test_a_count_is_good_exactly_within_akss_limits(count: int, mode: PoolMode) -> None:
    least = 1 if mode is PoolMode.SYSTEM else 0
    assert (count_fault(count, mode) is None) == (least <= count <= 1000)


@given(least=st.integers(-2, 1100), most=st.integers(-2, 1100), mode=st.sampled_from(PoolMode))
def test_limits_are_good_exactly_if_both_ends_are_counts_in_order(least: int, most: int, mode: PoolMode) -> None:
    good = count_fault(least, mode) is None and count_fault(most, mode) is None and least <= most and most >= 1
    assert (range_fault(Range(min=least, max=most), mode) is None) == good


# ---- deleting


def test_a_deletion_is_confirmed_by_the_name_to_the_letter() -> None:
    assert [type(step.action) for step in planned(Delete(confirm="web"), a_cluster()).steps] == [RemoveCluster]
    for wrong in ("Web", "", "prod-rg/web", "web "):
        refusal = refused(Delete(confirm=wrong), a_cluster())
        assert refusal.code is Code.IMPOSSIBLE
        assert [fault.pointer for fault in refusal.faults] == ["/confirm"]


def test_the_group_goes_last_and_only_if_asked() -> None:
    found = planned(Delete(confirm="web", delete_resource_group=True), a_cluster())
    assert [type(step.action) for step in found.steps] == [RemoveCluster, RemoveGroup]


def test_a_group_that_holds_another_cluster_is_not_deleted() -> None:
    shared_group = replace(GROUP, clusters=("api", "batch"))
    refusal = refused(Delete(confirm="web", delete_resource_group=True), a_cluster(), shared_group)
    assert refusal.code is Code.IMPOSSIBLE
    assert "holds api, batch besides web" in refusal.message
    assert [type(step.action) for step in planned(Delete(confirm="web"), a_cluster()).steps] == [RemoveCluster]


def test_deleting_what_is_not_there_is_already_so_unless_its_group_is_to_go_too() -> None:
    assert isinstance(plan(Delete(confirm="web"), WEB, Survey(cluster=NO_CLUSTER)), AlreadySo)
    both = Delete(confirm="web", delete_resource_group=True)
    assert isinstance(plan(both, WEB, Survey(cluster=NO_CLUSTER, group=GROUP)), Plan)
    assert isinstance(plan(both, WEB, NOTHING), AlreadySo)


# ---- all


NEEDS: list[tuple[Request, tuple[bool, bool, bool]]] = [
    (a_create(), (True, False, False)),
    (Scale(pool="user", to=1), (False, False, False)),
    (Delete(confirm="web"), (False, False, False)),
    (Delete(confirm="web", delete_resource_group=True), (True, True, False)),
    (Start(), (False, False, False)),
    (Stop(pool="user"), (False, False, False)),
    (Upgrade(), (False, False, True)),
]


@pytest.mark.parametrize(("request_", "needs"), NEEDS)
def test_planning_looks_only_at_what_the_request_needs(request_: Request, needs: tuple[bool, bool, bool]) -> None:
    """At the resource group, at what is in it, at the versions on offer: each is a further read."""
    assert (needs_group(request_), needs_contents(request_), needs_offer(request_)) == needs


def test_a_plan_is_for_the_cluster_that_was_seen_and_no_other_of_its_name() -> None:
    assert planned(Scale(pool="user", to=5), a_cluster(uid="one")).uid == "one"
    assert planned(a_create(), group=NO_GROUP).uid is None


def test_the_digest_names_exactly_one_plan() -> None:
    first, second = (planned(Scale(pool="user", to=count), a_cluster()) for count in (5, 6))
    assert first.digest == planned(Scale(pool="user", to=5), a_cluster()).digest
    assert first.digest != second.digest

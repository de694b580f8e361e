"""What done means: the wanted value and a settled cluster, of every action."""

from dataclasses import replace

import pytest

from shared.model.clusters import Absent, Cluster, Group, OsType, PoolMode, PowerState, Provider, Range, Sight
from shared.model.plans import (
    Action,
    MakeCluster,
    MakeGroup,
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
from shared.rules.goals import busy, called_off, covers, gap, occupied, unreachable
from tests.builders import a_cluster, a_pool, a_spec

MAKE = MakeCluster(
    location="westeurope",
    version="1.35",
    tier="Free",
    dns_prefix="web",
    pools=(a_spec("system"), a_spec("user", mode=PoolMode.USER, count=2)),
)
NO_CLUSTER, NO_GROUP = Absent(what="cluster prod-rg/web"), Absent(what="resource group prod-rg")
LIMITS = Range(min=1, max=5)
STOPPED = PowerState.STOPPED


def _group(state: str) -> Group:
    return Group(name="prod-rg", location="westeurope", state=state)


def _provider(state: str) -> Provider:
    return Provider(namespace="Microsoft.ContainerService", state=state)


FINE = (
    a_spec("system"),
    a_spec(
        "user", mode=PoolMode.USER, count=2, os_disk_gb=128, max_pods=60, zones=("1", "2"), labels={"a": "b"}, taints=("k=v:NoSchedule",)
    ),
)
FINE_POOL = a_pool(os_disk_gb=128, max_pods=60, zones=("2", "1"), labels={"a": "b", "kept": "by AKS"}, taints=("k=v:NoSchedule",))

GAPS: list[tuple[Action, Sight, str | None]] = [
    (RegisterProvider(), _provider("Registered"), None),
    (RegisterProvider(), _provider("Registering"), "provider Microsoft.ContainerService is Registering, want Registered"),
    (MakeGroup(location="westeurope"), _group("Succeeded"), None),
    (MakeGroup(location="westeurope"), _group("Deleting"), "resource group prod-rg is Deleting, want Succeeded"),
    (MakeGroup(location="westeurope"), NO_GROUP, "resource group prod-rg does not exist"),
    (RemoveGroup(), NO_GROUP, None),
    (RemoveGroup(), _group("Deleting"), "resource group prod-rg is Deleting, want it gone"),
    (RemoveCluster(), NO_CLUSTER, None),
    (RemoveCluster(), a_cluster(), "cluster web is Succeeded, want it gone"),
    (MAKE, NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (MAKE, a_cluster(), None),
    (MAKE, a_cluster(location="West Europe"), None),
    (MAKE, a_cluster(location="northeurope"), "cluster web is in northeurope, want westeurope"),
    (MAKE, a_cluster(version="1.34", current_version="1.34.9"), "cluster web is at 1.34, want 1.35"),
    (MAKE, a_cluster(a_pool("other")), "cluster web has no pool user"),
    (MAKE, a_cluster(a_pool(count=3)), "pool user has 3 nodes, want 2"),
    (MAKE, a_cluster(a_pool(vm_size="Standard_B2s")), "pool user has VM size Standard_B2s, want Standard_D4s_v5"),
    (MAKE, a_cluster(a_pool(mode=PoolMode.SYSTEM)), "pool user is of mode System, want User"),
    (MAKE, a_cluster(a_pool(), a_pool("extra")), "cluster web has a pool extra that is not wanted"),
    (MAKE, a_cluster(tier="Premium"), "cluster web is of tier Premium, want Free"),
    (replace(MAKE, tags={"team": "web"}), a_cluster(tags={"team": "shop"}), "cluster web lacks the wanted value of tag 'team'"),
    (replace(MAKE, tags={"team": "web"}), a_cluster(tags={"team": "web", "by": "policy"}), None),
    (replace(MAKE, pools=FINE), a_cluster(FINE_POOL), None),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, os_disk_gb=64)), "pool user has OS disks of 64 GB, want 128"),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, max_pods=110)), "pool user has max_pods 110, want 60"),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, zones=("1",))), "pool user is in zones 1, want 1, 2"),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, labels={})), "pool user lacks the wanted value of label 'a'"),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, taints=())), "pool user lacks the taint 'k=v:NoSchedule'"),
    (replace(MAKE, pools=FINE), a_cluster(replace(FINE_POOL, os=OsType.WINDOWS)), "pool user runs Windows, want Linux"),
    (MAKE, a_cluster(state="Creating"), "cluster web is Creating, want Succeeded"),
    (MAKE, a_cluster(a_pool(state="Creating")), "pool user is Creating, want Succeeded"),
    (ScalePool(pool="user", to=5), NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (ScalePool(pool="user", to=5), a_cluster(), "pool user has 2 nodes, want 5"),
    (ScalePool(pool="user", to=5), a_cluster(a_pool(count=5)), None),
    (ScalePool(pool="user", to=5), a_cluster(a_pool(count=5), state="Updating"), "cluster web is Updating, want Succeeded"),
    (ScalePool(pool="user", to=5), a_cluster(a_pool(count=5, state="Failed")), "pool user is Failed, want Succeeded"),
    (ScalePool(pool="user", to=5), a_cluster(a_pool("gone")), "cluster web has no pool user"),
    (
        ScalePool(pool="user", to=5),
        a_cluster(a_pool(count=5, autoscale=LIMITS)),
        "pool user has the autoscaler at 1 to 5 nodes, want 5 nodes without it",
    ),
    (ScalePool(pool="user", to=LIMITS), a_cluster(a_pool(autoscale=LIMITS)), None),
    (ScalePool(pool="user", to=LIMITS), a_cluster(), "pool user has no autoscaler, want 1 to 5 nodes"),
    (
        ScalePool(pool="user", to=LIMITS),
        a_cluster(a_pool(autoscale=Range(min=1, max=4))),
        "pool user has the autoscaler at 1 to 4 nodes, want 1 to 5 nodes",
    ),
    (StopCluster(), a_cluster(power=STOPPED), None),
    (StopCluster(), a_cluster(), "cluster web is Running, want Stopped"),
    (StopCluster(), a_cluster(power=STOPPED, state="Stopping"), "cluster web is Stopping, want Succeeded"),
    (StopCluster(), a_cluster(power=STOPPED, state="Failed"), "cluster web is Failed, want Succeeded"),
    (StopCluster(), a_cluster(a_pool(state="Stopping"), power=STOPPED), "pool user is Stopping, want Succeeded"),
    (StopCluster(), NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (StartCluster(), a_cluster(), None),
    (StartCluster(), a_cluster(a_pool(power=STOPPED)), None),
    (StartCluster(), a_cluster(power=STOPPED), "cluster web is Stopped, want Running"),
    (StartCluster(), a_cluster(state="Starting"), "cluster web is Starting, want Succeeded"),
    (StartCluster(), a_cluster(a_pool(state="Failed")), "pool user is Failed, want Succeeded"),
    (StartCluster(), NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (StopPool(pool="user"), a_cluster(a_pool(power=STOPPED, count=0)), None),
    (StopPool(pool="user"), a_cluster(a_pool(count=0)), "pool user is Running, want Stopped"),
    (StopPool(pool="user"), a_cluster(a_pool(power=STOPPED, state="Stopping")), "pool user is Stopping, want Succeeded"),
    (StopPool(pool="user"), a_cluster(a_pool("other", power=STOPPED)), "cluster web has no pool user"),
    (StartPool(pool="user"), a_cluster(), None),
    (StartPool(pool="user"), a_cluster(a_pool(power=STOPPED)), "pool user is Stopped, want Running"),
    (StartPool(pool="user"), a_cluster(a_pool(state="Starting")), "pool user is Starting, want Succeeded"),
    (StartPool(pool="user"), a_cluster(state="Updating"), "cluster web is Updating, want Succeeded"),
    (StartPool(pool="user"), NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (UpgradeControlPlane(version="1.35.4"), a_cluster(), None),
    (UpgradeControlPlane(version="1.35.4"), a_cluster(a_pool(version="1.34.9")), None),
    (UpgradeControlPlane(version="1.36.2"), a_cluster(), "the control plane of web is at 1.35.4, want 1.36.2"),
    (
        UpgradeControlPlane(version="1.36.2"),
        a_cluster(version="1.36.2", current_version="1.35.4"),
        "the control plane of web is at 1.35.4, want 1.36.2",
    ),
    (UpgradeControlPlane(version="1.36.2"), a_cluster(version="1.36", current_version="1.36.2"), None),
    (UpgradeControlPlane(version="1.36.2"), a_cluster(version="1.36.2", current_version=None), None),
    (UpgradeControlPlane(version="1.35.4"), a_cluster(state="Upgrading"), "cluster web is Upgrading, want Succeeded"),
    (UpgradeControlPlane(version="1.35.4"), a_cluster(a_pool(state="Upgrading")), "pool user is Upgrading, want Succeeded"),
    (UpgradeControlPlane(version="1.35.4"), NO_CLUSTER, "cluster prod-rg/web does not exist"),
    (UpgradePool(pool="user", version="1.35.4"), a_cluster(), None),
    (UpgradePool(pool="user", version="1.36.2"), a_cluster(), "pool user is at 1.35.4, want 1.36.2"),
    (UpgradePool(pool="user", version="1.35.10"), a_cluster(), "pool user is at 1.35.4, want 1.35.10"),
    (UpgradePool(pool="user", version="1.35.4"), a_cluster(a_pool(version="1.35")), "pool user is at 1.35, want 1.35.4"),
    (UpgradeControlPlane(version="1.35.10"), a_cluster(), "the control plane of web is at 1.35.4, want 1.35.10"),
    (UpgradePool(pool="user", version="1.36.2"), a_cluster(a_pool(version=None)), "pool user is at None, want 1.36.2"),
    (UpgradePool(pool="user", version="1.35.4"), a_cluster(a_pool("other")), "cluster web has no pool user"),
    (UpgradePool(pool="user", version="1.35.4"), a_cluster(a_pool(state="Upgrading")), "pool user is Upgrading, want Succeeded"),
    (UpgradePool(pool="user", version="1.35.4"), NO_CLUSTER, "cluster prod-rg/web does not exist"),
]


@pytest.mark.parametrize(("action", "sight", "missing"), GAPS)
def test_the_gap_says_what_is_and_what_is_wanted(action: Action, sight: Sight, missing: str | None) -> None:
    assert gap(action, sight) == missing


def test_another_pool_of_the_cluster_being_at_work_is_a_gap_too() -> None:
    cluster = a_cluster(a_pool(count=5), a_pool("batch", state="Scaling"))
    assert gap(ScalePool(pool="user", to=5), cluster) == "pool batch is Scaling, want Succeeded"


ABOUT_A_CLUSTER = (
    ScalePool(pool="user", to=5), StartCluster(), StopCluster(), StartPool(pool="user"), StopPool(pool="user"),
    UpgradeControlPlane(version="1.36.2"), UpgradePool(pool="user", version="1.36.2"),
)  # fmt: skip


@pytest.mark.parametrize("action", ABOUT_A_CLUSTER, ids=lambda action: action.kind)
def test_a_sight_of_something_else_is_a_programmers_error(action: Action) -> None:
    with pytest.raises(TypeError, match=f"{action.kind} is not about a Group"):
        gap(action, _group("Succeeded"))


BUSY: list[tuple[Sight, bool]] = [
    (a_cluster(), False),
    (a_cluster(state="Failed"), False),
    (a_cluster(state="Canceled"), False),
    (a_cluster(state="Updating"), True),
    (a_cluster(state="A state of next year"), True),
    (a_cluster(a_pool(state="Scaling")), True),
    (_provider("Registering"), True),
    (_provider("NotRegistered"), False),
    (_group("Deleting"), True),
    (_group("Succeeded"), False),
    (NO_CLUSTER, False),
]


CALLED_OFF = [
    (ScalePool(pool="user", to=5), a_cluster(a_pool(state="Canceled")), True),
    (ScalePool(pool="user", to=5), a_cluster(a_pool(), a_pool("other", state="Canceled"), state="Canceled"), False),
    (ScalePool(pool="user", to=5), a_cluster(a_pool("other")), False),
    (StopCluster(), a_cluster(state="Canceled"), True),
    (StopCluster(), a_cluster(a_pool(state="Canceled")), False),
    (StopCluster(), a_cluster(state="Failed"), False),
    (StopCluster(), NO_CLUSTER, False),
]


@pytest.mark.parametrize(("action", "sight", "aborted"), CALLED_OFF)
def test_what_was_aborted_is_read_from_what_the_action_is_about(action: Action, sight: Sight, *, aborted: bool) -> None:
    assert called_off(action, sight) is aborted


@pytest.mark.parametrize(("sight", "at_work"), BUSY)
def test_busy_is_whatever_azure_has_not_ended(sight: Sight, *, at_work: bool) -> None:
    assert busy(sight) is at_work


def test_only_what_needs_a_cluster_or_pool_that_is_gone_can_never_be_reached() -> None:
    scale = ScalePool(pool="user", to=5)
    assert unreachable(scale, NO_CLUSTER) == "cluster prod-rg/web does not exist any more"
    assert unreachable(scale, a_cluster(a_pool("other"))) == "cluster web has no pool user any more"
    assert unreachable(scale, a_cluster()) is None
    assert unreachable(MAKE, NO_CLUSTER) is None


@pytest.mark.parametrize("action", ABOUT_A_CLUSTER, ids=lambda action: action.kind)
def test_nothing_is_started_stopped_scaled_or_upgraded_that_is_gone(action: Action) -> None:
    assert unreachable(action, NO_CLUSTER) == "cluster prod-rg/web does not exist any more"
    assert unreachable(action, a_cluster()) is None
    about_a_pool = "cluster web has no pool user any more" if hasattr(action, "pool") else None
    assert unreachable(action, a_cluster(a_pool("other"))) == about_a_pool


@pytest.mark.parametrize("action", ABOUT_A_CLUSTER, ids=lambda action: action.kind)
def test_what_somebody_stopped_meanwhile_is_only_started_or_stopped(action: Action) -> None:
    about_power = isinstance(action, StartCluster | StopCluster)
    lost = "cluster web was stopped meanwhile, and AKS changes nothing that is stopped; start it, then ask again"
    assert unreachable(action, a_cluster(power=STOPPED)) == (None if about_power else lost)
    assert unreachable(action, a_cluster(power=STOPPED, state="Stopping")) is None


def test_a_stop_that_ended_badly_is_not_sent_again_because_azure_stops_only_what_runs() -> None:
    lost = "cluster web is Canceled, want Succeeded, though it is stopped, and AKS stops only what runs; start it, then stop it again"
    assert unreachable(StopCluster(), a_cluster(power=STOPPED, state="Canceled")) == lost
    assert unreachable(StopCluster(), a_cluster(power=STOPPED, state="Stopping")) is None
    assert unreachable(StopCluster(), a_cluster(state="Canceled")) is None
    assert unreachable(StartCluster(), a_cluster(power=STOPPED, state="Canceled")) is None


BEYOND: list[tuple[Action, Sight, str | None]] = [
    (
        UpgradeControlPlane(version="1.36.2"),
        a_cluster(version="1.37", current_version="1.37.0"),
        "the control plane of web is at 1.37.0 meanwhile, beyond 1.36.2, and AKS goes back to no version",
    ),
    (
        UpgradeControlPlane(version="1.36.2"),
        a_cluster(version="1.36", current_version="1.36.10"),
        "the control plane of web is at 1.36.10 meanwhile, beyond 1.36.2, and AKS goes back to no version",
    ),
    (
        UpgradeControlPlane(version="1.36.2"),
        a_cluster(version="1.37.0", current_version=None),
        "the control plane of web is at 1.37.0 meanwhile, beyond 1.36.2, and AKS goes back to no version",
    ),
    (UpgradeControlPlane(version="1.36.2"), a_cluster(version="1.36", current_version="1.36.2"), None),
    (UpgradeControlPlane(version="1.36.10"), a_cluster(version="1.36", current_version="1.36.9"), None),
    (UpgradeControlPlane(version="1.36.2"), a_cluster(version="1.99", current_version=None), None),
    (
        UpgradePool(pool="user", version="1.36.2"),
        a_cluster(a_pool(version="1.36.3")),
        "pool user is at 1.36.3 meanwhile, beyond 1.36.2, and AKS goes back to no version",
    ),
    (UpgradePool(pool="user", version="1.36.2"), a_cluster(a_pool(), a_pool("other", version="1.37.0")), None),
    (UpgradePool(pool="user", version="1.36.2"), a_cluster(a_pool(version=None)), None),
    # while AKS is at work, what it is at may fail yet
    (UpgradeControlPlane(version="1.36.2"), a_cluster(version="1.37", current_version="1.37.0", state="Upgrading"), None),
    (UpgradePool(pool="user", version="1.36.2"), a_cluster(a_pool(version="1.36.3", state="Upgrading")), None),
    (ScalePool(pool="user", to=5), a_cluster(a_pool(version="9.9.9")), None),
]


@pytest.mark.parametrize(("action", "sight", "message"), BEYOND)
def test_a_version_that_somebody_went_beyond_is_never_reached(action: Action, sight: Sight, message: str | None) -> None:
    assert unreachable(action, sight) == message


@pytest.mark.parametrize("action", ABOUT_A_CLUSTER, ids=lambda action: action.kind)
def test_what_changes_a_cluster_needs_no_free_place(action: Action) -> None:
    assert occupied(action, a_cluster(a_pool(count=9))) is None


VERSIONS = [
    ("1.35", "1.35", "1.35.4", True),
    ("1.35.4", "1.35", "1.35.4", True),
    ("1.35.3", "1.35", "1.35.4", False),
    ("1.3", "1.35", "1.35.4", False),
    ("1.35", "1.35.4", None, True),
    ("1.34", "1.35", "1.35.4", False),
]


@pytest.mark.parametrize(("wanted", "version", "current", "covered"), VERSIONS)
def test_a_minor_covers_its_patches_and_a_patch_only_itself(wanted: str, version: str, current: str | None, *, covered: bool) -> None:
    cluster: Cluster = a_cluster(version=version, current_version=current)
    assert covers(wanted, cluster) is covered

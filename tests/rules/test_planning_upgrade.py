"""Which version an upgrade means, in which order it is reached, and why AKS would not go there."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.model.clusters import Absent, Cluster, PoolMode, PowerState, Range
from shared.model.errors import Code, Refusal
from shared.model.plans import Plan, UpgradeControlPlane, UpgradePool
from shared.model.requests import Upgrade
from shared.model.versions import KubernetesVersion, Offer
from shared.rules.goals import gap
from shared.rules.planning import AlreadySo, Survey, plan
from shared.rules.planning.upgrade import CONTROL_PLANE_LIMIT, LIMIT_A_NODE, MOST_POOL_LIMIT, POOL_LIMIT
from tests.builders import WEB, a_cluster, a_pool, an_offer

NO_CLUSTER = Absent(what="cluster prod-rg/web")
OFFER = an_offer("1.35.6", "1.35.10", "1.36.1", "1.36.2", previews=("1.36.3",))
OFFERED = "1.35.6, 1.35.10, 1.36.1, 1.36.2, 1.36.3 (preview)"
NOTHING = Offer(targets=())
NEXT_ONLY_PREVIEW = an_offer("1.35.6", previews=("1.36.0",))


def asked(version: str | None, cluster: Cluster | Absent, offer: Offer | Absent | None = OFFER) -> Plan | AlreadySo | Refusal:
    return plan(Upgrade(version=version), WEB, Survey(cluster=cluster, offer=offer))


def planned(version: str | None, cluster: Cluster | None = None, offer: Offer = OFFER) -> Plan:
    """The plan that there must be."""
    found = asked(version, cluster or a_cluster(), offer)
    assert isinstance(found, Plan), found
    return found


def refused(version: str | None, cluster: Cluster | Absent, offer: Offer | Absent | None = OFFER) -> Refusal:
    """The refusal that there must be."""
    found = asked(version, cluster, offer)
    assert isinstance(found, Refusal), found
    return found


def behind(version: str, *pools: str) -> Cluster:
    """A cluster whose control plane is at one version and whose pools are at others."""
    named = [a_pool(f"p{n}", version=text) for n, text in enumerate(pools)]
    cluster = replace(a_cluster(), version=version.rpartition(".")[0], current_version=version)
    return replace(cluster, pools=(a_pool("system", mode=PoolMode.SYSTEM, count=1, version=pools[0]), *named[1:]))


# ---- which version is meant

TARGETS: list[tuple[str | None, Offer, str]] = [
    (None, OFFER, "1.35.10"),
    (None, an_offer("1.36.1"), "1.35.4"),
    (None, an_offer(previews=("1.35.9",)), "1.35.4"),
    (None, an_offer("1.35.2"), "1.35.4"),
    (None, NOTHING, "1.35.4"),
    ("latest", OFFER, "1.36.2"),
    ("latest", an_offer("1.35.6"), "1.35.6"),
    ("latest", NEXT_ONLY_PREVIEW, "1.35.6"),
    ("latest", an_offer(previews=("1.36.0",)), "1.35.4"),
    ("latest", an_offer("1.36.1", "1.37.0"), "1.36.1"),
    ("latest", an_offer("1.34.9"), "1.35.4"),
    ("latest", NOTHING, "1.35.4"),
    ("1.36", OFFER, "1.36.2"),
    ("1.036", OFFER, "1.36.2"),
    ("1.36", an_offer("1.36.10", "1.36.9"), "1.36.10"),
    ("1.36.1", OFFER, "1.36.1"),
    ("1.36.3", OFFER, "1.36.3"),
    ("1.36.0", NEXT_ONLY_PREVIEW, "1.36.0"),
    ("1.35.6", OFFER, "1.35.6"),
    ("1.35", OFFER, "1.35.4"),
    ("1.035", OFFER, "1.35.4"),
    ("1.35.4", OFFER, "1.35.4"),
    ("1.35.4", NOTHING, "1.35.4"),
]


@pytest.mark.parametrize(("wanted", "offer", "target"), TARGETS)
def test_what_is_asked_for_is_one_patch_before_anything_is_planned(wanted: str | None, offer: Offer, target: str) -> None:
    cluster = behind("1.35.4", "1.35.4", "1.35.2")
    found = planned(wanted, cluster, offer)
    assert {getattr(step.action, "version", None) for step in found.steps} == {target}
    assert found.steps[-1].action == UpgradePool(pool="p1", version=target)
    assert isinstance(found.steps[0].action, UpgradeControlPlane) == (target != "1.35.4")


def test_the_patch_that_runs_counts_and_not_the_minor_that_was_asked_for() -> None:
    assert planned(None, behind("1.35.6", "1.35.6"), OFFER).steps[0].action == UpgradeControlPlane(version="1.35.10")
    older_api = replace(behind("1.35.4", "1.35.4"), version="1.35.4", current_version=None)
    assert planned("1.36", older_api).steps[0].action == UpgradeControlPlane(version="1.36.2")


AT = "the control plane is at 1.35.4"
BACK = f"{AT}, and AKS goes back to no version; it offers {OFFERED}"
PREVIEW = f"AKS offers this cluster 1.36 only as a preview, which must be asked for by its patch; {AT}, and AKS offers"
WHOLE = "1.36 is not offered any more, so this cluster has to be upgraded whole and by hand"
NO_TARGETS: list[tuple[str, Offer, str]] = [
    ("1.34", OFFER, BACK),
    ("1.34.9", OFFER, BACK),
    ("1.35.3", OFFER, BACK),
    ("0.35", OFFER, f"AKS does not offer this cluster 0.35; {AT}, and AKS offers {OFFERED}"),
    (
        "1.37",
        OFFER,
        f"{AT}, and 1.37 is more than one minor ahead of it; ask for 1.36 first; AKS offers {OFFERED}",
    ),
    (
        "1.38.1",
        OFFER,
        f"{AT}, and 1.38.1 is more than one minor ahead of it; ask for 1.36 first; AKS offers {OFFERED}",
    ),
    (
        "1.37",
        an_offer("1.37.1"),
        f"{AT}, and 1.37 is more than one minor ahead of it; {WHOLE}; AKS offers 1.37.1",
    ),
    (
        "latest",
        an_offer("1.37.1", "1.38.0"),
        f"{AT}, and latest is more than one minor ahead of it; {WHOLE}; AKS offers 1.37.1, 1.38.0",
    ),
    (
        "latest",
        an_offer("1.34.9", "1.37.1"),
        f"{AT}, and latest is more than one minor ahead of it; {WHOLE}; AKS offers 1.34.9, 1.37.1",
    ),
    ("1.36", NEXT_ONLY_PREVIEW, f"{PREVIEW} 1.35.6, 1.36.0 (preview)"),
    ("1.36", NOTHING, f"AKS does not offer this cluster 1.36; {AT}, and AKS offers nothing newer"),
    ("1.36.9", OFFER, f"AKS does not offer this cluster 1.36.9; {AT}, and AKS offers {OFFERED}"),
    ("1.35.9", OFFER, f"AKS does not offer this cluster 1.35.9; {AT}, and AKS offers {OFFERED}"),
    (
        "1.36.1",
        NEXT_ONLY_PREVIEW,
        f"AKS does not offer this cluster 1.36.1; {AT}, and AKS offers 1.35.6, 1.36.0 (preview)",
    ),
]


@pytest.mark.parametrize(("wanted", "offer", "message"), NO_TARGETS)
def test_a_version_that_cannot_be_is_refused_with_what_is_offered(wanted: str, offer: Offer, message: str) -> None:
    refusal = refused(wanted, a_cluster(), offer)
    assert (refusal.code, refusal.message, refusal.final) == (Code.IMPOSSIBLE, message, False)
    assert [(fault.pointer, fault.message) for fault in refusal.faults] == [("/version", message)]


minors = st.integers(30, 39)
offers = st.lists(st.tuples(minors, st.integers(0, 12), st.booleans()), max_size=6, unique_by=lambda one: one[:2])


@given(current=st.tuples(minors, st.integers(0, 9)), offered=offers, wanted=st.one_of(st.none(), st.just("latest"), minors))
def test_no_plan_ever_goes_back_skips_a_minor_leaves_the_offer_or_takes_a_preview_unasked(
    current: tuple[int, int], offered: list[tuple[int, int, bool]], wanted: str | int | None
) -> None:
    newer = [(f"1.{minor}.{patch}", preview) for minor, patch, preview in offered if (minor, patch) > current]
    offer = an_offer(*(text for text, preview in newer if not preview), previews=tuple(text for text, preview in newer if preview))
    here = KubernetesVersion(1, *current)
    found = asked(f"1.{wanted}" if isinstance(wanted, int) else wanted, behind(str(here), f"1.{current[0]}.0"), offer)
    assume(not isinstance(found, Refusal))
    assert isinstance(found, Plan | AlreadySo)
    steps = found.steps if isinstance(found, Plan) else found.plan.steps
    for step in steps:
        assert isinstance(step.action, UpgradeControlPlane | UpgradePool)
        target = KubernetesVersion.parse(step.action.version)
        assert target >= here
        assert here.hops_to(target) <= 1
        assert target == here or (str(target), False) in newer


# ---- in which order, and how long


def test_the_control_plane_goes_first_and_then_every_pool_in_the_clusters_order() -> None:
    cluster = a_cluster(a_pool("user"), a_pool("gpu", count=0), a_pool("win"))
    found = planned("1.36", cluster)
    assert [step.action for step in found.steps] == [
        UpgradeControlPlane(version="1.36.2"),
        *(UpgradePool(pool=name, version="1.36.2") for name in ("system", "user", "gpu", "win")),
    ]
    assert [step.name for step in found.steps][:3] == ["control plane to 1.36.2", "pool system to 1.36.2", "pool user to 1.36.2"]
    assert found.because == "the control plane of web is at 1.35.4, want 1.36.2"


def test_only_what_is_behind_is_in_the_plan() -> None:
    cluster = a_cluster(a_pool("user", version="1.35.2"), a_pool("gpu"))
    found = planned("1.35", cluster)
    assert [step.action for step in found.steps] == [UpgradePool(pool="user", version="1.35.4")]
    assert found.because == "pool user is at 1.35.2, want 1.35.4"


def test_a_stopped_pool_and_one_without_a_version_are_brought_along() -> None:
    cluster = a_cluster(a_pool("user", power=PowerState.STOPPED, count=0), a_pool("odd", version=None))
    found = planned("1.36.1", cluster)
    assert [step.name for step in found.steps] == [
        "control plane to 1.36.1", "pool system to 1.36.1", "pool user to 1.36.1", "pool odd to 1.36.1",
    ]  # fmt: skip


@pytest.mark.parametrize("version", [None, "latest", "1.35", "1.35.4"])
def test_what_is_there_already_is_already_so(version: str | None) -> None:
    found = asked(version, a_cluster(), NOTHING)
    assert isinstance(found, AlreadySo)
    assert found.plan.because == "the control plane and every pool of web are at 1.35.4 already"
    assert [step.action for step in found.plan.steps] == [
        UpgradeControlPlane(version="1.35.4"), UpgradePool(pool="system", version="1.35.4"), UpgradePool(pool="user", version="1.35.4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cluster", "because"),
    [
        (a_cluster(state="Failed"), "cluster web is Failed, want Succeeded"),
        (a_cluster(state="Canceled"), "cluster web is Canceled, want Succeeded"),
        (a_cluster(state="Upgrading"), "cluster web is Upgrading, want Succeeded"),
    ],
)
def test_the_version_alone_is_not_already_so_before_azure_has_ended_well(cluster: Cluster, because: str) -> None:
    """AKS shows the wanted versions the moment it takes a PUT; one that failed is sent once more, to reconcile."""
    found = planned("1.35", cluster)
    assert found.steps[0].action == UpgradeControlPlane(version="1.35.4")
    assert found.because == because
    assert all(gap(step.action, a_cluster()) is None for step in found.steps)


@pytest.mark.parametrize(
    ("count", "limit"),
    [
        (0, timedelta(hours=2)),
        (2, timedelta(hours=2, minutes=20)),
        (12, timedelta(hours=4)),
        (132, timedelta(hours=24)),
        (1000, timedelta(hours=24)),
    ],
)
def test_a_pool_has_time_for_every_node_of_it_and_never_more_than_a_day(count: int, limit: timedelta) -> None:
    steps = planned("1.36", a_cluster(a_pool(count=count))).steps
    assert [step.limit for step in steps] == [CONTROL_PLANE_LIMIT, POOL_LIMIT + LIMIT_A_NODE, limit]
    assert max(step.limit for step in steps) <= MOST_POOL_LIMIT
    assert timedelta(hours=2) == CONTROL_PLANE_LIMIT


def test_a_pool_that_may_grow_before_its_turn_has_time_for_all_that_it_may_grow_to() -> None:
    pools = (a_pool(count=2, autoscale=Range(min=1, max=12)), a_pool("big", count=12, autoscale=Range(min=1, max=2)))
    assert [step.limit for step in planned("1.36", a_cluster(*pools)).steps][2:] == [timedelta(hours=4), timedelta(hours=4)]


# ---- what cannot be upgraded

CANNOT: list[tuple[Cluster | Absent, Code, str]] = [
    (NO_CLUSTER, Code.NOT_FOUND, "cluster prod-rg/web does not exist"),
    (a_cluster(state="Deleting"), Code.IMPOSSIBLE, "cluster prod-rg/web is being deleted"),
    (
        a_cluster(power=PowerState.STOPPED),
        Code.IMPOSSIBLE,
        "cluster prod-rg/web is stopped, and AKS upgrades nothing that is stopped; start it first",
    ),
    (
        a_cluster(version="1.35", current_version=None),
        Code.IMPOSSIBLE,
        "the control plane of prod-rg/web shows no version to start from: '1.35' is no version such as 1.36.4",
    ),
    (
        a_cluster(version="", current_version=None),
        Code.IMPOSSIBLE,
        "the control plane of prod-rg/web shows no version to start from: '' is no version such as 1.36.4",
    ),
]


@pytest.mark.parametrize(("cluster", "code", "message"), CANNOT)
@pytest.mark.parametrize("version", [None, "latest", "1.36", "1.36.1"])
def test_what_cannot_be_upgraded_is_refused_whatever_is_asked(
    cluster: Cluster | Absent, code: Code, message: str, version: str | None
) -> None:
    refusal = refused(version, cluster)
    assert (refusal.code, refusal.message) == (code, message)


LAGGING: list[tuple[Cluster, str, str]] = [
    (
        behind("1.35.4", "1.34.9", "1.35.4"),
        "1.36",
        "pool system is at 1.34.9, 2 minors before 1.36.2, and AKS moves a pool one minor at a time; ask for 1.35 first",
    ),
    (
        behind("1.35.4", "1.35.4", "1.33.0"),
        "1.36",
        "pool p1 is at 1.33.0, 3 minors before 1.36.2, and AKS moves a pool one minor at a time; bring it to 1.34 first",
    ),
    (
        behind("1.35.4", "1.35.4", "1.33.0"),
        "1.35",
        "pool p1 is at 1.33.0, 2 minors before 1.35.4, and AKS moves a pool one minor at a time; bring it to 1.34 first",
    ),
]


@pytest.mark.parametrize(("cluster", "version", "message"), LAGGING)
def test_a_pool_that_could_not_follow_is_named_with_where_to_bring_it(cluster: Cluster, version: str, message: str) -> None:
    refusal = refused(version, cluster)
    assert (refusal.code, refusal.message) == (Code.IMPOSSIBLE, message)


def test_the_way_that_a_lagging_pools_refusal_shows_is_a_way() -> None:
    cluster = behind("1.35.4", "1.34.9", "1.35.4")
    assert "ask for 1.35 first" in refused("1.36", cluster).message
    assert [step.action for step in planned("1.35", cluster).steps] == [UpgradePool(pool="system", version="1.35.4")]


def test_a_pool_one_minor_behind_follows_to_the_next_patch_of_the_control_planes_minor() -> None:
    cluster = behind("1.35.4", "1.34.9", "1.35.4")
    assert [step.action for step in planned(None, cluster).steps][1] == UpgradePool(pool="system", version="1.35.10")


@pytest.mark.parametrize("offer", [None, Absent(what="cluster prod-rg/web")])
@pytest.mark.parametrize("version", [None, "latest", "1.36"])
def test_without_an_offer_nobody_says_that_the_newest_runs_already(version: str | None, offer: Absent | None) -> None:
    refusal = refused(version, a_cluster(), offer)
    assert (refusal.code, refusal.final) == (Code.CHANGED_MEANWHILE, False)
    assert refusal.message == "cluster prod-rg/web was not there yet when it was asked what AKS offers it; ask again"

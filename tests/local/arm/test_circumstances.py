"""What the world holds against operations: no room, no quota, blocked drains, APIs that go; and what is left afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from local.arm import sizes
from local.arm.obstacles import (
    Capacity,
    ClusterQuota,
    DeprecatedApi,
    Obstacles,
    Pdb,
    Quotas,
    VcpuQuota,
)
from local.arm.records import State
from local.arm.wire import Json, Reply
from local.arm.world import SUBSCRIPTION, World
from tests.local.arm.asking import (
    CLUSTER,
    CLUSTERS,
    MINUTE,
    START,
    SYSTEM,
    USER,
    Asker,
    Clock,
    a_cluster,
    a_pool,
    a_saved_world,
    a_world,
    an_asker,
    code,
    state,
)

OTHER = f"{CLUSTERS}/other"
FAMILY = "standardDDSv5Family"
OTHERS = "00000000-0000-0000-0000-000000000002"


def with_obstacles(asker: Asker, **obstacles: Any) -> Asker:
    asker.world.state.obstacles = Obstacles(**obstacles)
    return asker


def room(nodes: int, **changes: Any) -> tuple[Capacity, ...]:
    return (Capacity(**{"region": "centralus", "family": FAMILY, "nodes": nodes, **changes}),)


def ended(asker: Asker, begun: Reply, *, after: timedelta = MINUTE) -> Json:
    """The operation's document once it is due; it must not have ended before."""
    assert begun.status in {200, 201, 202}, begun.document
    url = begun.headers["azure-asyncoperation"]
    asker.later(after - timedelta(seconds=1))
    assert "endTime" not in asker.get(url).document
    asker.later(timedelta(seconds=1))
    document = asker.get(url).document
    assert "endTime" in document
    return dict(document)


def outcome(document: Json) -> tuple[str, str | None]:
    return document["status"], document.get("error", {}).get("code") if document["status"] == "Failed" else None


def post(asker: Asker, what: str, url: str = CLUSTER) -> Reply:
    return asker.ask("POST", f"{url}/{what}")


FAILED = ("Failed", "AllocationFailed")
SUCCEEDED = ("Succeeded", None)


# -------------------------------------------------------------------------------------------------------------------------- capacity


def test_a_cluster_is_made_without_nodes_where_there_is_no_room() -> None:
    asker = with_obstacles(an_asker().with_group(), capacity=room(4))
    document = ended(asker, asker.put(CLUSTER, a_cluster()))  # wants 5
    assert outcome(document) == FAILED
    assert "We do not have sufficient capacity for the requested VM size in this region" in document["error"]["message"]
    cluster = asker.get(CLUSTER)
    assert state(cluster) == "Failed"
    assert [pool["count"] for pool in cluster.document["properties"]["agentPoolProfiles"]] == [2, 3]
    assert really(asker) == {"system": 2, "user": 0}


def really(asker: Asker, url: str = CLUSTER) -> dict[str, int]:
    """The nodes that run, by pool."""
    cluster = next(cluster for cluster in asker.world.state.clusters.values() if url.endswith(cluster.name))
    return {name: cluster.nodes[name].count if name in cluster.nodes else 0 for name in cluster.pools}


def test_a_pool_that_outgrows_the_region_fails_and_keeps_its_nodes() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 5}}))) == FAILED
    pool = asker.get(USER).document["properties"]
    assert (pool["provisioningState"], pool["count"]) == ("Failed", 5)
    assert really(asker)["user"] == 3
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 4}}))) == SUCCEEDED
    assert really(asker)["user"] == 4


def test_a_new_pool_and_a_scale_through_the_cluster_meet_the_same_limit() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    made = asker.put(f"{CLUSTER}/agentPools/more", {"properties": {"count": 2, "vmSize": "Standard_D4ds_v5"}})
    assert outcome(ended(asker, made)) == FAILED
    assert outcome(ended(asker, asker.put(CLUSTER, a_cluster(a_pool(), a_pool("user", count=5))))) == FAILED


def test_another_put_of_the_same_count_asks_for_the_missing_nodes_again() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    ended(asker, asker.put(USER, {"properties": {"count": 5}}))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 5}}))) == FAILED
    with_obstacles(asker, capacity=room(7))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 5}}))) == SUCCEEDED
    assert really(asker)["user"] == 5


def test_a_stopped_cluster_gives_its_nodes_back_and_who_takes_them_keeps_it_from_starting() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == FAILED
    ended(asker, asker.delete(OTHER))
    assert outcome(ended(asker, post(asker, "stop"))) == SUCCEEDED
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == SUCCEEDED
    document = ended(asker, post(asker, "start"))
    assert outcome(document) == FAILED
    assert state(asker.get(CLUSTER)) == "Failed"
    assert really(asker) == {"system": 0, "user": 0}
    ended(asker, asker.delete(OTHER))
    assert outcome(ended(asker, post(asker, "start"))) == SUCCEEDED
    assert really(asker) == {"system": 2, "user": 3}


def test_nodes_are_given_back_only_when_the_stop_has_ended() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    post(asker, "stop")
    asker.later(timedelta(seconds=30))
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == FAILED


def test_a_pool_that_shrinks_gives_its_nodes_back_only_when_that_has_ended() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(6))
    begun = asker.put(USER, {"properties": {"count": 1}})
    asker.later(timedelta(seconds=30))
    early = asker.put(OTHER, a_cluster(a_pool(count=2)))
    asker.later(timedelta(seconds=30))
    assert outcome(asker.get(begun.headers["azure-asyncoperation"]).document) == SUCCEEDED
    assert outcome(ended(asker, asker.put(f"{CLUSTERS}/third", a_cluster(a_pool(count=2))))) == SUCCEEDED
    assert outcome(asker.get(early.headers["azure-asyncoperation"]).document) == FAILED


def test_a_start_in_flight_has_taken_its_nodes_already() -> None:
    asker = an_asker().with_cluster()
    ended(asker, post(asker, "stop"))
    with_obstacles(asker, capacity=room(6))
    post(asker, "start")
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == FAILED
    assert state(asker.get(CLUSTER)) == "Succeeded"


def test_an_operation_that_will_fail_holds_nothing_while_it_runs() -> None:
    asker = with_obstacles(an_asker().with_group(), capacity=room(5))
    asker.put(CLUSTER, a_cluster(a_pool(count=6)))
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == SUCCEEDED


def test_the_pools_that_an_operation_will_serve_before_it_fails_hold_their_nodes_from_its_beginning() -> None:
    asker = with_obstacles(an_asker().with_group(), capacity=room(4))
    asker.put(CLUSTER, a_cluster())  # two nodes of five are all that fits
    third = f"{CLUSTERS}/third"
    begun = asker.put(OTHER, a_cluster(a_pool(count=3))), asker.put(third, a_cluster(a_pool(count=2)))
    asker.later()
    assert [outcome(asker.get(one.headers["azure-asyncoperation"]).document) for one in begun] == [FAILED, SUCCEEDED]


def test_a_deleted_pool_or_cluster_gives_its_nodes_back() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(5))
    ended(asker, asker.delete(USER))
    assert outcome(ended(asker, asker.put(f"{CLUSTER}/agentPools/more", {"properties": {"count": 3}}))) == SUCCEEDED
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 3}}))) == FAILED  # another pool, though of the same name
    ended(asker, asker.delete(CLUSTER))
    assert outcome(ended(asker, asker.put(OTHER, a_cluster()))) == SUCCEEDED


def test_a_stopped_pool_gives_its_nodes_back() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(5))
    ended(asker, asker.put(USER, {"properties": {"powerState": {"code": "Stopped"}}}))
    assert really(asker)["user"] == 0
    assert outcome(ended(asker, asker.put(SYSTEM, {"properties": {"count": 4}}))) == SUCCEEDED
    assert outcome(ended(asker, asker.put(USER, {"properties": {"powerState": {"code": "Running"}}}))) == FAILED


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Capacity(region="centralus", family=FAMILY, nodes=5), SUCCEEDED),
        (Capacity(region="centralus", family=FAMILY, nodes=4), FAILED),
        (Capacity(region="centralus", family=FAMILY.upper(), nodes=4), FAILED),
        (Capacity(region="centralus", family=FAMILY, vcpus=20), SUCCEEDED),
        (Capacity(region="centralus", family=FAMILY, vcpus=19), FAILED),
        (Capacity(region="centralus", nodes=4), FAILED),
        (Capacity(region="centralus", nodes=5, vcpus=19), FAILED),
        (Capacity(region="westus2", nodes=0), SUCCEEDED),
        (Capacity(region="centralus", family="standardDSv3Family", nodes=0), SUCCEEDED),
    ],
)
def test_capacity_counts_nodes_or_vcpus_of_a_family_or_of_all_in_one_region(limit: Capacity, expected: tuple[str, str | None]) -> None:
    asker = with_obstacles(an_asker().with_group(), capacity=(limit,))
    assert outcome(ended(asker, asker.put(CLUSTER, a_cluster()))) == expected


@pytest.mark.parametrize(
    ("changes", "expected", "says"),
    [
        ({}, "AllocationFailed", "in this region"),
        ({"availabilityZones": ["1"]}, "ZonalAllocationFailed", "in this zone"),
        ({"osDiskType": "Ephemeral"}, "OverconstrainedAllocationRequest", "Differencing (Ephemeral) Disks"),
        ({"osDiskType": "Ephemeral", "availabilityZones": ["1"]}, "OverconstrainedZonalAllocationRequest", "- Availability Zone"),
    ],
)
def test_the_code_says_what_kind_of_room_was_lacking(changes: Json, expected: str, says: str) -> None:
    asker = with_obstacles(an_asker().with_group(), capacity=room(0))
    document = ended(asker, asker.put(CLUSTER, a_cluster(a_pool(**changes))))
    assert outcome(document) == ("Failed", expected)
    assert says in document["error"]["message"]


def test_whoever_needs_no_more_nodes_is_left_alone_however_little_there_is() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(0))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 2}}))) == SUCCEEDED
    assert outcome(ended(asker, asker.put(USER, {"properties": {"nodeLabels": {"a": "b"}}}))) == SUCCEEDED
    assert outcome(ended(asker, post(asker, "stop"))) == SUCCEEDED


def test_a_pool_that_never_got_its_nodes_can_be_stopped_and_deleted_all_the_same() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(5))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 5}}))) == FAILED
    assert outcome(ended(asker, post(asker, "stop"))) == SUCCEEDED
    with_obstacles(asker)
    assert outcome(ended(asker, post(asker, "start"))) == SUCCEEDED
    with_obstacles(asker, capacity=room(5))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 9}}))) == FAILED
    assert outcome(ended(asker, asker.delete(USER))) == SUCCEEDED


def test_a_full_family_or_region_leaves_room_in_the_others() -> None:
    asker = with_obstacles(an_asker().with_cluster(), capacity=room(0))
    made = asker.put(f"{CLUSTER}/agentPools/more", {"properties": {"count": 2, "vmSize": "Standard_D2s_v3"}})
    assert outcome(ended(asker, made)) == SUCCEEDED
    with_obstacles(asker, capacity=room(5, region="westus2"))
    assert outcome(ended(asker, asker.put(OTHER, a_cluster(location="westus2")))) == SUCCEEDED


def test_a_scripted_outcome_goes_before_circumstances() -> None:
    from local.arm.faults import Fault, Outcome

    asker = with_obstacles(an_asker().with_cluster(), capacity=room(0))
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="Scripted")))
    assert outcome(ended(asker, asker.put(USER, {"properties": {"count": 9}}))) == ("Failed", "Scripted")


def test_an_upgrade_finds_no_room_for_its_surge_nodes() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), capacity=room(5))
    document = ended(asker, asker.put(CLUSTER, upgraded("1.36")))
    assert outcome(document) == FAILED
    assert versions(asker) == ("1.36.4", {"system": "1.35.6", "user": "1.35.6"})


def upgraded(version: str, **properties: Any) -> Json:
    pools = [a_pool(orchestratorVersion=version), a_pool("user", count=3, orchestratorVersion=version)]
    return a_cluster(*pools, kubernetesVersion=version, **properties)


def versions(asker: Asker) -> tuple[str, dict[str, str]]:
    properties = asker.get(CLUSTER).document["properties"]
    pools = {pool["name"]: pool["currentOrchestratorVersion"] for pool in properties["agentPoolProfiles"]}
    return properties["currentKubernetesVersion"], pools


# ------------------------------------------------------------------------------------------------------------------------------ quota


def allowed(vcpus: int, family: str = FAMILY, subscription: str = "*") -> Quotas:
    return Quotas(vcpus=(VcpuQuota(region="centralus", family=family, vcpus=vcpus, subscription=subscription),))


QUOTA = (400, "ErrCode_InsufficientVCPUQuota")


def test_more_vcpus_than_allowed_are_refused_at_once_and_nothing_changes() -> None:
    asker = with_obstacles(an_asker().with_cluster(), quotas=allowed(27))
    refused = asker.put(USER, {"properties": {"count": 5}})
    assert code(refused) == QUOTA
    text = f"Insufficient vcpu quota requested 8, remaining 7 for family {FAMILY} for region centralus. "
    assert refused.document["message"].startswith(text)
    assert "Surge nodes would also consume vcpu quota" in refused.document["message"]
    assert (refused.document["details"], refused.document["subcode"]) == (None, "")
    assert asker.get(USER).document["properties"]["count"] == 3
    assert state(asker.get(CLUSTER)) == "Succeeded"
    assert asker.put(USER, {"properties": {"count": 4}}).status == 200


def test_a_new_pool_beyond_the_quota_is_refused_and_not_made() -> None:
    asker = with_obstacles(an_asker().with_cluster(), quotas=allowed(27))
    more = f"{CLUSTER}/agentPools/more"
    assert code(asker.put(more, {"properties": {"count": 2}})) == QUOTA
    assert code(asker.get(more)) == (404, "NotFound")
    assert code(asker.put(CLUSTER, a_cluster(a_pool(), a_pool("user", count=5)))) == QUOTA
    assert asker.put(more, {"properties": {"count": 1}}).status == 201


def test_all_families_together_are_refused_in_other_words() -> None:
    asker = with_obstacles(an_asker().with_group(), quotas=allowed(10, "*"))
    refused = asker.put(CLUSTER, a_cluster())
    assert code(refused) == QUOTA
    text = "Insufficient regional vcpu quota left for location centralus. left regional vcpu quota 10, requested quota 20. "
    assert refused.document["message"].startswith(text)
    assert code(asker.get(CLUSTER)) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        (allowed(20), 201),
        (allowed(19), 400),
        (allowed(0, "standardDSv3Family"), 201),
        (allowed(0, subscription=OTHERS), 201),
        (allowed(0, subscription=SUBSCRIPTION), 400),
        (Quotas(vcpus=(VcpuQuota(region="westus2", vcpus=0),)), 201),
    ],
)
def test_vcpu_quota_is_by_subscription_region_and_family(quotas: Quotas, expected: int) -> None:
    asker = with_obstacles(an_asker().with_group(), quotas=quotas)
    assert asker.put(CLUSTER, a_cluster()).status == expected


def test_a_subscription_is_known_however_it_is_spelled() -> None:
    clock, spelled = Clock(), "abcdefab-0000-0000-0000-000000000001"
    asker = Asker(a_world(clock, subscriptions=(spelled,)), clock)
    quotas = Quotas(vcpus=allowed(0, subscription=spelled.upper()).vcpus)
    with_obstacles(asker, quotas=quotas)
    theirs = CLUSTER.replace(SUBSCRIPTION, spelled)
    assert asker.put(theirs.partition("/providers")[0], {"location": "centralus"}).status == 201
    assert code(asker.put(theirs, a_cluster())) == QUOTA
    with_obstacles(asker, quotas=Quotas(clusters=(ClusterQuota(region="centralus", clusters=0, subscription=spelled.upper()),)))
    assert code(asker.put(theirs, a_cluster())) == (400, "ManagedClusterCountExceedsQuotaLimit")


def test_one_subscription_does_not_use_anothers_quota() -> None:
    clock = Clock()
    asker = Asker(a_world(clock, subscriptions=(SUBSCRIPTION, OTHERS)), clock).with_cluster()
    with_obstacles(asker, quotas=allowed(20))
    assert code(asker.put(OTHER, a_cluster())) == QUOTA
    theirs = CLUSTER.replace(SUBSCRIPTION, OTHERS)
    assert asker.put(theirs.partition("/providers")[0], {"location": "centralus"}).status == 201
    assert asker.put(theirs, a_cluster()).status == 201


@pytest.mark.parametrize(
    ("settings", "enough", "too_little"),
    [
        ({}, 28, 27),
        ({"maxSurge": ""}, 28, 27),
        ({"maxSurge": "50%"}, 32, 31),
        ({"maxSurge": "2"}, 36, 35),
        ({"maxSurge": "0", "maxUnavailable": "1"}, 20, 19),
    ],
)
def test_surge_nodes_count_on_an_upgrade(settings: Json, enough: int, too_little: int) -> None:
    pools = [a_pool(upgradeSettings=settings), a_pool("user", count=3, upgradeSettings=settings)]
    asker = an_asker().with_cluster(a_cluster(*pools, kubernetesVersion="1.35"))
    wanted = upgraded("1.36")
    if settings.get("maxSurge") != "0":
        assert code(asker_with(asker, too_little).put(CLUSTER, wanted)) == QUOTA
    assert asker_with(asker, enough).put(CLUSTER, wanted).status == 200


def asker_with(asker: Asker, vcpus: int) -> Asker:
    return with_obstacles(asker, quotas=allowed(vcpus))


def test_a_node_image_upgrade_needs_quota_for_its_surge_too() -> None:
    asker = an_asker().with_cluster()
    assert code(post(asker_with(asker, 23), "upgradeNodeImageVersion", USER)) == QUOTA
    assert state(asker.get(USER)) == "Succeeded"
    assert post(asker_with(asker, 24), "upgradeNodeImageVersion", USER).status == 202


def test_surge_nodes_are_given_back_after_the_upgrade_and_held_during_it() -> None:
    asker = an_asker().with_cluster()
    with_obstacles(asker, quotas=allowed(28))
    begun = post(asker, "upgradeNodeImageVersion", USER)  # 20 and 4 for the surge
    smaller = a_cluster(a_pool(count=2))
    assert code(asker.put(OTHER, smaller)) == QUOTA
    ended(asker, begun)
    assert asker.put(OTHER, smaller).status == 201


def test_the_control_plane_alone_needs_no_quota() -> None:
    asker = asker_with(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), 0)
    assert asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36")).status == 200


def test_a_start_beyond_the_quota_is_let_in_and_fails() -> None:
    asker = an_asker().with_cluster()
    ended(asker, post(asker, "stop"))
    asker_with(asker, 19)
    document = ended(asker, post(asker, "start"))
    assert outcome(document) == ("Failed", "ErrCode_InsufficientVCPUQuota")
    assert state(asker.get(CLUSTER)) == "Failed"


def test_one_cluster_more_than_allowed_is_refused_in_its_region() -> None:
    asker = an_asker().with_cluster()
    with_obstacles(asker, quotas=Quotas(clusters=(ClusterQuota(region="centralus", clusters=1),)))
    refused = asker.put(OTHER, a_cluster())
    assert code(refused) == (400, "ManagedClusterCountExceedsQuotaLimit")
    assert "Maximum allowed: 1, Current usage: 1, Additional requested: 1. " in refused.document["message"]
    assert code(asker.get(OTHER)) == (404, "ResourceNotFound")
    assert asker.put(CLUSTER, a_cluster()).status == 200  # the one that is there may be changed
    assert asker.put(OTHER, a_cluster(location="westus2")).status == 201
    asker.later()
    ended(asker, asker.delete(CLUSTER))
    assert asker.put(CLUSTER, a_cluster()).status == 201


def test_a_cluster_quota_of_one_subscription_is_not_anothers() -> None:
    asker = an_asker().with_group()
    with_obstacles(asker, quotas=Quotas(clusters=(ClusterQuota(region="centralus", clusters=0, subscription=OTHERS),)))
    assert asker.put(CLUSTER, a_cluster()).status == 201


# ------------------------------------------------------------------------------------------------------------------------------- PDBs


def blocked(**changes: Any) -> tuple[Pdb, ...]:
    return (Pdb(**{"cluster": "group1/WEB", "name": "shop/cart-pdb", "pod": "shop/cart-7c9", "pool": "user", **changes}),)


HALF_AN_HOUR = timedelta(minutes=31)  # the drain timeout, after the minute that such a test's operations take
FORCED = {"overrideSettings": {"forceUpgrade": True, "until": (START + timedelta(hours=1)).isoformat()}}


def test_a_drain_that_is_blocked_ends_the_upgrade_after_the_timeout_with_mixed_versions() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked())
    begun = asker.put(CLUSTER, upgraded("1.36"))
    assert versions(asker) == ("1.36.4", {"system": "1.36.4", "user": "1.36.4"})  # what is wanted, as AKS shows it
    document = ended(asker, begun, after=HALF_AN_HOUR)
    assert outcome(document) == ("Failed", "UpgradeFailed")
    message = document["error"]["message"]
    assert "Drain node aks-user-" in message
    assert "when evicting pod cart-7c9 failed with Too Many Requests error" in message
    assert "shop/cart-7c9 blocked by pdb cart-pdb" in message
    assert versions(asker) == ("1.36.4", {"system": "1.36.4", "user": "1.35.6"})
    cluster = asker.get(CLUSTER).document["properties"]
    assert (cluster["provisioningState"], cluster["kubernetesVersion"]) == ("Failed", "1.36")
    assert [pool["provisioningState"] for pool in cluster["agentPoolProfiles"]] == ["Failed", "Failed"]
    assert [pool["orchestratorVersion"] for pool in cluster["agentPoolProfiles"]] == ["1.36", "1.35"]


def test_nodes_that_were_not_drained_keep_their_image() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.34")), pdbs=blocked())
    ended(asker, asker.put(CLUSTER, upgraded("1.35")), after=HALF_AN_HOUR)
    images = {url: asker.get(url).document["properties"]["nodeImageVersion"].partition("gen2")[0] for url in (SYSTEM, USER)}
    assert images == {SYSTEM: "AKSUbuntu-2404", USER: "AKSUbuntu-2204"}


def test_an_upgrade_that_failed_at_a_drain_can_be_finished_when_the_budget_is_gone() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked())
    ended(asker, asker.put(CLUSTER, upgraded("1.36")), after=HALF_AN_HOUR)
    again = asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})
    assert outcome(ended(asker, again, after=HALF_AN_HOUR)) == ("Failed", "UpgradeFailed")
    with_obstacles(asker)
    assert outcome(ended(asker, asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}}))) == SUCCEEDED
    assert versions(asker) == ("1.36.4", {"system": "1.36.4", "user": "1.36.4"})


def test_a_pool_may_have_its_own_drain_timeout() -> None:
    user = a_pool("user", count=3, upgradeSettings={"drainTimeoutInMinutes": 5})
    asker = with_obstacles(an_asker().with_cluster(a_cluster(a_pool(), user)), pdbs=blocked())
    begun = post(asker, "upgradeNodeImageVersion", USER)
    assert outcome(ended(asker, begun, after=timedelta(minutes=6))) == ("Failed", "UpgradeFailed")


def test_a_node_image_upgrade_that_is_blocked_leaves_the_old_image() -> None:
    asker = with_obstacles(an_asker().with_cluster(), pdbs=blocked())
    old = asker.get(USER).document["properties"]["nodeImageVersion"]
    asker.later(timedelta(days=14))
    begun = post(asker, "upgradeNodeImageVersion", USER)
    assert outcome(ended(asker, begun, after=HALF_AN_HOUR)) == ("Failed", "UpgradeFailed")
    assert asker.get(USER).document["properties"]["nodeImageVersion"] == old
    with_obstacles(asker)
    ended(asker, post(asker, "upgradeNodeImageVersion", USER))
    assert asker.get(USER).document["properties"]["nodeImageVersion"] > old


@pytest.mark.parametrize(
    "budget",
    [blocked(pool="system"), blocked(cluster="group1/other"), blocked(cluster="group2/web"), ()],
    ids=["another pool", "another cluster", "another group", "none"],
)
def test_a_budget_blocks_only_its_cluster_and_pool(budget: tuple[Pdb, ...]) -> None:
    asker = with_obstacles(an_asker().with_cluster(), pdbs=budget)
    assert outcome(ended(asker, post(asker, "upgradeNodeImageVersion", USER))) == SUCCEEDED


def test_a_budget_without_a_pool_blocks_the_first_one() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked(pool=None))
    ended(asker, asker.put(CLUSTER, upgraded("1.36")), after=HALF_AN_HOUR)
    assert versions(asker) == ("1.36.4", {"system": "1.35.6", "user": "1.35.6"})


@pytest.mark.parametrize("verb", ["scale", "stop and start", "control plane"])
def test_a_budget_stands_in_the_way_of_drains_only(verb: str) -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked(pool=None))
    match verb:
        case "scale":
            begun = asker.put(USER, {"properties": {"count": 5}})
        case "control plane":
            begun = asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36"))
        case _:
            ended(asker, post(asker, "stop"))
            begun = post(asker, "start")
    assert outcome(ended(asker, begun)) == SUCCEEDED


def test_a_pool_without_nodes_has_none_to_drain() -> None:
    asker = with_obstacles(an_asker().with_cluster(), pdbs=blocked())
    ended(asker, asker.put(USER, {"properties": {"count": 0}}))
    assert outcome(ended(asker, post(asker, "upgradeNodeImageVersion", USER))) == SUCCEEDED


def test_a_forced_upgrade_does_not_ask_the_budgets() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked(seen_beforehand=True))
    assert outcome(ended(asker, asker.put(CLUSTER, upgraded("1.36", upgradeSettings=FORCED)))) == SUCCEEDED
    assert versions(asker) == ("1.36.4", {"system": "1.36.4", "user": "1.36.4"})


@pytest.mark.parametrize(
    "override",
    [
        {"forceUpgrade": False, "until": "2026-12-01T00:00:00Z"},
        {"forceUpgrade": True, "until": "2026-11-23T11:59:59Z"},
        {"forceUpgrade": True},
        {"until": "2026-12-01T00:00:00Z"},
    ],
    ids=["off", "over", "without an end", "not said"],
)
def test_an_override_must_be_on_and_its_end_still_to_come(override: Json) -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked())
    begun = asker.put(CLUSTER, upgraded("1.36", upgradeSettings={"overrideSettings": override}))
    assert outcome(ended(asker, begun, after=HALF_AN_HOUR)) == ("Failed", "UpgradeFailed")


@pytest.mark.parametrize("until", ["2026-11-23T13:00:00Z", "2026-11-23T13:00:00.1234567Z", "2026-11-23T14:00:00+01:00"])
def test_the_end_of_an_override_is_read_in_all_forms(until: str) -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked())
    settings = {"overrideSettings": {"forceUpgrade": True, "until": until}}
    assert outcome(ended(asker, asker.put(CLUSTER, upgraded("1.36", upgradeSettings=settings)))) == SUCCEEDED


def test_a_budget_that_can_never_be_met_is_its_own_clusters_business() -> None:
    asker = with_obstacles(an_asker().with_cluster(), pdbs=blocked(seen_beforehand=True, cluster="group1/other"))
    assert outcome(ended(asker, post(asker, "upgradeNodeImageVersion", USER))) == SUCCEEDED


def test_a_budget_that_can_never_be_met_is_refused_beforehand_whichever_pool_is_upgraded() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), pdbs=blocked(seen_beforehand=True))
    for refused in (asker.put(CLUSTER, upgraded("1.36")), post(asker, "upgradeNodeImageVersion", SYSTEM)):
        assert code(refused) == (400, "UnsatisfiablePDB")
        assert "1 error occurred:\n\t* PDB shop/cart-pdb has minAvailable(1) >= expectedPods(1)" in refused.document["message"]
    assert versions(asker) == ("1.35.6", {"system": "1.35.6", "user": "1.35.6"})
    assert asker.put(USER, {"properties": {"count": 5}}).status == 200


# ------------------------------------------------------------------------------------------------------------------ deprecated APIs


def used(**changes: Any) -> tuple[DeprecatedApi, ...]:
    api = "flowcontrol.apiserver.k8s.io.prioritylevelconfigurations.v1beta1"
    return (DeprecatedApi(**{"cluster": "group1/web", "api": api, "removed_in": "1.36", **changes}),)


def test_the_use_of_an_api_that_will_be_gone_blocks_the_upgrade_of_the_control_plane() -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), deprecated_apis=used())
    refused = asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36"))
    assert code(refused) == (400, "ValidationError")
    assert refused.document["subcode"] == "UpgradeBlockedOnDeprecatedAPIUsage"
    assert (
        "Usage details: 1 error occurred:\n\t* usage has been detected on API flowcontrol.apiserver.k8s.io.prioritylevelconfigurations."
        "v1beta1, and was recently seen at: 2026-11-23 12:00:00 +0000 UTC, which will be removed in 1.36\n\n"
    ) in refused.document["message"]
    assert versions(asker)[0] == "1.35.6"


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        (used(removed_in="1.37"), {"kubernetesVersion": "1.36"}),
        (used(removed_in="1.35"), {"kubernetesVersion": "1.36"}),
        (used(cluster="group1/other"), {"kubernetesVersion": "1.36"}),
        (used(seen_at=START - timedelta(hours=12)), {"kubernetesVersion": "1.36"}),
        (used(), {"kubernetesVersion": "1.35.6"}),
        (used(), {"kubernetesVersion": "1.36", "upgradeSettings": FORCED}),
    ],
    ids=["a later minor", "gone already", "another cluster", "long ago", "a patch", "forced"],
)
def test_other_upgrades_pass(usage: tuple[DeprecatedApi, ...], wanted: Json) -> None:
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35.4")), deprecated_apis=usage)
    assert asker.put(CLUSTER, a_cluster(**wanted)).status == 200


def test_several_usages_are_counted_and_an_old_enough_one_is_forgotten() -> None:
    seen = START - timedelta(hours=11)
    usage = (*used(seen_at=seen), *used(api="batch.cronjobs.v1beta1", removed_in="1.36"))
    asker = with_obstacles(an_asker().with_cluster(a_cluster(kubernetesVersion="1.35")), deprecated_apis=usage)
    message = asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36")).document["message"]
    assert "2 errors occurred:" in message
    assert "recently seen at: 2026-11-23 01:00:00 +0000 UTC" in message
    asker.later(timedelta(hours=2))
    assert "1 error occurred:" in asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36")).document["message"]


# ------------------------------------------------------------------------------------------------------------------- what it rests on


def test_circumstances_and_what_really_runs_outlive_a_restart(tmp_path: Any) -> None:
    file, clock = tmp_path / "arm.json", Clock()
    asker = a_saved_world(file, clock).with_cluster()
    body = b'{"capacity": [{"region": "centralus", "nodes": 6}], "pdbs": [{"cluster": "group1/web", "name": "a/b"}]}'
    assert control(asker.world, body).status == 200
    obstacles = State.load(file).obstacles
    assert obstacles == asker.world.state.obstacles
    assert obstacles.capacity == (Capacity(region="centralus", nodes=6),)
    ended(asker, asker.put(USER, {"properties": {"count": 5}}))
    again = a_saved_world(file, clock)
    assert really(again) == {"system": 2, "user": 3}
    assert outcome(ended(again, again.put(USER, {"properties": {"count": 5}}))) == FAILED


def control(world: World, body: bytes) -> Reply:
    from local.arm.wire import Request

    answer = world.handle(Request(method="PUT", url="/_simulator/circumstances", body=body))
    assert isinstance(answer, Reply)
    return answer


@pytest.mark.parametrize(
    ("size", "vcpus", "family"),
    [
        ("Standard_D4ds_v5", 4, "standardDDSv5Family"),
        ("Standard_D4s_v5", 4, "standardDSv5Family"),
        ("Standard_D16ads_v5", 16, "standardDADSv5Family"),
        ("Standard_DS2_v2", 2, "standardDSv2Family"),
        ("Standard_DS3_v2", 4, "standardDSv2Family"),
        ("Standard_D5_v2", 16, "standardDv2Family"),
        ("Standard_D2s_v3", 2, "standardDSv3Family"),
        ("Standard_B2ms", 2, "standardBSFamily"),
        ("Standard_E8-2ds_v5", 2, "standardEDSv5Family"),
        ("Standard_F8s_v2", 8, "standardFSv2Family"),
        ("standard_d4DS_V5", 4, "standardDDSv5Family"),
        ("my-own", 1, "my-ownFamily"),
    ],
)
def test_a_size_tells_its_vcpus_and_its_family(size: str, vcpus: int, family: str) -> None:
    assert (sizes.vcpus(size), sizes.family(size)) == (vcpus, family)

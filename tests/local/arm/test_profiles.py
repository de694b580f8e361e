"""Where the simulator's clusters and pools can go, and how they get there: upgrade profiles, upgrades, node images."""

from datetime import timedelta

import pytest

from local.arm.durations import recorded
from local.arm.wire import Json, Reply
from tests.local.arm.asking import CLUSTER, SYSTEM, USER, Asker, a_cluster, a_pool, an_asker, code, state

TARGETS = ["1.36.2", "1.36.4"]


def an_older_cluster() -> Asker:
    return an_asker().with_cluster(a_cluster(kubernetesVersion="1.35"))


def upgraded(version: str, *, pools: str | None = None) -> Json:
    """A cluster's PUT to a version; `pools` is what it says about both pools."""
    named = {} if pools is None else {"orchestratorVersion": pools}
    return a_cluster(a_pool(**named), a_pool("user", count=3, **named), kubernetesVersion=version)


def versions(asker: Asker) -> list[str]:
    """The patches of the control plane and of the pools."""
    properties = asker.get(CLUSTER).document["properties"]
    return [properties["currentKubernetesVersion"], *(pool["currentOrchestratorVersion"] for pool in properties["agentPoolProfiles"])]


def targets(answer: Reply) -> list[str]:
    properties = answer.document["properties"]
    return [target["kubernetesVersion"] for target in properties.get("controlPlaneProfile", properties).get("upgrades", [])]


# ----------------------------------------------------------------------------------------------------------------------- profiles


def test_a_clusters_profile_lists_its_upgrades_and_null_for_the_pools() -> None:
    answer = an_older_cluster().get(f"{CLUSTER}/upgradeProfiles/default")
    assert answer.status == 200
    assert answer.document["id"].endswith("/managedClusters/web/upgradeprofiles/default")
    assert answer.document["type"] == "Microsoft.ContainerService/managedClusters/upgradeprofiles"
    assert answer.document["properties"]["agentPoolProfiles"] is None
    profile = answer.document["properties"]["controlPlaneProfile"]
    assert (profile["kubernetesVersion"], profile["osType"]) == ("1.35.6", "Linux")
    assert targets(answer) == TARGETS


def test_a_pools_profile_has_no_upgrades_where_it_runs_what_its_control_plane_runs() -> None:
    answer = an_older_cluster().get(f"{USER}/upgradeProfiles/default")
    assert answer.document["id"].endswith("/agentPools/user/upgradeProfiles/default")
    assert answer.document["type"] == "Microsoft.ContainerService/managedClusters/agentPools/upgradeProfiles"
    assert answer.document["properties"].keys() == {"kubernetesVersion", "osType", "latestNodeImageVersion"}


def test_a_pool_that_is_behind_can_go_as_far_as_its_control_plane() -> None:
    asker = an_older_cluster()
    asker.put(CLUSTER, upgraded("1.36.2"))
    asker.later()
    assert targets(asker.get(f"{USER}/upgradeProfiles/default")) == ["1.36.2"]
    assert targets(asker.get(f"{CLUSTER}/upgradeProfiles/default")) == ["1.36.4", "1.37.0", "1.37.1"]


def test_a_new_pool_may_have_the_control_planes_version_or_an_older_one() -> None:
    answer = an_older_cluster().get(f"{CLUSTER}/availableAgentPoolVersions")
    assert answer.document["type"] == "Microsoft.ContainerService/managedClusters/availableAgentpoolVersions"
    listed = answer.document["properties"]["agentPoolVersions"]
    assert [version["kubernetesVersion"] for version in listed if version.get("default")] == ["1.35.6"]
    assert {version["kubernetesVersion"] for version in listed} == {"1.34.7", "1.34.9", "1.35.4", "1.35.6"}


def test_a_new_pool_may_be_three_minors_behind_where_that_is_still_supported() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.35", supportPlan="AKSLongTermSupport"))
    listed = asker.get(f"{CLUSTER}/availableAgentPoolVersions").document["properties"]["agentPoolVersions"]
    assert {version["kubernetesVersion"].rsplit(".", 1)[0] for version in listed} == {"1.32", "1.33", "1.34", "1.35"}


def test_no_pool_is_made_or_left_more_than_three_minors_behind_its_control_plane() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.34"))
    for version in ("1.35", "1.36", "1.37"):
        assert asker.put(CLUSTER, {"location": "centralus", "properties": {"kubernetesVersion": version}}).status == 200
        asker.later()
    older = asker.put(f"{CLUSTER}/agentPools/older", {"properties": {**a_pool("older"), "orchestratorVersion": "1.33"}})
    asker.later(timedelta(days=200))
    further = asker.put(CLUSTER, {"location": "centralus", "properties": {"kubernetesVersion": "1.38"}})
    for refused, behind, ahead in ((older, "1.33.10", "1.37.1"), (further, "1.34.9", "1.38.4")):
        assert code(refused) == (400, "NodePoolMcVersionIncompatible")
        assert refused.document["message"].startswith(f"Node pool version {behind} and control plane version {ahead} is incompatible. ")
    assert versions(asker) == ["1.37.1", "1.34.9", "1.34.9"]
    assert asker.put(CLUSTER, upgraded("1.38", pools="1.38")).status == 200
    made = asker.put(CLUSTER.replace("web", "new"), a_cluster(a_pool(orchestratorVersion="1.34"), kubernetesVersion="1.38"))
    assert code(made) == (400, "NodePoolMcVersionIncompatible")


def test_a_stopped_cluster_still_says_where_it_could_go() -> None:
    asker = an_older_cluster()
    asker.ask("POST", f"{CLUSTER}/stop")
    asker.later()
    assert targets(asker.get(f"{CLUSTER}/upgradeProfiles/default")) == TARGETS


@pytest.mark.parametrize("what", ["upgradeProfiles/default", "availableAgentPoolVersions", "agentPools/user/upgradeProfiles/default"])
def test_profiles_of_what_is_not_there_are_404(what: str) -> None:
    asker = an_asker().with_group()
    assert asker.get(f"{CLUSTER}/{what}").status == 404
    asker.with_cluster()
    assert code(asker.get(f"{CLUSTER}/agentPools/absent/upgradeProfiles/default")) == (404, "NotFound")


# ----------------------------------------------------------------------------------------------------------------------- upgrades


def test_an_upgrade_of_all_takes_the_pools_along() -> None:
    asker = an_older_cluster()
    answer = asker.put(CLUSTER, upgraded("1.36", pools="1.36"))
    assert (answer.status, state(answer)) == (200, "Upgrading")
    assert versions(asker) == ["1.36.4", "1.36.4", "1.36.4"]  # shown at once (recorded)
    asker.later()
    assert state(asker.get(CLUSTER)) == "Succeeded"


def test_pools_that_ask_for_a_minor_get_the_patch_of_their_control_plane() -> None:
    asker = an_older_cluster()
    assert asker.put(CLUSTER, upgraded("1.36.2", pools="1.36")).status == 200
    assert versions(asker) == ["1.36.2", "1.36.2", "1.36.2"]


@pytest.mark.parametrize("pools", [None, "1.35", "1.35.6"])
def test_an_upgrade_of_the_control_plane_alone_leaves_the_pools_their_version(pools: str | None) -> None:
    asker = an_older_cluster()
    answer = asker.put(CLUSTER, upgraded("1.36", pools=pools))
    assert state(answer) == "Upgrading"
    assert {pool["provisioningState"] for pool in answer.document["properties"]["agentPoolProfiles"]} == {"Upgrading"}
    asker.later()
    assert versions(asker) == ["1.36.4", "1.35.6", "1.35.6"]


def test_pools_follow_one_by_one_or_through_their_cluster() -> None:
    asker = an_older_cluster()
    asker.put(CLUSTER, upgraded("1.36"))
    asker.later()
    answer = asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})
    assert (answer.status, state(answer), state(asker.get(CLUSTER)), state(asker.get(SYSTEM))) == (
        200,
        "Upgrading",
        "Succeeded",
        "Succeeded",
    )
    asker.later()
    assert versions(asker) == ["1.36.4", "1.35.6", "1.36.4"]
    answer = asker.put(CLUSTER, upgraded("1.36", pools="1.36.4"))
    assert state(answer) == "Upgrading"
    asker.later()
    assert versions(asker) == ["1.36.4", "1.36.4", "1.36.4"]


@pytest.mark.parametrize(
    "pools",
    [
        (a_pool(orchestratorVersion="1.36"), a_pool("user", count=3)),  # not all of them
        (a_pool(orchestratorVersion="1.36"),),
        (a_pool(orchestratorVersion="1.35.4"), a_pool("user", count=3, orchestratorVersion="1.36")),
        (
            a_pool(orchestratorVersion="1.36.2"),
            a_pool("user", count=3, orchestratorVersion="1.36.2"),
        ),  # neither old nor the control plane's
        (a_pool(orchestratorVersion="1.37"), a_pool("user", count=3, orchestratorVersion="1.37")),
    ],
)
def test_a_cluster_gives_its_pools_all_the_control_planes_version_or_none(pools: tuple[Json, ...]) -> None:
    asker = an_older_cluster()
    before = asker.get(CLUSTER).document
    refused = asker.put(CLUSTER, a_cluster(*pools, kubernetesVersion="1.36"))
    assert code(refused) == (400, "NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged")
    assert refused.document["message"].startswith("Using managed cluster api, all Agent pools' OrchestratorVersion must be all specified")
    assert asker.get(CLUSTER).document == before


def test_an_alias_of_what_runs_is_no_upgrade() -> None:
    asker = an_asker().with_cluster(a_cluster(kubernetesVersion="1.36.4"))
    assert state(asker.put(CLUSTER, upgraded("1.36"))) == "Updating"
    asker.later()
    assert state(asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})) == "Updating"


def test_empty_versions_ask_for_nothing() -> None:
    asker = an_asker().with_group()
    assert asker.put(CLUSTER, upgraded("", pools="")).status == 201
    assert versions(asker) == ["1.36.4", "1.36.4", "1.36.4"]


def test_of_two_upgrades_at_once_the_second_is_refused() -> None:
    asker = an_older_cluster()
    asker.put(CLUSTER, upgraded("1.36", pools="1.36"))
    refused = asker.put(CLUSTER, upgraded("1.36", pools="1.36"))
    assert code(refused) == (409, "OperationNotAllowed")
    assert "in progress upgrade managed cluster operation" in refused.document["message"]
    refused = asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})
    assert "Another operation (Upgrading) is in progress" in refused.document["message"]


def test_an_upgrade_of_the_control_plane_alone_is_quicker() -> None:
    lasting: list[timedelta] = []
    for pools in (None, "1.36"):
        asker = an_asker(durations=lambda resource, verb, share: recorded(resource, verb, share if verb == "create" else 0.5))
        asker.with_group().put(CLUSTER, a_cluster(kubernetesVersion="1.35"))
        asker.later(timedelta(hours=2))
        asker.put(CLUSTER, upgraded("1.36", pools=pools))
        operation = asker.world.state.running()[0]
        assert operation.ends_at is not None
        lasting.append(operation.ends_at - operation.started_at)
    assert lasting[0] * 2 < lasting[1]


# -------------------------------------------------------------------------------------------------------------------- node images


def upgrade_image(asker: Asker, pool: str = USER) -> Reply:
    return asker.ask("POST", f"{pool}/upgradeNodeImageVersion")


def test_a_node_image_is_the_latest_when_its_upgrade_has_ended() -> None:
    asker = an_asker().with_cluster()
    old = asker.get(USER).document["properties"]["nodeImageVersion"]
    asker.later(timedelta(days=30))
    latest = asker.get(f"{USER}/upgradeProfiles/default").document["properties"]["latestNodeImageVersion"]
    answer = upgrade_image(asker)
    assert (answer.status, state(answer), answer.document["name"]) == (202, "UpgradingNodeImageVersion", "user")
    assert {"azure-asyncoperation", "location"} <= answer.headers.keys()
    assert asker.get(USER).document["properties"]["nodeImageVersion"] == old != latest
    asker.later()
    assert asker.get(USER).document["properties"]["nodeImageVersion"] == latest
    assert asker.get(SYSTEM).document["properties"]["nodeImageVersion"] == old


def test_of_two_image_upgrades_at_once_the_second_is_refused() -> None:
    asker = an_asker().with_cluster()
    upgrade_image(asker)
    refused = upgrade_image(asker)
    assert code(refused) == (409, "OperationNotAllowed")
    assert "(user - UpgradingNodeImageVersion)" in refused.document["message"]


def test_images_of_what_is_not_there_or_stopped_are_not_upgraded() -> None:
    asker = an_asker().with_group()
    assert code(upgrade_image(asker)) == (404, "ParentResourceNotFound")
    asker.with_cluster()
    assert code(upgrade_image(asker, f"{CLUSTER}/agentPools/absent")) == (404, "NotFound")
    asker.put(USER, {"properties": {"powerState": {"code": "Stopped"}}})
    asker.later()
    assert code(upgrade_image(asker)) == (409, "OperationNotAllowed")

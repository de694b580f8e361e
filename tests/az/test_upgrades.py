"""From a version to the next: what is offered, what is refused, and the upgrade itself."""

from typing import Any

import pytest

from tests.az.driving import Az

GROUP = "upgrades"
WEB = f"--resource-group {GROUP} --name web"
_OFFICIAL = "values[?contains(capabilities.supportPlan, 'KubernetesOfficial')].version"


def _minors(az: Az) -> list[str]:
    """The minors that everyone may run in the region, oldest first."""
    minors: list[str] = az(f'aks get-versions --location westeurope --query "{_OFFICIAL}"')
    return sorted(minors, key=lambda minor: int(minor.split(".")[1]))


@pytest.fixture(scope="module")
def web(az: Az) -> Az:
    """The shell, in an Azure with a cluster two minors behind the newest."""
    az(f"group create --name {GROUP} --location westeurope")
    az(f"aks create {WEB} --kubernetes-version {_minors(az)[-3]} --node-count 1 --no-ssh-key --no-wait")
    az.rest()
    return az


def test_the_way_back_and_a_skipped_minor_are_refused(web: Az) -> None:
    minors = _minors(web)
    skipped = web.refused(f"aks upgrade {WEB} --kubernetes-version {minors[-1]} --yes --no-wait")
    assert "you can only upgrade one minor version at a time" in skipped
    back = f"1.{int(minors[-3].split('.')[1]) - 1}.0"
    assert f"Version {back} is not supported in this region" in web.refused(
        f"aks upgrade {WEB} --kubernetes-version {back} --yes --no-wait"
    )


def test_an_upgrade_takes_the_control_plane_and_every_pool(web: Az) -> None:
    before = web(f"aks show {WEB} --query currentKubernetesVersion")
    (row,) = web.table(f"aks get-upgrades {WEB}")
    assert list(row) == ["Name", "ResourceGroup", "MasterVersion", "Upgrades"]
    assert row["MasterVersion"] == before
    target = row["Upgrades"].split(", ")[-1]
    since = web.now
    web(f"aks upgrade {WEB} --kubernetes-version {target} --yes --no-wait")
    after = web.settled(GROUP, "web")
    assert after["currentKubernetesVersion"] == target
    assert [pool["currentOrchestratorVersion"] for pool in after["agentPoolProfiles"]] == [target]
    assert int(target.split(".")[1]) == int(before.split(".")[1]) + 1
    assert web.writes(since) == [("PUT", "web", 200)]


def test_the_control_plane_may_go_first_and_its_pool_after_it(web: Az) -> None:
    target = web(f"aks get-upgrades {WEB} --query 'controlPlaneProfile.upgrades[].kubernetesVersion | sort(@) | [-1]'")
    web(f"aks upgrade {WEB} --kubernetes-version {target} --control-plane-only --yes --no-wait")
    half: dict[str, Any] = web.settled(GROUP, "web")
    assert half["currentKubernetesVersion"] == target
    assert half["agentPoolProfiles"][0]["currentOrchestratorVersion"] != target
    pool = f"--resource-group {GROUP} --cluster-name web --name nodepool1"
    web(f"aks nodepool upgrade {pool} --kubernetes-version {target} --yes --no-wait")
    web.rest()
    assert web(f"aks nodepool show {pool} --query currentOrchestratorVersion") == target

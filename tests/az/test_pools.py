"""Node pools, one by one, as `az aks nodepool` shows them."""

import pytest

from tests.az.driving import Az

GROUP = "pools"
HERE = f"--resource-group {GROUP} --cluster-name web"
USER = f"{HERE} --name user1"


@pytest.fixture(scope="module")
def web(az: Az) -> Az:
    """The shell, in an Azure with the cluster `web`, which has a pool `user1` of two nodes beside its own."""
    az(f"group create --name {GROUP} --location eastus2")
    az(f"aks create --resource-group {GROUP} --name web --node-count 1 --no-ssh-key --no-wait")
    az.rest()
    since = az.now
    az(f"aks nodepool add {USER} --node-count 2 --mode User --labels tier=front --no-wait")
    assert az.writes(since) == [("PUT", "web/agentPools/user1", 201)]
    az(f"aks nodepool wait {USER} --created --interval 1 --timeout 60")
    return az


def settled(az: Az, name: str = "user1") -> dict[str, object]:
    az.rest()
    pool: dict[str, object] = az(f"aks nodepool show {HERE} --name {name}")
    assert pool["provisioningState"] == "Succeeded"
    return pool


def test_the_pools_fill_the_columns_of_their_table(web: Az) -> None:
    rows = web.table(f"aks nodepool list {HERE}")
    assert list(rows[0]) == ["Name", "OsType", "KubernetesVersion", "VmSize", "Count", "MaxPods", "ProvisioningState", "Mode"]
    assert [(row["Name"], row["Count"], row["Mode"], row["ProvisioningState"]) for row in rows] == [
        ("nodepool1", "1", "System", "Succeeded"),
        ("user1", "2", "User", "Succeeded"),
    ]
    assert web(f"aks nodepool show {USER}")["nodeLabels"] == {"tier": "front"}


def test_a_pool_is_scaled_alone_down_to_nothing_and_up(web: Az) -> None:
    since = web.now
    web(f"aks nodepool scale {USER} --node-count 0 --no-wait")
    assert settled(web)["count"] == 0
    web(f"aks nodepool scale {USER} --node-count 3 --no-wait")
    assert settled(web)["count"] == 3
    assert web.writes(since) == [("PUT", "web/agentPools/user1", 200)] * 2
    assert "(InvalidParameter)" in web.refused(f"aks nodepool scale {HERE} --name nodepool1 --node-count 0 --no-wait")


def test_an_autoscaler_is_given_its_range_and_taken_away(web: Az) -> None:
    web(f"aks nodepool update {USER} --enable-cluster-autoscaler --min-count 1 --max-count 5 --no-wait")
    ranged = settled(web)
    assert (ranged["enableAutoScaling"], ranged["minCount"], ranged["maxCount"]) == (True, 1, 5)
    web(f"aks nodepool update {USER} --disable-cluster-autoscaler --no-wait")
    assert settled(web)["enableAutoScaling"] is False


def test_a_pool_is_stopped_and_started_alone(web: Az) -> None:
    before = web(f"aks nodepool show {USER} --query count")
    web(f"aks nodepool stop {USER} --no-wait")
    assert settled(web)["powerState"] == {"code": "Stopped"}
    web(f"aks nodepool start {USER} --no-wait")
    started = settled(web)
    assert (started["powerState"], started["count"]) == ({"code": "Running"}, before)


def test_a_busy_pool_names_itself_until_it_is_aborted(web: Az) -> None:
    with web.never_ending("/agentPools/user1$"):
        web(f"aks nodepool scale {USER} --node-count 4 --no-wait")
    told = web.refused(f"aks scale --resource-group {GROUP} --name web --nodepool-name nodepool1 --node-count 2 --no-wait")
    assert "(OperationNotAllowed)" in told
    assert "user1" in told
    web(f"aks nodepool operation-abort {HERE} --nodepool-name user1 --no-wait")
    web(f"aks nodepool wait {USER} --interval 1 --timeout 60 --custom \"provisioningState=='Canceled'\"")
    web(f"aks nodepool scale {USER} --node-count 2 --no-wait")
    assert settled(web)["count"] == 2


def test_a_pool_knows_its_newest_image_and_takes_it(web: Az) -> None:
    newest = web(f"aks nodepool get-upgrades {HERE} --nodepool-name user1 --query latestNodeImageVersion")
    since = web.now
    web(f"aks nodepool upgrade {USER} --node-image-only --no-wait --yes")
    assert web.writes(since) == [("POST", "web/agentPools/user1/upgradeNodeImageVersion", 202)]
    assert str(settled(web)["nodeImageVersion"]) >= newest


def test_the_last_system_pool_stays(web: Az) -> None:
    told = web.refused(f"aks nodepool delete {HERE} --name nodepool1 --no-wait")
    assert "There has to be at least one system agent pool." in told


def test_a_deleted_pool_is_gone(web: Az) -> None:
    web(f"aks nodepool add {HERE} --name spare --node-count 1 --mode User --no-wait")
    web.rest()
    since = web.now
    web(f"aks nodepool delete {HERE} --name spare --no-wait")
    web(f"aks nodepool wait {HERE} --name spare --deleted --interval 1 --timeout 60")
    assert web.writes(since) == [("DELETE", "web/agentPools/spare", 202)]
    assert "spare" not in {row["Name"] for row in web.table(f"aks nodepool list {HERE}")}

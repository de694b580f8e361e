"""One cluster from its making to its end, as `az aks` shows it."""

import re

import pytest

from tests.az.driving import Az

GROUP = "clusters"
WEB = f"--resource-group {GROUP} --name web"


@pytest.fixture(scope="module")
def web(az: Az) -> Az:
    """The shell, in an Azure with the cluster `web` of three nodes."""
    az(f"group create --name {GROUP} --location westus3")
    since = az.now
    said = az.say(f"aks create {WEB} --node-count 3 --generate-ssh-keys --no-wait")
    assert (said.code, said.out) == (0, ""), said.err
    assert az.writes(since) == [("PUT", "web", 201)]
    az(f"aks wait {WEB} --created --interval 1 --timeout 60")
    return az


def test_a_create_that_leaves_all_to_azure_gets_its_defaults(web: Az) -> None:
    cluster = web(f"aks show {WEB}")
    assert (cluster["provisioningState"], cluster["powerState"], cluster["location"]) == ("Succeeded", {"code": "Running"}, "westus3")
    assert cluster["currentKubernetesVersion"].startswith(f"{cluster['kubernetesVersion']}.")
    assert (cluster["networkProfile"]["networkPlugin"], cluster["networkProfile"]["networkPluginMode"]) == ("azure", "overlay")
    assert cluster["linuxProfile"]["ssh"]["publicKeys"][0]["keyData"] == (web.home / ".ssh" / "id_rsa.pub").read_text()
    (pool,) = cluster["agentPoolProfiles"]
    assert (pool["name"], pool["count"], pool["mode"], pool["maxPods"]) == ("nodepool1", 3, "System", 250)
    assert re.fullmatch(r"Standard_\w+", pool["vmSize"])


def test_list_and_show_fill_the_columns_of_their_tables(web: Az) -> None:
    (row,) = [row for row in web.table("aks list") if row["ResourceGroup"] == GROUP]
    assert list(row) == [
        *("Name", "Location", "ResourceGroup", "KubernetesVersion", "CurrentKubernetesVersion", "ProvisioningState", "Fqdn")
    ]
    assert (row["Name"], row["Location"], row["ProvisioningState"]) == ("web", "westus3", "Succeeded")
    assert re.fullmatch(r"web-clusters-\w+-\w{8}\.hcp\.westus3\.azmk8s\.io", row["Fqdn"])
    assert web.table(f"aks show {WEB}") == [row]
    assert [found["name"] for found in web(f"aks list --resource-group {GROUP}")] == ["web"]


def test_a_region_offers_versions_newest_first_with_their_upgrades(web: Az) -> None:
    rows = web.table("aks get-versions --location westus3")
    order = [tuple(map(int, row["KubernetesVersion"].split("."))) for row in rows]
    assert order == sorted(order, reverse=True)
    assert rows[0]["Upgrades"] == "None available"
    assert all("KubernetesOfficial" in row["SupportPlan"] or row["SupportPlan"] == "AKSLongTermSupport" for row in rows)
    offered = {row["KubernetesVersion"] for row in rows}
    assert {upgrade for row in rows[1:] for upgrade in row["Upgrades"].split(", ")} <= offered


def test_scale_brings_the_nodes_that_were_asked_for(web: Az) -> None:
    since = web.now
    assert web(f"aks scale {WEB} --node-count 4 --no-wait") is None
    assert web.settled(GROUP, "web")["agentPoolProfiles"][0]["count"] == 4
    assert web.writes(since) == [("PUT", "web", 200)]


def test_a_busy_cluster_refuses_until_its_operation_is_aborted(web: Az) -> None:
    with web.never_ending("/managedClusters/web$"):
        web(f"aks scale {WEB} --node-count 6 --no-wait")
    assert web(f"aks show {WEB} --query provisioningState") == "Updating"
    told = web.refused(f"aks scale {WEB} --node-count 7 --no-wait")
    assert re.match(r"ERROR: \(OperationNotAllowed\) Operation is not allowed because there's an in progress \w+ managed cluster op", told)
    assert "az aks operation-abort" in told
    web(f"aks operation-abort {WEB} --no-wait")
    web(f"aks wait {WEB} --interval 1 --timeout 60 --custom \"provisioningState=='Canceled'\"")
    web(f"aks scale {WEB} --node-count 3 --no-wait")
    assert web.settled(GROUP, "web")["agentPoolProfiles"][0]["count"] == 3


def test_an_abort_of_nothing_is_refused(web: Az) -> None:
    assert "(OperationNotAllowed)" in web.refused(f"aks operation-abort {WEB} --no-wait")


def test_tags_are_kept_and_found(web: Az) -> None:
    web(f"aks update {WEB} --tags team=blue stage=test --no-wait")
    assert web.settled(GROUP, "web")["tags"] == {"team": "blue", "stage": "test"}
    assert web("aks list --query \"[?tags.team=='blue'].name\"") == ["web"]


def test_credentials_are_merged_into_the_persons_kubeconfig(web: Az) -> None:
    assert 'Merged "web" as current context' in web.say(f"aks get-credentials {WEB}").err
    assert 'Merged "web-admin" as current context' in web.say(f"aks get-credentials {WEB} --admin").err
    merged = (web.home / ".kube" / "config").read_text()
    assert re.findall(r"^- context:\n    cluster: (\S+)\n    user: (\S+)\n  name: (\S+)$", merged, re.MULTILINE) == [
        ("web", f"clusterUser_{GROUP}_web", "web"),
        ("web", f"clusterAdmin_{GROUP}_web", "web-admin"),
    ]
    fqdn = web(f"aks show {WEB} --query fqdn")
    assert re.findall(r"^    server: (\S+)$", merged, re.MULTILINE) == [f"https://{fqdn}:443"]


def test_a_command_runs_in_the_cluster_and_shows_its_nodes(web: Az) -> None:
    shown = web.say(f"aks command invoke {WEB} --command 'kubectl get nodes'")
    assert shown.code == 0, shown.err
    assert "with exitcode=0" in shown.out
    assert len(re.findall(r"^aks-nodepool1-\S+ +Ready ", shown.out, re.MULTILINE)) == 3


def test_rest_reads_the_cluster_as_azure_writes_it(web: Az) -> None:
    path = f"/subscriptions/{{subscriptionId}}/resourceGroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters/web"
    document = web(f"rest --method get --url '{path}?api-version=2026-06-01'")
    assert document["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert f"/resourcegroups/{GROUP}/" in document["id"]
    assert document["properties"]["powerState"] == {"code": "Running"}


def test_a_stopped_cluster_refuses_all_but_a_start(web: Az) -> None:
    since = web.now
    web(f"aks stop {WEB} --no-wait")
    stopped = web.settled(GROUP, "web")
    assert stopped["powerState"] == {"code": "Stopped"}
    assert "managed cluster is not currently running, stopping cannot be performed" in web.refused(f"aks stop {WEB} --no-wait")
    assert "(OperationNotAllowed)" in web.refused(f"aks scale {WEB} --node-count 5 --no-wait")
    web(f"aks start {WEB} --no-wait")
    started = web.settled(GROUP, "web")
    assert (started["powerState"], started["agentPoolProfiles"][0]["count"]) == ({"code": "Running"}, 3)
    assert [(method, path) for method, path, status in web.writes(since) if status < 300] == [("POST", "web/stop"), ("POST", "web/start")]


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (
            f"aks show --resource-group {GROUP} --name wed",
            3,
            "The Resource 'Microsoft.ContainerService/managedClusters/wed' under resource",
        ),
        ("aks show --resource-group nowhere --name web", 3, "(ResourceGroupNotFound) Resource group 'nowhere' could not be found."),
        (f"aks nodepool show --resource-group {GROUP} --cluster-name web --name none", 3, "(NotFound) Could not find the agentpool: none"),
        (f"aks scale {WEB} --node-count 1001", 1, "(InvalidParameter)"),
        (f"aks create --resource-group {GROUP} --name old --kubernetes-version 1.11.1 --no-ssh-key", 1, "is not supported in this region"),
        ("aks create --resource-group nowhere --name web --no-ssh-key", 3, "(ResourceGroupNotFound)"),
        (f"aks create --resource-group {GROUP} --name far --location moonbase --no-ssh-key", 1, "(LocationNotAvailableForResourceType)"),
    ],
)
def test_what_cannot_be_done_is_said_with_azures_own_words(web: Az, line: str, code: int, text: str) -> None:
    assert text in web.refused(line, code=code)


def test_a_cluster_that_nobody_waits_for_is_gone_all_the_same(web: Az) -> None:
    web(f"aks create --resource-group {GROUP} --name brief --no-ssh-key --no-wait")
    web.rest()
    since = web.now
    web(f"aks delete --resource-group {GROUP} --name brief --yes --no-wait")
    web(f"aks wait --resource-group {GROUP} --name brief --deleted --interval 1 --timeout 60")
    assert web.writes(since) == [("DELETE", "brief", 202)]
    assert "(ResourceNotFound)" in web.refused(f"aks show --resource-group {GROUP} --name brief", code=3)


def test_a_group_takes_its_clusters_with_it(az: Az) -> None:
    az("group create --name short --location uksouth")
    az("aks create --resource-group short --name web --no-ssh-key --no-wait")
    az("group delete --name short --yes --no-wait")
    az("group wait --name short --deleted --interval 1 --timeout 60")
    assert [row["ResourceGroup"] for row in az.table("aks list") if row["ResourceGroup"] == "short"] == []

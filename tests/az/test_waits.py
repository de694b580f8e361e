"""The CLI's own waits: it looks every 30 seconds at what the simulator told it to look at, and prints what it finds at the end."""

from concurrent.futures import ThreadPoolExecutor

from tests.az.driving import Az, Said

GROUP = "waits"


def test_commands_that_wait_end_by_themselves_and_show_what_became_of_it(az: Az) -> None:
    az(f"group create --name {GROUP} --location northeurope")
    for name in ("scaled", "stopped", "deleted"):
        az(f"aks create --resource-group {GROUP} --name {name} --node-count 1 --no-ssh-key --no-wait")
    az.rest()
    lines = (
        f"aks create --resource-group {GROUP} --name created --node-count 2 --no-ssh-key --query provisioningState",
        f"aks scale --resource-group {GROUP} --name scaled --node-count 2 --query 'agentPoolProfiles[0].count'",
        f"aks stop --resource-group {GROUP} --name stopped",
        f"aks delete --resource-group {GROUP} --name deleted --yes",
    )
    with ThreadPoolExecutor(len(lines)) as side_by_side:
        said: list[Said] = list(side_by_side.map(az.say, lines))
    assert [(one.code, one.out.strip()) for one in said] == [(0, '"Succeeded"'), (0, "2"), (0, ""), (0, "")], [one.err for one in said]
    assert az.settled(GROUP, "stopped")["powerState"] == {"code": "Stopped"}
    assert sorted(cluster["name"] for cluster in az(f"aks list --resource-group {GROUP}")) == ["created", "scaled", "stopped"]
    looked_at = {entry["path"].split("/")[7] for entry in az.asked() if "/locations/northeurope/" in entry["path"]}
    assert looked_at == {"operations", "operationresults"}

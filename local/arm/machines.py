"""The machines of a pool, made up from its count: the newest ones are the first to go when it shrinks."""

from local.arm import pools, refusals
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def listed(call: Call) -> Reply:
    """The machines of a pool."""
    cluster, pool = pools.found(call)
    return reply(200, {"value": [_view(cluster, pool, name) for name in names(cluster, pool)]})


def get(call: Call) -> Reply:
    """One machine of a pool."""
    cluster, pool = pools.found(call)
    name = call.names["machine"].lower()
    if name not in names(cluster, pool):
        raise Refused(refusals.machine_not_found(pool, call.names["machine"]))
    return reply(200, _view(cluster, pool, name))


def names(cluster: Cluster, pool: str) -> list[str]:
    """The names of a pool's nodes, as its scale set gives them: numbered in base 36."""
    profile = cluster.pools[pool]
    prefix = f"aks{pool}" if profile["osType"] == "Windows" else _scale_set(cluster, pool)
    return [f"{prefix}{_base36(index)}" for index in range(profile["count"])]


def _scale_set(cluster: Cluster, pool: str) -> str:
    number = int(cluster.body["properties"]["resourceUID"][:8], 16) % 10**8
    return f"aks-{pool}-{number:08}-vmss"


def _base36(number: int) -> str:
    text = ""
    for _ in range(6):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text


def _view(cluster: Cluster, pool: str, name: str) -> Json:
    number = names(cluster, pool).index(name)
    group = cluster.body["properties"]["nodeResourceGroup"]
    provider = f"/subscriptions/{cluster.subscription}/resourceGroups/{group}/providers/Microsoft.Compute"
    earlier = sum(cluster.pools[other]["count"] for other in list(cluster.pools)[: list(cluster.pools).index(pool)])
    third, fourth = divmod(earlier + number + 4, 250)
    view: Json = {
        "id": f"{cluster.body['id']}/agentPools/{pool}/machines/{name}",
        "name": name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools/machines",
        "properties": {
            "network": {"ipAddresses": [{"family": "IPv4", "ip": f"10.224.{third}.{fourth + 1}"}]},
            "resourceId": f"{provider}/virtualMachineScaleSets/{_scale_set(cluster, pool)}/virtualMachines/{number}",
        },
    }
    zones = cluster.pools[pool].get("availabilityZones")
    return {**view, "zones": [zones[number % len(zones)]]} if zones else view

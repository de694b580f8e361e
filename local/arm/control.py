"""The simulator's own routes, which no Azure has: health, the world, the witness's log, scripted faults and circumstances.

They need no token and are not logged.
"""

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from local.arm.faults import read_fault
from local.arm.obstacles import FORMAT, read_obstacles
from local.arm.wire import Json, Reply, Request, reply

if TYPE_CHECKING:
    from local.arm.records import Cluster
    from local.arm.world import World

PREFIX = "/_simulator"


def answer(world: "World", request: Request, now: datetime) -> Reply:
    """Answer a request to one of the simulator's own routes."""
    parts = urlsplit(request.url)
    match request.method, parts.path.removeprefix(PREFIX).rstrip("/"):
        case "GET", "/health":
            running = len(world.state.running())
            return reply(200, {"status": "ok", "now": now.isoformat(), "clusters": len(world.state.clusters), "running": running})
        case "GET", "/world":
            return reply(200, _summary(world, now))
        case "GET", "/log":
            since = parse_qs(parts.query).get("since", ["0"])[-1]
            if not since.isdecimal():
                return reply(400, {"error": "since is a number"})
            return reply(200, {"entries": world.witness.since(int(since))})
        case method, "/faults":
            return _faults(world, method, request.body)
        case method, "/circumstances":
            return _circumstances(world, method, request.body)
        case _:
            return reply(404, {"error": "want /health, /world, /log?since=N, /faults or /circumstances"})


def _faults(world: "World", method: str, body: bytes) -> Reply:
    match method:
        case "GET":
            return reply(200, {"faults": world.faults.listing()})
        case "POST":
            try:
                world.faults.add(read_fault(body))
            except ValueError as wrong:
                return _bad(wrong)
            return reply(201, {"faults": world.faults.listing()})
        case "DELETE":
            world.faults.clear()
            return reply(204)
        case _:
            return reply(405, {"error": "want GET, POST or DELETE"})


def _circumstances(world: "World", method: str, body: bytes) -> Reply:
    """PUT replaces them all; what is left out is no obstacle."""
    if method == "PUT":
        try:
            world.state.obstacles = read_obstacles(body)
        except ValueError as wrong:
            return _bad(wrong)
    elif method != "GET":
        return reply(405, {"error": "want GET or PUT; PUT {} clears them"})
    return reply(200, FORMAT.dump_python(world.state.obstacles, mode="json"))


def _bad(wrong: ValueError) -> Reply:
    """400 that says what was wanted, and where in the body."""
    if not isinstance(wrong, ValidationError):
        return reply(400, {"error": str(wrong)})
    errors = wrong.errors(include_url=False, include_context=False)
    return reply(400, {"error": "; ".join(f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}" for error in errors)})


def _summary(world: "World", now: datetime) -> Json:
    running = [
        {
            "id": operation.id,
            "cluster": operation.cluster,
            "pool": operation.pool,
            "verb": operation.verb,
            "started": operation.started_at.isoformat(),
            "ends": None if operation.ends_at is None else operation.ends_at.isoformat(),
            "outcome": operation.outcome,
        }
        for operation in world.state.running()
    ]
    return {"now": now.isoformat(), "clusters": [_cluster(cluster) for cluster in world.state.clusters.values()], "running": running}


def _cluster(cluster: "Cluster") -> Json:
    """A cluster as it shows itself, and the nodes that it really has."""
    properties = cluster.body["properties"]
    return {
        "subscription": cluster.subscription,
        "group": cluster.group,
        "name": cluster.name,
        "region": cluster.location,
        "version": properties["currentKubernetesVersion"],
        "state": cluster.state,
        "power": cluster.power,
        "pools": [
            {
                "name": name,
                "count": pool["count"],
                "version": pool["currentOrchestratorVersion"],
                "state": pool["provisioningState"],
                "nodes": cluster.nodes[name].count if name in cluster.nodes else 0,
            }
            for name, pool in cluster.pools.items()
        ],
    }

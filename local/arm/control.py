"""The simulator's own routes, which no Azure has: health, the witness's log, and scripted faults. They need no token and are not logged."""

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from local.arm.faults import read_fault
from local.arm.wire import Reply, Request, reply

if TYPE_CHECKING:
    from local.arm.world import World

PREFIX = "/_simulator"


def answer(world: "World", request: Request, now: datetime) -> Reply:
    """Answer a request to one of the simulator's own routes."""
    parts = urlsplit(request.url)
    match request.method, parts.path.removeprefix(PREFIX).rstrip("/"):
        case "GET", "/health":
            running = len(world.state.running())
            return reply(200, {"status": "ok", "now": now.isoformat(), "clusters": len(world.state.clusters), "running": running})
        case "GET", "/log":
            since = parse_qs(parts.query).get("since", ["0"])[-1]
            if not since.isdecimal():
                return reply(400, {"error": "since is a number"})
            return reply(200, {"entries": world.witness.since(int(since))})
        case "GET", "/faults":
            return reply(200, {"faults": world.faults.listing()})
        case "POST", "/faults":
            try:
                world.faults.add(read_fault(request.body))
            except (ValidationError, ValueError) as wrong:
                return reply(400, {"error": str(wrong)})
            return reply(201, {"faults": world.faults.listing()})
        case "DELETE", "/faults":
            world.faults.clear()
            return reply(204)
        case _:
            return reply(404, {"error": "want /health, /log?since=N or /faults"})

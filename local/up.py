"""The stack for a person: its world is kept in .laptop/world, so that what was open yesterday goes on today; Ctrl-C ends all of it.

It must not decide anything about the stack that `local.stack` could decide.
"""

import argparse
import contextlib
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from local.leaving import break_off_when_told
from local.processes import ROOT, NotReadyError
from local.stack import HostKind, Ports, Recipe, Stack
from local.storage import LAPTOP, NotInstalledError, StoragePorts
from local.worldtime import WorldTime

WORLD = LAPTOP / "world"
_NOTES = WORLD / "stack.json"
_OWN = ("TIDEKEEPER_GRANTS", "TIDEKEEPER_REPLY_QUEUES")
_HEARTBEAT = 2.0  # seconds of real time between two notes of the world's time

_PYTHON = """\
from azure.storage.queue import QueueClient
queue = QueueClient.from_connection_string("{connection}", "cluster-requests")
request = '{{"action": "scale", "cluster": "group1/my-cluster", "pool": "system", "count": 5, "requested_by": "me"}}'
print(queue.send_message(request).id)"""

_CREATE = {
    "action": "create",
    "cluster": "group1/my-cluster",
    "location": "centralus",
    "create_resource_group": True,
    "pools": [{"name": "system", "mode": "System", "vm_size": "Standard_D2s_v5", "count": 3}],
}


class BusyError(RuntimeError):
    """Another stack is up, or a port that must be ours is taken; the message says which."""


def remembered(notes: Path, speed: float) -> tuple[WorldTime, Ports]:
    """The world's time and ports of last time, else new ones; the world never goes back, and never lags behind the real time."""
    world = WorldTime.starting_now(speed)
    ports = usual_ports(Ports(arm=17443, identity=17444, storage=StoragePorts(blob=10000, queue=10001, table=10002)))
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        facts = json.loads(notes.read_text())
        world = WorldTime.resuming(speed, float(facts["world"]))
        kept = facts["ports"]
        former = usual_ports(Ports(identity=int(kept["identity"]), storage=StoragePorts(**kept["storage"])))
        ports = replace(former, arm=int(kept["arm"]))
    return world, ports


def own_settings(file: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What the person has set for themselves and means the same in a rehearsal; the environment wins over `local.settings.json`.

    All that says where Azure is stays out, so that no setting can lead a rehearsal to the real one.
    """
    values: dict[str, object] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError):
        values = dict(json.loads(file.read_text()).get("Values", {}))
    found = {name: environment.get(name) or values.get(name) for name in _OWN}
    return {name: str(value) for name, value in found.items() if value}


def note(notes: Path, world: WorldTime, ports: Ports) -> None:
    """Keep what `remembered` reads; a reader never sees half of it."""
    fresh = notes.with_suffix(".new")
    fresh.write_text(json.dumps({"world": world.now().timestamp(), "ports": asdict(ports)}))
    fresh.replace(notes)


def usual_ports(wanted: Ports) -> Ports:
    """Each of them where it is free, so that other tools find what they found before; else any free one."""
    storage = StoragePorts(**{name: port if _free(port) else 0 for name, port in asdict(wanted.storage).items()})
    return Ports(arm=wanted.arm if _free(wanted.arm) else 0, identity=wanted.identity if _free(wanted.identity) else 0, storage=storage)


def _free(port: int) -> bool:
    if port == 0:
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(ports: Ports) -> None:
    """Raise `BusyError` for the first port asked for by number that is taken, with what to do."""
    if not _free(ports.host):
        message = f"port {ports.host} of the app is taken: choose another with --port"
        raise BusyError(message)
    if not _free(ports.arm):
        message = (
            f"port {ports.arm} of the simulated Azure is taken, and open operations hold its address: "
            "end what uses it, or start a new world with `python3 dev.py clean --state`"
        )
        raise BusyError(message)


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock that says a stack is up here; the system lets go of it however this process ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "a stack is up already in this folder; end it with Ctrl-C where it runs"
            raise BusyError(message) from None
        yield


def welcome(stack: Stack) -> str:
    """What a person needs to try it: addresses, three `curl` lines, four lines of Python."""
    key = f' -H "x-functions-key: {stack.key or "KEY"}"' if stack.recipe.auth else ""
    body = json.dumps(_CREATE)
    python = _PYTHON.format(connection=stack.storage.connection_string)
    speed = stack.recipe.world.speed
    return f"""
Tidekeeper is up. Ctrl-C ends it; what is open goes on next time.

  the app          {stack.url}/api/health
  simulated Azure  {stack.arm_url}   subscription {stack.recipe.subscription}
  storage          {stack.storage.connection_string}
  world            {stack.recipe.world.now():%Y-%m-%d %H:%M:%S} UTC, {speed:g} times as fast as real
  logs             {stack.keeper.logs}

Make a cluster, read the operation back, list the clusters:

  curl -i{key} {stack.url}/api/operations -H "Content-Type: application/json" -d '{body}'
  curl{key} "{stack.url}/api/operations?top=1"
  curl{key} {stack.url}/api/clusters

Ask for more nodes through the queue, with {Path(sys.executable)}:

{"".join(f"  {line}{chr(10)}" for line in python.splitlines())}"""


def run(arguments: argparse.Namespace) -> None:
    """Start the stack, say where it is, and stay until Ctrl-C, a signal to end, or the fall of one of its parts."""
    break_off_when_told("\nending the app, the simulated Azure and storage")
    with alone(LAPTOP / "up.lock"):
        world, ports = remembered(_NOTES, arguments.speed)
        ports = replace(ports, host=arguments.port)
        require_free(ports)
        kind = HostKind(arguments.host)
        recipe = Recipe(
            state=WORLD,
            world=world,
            ports=ports,
            host=kind,
            workers=arguments.workers,
            auth=arguments.auth,
            seed=arguments.seed,
            settings=own_settings(ROOT / "local.settings.json", os.environ),
        )
        print("starting storage, the simulated Azure and the app", flush=True)
        try:
            with Stack(recipe) as stack:
                print(welcome(stack), flush=True)
                while (fallen := stack.fallen()) is None:
                    note(_NOTES, world, stack.ports)
                    time.sleep(_HEARTBEAT)
                raise NotReadyError(fallen)
        except KeyboardInterrupt:
            print("all is ended", flush=True)


def main() -> int:
    """Read the command line and run; answers the exit code."""
    parser = argparse.ArgumentParser(prog="local.up")
    parser.add_argument("--host", choices=[kind.value for kind in HostKind], default=HostKind.LOCAL.value)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--auth", action="store_true")
    try:
        run(parser.parse_args())
    except (BusyError, NotReadyError, NotInstalledError, ValueError) as fault:
        print(f"dev.py up: {fault}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

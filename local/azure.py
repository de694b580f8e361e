"""The simulated Azure alone, for the Azure CLI and any other client: one world, kept in a folder, on loopback until Ctrl-C.

It prints what leads one shell of the person's to it. It must not touch the person's own Azure settings, keys or logins.
"""

import argparse
import configparser
import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import certifi

from local.certificates import certificates
from local.leaving import break_off_when_told
from local.processes import Child, Keeper, NotReadyError
from local.stack import Ports, inherited
from local.up import BusyError, alone, usual_ports
from local.worldtime import WorldTime

CLOUD = "Tidekeeper"
SEED = 1
LAST_PORT = 65535
_HEARTBEAT = 1.0  # seconds of real time between two notes of the world's time
_START = timedelta(seconds=60)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where a world is kept: its state and log, the notes of its time, certificates, and a configuration folder for the Azure CLI."""

    root: Path

    @property
    def state(self) -> Path:
        """The world itself; its log is beside it."""
        return self.root / "arm.json"

    @property
    def notes(self) -> Path:
        """The world's time and seed."""
        return self.root / "notes.json"

    @property
    def bundle(self) -> Path:
        """Whom a client trusts here: all it trusted before, and the simulator."""
        return self.root / "trusted.pem"

    @property
    def cli(self) -> Path:
        """What the Azure CLI takes for its `~/.azure`."""
        return self.root / "az"

    def forget(self) -> None:
        """Take the world away; certificates and the CLI's configuration stay."""
        for path in (self.state, self.state.with_name(f"{self.state.name}.log.jsonl"), self.notes):
            path.unlink(missing_ok=True)

    def knows_cloud(self) -> bool:
        """Whether the cloud has been registered with the Azure CLI in an earlier session."""
        clouds = configparser.ConfigParser(interpolation=None)
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            clouds.read(self.cli / "clouds.config")
        return clouds.has_section(CLOUD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """A simulated Azure that listens: where, and in which world."""

    folder: Folder
    world: WorldTime
    arm: str
    identity: str
    child: Child


def remembered(folder: Folder, speed: float, seed: int | None) -> tuple[WorldTime, int]:
    """The world's time and seed as they were kept, else new ones. Raises `BusyError` for another seed than the kept one."""
    former: tuple[float, int] | None = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        facts = json.loads(folder.notes.read_text())
        former = float(facts["world"]), int(facts["seed"])
    if former is None:
        return WorldTime.starting_now(speed), SEED if seed is None else seed
    if seed not in {None, former[1]}:
        message = f"the world in {folder.root} was made with --seed {former[1]}: leave out --seed, or begin a new one with --fresh"
        raise BusyError(message)
    return WorldTime.resuming(speed, former[0]), former[1]


def note(folder: Folder, world: WorldTime, seed: int) -> None:
    """Keep what `remembered` reads; a reader never sees half of it."""
    fresh = folder.notes.with_suffix(".new")
    fresh.write_text(json.dumps({"world": world.now().timestamp(), "seed": seed}))
    fresh.replace(folder.notes)


def trust(folder: Folder, authority: Path, environment: Mapping[str, str]) -> None:
    """Write the bundle: what the person's `REQUESTS_CA_BUNDLE` says, else Mozilla's roots, and the simulator's authority.

    So nothing else in that shell loses its trust. The authority's key is written nowhere, so nobody can sign with it.
    """
    named = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    place = Path(named) if named and Path(named).exists() and Path(named) != folder.bundle else Path(certifi.where())
    files = sorted(path for path in place.iterdir() if path.is_file()) if place.is_dir() else [place]
    folder.bundle.write_bytes(b"\n".join(path.read_bytes().strip() for path in (*files, authority)) + b"\n")


def exports(azure: Azure, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that lead a shell to this Azure and to nothing of the person's own."""
    variables = {
        "REQUESTS_CA_BUNDLE": str(azure.folder.bundle),
        "IDENTITY_ENDPOINT": azure.identity,
        "IDENTITY_HEADER": CLOUD.lower(),
        "AZURE_CONFIG_DIR": str(azure.folder.cli),
    }
    if any(environment.get(name) or environment.get(name.lower()) for name in _PROXIES):
        others = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
        kept = [name for name in others.split(",") if name and name != "127.0.0.1"]
        variables["NO_PROXY"] = ",".join(["127.0.0.1", *kept])
    return variables


def login(azure: Azure) -> tuple[str, ...]:
    """The commands that make the Azure CLI use this Azure; they may be given again."""
    verb = "update" if azure.folder.knows_cloud() else "register"
    return (
        f"az cloud {verb} --name {CLOUD} --endpoint-resource-manager {azure.arm}",
        f"az cloud set --name {CLOUD}",
        "az login --identity",
    )


def welcome(azure: Azure, environment: Mapping[str, str]) -> str:
    """What a person needs to try it with the Azure CLI, to be copied as it stands."""
    settings = [f"export {name}={shlex.quote(value)}" for name, value in exports(azure, environment).items()]
    trial = (
        "az provider register --namespace Microsoft.ContainerService --wait",
        "az group create --name group1 --location westus3",
        "az aks create --resource-group group1 --name web --node-count 3 --no-ssh-key --no-wait",
        "az aks wait --resource-group group1 --name web --created --interval 1",
        "az aks list --output table",
    )
    first, then = ("\n".join(f"  {line}" for line in lines) for lines in ((*settings, *login(azure)), trial))
    return f"""
The simulated Azure is up. Ctrl-C ends it; its world stays in {azure.folder.root}.

  address       {azure.arm}
  world         {azure.world.now():%Y-%m-%d %H:%M:%S} UTC, {azure.world.speed:g} times as fast as real
  what it saw   {azure.arm}/_simulator/log
  logs          {azure.child.log.parent}

In a new shell, which these settings lead here and away from your own login:

{first}

Then, for example (the CLI's own waits look every 30 seconds, so start with --no-wait and wait with --interval 1):

{then}
"""


def start(keeper: Keeper, folder: Folder, world: WorldTime, *, port: int, seed: int) -> Azure:
    """Start the simulator and wait until it listens. Raises `BusyError` if the port is taken."""
    ports = usual_ports(Ports(arm=port, identity=port + 1 if 0 < port < LAST_PORT else 0))
    if ports.arm != port:
        message = f"port {port} is taken: end what uses it, or choose another with --port"
        raise BusyError(message)
    files = certificates(folder.root / "certificates")
    trust(folder, files.authority, os.environ)
    command: list[str | Path] = [sys.executable, "-m", "local.arm", "--port", str(port), "--identity-port", str(ports.identity)]
    command += ["--cert", files.server, "--key", files.key, "--world", str(world), "--seed", str(seed), "--state", folder.state]
    child = keeper.start("arm", command, environment=inherited(os.environ))
    line = child.await_ready(child.ready_line, within=_START)
    return Azure(folder=folder, world=world, arm=str(line["arm"]), identity=str(line["identity"]), child=child)


def run(arguments: argparse.Namespace) -> None:
    """Start it, say where it is, and stay until Ctrl-C, a signal to end, or its fall."""
    break_off_when_told("\nending the simulated Azure")
    folder = Folder(root=arguments.state)
    with alone(folder.root.with_name(f"{folder.root.name}.lock")):
        folder.root.mkdir(parents=True, exist_ok=True)
        if arguments.fresh:
            folder.forget()
        world, seed = remembered(folder, arguments.speed, arguments.seed)
        try:
            with Keeper(folder.root / "logs") as keeper:
                azure = start(keeper, folder, world, port=arguments.port, seed=seed)
                print(welcome(azure, os.environ), flush=True)
                while azure.child.running():
                    note(folder, world, seed)
                    time.sleep(_HEARTBEAT)
                message = f"the simulated Azure ended with exit code {azure.child.process.returncode}; its log is {azure.child.log}"
                raise NotReadyError(message)
        except KeyboardInterrupt:
            print("it is ended", flush=True)


def main() -> int:
    """Read the command line and run; answers the exit code."""
    parser = argparse.ArgumentParser(prog="local.azure")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--fresh", action="store_true")
    try:
        run(parser.parse_args())
    except (BusyError, NotReadyError, ValueError) as fault:
        print(f"dev.py azure: {fault}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

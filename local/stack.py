"""The laptop stack as one thing: storage, the simulated Azure and the host, started in order on loopback and ended in order.

It knows the three only by their command lines and ready lines, so that any of them can be replaced or killed alone.
"""

import os
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from local.certificates import certificates
from local.processes import ROOT, Child, Keeper, NotReadyError
from local.storage import Storage, StoragePorts
from local.worldtime import WorldTime

SUBSCRIPTION = "71de0000-0000-4000-8000-000000000001"  # the rehearsed one; it exists nowhere
INPUT_QUEUES = ("cluster-requests",)
EVERYTHING_GRANTED = '[{"actions": ["*"]}]'  # nothing here can be lost, so everything may be tried
_START = timedelta(seconds=90)
_HEALTHY = timedelta(seconds=60)

# Left out of what the stack inherits: a person's own credentials, proxies and settings have no business in a rehearsal.
_NOT_INHERITED = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "IMDS_", "TIDEKEEPER_", "AzureWebJobs", "FUNCTIONS_", "WEBSITE_")
_NOT_INHERITED_NAMES = frozenset({"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "PYTHONHOME"})
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


class HostKind(StrEnum):
    """Which host runs the app: ours, or Microsoft's Core Tools."""

    LOCAL = "local"
    FUNC = "func"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Loopback ports of the stack; 0 means any free one."""

    host: int = 0
    arm: int = 0
    identity: int = 0
    storage: StoragePorts = field(default_factory=StoragePorts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a stack is to be.

    `before` names what the local host calls before it loads the app; `settings` are app settings that win over those of the stack's choice.
    """

    state: Path
    app_root: Path = ROOT
    before: str | None = "local.rehearsal:install"
    world: WorldTime = field(default_factory=lambda: WorldTime.starting_now(1.0))
    ports: Ports = field(default_factory=Ports)
    host: HostKind = HostKind.LOCAL
    workers: int = 1
    auth: bool = False
    seed: int = 1
    takes: timedelta | None = None  # how long each operation of the simulated Azure takes there; else as long as recorded ones
    subscription: str = SUBSCRIPTION
    settings: Mapping[str, str] = field(default_factory=dict)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What processes of the stack may take from `environment`: all but credentials, proxies, trust and settings."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_NOT_INHERITED) and name not in _NOT_INHERITED_NAMES and name.lower() not in _PROXIES
    }


class Stack:
    """Storage, simulator and host; use it as a context, or call `start` and `stop`."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.ports = recipe.ports
        self.keeper = Keeper(recipe.state / "logs")
        self.storage = Storage(self.keeper, state=recipe.state / "storage", ports=recipe.ports.storage)
        self.arm_url = ""
        self.identity_url = ""
        self.url = ""
        self.host_pids: tuple[int, ...] = ()
        self.key: str | None = None  # a function key that opens the host, where it asks for one
        self._secret = secrets.token_hex(16)
        self._link_key = _kept(recipe.state / "link-key")
        self._certificates = certificates(recipe.state / "certificates")
        self._simulator: Child | None = None
        self._host: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all three and wait until the app says it is healthy; whatever goes wrong, nothing is left running."""
        try:
            self.storage.start()
            self.storage.create_queues(*INPUT_QUEUES)
            self.start_simulator()
            self.start_host()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the host first, so that nothing it still does meets a closed door, then the simulator, storage last."""
        self.stop_host()
        self.stop_simulator()
        self.storage.stop()
        self.keeper.close()

    def start_simulator(self) -> None:
        """Start the simulated Azure; a second start takes the same ports and goes on from its state."""
        recipe, files = self.recipe, self._certificates
        command: list[str | Path] = [sys.executable, "-m", "local.arm", "--port", str(self.ports.arm)]
        command += ["--identity-port", str(self.ports.identity), "--identity-secret", self._secret]
        command += ["--cert", files.server, "--key", files.key, "--world", str(recipe.world), "--seed", str(recipe.seed)]
        command += ["--state", recipe.state / "arm.json", "--subscription", recipe.subscription]
        command += [] if recipe.takes is None else ["--fixed-duration", str(recipe.takes.total_seconds())]
        child = self.keeper.start("arm", command, environment=inherited(os.environ))
        self._simulator = child
        line = child.await_ready(child.ready_line, within=_START)
        self.arm_url, self.identity_url = str(line["arm"]).rstrip("/"), str(line["identity"])
        self.ports = replace(self.ports, arm=_port(self.arm_url), identity=_port(self.identity_url), storage=self.storage.ports)

    def stop_simulator(self) -> None:
        """End the simulated Azure; its world is on disk when this returns."""
        if self._simulator is not None:
            self.keeper.stop(self._simulator)
            self._simulator = None

    def start_host(self) -> None:
        """Start the host on the port it had before, if it had one, and wait until the app is healthy."""
        directory = ROOT if self.recipe.host is HostKind.LOCAL else self.recipe.app_root
        child = self.keeper.start("host", self._host_command(), environment=self.environment, directory=directory)
        self._host = child
        if self.recipe.host is HostKind.FUNC:
            self.url, self.host_pids = f"http://127.0.0.1:{self.ports.host}", (child.pid,)
        else:
            line = child.await_ready(child.ready_line, within=_START)
            pids, keys = line.get("pids"), line.get("keys")
            names = keys.get("functionKeys") if isinstance(keys, dict) else None
            self.key = next(iter(names.values()), None) if isinstance(names, dict) else None
            self.url = str(line["url"]).rstrip("/")
            self.host_pids = (child.pid, *(int(pid) for pid in pids if pid != child.pid)) if isinstance(pids, list) else (child.pid,)
        self.ports = replace(self.ports, host=_port(self.url))
        self._await_health(child)

    def stop_host(self) -> None:
        """Ask the host to end; what is in flight may finish."""
        if self._host is not None:
            self.keeper.stop(self._host)
            self._host, self.host_pids = None, ()

    def kill_host(self) -> None:
        """SIGKILL the host and its workers: what is in flight is lost, and its messages stay invisible until their lease ends."""
        if self._host is not None:
            self.keeper.kill(self._host)
            self._host, self.host_pids = None, ()

    def fallen(self) -> str | None:
        """The name of a part that should run and has ended, with where its log is."""
        for child in (self._simulator, self._host):
            if child is not None and not child.running():
                return f"{child.name} ended with exit code {child.process.returncode}; its log is {child.log}"
        return self.storage.fallen()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of what runs: storage, simulator, host and the worker it began with; further workers end with it."""
        single = (self.storage.pid, None if self._simulator is None else self._simulator.pid)
        return (*(pid for pid in single if pid is not None), *self.host_pids)

    @property
    def environment(self) -> dict[str, str]:
        """What the host is given: the machine's environment without a person's credentials, and the settings of the rehearsal."""
        settings = {
            "AzureWebJobsStorage": self.storage.connection_string,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "IDENTITY_ENDPOINT": self.identity_url,
            "IDENTITY_HEADER": self._secret,
            "REQUESTS_CA_BUNDLE": str(self._certificates.authority),
            "TIDEKEEPER_ARM_ENDPOINT": self.arm_url,
            "TIDEKEEPER_ARM_AUDIENCE": self.arm_url,
            "TIDEKEEPER_SUBSCRIPTION_ID": self.recipe.subscription,
            "TIDEKEEPER_SUBSCRIPTION_IDS": self.recipe.subscription,
            "TIDEKEEPER_GRANTS": EVERYTHING_GRANTED,
            "TIDEKEEPER_LINK_KEY": self._link_key,
        }
        if self.recipe.host is HostKind.FUNC:
            settings["languageWorkers__python__defaultExecutablePath"] = sys.executable
        return {**inherited(os.environ), **settings, **self.recipe.settings}

    def _host_command(self) -> list[str | Path]:
        recipe = self.recipe
        if recipe.host is HostKind.LOCAL:
            command: list[str | Path] = [sys.executable, "-m", "local.host", "--app-root", recipe.app_root, "--port", str(self.ports.host)]
            command += ["--world", str(recipe.world), "--workers", str(recipe.workers), "--state", recipe.state / "host"]
            command += ["--before", recipe.before] if recipe.before else []
            return [*command, "--auth"] if recipe.auth else command
        func = shutil.which("func")
        if func is None:
            message = "Azure Functions Core Tools (`func`) are not installed; leave out `--host func` to use the project's own host"
            raise NotReadyError(message)
        if recipe.world.speed != 1:
            message = "Core Tools know no rehearsal speed; leave out `--speed`, or `--host func`"
            raise NotReadyError(message)
        command = [func, "start", "--port", str(self.ports.host)]
        return [*command, "--enableAuth"] if recipe.auth else command

    def _await_health(self, child: Child) -> None:
        address = f"{self.url}/api/health"
        said = ["nothing yet"]

        def healthy() -> bool | None:
            try:
                with _direct.open(address, timeout=10) as answer:
                    return bool(answer.status == 200)
            except urllib.error.HTTPError as error:
                with error:
                    said[0] = f"{error.code} {error.read(2000).decode(errors='replace')}"
                if error.code == 401:
                    return True  # with keys on, being asked for one is being there
            except OSError as error:
                said[0] = str(error)
            time.sleep(0.1)
            return None

        try:
            child.await_ready(healthy, within=_HEALTHY)
        except NotReadyError as error:
            message = f"GET {address} did not answer 200; it answered: {said[0]}\n{error}"
            raise NotReadyError(message) from error


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _kept(path: Path) -> str:
    """A secret of this stack's own, the same as long as its state is, so that what was made with it holds the next time too."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _port(url: str) -> int:
    """The port in an address of ours, which always names one."""
    return int(url.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[1])

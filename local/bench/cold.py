"""What a cold start costs: fresh processes with only what ships, against storage and a simulated Azure in processes of their own.

Measured is the processor time of the process itself (user and system, all its threads) from its start until it has imported, or answered,
less that of an interpreter that does nothing. What other processes do meanwhile, and waiting for them, is not in it; the time on the clock,
in which it is, is reported beside it. Bytecode is there for all of it, and tables and queue have been made by an earlier request.
"""

import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import requests

from local import package
from local.interpreters import Python, quietly, say
from local.processes import ROOT
from local.stack import Recipe, Stack
from local.storage import LAPTOP
from local.worldtime import WorldTime

ROUNDS = 9
SPEED = 600.0
WITHIN = timedelta(seconds=60)
HERE = LAPTOP / "bench"
TELL = "import json, os, time; os.write(1, json.dumps({'processor': time.process_time()}).encode() + b'\\n'); os._exit(0)"
"""How a measured process ends: it says what it spent and leaves at once, because taking it apart is no part of a start."""
_APIS = {"aks": "2026-08-01", "resources": "2021-04-01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of one process: of processor time, and on the clock."""

    processor: float
    clock: float


@dataclass(slots=True, kw_only=True)
class Starts:
    """What the rounds found: by what was started, one `Spent` for each round."""

    rounds: dict[str, list[Spent]] = field(default_factory=dict)

    def processor(self, what: str) -> float:
        """The median processor time, less that of an idle interpreter, in seconds."""
        return self._median("processor", what) - self._median("processor", "nothing")

    def clock(self, what: str) -> float:
        """The median time on the clock, less that of an idle interpreter, in seconds."""
        return self._median("clock", what) - self._median("clock", "nothing")

    def ratio(self, what: str, *, on_the_clock: bool = False) -> float:
        """How many times `import azure.functions` it takes."""
        of = self.clock if on_the_clock else self.processor
        return of(what) / of("azure.functions")

    def _median(self, name: Literal["processor", "clock"], what: str) -> float:
        return statistics.median(spent.processor if name == "processor" else spent.clock for spent in self.rounds[what])


def measured() -> Starts:
    """Import of azure.functions, import of the app, and import with the first 202, in interleaved rounds."""
    python = shipping_python()
    app = packaged_app()
    world = HERE / "world"
    shutil.rmtree(world, ignore_errors=True)
    stack = Stack(Recipe(state=world, world=WorldTime.starting_now(SPEED)))
    try:
        stack.storage.start()
        stack.start_simulator()
        environment = stack.environment
        clusters = _clusters(stack.arm_url, environment, ROUNDS + 1)
        _first_request(python, app, environment, clusters.pop())  # makes the tables and the queue, once in an account's life
        starts = Starts()
        for cluster in clusters:
            for what, code in (
                ("nothing", ""),
                ("azure.functions", "import azure.functions; "),
                ("function_app", f"import sys; sys.path.insert(0, {str(app)!r}); import function_app; "),
            ):
                starts.rounds.setdefault(what, []).append(_timed([python, "-I", "-c", f"{code}{TELL}"], environment)[0])
            starts.rounds.setdefault("first request", []).append(_first_request(python, app, environment, cluster))
        return starts
    finally:
        stack.stop()


def shipping_python() -> Path:
    """The interpreter of an environment that holds what requirements.txt pins and nothing else; made when it is missing or out of date."""
    tag = f"py{sys.version_info[0]}{sys.version_info[1]}"
    home = ROOT / ".venv" / f"ship-{tag}"
    inside, stamp = home / "bin" / "python", home / "made-of"
    pins = ROOT / "requirements.txt"
    made_of = hashlib.sha256(pins.read_bytes()).hexdigest()
    if inside.exists() and stamp.exists() and stamp.read_text() == made_of:
        return inside
    say(f"making {home.relative_to(ROOT)} with what {pins.name} pins (once)")
    quietly("the environment could not be made", [sys.executable, "-m", "venv", "--clear", "--without-pip", home])
    options: list[str | Path] = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--compile", "-r", pins]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", inside]
    quietly("the requirements could not be installed; is there a network?", [*pip, "install", *options])
    stamp.write_text(made_of)
    return inside


def packaged_app() -> Path:
    """The app as it is deployed, with its bytecode, unpacked."""
    python = Python((sys.version_info[0], sys.version_info[1]), Path(sys.executable))
    package.build(python, ROOT, HERE)
    app = HERE / "app"
    shutil.rmtree(app, ignore_errors=True)
    archive = HERE / package.name_of(python)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(app)
    archive.unlink()
    return app


def _first_request(python: Path, app: Path, environment: Mapping[str, str], cluster: str) -> Spent:
    script = Path(__file__).with_name("first_request.py")
    spent, said = _timed([python, "-I", script, app, cluster, "7"], environment)
    if said["status"] != 202:
        message = f"the first request was answered {said['status']}: {said['body']}"
        raise RuntimeError(message)
    return spent


def _timed(command: Sequence[str | Path], environment: Mapping[str, str]) -> tuple[Spent, dict[str, Any]]:
    """Run it; what it spent until it said so, and what else it said."""
    begun = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], env=dict(environment), stdout=subprocess.PIPE) as process:
        line = b"" if process.stdout is None else process.stdout.readline()
        clock = time.perf_counter() - begun
    if process.returncode != 0:
        message = f"a measured process ended with exit code {process.returncode}"
        raise RuntimeError(message)
    said = json.loads(line)
    return Spent(processor=float(said["processor"]), clock=clock), said


# ---- idle clusters for the requests


def _clusters(arm: str, environment: Mapping[str, str], number: int) -> list[str]:
    """So many idle clusters in the simulated Azure, as `group/name`."""
    subscription = environment["TIDEKEEPER_SUBSCRIPTION_ID"]
    base, group = f"{arm}/subscriptions/{subscription}", "bench"
    with requests.Session() as session:
        session.trust_env = False
        session.verify = environment["REQUESTS_CA_BUNDLE"]
        session.headers["Authorization"] = f"Bearer {_token(session, arm, environment)}"

        def ask(method: str, path: str, api: str, body: dict[str, Any] | None = None) -> requests.Response:
            answer = session.request(method, f"{base}{path}", params={"api-version": _APIS[api]}, json=body, timeout=30)
            answer.raise_for_status()
            return answer

        provider = "/providers/Microsoft.ContainerService"
        ask("POST", f"{provider}/register", "resources")
        _await(lambda: ask("GET", provider, "resources").json()["registrationState"] == "Registered")
        ask("PUT", f"/resourcegroups/{group}", "resources", {"location": "centralus"})
        names = [f"cold{n}" for n in range(number)]
        clusters = f"/resourcegroups/{group}{provider}/managedClusters"
        pool = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D2s_v5", "osType": "Linux"}
        document = {"location": "centralus", "identity": {"type": "SystemAssigned"}}
        for name in names:
            ask("PUT", f"{clusters}/{name}", "aks", {**document, "properties": {"dnsPrefix": name, "agentPoolProfiles": [pool]}})
        _await(lambda: all(item["properties"]["provisioningState"] == "Succeeded" for item in ask("GET", clusters, "aks").json()["value"]))
        return [f"{group}/{name}" for name in names]


def _token(session: requests.Session, arm: str, environment: Mapping[str, str]) -> str:
    header = {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]}
    answer = session.get(
        environment["IDENTITY_ENDPOINT"], params={"api-version": "2019-08-01", "resource": arm}, headers=header, timeout=30
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _await(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN.total_seconds()
    while not so():
        if time.monotonic() > deadline:
            message = "the simulated Azure did not come to rest in time"
            raise RuntimeError(message)
        time.sleep(0.2)

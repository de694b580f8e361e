"""Runs the host as people run it: its own process, a small app in a folder, requests on the wire."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.living import gone

ROOT = Path(__file__).resolve().parents[3]
SOON = 60.0  # seconds; far more than anything here takes, for the machine may be busy
BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class RunningHost:
    """One host process and its app's folder."""

    root: Path
    process: subprocess.Popen[str]
    log: Path
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.said["url"].removeprefix("http://").partition(":")
        return host, int(port)

    @property
    def pids(self) -> list[int]:
        """The workers that run now."""
        listed = self.request("GET", "/admin/host/processes").json()["processes"]
        return [int(process["processId"]) for process in listed if process["processName"] == "python"]

    def workers(self, number: int) -> list[int]:
        """The process ids of all `number` workers, once they have come."""
        assert until(lambda: len(self.pids) == number)
        return self.pids

    def request(
        self, method: str, target: str, body: bytes | Iterator[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection(*self.address, timeout=SOON)
        with contextlib.closing(connection):
            connection.request(
                method, target, body=body, headers=dict(headers or {}), encode_chunked=body is not None and not isinstance(body, bytes)
            )
            answer = connection.getresponse()
            return Reply(status=answer.status, headers=answer.getheaders(), body=answer.read())

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        # The interpreter may have a word of its own on stderr; every event is a JSON object on one line.
        whole = [line for line in lines if line.startswith("{") and line.endswith("\n")]
        return [event for line in whole if (event := json.loads(line))["event"] == name]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SOON)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(SOON)


StartHost = Callable[..., RunningHost]


def until(condition: Callable[[], bool], within: float = SOON) -> bool:
    """Whether `condition` came true before the deadline."""
    deadline = time.monotonic() + within
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return true


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., bool]:
    return until


@pytest.fixture(scope="session")
def has_ended() -> Callable[[int], bool]:
    return gone


@pytest.fixture(scope="module")
def start_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHost]:
    """Starts hosts that end with the module; `ready=False` for one that cannot start. The same `root` again is the same app, restarted."""
    started: list[RunningHost] = []

    def start(
        source: str = "",
        *arguments: str,
        root: Path | None = None,
        host_json: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        port: int | None = 0,
        ready: bool = True,
    ) -> RunningHost:
        place = root or tmp_path_factory.mktemp("app")
        if root is None:
            (place / "function_app.py").write_text(textwrap.dedent(source))
            (place / "host.json").write_text(json.dumps({"version": "2.0", "extensionBundle": BUNDLE, **(host_json or {})}))
            for name, text in (files or {}).items():
                (place / name).write_text(textwrap.dedent(text))
        log = tmp_path_factory.mktemp("log") / "host.log"
        command: Sequence[str] = [sys.executable, "-m", "local.host", "--app-root", str(place), *arguments]
        command = command if port is None else [*command, "--port", str(port)]
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AzureWebJobs", "AzureFunctions", "FUNCTIONS_"))
        }
        with log.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stream, cwd=ROOT, env={**inherited, **(environment or {})}, text=True
            )
        host = RunningHost(root=place, process=process, log=log)
        started.append(host)
        assert process.stdout is not None
        host.said = json.loads(process.stdout.readline())
        assert host.said["ready"] is ready
        return host

    yield start
    for host in started:
        if host.process.poll() is None:
            host.kill()
        if host.process.stdout is not None:
            host.process.stdout.close()

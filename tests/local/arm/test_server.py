"""The simulator over the wire: a process of its own, HTTPS, the real SDK, broken connections, kill and restart."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest

from local.arm.world import SUBSCRIPTION
from local.certificates import Certificates, certificates
from local.worldtime import WorldTime
from tests.local.arm.asking import CLUSTER, GROUP, START, USER, VERSION, a_cluster

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[3]
SECRET = "s3cret"
DEADLINE = 20.0


@dataclass(slots=True)
class Served:
    """A simulator in its own process, with ways to ask it over the wire."""

    files: Certificates
    directory: Path
    arguments: list[str]
    process: subprocess.Popen[str] | None = None
    arm: str = ""
    identity: str = ""
    token: str = ""
    _trust: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._trust = ssl.create_default_context(cafile=self.files.authority)

    def start(self) -> "Served":
        """Start, or start again on the same ports and state."""
        ports = ["--port", str(urlsplit(self.arm).port or 0), "--identity-port", str(urlsplit(self.identity).port or 0)]
        command = [sys.executable, "-m", "local.arm", "--cert", str(self.files.server), "--key", str(self.files.key), *ports]
        command += ["--identity-secret", SECRET, "--registered", "--subscription", SUBSCRIPTION, *self.arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        ready = json.loads(line)
        assert ready["ready"] is True
        self.arm, self.identity = ready["arm"], ready["identity"]
        self.token = self._token()
        return self

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.communicate(timeout=DEADLINE)
        return self.process.returncode

    def ask(self, method: str, url: str, body: object = None, timeout: float = DEADLINE) -> tuple[int, dict[str, str], Any]:
        """Status, headers and document; raises what http.client raises when the connection breaks."""
        if url.startswith("/") and not url.startswith("/_simulator") and "?" not in url:
            url += f"?api-version={VERSION}"
        parts = urlsplit(url if url.startswith("https") else f"{self.arm}{url}")
        connection = HTTPSConnection(parts.netloc, context=self._trust, timeout=timeout)
        with contextlib.closing(connection):
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, f"{parts.path}?{parts.query}", body=content, headers=headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, json.loads(text) if text else None

    def script(self, **fault: object) -> None:
        assert self.ask("POST", "/_simulator/faults", fault)[0] == 201

    def until(self, url: str, wanted: str) -> Any:
        """The document at a URL once its state is the wanted one."""
        deadline = time.monotonic() + DEADLINE
        while True:
            document = self.ask("GET", url)[2]
            if document.get("status") == wanted or document.get("properties", {}).get("provisioningState") == wanted:
                return document
            assert time.monotonic() < deadline, document
            threading.Event().wait(0.05)

    def _token(self) -> str:
        url = f"{self.identity}?api-version=2019-08-01&resource=https://management.azure.com"
        with urlopen(UrlRequest(url, headers={"X-IDENTITY-HEADER": SECRET}), timeout=DEADLINE) as answer:
            return str(json.load(answer)["access_token"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates") / "loopback")


@pytest.fixture
def served(files: Certificates, tmp_path: Path) -> Iterator[Served]:
    """A simulator at six hundred times real time whose operations take two minutes in its world."""
    world = str(WorldTime(speed=600.0, real_origin=time.time(), world_origin=START.timestamp()))
    simulator = Served(files, tmp_path, ["--world", world, "--state", str(tmp_path / "arm.json"), "--fixed-duration", "120"])
    yield simulator.start()
    if simulator.process is not None and simulator.process.poll() is None:
        simulator.process.kill()
        simulator.process.communicate()


def test_the_real_sdk_can_use_every_verb(served: Served) -> None:
    assert served.ask("PUT", GROUP, {"location": "centralus"})[0] == 201
    environment = {
        **os.environ,
        "IDENTITY_ENDPOINT": served.identity,
        "IDENTITY_HEADER": SECRET,
        "REQUESTS_CA_BUNDLE": str(served.files.authority),
    }
    script = Path(__file__).with_name("journey_with_sdk.py")
    command = [sys.executable, str(script), served.arm, SUBSCRIPTION]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "made": ["myK8sCluster", "Succeeded", "1.35.6"],
        "scaled": [5, "Succeeded"],
        "listed": ["myK8sCluster"],
        "pools": [["system", 1], ["user", 5]],
        "refused": [400, "OperationNotAllowed"],
        "versions": 7,
        "upgraded": ["Succeeded", "1.36.4", "Succeeded", None, ["1.36.4"]],
        "powers": [[409, "OperationNotAllowed"], ["Stopped", [0, 0]], ["Stopped", 0], ["Running", 5]],
        "aborted": ["Updating", "Canceled"],
        "ran": ["Succeeded", 0, 11],
        "credentials": [["clusterUser", "apiVersion: v1"]],
        "left": [],
    }


def test_sigterm_ends_it_cleanly_and_a_start_goes_on(served: Served) -> None:
    served.ask("PUT", GROUP, {"location": "centralus"})
    url = served.ask("PUT", CLUSTER, a_cluster())[1]["azure-asyncoperation"]
    assert served.end(signal.SIGTERM) == 0
    served.start()
    assert served.until(url, "Succeeded")["endTime"]
    assert served.ask("GET", CLUSTER)[2]["properties"]["provisioningState"] == "Succeeded"
    numbers = [entry["n"] for entry in served.ask("GET", "/_simulator/log")[2]["entries"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_kill_loses_nothing_that_was_answered(served: Served) -> None:
    served.ask("PUT", GROUP, {"location": "centralus"})
    url = served.ask("PUT", CLUSTER, a_cluster())[1]["azure-asyncoperation"]
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    served.start()
    assert served.until(url, "Succeeded")["endTime"]


def test_sigint_ends_it_cleanly_even_while_a_client_is_kept_waiting(served: Served) -> None:
    served.script(effect={"kind": "silence"})
    waiting = threading.Thread(target=lambda: _broken(served, "GET", GROUP))
    waiting.start()
    _await_entries(served, 1)
    assert served.end(signal.SIGINT) == 0
    waiting.join(DEADLINE)
    assert not waiting.is_alive()


def test_a_reset_breaks_the_connection_before_and_a_lost_answer_after_the_effect(served: Served) -> None:
    served.ask("PUT", GROUP, {"location": "centralus"})
    served.script(method="PUT", effect={"kind": "reset"})
    assert _broken(served, "PUT", CLUSTER, a_cluster())
    assert served.ask("GET", CLUSTER)[0] == 404
    served.script(method="PUT", effect={"kind": "lost_answer"})
    assert _broken(served, "PUT", CLUSTER, a_cluster())
    assert served.ask("GET", CLUSTER)[0] == 200
    faults = [(entry["fault"], entry["applied"]) for entry in served.ask("GET", "/_simulator/log")[2]["entries"] if entry["fault"]]
    assert faults == [("reset", False), ("lost_answer", True)]


def test_silence_lasts_until_the_client_gives_up_and_blocks_nobody_else(served: Served) -> None:
    served.script(method="GET", effect={"kind": "silence"})
    outcome: list[BaseException | None] = []
    waiting = threading.Thread(target=lambda: outcome.append(_broken(served, "GET", GROUP, timeout=1.0)))
    waiting.start()
    _await_entries(served, 1)
    assert served.ask("PUT", GROUP, {"location": "centralus"})[0] == 201
    assert outcome == []
    waiting.join(DEADLINE)
    assert isinstance(outcome[0], TimeoutError)


def test_a_slow_answer_is_late_in_real_time(served: Served) -> None:
    served.script(method="PUT", delay=0.5, effect={"kind": "slow"})
    began = time.monotonic()
    assert served.ask("PUT", GROUP, {"location": "centralus"})[0] == 201
    assert time.monotonic() - began >= 0.5


def test_status_urls_lead_back_over_the_wire_and_the_world_moves_at_its_speed(served: Served) -> None:
    served.ask("PUT", GROUP, {"location": "centralus"})
    status, headers, body = served.ask("PUT", CLUSTER, a_cluster())
    assert (status, body["properties"]["provisioningState"]) == (201, "Creating")
    assert headers["azure-asyncoperation"].startswith(f"{served.arm}/subscriptions/")
    served.until(headers["azure-asyncoperation"], "Succeeded")
    gone = served.ask("DELETE", USER)[1]["location"]
    assert served.ask("GET", gone)[0] == 202
    assert served.ask("HEAD", GROUP)[0] == 204


def test_both_servers_listen_on_loopback_only(served: Served) -> None:
    for url in (served.arm, served.identity):
        assert urlsplit(url).hostname == "127.0.0.1"
        with socket.socket() as other:  # the same port of another loopback address is free: nobody listens on all of them
            other.bind(("127.0.0.2", urlsplit(url).port or 0))


def _broken(served: Served, method: str, url: str, body: object = None, timeout: float = DEADLINE) -> BaseException | None:
    """How the connection broke; None if there was an answer."""
    try:
        served.ask(method, url, body, timeout)
    except (OSError, HTTPException) as broken:
        return broken
    return None


def _await_entries(served: Served, count: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while len(served.ask("GET", "/_simulator/log")[2]["entries"]) < count:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)

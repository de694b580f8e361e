"""Drives the installed `az` as a person would: a process for each command, with a home, a configuration and an Azure of its own."""

import json
import os
import re
import shlex
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection, create_server
from typing import Any

from local.processes import ROOT, Child

PATIENCE = timedelta(seconds=120)  # of this machine's time, for one command of a CLI that takes half a second on a free one
_QUIET = {
    "AZURE_CORE_COLLECT_TELEMETRY": "no",
    "AZURE_CORE_SURVEY_MESSAGE": "no",
    "AZURE_CORE_NO_COLOR": "yes",
    "AZURE_CORE_DISABLE_PROGRESS_BAR": "yes",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "AZURE_AUTO_UPGRADE_ENABLE": "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """The lines of `--output table`, cell by cell under the column's heading."""
        head, rule, *lines = self.out.splitlines()
        starts = [match.start() for match in re.finditer(r"-+", rule)]
        spans = [slice(start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)]
        return [{head[span].strip(): line[span].strip() for span in spans} for line in lines]


@dataclass(slots=True, kw_only=True)
class Az:
    """The `az` of one environment in one shell; `history` holds each command with how many seconds it took."""

    command: Path
    environment: dict[str, str]
    address: str = ""
    history: list[tuple[str, float]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The person's home folder."""
        return Path(self.environment["HOME"])

    def say(self, line: str) -> Said:
        """Run one line, whatever comes of it; it begins after the word `az`."""
        begun = time.monotonic()
        done = subprocess.run(
            [self.command, *shlex.split(line)],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE.total_seconds(),
            check=False,
        )
        self.history.append((line, time.monotonic() - begun))
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    def __call__(self, line: str) -> Any:
        """What a line prints, read as JSON; None if it prints nothing. It must succeed."""
        said = self.say(line)
        assert said.code == 0, f"az {line}\n{said.err}"
        return json.loads(said.out) if said.out.strip() else None

    def table(self, line: str) -> list[dict[str, str]]:
        """The rows that a line prints with `--output table`. It must succeed."""
        said = self.say(f"{line} --output table")
        assert said.code == 0, f"az {line}\n{said.err}"
        return said.rows

    def refused(self, line: str, *, code: int = 1) -> str:
        """What a line says when it fails with that exit code, as it must, and prints nothing else."""
        said = self.say(line)
        assert (said.code, said.out) == (code, ""), f"az {line}\n{said.out}\n{said.err}"
        return said.err

    def settled(self, group: str, name: str) -> Any:
        """The cluster once nothing runs any more; it must have come to a good end."""
        self.rest()
        cluster = self(f"aks show --resource-group {group} --name {name}")
        assert cluster["provisioningState"] == "Succeeded"
        return cluster

    # ------------------------------------------------------------------------------------------ beside the CLI: the simulator's own routes

    def asked(self, since: int = 0) -> list[dict[str, Any]]:
        """What the simulator's witness noted after the entry of that number."""
        entries: list[dict[str, Any]] = self._own("GET", f"log?since={since}")["entries"]
        return entries

    def writes(self, since: int) -> list[tuple[str, str, int]]:
        """Method, last parts of the path from the cluster on, and status of every request since then that was no read."""
        return [
            (entry["method"], entry["path"].partition("?")[0].rpartition("/managedClusters/")[2], entry["status"])
            for entry in self.asked(since)
            if entry["method"] not in {"GET", "HEAD"}
        ]

    @property
    def now(self) -> int:
        """The number of the newest entry of the witness."""
        entries = self.asked()
        return int(entries[-1]["n"]) if entries else 0

    @contextmanager
    def never_ending(self, path: str) -> Iterator[None]:
        """While this lasts, an operation that a write to such a path starts never ends by itself."""
        effect = {"kind": "outcome", "ends": "never"}
        for method in ("PUT", "POST"):
            self._own("POST", "faults", {"method": method, "path": path, "times": None, "effect": effect})
        try:
            yield
        finally:
            self._own("DELETE", "faults")

    def rest(self) -> None:
        """Come back when no operation runs any more."""
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while self._own("GET", "health")["running"]:
            assert time.monotonic() < deadline, self._own("GET", "world")["running"]
            time.sleep(0.2)

    def _own(self, method: str, path: str, body: object = None) -> Any:
        trusted = ssl.create_default_context(cafile=self.environment["REQUESTS_CA_BUNDLE"])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/_simulator/{path}", data=data, method=method)
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


def printed(child: Child) -> tuple[dict[str, str], list[str]] | None:
    """The settings and the `az` lines that `dev.py azure` has printed; None before it has printed all of them."""
    lines = [line.strip() for line in child.said().splitlines()]
    if not any(line.startswith("az aks list") for line in lines):
        return None
    settings = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines if line.startswith("export "))
    return settings, [line.removeprefix("az ") for line in lines if line.startswith("az ")]


def a_shell(home: Path, settings: dict[str, str], proxy: str) -> dict[str, str]:
    """The environment of a person's new shell with those settings; all that is not loopback has to pass `proxy`."""
    (home / "tmp").mkdir(parents=True)
    _know_the_version(Path(settings["AZURE_CONFIG_DIR"]))
    own = {"HOME": str(home), "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "TMPDIR": str(home / "tmp")}
    return {**own, **_QUIET, "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1", **settings}


def _know_the_version(configuration: Path) -> None:
    """Tell the CLI that it has looked for a newer version already: no setting of its own keeps it from looking when it is first used."""
    pinned = dict(re.findall(r"^azure-cli(-core)?==(\S+)", (ROOT / "requirements-az.txt").read_text(), re.MULTILINE))
    versions = {name: {"local": pinned[suffix], "pypi": pinned[suffix]} for name, suffix in (("azure-cli", ""), ("core", "-core"))}
    configuration.mkdir(parents=True, exist_ok=True)
    (configuration / "versionCheck.json").write_text(json.dumps({"versions": versions, "update_time": f"{datetime.now(UTC):%F %T.%f}"}))


@contextmanager
def closed_door() -> Iterator[tuple[str, list[str]]]:
    """A proxy that lets nothing through: its address, and the first line of everything that was asked of it."""
    asked: list[str] = []
    with create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # the door is taken away
                with connection:
                    connection.settimeout(5)
                    line = connection.recv(300).partition(b"\r\n")[0].decode(errors="replace")
                    if line == "end":
                        return
                    asked.append(line)

        keeper = threading.Thread(target=refuse, daemon=True)
        keeper.start()
        host, port = server.getsockname()[:2]
        yield f"http://{host}:{port}", asked
        with create_connection((host, port)) as last:
            last.sendall(b"end")
        keeper.join(timeout=10)

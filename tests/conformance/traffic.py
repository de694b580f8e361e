"""The recorded exchanges with real AKS, read as they are. Nothing here knows the simulator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

RECORDINGS = {
    "cluster-abort": "2022-10",
    "cluster-create-refused-400": "2022-10",
    "cluster-create-versions-delete": "2020-04",
    "cluster-crud-2025-08-01": "2026-01",
    "cluster-stop-start": "2022-10",
    "cluster-upgrade-with-pools": "2022-10",
    "pool-conflict-409": "2023-10",
    "pool-create-scale-delete": "2020-04",
    "pool-get-upgrades": "2022-10",
    "pool-stop-start": "2022-10",
    "run-command": "2021-04",
}
"""Each recording and the month in which it was made, by its `date` headers or the ticks in its signed URLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer; header names are lower-case, bodies are JSON values or None."""

    recording: str
    number: int
    method: str
    url: str
    request: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def version(self) -> str:
        """The api-version that was asked for."""
        return dict(parse_qsl(urlsplit(self.url).query))["api-version"]

    @property
    def where(self) -> str:
        return f"{self.recording}[{self.number}] {self.method} {self.path}"


def read(conformance: Path, recording: str) -> tuple[Exchange, ...]:
    """The exchanges of one recording, in order."""
    lines = (conformance / "aks-traffic" / f"{recording}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(_exchange(recording, number, json.loads(line)) for number, line in enumerate(lines))


def _exchange(recording: str, number: int, line: dict[str, Any]) -> Exchange:
    return Exchange(
        recording=recording,
        number=number,
        method=line["method"],
        url=line["url"],
        request=line["request_body"],
        status=line["status"],
        headers={name.lower(): value for name, value in line["response_headers"].items()},
        body=line["response_body"] or None,
    )

"""How a recording is told to today's world: its Kubernetes versions become versions that are offered, one minor apart where they were.

Subscription, names, regions and api-versions are kept as they were recorded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.arm import catalogue
from tests.conformance.traffic import Exchange

_VERSION = re.compile(r"1\.(\d+)(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """`recorded` is the minor of the recording's cluster, `ours` the one that stands for it; `patches` are the patches by minor."""

    recorded: int
    ours: int
    patches: dict[int, str]

    def told(self, body: Any) -> Any:
        """A recorded body, asked or answered, in the versions of today's world."""
        match body:
            case dict():
                return {name: self.told(value) for name, value in body.items()}
            case list():
                return [self.told(value) for value in body]
            case str():
                found = _VERSION.fullmatch(body)
                return body if found is None else self._version(found)
            case _:
                return body

    def _version(self, found: re.Match[str]) -> str:
        minor = self.ours + int(found[1]) - self.recorded
        return f"1.{minor}" if found[2] is None else self.patches.get(minor, f"1.{minor}.0")


def translation(exchanges: Sequence[Exchange], location: str, now: datetime) -> Translation:
    """The recording's first cluster version stands for the default of today; every patch stands for the newest of its minor."""
    found = (_VERSION.fullmatch(version) for version in map(_cluster_version, exchanges) if version)
    recorded = next((int(version[1]) for version in found if version), 0)
    patches = {minor.number: minor.patches[-1] for minor in catalogue.offered(location, now)}
    return Translation(recorded=recorded, ours=catalogue.default(location, now).number, patches=patches)


def _cluster_version(exchange: Exchange) -> str | None:
    body = exchange.body if isinstance(exchange.body, dict) else {}
    properties = body.get("properties")
    return properties.get("kubernetesVersion") if isinstance(properties, dict) else None

"""Holds one answer against the recorded one: status, headers, states, words, and the shape of the body with its JSON types.

What belongs to one cluster only (guids, instants, random marks) is compared by its form. What is tolerated is not decided here.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from local.arm.wire import Reply
from tests.conformance.traffic import RECORDINGS, Exchange
from tests.conformance.translation import Translation

Kind = Literal["status", "header", "missing", "extra", "type", "value", "length"]

ALWAYS_KEPT = ("content-type", "azure-asyncoperation", "location")
"""Headers that every recorder kept; where they are absent, AKS did not send them."""

KEPT_BY_OPERATOR = (*ALWAYS_KEPT, "retry-after", "x-ms-failure-cause")
"""What the recorder of the `asotest` groups kept beside; that of the others threw most headers away."""

_FORMS = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE), "{guid}"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "{instant}"),
    (re.compile(r"-[0-9a-z]{8}(?=\.(portal\.)?hcp\.)"), "-{mark}"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "{id}"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "{uid}"),
    (re.compile(r"^AKS(Ubuntu|Windows)-[\w.-]+$"), r"AKS\1-{image}"),
    (re.compile(r"^\d{4}-\d\d-\d\d$"), "{date}"),
)
_MADE_UP = (
    re.compile(r"\.kubeconfigs\[\]\.value"),  # of one cluster only; what is in it has its own test
    re.compile(r"\.properties\.logs"),  # what a command printed
    re.compile(r"\.properties\.exitCode"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which an answer differs from the recorded one; `at` is a header's name or a path in the body, lists as [].

    `month` is when it was recorded, `version` the api-version asked for.
    """

    where: str
    month: str
    version: str
    asked: str
    kind: Kind
    at: str
    recorded: object = None
    ours: object = None

    @property
    def field(self) -> str:
        """The field wherever it is shown: `pool.count` both in a pool and in a cluster's list, `cluster.fqdn`; else `at` as it is."""
        of_pools = self.asked.casefold().endswith("managedclusters/agentpools")
        places = (r"(\.value\[\])?\.properties\.", "pool.") if of_pools else (r"\.properties\.agentPoolProfiles\[\]\.", "pool.")
        name, found = re.subn(f"^{places[0]}", places[1], self.at)
        if not found and self.asked.casefold().endswith("managedclusters"):
            name = re.sub(r"^(\.properties)?\.", "cluster.", self.at)
        return name

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} {self.at} recorded {self.recorded!r}, ours {self.ours!r}"


def differences(exchange: Exchange, answer: Reply, translation: Translation, *, asked_at: str | None = None) -> list[Difference]:
    """All in which the answer differs, in no order that means something; `asked_at` is the path that was asked here, if it is another."""
    found: list[tuple[Kind, str, object, object]] = [("status", "status", exchange.status, answer.status)]
    if exchange.status == answer.status:  # else nothing of the rest can agree
        found = [*_headers(exchange, answer), *_bodies("", translation.told(exchange.body), answer.document)]
        found += _names(exchange, answer, asked_at or exchange.path)
    return [
        Difference(
            where=exchange.where,
            month=RECORDINGS[exchange.recording],
            version=exchange.version,
            asked=asked(exchange),
            kind=kind,
            at=at,
            recorded=recorded,
            ours=ours,
        )
        for kind, at, recorded, ours in found
    ]


def asked(exchange: Exchange) -> str:
    """What was asked without names: `PUT managedClusters/agentPools`."""
    parts = exchange.path.strip("/").split("/")
    kinds = parts[parts.index("providers") + 2 :: 2] if "providers" in parts else parts[2::2]
    return f"{exchange.method} {'/'.join(kinds)}"


# ------------------------------------------------------------------------------------------------------------------------- headers


def _headers(exchange: Exchange, answer: Reply) -> Iterator[tuple[Kind, str, object, object]]:
    kept = KEPT_BY_OPERATOR if "asotest" in exchange.url else ALWAYS_KEPT
    for name in kept:
        (recorded, signed), (ours, signed_too) = _header(name, exchange.headers), _header(name, answer.headers)
        if recorded != ours:
            yield "header", name, recorded, ours
        elif signed != signed_too:
            yield "header", f"{name}.signature", signed, signed_too
    for name in exchange.headers:
        # Some recorders kept these of some answers, so only what is there can be asked for.
        if name.startswith("x-ms-") and name not in kept and name not in answer.headers:
            yield "header", name, exchange.headers[name], None


def _header(name: str, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """A header as it is compared, a status URL by its path and api-version, and whether it carries a signature."""
    value = headers.get(name)
    if value is None or name not in {"azure-asyncoperation", "location"}:
        return value, False
    parts = urlsplit(value)
    query = dict(parse_qsl(parts.query))
    return f"{form(parts.path).casefold()} {query.get('api-version')}", {"t", "c", "s", "h"} <= query.keys()


def _names(exchange: Exchange, answer: Reply, asked_at: str) -> Iterator[tuple[Kind, str, object, object]]:
    """How the name in an operation's document comes of the guid in its URL: up to 2023 with its first three groups in reverse."""
    if "/operations/" in exchange.path and isinstance(exchange.body, dict) and isinstance(answer.document, dict):
        recorded, ours = _turned(exchange.body.get("name"), exchange.path), _turned(answer.document.get("name"), asked_at)
        if recorded != ours:
            yield "value", ".name", recorded, ours


def _turned(name: object, path: str) -> str:
    asked = uuid.UUID(path.rsplit("/", 1)[-1])
    return {str(asked): "the same", str(uuid.UUID(bytes_le=asked.bytes)): "turned"}.get(str(name), "another")


# -------------------------------------------------------------------------------------------------------------------------- bodies


def form(text: str) -> str:
    """A text with everything that belongs to one resource or one instant only replaced by what it is."""
    for pattern, what in _FORMS:
        text = pattern.sub(what, text)
    return text


def _bodies(at: str, recorded: Any, ours: Any) -> Iterator[tuple[Kind, str, object, object]]:
    if _type(recorded) != _type(ours):
        yield "type", at, recorded, ours
    elif isinstance(recorded, dict):
        for name in recorded.keys() - ours.keys():
            yield "missing", f"{at}.{name}", recorded[name], None
        for name in ours.keys() - recorded.keys():
            yield "extra", f"{at}.{name}", None, ours[name]
        for name in recorded.keys() & ours.keys():
            yield from _bodies(f"{at}.{name}", recorded[name], ours[name])
    elif isinstance(recorded, list):
        yield from _lists(f"{at}[]", recorded, ours)
    elif _of_form(recorded) != _of_form(ours) and not any(pattern.fullmatch(at) for pattern in _MADE_UP):
        yield "value", at, recorded, ours


def _lists(at: str, recorded: list[Any], ours: list[Any]) -> Iterator[tuple[Kind, str, object, object]]:
    if len(recorded) != len(ours):
        yield "length", at, len(recorded), len(ours)
    if all(isinstance(item, dict) and "name" in item for item in (*recorded, *ours)):
        named = {item["name"]: item for item in ours}
        pairs = [(item, named[item["name"]]) for item in recorded if item["name"] in named]
    else:
        pairs = list(zip(recorded, ours, strict=False))
    for pair in pairs:
        yield from _bodies(at, *pair)


def _type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"


def _of_form(value: object) -> object:
    return form(value) if isinstance(value, str) else value

"""What goes over the wire: a request as it came, and the reply or the broken connection that it gets. No sockets here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request: `url` is absolute or begins with the path, header names are lower-case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def host(self) -> str | None:
        """The host that was asked: the header's, else the URL's."""
        return self.headers.get("host") or (self.url.split("/", 3)[2] if self._absolute else None)

    @property
    def target(self) -> str:
        """Path and query as they came, whatever is in them."""
        return "/" + self.url.split("/", 3)[-1] if self._absolute else self.url

    @property
    def _absolute(self) -> bool:
        return self.url.startswith(("https://", "http://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer, with lower-case header names; the server holds it back for `delay` seconds of this machine's time."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON is any of six types
        """The body read as JSON, or None if there is none."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """No answer: the connection is reset, or kept silent until the client gives up; `applied` says whether the request took effect."""

    how: Literal["reset", "silence"]
    applied: bool
    delay: float = 0.0


def reply(status: int, document: object = None, *, headers: Mapping[str, str] | None = None, gateway: bool = False) -> Reply:
    """An answer with a JSON body, or an empty one; ARM's own front door names the charset, the provider does not (recorded)."""
    if document is None:
        return Reply(status=status, headers=dict(headers or {}))
    kind = "application/json; charset=utf-8" if gateway else "application/json"
    body = json.dumps(document, separators=(",", ":")).encode()
    return Reply(status=status, headers={"content-type": kind, **(headers or {})}, body=body)

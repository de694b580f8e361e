"""A wire without sockets: the adapters' own transport, with somebody in the test who answers. Nothing here sleeps."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from requests.adapters import BaseAdapter

from shared.adapters import clients
from shared.adapters.arm import ArmClusters
from shared.adapters.clients import Arm
from shared.settings import PUBLIC_ARM
from tests.worldly import some_settings

TOKEN = "header.token-of-the-app.signature"
FAR_AWAY = 9_999_999_999


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer on the wire."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request on the wire, as it would have left this machine."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout: object

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Asked], Reply | Exception]


def said(document: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers={"content-type": "application/json", **named}, body=json.dumps(document).encode())


class _Answers(BaseAdapter):
    def __init__(self, wire: "Wire") -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *_: Any, timeout: object = None, **__: Any) -> requests.Response:
        raw: Any = request.body or b""
        asked = Asked(
            method=str(request.method),
            url=str(request.url),
            headers={str(name).lower(): str(value) for name, value in request.headers.items()},
            body=raw.encode() if isinstance(raw, str) else bytes(raw),
            timeout=timeout,
        )
        self._wire.asked.append(asked)
        answer = self._wire.answering(asked)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, asked.url, request
        response.headers.update(answer.headers)
        response.raw = BytesIO(answer.body)
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Wire(HttpTransport[Any, Any]):
    """The transport that the adapters make for themselves, ending in a test; `slept` has every second anybody wanted to wait."""

    answering: Answering
    asked: list[Asked] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = clients.transport()
        assert isinstance(own, RequestsTransport)
        own.open()
        assert own.session is not None
        for scheme in ("https://", "http://"):
            own.session.mount(scheme, _Answers(self))
        self.own = own

    def send(self, request: Any, **options: Any) -> Any:
        return self.own.send(request, **options)

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)

    def open(self) -> None:
        self.own.open()

    def close(self) -> None:
        self.own.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class SomeCredential:
    """An identity whose token is always the same; `scopes` has what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(TOKEN, FAR_AWAY)


def in_turn(answers: Iterable[Reply | Exception]) -> Answering:
    """Each answer once, in order; one request too many is an error of the test's."""
    left = iter(answers)
    return lambda _: next(left)


def arm_on(wire: Wire, credential: Any = None) -> ArmClusters:
    """The real adapter and SDK on a wire."""
    return ArmClusters(Arm(some_settings(), identity=credential or SomeCredential(), over=wire), endpoint=PUBLIC_ARM)


def arm_answered(*answers: Reply | Exception) -> tuple[ArmClusters, Wire]:
    """The real adapter and SDK on a wire that answers so, in turn."""
    wire = Wire(in_turn(answers))
    return arm_on(wire), wire

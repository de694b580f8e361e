"""The simulated Azure in this process: the real adapter and SDK talk to it through a transport without sockets. For tests and counts."""

import time
from io import BytesIO
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import BaseAdapter

from local.arm.wire import Drop, Request
from local.arm.world import World
from shared.adapters.arm import ArmClusters
from shared.adapters.clients import Arm
from shared.settings import Settings

LIFE = 3600
"""Seconds a token is good for."""


class WorldAdapter(BaseAdapter):
    """A `requests` adapter that hands each request to a world and brings back its reply, or the fault that stands for one."""

    def __init__(self, world: World) -> None:
        """Ask `world`."""
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """One request, answered at once."""
        body: Any = request.body or b""
        headers = {str(name).lower(): str(value) for name, value in request.headers.items()}
        raw = body.encode() if isinstance(body, str) else bytes(body)
        answer = self._world.handle(Request(method=str(request.method), url=str(request.url), headers=headers, body=raw))
        if isinstance(answer, Drop):
            raise requests.ReadTimeout if answer.how == "silence" else requests.ConnectionError
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, str(request.url), request
        response.headers.update(answer.headers)
        response.raw = BytesIO(answer.body)
        return response

    def close(self) -> None:
        """Nothing is open."""


class WorldCredential:
    """The tokens of a world."""

    def __init__(self, world: World) -> None:
        """Ask `world`."""
        self._world = world

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A token for the audience of the first scope."""
        return AccessToken(self._world.token(scopes[0].removesuffix("/.default")), int(time.time()) + LIFE)


def clusters_of(world: World, settings: Settings) -> ArmClusters:
    """The real adapter on a world."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", WorldAdapter(world))
    arm = Arm(settings, identity=WorldCredential(world), over=RequestsTransport(session=session, session_owner=False))
    return ArmClusters(arm, endpoint=settings.arm_endpoint)

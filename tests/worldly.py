"""The simulated Azure in this process: the real adapter and SDK talk to it through a transport without sockets."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
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
from shared.settings import PUBLIC_ARM, Settings, read
from tests.builders import SUBSCRIPTION

GRANT_ALL = '[{"actions": ["*"]}]'


class WorldAdapter(BaseAdapter):
    """A `requests` adapter that hands each request to a world and brings back its reply, or the fault that stands for one."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
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
        self._world = world

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self._world.token(scopes[0].removesuffix("/.default")), int(time.time()) + 3600)


def a_world(
    clock: Callable[[], datetime], *, takes: timedelta = timedelta(minutes=3), registered: bool = True, throttled: bool = False
) -> World:
    """A world in which every operation takes `takes`."""
    return World(clock=clock, subscriptions=(SUBSCRIPTION,), durations=lambda *_: takes, registered=registered, throttled=throttled)


def some_settings(changes: Mapping[str, str] | None = None) -> Settings:
    """Settings under which everything is granted."""
    names = {
        "TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "TIDEKEEPER_GRANTS": GRANT_ALL,
    }
    return read({**names, **(changes or {})})


def clusters_of(world: World) -> ArmClusters:
    """The real adapter on a world."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", WorldAdapter(world))
    arm = Arm(some_settings(), identity=WorldCredential(world), over=RequestsTransport(session=session, session_owner=False))
    return ArmClusters(arm, endpoint=PUBLIC_ARM)

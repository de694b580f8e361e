"""The HTTP side of the host: from a request on the wire to a call, and from an outcome to a response.

It decides who is let in and what a function gets to see; which function it is comes from `routing`. It logs no query, key or body.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from local.host import admin
from local.host.calls import Done, HttpAnswer, HttpCall, header_values, query_values
from local.host.keys import Keys, Level, needed, opens
from local.host.routing import decoded_path
from local.host.running import Host
from local.host.settings import switched_on
from local.host.standing import Standing

_URL_LIMIT = 4096  # as documented for HTTP triggers; path and query together
_NOT_RUNNING = HttpAnswer(status=503, headers=(("Content-Type", "text/plain"),), body=b"Function host is not running.")
_TOO_MANY = HttpAnswer(status=429, headers=(("X-FUNCTION-SCALEOUT", "1"),))
_HOME = "<!DOCTYPE html><title>Functions host</title><p>Your Functions app is up and running (local host).</p>\n"


class Door:
    """Answers every request to the host; `keys` is None where everybody is an administrator, `body_limit` counts bytes."""

    def __init__(self, standing: Standing, *, keys: Keys | None, body_limit: int) -> None:
        self._standing = standing
        self._keys = keys
        self._body_limit = body_limit

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to one request."""
        began = time.monotonic()
        function, answer = await self._answered(request)
        facts: dict[str, Any] = {
            "method": request.method,
            "function": function,
            "status": answer.status,
            "ms": round((time.monotonic() - began) * 1000),
        }
        log = self._standing.host.log
        log.event("http_answered", category="Host.Http", **facts)
        try:
            return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)
        except (ValueError, TypeError) as error:
            log.event("answer_not_sendable", level="error", function=function, error=type(error).__name__)
            return web.Response(status=500)

    async def _answered(self, request: web.BaseRequest) -> tuple[str, HttpAnswer]:
        raw, _, query = request.raw_path.partition("?")
        path = decoded_path(raw if raw.startswith("/") else request.rel_url.raw_path)
        if path is None:
            return "", HttpAnswer(status=400)
        if len(request.raw_path) > _URL_LIMIT:
            return "", HttpAnswer(status=414)
        if (request.content_length or 0) > self._body_limit:
            return "", HttpAnswer(status=413)
        if path.lower() == "/admin" or path.lower().startswith("/admin/"):
            return "", await self._administered(request, path, query)
        host = await self._standing.ready()
        if host is None:
            return "", _NOT_RUNNING
        found = host.admitted.routes.match(request.method, path)
        if found is None:
            return "", _unmatched(host, request.method, path)
        level = self._level(request.headers, query, function=found.function)
        trigger = host.admitted.functions[found.function].trigger
        if found.function in host.admitted.disabled and level is not Level.ADMIN:
            return found.function, HttpAnswer(status=404)
        if not opens(level, needed(trigger.text("authLevel", "function"))):
            return found.function, HttpAnswer(status=401)
        async with host.throttle.turn() as admitted:
            if not admitted:
                return found.function, _TOO_MANY
            call = HttpCall(
                method=request.method,
                url=f"http://{request.headers.get('Host', 'localhost')}{request.raw_path}",
                headers=header_values(request.headers.items()),
                query=query_values(query),
                params=found.values,
                body=await _body(request),
            )
            outcome = await host.invoke(found.function, call)
        if isinstance(outcome, Done) and outcome.answer is not None:
            return found.function, outcome.answer
        return found.function, HttpAnswer(status=500)

    async def _administered(self, request: web.BaseRequest, path: str, query: str) -> HttpAnswer:
        below = path[len("/admin") :].strip("/")
        if below.lower() != "host/ping" and self._level(request.headers, query, function=None) is not Level.ADMIN:
            return HttpAnswer(status=401)
        base_url = f"http://{request.headers.get('Host', 'localhost')}"
        return await admin.answer(self._standing, request.method, below, await _body(request), base_url=base_url)

    def _level(self, headers: Mapping[str, str], query: str, *, function: str | None) -> Level:
        if self._keys is None:
            return Level.ADMIN
        key = headers.get("x-functions-key")
        if key is None:
            key = _first(parse_qsl(query, keep_blank_values=True), "code")
        return self._keys.level(key, function=function)


def _unmatched(host: Host, method: str, path: str) -> HttpAnswer:
    if path != "/" or method != "GET":
        return HttpAnswer(status=404)
    if switched_on(host.options.environment.get("AzureWebJobsDisableHomepage")):
        return HttpAnswer(status=204)
    return HttpAnswer(status=200, headers=(("Content-Type", "text/html; charset=utf-8"),), body=_HOME.encode())


async def _body(request: web.BaseRequest) -> bytes:
    """The body, but only of a request that says how long it is: the host hands on nothing of a chunked one."""
    return await request.read() if request.content_length else b""


def _first(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in pairs if key.lower() == name), None)

"""The HTTP side of the host: from a request on the wire to a call, and from an outcome to a response.

It decides who is let in and what a function gets to see; which function it is comes from `routing`. It logs no query, key or body.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from local.host import admin
from local.host.calls import Done, HttpAnswer, HttpCall, header_values, query_values
from local.host.keys import Keys, Level, needed
from local.host.routing import decoded_path
from local.host.running import Host
from local.host.settings import switched_on

BODY_LIMIT = 104_857_600
_HOME = "<!DOCTYPE html><title>Functions host</title><p>Your Functions app is up and running (local host).</p>\n"


class Door:
    """Answers every request to the host; `keys` is None where everybody is an administrator."""

    def __init__(self, host: Host, *, keys: Keys | None) -> None:
        self._host = host
        self._keys = keys
        settings = host.options.settings
        self._most = settings.max_outstanding_requests
        self._turns = asyncio.Semaphore(settings.max_concurrent_requests) if settings.max_concurrent_requests > 0 else None
        self._outstanding = 0

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
        self._host.log.event("http_answered", category="Host.Http", **facts)
        try:
            return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)
        except (ValueError, TypeError) as error:
            self._host.log.event("answer_not_sendable", level="error", function=function, error=type(error).__name__)
            return web.Response(status=500)

    async def _answered(self, request: web.BaseRequest) -> tuple[str, HttpAnswer]:
        raw, _, query = request.raw_path.partition("?")
        path = decoded_path(raw if raw.startswith("/") else request.rel_url.raw_path)
        if path is None:
            return "", HttpAnswer(status=400)
        if (request.content_length or 0) > BODY_LIMIT:
            return "", HttpAnswer(status=413)
        if path.lower() == "/admin" or path.lower().startswith("/admin/"):
            return "", await self._administered(request, path, query)
        found = self._host.admitted.routes.match(request.method, path)
        if found is None:
            return "", self._unmatched(request, path)
        level = self._level(request.headers, query, function=found.function)
        trigger = self._host.admitted.functions[found.function].trigger
        if found.function in self._host.admitted.disabled and level < Level.ADMIN:
            return found.function, HttpAnswer(status=404)
        if level < needed(trigger.text("authLevel", "function")):
            return found.function, HttpAnswer(status=401)
        if 0 <= self._most <= self._outstanding:
            return found.function, HttpAnswer(status=429)
        self._outstanding += 1
        try:
            async with self._turns or nullcontext():
                call = HttpCall(
                    method=request.method,
                    url=f"http://{request.headers.get('Host', 'localhost')}{request.raw_path}",
                    headers=header_values(request.headers.items()),
                    query=query_values(query),
                    params=found.values,
                    body=await _body(request),
                )
                outcome = await self._host.invoke(found.function, call)
        finally:
            self._outstanding -= 1
        if isinstance(outcome, Done) and outcome.answer is not None:
            return found.function, outcome.answer
        return found.function, HttpAnswer(status=500)

    async def _administered(self, request: web.BaseRequest, path: str, query: str) -> HttpAnswer:
        below = path[len("/admin") :].strip("/")
        if below.lower() != "host/ping" and self._level(request.headers, query, function=None) < Level.ADMIN:
            return HttpAnswer(status=401)
        base_url = f"http://{request.headers.get('Host', 'localhost')}"
        return admin.answer(self._host, request.method, below, await _body(request), base_url=base_url)

    def _unmatched(self, request: web.BaseRequest, path: str) -> HttpAnswer:
        if path != "/" or request.method != "GET":
            return HttpAnswer(status=404)
        if switched_on(self._host.options.environment.get("AzureWebJobsDisableHomepage")):
            return HttpAnswer(status=204)
        return HttpAnswer(status=200, headers=(("Content-Type", "text/html; charset=utf-8"),), body=_HOME.encode())

    def _level(self, headers: Mapping[str, str], query: str, *, function: str | None) -> Level:
        if self._keys is None:
            return Level.ADMIN
        key = headers.get("x-functions-key")
        if key is None:
            key = _first(parse_qsl(query, keep_blank_values=True), "code")
        return self._keys.level(key, function=function)


async def _body(request: web.BaseRequest) -> bytes:
    """The body, but only of a request that says how long it is: the host hands on nothing of a chunked one."""
    return await request.read() if request.content_length else b""


def _first(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in pairs if key.lower() == name), None)

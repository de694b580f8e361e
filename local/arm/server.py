"""The sockets: ARM over HTTPS and the identity endpoint over HTTP, both on loopback. It decides nothing; the world does."""

import asyncio
import signal
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from local.arm.wire import Drop, Reply, Request
from local.arm.world import World

HOST = "127.0.0.1"
IDENTITY_PATH = "/msi/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the two servers listen."""

    arm: str
    identity: str


async def serve(
    world: World,
    *,
    port: int,
    identity_port: int,
    certificate: Path,
    private_key: Path,
    ready: Callable[[Addresses], None],
) -> None:
    """Serve a world until SIGTERM or SIGINT; `ready` is told the addresses once both servers listen (port 0: any free one)."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, private_key)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)

    async def arm(request: web.BaseRequest) -> web.StreamResponse:
        asked = await _read(request)
        return await _send(request, world.handle(asked))

    async def identity(request: web.BaseRequest) -> web.StreamResponse:
        asked = await _read(request)
        answer = world.identity.endpoint(asked) if request.path == IDENTITY_PATH else Reply(status=404)
        return await _send(request, answer)

    arm_runner, arm_port = await _listen(arm, port, tls)
    identity_runner, found_identity_port = await _listen(identity, identity_port, None)
    ready(Addresses(arm=f"https://{HOST}:{arm_port}", identity=f"http://{HOST}:{found_identity_port}{IDENTITY_PATH}"))
    await stop.wait()
    await arm_runner.cleanup()
    await identity_runner.cleanup()


_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def _listen(handler: _Handler, port: int, tls: ssl.SSLContext | None) -> tuple[web.ServerRunner, int]:
    # A handler is cancelled when its client goes away: that is how silence ends.
    server = web.Server(handler, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port, ssl_context=tls)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def _read(request: web.BaseRequest) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(method=request.method, url=request.raw_path, headers=headers, body=await request.read())


async def _send(request: web.BaseRequest, answer: Reply | Drop) -> web.StreamResponse:
    if answer.delay:
        await asyncio.sleep(answer.delay)
    if isinstance(answer, Drop):
        if answer.how == "silence":
            await asyncio.Event().wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body or None)

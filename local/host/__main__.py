"""The command line of the local host: `python -m local.host --app-root DIR`.

It prints one line of JSON when it is ready, or when it cannot be; the log goes to standard error.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

from aiohttp import web

from local.host.keys import Keys
from local.host.log import Log
from local.host.running import Host, HostOptions
from local.host.settings import HostError, app_environment, body_limit, read_host_settings, read_local_settings
from local.host.standing import Standing
from local.host.web import Door
from local.worldtime import WorldTime

_PORT = 7071
_MOST_WORKERS = 10
_LONGEST_LINE = 65536  # more than the host takes: what is too long is refused by the door, which knows the right status


def main() -> int:
    """Run the host until it is told to end; answers the exit code."""
    asked = _arguments()
    try:
        return asyncio.run(_serve(asked))
    except (HostError, OSError) as error:
        print(json.dumps({"ready": False, "error": str(error)}), flush=True)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Runs a Python v2 function app on this machine.")
    parser.add_argument("--app-root", type=Path, default=Path.cwd(), help="the folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, help="0 for any free one; else the app's LocalHttpPort, else 7071")
    parser.add_argument("--world", type=WorldTime.parse, default=WorldTime(), help="SPEED@REAL/WORLD: world time (see local/worldtime.py)")
    parser.add_argument(
        "--workers",
        type=int,
        choices=range(1, _MOST_WORKERS + 1),
        metavar="N",
        help="worker processes; else FUNCTIONS_WORKER_PROCESS_COUNT, else 1",
    )
    parser.add_argument("--auth", action="store_true", help="ask for keys, as Azure does")
    parser.add_argument("--keys", type=Path, help="a JSON file of keys for --auth; without it new ones are made and printed")
    parser.add_argument("--before", metavar="MODULE:FUNCTION", help="called with the WorldTime in each worker before the app is imported")
    parser.add_argument("--state", type=Path, help="a folder for what the timers remember; without it they remember nothing")
    return parser.parse_args()


async def _serve(asked: argparse.Namespace) -> int:
    root: Path = asked.app_root.resolve()
    bound = _bound(asked.port if asked.port is not None else read_local_settings(root).port or _PORT)
    port: int = bound.getsockname()[1]
    keys = (Keys.read(asked.keys) if asked.keys else Keys.generated()) if asked.auth else None
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    standing = Standing(lambda: _made(asked, root, port))
    await standing.start()
    limit = body_limit(standing.host.options.environment)
    app = web.Application(client_max_size=limit)
    app.router.add_route("*", r"/{anything:[\s\S]*}", Door(standing, keys=keys, body_limit=limit).answer)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1, max_line_size=_LONGEST_LINE)
    await runner.setup()
    site = web.SockSite(runner, bound)
    await site.start()
    admitted = standing.host.admitted
    said = {
        "ready": True,
        "url": f"http://127.0.0.1:{port}",
        "pid": os.getpid(),
        "pids": standing.host.pids,
        "functions": sorted(admitted.functions),
    }
    said |= {"errors": dict(admitted.errors)} if admitted.errors else {}
    said |= {"keys": keys.said()} if keys is not None and not asked.keys else {}
    print(json.dumps(said), flush=True)
    standing.failure.add_done_callback(lambda _: told.set())
    await told.wait()
    await site.stop()
    await standing.close()
    await runner.cleanup()
    await asyncio.sleep(0)  # a turn of the loop for connections that were closed just now
    return 1 if standing.failure.done() else 0


def _made(asked: argparse.Namespace, root: Path, port: int) -> Host:
    """A host for what the app's folder and the environment say now."""
    local = read_local_settings(root)
    settings = read_host_settings(root, {**local.values, **os.environ})
    environment = app_environment(local, os.environ, port=port)
    options = HostOptions(
        app_root=root,
        environment=environment,
        settings=settings,
        world=asked.world,
        processes=asked.workers or _processes(environment.get("FUNCTIONS_WORKER_PROCESS_COUNT", "1")),
        before=asked.before,
        state=asked.state,
    )
    return Host(options, Log(levels=settings.log_levels))


def _processes(said: str) -> int:
    if not said.isdigit() or not 1 <= int(said) <= _MOST_WORKERS:
        message = f"FUNCTIONS_WORKER_PROCESS_COUNT is {said!r}, want 1 to {_MOST_WORKERS}"
        raise HostError(message)
    return int(said)


def _bound(port: int) -> socket.socket:
    """A socket of this machine's own; it takes no connection before the app is ready."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is closed and said. The interpreter's own last round would only complain, on 3.13.0, of connections the loop let go of late.
    os._exit(code)

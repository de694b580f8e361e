"""The host's own endpoints under /admin: its status, its functions, starting one by hand, and draining. They hold no state."""

import hashlib
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from local.host.calls import HttpAnswer
from local.host.indexing import Function
from local.host.routing import by_name
from local.host.running import Draining, Host
from local.host.standing import Standing

_VERSION = "4.0.0-local"


async def answer(standing: Standing, method: str, path: str, body: bytes, *, base_url: str) -> HttpAnswer:
    """The answer to `method` on `path` (decoded, below /admin/); whoever asks has been found to be an administrator, or asks for a ping."""
    host = standing.host
    parts = tuple(part.lower() for part in path.strip("/").split("/"))
    match method.upper(), parts:
        case (("GET" | "POST"), ("host", "ping")):
            return HttpAnswer(status=200)
        case "GET", ("host", "status"):
            return _json(200, _status(standing))
        case "GET", ("host", "processes"):
            return _json(200, {"processes": [_process(os.getpid(), "host"), *(_process(pid, "python") for pid in host.pids)]})
        case "POST", ("host", "restart"):
            standing.restart()
            return _json(200, {"scriptPath": str(host.options.app_root), "isSelfHost": True})
        case "POST", ("host", "synctriggers"):
            return _json(500, {"status": "Invalid environment for SyncTriggers operation."})  # there is no platform to tell
        case "POST", ("host", "drain"):
            host.drain()
            return HttpAnswer(status=202)
        case "GET", ("host", "drain", "status"):
            said = {"outstandingInvocations": host.outstanding, "outstandingRetries": host.outstanding_retries}
            return _json(200, {"state": host.draining.value, **said})
        case "POST", ("host", "resume"):
            return await _resumed(standing)
        case "GET", ("functions",):
            listed = sorted(host.admitted.functions.values(), key=lambda function: by_name(function.name))
            return _json(200, [_described(host, function, base_url) for function in listed])
        case "GET", ("functions", name):
            return _of_function(host, name, lambda function: _json(200, _described(host, function, base_url)))
        case "GET", ("functions", name, "status"):
            return _of_function(host, name, lambda function: _json(200, {"isDisabled": function.name in host.admitted.disabled}))
        case "POST", ("functions", name):
            return _of_function(host, name, lambda function: _start(host, function, body))
        case _:
            return HttpAnswer(status=404)


async def _resumed(standing: Standing) -> HttpAnswer:
    """A drained host takes work again by being restarted, as the real one does; one that is not running cannot."""
    if standing.state != "Running":
        return HttpAnswer(status=409)
    if standing.host.draining is not Draining.DISABLED:
        await standing.restart()
    return _json(200, {"state": standing.state})


def _process(pid: int, name: str) -> dict[str, Any]:
    return {"processId": pid, "processName": name, "debugEngine": name, "isEligibleForOpenInBrowser": False}


def _json(status: int, said: object) -> HttpAnswer:
    headers = (("Content-Type", "application/json; charset=utf-8"),)
    return HttpAnswer(status=status, headers=headers, body=json.dumps(said).encode())


def _of_function(host: Host, name: str, answer_for: Callable[[Function], HttpAnswer]) -> HttpAnswer:
    function = host.admitted.find(name)
    return HttpAnswer(status=404) if function is None else answer_for(function)


def _start(host: Host, function: Function, body: bytes) -> HttpAnswer:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return HttpAnswer(status=400)
    if not isinstance(said, dict):
        return HttpAnswer(status=400)
    given = said.get("input")
    host.start_by_hand(function, given if isinstance(given, str) else "" if given is None else json.dumps(given))
    return HttpAnswer(status=202)


def _status(standing: Standing) -> dict[str, Any]:
    host = standing.host
    said: dict[str, Any] = {
        "id": host_id(host),
        "state": standing.state,
        "version": _VERSION,
        "versionDetails": _VERSION,
        "processUptime": int(host.uptime.total_seconds() * 1000),
        "functionAppContentEditingState": "Unknown",
    }
    if errors := [standing.error] if standing.error else list(host.admitted.errors.values()):
        said["errors"] = errors
    return said


def _described(host: Host, function: Function, base_url: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": function.name,
        "href": f"{base_url}/admin/functions/{function.name}",
        "language": "python",
        "config": {
            "name": function.name,
            "scriptFile": "function_app.py",
            "bindings": [dict(binding.properties) for binding in function.bindings],
        },
        "isDisabled": function.name in host.admitted.disabled,
    }
    route = next((route for route in host.admitted.routes.routes if route.function == function.name), None)
    if route is not None:
        said["invoke_url_template"] = f"{base_url}/{route.template.text}"
    return said


def host_id(host: Host) -> str:
    """The host's id, as it is made on a developer's machine: its name and a number for the app's folder, or what a setting says."""
    if said := host.options.environment.get("AzureFunctionsWebHost__hostid"):
        return said.lower()
    name = "".join(letter for letter in socket.gethostname() if letter.isalnum())
    number = int(hashlib.sha256(str(host.options.app_root.resolve()).encode()).hexdigest()[:8], 16)
    return f"{name}-{number}"[:32].rstrip("-").lower()

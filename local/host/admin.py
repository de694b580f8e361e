"""The host's own endpoints under /admin: its status, its functions, starting one by hand, and draining. They hold no state."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from local.host.calls import HttpAnswer
from local.host.indexing import Function
from local.host.routing import by_name
from local.host.running import Host

_VERSION = "4.0.0-local"


def answer(host: Host, method: str, path: str, body: bytes, *, base_url: str) -> HttpAnswer:
    """The answer to `method` on `path` (decoded, below /admin/); whoever asks has been found to be an administrator, or asks for a ping."""
    parts = tuple(part.lower() for part in path.strip("/").split("/"))
    match method.upper(), parts:
        case (("GET" | "POST"), ("host", "ping")):
            return HttpAnswer(status=200)
        case "GET", ("host", "status"):
            return _json(200, _status(host))
        case "POST", ("host", "drain"):
            host.drain()
            return HttpAnswer(status=202)
        case "GET", ("host", "drain", "status"):
            said = {"state": host.draining.value, "outstandingInvocations": host.outstanding, "outstandingRetries": 0}
            return _json(200, said)
        case "POST", ("host", "resume"):
            host.resume()
            return _json(200, {"state": "Running"})
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


def _status(host: Host) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": host_id(host),
        "state": "Running",
        "version": _VERSION,
        "versionDetails": _VERSION,
        "processUptime": int(host.uptime.total_seconds() * 1000),
        "functionAppContentEditingState": "Unknown",
    }
    if host.admitted.errors:
        said["errors"] = list(host.admitted.errors.values())
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
    """The host's id: the same for the same folder, as the real one is by default."""
    return hashlib.sha256(str(host.options.app_root.resolve()).encode()).hexdigest()[:32]

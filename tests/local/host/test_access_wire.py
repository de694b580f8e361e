"""Keys on the wire: what each opens, in a host that asks for them as Azure does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

APP = """
    import azure.functions as func

    app = func.FunctionApp()

    @app.route("plain")
    def plain(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("plain")

    @app.route("other")
    def other(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("other")

    @app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
    def anybody(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("open")

    @app.route("closed", auth_level=func.AuthLevel.ADMIN)
    def administrators(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("closed")

    @app.route("off")
    def off(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("off")
"""
OFF = {"AzureWebJobs.off.Disabled": "true"}
KEYS = {
    "masterKey": "master-key",
    "functionKeys": {"default": "host-key"},
    "systemKeys": {"x_extension": "system-key"},
    "functions": {"plain": {"a": "plain-key"}},
}


@pytest.fixture(scope="module")
def guarded(start_host: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_text(json.dumps(KEYS))
    return start_host(APP, "--auth", "--keys", str(path), environment={**OFF, "AzureWebJobsDisableHomepage": "1"})


@pytest.mark.parametrize(
    ("target", "key", "status"),
    [
        ("/api/open", None, 200),
        ("/api/open", "wrong", 200),
        ("/api/plain", None, 401),
        ("/api/plain", "wrong", 401),
        ("/api/plain", "plain-key", 200),
        ("/api/plain", "host-key", 200),
        ("/api/plain", "master-key", 200),
        ("/api/plain", "system-key", 401),  # a system key is for extensions' webhooks: it is no function key
        ("/api/other", "plain-key", 401),
        ("/api/other", "host-key", 200),
        ("/api/closed", "plain-key", 401),
        ("/api/closed", "host-key", 401),
        ("/api/closed", "system-key", 401),
        ("/api/closed", "master-key", 200),
        ("/api/off", None, 404),
        ("/api/off", "host-key", 404),
        ("/api/off", "master-key", 200),
        ("/admin/host/status", None, 401),
        ("/admin/host/status", "host-key", 401),
        ("/admin/host/status", "master-key", 200),
        ("/admin/functions", "system-key", 401),
        ("/admin/host/ping", None, 200),
    ],
)
def test_a_key_opens_what_it_is_for(guarded: Any, target: str, key: str | None, status: int) -> None:
    by_header = guarded.request("GET", target, headers={"x-functions-key": key} if key else None)
    by_query = guarded.request("GET", f"{target}?code={key}" if key else target)
    assert (by_header.status, by_query.status) == (status, status)
    assert status != 401 or by_header.body == by_query.body == b""


def test_the_header_wins_over_the_query(guarded: Any) -> None:
    assert guarded.request("GET", "/api/plain?code=master-key", headers={"x-functions-key": "wrong"}).status == 401
    assert guarded.request("GET", "/api/plain?code=wrong", headers={"x-functions-key": "master-key"}).status == 200


def test_without_a_home_page_the_root_is_empty(guarded: Any) -> None:
    reply = guarded.request("GET", "/")
    assert (reply.status, reply.body) == (204, b"")


def test_keys_from_a_file_are_not_shown(guarded: Any) -> None:
    assert "keys" not in guarded.said
    assert not any(key in guarded.log.read_text() for key in ("master-key", "host-key", "system-key", "plain-key"))


def test_without_a_file_keys_are_made_and_shown_once(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, "--auth")
    keys = host.said["keys"]
    assert host.request("GET", "/api/closed", headers={"x-functions-key": keys["masterKey"]}).status == 200
    assert host.request("GET", "/api/plain", headers={"x-functions-key": keys["functionKeys"]["default"]}).status == 200
    assert keys["masterKey"] not in host.log.read_text()


def test_without_auth_everybody_is_an_administrator(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, environment=OFF)
    answers = [host.request("GET", f"/api/{name}").status for name in ("open", "plain", "closed", "off")]
    assert answers == [200] * 4
    assert host.request("GET", "/admin/host/status").status == 200

"""HTTP through the whole host: its process, a worker process, and a small app that knows nothing of either."""

import contextlib
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

APP = """
    import json, logging, os
    import azure.functions as func

    app = func.FunctionApp()
    print("this line was printed while the app was imported")

    def answer(**facts):
        return func.HttpResponse(json.dumps(facts), mimetype="application/json")

    @app.route("echo/{id:int}/{*rest}")
    def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        logging.warning("echo was called")
        print("this line was printed by echo")
        return answer(method=req.method, url=req.url, headers=dict(req.headers), query=dict(req.params), route=dict(req.route_params),
                      body=req.get_body().decode(), directory=context.function_directory, hostname=os.environ["WEBSITE_HOSTNAME"],
                      environment=os.environ["AZURE_FUNCTIONS_ENVIRONMENT"])

    @app.route("raise")
    def fails(req: func.HttpRequest) -> func.HttpResponse:
        raise ValueError("on purpose")

    @app.route("header")
    def header(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("x", headers={"X-Bad": "a\\nb"})

    @app.route("text")
    def text(req: func.HttpRequest) -> str:
        return '{"body": {"a": 1}, "statusCode": 202}'

    @app.route("cookies")
    def cookies(req: func.HttpRequest) -> func.HttpResponse:
        answer = func.HttpResponse(status_code=204)
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    @app.route("orders/{id}", methods=["GET"])
    def a_item(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("item " + req.route_params["id"])

    @app.route("orders/stats", methods=["GET", "PUT"])
    def b_stats(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("stats")

    @app.route()
    def nameless(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("by its name")

    @app.route("wait")
    async def wait(req: func.HttpRequest) -> func.HttpResponse:
        open(req.params["in"], "w").close()
        while not os.path.exists(req.params["for"]):
            await __import__("asyncio").sleep(0.01)
        open(req.params["in"] + ".out", "w").close()
        return answer(pid=os.getpid())

    @app.route("admin_page")
    def dropped(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("never")
"""
LIMIT = 104_857_600


@pytest.fixture(scope="module")
def host(start_host: Callable[..., Any]) -> Any:
    return start_host(APP)


def test_the_first_line_says_where_it_is_and_what_runs(host: Any) -> None:
    assert host.said["url"].startswith("http://127.0.0.1:")
    assert host.said["functions"] == sorted(["a_item", "b_stats", "cookies", "echo", "fails", "header", "nameless", "text", "wait"])
    assert list(host.said["errors"]) == ["dropped"]
    assert host.said["pids"] == host.pids


def test_a_function_sees_what_the_real_host_would_show_it(host: Any) -> None:
    target = "/API/Echo/7/a%20b%2Fc?x=1&x=2&empty=&y=%20z&code=secret-code"
    reply = host.request("POST", target, b"h\xc3\xa9", {"X-Thing": "1", "Content-Type": "text/plain"})
    seen = reply.json()
    assert reply.status == 200
    assert (seen["method"], seen["body"]) == ("POST", "hé")
    assert seen["url"] == host.said["url"] + target
    assert seen["query"] == {"x": "1,2", "y": " z", "code": "secret-code"}
    assert seen["route"] == {"id": "7", "rest": "a b%2Fc"}
    assert seen["headers"].items() >= {"x-thing": "1", "content-type": "text/plain", "content-length": "3"}.items()
    assert (seen["directory"], seen["environment"]) == (str(host.root), "Development")
    assert seen["hostname"] == f"localhost:{host.address[1]}"


def test_a_repeated_header_comes_joined(host: Any) -> None:
    answered = spoken(host, b"GET /api/echo/1/ HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["headers"]["x-a"] == "1,2"


def spoken(host: Any, request: bytes) -> bytes:
    with socket.create_connection(host.address, timeout=60) as wire:
        wire.sendall(request)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def test_only_cookies_come_back_twice(host: Any) -> None:
    reply = host.request("GET", "/api/cookies")
    assert [value for name, value in reply.headers if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_plain_text_that_is_an_object_with_a_body_is_read_as_a_response(host: Any) -> None:
    reply = host.request("GET", "/api/text")
    assert (reply.status, reply.json()) == (202, {"a": 1})


# ------------------------------------------------------------------------------------------------------------------------------- routes


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/api/orders/stats", b"item stats"),  # no precedence: a_item is asked before b_stats
        ("GET", "/api/orders/a%0Ab%0D", b"item a\nb\r"),  # what stands between two slashes may be anything
        ("PUT", "/api/orders/stats", b"stats"),  # a_item does not take PUT, which is no match
        ("GET", "/api/nameless", b"by its name"),
        ("DELETE", "/api/nameless", b"by its name"),
    ],
)
def test_the_first_function_by_name_that_takes_the_path_and_the_method_answers(host: Any, method: str, target: str, body: bytes) -> None:
    assert host.request(method, target).body == body


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/echo/x/"),
        ("GET", "/api/nothing"),
        ("GET", "/echo/1/"),
        ("POST", "/"),
        ("GET", "/api/admin_page"),
        ("DELETE", "/api/orders/stats"),
        ("POST", "/api/orders/5"),
    ],
)
def test_what_no_function_takes_is_not_found(host: Any, method: str, target: str) -> None:
    reply = host.request(method, target)
    assert (reply.status, reply.body) == (404, b"")


def test_the_root_is_a_home_page(host: Any) -> None:
    reply = host.request("GET", "/")
    assert (reply.status, dict(reply.headers)["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_function_may_take_the_root_but_not_what_is_the_hosts_own(start_host: Callable[..., Any]) -> None:
    source = """
        import azure.functions as func
        app = func.FunctionApp()

        @app.route("{*rest}")
        def everything(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse("mine " + req.route_params.get("rest", "-"))
    """
    host = start_host(source, host_json={"extensions": {"http": {"routePrefix": ""}}})
    assert host.request("GET", "/").body == b"mine -"
    assert host.request("POST", "/a/b/").body == b"mine a/b/"
    assert host.request("GET", "/admin/host/status").json()["state"] == "Running"


# ------------------------------------------------------------------------------------------------------------------------------- bodies


def test_a_chunked_body_arrives_empty(host: Any) -> None:
    reply = host.request("POST", "/api/echo/1/", iter([b"some", b"thing"]), {"Transfer-Encoding": "chunked"})
    assert reply.json()["body"] == ""


def test_a_body_of_a_megabyte_arrives_whole(host: Any) -> None:
    reply = host.request("POST", "/api/echo/1/", b"x" * 1_500_000)
    assert len(reply.json()["body"]) == 1_500_000


@pytest.mark.parametrize("length", [LIMIT + 1, 99_999_999_999])
def test_a_body_over_the_limit_is_refused_before_it_is_read(host: Any, length: int) -> None:
    assert status_of_a_body(host, length) == 413


def status_of_a_body(host: Any, length: int) -> int:
    """What is answered to a request that only announces its body."""
    with socket.create_connection(host.address, timeout=60) as wire:
        wire.sendall(f"POST /api/echo/1/ HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        return int(wire.recv(65536).split()[1])


def test_the_limit_of_bodies_is_a_setting(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, environment={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"})
    assert host.request("POST", "/api/echo/1/", b"x" * 1000).status == 200
    assert status_of_a_body(host, 1001) == 413


def test_a_limit_that_is_no_number_is_refused(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, environment={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "much"}, ready=False)
    assert "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT" in host.said["error"]


@pytest.mark.parametrize(("length", "status"), [(4096, 200), (4097, 414), (9000, 414)])
def test_a_url_has_at_most_four_kilobytes(host: Any, length: int, status: int) -> None:
    target = "/api/echo/1/?x="
    assert host.request("GET", target + "y" * (length - len(target))).status == status


# ----------------------------------------------------------------------------------------------------------------------------- failures


def test_an_exception_is_a_500_with_nothing_in_it(host: Any) -> None:
    reply = host.request("GET", "/api/raise")
    assert (reply.status, reply.body) == (500, b"")
    assert "ValueError: on purpose" in host.events("function_failed")[-1]["trace"]


def test_a_header_that_cannot_be_sent_is_a_500(host: Any) -> None:
    assert host.request("GET", "/api/header").status == 500


def test_a_caller_that_goes_away_does_not_end_the_function(host: Any, wait_until: Callable[..., bool]) -> None:
    inside, gate = host.root / "left", host.root / "left-gate"
    with socket.create_connection(host.address, timeout=60) as wire:
        wire.sendall(f"GET /api/wait?in={inside}&for={gate} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert wait_until(inside.exists)
    gate.touch()
    assert wait_until((host.root / "left.out").exists)


def test_what_the_app_logs_and_prints_is_in_the_log_and_no_secret_is(host: Any, wait_until: Callable[..., bool]) -> None:
    host.request("POST", "/api/echo/1/?code=secret-query", b"secret-body", {"x-functions-key": "secret-key", "X-Other": "secret-header"})
    assert wait_until(lambda: bool(host.events("app_log")))
    said = host.events("app_log")[-1]
    assert (said["level"], said["message"], said["function"]) == ("warning", "echo was called", "echo")
    succeeded = {event["invocation"] for event in host.events("function_succeeded")}
    assert said["invocation"] in succeeded
    wanted = {"this line was printed by echo", "this line was printed while the app was imported"}
    assert wait_until(lambda: {event["text"] for event in host.events("app_output")} >= wanted)
    assert "secret" not in host.log.read_text()


# ----------------------------------------------------------------------------------------------------------------------------- throttle


def test_more_requests_than_host_json_allows_are_turned_away(start_host: Callable[..., Any], wait_until: Callable[..., bool]) -> None:
    host = start_host(APP, host_json={"extensions": {"http": {"maxOutstandingRequests": 1}}})
    gate, inside = host.root / "gate", host.root / "in"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.request, "GET", f"/api/wait?in={inside}&for={gate}")
        assert wait_until(inside.exists)
        turned_away = host.request("GET", "/api/nameless")
        assert (turned_away.status, dict(turned_away.headers)["X-FUNCTION-SCALEOUT"]) == (429, "1")
        assert host.request("GET", "/admin/host/ping").status == 200
        gate.touch()
        assert waiting.result().status == 200
    assert host.request("GET", "/api/nameless").status == 200


def test_more_requests_than_may_run_at_once_wait_their_turn(start_host: Callable[..., Any], wait_until: Callable[..., bool]) -> None:
    host = start_host(APP, host_json={"extensions": {"http": {"maxConcurrentRequests": 2, "maxOutstandingRequests": 3}}})
    gate, inside = host.root / "gate", [host.root / name for name in "abcd"]
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(host.request, "GET", f"/api/wait?in={place}&for={gate}") for place in inside]
        # Two are let in, one waits outside, and whichever came last is the first to be answered.
        refused = next(as_completed(calls))
        assert refused.result().status == 429
        assert wait_until(lambda: sum(place.exists() for place in inside) == 2)
        assert host.request("GET", "/admin/host/ping").status == 200
        assert sum(place.exists() for place in inside) == 2, "a third came in while two were"
        gate.touch()
        assert [call.result().status for call in calls if call is not refused] == [200] * 3


# ----------------------------------------------------------------------------------------------------------------------- what it is given


@pytest.mark.parametrize(
    ("source", "host_json", "why"),
    [
        ("import nowhere_at_all", {}, "nowhere_at_all"),
        ("x = 1", {}, "no top-level function app"),
        ("import sys; sys.exit(4)", {}, "ended while it loaded the app (exit code 4)"),
        (APP.replace('"raise"', '"a//b"'), {}, "cannot appear consecutively"),
        (APP, {"version": "1.0"}, "2.0"),
        (APP, {"functionTimeout": "00:00:00"}, "functionTimeout"),
    ],
)
def test_an_app_that_cannot_run_is_reported_and_the_host_ends(
    start_host: Callable[..., Any], source: str, host_json: dict[str, str], why: str
) -> None:
    host = start_host(source, host_json=host_json, ready=False)
    assert why in host.said["error"]
    assert host.process.wait(60) == 1


def test_local_settings_reach_the_app_and_the_hook_runs_before_it(start_host: Callable[..., Any]) -> None:
    source = """
        import os
        import azure.functions as func
        import hook
        app = func.FunctionApp()
        assert hook.seen, "the hook must come first"

        @app.route("seen")
        def seen(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse(f"{hook.seen[0].speed:g} {os.environ['FROM_FILE']} {os.environ['FROM_BOTH']}")
    """
    settings = json.dumps(
        {"Values": {"FROM_FILE": "file", "FROM_BOTH": "file", "AzureFunctionsJobHost__extensions__http__routePrefix": "x"}}
    )
    files = {"hook.py": "seen = []\ndef install(world):\n    seen.append(world)\n", "local.settings.json": settings}
    host = start_host(source, "--before", "hook:install", "--world", "60@5/7", files=files, environment={"FROM_BOTH": "machine"})
    assert host.request("GET", "/x/seen").body == b"60 file machine"


def test_a_port_that_is_taken_is_reported(start_host: Callable[..., Any]) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        settings = json.dumps({"Host": {"LocalHttpPort": port}})
        host = start_host(APP, files={"local.settings.json": settings}, port=None, ready=False)
    assert "in use" in host.said["error"]

"""HTTP through the whole host: its process, a worker process, and a small app that knows nothing of either."""

import contextlib
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.worldtime import WorldTime

APP = """
    import json, logging, os, threading, time
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

    @app.route("pid")
    def pid(req: func.HttpRequest) -> func.HttpResponse:
        return answer(pid=os.getpid())

    @app.route("header")
    def header(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("x", headers={"X-Bad": "a\\nb"})

    @app.route("wait")
    async def wait(req: func.HttpRequest) -> func.HttpResponse:
        open(req.params["in"], "w").close()
        while not os.path.exists(req.params["for"]):
            await __import__("asyncio").sleep(0.01)
        return answer(pid=os.getpid())

    @app.route("ended")
    def ended(req: func.HttpRequest) -> func.HttpResponse:
        os._exit(3)

    @app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
    def anybody(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("open")

    @app.route("closed", auth_level=func.AuthLevel.ADMIN)
    def administrators(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("closed")

    @app.route("off")
    def off(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("off")

    @app.timer_trigger("timer", "0 0 0 1 1 *")
    def by_hand(timer: func.TimerRequest) -> None:
        logging.warning("by_hand ran, past due: %s", timer.past_due)

    @app.route("admin_page")
    def dropped(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("never")
"""
OFF = {"AzureWebJobs.off.Disabled": "true"}
FAST = f"--world={WorldTime.starting_now(6000)}"  # what the host waits for by the world's clock, it waits for shortly


@pytest.fixture(scope="module")
def host(start_host: Callable[..., Any]) -> Any:
    return start_host(APP, FAST, "--workers", "2", environment=OFF)


def test_the_first_line_says_where_it_is_and_what_runs(host: Any) -> None:
    assert host.said["url"].startswith("http://127.0.0.1:")
    assert host.said["functions"] == sorted(
        ["administrators", "anybody", "by_hand", "echo", "ended", "fails", "header", "off", "pid", "wait"]
    )
    assert list(host.said["errors"]) == ["dropped"]
    assert len(set(host.pids)) == 2


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
    with socket.create_connection(host.address, timeout=15) as wire:
        wire.sendall(b"GET /api/echo/1/ HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
        answered = b"".join(iter(lambda: wire.recv(65536), b""))
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["headers"]["x-a"] == "1,2"


def test_a_chunked_body_arrives_empty(host: Any) -> None:
    reply = host.request("POST", "/api/echo/1/", iter([b"some", b"thing"]), {"Transfer-Encoding": "chunked"})
    assert reply.json()["body"] == ""


def test_a_body_of_a_megabyte_arrives_whole(host: Any) -> None:
    reply = host.request("POST", "/api/echo/1/", b"x" * 1_500_000)
    assert len(reply.json()["body"]) == 1_500_000


@pytest.mark.parametrize(("length", "status"), [(104_857_601, 413), (99_999_999_999, 413)])
def test_a_body_over_the_limit_is_refused_before_it_is_read(host: Any, length: int, status: int) -> None:
    with socket.create_connection(host.address, timeout=15) as wire:
        wire.sendall(f"POST /api/echo/1/ HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert wire.recv(65536).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/api/echo/x/"), ("GET", "/api/nothing"), ("GET", "/echo/1/"), ("POST", "/"), ("GET", "/api/admin_page")]
)
def test_what_no_function_takes_is_not_found(host: Any, method: str, target: str) -> None:
    reply = host.request(method, target)
    assert (reply.status, reply.body) == (404, b"")


def test_an_exception_is_a_500_with_nothing_in_it(host: Any) -> None:
    reply = host.request("GET", "/api/raise")
    assert (reply.status, reply.body) == (500, b"")
    assert "ValueError: on purpose" in host.events("function_failed")[-1]["trace"]


def test_a_header_that_cannot_be_sent_is_a_500(host: Any) -> None:
    assert host.request("GET", "/api/header").status == 500


def test_the_root_is_a_home_page(host: Any) -> None:
    reply = host.request("GET", "/")
    assert (reply.status, dict(reply.headers)["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_the_workers_take_turns(host: Any) -> None:
    assert {host.request("GET", "/api/pid").json()["pid"] for _ in range(4)} == set(host.pids)


def test_what_the_app_logs_and_prints_is_in_the_log_and_no_secret_is(host: Any, wait_until: Callable[..., bool]) -> None:
    host.request("POST", "/api/echo/1/?code=secret-query", b"secret-body", {"x-functions-key": "secret-key", "X-Other": "secret-header"})
    assert wait_until(lambda: bool(host.events("app_log")))
    said = host.events("app_log")[-1]
    assert (said["level"], said["message"], said["function"]) == ("warning", "echo was called", "echo")
    succeeded = {event["invocation"] for event in host.events("function_succeeded")}
    assert said["invocation"] in succeeded
    printed = {event["text"] for event in host.events("app_output")}
    assert printed >= {"this line was printed by echo", "this line was printed while the app was imported"}
    assert "secret" not in host.log.read_text()


def test_a_worker_that_ends_fails_what_it_did_and_is_replaced(host: Any, wait_until: Callable[..., bool]) -> None:
    started = len(host.events("worker_started"))
    assert host.request("GET", "/api/ended").status == 500
    assert wait_until(lambda: len(host.events("worker_started")) == started + 1)
    assert wait_until(lambda: len({host.request("GET", "/api/pid").json()["pid"] for _ in range(4)}) == 2)


# ------------------------------------------------------------------------------------------------------------------------- administration


def test_the_status_names_what_could_not_run(host: Any) -> None:
    status = host.request("GET", "/admin/host/status").json()
    assert status["state"] == "Running"
    assert len(status["errors"]) == 1
    assert "built in routes" in status["errors"][0]
    assert status["processUptime"] > 0


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "ping", 200), ("POST", "ping", 200), ("PUT", "ping", 404), ("GET", "nothing", 404)]
)
def test_the_host_answers_a_ping(host: Any, method: str, target: str, status: int) -> None:
    assert host.request(method, f"/admin/host/{target}").status == status


def test_functions_are_listed_with_their_bindings(host: Any) -> None:
    listed = {function["name"]: function for function in host.request("GET", "/admin/functions").json()}
    assert sorted(listed) == host.said["functions"]
    assert listed["echo"]["invoke_url_template"] == f"{host.said['url']}/api/echo/{{id:int}}/{{*rest}}"
    assert host.request("GET", "/admin/functions/ECHO").json() == listed["echo"]
    assert [name for name, function in listed.items() if function["isDisabled"]] == ["off"]
    assert host.request("GET", "/admin/functions/nothing").status == 404


def test_a_function_is_started_by_hand(host: Any, wait_until: Callable[..., bool]) -> None:
    assert host.request("POST", "/admin/functions/by_hand", b'{"input": "now"}').status == 202
    assert wait_until(lambda: any(event["message"] == "by_hand ran, past due: False" for event in host.events("app_log")))


@pytest.mark.parametrize(
    ("target", "body", "status"), [("by_hand", b"", 400), ("by_hand", b"[]", 400), ("by_hand", b"{", 400), ("nothing", b"{}", 404)]
)
def test_a_start_by_hand_needs_a_function_and_a_body(host: Any, target: str, body: bytes, status: int) -> None:
    assert host.request("POST", f"/admin/functions/{target}", body).status == status


def test_a_drained_host_still_answers_and_takes_work_again(host: Any, wait_until: Callable[..., bool]) -> None:
    def draining() -> str:
        return str(host.request("GET", "/admin/host/drain/status").json()["state"])

    assert draining() == "Disabled"
    assert host.request("POST", "/admin/host/drain").status == 202
    assert wait_until(lambda: draining() == "Completed")
    assert host.request("GET", "/api/open").status == 200
    assert host.request("POST", "/admin/host/resume").json() == {"state": "Running"}
    assert draining() == "Disabled"


# --------------------------------------------------------------------------------------------------------------------------------- keys


@pytest.fixture(scope="module")
def guarded(start_host: Callable[..., Any]) -> Any:
    environment = {**OFF, "AzureWebJobsDisableHomepage": "1"}
    return start_host(APP, "--auth", environment=environment, host_json={"extensions": {"http": {"maxOutstandingRequests": 1}}})


@pytest.mark.parametrize(
    ("target", "key", "status"),
    [
        ("/api/open", None, 200),
        ("/api/pid", None, 401),
        ("/api/pid", "wrong", 401),
        ("/api/pid", "function", 200),
        ("/api/pid", "master", 200),
        ("/api/closed", "function", 401),
        ("/api/closed", "master", 200),
        ("/api/off", "function", 404),
        ("/api/off", "master", 200),
        ("/admin/host/status", None, 401),
        ("/admin/host/status", "function", 401),
        ("/admin/host/status", "master", 200),
        ("/admin/host/ping", None, 200),
    ],
)
def test_a_key_opens_what_its_level_allows(guarded: Any, target: str, key: str | None, status: int) -> None:
    keys = {"master": guarded.said["keys"]["masterKey"], "function": guarded.said["keys"]["functionKeys"]["default"]}
    value = keys.get(key or "", key)
    by_header = guarded.request("GET", target, headers={"x-functions-key": value} if value else None)
    by_query = guarded.request("GET", f"{target}?code={value}" if value else target)
    assert (by_header.status, by_query.status) == (status, status)
    assert status != 401 or by_header.body == b""


def test_the_header_wins_over_the_query(guarded: Any) -> None:
    good = guarded.said["keys"]["masterKey"]
    assert guarded.request("GET", f"/api/pid?code={good}", headers={"x-functions-key": "wrong"}).status == 401
    assert guarded.request("GET", "/api/pid?code=wrong", headers={"x-functions-key": good}).status == 200


def test_without_a_home_page_the_root_is_empty(guarded: Any) -> None:
    assert guarded.request("GET", "/").status == 204


def test_more_requests_than_host_json_allows_are_turned_away(guarded: Any, wait_until: Callable[..., bool]) -> None:
    key = {"x-functions-key": guarded.said["keys"]["masterKey"]}
    gate, inside = guarded.root / "gate", guarded.root / "in"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(guarded.request, "GET", f"/api/wait?in={inside}&for={gate}", headers=key)
        assert wait_until(inside.exists)
        assert guarded.request("GET", "/api/open").status == 429
        gate.touch()
        assert waiting.result().status == 200
    assert guarded.request("GET", "/api/open").status == 200


def test_keys_may_come_from_a_file_and_are_then_not_shown(start_host: Callable[..., Any], tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"masterKey": "mmm", "functions": {"pid": {"default": "fff"}}}))
    host = start_host(APP, "--auth", "--keys", str(path))
    assert "keys" not in host.said
    assert host.request("GET", "/api/pid?code=fff").status == 200
    assert host.request("GET", "/api/echo/1/?code=fff").status == 401


# -------------------------------------------------------------------------------------------------------------------- time-outs and ends


SLOW = """
    import os, signal, time
    import azure.functions as func
    app = func.FunctionApp()

    @app.route("pid")
    def pid(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(str(os.getpid()))

    @app.route("wait")
    def wait(req: func.HttpRequest) -> func.HttpResponse:
        open(req.params["in"], "w").close()
        while not os.path.exists(req.params["for"]):
            time.sleep(0.01)
        return func.HttpResponse("waited")
"""


def test_a_function_that_takes_too_long_takes_its_worker_with_it(start_host: Callable[..., Any], tmp_path: Any) -> None:
    host = start_host(SLOW, host_json={"functionTimeout": "00:00:02"})
    before = host.request("GET", "/api/pid").body
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / name}&for={tmp_path / 'never'}") for name in "ab"]
        assert [call.result().status for call in both] == [500, 500]
    after = host.request("GET", "/api/pid")
    assert (after.status, after.body == before) == (200, False)
    assert len(host.events("worker_started")) == 2


def test_asked_to_end_the_host_finishes_what_is_under_way(
    start_host: Callable[..., Any], tmp_path: Any, wait_until: Callable[..., bool], has_ended: Callable[[int], bool]
) -> None:
    host = start_host(SLOW)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / 'in'}&for={tmp_path / 'gate'}")
        assert wait_until((tmp_path / "in").exists)
        host.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: refused(host.address))
        (tmp_path / "gate").touch()
        assert waiting.result().body == b"waited"
    assert host.process.wait(20) == 0
    assert all(has_ended(pid) for pid in host.pids)


def refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_killed_host_takes_its_workers_with_it(
    start_host: Callable[..., Any], wait_until: Callable[..., bool], has_ended: Callable[[int], bool]
) -> None:
    host = start_host(SLOW, "--workers", "2")
    host.kill()
    assert wait_until(lambda: all(has_ended(pid) for pid in host.pids))


def test_workers_that_keep_ending_end_the_host(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, FAST)
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        while host.process.poll() is None:
            host.request("GET", "/api/ended")
    assert host.process.wait(20) == 1
    assert len(host.events("host_gives_up")) == 1
    assert len(host.events("worker_ended")) == 3


@pytest.mark.parametrize(
    ("source", "host_json", "why"),
    [
        ("import nowhere_at_all", {}, "nowhere_at_all"),
        ("x = 1", {}, "no top-level function app"),
        ("import sys; sys.exit(4)", {}, "ended while it loaded the app (exit code 4)"),
        (SLOW.replace('"pid"', '"a//b"'), {}, "cannot appear consecutively"),
        (SLOW, {"version": "1.0"}, "2.0"),
    ],
)
def test_an_app_that_cannot_run_is_reported_and_the_host_ends(
    start_host: Callable[..., Any], source: str, host_json: dict[str, str], why: str
) -> None:
    host = start_host(source, host_json=host_json, ready=False)
    assert why in host.said["error"]
    assert host.process.wait(20) == 1


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


def test_threads_of_a_worker_are_as_many_as_asked_for(
    start_host: Callable[..., Any], tmp_path: Any, wait_until: Callable[..., bool]
) -> None:
    host = start_host(SLOW, environment={"PYTHON_THREADPOOL_THREAD_COUNT": "2"})
    gate = tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / name}&for={gate}") for name in "abc"]
        assert wait_until(lambda: sum((tmp_path / name).exists() for name in "abc") == 2)
        settled = threading.Event()
        assert not settled.wait(0.1)
        assert sum((tmp_path / name).exists() for name in "abc") == 2
        gate.touch()
        assert [call.result().status for call in waiting] == [200] * 3

"""The host's own endpoints under /admin: status, functions, starting one by hand, draining, and being restarted."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.worldtime import WorldTime

APP = """
    import logging, os, time
    import azure.functions as func

    app = func.FunctionApp()

    @app.route("echo/{id:int}/{*rest}", methods=["PUT", "POST"])
    def echo(req: func.HttpRequest) -> func.HttpResponse:
        logging.warning("echo got %s by %s", req.get_body().decode(), req.method)
        return func.HttpResponse(str(os.getpid()))

    @app.route("wait")
    def wait(req: func.HttpRequest) -> func.HttpResponse:
        open(req.params["in"], "w").close()
        while not os.path.exists(req.params["for"]):
            time.sleep(0.01)
        return func.HttpResponse("waited")

    @app.route("off")
    def off(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("off")

    @app.timer_trigger("timer", "0 0 0 1 1 *")
    def by_hand(timer: func.TimerRequest) -> None:
        logging.warning("by_hand ran, past due: %s", timer.past_due)

    @app.timer_trigger("timer", "0 0 0 1 1 *", run_on_startup=True)
    @app.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="10:00:00")
    def failing(timer: func.TimerRequest) -> None:
        raise RuntimeError("on purpose")

    @app.route("admin_page")
    def dropped(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("never")
"""
SETTINGS = {"AzureWebJobs.off.Disabled": "true", "AzureWebJobs.failing.Disabled": "true"}
Until = Callable[..., bool]


@pytest.fixture(scope="module")
def host(start_host: Callable[..., Any]) -> Any:
    return start_host(APP, environment=SETTINGS)


def test_the_status_names_what_could_not_run(host: Any) -> None:
    status = host.request("GET", "/admin/host/status").json()
    assert status["state"] == "Running"
    assert len(status["errors"]) == 1
    assert "built in routes" in status["errors"][0]
    assert status["processUptime"] > 0
    assert status.keys() >= {"id", "version", "versionDetails", "functionAppContentEditingState"}


def test_the_id_is_the_same_for_the_same_folder_and_may_be_set(host: Any, start_host: Callable[..., Any]) -> None:
    def identity(host: Any) -> str:
        return str(host.request("GET", "/admin/host/status").json()["id"])

    again = start_host(root=host.root)
    named = start_host(root=host.root, environment={"AzureFunctionsWebHost__hostid": "Mine"})
    assert identity(again) == identity(host)
    assert 1 <= len(identity(host)) <= 32
    assert identity(named) == "mine"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "host/ping", 200),
        ("POST", "host/ping", 200),
        ("PUT", "host/ping", 404),
        ("GET", "host/nothing", 404),
        ("GET", "host/restart", 404),
        ("GET", "", 404),
        ("DELETE", "functions/echo", 404),
    ],
)
def test_what_is_no_endpoint_of_the_host_is_not_found(host: Any, method: str, target: str, status: int) -> None:
    assert host.request(method, f"/admin/{target}").status == status


def test_functions_are_listed_with_their_bindings(host: Any) -> None:
    listed = {function["name"]: function for function in host.request("GET", "/admin/functions").json()}
    assert sorted(listed) == host.said["functions"]
    assert listed["echo"]["invoke_url_template"] == f"{host.said['url']}/api/echo/{{id:int}}/{{*rest}}"
    assert host.request("GET", "/admin/functions/ECHO").json() == listed["echo"]
    assert [name for name, function in listed.items() if function["isDisabled"]] == ["failing", "off"]
    assert host.request("GET", "/admin/functions/nothing").status == 404


@pytest.mark.parametrize(("name", "status"), [("off", {"isDisabled": True}), ("echo", {"isDisabled": False})])
def test_a_function_says_whether_it_is_disabled(host: Any, name: str, status: dict[str, bool]) -> None:
    assert host.request("GET", f"/admin/functions/{name}/status").json() == status
    assert host.request("GET", "/admin/functions/nothing/status").status == 404


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("by_hand", "now", "by_hand ran, past due: False"),
        ("BY_HAND", None, "by_hand ran, past due: False"),
        ("echo", "hé", "echo got hé by POST"),
    ],
)
def test_a_function_is_started_by_hand(host: Any, wait_until: Until, name: str, given: str | None, said: str) -> None:
    before = sum(event["message"] == said for event in host.events("app_log"))
    assert host.request("POST", f"/admin/functions/{name}", json.dumps({"input": given}).encode()).status == 202
    assert wait_until(lambda: sum(event["message"] == said for event in host.events("app_log")) == before + 1)


@pytest.mark.parametrize(
    ("target", "body", "status"), [("by_hand", b"", 400), ("by_hand", b"[]", 400), ("by_hand", b"{", 400), ("nothing", b"{}", 404)]
)
def test_a_start_by_hand_needs_a_function_and_a_body(host: Any, target: str, body: bytes, status: int) -> None:
    assert host.request("POST", f"/admin/functions/{target}", body).status == status


def test_there_is_no_platform_to_tell_of_triggers(host: Any) -> None:
    reply = host.request("POST", "/admin/host/synctriggers")
    assert (reply.status, reply.json()) == (500, {"status": "Invalid environment for SyncTriggers operation."})


# -------------------------------------------------------------------------------------------------------------------- drain and resume


def drained(host: Any) -> dict[str, Any]:
    said: dict[str, Any] = host.request("GET", "/admin/host/drain/status").json()
    return said


def test_a_drained_host_still_answers_and_says_what_is_outstanding(start_host: Callable[..., Any], wait_until: Until) -> None:
    host = start_host(APP, environment=SETTINGS)
    assert drained(host) == {"state": "Disabled", "outstandingInvocations": 0, "outstandingRetries": 0}
    inside, gate = host.root / "in", host.root / "gate"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.request, "GET", f"/api/wait?in={inside}&for={gate}")
        assert wait_until(inside.exists)
        assert host.request("POST", "/admin/host/drain").status == 202
        assert drained(host) == {"state": "InProgress", "outstandingInvocations": 1, "outstandingRetries": 0}
        gate.touch()
        assert waiting.result().status == 200
    assert wait_until(lambda: drained(host)["state"] == "Completed")
    assert host.request("POST", "/api/echo/1/").status == 200


def test_a_host_is_resumed_by_a_restart_and_only_where_it_was_drained(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, environment=SETTINGS)
    before = host.pids
    assert host.request("POST", "/admin/host/resume").json() == {"state": "Running"}
    assert host.pids == before
    host.request("POST", "/admin/host/drain")
    assert host.request("POST", "/admin/host/resume").json() == {"state": "Running"}
    assert drained(host)["state"] == "Disabled"
    assert not set(host.pids) & set(before)


def test_a_function_that_waits_for_its_next_attempt_is_counted_and_let_go(start_host: Callable[..., Any], wait_until: Until) -> None:
    host = start_host(APP)
    assert wait_until(lambda: drained(host)["outstandingRetries"] == 1)
    assert drained(host)["outstandingInvocations"] == 0
    host.request("POST", "/admin/host/drain")
    assert wait_until(lambda: drained(host) == {"state": "Completed", "outstandingInvocations": 0, "outstandingRetries": 0})
    assert len(host.events("function_failed")) == 1


# ----------------------------------------------------------------------------------------------------------------------------- restart


def test_a_restart_takes_what_the_folder_says_now_and_finishes_what_is_under_way(start_host: Callable[..., Any], wait_until: Until) -> None:
    host = start_host(APP, environment=SETTINGS)
    before = host.pids
    inside, gate = host.root / "in", host.root / "gate"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.request, "GET", f"/api/wait?in={inside}&for={gate}")
        assert wait_until(inside.exists)
        (host.root / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": "v2"}}}))
        assert host.request("POST", "/admin/host/restart").status == 200
        assert host.request("GET", "/admin/host/status").json()["state"] == "Starting"
        later = pool.submit(host.request, "POST", "/v2/echo/1/")
        gate.touch()
        assert waiting.result().body == b"waited"
        reply = later.result()  # it came while nobody could serve it, and was kept waiting
    assert reply.status == 200
    assert int(reply.body) not in before
    assert host.request("POST", "/api/echo/1/").status == 404


def test_a_restart_into_an_app_that_cannot_run_says_so_until_the_next(start_host: Callable[..., Any], wait_until: Until) -> None:
    host = start_host(APP, environment=SETTINGS)

    def state() -> str:
        return str(host.request("GET", "/admin/host/status").json()["state"])

    whole = (host.root / "function_app.py").read_text()
    (host.root / "function_app.py").write_text("import nowhere_at_all")
    host.request("POST", "/admin/host/restart")
    assert wait_until(lambda: state() == "Error")
    reply = host.request("POST", "/api/echo/1/")
    assert (reply.status, reply.body) == (503, b"Function host is not running.")
    assert "nowhere_at_all" in host.request("GET", "/admin/host/status").json()["errors"][0]
    assert host.request("GET", "/admin/host/ping").status == 200
    assert host.request("POST", "/admin/host/resume").status == 409
    (host.root / "function_app.py").write_text(whole)
    host.request("POST", "/admin/host/restart")
    assert wait_until(lambda: state() == "Running")
    assert host.request("POST", "/api/echo/1/").status == 200


def test_a_host_asked_to_end_during_a_restart_ends(
    start_host: Callable[..., Any], wait_until: Until, has_ended: Callable[[int], bool]
) -> None:
    host = start_host(APP, f"--world={WorldTime.starting_now(60)}", environment=SETTINGS)
    before = host.pids
    host.request("POST", "/admin/host/restart")
    assert host.stop() == 0
    assert wait_until(lambda: all(has_ended(pid) for pid in before))

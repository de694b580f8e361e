"""Worker processes: taking turns, replaced when they end, killed when they take too long, and all gone when the host ends."""

import contextlib
import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.worldtime import WorldTime

APP = """
    import asyncio, os, time
    import azure.functions as func
    app = func.FunctionApp()
    calls = 0

    @app.route("pid")
    def pid(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(str(os.getpid()))

    @app.route("count")
    async def counted(req: func.HttpRequest) -> func.HttpResponse:
        global calls
        calls += 1
        return func.HttpResponse(str(calls))

    @app.route("wait")
    def wait(req: func.HttpRequest) -> func.HttpResponse:
        open(req.params["in"], "w").close()
        while not os.path.exists(req.params["for"]):
            time.sleep(0.01)
        return func.HttpResponse("waited")

    @app.route("ended")
    def ended(req: func.HttpRequest) -> func.HttpResponse:
        os._exit(3)
"""
FAST = f"--world={WorldTime.starting_now(6000)}"  # what the host waits for by the world's clock, it waits for shortly
StartHost = Callable[..., Any]
Until = Callable[..., bool]


def test_processes_take_turns_and_share_nothing(start_host: StartHost) -> None:
    host = start_host(APP, FAST, "--workers", "3")
    pids = host.workers(3)
    assert [int(host.request("GET", "/api/pid").body) for _ in range(6)] in [pids[turn:] + pids + pids[:turn] for turn in range(3)]
    assert [host.request("GET", "/api/count").body for _ in range(6)] == [b"1", b"1", b"1", b"2", b"2", b"2"]


def test_the_number_of_processes_is_a_setting_and_those_after_the_first_come_one_by_one(start_host: StartHost, wait_until: Until) -> None:
    host = start_host(APP, f"--world={WorldTime.starting_now(4)}", environment={"FUNCTIONS_WORKER_PROCESS_COUNT": "2"})
    assert len(host.said["pids"]) == 1
    assert host.request("GET", "/api/pid").body == str(host.said["pids"][0]).encode()
    assert wait_until(lambda: len(host.events("worker_started")) == 2)
    first, second = (datetime.fromisoformat(event["at"]) for event in host.events("worker_started"))
    assert second - first >= timedelta(seconds=2.5)  # ten seconds of the world


@pytest.mark.parametrize("number", ["0", "11", "many"])
def test_a_number_of_processes_that_the_host_does_not_take_is_refused(start_host: StartHost, number: str) -> None:
    host = start_host(APP, environment={"FUNCTIONS_WORKER_PROCESS_COUNT": number}, ready=False)
    assert "FUNCTIONS_WORKER_PROCESS_COUNT" in host.said["error"]


def test_a_worker_that_ends_fails_what_it_did_and_is_replaced(start_host: StartHost, tmp_path: Any, wait_until: Until) -> None:
    host = start_host(APP, FAST, "--workers", "2")
    before = set(host.workers(2))
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / name}&for={tmp_path / 'gate'}") for name in "ab"]
        assert wait_until(lambda: all((tmp_path / name).exists() for name in "ab"))
        assert host.request("GET", "/api/ended").status == 500
        assert wait_until(lambda: any(call.done() for call in waiting))
        (tmp_path / "gate").touch()
        assert sorted(call.result().status for call in waiting) == [200, 500]  # one in each process: the other one's is not harmed
    after = set(host.workers(2))
    assert len(after & before) == 1
    assert {int(host.request("GET", "/api/pid").body) for _ in range(4)} == after


def test_a_worker_that_ended_is_replaced_at_once(start_host: StartHost) -> None:
    host = start_host(APP, f"--world={WorldTime.starting_now(0.1)}")  # ten seconds of the world are a hundred
    host.request("GET", "/api/ended")
    assert host.request("GET", "/api/pid").status == 200  # it waits for the new process, but not so long


def test_the_next_restart_comes_not_before_ten_seconds(start_host: StartHost, wait_until: Until) -> None:
    host = start_host(APP, f"--world={WorldTime.starting_now(5)}")
    host.request("GET", "/api/ended")
    assert wait_until(lambda: len(host.events("worker_started")) == 2)
    host.request("GET", "/api/ended")
    assert wait_until(lambda: len(host.events("worker_started")) == 3)
    first, second = (datetime.fromisoformat(event["at"]) for event in host.events("worker_started")[1:])
    assert second - first >= timedelta(seconds=2)
    assert host.request("GET", "/api/pid").status == 200


@pytest.mark.parametrize(("workers", "ends"), [(1, 3), (2, 7)])
def test_workers_that_keep_ending_end_the_host(start_host: StartHost, workers: int, ends: int) -> None:
    host = start_host(APP, FAST, "--workers", str(workers))
    host.workers(workers)
    with contextlib.suppress(OSError, http.client.HTTPException):
        for _ in range(3 * ends):
            host.request("GET", "/api/ended")
    assert host.process.wait(60) == 1
    assert len(host.events("host_gives_up")) == 1
    assert len(host.events("worker_ended")) == ends  # three for each process, and then those that were left


def test_a_function_that_takes_too_long_takes_its_worker_and_all_its_work_with_it(
    start_host: StartHost, tmp_path: Any, wait_until: Until
) -> None:
    host = start_host(APP, host_json={"functionTimeout": "00:00:03"})
    before = host.request("GET", "/api/pid").body
    with ThreadPoolExecutor() as pool:
        first = pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / 'a'}&for={tmp_path / 'never'}")
        assert wait_until((tmp_path / "a").exists)
        began = time.monotonic()
        assert wait_until(lambda: time.monotonic() - began > 1.5)
        second = pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / 'b'}&for={tmp_path / 'never'}")
        assert [first.result().status, second.result().status] == [500, 500]
    errors = [event["error"] for event in host.events("function_failed")]
    assert len(errors) == 2
    assert sum("functionTimeout (3 s)" in error for error in errors) == 1
    assert sum("the worker process ended" in error for error in errors) == 1
    after = host.request("GET", "/api/pid")
    assert (after.status, after.body == before) == (200, False)
    assert len(host.events("function_timed_out")) == 1


def test_time_outs_do_not_end_the_host_however_many(start_host: StartHost, tmp_path: Any) -> None:
    host = start_host(APP, FAST, host_json={"functionTimeout": "00:00:01"})
    for _ in range(3):
        assert host.request("GET", f"/api/wait?in={tmp_path / 'in'}&for={tmp_path / 'never'}").status == 500
    assert host.request("GET", "/api/pid").status == 200
    assert len(host.events("function_timed_out")) == 3


def test_threads_of_a_worker_are_as_many_as_asked_for(start_host: StartHost, tmp_path: Any, wait_until: Until) -> None:
    host = start_host(APP, environment={"PYTHON_THREADPOOL_THREAD_COUNT": "2"})
    gate = tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / name}&for={gate}") for name in "abc"]
        assert wait_until(lambda: sum((tmp_path / name).exists() for name in "abc") == 2)
        assert host.request("GET", "/api/count").status == 200  # an async function needs no thread
        settled = threading.Event()
        assert not settled.wait(0.1)
        assert sum((tmp_path / name).exists() for name in "abc") == 2
        gate.touch()
        assert [call.result().status for call in waiting] == [200] * 3


# -------------------------------------------------------------------------------------------------------------------------------- ends


def test_asked_to_end_the_host_finishes_what_is_under_way(
    start_host: StartHost, tmp_path: Any, wait_until: Until, has_ended: Callable[[int], bool]
) -> None:
    host = start_host(APP)
    pids = host.pids
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.request, "GET", f"/api/wait?in={tmp_path / 'in'}&for={tmp_path / 'gate'}")
        assert wait_until((tmp_path / "in").exists)
        host.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: refused(host.address))
        (tmp_path / "gate").touch()
        assert waiting.result().body == b"waited"
    assert host.process.wait(60) == 0
    assert all(has_ended(pid) for pid in pids)


def refused(address: tuple[str, int]) -> bool:
    """Whether nobody listens any more; a connection that is reset met the moment of closing, so it is asked again."""
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


def test_a_killed_host_takes_its_workers_with_it(start_host: StartHost, wait_until: Until, has_ended: Callable[[int], bool]) -> None:
    host = start_host(APP, FAST, "--workers", "2")
    pids = host.workers(2)
    host.kill()
    assert wait_until(lambda: all(has_ended(pid) for pid in pids))

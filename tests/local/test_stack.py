"""The laptop stack as one thing, with a small app in place of the real one: started, killed, restarted, ended, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from local.processes import ROOT, NotReadyError
from local.stack import HostKind, Recipe, Stack
from local.storage import find
from local.worldtime import WorldTime
from shared.settings import read
from tests.living import gone

pytestmark = pytest.mark.once

APP = """
import json
import os

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="health", methods=["GET"])
def health(req: func.HttpRequest) -> func.HttpResponse:
    told = {name: value for name, value in os.environ.items() if name.startswith(("TIDEKEEPER_", "IDENTITY_", "AZURE_", "AzureWebJobs"))}
    return func.HttpResponse(json.dumps({"pid": os.getpid(), "told": told, "trust": os.environ["REQUESTS_CA_BUNDLE"]}))
"""
UP = """
import sys
from pathlib import Path
from local.stack import Recipe, Stack
import json, time
stack = Stack(Recipe(state=Path(sys.argv[1]), app_root=Path(sys.argv[2]), before=None))
stack.start()
print(json.dumps(stack.pids), flush=True)
time.sleep(600)
"""


def all_gone(pids: tuple[int, ...]) -> bool:
    deadline = time.monotonic() + 40
    while not all(gone(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def health(stack: Stack) -> dict[str, object]:
    with urllib.request.urlopen(f"{stack.url}/api/health", timeout=10) as answer:
        content: dict[str, object] = json.load(answer)
        return content


@pytest.fixture(scope="module")
def app_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("app")
    (root / "host.json").write_text((ROOT / "host.json").read_text())
    (root / "function_app.py").write_text(APP)
    return root


@pytest.fixture(scope="module")
def recipe(app_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    return Recipe(state=tmp_path_factory.mktemp("world"), app_root=app_root, before=None, world=WorldTime.starting_now(60))


@pytest.fixture(scope="module")
def stack(recipe: Recipe) -> Iterator[Stack]:
    with Stack(recipe) as started:
        yield started


def test_the_app_is_told_where_the_rehearsed_azure_is(stack: Stack) -> None:
    answer = health(stack)
    told = answer["told"]
    assert isinstance(told, dict)
    assert told["TIDEKEEPER_ARM_ENDPOINT"] == stack.arm_url
    assert told["IDENTITY_ENDPOINT"] == stack.identity_url
    assert told["AzureWebJobsStorage"] == stack.storage.connection_string
    assert told["TIDEKEEPER_SUBSCRIPTION_ID"] == stack.recipe.subscription
    assert answer["trust"] == str(stack.recipe.state / "certificates" / "authority.pem")


def test_links_hold_the_next_time_and_in_no_other_world(stack: Stack, tmp_path: Path) -> None:
    key = stack.environment["TIDEKEEPER_LINK_KEY"]
    assert Stack(stack.recipe).environment["TIDEKEEPER_LINK_KEY"] == key
    assert Stack(replace(stack.recipe, state=tmp_path)).environment["TIDEKEEPER_LINK_KEY"] != key
    assert read(stack.environment).link_key == key


def test_a_bot_can_post_at_once(stack: Stack) -> None:
    with QueueClient.from_connection_string(stack.storage.connection_string, "cluster-requests") as queue:
        assert queue.send_message("{}").id
    stack.storage.create_queues("cluster-requests")  # as a second start does
    with QueueClient.from_connection_string(stack.storage.connection_string, "cluster-requests") as queue:
        assert len(queue.peek_messages()) == 1


def test_every_part_listens_on_loopback_only(stack: Stack) -> None:
    places = [stack.url, stack.arm_url, stack.identity_url, *stack.storage.connection_string.split(";")[3:-1]]
    assert len(places) == 6
    assert [place for place in places if "://127.0.0.1:" not in place] == []


def test_a_killed_host_comes_back_on_its_port_and_nothing_else_falls(stack: Stack) -> None:
    url, before = stack.url, health(stack)["pid"]
    pids = stack.host_pids
    assert before in pids
    stack.kill_host()
    assert all_gone(pids)
    assert stack.fallen() is None
    stack.start_host()
    assert stack.url == url
    assert health(stack)["pid"] != before


def test_the_simulated_azure_comes_back_on_its_ports(stack: Stack) -> None:
    ports, arm, identity = stack.ports, stack.arm_url, stack.identity_url
    stack.stop_simulator()
    stack.start_simulator()
    assert (stack.ports, stack.arm_url, stack.identity_url) == (ports, arm, identity)


def test_a_part_that_falls_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with Stack(replace(recipe, state=tmp_path)) as stack:
        assert stack.fallen() is None
        os.kill(stack.host_pids[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while stack.fallen() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert str(stack.fallen()).startswith("host ended with exit code -9")


def test_stopping_leaves_nothing_running(recipe: Recipe, tmp_path: Path) -> None:
    stack = Stack(replace(recipe, state=tmp_path))
    stack.start()
    pids = stack.pids
    assert len(pids) >= 4
    assert not any(gone(pid) for pid in pids)
    stack.stop()
    assert all_gone(pids)


def test_an_app_that_cannot_be_loaded_is_told_with_its_log_and_leaves_nothing_running(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("raise RuntimeError('this app is broken')\n")
    stack = Stack(replace(recipe, state=tmp_path / "world", app_root=tmp_path))
    with pytest.raises(NotReadyError, match="this app is broken"):
        stack.start()
    assert stack.pids == ()


def test_core_tools_are_asked_for_by_name_where_they_are_missing(recipe: Recipe, tmp_path: Path) -> None:
    stack = Stack(replace(recipe, state=tmp_path, host=HostKind.FUNC))
    with pytest.raises(NotReadyError, match="Core Tools"):
        stack.start()
    assert stack.pids == ()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_part_outlives_the_one_that_started_the_stack(recipe: Recipe, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", UP, str(tmp_path), str(recipe.app_root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pids = tuple(json.loads(owner.stdout.readline()))
        assert not any(gone(pid) for pid in pids)
        owner.send_signal(number)
    assert all_gone(pids)

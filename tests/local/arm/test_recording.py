"""What worlds answer is written down once for each thing it shows, and nothing secret is in it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.arm.faults import Answer, Fault
from local.arm.recording import VARIABLE, Recording, read, recording_of, route
from local.arm.wire import Json, Reply, Request, reply
from local.stack import inherited
from tests.local.arm.asking import CLUSTER, GROUP, Asker, Clock, a_cluster, a_world


def test_without_a_folder_nothing_is_written_down() -> None:
    assert recording_of({}) is None
    assert recording_of({VARIABLE: ""}) is None


def test_all_worlds_of_a_process_share_one_file(tmp_path: Path) -> None:
    first, second = recording_of({VARIABLE: str(tmp_path)}), recording_of({VARIABLE: str(tmp_path)})
    assert first is second
    assert first is not None
    assert first.file == tmp_path / f"{os.getpid()}.jsonl"


def lines(kept: Recording) -> list[Json]:
    return list(read(kept.file.parent))


def ask(kept: Recording, body: object, path: str = CLUSTER, status: int = 200, headers: Mapping[str, str] | None = None) -> int:
    """Write down one answer; how many lines there are then."""
    kept.add(Request(method="GET", url=f"{path}?api-version=1"), reply(status, body, headers=headers))
    return len(lines(kept)) if kept.file.exists() else 0


@pytest.fixture
def kept(tmp_path: Path) -> Recording:
    return Recording(file=tmp_path / "exchanges" / "1.jsonl")


def test_an_answer_is_written_only_if_it_shows_something_new(kept: Recording) -> None:
    body = {"id": "/a/b-1", "properties": {"count": 1, "state": "Creating", "tags": {"a": "b"}}}
    assert ask(kept, body) == 1
    assert ask(kept, {"id": "/a/b-2", "properties": {"count": 7, "state": "Creating", "tags": {"c": "d"}}}) == 1
    assert ask(kept, body, path=f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/other") == 1
    assert ask(kept, body, status=201) == 2
    assert ask(kept, body, headers={"retry-after": "1"}) == 3
    assert ask(kept, {**body, "properties": {**body["properties"], "state": "Failed"}}) == 4  # type: ignore[dict-item]
    assert ask(kept, {**body, "properties": {"count": 1, "state": "Failed"}}) == 5
    assert ask(kept, {**body, "properties": {"count": None, "state": "Failed"}}) == 6
    assert ask(kept, {**body, "properties": {"count": 1, "state": "Failed", "tags": {"e": 1}}}) == 7
    assert ask(kept, None) == 8
    assert ask(kept, None) == 8


def test_a_line_says_what_was_asked_and_answered(kept: Recording) -> None:
    headers = {"location": "https://a/b?api-version=2&t=1&c=2&s=3&h=4", "x-ms-request-id": "1", "date": "today"}
    request = Request(
        method="put", url=f"https://host{CLUSTER}?api-version=3&t=5", headers={"authorization": "Bearer abc"}, body=b'{"a":1}'
    )
    kept.add(request, Reply(status=202, headers=headers))
    assert lines(kept) == [
        {
            "method": "PUT",
            "path": CLUSTER,
            "query": {"api-version": "3"},
            "request": {"a": 1},
            "status": 202,
            "headers": {"location": "https://a/b?api-version=2"},
            "body": None,
        }
    ]


def test_nothing_secret_is_written(kept: Recording) -> None:
    asked = {"servicePrincipalProfile": {"secret": "hunter1"}, "windowsProfile": {"adminPassword": "hunter2"}}
    answered = {"kubeconfigs": [{"name": "clusterUser", "value": "hunter3"}], "access_token": "hunter4", "count": 3}
    request = Request(method="POST", url=CLUSTER, headers={"authorization": "Bearer hunter5"}, body=json.dumps(asked).encode())
    kept.add(request, reply(200, answered, headers={"www-authenticate": "hunter6", "location": "https://a/b?s=hunter7"}))
    assert "hunter" not in kept.file.read_text()
    assert lines(kept)[0]["body"] == {"kubeconfigs": [{"name": "clusterUser", "value": "hidden"}], "access_token": "hidden", "count": 3}


def test_bodies_that_are_no_json_do_no_harm(kept: Recording) -> None:
    kept.add(Request(method="PUT", url=CLUSTER, body=b"\xff{"), Reply(status=200, body=b"\xfe<html>"))
    assert (lines(kept)[0]["request"], lines(kept)[0]["body"]) == ("not JSON", "\ufffd<html>")


def test_a_line_that_a_kill_cut_short_is_left_out(kept: Recording) -> None:
    ask(kept, {"a": 1})
    with kept.file.open("a") as file:
        file.write('{"method": "GE')
    assert len(lines(kept)) == 1


def test_a_route_has_no_names_in_it() -> None:
    assert route(CLUSTER) == "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}"
    assert route(f"{CLUSTER}/stop").endswith("/managedclusters/{}/stop")
    assert route("/") == "/"


def test_a_world_writes_down_its_answers_and_not_what_a_script_says(kept: Recording) -> None:
    clock = Clock()
    asker = Asker(a_world(clock, recording=kept), clock)
    asker.world.faults.add(Fault(effect=Answer(status=503, code="Ours", message="as the script says")))
    assert asker.get(GROUP).status == 503
    assert not kept.file.exists()
    asker.with_cluster(a_cluster(servicePrincipalProfile={"clientId": "a", "secret": "hunter2"}))
    asker.ask("POST", f"{CLUSTER}/listClusterUserCredential")
    text = kept.file.read_text()
    assert asker.world.token() not in text
    assert "hunter2" not in text
    assert {(line["method"], line["status"]) for line in lines(kept)} == {("PUT", 201), ("GET", 200), ("POST", 200)}


def test_a_process_that_a_test_starts_writes_a_file_of_its_own(tmp_path: Path) -> None:
    code = (
        "from datetime import UTC, datetime\n"
        "from local.arm.wire import Request\n"
        "from local.arm.world import World\n"
        "World(clock=lambda: datetime(2026, 11, 23, tzinfo=UTC)).handle(Request(method='GET', url='/subscriptions'))\n"
    )
    environment = {**inherited(os.environ), VARIABLE: str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert [(line["path"], line["status"]) for line in read(tmp_path)] == [("/subscriptions", 401)]
    assert [file.name for file in tmp_path.iterdir()] != [f"{os.getpid()}.jsonl"]


def test_the_stack_hands_the_folder_on_to_its_simulator() -> None:
    assert inherited({VARIABLE: "/a", "AZURE_SECRET": "b"}) == {VARIABLE: "/a"}

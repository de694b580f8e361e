"""The simulator's log: every request, what came of it, and nothing secret."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from local.arm.wire import Reply, Request
from tests.local.arm.asking import CLUSTER, GROUP, USER, Asker, Clock, a_cluster, a_saved_world, an_asker


def _log(asker: Asker, since: int = 0) -> list[dict[str, object]]:
    answer = asker.world.handle(Request(method="GET", url=f"/_simulator/log?since={since}"))
    assert isinstance(answer, Reply)
    entries: list[dict[str, object]] = answer.document["entries"]
    return entries


def test_every_request_is_in_the_log_with_its_answer_and_whether_it_changed_anything() -> None:
    asker = an_asker().with_group()
    asker.put(CLUSTER, a_cluster(), x_ms_client_request_id="mine")
    asker.put(CLUSTER, a_cluster())
    asker.get(CLUSTER)
    entries = _log(asker)
    assert [entry["n"] for entry in entries] == [1, 2, 3, 4]
    assert [(entry["method"], entry["status"], entry["code"], entry["applied"]) for entry in entries] == [
        ("PUT", 201, None, True),
        ("PUT", 201, None, True),
        ("PUT", 409, "OperationNotAllowed", False),
        ("GET", 200, None, False),
    ]
    assert entries[1]["client_request"] == "mine"
    assert entries[1]["digest"] == entries[2]["digest"] != ""
    assert entries[3]["digest"] == ""
    assert entries[1]["at"] == "2026-11-23T12:00:00+00:00"
    assert _log(asker, since=3) == entries[3:]


def test_the_log_names_the_mutation_that_was_in_flight_on_the_same_cluster() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"count": 5}})
    asker.get(CLUSTER)
    asker.put(CLUSTER.replace("/web", "/other"), a_cluster())
    asker.later()
    asker.get(CLUSTER)
    scale, look, other, last = _log(asker)[-4:]
    assert (scale["in_flight"], look["in_flight"], other["in_flight"], last["in_flight"]) == (None, scale["n"], None, None)


def test_no_token_no_signature_and_no_body_is_in_the_log(tmp_path: Path) -> None:
    asker = a_saved_world(tmp_path / "world.json", Clock()).with_group()
    url = asker.put(CLUSTER, {**a_cluster(), "tags": {"secret": "hunter2"}}).headers["azure-asyncoperation"]
    asker.get(url)
    text = (tmp_path / "world.json.log.jsonl").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert asker.world.token().split(".")[1][:20] not in text
    assert "&s=" not in text
    last = json.loads(text.splitlines()[-1])
    assert last["path"] == f"{urlsplit(url).path}?api-version=2025-03-01"


def test_the_simulators_own_routes_are_not_in_the_log() -> None:
    asker = an_asker()
    _log(asker)
    asker.get(GROUP)
    assert len(_log(asker)) == 1


def test_a_restarted_world_goes_on_in_the_same_log_even_after_a_line_was_cut_short(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "world.json"
    a_saved_world(file, clock).with_group().get(GROUP)
    log = tmp_path / "world.json.log.jsonl"
    with log.open("a", encoding="utf-8") as cut:
        cut.write('{"n": 3, "at": "20')
    again = a_saved_world(file, clock)
    again.get(GROUP)
    assert [entry["n"] for entry in _log(again)] == [1, 2, 3]
    assert [json.loads(line)["n"] for line in log.read_text(encoding="utf-8").splitlines()] == [1, 2, 3]

"""Operations as people read, list and cancel them; clusters as Azure shows them."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from local.arm.faults import Answer, Fault
from shared.model.clusters import ClusterRef
from shared.model.requests import Scale
from tests.builders import SUBSCRIPTION, a_submission
from tests.doors import SCALE, Doors
from tests.faulty import Calls, Faulty

UNKNOWN = "op-aaaaaaaaaaaaaaaa-0123456789"
MALFORMED_IDS = [
    "nonsense", "op-", "op-x", "op-aaaaaaaaaaaaaaaa", "op-aaaaaaaaaaaaaaaa-", "op-AAAAAAAAAAAAAAAA-0123456789 ", "..%2f..", "%252e%252e",
    "op-aaaaaaaaaaaaaaaa-0123456789%0A", "op-aaaaaaaaaaaaaaaa-012'%20or%20'1'%20eq%20'1", "'", "%27%20or%20PartitionKey%20ne%20%27",
    "op-aaaaaaaaaaaaaaaa-01234%2F56789", "op-aaaaaaaaaaaaaa%00aa-0123456789", "op-aaaaaaaaaaaaaaa%D0%B0-0123456789", "%F0%9F%92%A5",
    "x" * 3000, "op-aaaaaaaaaaaaaaaa-" + "0" * 41, "head", "op%20op-aaaaaaaaaaaaaaaa-1",
]  # fmt: skip


@pytest.mark.parametrize("name", [UNKNOWN, *MALFORMED_IDS])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("GET", "?history=true"), ("POST", "/cancel")])
def test_an_id_that_is_none_of_ours_is_not_found(peopled: Doors, name: str, method: str, tail: str) -> None:
    before = peopled.kept()
    answer = peopled.ask(method, f"/api/operations/{name}{tail}")
    assert answer.status == 404
    if answer.body:
        assert answer.code == "not_found"
        assert re.fullmatch(r"no operation (['\"]).*\1, or none that you may see", answer.detail)
        assert len(answer.body) < 1000
        assert answer.body.isascii()
    else:
        assert "%00" in name  # the host's own answer to what its router refuses
    assert peopled.kept() == before


def test_history_tells_what_happened_in_order(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    assert "history" not in peopled.shown(path)
    peopled.run()
    told = peopled.get(f"{path}?history=true").document["history"]
    assert [event["n"] for event in told] == list(range(1, len(told) + 1))
    assert told[0]["text"].startswith("accepted; first of its cluster; planned 1 step: pool user has 2 nodes, want 5")
    assert told[-1]["text"] == "scale pool user to 5 nodes: done"
    assert sorted(event["at"] for event in told) == [event["at"] for event in told]


def test_history_is_true_or_false(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    answer = peopled.get(f"{path}?history=1")
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", "history is neither true nor false")


# ---- lists


@pytest.fixture
def busy(peopled: Doors) -> Doors:
    """One ended and one open operation on prod-rg/web by HTTP, and an ended one on test-rg/lab by queue that had nothing to do."""
    peopled.put_cluster(ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab"))
    peopled.accepted(SCALE)
    peopled.run()
    peopled.clock.advance(timedelta(seconds=1))
    peopled.send({**SCALE, "cluster": "test-rg/lab", "count": 2})
    peopled.settle()
    peopled.clock.advance(timedelta(minutes=1))
    peopled.accepted({**SCALE, "count": 7})
    return peopled


def listed(app: Doors, query: str = "") -> list[tuple[str, str, str]]:
    document = app.get(f"/api/operations?{query}").document
    return [(item["cluster"]["name"], item["status"], item["origin"]["door"]) for item in document["operations"]]


OPEN, ENDED, IDLE = ("web", "running", "http"), ("web", "succeeded", "http"), ("lab", "succeeded", "queue")
LISTS: dict[str, list[Any]] = {
    "": [OPEN, IDLE, ENDED],
    "cluster=prod-rg/web": [OPEN, ENDED],
    f"cluster={SUBSCRIPTION}/TEST-RG/lab": [IDLE],
    "cluster=prod-rg/nothing": [],
    "status=running": [OPEN],
    "status=succeeded": [IDLE, ENDED],
    "status=running,%20succeeded": [OPEN, IDLE, ENDED],
    "status=failed": [],
    "action=scale": [OPEN, IDLE, ENDED],
    "action=delete,create": [],
    "origin=queue": [IDLE],
    "origin=http&status=succeeded": [ENDED],
    "cluster=prod-rg/web&status=succeeded": [ENDED],
    "top=1": [OPEN],
    "top=200": [OPEN, IDLE, ENDED],
    "code=the-function-key": [OPEN, IDLE, ENDED],
    "since=2026-11-23T00:00:00Z&until=2026-11-23T23:59:59%2B00:00": [OPEN, IDLE, ENDED],
    "cluster=prod-rg/web&since=2026-11-23T09:08:00Z": [OPEN],
    "cluster=prod-rg/web&until=2026-11-23T09:08:00Z": [ENDED],
    "cluster=prod-rg/web&until=2026-11-23T10:08:00%2B01:00": [ENDED],
}


@pytest.mark.parametrize("query", LISTS)
def test_a_list_shows_what_it_is_asked_for(busy: Doors, query: str) -> None:
    assert listed(busy, query) == LISTS[query]


def test_a_list_shows_of_each_what_it_is_and_where_it_is(busy: Doors) -> None:
    answer = busy.get("/api/operations?status=running")
    (item,) = answer.document["operations"]
    assert item["links"] == {"self": f"/api/operations/{item['id']}"}
    assert (item["action"], item["because"], item["code"]) == ("scale", "pool user has 5 nodes, want 7", None)
    assert answer.document["continuation"] is None
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["", "cluster=prod-rg/web"])
def test_a_long_list_goes_on_where_it_stopped(peopled: Doors, query: str) -> None:
    for count in range(7):
        peopled.accepted({**SCALE, "count": count}, ("Idempotency-Key", str(count)))
    found, token = [], ""
    for _ in range(4):
        page = peopled.get(f"/api/operations?{query}&top=3{token}").document
        found += [item["id"] for item in page["operations"]]
        if page["continuation"] is None:
            break
        token = f"&continuation={quote(page['continuation'], safe='')}"
    assert len(found) == len(set(found)) == 7


STATUSES = "cancelled, expired, failed, needs_attention, queued, running, scheduled, succeeded, suspended"
A_TOP = "want 1 to 200"
BAD_LISTS = {
    "colour=red": "the parameter 'colour' is not known here",
    "%0d%0aX=1": "the parameter '\\r\\nX' is not known here",
    "status=open": f"the list cannot be asked for so: status 'open' is not one of {STATUSES}",
    "status=RUNNING": f"the list cannot be asked for so: status 'RUNNING' is not one of {STATUSES}",
    "action=reboot": "the list cannot be asked for so: action 'reboot' is not one of create, delete, scale, start, stop, upgrade",
    "status=": "the parameter status has no value; leave it out, or give it one",
    "status=running,": f"the list cannot be asked for so: status '' is not one of {STATUSES}",
    "origin=pigeon": "the list cannot be asked for so: origin 'pigeon' is not one of http, queue",
    "origin=http,%27or%27": "the list cannot be asked for so: origin \"'or'\" is not one of http, queue",
    "top=0": f"the list cannot be asked for so: top is '0', {A_TOP}",
    "top=201": f"the list cannot be asked for so: top is '201', {A_TOP}",
    "top=-1": f"the list cannot be asked for so: top is '-1', {A_TOP}",
    "top=many": f"the list cannot be asked for so: top is 'many', {A_TOP}",
    "top=1.5": f"the list cannot be asked for so: top is '1.5', {A_TOP}",
    "top=%D9%A1": f"the list cannot be asked for so: top is '\\u0661', {A_TOP}",
    f"top={'9' * 3000}": f"the list cannot be asked for so: top is '{'9' * 40}', {A_TOP}",
    "since=yesterday": "the list cannot be asked for so: 'yesterday' is no instant with a zone, want for example 2026-11-23T20:00:00Z",
    "since=2026-11-23": "the list cannot be asked for so: '2026-11-23' is no instant with a zone, want for example 2026-11-23T20:00:00Z",
    "until=2026-11-23T20:00:00": "the list cannot be asked for so: '2026-11-23T20:00:00' is no instant with a zone, "
    "want for example 2026-11-23T20:00:00Z",
    "until=2026-13-41T20:00:00Z": "the list cannot be asked for so: '2026-13-41T20:00:00Z' is no instant with a zone, "
    "want for example 2026-11-23T20:00:00Z",
    **{
        f"since={text}": f"the list cannot be asked for so: '{text}' is no instant with a zone, want for example 2026-11-23T20:00:00Z"
        for text in ("20261123T200000Z", "2026-W48-1T20:00:00Z", "2026-11-23x20:00:00Z", "2026-11-23T20:00Z", "2026-11-23T24:00:01Z")
    },
    "until=0001-01-01T00:00:00Z": "since or until is at the end of all time, want an instant that has a week before it",
    "since=0001-01-01T00:00:00%2B14:00": "since or until is at the end of all time, want an instant that has a week before it",
    "until=9999-12-31T23:59:59-14:00": "since or until is at the end of all time, want an instant that has a week before it",
    "since=2026-11-24T00:00:00Z": "since and until are not in order or more than 92 days apart",
    "since=2026-01-01T00:00:00Z": "since and until are not in order or more than 92 days apart",
    "continuation=nonsense": "continuation is not a continuation token of this list",
    "continuation=%27%20or%201%20eq%201": "continuation is not a continuation token of this list",
}


@pytest.mark.parametrize("query", BAD_LISTS)
def test_a_list_that_cannot_be_asked_for_says_why(busy: Doors, query: str) -> None:
    before = busy.kept()
    answer = busy.get(f"/api/operations?{query}")
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", BAD_LISTS[query])
    assert busy.kept() == before


# ---- cancel


def test_an_operation_that_waits_in_line_is_cancelled_at_once(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    waiting = peopled.accepted({**SCALE, "count": 9})
    answer = peopled.cancel(waiting)
    assert (answer.status, answer.headers["location"], answer.headers["retry-after"]) == (202, waiting, "5")
    assert (answer.document["status"], answer.document["cancelled_by"]) == ("cancelled", "function-key")
    assert peopled.get(waiting).status == 200
    peopled.run()
    assert peopled.there().pool("user").count == 5  # type: ignore[union-attr]  # the cluster has it


def test_cancelling_twice_is_the_same_as_once_while_it_runs(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    first, second = peopled.cancel(path), peopled.cancel(path)
    assert (first.status, second.status) == (202, 202)
    assert first.document["status"] == second.document["status"] == "running"
    assert first.document["cancelled_by"] == "function-key"
    assert first.document["updated_at"] == second.document["updated_at"]


@pytest.mark.parametrize("how", ["succeeded", "cancelled", "failed"])
def test_an_operation_that_has_ended_cannot_be_cancelled(peopled: Doors, how: str) -> None:
    path = peopled.accepted(SCALE)
    if how == "cancelled":
        peopled.cancel(path)
    if how == "failed":
        peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=400, code="BadRequest", message="no")))
    peopled.run()
    before = peopled.kept()
    answer = peopled.cancel(path)
    assert (answer.status, answer.code) == (409, "already_ended")
    name = path.rpartition("/")[2]
    assert answer.detail == f"operation {name} is {how} already; nothing is left to cancel"
    assert answer.document["instance"] == f"{path}/cancel"
    assert peopled.kept() == before


# ---- clusters


def test_a_cluster_is_shown_as_azure_shows_it_now(peopled: Doors) -> None:
    view = peopled.get(f"/api/clusters/{SUBSCRIPTION}/PROD-RG/web").document
    assert list(view)[:7] == [
        "name", "location", "resource_group", "kubernetes_version", "current_kubernetes_version", "provisioning_state", "fqdn",
    ]  # fmt: skip
    assert (view["name"], view["location"], view["provisioning_state"], view["settled"]) == ("web", "westeurope", "Succeeded", True)
    assert [(pool["name"], pool["mode"], pool["count"]) for pool in view["pools"]] == [("system", "System", 1), ("user", "User", 2)]
    assert view["operation"] is None


def test_all_clusters_are_listed_with_one_call(peopled: Doors) -> None:
    asked = len(peopled.world.witness.entries)
    clusters = peopled.get("/api/clusters").document["clusters"]
    assert [cluster["name"] for cluster in clusters] == ["web"]
    assert len(peopled.world.witness.entries) - asked == 1


def test_a_cluster_that_is_not_there_says_so(peopled: Doors) -> None:
    answer = peopled.get(f"/api/clusters/{SUBSCRIPTION}/prod-rg/nothing")
    assert (answer.status, answer.code, answer.detail) == (404, "not_found", "cluster prod-rg/nothing does not exist")


def test_a_method_that_no_door_has_is_not_found(peopled: Doors) -> None:
    for method, path in (("PUT", "/api/operations"), ("DELETE", "/api/operations/x"), ("POST", "/api/clusters"), ("GET", "/api/nothing")):
        assert peopled.ask(method, path).status == 404


def test_a_submission_made_inside_is_shown_like_any_other(peopled: Doors) -> None:
    operation = peopled.submit(a_submission(Scale(pool="user", to=4)))
    assert peopled.get(f"/api/operations/{operation.id}").document["because"] == "pool user has 2 nodes, want 4"


def test_a_row_that_cannot_be_read_is_a_fault_and_not_an_operation_that_is_not_there(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)

    def load(_: str) -> None:
        message = "the row makes no sense"
        raise ValueError(message)

    peopled.behind(peopled.rebuilt(operations=Faulty(peopled.operations, Calls(), {"load": load})))
    assert peopled.get(path).status == 500
    assert peopled.get("/api/operations/nonsense").status == 404

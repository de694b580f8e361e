"""Requests by queue: taken, refused with a reply and a letter, left for newer code, and what became poison."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Fault, Reset
from local.host.messages import poison_queue
from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, Stale
from shared.work.submit import RACES
from tests.builders import SUBSCRIPTION
from tests.doors import REPLIES, REQUESTS, SCALE, START, STOP, UPGRADE, Doors
from tests.faulty import AWAY, Calls, Faulty

ASKED: dict[str, Any] = {**SCALE, "reply_to": REPLIES, "correlation": "c-1", "requested_by": "ada"}
BY_HAND: dict[str, Any] = {"reply_to": REPLIES, "correlation": "c-1"}


def letters(app: Doors) -> list[tuple[str, str]]:
    return [(letter.queue, letter.reason) for letter in app.letters.filed.values()]


def test_a_request_by_queue_is_taken_and_answered(peopled: Doors) -> None:
    peopled.send(ASKED)
    peopled.take()
    (reply,) = peopled.replies()
    (name,) = peopled.operations.operations
    assert reply == {
        "event": "accepted",
        "operation": name,
        "status": "running",
        "cluster": "prod-rg/web",
        "because": "pool user has 2 nodes, want 5",
        "correlation": "c-1",
    }
    assert peopled.shown(f"/api/operations/{name}")["origin"] == {"door": "queue", "caller": REQUESTS, "says_it_is": "ada"}
    assert not peopled.letters.filed


@pytest.mark.parametrize("wrap", [json.dumps, lambda body: json.dumps(body, indent=2), lambda body: f"\n {json.dumps(body)} \n"])
def test_plain_json_is_taken_however_it_is_laid_out(peopled: Doors, wrap: Any) -> None:
    peopled.send(wrap(ASKED))
    peopled.take()
    assert peopled.replies()[0]["event"] == "accepted"


def test_base64_of_json_is_taken_alike(peopled: Doors) -> None:
    peopled.send(base64.b64encode(json.dumps(ASKED).encode()).decode())
    peopled.take()
    assert peopled.replies()[0]["event"] == "accepted"


VERBS: list[tuple[dict[str, Any], str, str]] = [
    (STOP, "running", "cluster web is Running, want Stopped"),
    ({**STOP, "pool": "user"}, "running", "pool user is Running, want Stopped"),
    (START, "succeeded", "cluster web is Running already"),
    ({**START, "pool": None}, "succeeded", "cluster web is Running already"),
    (UPGRADE, "running", "the control plane of web is at 1.36.4, want 1.37.1"),
    ({**UPGRADE, "version": None}, "succeeded", "the control plane and every pool of web are at 1.36.4 already"),
]


@pytest.mark.parametrize(("body", "status", "because"), VERBS)
def test_every_verb_is_asked_for_by_queue_as_it_is_by_http(peopled: Doors, body: dict[str, Any], status: str, because: str) -> None:
    planned = peopled.post(body, path="/api/operations?plan_only=true").document
    peopled.send({**body, **BY_HAND})
    peopled.take()
    reply = peopled.replies()[0]
    assert (reply["event"], reply["status"], reply["because"]) == ("accepted", status, because)
    assert planned["because"] == because
    assert peopled.shown(f"/api/operations/{reply['operation']}")["plan"]["digest"] == planned["plan"]["digest"]


def test_a_request_by_queue_without_reply_to_is_done_in_silence(peopled: Doors) -> None:
    peopled.send(SCALE)
    peopled.run()
    assert not peopled.replies()
    assert peopled.there().pool("user").count == 5  # type: ignore[union-attr]  # the cluster has it


def test_the_same_message_twice_is_one_operation(peopled: Doors) -> None:
    message = peopled.send(ASKED)
    peopled.take()
    peopled.queues.put_back(REQUESTS, message, after=timedelta(0))
    peopled.run()
    assert len(peopled.operations.operations) == 1
    assert {reply["operation"] for reply in peopled.replies()} == set(peopled.operations.operations)


def test_two_messages_that_say_the_same_are_two_operations(peopled: Doors) -> None:
    peopled.send(ASKED)
    peopled.send(ASKED)
    peopled.settle()
    assert len(peopled.operations.operations) == 2
    assert [reply["status"] for reply in peopled.replies() if reply["event"] == "accepted"] == ["running", "queued"]


def test_a_request_that_loses_every_race_for_its_cluster_comes_back_and_is_not_refused(peopled: Doors) -> None:
    lost: list[None] = []

    def commit(*arguments: Any) -> Any:
        if len(lost) < RACES:
            lost.append(None)
            raise Stale
        return peopled.operations.commit(*arguments)

    peopled.behind(peopled.rebuilt(operations=Faulty(peopled.operations, Calls(), {"commit": commit})))
    peopled.send(ASKED)
    peopled.take()
    assert not peopled.replies()
    peopled.run()
    assert [reply["event"] for reply in peopled.replies()] == ["accepted", "started", "ended"]
    assert len(peopled.operations.operations) == 1


def test_a_key_by_queue_is_a_key(peopled: Doors) -> None:
    peopled.send({**ASKED, "idempotency_key": "k"})
    peopled.send({**ASKED, "idempotency_key": "k", "correlation": "c-2"})
    peopled.settle()
    assert len(peopled.operations.operations) == 1
    before = peopled.kept()
    peopled.send({**ASKED, "idempotency_key": "k", "count": 6})
    peopled.take()
    assert peopled.replies()[-1]["code"] == "key_reused"
    assert peopled.kept() | {"messages": []} == before | {"messages": []}


def test_a_key_by_queue_is_one_operation_even_across_clusters(peopled: Doors) -> None:
    other = ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab")
    peopled.put_cluster(other)
    peopled.send({**ASKED, "idempotency_key": "k"})
    peopled.settle()
    before = peopled.kept()
    for cluster in ("test-rg/lab", "test-rg/nothing"):
        peopled.send({**ASKED, "idempotency_key": "k", "cluster": cluster})
        peopled.take()
        assert (peopled.replies()[-1]["event"], peopled.replies()[-1]["code"]) == ("refused", "key_reused")
    assert peopled.kept() | {"messages": []} == before | {"messages": []}
    peopled.run()
    assert [pool.count for pool in peopled.there(other).pools] == [1, 2]


# ---- refused: a reply where one was asked for, a letter where the message is bad


UNREADABLE: dict[str, tuple[str, str]] = {
    "no JSON": ("scale it to five", "the body is not JSON: Expecting value at line 1, column 1"),
    "nothing": ("", "the body is not JSON: Expecting value at line 1, column 1"),
    "a list": (json.dumps([ASKED]), "the body is a list, want a JSON object"),
    "half of JSON": ('{"action":', "the body is not JSON: Expecting value at line 1, column 11"),
    "base64 of nonsense": (
        base64.b64encode(b"scale it to five").decode(), "the body is not JSON: Expecting value at line 1, column 1",
    ),
    "base64 of no text": (base64.b64encode(b"\xff\xfe\x00").decode(), "the body is not UTF-8, want JSON in UTF-8"),
    "base64 of a list": (base64.b64encode(b"[1]").decode(), "the body is a list, want a JSON object"),
    "base64 of a number": (base64.b64encode(b"123").decode(), "the body is a number, want a JSON object"),
    "NaN": ('{"action": NaN}', "the body has NaN, which is not a number of JSON"),
    "1e999": ('{"action": 1e999}', "the body has the number 1e999, which is too large"),
    "five thousand digits": (f'{{"schema": {"9" * 5000}}}', "the body has a number that is too large"),
    "a key twice": ('{"action": "scale", "action": "delete"}', "the body has the key 'action' twice in one object, want each once"),
    "deep": ("[" * 60_000, "the body is nested too deeply"),
    "controls": ("\x00\x1b[31m\r\nevent: x", "the body is not JSON: Expecting value at line 1, column 1"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_that_cannot_be_read_becomes_a_letter_at_once(peopled: Doors, what: str) -> None:
    (text, reason), before = UNREADABLE[what], peopled.kept()
    peopled.send(text)
    peopled.settle()
    assert letters(peopled) == [(REQUESTS, reason)]
    (letter,) = peopled.letters.filed.values()
    assert letter.text == text
    assert not peopled.failures
    assert peopled.kept() | {"letters": {}} == before


ACTIONS = "want one of create, delete, scale, start, stop, upgrade"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({**ASKED, "colour": "red"}, "the body is not as it should be: the field colour is not known here"),
    "no action": (BY_HAND, f"the body has no action, {ACTIONS}"),
    "an unknown action": ({**ASKED, "action": "explode"}, f"the body has the action 'explode', {ACTIONS}"),
    "a bad count": ({**ASKED, "count": "5"}, "the body is not as it should be: count: Input should be a valid integer"),
    "a bad cluster": (
        {**ASKED, "cluster": "web\r\n"},
        "cluster has no known form, want resource-group/name, subscription/resource-group/name or a full ARM id",
    ),
    "a long correlation": (
        {**ASKED, "requested_by": "x" * 201},
        "the body is not as it should be: requested_by: String should have at most 200 characters",
    ),
    "a stop with an unknown field": (
        {**BY_HAND, **STOP, "drain": True},
        "the body is not as it should be: the field drain is not known here",
    ),
    "an upgrade with an unknown field": (
        {**BY_HAND, **UPGRADE, "force": True},
        "the body is not as it should be: the field force is not known here",
    ),
    "an older schema": ({**ASKED, "schema": 0}, "schema is 0, want 1"),
    "a schema that is a text": ({**ASKED, "schema": "2"}, "schema is '2', want 1"),
    "a schema that is nothing": ({**ASKED, "schema": None}, "schema is None, want 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_message_that_asks_wrongly_is_told_so_and_becomes_a_letter(peopled: Doors, what: str) -> None:
    (body, detail), before = REFUSED[what], peopled.kept()
    peopled.send(body)
    peopled.settle()
    assert peopled.replies() == [{"event": "refused", "code": "malformed", "detail": detail, "correlation": "c-1"}]
    assert letters(peopled) == [(REQUESTS, detail)]
    assert not peopled.failures
    assert peopled.kept() | {"letters": {}, "messages": []} == before


OTHER = "00000000-0000-0000-0000-000000000009"
IMPOSSIBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown pool": ({**ASKED, "pool": "gpu"}, "impossible", "cluster prod-rg/web has no pool 'gpu'; its pools are: system, user"),
    "a cluster that is not there": ({**ASKED, "cluster": "prod-rg/no"}, "not_found", "cluster prod-rg/no does not exist"),
    "another subscription": (
        {**ASKED, "cluster": f"{OTHER}/prod-rg/web"}, "not_found",
        f"no cluster prod-rg/web in subscription {OTHER}, or none that cluster-requests may see through this door",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_good_message_that_asks_the_impossible_is_told_so_and_is_no_letter(peopled: Doors, what: str) -> None:
    (body, code, detail), before = IMPOSSIBLE[what], peopled.kept()
    peopled.send(body)
    peopled.settle()
    assert peopled.replies() == [{"event": "refused", "code": code, "detail": detail, "correlation": "c-1"}]
    assert peopled.kept() | {"messages": []} == before


@pytest.mark.parametrize("queue", ["operation-steps", "cluster-requests", "nobody", "https://example.org/", "", 5, True, [], {}, [REPLIES]])
def test_a_reply_to_that_is_not_allowed_is_a_letter_and_nothing_is_sent_anywhere(peopled: Doors, queue: Any) -> None:
    before = peopled.kept()
    peopled.send({**ASKED, "reply_to": queue})
    peopled.settle()
    ((_, reason),) = letters(peopled)
    assert reason.startswith("reply_to is ")
    assert reason.endswith(", want one of the allowed queues: chat-replies (setting TIDEKEEPER_REPLY_QUEUES)")
    assert not peopled.failures
    assert peopled.kept() | {"letters": {}} == before


HOSTS_OWN = ["id", "ID", "dequeueCount", "insertionTime", "expirationTime", "nextVisibleTime", "popReceipt", "queueTrigger"]


@pytest.mark.parametrize("name", HOSTS_OWN)
@pytest.mark.parametrize("value", ["x", "../a/b?c#d\r\n", 7, {"a": 1}, None])
def test_a_message_that_uses_a_name_of_the_hosts_ends_as_one_letter(peopled: Doors, name: str, value: Any) -> None:
    before = peopled.kept()
    peopled.send({**ASKED, name: value})
    peopled.run(until=peopled.clock.now() + timedelta(hours=1))
    (letter,) = peopled.letters.filed.values()
    assert letter.id.isalnum()
    assert [reply["event"] for reply in peopled.replies()] == ["refused"]
    assert peopled.kept() | {"letters": {}, "messages": []} == before
    assert not peopled.queues.all(REQUESTS)
    assert not peopled.queues.all(f"{REQUESTS}-poison")


@pytest.mark.parametrize("queue", ["operation-steps", "cluster-requests", "nobody", 5])
def test_poison_is_answered_on_allowed_queues_only(peopled: Doors, queue: Any) -> None:
    before = peopled.kept()
    peopled.send({**ASKED, "dequeueCount": "x", "reply_to": queue})
    peopled.run(until=peopled.clock.now() + timedelta(minutes=10))
    assert len(peopled.letters.filed) == 1
    assert peopled.kept() | {"letters": {}} == before


def test_no_message_can_overwrite_the_letter_of_another(peopled: Doors) -> None:
    for n in range(3):
        peopled.send({"id": "same", "n": n})
    peopled.settle()
    assert len(peopled.letters.filed) == 3


# ---- newer code


def test_a_message_of_newer_code_comes_again_five_times_and_then_is_a_letter(peopled: Doors) -> None:
    before = peopled.kept()
    message = peopled.send({**ASKED, "schema": 2, "new_field": True})
    started = peopled.clock.now()
    peopled.run(until=started + timedelta(seconds=119))
    assert message.dequeues == 4
    assert not peopled.letters.filed
    assert not peopled.replies()
    peopled.run(until=started + timedelta(minutes=10))
    assert message.dequeues == 5
    assert len(peopled.failures) == 5
    assert all("NewerSchema" in failure for failure in peopled.failures)
    ((queue, reason),) = letters(peopled)
    assert queue == REQUESTS
    assert "newer code is needed" in reason
    (reply,) = peopled.replies()
    assert (reply["event"], reply["code"], reply["correlation"]) == ("refused", "poisoned", "c-1")
    assert next(iter(peopled.letters.filed)) in reply["detail"]
    assert peopled.kept() | {"letters": {}, "messages": []} == before


def test_newer_code_that_comes_meanwhile_finds_the_message(peopled: Doors) -> None:
    message = peopled.send({**ASKED, "schema": 2})
    peopled.settle()
    assert peopled.queues.all(REQUESTS) == [message]
    assert message.visible_at == peopled.clock.now() + timedelta(seconds=30)


# ---- what is away comes again


def test_a_request_that_met_no_azure_is_taken_when_azure_is_back(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(effect=Reset(), times=3))
    peopled.send(ASKED)
    peopled.run()
    assert len(peopled.failures) == 3
    assert [reply["event"] for reply in peopled.replies()] == ["accepted", "started", "ended"]
    assert not peopled.letters.filed


def test_a_request_that_never_meets_azure_becomes_a_letter_that_its_sender_is_told_of(peopled: Doors) -> None:
    before = peopled.kept()
    peopled.world.faults.add(Fault(effect=Reset(), times=None))
    peopled.send(ASKED)
    peopled.run(until=peopled.clock.now() + timedelta(minutes=30))
    assert [reply["code"] for reply in peopled.replies()] == ["poisoned"]
    assert len(peopled.letters.filed) == 1
    assert peopled.kept() | {"letters": {}, "messages": []} == before


def test_a_letter_that_cannot_be_filed_waits_in_the_poison_queue(peopled: Doors) -> None:
    def away(*_: object) -> None:
        raise CallFailed(AWAY)

    def broken(*_: object, **__: object) -> None:
        message = "no such thing"
        raise RuntimeError(message)

    closed: Any = Faulty(peopled.letters, Calls(), around={"file": away})
    storage: Any = Faulty(peopled.operations, Calls(), around=dict.fromkeys(("bind", "bound"), broken))
    peopled.behind(peopled.rebuilt(letters=closed, operations=storage))
    peopled.send(ASKED)
    peopled.run(until=peopled.clock.now() + timedelta(minutes=5))
    (buried,) = peopled.queues.all(poison_queue(REQUESTS) or "")
    assert json.loads(buried.text) == ASKED
    peopled.behind(peopled.rebuilt())
    peopled.run(until=peopled.clock.now() + timedelta(minutes=15))
    assert len(peopled.letters.filed) == 1
    assert [reply["code"] for reply in peopled.replies()] == ["poisoned"]

"""The `Announcer` port and what it shares with `Wakes`: messages are plain JSON, and a queue is there when it is needed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from azure.storage.queue import QueueServiceClient

from local.memory import MemoryAnnouncer
from shared.adapters.queues import QueueAnnouncer, Queues
from shared.model.errors import CallFailed, Code
from shared.model.operations import Status
from shared.ports import Announcer
from tests.builders import NOON
from tests.contract.storing import raced
from tests.contract.tapping import Tap

MESSAGE: Mapping[str, object] = {
    "event": "ended",
    "operation": "op-1",
    "status": Status.SUCCEEDED,
    "cluster": "prod-rg/web",
    "because": "caf\u00e9 <&> \U0001f680 \"'\x01\ud800",
    "correlation": "c-1",
}


@dataclass(frozen=True)
class Heard:
    """The port, and what came out at the other end of a queue."""

    announcer: Announcer
    messages: Callable[[str], list[object]]


@pytest.fixture(params=["memory", "queues"])
def heard(request: pytest.FixtureRequest) -> Heard:
    if request.param == "memory":
        memory = MemoryAnnouncer()
        return Heard(memory, lambda queue: [message for name, message in memory.said if name == queue])
    service = QueueServiceClient.from_connection_string(request.getfixturevalue("azurite"))
    return Heard(
        QueueAnnouncer(request.getfixturevalue("queues")),
        lambda queue: [json.loads(message.content) for message in service.get_queue_client(queue).peek_messages(32)],
    )


def a_queue() -> str:
    """A queue that does not exist."""
    return f"replies-{uuid4().hex[:12]}"


def test_a_reply_arrives_as_it_was_said_on_a_queue_that_did_not_exist(heard: Heard) -> None:
    queue = a_queue()
    heard.announcer.say(queue, MESSAGE)
    assert heard.messages(queue) == [dict(MESSAGE)]


def test_replies_keep_their_order_and_their_queue(heard: Heard) -> None:
    first, second = a_queue(), a_queue()
    for n in range(3):
        heard.announcer.say(first, {"n": n})
    heard.announcer.say(second, {"n": "other"})
    assert heard.messages(first) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert heard.messages(second) == [{"n": "other"}]


def test_many_who_speak_first_at_once_are_all_heard(heard: Heard) -> None:
    queue = a_queue()

    def say(n: int) -> bool:
        heard.announcer.say(queue, {"n": n})
        return True

    assert raced(8, say) == [True] * 8
    assert sorted(str(message) for message in heard.messages(queue)) == sorted(str({"n": n}) for n in range(8))


def test_a_queue_that_is_there_costs_one_request_and_one_that_is_not_three(queues: Queues, queue_tap: Tap) -> None:
    announcer, queue = QueueAnnouncer(queues), a_queue()
    assert queue_tap.cost(lambda: announcer.say(queue, MESSAGE)) == 3
    assert queue_tap.cost(lambda: announcer.say(queue, MESSAGE)) == 1


def test_values_that_json_does_not_know_are_said_as_text(queues: Queues, azurite: str) -> None:
    queue = a_queue()
    QueueAnnouncer(queues).say(queue, {"at": NOON, "lasts": timedelta(minutes=1)})
    message = QueueServiceClient.from_connection_string(azurite).get_queue_client(queue).peek_messages()[0]
    assert json.loads(message.content) == {"at": "2026-11-23 12:00:00+00:00", "lasts": "0:01:00"}


def test_a_send_that_breaks_is_not_repeated_and_names_no_secret(queues: Queues, queue_tap: Tap) -> None:
    announcer, queue = QueueAnnouncer(queues), a_queue()
    announcer.say(queue, MESSAGE)
    queue_tap.break_next("POST")
    asked = len(queue_tap.asked)
    with pytest.raises(CallFailed) as failed:
        announcer.say(queue, MESSAGE)
    assert len(queue_tap.asked) == asked + 1
    assert (failed.value.failure.code, failed.value.failure.transient, failed.value.failure.unsure) == (Code.UNREACHABLE, True, True)
    assert "127.0.0.1" not in str(failed.value)

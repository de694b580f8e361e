"""The `Wakes` port: a wake-up arrives, as plain JSON, not before its time, however long the app was away."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from local.memory import MemoryClock, MemoryWakes
from shared.adapters.queues import LONGEST, Queues, QueueWakes
from shared.model.messages import STEPS
from shared.model.operations import Wake
from shared.ports import Wakes
from tests.contract.tapping import Tap

CLUSTER = "a" * 16
RESERVED = {"id", "dequeuecount", "insertiontime", "expirationtime", "nextvisibletime", "popreceipt", "queuetrigger"}


def a_wake(number: int = 7) -> Wake:
    return Wake(cluster_key=CLUSTER, operation=f"op-{CLUSTER}-000000001", wake=number)


@dataclass(frozen=True)
class Line:
    """The port, the next wake-up that is visible now, and a way to let time pass."""

    wakes: Wakes
    take: Callable[[], Wake | None]
    now: Callable[[], datetime]
    wait: Callable[[timedelta], object]


@pytest.fixture
def steps(azurite: str) -> QueueClient:
    """The queue of wake-ups, empty."""
    queue = QueueServiceClient.from_connection_string(azurite).get_queue_client(STEPS)
    if STEPS in [known.name for known in QueueServiceClient.from_connection_string(azurite).list_queues()]:
        queue.clear_messages()
    return queue


@pytest.fixture(params=["memory", "queues"])
def line(request: pytest.FixtureRequest) -> Line:
    if request.param == "memory":
        clock = MemoryClock()
        memory = MemoryWakes(clock.now)
        return Line(memory, memory.due, clock.now, clock.advance)
    queue: QueueClient = request.getfixturevalue("steps")

    def take() -> Wake | None:
        message = queue.receive_message()
        if message is None:
            return None
        queue.delete_message(message)
        document = json.loads(message.content)
        return Wake(cluster_key=document["cluster_key"], operation=document["operation"], wake=document["wake"])

    def wait(by: timedelta) -> object:
        return Event().wait(min(by.total_seconds(), 0.05))

    return Line(QueueWakes(request.getfixturevalue("queues")), take, lambda: datetime.now(UTC), wait)


def arrival(line: Line) -> tuple[Wake, datetime]:
    """The next wake-up and when it came."""
    deadline = time.monotonic() + 20
    while True:
        wake = line.take()
        if wake is not None:
            return wake, line.now()
        assert time.monotonic() < deadline, "no wake-up came"
        line.wait(timedelta(milliseconds=50))


def test_a_wake_up_without_delay_arrives_at_once_and_once(line: Line) -> None:
    line.wakes.send(a_wake(), delay=timedelta(0))
    assert line.take() == a_wake()
    assert line.take() is None


def test_a_wake_up_does_not_arrive_before_its_delay_has_passed(line: Line) -> None:
    sent_at, delay = line.now(), timedelta(seconds=1)
    line.wakes.send(a_wake(), delay=delay)
    assert line.take() is None
    wake, arrived_at = arrival(line)
    assert wake == a_wake()
    assert arrived_at - sent_at >= delay - timedelta(milliseconds=20)  # Azurite counts in its own clock's milliseconds


def test_a_shorter_delay_sent_later_arrives_first(line: Line) -> None:
    line.wakes.send(a_wake(1), delay=timedelta(hours=1))
    line.wakes.send(a_wake(2), delay=timedelta(0))
    assert line.take() == a_wake(2)
    assert line.take() is None


def test_the_same_wake_up_sent_twice_arrives_twice(line: Line) -> None:
    for _ in range(2):
        line.wakes.send(a_wake(), delay=timedelta(0))
    assert [line.take(), line.take(), line.take()] == [a_wake(), a_wake(), None]


# ---- on the wire


def sent(queue_tap: Tap, queues: Queues, delay: timedelta) -> dict[str, list[str]]:
    """What the request that sends a wake-up with a delay says in its query."""
    queue_tap.asked.clear()
    QueueWakes(queues).send(a_wake(), delay=delay)
    return parse_qs(urlsplit(queue_tap.asked[-1][1]).query)


def test_a_wake_up_is_plain_json_and_says_who_and_which(steps: QueueClient, queues: Queues) -> None:
    QueueWakes(queues).send(a_wake(), delay=timedelta(0))
    text = steps.peek_messages()[0].content
    document = json.loads(text)
    assert document == {"schema": 1, "cluster_key": CLUSTER, "operation": f"op-{CLUSTER}-000000001", "wake": 7}
    assert not {name.lower() for name in document} & RESERVED


def test_a_wake_up_never_expires(steps: QueueClient, queues: Queues, queue_tap: Tap) -> None:
    assert sent(queue_tap, queues, timedelta(0))["messagettl"] == ["-1"]
    expires_on = steps.peek_messages()[0].expires_on
    assert expires_on is not None
    assert expires_on.year >= 9999


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(microseconds=1), "1"),
        (timedelta(seconds=1), "1"),
        (timedelta(seconds=1, milliseconds=1), "2"),
        (timedelta(minutes=5), "300"),
        (timedelta(days=30), str(int(LONGEST.total_seconds()))),
    ],
)
def test_a_delay_is_rounded_up_to_whole_seconds_and_never_longer_than_a_queue_takes(
    queues: Queues, queue_tap: Tap, delay: timedelta, seconds: str
) -> None:
    assert sent(queue_tap, queues, delay)["visibilitytimeout"] == [seconds]


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=-5)])
def test_no_delay_and_one_that_has_passed_hide_nothing(steps: QueueClient, queues: Queues, delay: timedelta) -> None:
    QueueWakes(queues).send(a_wake(), delay=delay)
    assert len(steps.peek_messages(5)) == 1

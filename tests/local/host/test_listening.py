"""The queue listener by itself, over a queue in memory: how much it takes at once, when it looks, and how a message ends."""

import asyncio
import contextlib
import io
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.admitting import QueueName
from local.host.calls import Call, Done, Failed, Outcome, QueueCall
from local.host.listening import Listener
from local.host.log import Log
from local.host.settings import QueueSettings
from local.host.storage import Queues
from tests.local.host.patience import until

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JOBS = QueueName(queue="jobs", connection="in memory")
POISON = QueueName(queue="jobs-poison", connection="in memory")
HOUR = timedelta(hours=1)


def message(text: str, count: int = 1) -> QueueMessage:
    made = QueueMessage(content=text)
    made.id, made.pop_receipt, made.dequeue_count = text, "receipt 0", count
    made.inserted_on, made.expires_on, made.next_visible_on = NOW, NOW + timedelta(days=7), NOW + timedelta(minutes=10)
    return made


def refused(status: int, code: str) -> AzureError:
    error = (ResourceNotFoundError if status == 404 else HttpResponseError)(code)
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined]
    return error


@dataclass
class Queue:
    """What the listener asks of one queue, answered from memory and noted; `faults` are raised by the next calls of that name."""

    waiting: list[QueueMessage] = field(default_factory=list)
    faults: dict[str, list[AzureError | None]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    receipts: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def _fail(self, name: str) -> None:
        if (faults := self.faults.get(name)) and (fault := faults.pop(0)):
            raise fault

    def receive_messages(self, *, messages_per_page: int, max_messages: int, visibility_timeout: int) -> "Queue":
        assert messages_per_page == max_messages
        self.looks.append(time.monotonic())
        self.asked.append(("receive", (max_messages, visibility_timeout)))
        return self

    async def _page(self) -> AsyncIterator[AsyncIterator[QueueMessage]]:
        self._fail("receive")
        size = self.asked[-1][1][0] if self.asked[-1][0] == "receive" else 32
        taken, self.waiting = self.waiting[:size], self.waiting[size:]

        async def messages() -> AsyncIterator[QueueMessage]:
            for each in taken:
                yield each

        yield messages()

    def by_page(self) -> AsyncIterator[AsyncIterator[QueueMessage]]:
        return self._page()

    async def delete_message(self, id: str, receipt: str) -> None:  # noqa: A002 - the library's own name
        self.asked.append(("delete", (id, receipt)))
        self._fail("delete")

    async def update_message(self, id: str, receipt: str, *, visibility_timeout: int) -> QueueMessage:  # noqa: A002 - as above
        self.asked.append(("update", (id, receipt, visibility_timeout)))
        self._fail("update")
        renewed = message(id)
        renewed.pop_receipt = f"receipt {next(self.receipts)}"
        return renewed

    async def send_message(self, text: str) -> None:
        self.asked.append(("send", text))
        self._fail("send")

    async def create_queue(self) -> None:
        self.asked.append(("create", None))

    def of(self, *names: str) -> list[tuple[str, Any]]:
        return [(name, what) for name, what in self.asked if name in names]


class Shelf(Queues):
    """Queues in memory."""

    def __init__(self) -> None:
        self.heard: list[QueueName] = []
        self.kept: dict[QueueName, Queue] = {}
        super().__init__("none", told=self.heard.append)

    async def client(self, name: QueueName) -> QueueClient:
        return cast("QueueClient", self.at(name))

    def at(self, name: QueueName) -> Queue:
        return self.kept.setdefault(name, Queue())


class Bench:
    """A listener on a queue in memory, and the invocations that it asks for; each is done when `answer` says so."""

    def __init__(self, queue: QueueName = JOBS, *, speed: float = 1, longest: timedelta = HOUR, **settings: Any) -> None:
        self.shelf = Shelf()
        self.queue = self.shelf.at(queue)
        self.log = io.StringIO()
        self.running: dict[str, asyncio.Future[Outcome]] = {}
        self.invoked: list[str] = []
        self.most = 0
        self.listener = Listener(
            "work",
            self.shelf,
            QueueSettings(max_polling_interval=longest, encoding="none", **settings),
            queue=queue,
            speed=speed,
            invoke=self.invoke,
            log=Log(stream=self.log),
        )

    async def invoke(self, function: str, call: Call) -> Outcome:
        assert function == "work"
        assert isinstance(call, QueueCall)
        self.invoked.append(call.body)
        self.running[call.body] = asyncio.get_running_loop().create_future()
        self.most = max(self.most, len(self.running))
        try:
            return await self.running[call.body]
        finally:
            del self.running[call.body]

    def answer(self, *bodies: str, outcome: Outcome | None = None) -> None:
        for body in bodies:
            self.running[body].set_result(outcome or Done())

    async def turns(self) -> None:
        """Let the listener do all that it can do without waiting."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def grow_tired(self) -> None:
        """Have it look in vain, and at once again, so often that its next pause would be minutes."""
        for looks in range(len(self.queue.looks), len(self.queue.looks) + 12):
            self.listener.wake()
            await until(lambda looks=looks: len(self.queue.looks) > looks)  # type: ignore[misc]

    def run(self, scenario: Callable[[], Coroutine[Any, Any, None]]) -> "Bench":
        """Play `scenario` while the listener listens, then stop it and wait for its end."""

        async def main() -> None:
            listening = asyncio.create_task(self.listener.run())
            async with asyncio.timeout(60):
                await scenario()
                self.listener.stop()
                await listening

        asyncio.run(main())
        return self

    def settled(self, outcome: Outcome, *, text: str = "a", count: int = 1) -> "Bench":
        """One message comes, its function ends so, and all is done that follows."""
        self.queue.waiting.append(message(text, count))

        async def scenario() -> None:
            await until(lambda: text in self.running)
            self.answer(text, outcome=outcome)
            await until(lambda: not self.listener.busy)

        return self.run(scenario)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for line in self.log.getvalue().splitlines() if (event := json.loads(line))["event"] == name]


NO = Failed(error="no")


# ------------------------------------------------------------------------------------------------------------------- how much, and when


def test_no_more_is_under_way_than_a_batch_and_the_threshold() -> None:
    bench = Bench(batch_size=2, new_batch_threshold=1)
    bench.queue.waiting = [message(name) for name in "abcdefg"]

    async def scenario() -> None:
        await until(lambda: len(bench.running) == 2)
        looks = len(bench.queue.looks)
        await bench.turns()
        assert len(bench.queue.looks) == looks  # two are more than the threshold: it does not look
        bench.answer("a")
        await until(lambda: len(bench.running) == 3)  # one is not: it looks again at once, and takes a whole batch
        for _ in range(3):
            bench.answer(*list(bench.running))
            await bench.turns()
        await until(lambda: len(bench.invoked) == 7)
        bench.answer(*list(bench.running))

    bench.run(scenario)
    assert bench.most == 3
    assert bench.invoked == list("abcdefg")


def test_a_batch_is_hidden_for_ten_minutes() -> None:
    bench = Bench(batch_size=5).settled(Done())
    assert bench.queue.of("receive")[0] == ("receive", (5, 600))


def test_an_empty_queue_is_looked_at_less_and_less_and_a_message_makes_it_often_again() -> None:
    bench = Bench()

    async def scenario() -> None:
        await until(lambda: len(bench.queue.looks) == 4)
        await bench.grow_tired()
        bench.queue.waiting.append(message("a"))
        bench.listener.wake()
        await until(lambda: bench.running)
        bench.answer("a")
        looks = len(bench.queue.looks)
        await until(lambda: len(bench.queue.looks) == looks + 2)  # nobody wakes it, and it does not pause for minutes any more

    looks = bench.run(scenario).queue.looks[:4]
    pauses = [after - before for before, after in itertools.pairwise(looks)]
    assert [pause >= least for pause, least in zip(pauses, (0.179, 0.259, 0.419), strict=True)] == [True] * 3


def test_a_queue_that_is_missing_is_empty_and_one_that_cannot_be_read_is_reported_once() -> None:
    bench = Bench(longest=timedelta(milliseconds=100))
    trouble = ServiceRequestError("no")
    bench.queue.faults["receive"] = [refused(404, "QueueNotFound"), trouble, trouble, refused(500, "InternalError"), None]
    bench.queue.waiting.append(message("a"))

    async def scenario() -> None:
        await until(lambda: bench.running)
        bench.answer("a")

    bench.run(scenario)
    assert [(event["level"], event["why"]) for event in bench.events("queue_unreadable")] == [("information", "no_queue")]
    assert len(bench.events("queue_readable")) == 1


def test_what_this_host_puts_into_a_queue_wakes_its_listener_at_once() -> None:
    bench = Bench()

    async def scenario() -> None:
        await bench.grow_tired()
        bench.queue.waiting.append(message("a"))
        bench.listener.wake()
        await until(lambda: bench.running)
        bench.answer("a")

    bench.run(scenario)
    assert bench.invoked == ["a"]


def test_whoever_puts_a_message_into_a_queue_is_heard() -> None:
    shelf = Shelf()
    asyncio.run(shelf.put(JOBS, "a"))
    assert (shelf.heard, shelf.at(JOBS).asked) == ([JOBS], [("send", "a")])


def test_a_stopped_listener_takes_nothing_more_and_finishes_what_it_has() -> None:
    bench = Bench(batch_size=1)
    bench.queue.waiting = [message("a"), message("b")]

    async def scenario() -> None:
        await until(lambda: bench.running)
        bench.listener.stop()
        await bench.turns()
        bench.answer(*list(bench.running))

    bench.run(scenario)
    assert len(bench.queue.of("delete")) == len(bench.invoked)
    assert len(bench.queue.waiting) == 2 - len(bench.invoked)


# ----------------------------------------------------------------------------------------------------------------- how a message ends


def test_success_deletes() -> None:
    assert Bench().settled(Done()).queue.of("delete", "update", "send") == [("delete", ("a", "receipt 0"))]


@pytest.mark.parametrize(("speed", "seconds"), [(1, 30), (60, 1)])
def test_a_failure_lets_go_after_the_time_that_host_json_says(speed: float, seconds: int) -> None:
    bench = Bench(speed=speed, visibility_timeout=timedelta(seconds=30)).settled(NO, count=4)
    assert bench.queue.of("delete", "update") == [("update", ("a", "receipt 0", seconds))]
    assert bench.shelf.at(POISON).asked == []


def test_the_last_failure_copies_to_the_poison_queue_and_then_deletes() -> None:
    bench = Bench().settled(NO, count=5)
    assert bench.shelf.at(POISON).asked == [("send", "a")]
    assert bench.queue.of("delete", "update") == [("delete", ("a", "receipt 0"))]


def test_a_poison_queue_that_is_missing_is_made() -> None:
    bench = Bench()
    bench.shelf.at(POISON).faults["send"] = [refused(404, "QueueNotFound")]
    bench.settled(NO, count=5)
    assert bench.shelf.at(POISON).asked == [("send", "a"), ("create", None), ("send", "a")]


def test_what_cannot_be_copied_is_not_deleted() -> None:
    bench = Bench()
    bench.shelf.at(POISON).faults["send"] = [ServiceRequestError("no")]
    bench.settled(NO, count=5)
    assert bench.queue.of("delete", "update") == []
    assert [event["level"] for event in bench.events("message_not_settled")] == ["warning"]


def test_a_message_that_came_too_often_is_poisoned_without_being_tried() -> None:
    bench = Bench()
    bench.queue.waiting.append(message("a", 6))

    async def scenario() -> None:
        await until(lambda: bench.queue.of("delete"))

    bench.run(scenario)
    assert (bench.invoked, bench.shelf.at(POISON).asked) == ([], [("send", "a")])


def test_in_a_poison_queue_a_failure_leaves_the_message_hidden() -> None:
    bench = Bench(POISON).settled(NO, count=1)
    assert bench.queue.of("delete", "update", "send") == []


def test_in_a_poison_queue_a_message_that_came_too_often_is_not_tried_any_more() -> None:
    bench = Bench(POISON)
    bench.queue.waiting.append(message("a", 6))

    async def scenario() -> None:
        await until(lambda: len(bench.queue.looks) >= 2 and not bench.listener.busy)

    bench.run(scenario)
    assert (bench.invoked, bench.queue.of("delete", "update", "send")) == ([], [])


@pytest.mark.parametrize("error", [refused(404, "MessageNotFound"), refused(400, "PopReceiptMismatch")])
def test_a_function_may_have_settled_its_own_message(error: AzureError) -> None:
    bench = Bench()
    bench.queue.faults["delete"] = [error]
    bench.settled(Done())
    assert [event["level"] for event in bench.events("message_not_settled")] == ["information"]


# ------------------------------------------------------------------------------------------------------------------------- renewal


def test_a_long_run_renews_and_uses_the_newest_receipt() -> None:
    bench = Bench(speed=6000)  # a lease is one second, renewed at a third
    bench.queue.waiting.append(message("a"))

    async def scenario() -> None:
        await until(lambda: len(bench.queue.of("update")) == 2)
        bench.answer("a")
        await until(lambda: bench.queue.of("delete"))

    bench.run(scenario)
    first, second = bench.queue.of("update")[:2]
    assert (first[1], second[1]) == (("a", "receipt 0", 1), ("a", "receipt 1", 1))
    (deleted,) = bench.queue.of("delete")
    assert deleted[1] == ("a", f"receipt {len(bench.queue.of('update'))}")


def test_a_renewal_that_fails_is_tried_again_and_again() -> None:
    bench = Bench(speed=6000)
    bench.queue.faults["update"] = [ServiceRequestError("no"), refused(500, "InternalError"), None]
    bench.queue.waiting.append(message("a"))

    async def scenario() -> None:
        await until(lambda: len(bench.queue.of("update")) == 3)
        bench.answer("a")

    bench.run(scenario)
    assert bench.queue.of("delete") == [("delete", ("a", "receipt 1"))]


@pytest.mark.parametrize("error", [refused(404, "MessageNotFound"), refused(400, "PopReceiptMismatch")])
def test_a_message_that_is_no_longer_ours_is_renewed_no_more(error: AzureError) -> None:
    bench = Bench(speed=6000)
    bench.queue.faults["update"] = [error]
    bench.queue.waiting.append(message("a"))

    async def scenario() -> None:
        await until(lambda: len(bench.queue.of("update")) == 1)
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(bench.queue.of("update")) > 1, within=0.8)  # two more would be due
        bench.answer("a")

    bench.run(scenario)
    assert len(bench.queue.of("update")) == 1

"""How late a delayed wake-up comes, because a host looks into a quiet queue ever more seldom, and how many looks find nothing.

The listener is the local host's own, on a clock that jumps. The queue is a few lines; it answers at once, so that what is counted is only
the back-off. The delays are those that our pace really uses: for each kind of `LOOKS` one operation, alone in the queue, that lasts until
its last look. Chance (the jitter of the back-off) is seeded, so that the numbers are the same in each run.
"""

import asyncio
import math
import random
import statistics
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from azure.storage.queue import QueueMessage

from local.bench import virtual
from local.host.admitting import QueueName
from local.host.calls import Call, Done, Outcome
from local.host.listening import Listener
from local.host.log import Log
from local.host.settings import QueueSettings, host_settings, read_host_settings
from local.processes import ROOT
from shared.rules import pace

SEED = 1
ROUNDS = 20
"""How often each kind's operation is run: the jitter differs."""
PATIENCE = 100
"""An operation that has not ended after so many times its table's length, on the virtual clock, never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Seconds between the instants when wake-ups became visible and those when the host took them; `empty`: looks that found nothing."""

    late: Sequence[float]
    empty: int

    @property
    def mean(self) -> float:
        """The mean lateness in seconds."""
        return statistics.fmean(self.late)

    @property
    def worst(self) -> float:
        """The worst lateness in seconds."""
        return max(self.late)


def shipped() -> QueueSettings:
    """What host.json says."""
    return read_host_settings(ROOT, {}).queues


def default() -> QueueSettings:
    """The same, but for `maxPollingInterval`: that is what the host takes in Azure where host.json says nothing."""
    silent = host_settings({"version": "2.0"}, {"AZURE_FUNCTIONS_ENVIRONMENT": "Production"}).queues
    return replace(shipped(), max_polling_interval=silent.max_polling_interval)


def measured(settings: QueueSettings, looks: pace.Looks = pace.LOOKS) -> Lateness:
    """The lateness of every look of those operations under a host with these settings."""
    late: list[float] = []
    empty = 0
    with _seeded():
        for _ in range(ROUNDS):
            for table in looks.values():
                queue = virtual.run(_operation(settings, table))
                late += queue.late
                empty += queue.empty
    return Lateness(late=tuple(late), empty=empty)


async def _operation(settings: QueueSettings, table: tuple[int, ...]) -> "_Queue":
    """One operation, from the call that Azure took at second 0 to the last look of its table."""
    time = asyncio.get_running_loop().time
    queue = _Queue()

    def look_again(now: float) -> None:
        elapsed = timedelta(seconds=now)
        queue.send(after=math.ceil((pace.look_after(table, elapsed) - elapsed).total_seconds()))

    async def invoke(_: str, __: Call) -> Outcome:
        if time() < table[-1]:
            look_again(time())
        else:
            listener.stop()
        return Done()

    name = QueueName(queue="operation-steps", connection="")
    listener = Listener("steps_advance", queue, settings, queue=name, speed=1.0, invoke=invoke, log=Log(stream=StringIO()))  # type: ignore[arg-type]  # the queue below stands for the host's clients
    look_again(0.0)
    async with asyncio.timeout(PATIENCE * table[-1]):
        await listener.run()
    return queue


@dataclass(slots=True)
class _Queue:
    """A queue with at most one message, and the client of it; times are the running loop's."""

    late: list[float] = field(default_factory=list)
    empty: int = 0
    _visible_at: float | None = None

    def send(self, *, after: int) -> None:
        self._visible_at = asyncio.get_running_loop().time() + after

    async def client(self, _: QueueName) -> "_Queue":
        return self

    def receive_messages(self, **_: object) -> "_Queue":
        return self

    async def by_page(self) -> AsyncIterator["_Page"]:
        now = asyncio.get_running_loop().time()
        if self._visible_at is None or self._visible_at > now:
            self.empty += 1
            yield _Page(())
            return
        self.late.append(now - self._visible_at)
        self._visible_at = None
        yield _Page((_message(),))

    async def delete_message(self, *_: object) -> None:
        """Nothing is left of it."""


class _Page:
    def __init__(self, messages: tuple[QueueMessage, ...]) -> None:
        self._messages = messages

    async def __aiter__(self) -> AsyncIterator[QueueMessage]:
        for message in self._messages:
            yield message


def _message() -> QueueMessage:
    instant = datetime(2026, 11, 23, tzinfo=UTC)
    message: Any = QueueMessage(content="{}")
    message.id, message.pop_receipt, message.dequeue_count = "1", "1", 1
    message.inserted_on = message.expires_on = message.next_visible_on = instant
    made: QueueMessage = message
    return made


@contextmanager
def _seeded() -> Iterator[None]:
    former = random.getstate()
    random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(former)

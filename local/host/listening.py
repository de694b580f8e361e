"""Queue triggers: takes messages, has each invoke its function, and deletes, releases or poisons it by what came of that.

The rules are those of the host's queue extension; times of the world are scaled by `pace`. It builds no azure.functions objects.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.admitting import QueueName
from local.host.calls import Arrived, Call, Done, Outcome, queue_call
from local.host.log import Log
from local.host.messages import decoded, poison_queue
from local.host.pace import Backoff, Lease, longest_pause, whole_seconds
from local.host.settings import QueueSettings
from local.host.storage import Fault, Queues, fault

Invoke = Callable[[str, Call], Awaitable[Outcome]]


@dataclass(slots=True)
class _Held:
    """A message that we have received; its pop receipt changes with each renewal."""

    message: QueueMessage
    receipt: str


class Listener:
    """The queue trigger of one function."""

    def __init__(
        self, function: str, queues: Queues, settings: QueueSettings, *, queue: QueueName, speed: float, invoke: Invoke, log: Log
    ) -> None:
        self._function = function
        self._queue = queue
        self._queues = queues
        self._settings = settings
        self._speed = speed
        self._lease = Lease.at(speed)
        self._invoke = invoke
        self._log = log
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._healthy = True

    @property
    def queue(self) -> QueueName:
        """The queue it listens to."""
        return self._queue

    @property
    def busy(self) -> bool:
        """Whether a message that was received is not settled yet."""
        return bool(self._in_flight)

    def wake(self) -> None:
        """Look at once: this host has just put something into the queue."""
        self._woken.set()

    def stop(self) -> None:
        """Receive no more; what was received goes on."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Listen until stopped, and then until the last message received is dealt with."""
        client = await self._queues.client(self._queue)
        backoff = Backoff(longest=longest_pause(self._settings.max_polling_interval, self._speed))
        while not self._stopping.is_set():
            self._woken.clear()
            messages = await self._receive(client)
            for message in messages:
                task = asyncio.create_task(self._deal_with(client, _Held(message, message.pop_receipt or "")))
                self._in_flight.add(task)
                task.add_done_callback(self._dealt_with)
            if messages:
                backoff.reset()
                while len(self._in_flight) > self._settings.new_batch_threshold and not self._stopping.is_set():
                    await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            elif not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.pause().total_seconds()):
                        await self._woken.wait()
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    def _dealt_with(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.event("message_not_settled", level="error", function=self._function, queue=self._queue.queue, why=repr(error))

    async def _receive(self, client: QueueClient) -> list[QueueMessage]:
        size = self._settings.batch_size
        try:
            pages = client.receive_messages(messages_per_page=size, max_messages=size, visibility_timeout=self._lease.seconds).by_page()
            messages = [message async for message in await anext(pages)]
        except StopAsyncIteration:
            return []
        except AzureError as error:
            kind = fault(error)
            self._note(healthy=False, kind=kind)
            return []
        self._note(healthy=True)
        return messages

    def _note(self, *, healthy: bool, kind: Fault | None = None) -> None:
        """Say once that the queue cannot be read, and once that it can be read again; a missing queue is no fault, only empty."""
        if healthy == self._healthy:
            return
        self._healthy = healthy
        level = "warning" if kind is Fault.TROUBLE else "information"
        name = "queue_readable" if healthy else "queue_unreadable"
        self._log.event(name, level=level, function=self._function, queue=self._queue.queue, why=kind.value if kind else None)

    async def _deal_with(self, client: QueueClient, held: _Held) -> None:
        message = held.message
        poison = poison_queue(self._queue.queue)
        try:
            if (message.dequeue_count or 0) > self._settings.max_dequeue_count:
                if poison is not None:
                    await self._to_poison(client, held, poison, why="dequeued too often")
                return  # without a poison queue it is not tried again either: it comes and goes until it expires
            body = decoded(message.content, self._settings.encoding)
            if body is None:
                if poison is not None:
                    await self._to_poison(client, held, poison, why="not base64")
                return
            outcome = await self._invoked(client, held, body)
            if isinstance(outcome, Done):
                await client.delete_message(message.id, held.receipt)
            elif poison is None:
                return  # it stays hidden for what is left of its lease, which prevents a fast endless loop
            elif (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
                await self._to_poison(client, held, poison, why="failed too often")
            else:
                pause = whole_seconds(self._settings.visibility_timeout, self._speed)
                await client.update_message(message.id, held.receipt, visibility_timeout=pause)
        except AzureError as error:
            kind = fault(error)
            level = "information" if kind is Fault.NOT_OURS else "warning"  # a function may delete or change its own message
            facts = {"function": self._function, "queue": self._queue.queue, "message": message.id, "why": kind.value}
            self._log.event("message_not_settled", level=level, **facts)

    async def _invoked(self, client: QueueClient, held: _Held, body: str) -> Outcome:
        returned = asyncio.Event()
        renewing = asyncio.create_task(self._renew(client, held, returned))
        try:
            return await self._invoke(self._function, queue_call(body, _arrived(held.message)))
        finally:
            returned.set()
            await renewing  # a renewal on its way brings the receipt that the delete needs

    async def _renew(self, client: QueueClient, held: _Held, returned: asyncio.Event) -> None:
        """Keep the message hidden until its function has returned, or the message is no longer ours."""
        wait = self._lease.renew_after
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await returned.wait()
                return
            try:
                renewed = await client.update_message(held.message.id, held.receipt, visibility_timeout=self._lease.seconds)
                held.receipt = renewed.pop_receipt or held.receipt
                wait = self._lease.renew_after
            except AzureError as error:
                if fault(error) is not Fault.TROUBLE:
                    return
                wait = self._lease.after_fault(wait)

    async def _to_poison(self, client: QueueClient, held: _Held, poison: str, *, why: str) -> None:
        """Copy, then delete: a crash between the two leaves two copies, never none."""
        await self._queues.put_raw(QueueName(queue=poison, connection=self._queue.connection), held.message.content)
        facts = {"function": self._function, "queue": self._queue.queue, "message": held.message.id, "why": why}
        self._log.event("message_poisoned", level="error", **facts)
        await client.delete_message(held.message.id, held.receipt)


def _arrived(message: QueueMessage) -> Arrived:
    if message.inserted_on is None or message.expires_on is None or message.next_visible_on is None:
        text = f"storage handed out the message {message.id} without its times"
        raise ValueError(text)
    return Arrived(
        id=message.id,
        pop_receipt=message.pop_receipt or "",
        text=message.content,
        dequeue_count=message.dequeue_count or 0,
        inserted_at=message.inserted_on,
        expires_at=message.expires_on,
        next_visible_at=message.next_visible_on,
    )

"""The queues behind the host: one client for each, made in one place, and the errors that the listeners tell apart."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from enum import Enum

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueClient

from local.host.admitting import QueueName
from local.host.messages import encoded


class Fault(Enum):
    """Why storage did not do what it was asked."""

    NO_QUEUE = "no_queue"
    NOT_OURS = "not_ours"
    """The message is gone, or somebody else has changed it: our pop receipt is no longer good."""
    TROUBLE = "trouble"


def fault(error: AzureError) -> Fault:
    """What kind of fault `error` is."""
    if isinstance(error, HttpResponseError):
        code = str(getattr(error, "error_code", "") or "")
        if code in {"QueueNotFound", "QueueBeingDeleted"}:
            return Fault.NO_QUEUE
        if code in {"MessageNotFound", "PopReceiptMismatch", "InvalidQueryParameterValue"} or error.status_code in {400, 404}:
            return Fault.NOT_OURS
    return Fault.TROUBLE


class Queues:
    """One client a queue, kept until the host ends; `told` hears of every queue that something was put into."""

    def __init__(self, encoding: str, *, told: Callable[[QueueName], None]) -> None:
        self._encoding = encoding
        self._told = told
        self._stack = AsyncExitStack()
        self._clients: dict[QueueName, QueueClient] = {}

    async def client(self, name: QueueName) -> QueueClient:
        """The client of a queue; it passes text as it is, for the host encodes by host.json and not by the library."""
        if name not in self._clients:
            made = QueueClient.from_connection_string(
                name.connection,
                name.queue,
                retry_total=2,
                initial_backoff=1,
                increment_base=1,
                random_jitter_range=0,
                connection_timeout=5,
                read_timeout=30,
                logging_enable=False,
            )
            self._clients[name] = await self._stack.enter_async_context(made)
        return self._clients[name]

    async def put(self, name: QueueName, text: str) -> None:
        """Put a function's output, encoded by host.json's rule, into a queue, which is created when it is missing."""
        await self.put_raw(name, encoded(text, self._encoding))

    async def put_raw(self, name: QueueName, raw: str) -> None:
        """Put a message as it stands into a queue, which is created when it is missing."""
        client = await self.client(name)
        try:
            await client.send_message(raw)
        except HttpResponseError as error:
            if fault(error) is not Fault.NO_QUEUE and error.status_code != 404:
                raise
            await client.create_queue()
            await client.send_message(raw)
        self._told(name)

    async def close(self) -> None:
        """Close every client."""
        await self._stack.aclose()

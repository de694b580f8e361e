"""Which requests one operation makes to storage, recorded from the engine, and the same requests in a loop without an engine.

As a script it is that loop: `python -m local.bench.storage_calls CONNECTION OPERATIONS THREADS NAME`, with the recorded calls as JSON on
standard input; it prints the seconds that it took. Rows and messages are as long as those recorded; what they say does not matter.
"""

import contextlib
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import HttpTransport
from azure.data.tables import TransactionOperation, UpdateMode
from azure.storage.queue import QueueMessage

from local.arm.durations import fixed
from local.arm.world import World
from local.bench.costs import HIDDEN_SECONDS, Case, CountedStorage, CountingTransport
from local.bench.wiring import SUBSCRIPTION, settings_of
from local.inprocess import clusters_of
from local.memory import MemoryClock
from shared.adapters import clients
from shared.adapters.queues import NEVER
from shared.adapters.tables import TABLES

QUEUE, PREFIX = "bench-raw", "raw"
"""The loop's own queue, and how its own tables' names begin: beside those of an app that may be running."""
CASE = Case(polls=(1, 1, 1))
_TABLE = re.compile(rf"/(?:{PREFIX})?({'|'.join(TABLES)})\b")
_ENVELOPE = 600
"""About as many bytes of a transaction are headers and keys around each row."""
_VERBS = {"GET": "read", "PUT": "upsert", "DELETE": "delete"}
_QUEUE_VERBS = {"POST": "send", "GET": "fetch", "DELETE": "remove"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCall:
    """One request: what is done, in which table, with how many rows in one transaction, and how many bytes are sent."""

    what: str
    table: str = ""
    rows: int = 1
    size: int = 0


class RecordingTransport(CountingTransport):
    """A transport that keeps what each request was."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        super().__init__()
        self.sent: list[tuple[str, str, str | bytes | None]] = []

    @property
    def calls(self) -> tuple[StorageCall, ...]:
        """What was sent."""
        return tuple(call_of(*sent) for sent in self.sent)

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the SDK's own transports
        """Keep it, and send it."""
        self.sent.append((request.method, request.url.partition("?")[0], request.body))
        return super().send(request, **options)


def call_of(method: str, url: str, body: str | bytes | None) -> StorageCall:
    """What a request to storage does."""
    sent = body.encode() if isinstance(body, str) else body or b""
    if "/messages" in url:
        return StorageCall(what=_QUEUE_VERBS[method], size=len(sent))
    if url.endswith("/$batch"):
        return StorageCall(what="transact", table="clusters", rows=sent.count(b"HTTP/1.1\r\n"), size=len(sent))
    found = _TABLE.search(url)
    if found is None or method not in _VERBS:
        message = f"the engine asks storage for something that the loop does not know: {method} {url}"
        raise ValueError(message)
    return StorageCall(what=_VERBS[method], table=found[1], size=len(sent))


def recorded(connection: str, takes: timedelta) -> tuple[StorageCall, ...]:
    """What one creation asks of storage where its provider is registered and each of Azure's operations `takes` so long."""

    def counted(wire: CountingTransport) -> CountedStorage:
        clock = MemoryClock()
        world = World(clock=clock.now, subscriptions=(SUBSCRIPTION,), durations=fixed(takes), throttled=False, registered=True)
        return CountedStorage(connection, CASE, clusters=clusters_of(world, settings_of()), clock=clock, wire=wire)

    counted(CountingTransport()).run()  # the first in an account's life makes the row of the brake
    wire = RecordingTransport()
    storage = counted(wire)
    wire.sent.clear()
    requests = storage.run()
    return wire.calls[:requests]


class Loop:
    """The loop: one client for tables and one for queues, as in the app."""

    def __init__(self, connection: str, *, over: HttpTransport[Any, Any] | None = None) -> None:
        """Make the tables and the queue."""
        settings = settings_of(connection)
        self._tables = clients.tables(settings, over=over)
        self._queue = clients.queues(settings, over=over).get_queue_client(QUEUE)
        with contextlib.suppress(ResourceExistsError):
            self._queue.create_queue()
        for name in TABLES:
            self._tables.create_table_if_not_exists(f"{PREFIX}{name}")

    def operation(self, calls: tuple[StorageCall, ...], partition: str) -> None:
        """One operation's requests, on a partition of its own. One whose connection Azurite had closed meanwhile is sent again."""
        messages: list[QueueMessage | None] = []
        for call in calls:
            try:
                self._do(call, partition, messages)
            except (ServiceRequestError, ServiceResponseError):
                self._do(call, partition, messages)

    def _do(self, call: StorageCall, partition: str, messages: list[QueueMessage | None]) -> None:
        match call.what:
            case "send":
                self._queue.send_message("x" * call.size, time_to_live=NEVER)
            case "fetch":
                messages.append(self._queue.receive_message(visibility_timeout=HIDDEN_SECONDS))
            case "remove":
                if messages and (message := messages[-1]) is not None:
                    self._queue.delete_message(message)
                messages.clear()
            case _:
                self._on_table(call, partition)

    def _on_table(self, call: StorageCall, partition: str) -> None:
        table = self._tables.get_table_client(f"{PREFIX}{call.table}")
        keys: dict[str, Any] = {"PartitionKey": partition, "RowKey": "raw0"}
        match call.what:
            case "read":
                with contextlib.suppress(ResourceNotFoundError):
                    table.get_entity(partition, "raw0")
            case "upsert":
                table.upsert_entity({**keys, "state_0": "x" * max(0, call.size - _ENVELOPE // 4)}, mode=UpdateMode.REPLACE)
            case "delete":
                table.delete_entity(partition, "raw0")
            case "transact":
                state = "x" * max(0, call.size // call.rows - _ENVELOPE)
                rows = [{**keys, "RowKey": f"raw{n}", "state_0": state} for n in range(call.rows)]
                table.submit_transaction([(TransactionOperation.UPSERT, row, {"mode": UpdateMode.REPLACE}) for row in rows])
            case _:
                raise ValueError(call)


def main() -> None:
    """Do so many operations' requests in so many threads; the first few, which open connections, are not timed."""
    connection, operations, threads, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    calls = tuple(StorageCall(**call) for call in json.load(sys.stdin))
    loop = Loop(connection)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda n: loop.operation(calls, f"{name}-warm{n}"), range(threads)))
        begun = time.perf_counter()
        list(pool.map(lambda n: loop.operation(calls, f"{name}-{n}"), range(operations)))
        print(json.dumps({"seconds": time.perf_counter() - begun}), flush=True)  # noqa: T201 - its answer


def as_json(calls: tuple[StorageCall, ...]) -> str:
    """As the script reads them."""
    return json.dumps([asdict(call) for call in calls])


if __name__ == "__main__":
    main()

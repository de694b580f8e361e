"""Counting what operations cost: requests on the wire to storage, and to ARM. Counts are exact; no time is taken here.

The use cases are the shipped ones, through `Services`. Messages are fetched and deleted as the Functions host does it, but at once: the
queue is told no delay, and a clock of our own moves instead.
"""

import contextlib
import itertools
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.transport import HttpTransport
from azure.storage.queue import QueueClient

from local.bench.scripted import ScriptedClusters, ref_of, request_of, submission_of
from local.bench.wiring import services_of, settings_of
from local.memory import MemoryClock
from shared.adapters import clients
from shared.adapters.acting import TableActing
from shared.adapters.operations import TableOperations
from shared.adapters.queues import Queues, QueueWakes
from shared.adapters.tables import TABLES, Tables
from shared.model.answers import Taken
from shared.model.messages import STEPS
from shared.model.operations import Operation, Status, Wake
from shared.ports import Clusters, Wakes

HIDDEN_SECONDS = 600
"""How long the host hides a message that it has fetched."""
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An operation of so many steps, each asked for as often as `polls` says, the answering poll included."""

    polls: tuple[int, ...]
    keyed: bool = False
    waits: bool = False

    @property
    def steps(self) -> int:
        """S."""
        return len(self.polls)

    @property
    def bound(self) -> int:
        """The budget: accept 3 (1 more with a key, 3 more behind another operation), a step 8, an unchanged poll 4, the end 6."""
        return 4 * sum(self.polls) + 4 * self.steps + 9 + (1 if self.keyed else 0) + (3 if self.waits else 0)

    @property
    def durable(self) -> int:
        """The transactions of Durable Functions on Azure Storage for as many steps and polls, counted from its source: 9 + 9S + 15P."""
        return 9 + 9 * self.steps + 15 * sum(self.polls)

    def __str__(self) -> str:
        """The case in words."""
        how = " with a key" if self.keyed else ""
        return f"S={self.steps} P={sum(self.polls)}{how}{', after waiting its turn' if self.waits else ''}"


CASES = (
    Case(polls=(2,)),
    Case(polls=(4, 3)),
    Case(polls=(3, 3, 4)),
    Case(polls=(10, 10, 10)),
    Case(polls=(3, 3, 4), keyed=True),
    Case(polls=(3, 3, 4), waits=True),
)
"""The third is the case by which the budget is named: three steps and ten polls."""


class CountingTransport(HttpTransport[Any, Any]):
    """A transport that counts each request it puts on the wire."""

    def __init__(self) -> None:
        """Count from zero."""
        self.count = 0
        self._over = clients.transport()

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the SDK's own transports
        """Count one request and send it."""
        self.count += 1
        return self._over.send(request, **options)

    def open(self) -> None:
        """Open what is below."""
        self._over.open()

    def close(self) -> None:
        """Close what is below."""
        self._over.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class PromptWakes:
    """The `Wakes` port on a real queue, without its delays: what a message would have waited is put on the clock when it is fetched."""

    def __init__(self, wakes: Wakes) -> None:
        """Send by `wakes`."""
        self._wakes = wakes
        self.delays: dict[tuple[str, int], timedelta] = {}

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Send at once, and remember the delay."""
        self.delays[wake.operation, wake.wake] = delay
        self._wakes.send(wake, delay=timedelta(0))


class CountedStorage:
    """An app on real tables and a real queue, an Azure by script, and the count of what went to storage."""

    def __init__(
        self,
        connection: str,
        case: Case,
        *,
        clusters: Clusters | None = None,
        clock: MemoryClock | None = None,
        wire: CountingTransport | None = None,
    ) -> None:
        """Prepare the account, which is not counted: tables and queues are made once in its life. `clusters` may be another Azure."""
        self._connection = connection
        self._counted = 0
        self.case = case
        self.wire = wire or CountingTransport()
        self.clock = clock or MemoryClock()
        settings = settings_of(connection)
        tables = clients.tables(settings, over=self.wire)
        self._queue = QueueClient.from_connection_string(connection, STEPS, transport=self.wire)
        self.ref = ref_of(f"counted{next(_numbers)}")
        self.wakes = PromptWakes(QueueWakes(Queues(clients.queues(settings, over=self.wire))))
        self.operations = TableOperations(Tables(tables))
        acting = TableActing(Tables(tables))
        scripted = clusters or ScriptedClusters(case.polls, request=type(request_of(case.steps, self.ref)))
        self.services = services_of(
            settings, clusters=scripted, operations=self.operations, wakes=self.wakes, clock=self.clock, acting=acting
        )
        for name in TABLES:
            tables.create_table_if_not_exists(name)
        with contextlib.suppress(ResourceExistsError):
            self._queue.create_queue()
        self._queue.clear_messages()
        self.wire.count = 0

    def run(self) -> int:
        """The transactions of one operation of the case, from its acceptance to its end."""
        if not self.case.waits:
            return self._run(operations=1)
        alone = CountedStorage(self._connection, replace(self.case, waits=False)).run()
        return self._run(operations=2) - alone

    # ---- inside

    def _run(self, *, operations: int) -> int:
        """The transactions of so many equal operations on one cluster, all accepted before the first begins."""
        accepted = [self._accept() for _ in range(operations)]
        self._drive()
        for operation in accepted:
            ended = self.operations.load(operation.id)  # after the count was taken
            if ended is None or ended.status is not Status.SUCCEEDED:
                message = f"{operation.id} did not succeed: {ended and ended.failure}"
                raise RuntimeError(message)
        return self._counted

    def _accept(self) -> Operation:
        key = f"key of {self.ref.name}" if self.case.keyed else None
        taken = self.services.submit(submission_of(self.case.steps, self.ref, key=key))
        if not isinstance(taken, Taken):
            raise TypeError(taken)
        return taken.operation

    def _drive(self) -> None:
        """Fetch, process and delete messages until none is left; the look that finds none belongs to no operation."""
        while True:
            self._counted = self.wire.count
            message = self._queue.receive_message(visibility_timeout=HIDDEN_SECONDS)
            if message is None:
                return
            document = json.loads(message.content)
            wake = Wake(cluster_key=document["cluster_key"], operation=document["operation"], wake=document["wake"])
            self.clock.advance(self.wakes.delays[wake.operation, wake.wake])
            self.services.advance(wake)
            self._queue.delete_message(message)

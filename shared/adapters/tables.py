"""The durable store on Table Storage (decision 0001 says why it looks so). Must not decide anything: it writes whole or raises `Stale`.

Table       Partition key / row key                     Holds
--------    ----------------------------------------    ----------------------------------------------------------------------------
clusters    partition of the cluster / `head`           lease, current operation, waiting line; only while an operation is open
            same / `op <id>`                            the operation; ids sort newest first
            same / `event <id> <n>`                     its history
open        one of a few shards / operation id          one row for every operation that may not have ended
journal     UTC day it ended / newest first             one row for every ended operation
keys        hash of caller and key / `key`              what an idempotency key stands for
letters     UTC day / letter id                         dead letters
acting      `app` / `acting`                            whether the app acts: a pause, and the calls of the current hour
paces       `app` / kind of action                      what was learned about how long Azure takes with it
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError, TransactionOperation, UpdateMode

from shared.adapters import codec
from shared.adapters.pages import Pager
from shared.model.errors import CallFailed, Code, Failure, Stale
from shared.model.listing import Page, Query, Summary
from shared.model.operations import Event, Head, Operation, partition_of
from shared.ports import Change, JournalRow, Key, OpenRow, Stored, Wreck
from shared.rules import naming

TABLES = ("clusters", "open", "journal", "keys", "letters", "acting", "paces")
SHARDS = 4
READ_AGAIN_SECONDS = 0.2
MOST_ROWS, MOST_IN_TRANSACTION = 1000, 100
"""What Table Storage takes at once: rows in a page, changes in a transaction."""
CONFLICT, PRECONDITION_FAILED, NOT_FOUND, SERVER_FAULT = 409, 412, 404, 500
TABLE_NOT_FOUND = "TableNotFound"
_LOST = frozenset({CONFLICT, PRECONDITION_FAILED, NOT_FOUND})
"""What a transaction answers when somebody saved first: the row is there already, is another version, or is gone."""
Rows = list[Mapping[str, Any]]
RowPage = tuple[Rows, Mapping[str, str] | None]
"""Rows, and storage's own word for where the next page begins; None: nowhere."""
_T = TypeVar("_T")


class Tables:
    """The service's tables, made when one is first found missing, so that no start-up and no call pays for looking."""

    def __init__(self, service: TableServiceClient, *, pause: Callable[[float], object] = time.sleep) -> None:
        """Use the service; `pause` lets seconds pass before a read is sent again."""
        self._service = service
        self._pause = pause
        self._lock = threading.Lock()

    def table(self, name: str) -> TableClient:
        """One table."""
        return self._service.get_table_client(name)

    def call(self, do: Callable[[], _T]) -> _T:
        """Do one call; make the tables if one is missing, and do it once more; say `CallFailed` for storage's faults."""
        try:
            try:
                return do()
            except (HttpResponseError, TableTransactionError) as fault:
                if _error_code(fault) != TABLE_NOT_FOUND:
                    raise
                self._make()
                return do()
        except AzureError as fault:
            raise _failed(fault) from fault

    def read(self, do: Callable[[], _T]) -> _T:
        """Do one read by `call`, and once more a moment later where the connection broke or storage answered 5xx. Never for writes.

        Not the SDK's own retry: that one sleeps whatever `Retry-After` says. A timeout is not tried again: it has cost enough already.
        """
        try:
            return self.call(do)
        except CallFailed as failed:
            if not _passing(failed.__cause__):
                raise
        self._pause(READ_AGAIN_SECONDS)
        return self.call(do)

    def put(self, name: str, row: Mapping[str, Any], etag: str | None) -> None:
        """Replace a row if it is still as it was read under `etag`, or insert it where there was none. Raises `Stale` if it is not so."""
        table = self.table(name)
        try:
            if etag is None:
                self.call(lambda: table.create_entity(row))
                return
            self.call(lambda: table.update_entity(row, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified))
        except CallFailed as failed:
            if failed.failure.code is Code.BUSY_STORE or getattr(failed.__cause__, "status_code", None) in _LOST:
                raise Stale from failed
            raise

    def _make(self) -> None:
        with self._lock:
            for name in TABLES:
                self._service.create_table_if_not_exists(name)

    def check(self) -> None:
        """One cheap read."""
        self.read(
            lambda: next(iter(self.table("open").query_entities("PartitionKey eq 's0'", results_per_page=1, select=["RowKey"])), None)
        )


class TableOperations:
    """The `Operations` port on Table Storage."""

    def __init__(self, tables: Tables) -> None:
        """Use the tables."""
        self._tables = tables

    def head(self, partition: str) -> Stored | None:
        """The cluster's head, by one point read."""
        row = self._get("clusters", partition, "head")
        return None if row is None else Stored(head=codec.head_of(row), etag=row.metadata["etag"])

    def commit(self, before: Stored | None, after: Head | None, changes: Iterable[Change]) -> Stored | None:
        """One entity-group transaction on the cluster's partition."""
        changes = tuple(changes)
        partition = changes[0].operation.partition
        head = None if after is None else {"PartitionKey": partition, "RowKey": "head", **codec.head_properties(after)}
        batch = [*_replacing(partition, before.etag if before is not None else None, head), *_saving(partition, changes)]
        answers = self._tables.call(lambda: self._transact(batch))
        return None if after is None else Stored(head=after, etag=str(answers[0]["etag"]))

    def load(self, operation_id: str) -> Operation | None:
        """The operation, by one point read."""
        row = self._get("clusters", partition_of(operation_id), f"op {operation_id}")
        return None if row is None else codec.operation_of(row)

    def wreck(self, operation_id: str) -> Wreck | None:
        """The operation's row and its cluster's head, by a point read each, and the keys of its history."""
        partition = partition_of(operation_id)
        row, head = self._get("clusters", partition, f"op {operation_id}"), self._get("clusters", partition, "head")
        if row is None:
            return None
        events = sum(1 for _ in self._query("clusters", _history_of(operation_id), select=["RowKey"]))
        line = codec.line_of(head) if head is not None else ()
        holds = head is not None and head.get("current") == operation_id
        return Wreck(
            summary=codec.summary_of(row, operation_id),
            etag=row.metadata["etag"],
            events=events,
            behind=line if holds else None,
            head_etag=head.metadata["etag"] if head is not None and (holds or operation_id in line) else None,
        )

    def write_off(self, wreck: Wreck, ended: Summary, event: Event, after: Head | None, changes: Iterable[Change]) -> None:
        """One entity-group transaction on the cluster's partition, in which the operation's row is merged and not replaced."""
        partition = partition_of(ended.id)
        head = None if after is None else {"PartitionKey": partition, "RowKey": "head", **codec.head_properties(after)}
        row = {"PartitionKey": partition, "RowKey": f"op {ended.id}", **codec.written_off(ended)}
        batch = _replacing(partition, wreck.head_etag, head) if wreck.head_etag is not None else []
        batch.append((TransactionOperation.UPDATE, row, {"mode": UpdateMode.MERGE, **_unless_changed(wreck.etag)}))
        batch.append((TransactionOperation.CREATE, _event_row(partition, ended.id, event)))
        self._tables.call(lambda: self._transact([*batch, *_saving(partition, changes)]))

    def history(self, operation_id: str) -> tuple[Event, ...]:
        """The operation's history rows, oldest first."""
        return tuple(codec.event_of(row) for row in self._query("clusters", _history_of(operation_id)))

    def intend(self, operation: Operation) -> None:
        """Write the row in `open`."""
        key = {"PartitionKey": _shard(operation.id), "RowKey": operation.id}
        self._tables.call(
            lambda: self._tables.table("open").upsert_entity({**key, **codec.open_properties(operation)}, mode=UpdateMode.REPLACE)
        )

    def forget(self, operation_id: str) -> None:
        """Delete the row in `open`; the SDK is silent about a missing one."""
        self._tables.call(lambda: self._tables.table("open").delete_entity(_shard(operation_id), operation_id))

    def open(self) -> Iterator[OpenRow]:
        """The whole `open` table, which holds no more than what is open."""
        return (codec.open_of(row) for row in self._query("open", "PartitionKey ge 's'"))

    def journal(self, operation: Operation) -> None:
        """Write the row in `journal`, under the day the operation ended."""
        self.journal_unread(codec.summarised(operation))

    def journal_unread(self, ended: Summary) -> None:
        """The same, from a summary."""
        day, place = _journal_key(ended.id, ended.updated_at)
        row = {"PartitionKey": day, "RowKey": place, **codec.summary_properties(ended)}
        self._tables.call(lambda: self._tables.table("journal").upsert_entity(row, mode=UpdateMode.REPLACE))

    def journalled(self, ended: Summary) -> bool:
        """Whether the ended operation has its row in `journal`, by one point read."""
        return self._get("journal", *_journal_key(ended.id, ended.updated_at)) is not None

    def summary(self, operation_id: str) -> Summary | None:
        """What stands beside an operation's work, by one point read that leaves the work where it is."""
        row = self._get("clusters", partition_of(operation_id), f"op {operation_id}", select=list(codec.SUMMARY_FIELDS))
        return None if row is None else codec.summary_of(row, operation_id)

    def ended_before(self, instant: datetime, most: int) -> tuple[JournalRow, ...]:
        """Rows of whole days before the instant's own, the oldest first, and then the later rows of that day: two ranges of keys."""
        day = _day(instant)
        found: list[JournalRow] = []
        for query in (f"PartitionKey lt '{day}'", f"PartitionKey eq '{day}' and RowKey ge '{naming.newest_first(instant)}'"):
            rows = self._query("journal", query, select=["operation", "updated_at"], top=min(most - len(found), MOST_ROWS))
            found += (codec.journal_of(row) for row in islice(rows, most - len(found)))
        return tuple(found)

    def erase(self, row: JournalRow, key_name: str | None) -> None:
        """The key first, so that none is ever left for an operation that is gone; then the history and the row; last the journal's row."""
        if key_name is not None:
            self._unbind(key_name, row.operation)
        partition = partition_of(row.operation)
        own = [str(event["RowKey"]) for event in self._query("clusters", _history_of(row.operation), select=["RowKey"])]
        own.append(f"op {row.operation}")
        for start in range(0, len(own), MOST_IN_TRANSACTION):
            keys = [{"PartitionKey": partition, "RowKey": name} for name in own[start : start + MOST_IN_TRANSACTION]]
            # What is missing is being removed by somebody else, in the same pieces.
            with contextlib.suppress(Stale):
                self._tables.call(partial(self._transact, [(TransactionOperation.DELETE, key) for key in keys]))
        self.forget(row.operation)
        self.strike(row)

    def strike(self, row: JournalRow) -> None:
        """Delete the row in `journal`; the SDK is silent about a missing one."""
        day, place = _journal_key(row.operation, row.ended_at)
        self._tables.call(lambda: self._tables.table("journal").delete_entity(day, place))

    def bind(self, name: str, key: Key) -> Key | None:
        """Insert the key's row, or answer the one that is there."""
        row = {"PartitionKey": name, "RowKey": "key", **codec.key_properties(key)}
        try:
            self._tables.call(lambda: self._tables.table("keys").create_entity(row))
        except CallFailed as failed:
            if failed.failure.code is not Code.BUSY_STORE:
                raise
            return self.bound(name)
        return None

    def bound(self, name: str) -> Key | None:
        """The key's meaning, by one point read."""
        row = self._get("keys", name, "key")
        return None if row is None else codec.key_of(row)

    def page(self, query: Query) -> Page:
        """A page: of one cluster's operations, or of the open ones and then the journal's days, newest first."""
        return Pager(self, query).page()

    def pages(self, table: str, query: str, *, top: int, start: Mapping[str, str] | None) -> Iterator[RowPage]:
        """Rows of a table in key order, without the pieces of whole operations: a request for each page, of `top` rows at most.

        With each page comes storage's own word for where the next begins (None: nowhere), which `start` takes, with the same query. Storage
        looks at a query for some seconds and answers what it found by then, so a page may be empty and not the last.
        """
        return self._pages(table, query, select=["PartitionKey", "RowKey", *codec.SUMMARY_FIELDS], top=top, start=start)

    # ---- inside

    def _get(self, table: str, partition: str, row: str, *, select: list[str] | None = None) -> Any | None:  # noqa: ANN401 - a TableEntity
        try:
            return self._tables.read(lambda: self._tables.table(table).get_entity(partition, row, select=select))
        except CallFailed as failed:
            if isinstance(failed.__cause__, ResourceNotFoundError):
                return None
            raise

    def _query(self, table: str, query: str, *, select: list[str] | None = None, top: int | None = None) -> Iterator[Mapping[str, Any]]:
        for rows, _ in self._pages(table, query, select=select, top=top):
            yield from rows

    def _pages(
        self, table: str, query: str, *, select: list[str] | None, top: int | None, start: Mapping[str, str] | None = None
    ) -> Iterator[RowPage]:
        found = self._tables.call(lambda: self._tables.table(table).query_entities(query, select=select, results_per_page=top))
        pages: Any = found.by_page(start)  # type: ignore[arg-type]  # declared as a text, and a mapping all the same
        while True:
            # A page is fetched when it is asked for, so storage's faults arise here.
            page = self._tables.read(lambda: _rows_of(next(pages, None)))
            if page is None:
                return
            yield page, pages.continuation_token

    def _unbind(self, name: str, operation_id: str) -> None:
        """Delete a key's row if it stands for the operation, and as it was read."""
        row = self._get("keys", name, "key")
        if row is None or codec.key_of(row).operation != operation_id:
            return
        guard = MatchConditions.IfNotModified
        try:
            self._tables.call(lambda: self._tables.table("keys").delete_entity(row, etag=row.metadata["etag"], match_condition=guard))
        except CallFailed as failed:
            if getattr(failed.__cause__, "status_code", None) != PRECONDITION_FAILED:
                raise

    def _transact(self, batch: list[Any]) -> Any:  # noqa: ANN401 - the SDK's list of metadata
        try:
            return self._tables.table("clusters").submit_transaction(batch)
        except (TableTransactionError, HttpResponseError) as fault:
            if fault.status_code in _LOST and _error_code(fault) != TABLE_NOT_FOUND:
                raise Stale from fault
            raise


def _unless_changed(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _replacing(partition: str, etag: str | None, head: dict[str, Any] | None) -> list[Any]:
    """The change of a cluster's head, in a transaction: what is under `etag` (None: nothing) becomes `head` (None: goes)."""
    if etag is None:
        return [] if head is None else [(TransactionOperation.CREATE, head)]
    if head is None:
        return [(TransactionOperation.DELETE, {"PartitionKey": partition, "RowKey": "head"}, _unless_changed(etag))]
    return [(TransactionOperation.UPDATE, head, {"mode": UpdateMode.REPLACE, **_unless_changed(etag)})]


def _saving(partition: str, changes: Iterable[Change]) -> Iterator[Any]:
    """Operations and a history row for each, in a transaction."""
    for change in changes:
        row = {"PartitionKey": partition, "RowKey": f"op {change.operation.id}", **codec.operation_properties(change.operation)}
        yield (TransactionOperation.UPSERT, row, {"mode": UpdateMode.REPLACE})
        yield (TransactionOperation.CREATE, _event_row(partition, change.operation.id, change.event))


def _event_row(partition: str, operation_id: str, event: Event) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": f"event {operation_id} {event.n:06d}", **codec.event_properties(event)}


def _history_of(operation_id: str) -> str:
    """The query for an operation's history rows."""
    return f"PartitionKey eq '{partition_of(operation_id)}' and RowKey ge 'event {operation_id} ' and RowKey lt 'event {operation_id}!'"


def _shard(operation_id: str) -> str:
    return f"s{int(partition_of(operation_id)[-1], 32) % SHARDS}"


def _journal_key(operation_id: str, ended_at: datetime) -> tuple[str, str]:
    return _day(ended_at), f"{naming.newest_first(ended_at)} {operation_id}"


def _day(instant: datetime) -> str:
    return instant.astimezone(UTC).date().isoformat()


def _rows_of(page: Iterable[Mapping[str, Any]] | None) -> Rows | None:
    """The rows of a page; None where there is no page any more. A page may be empty and not the last."""
    return None if page is None else list(page)


def _error_code(fault: AzureError) -> str | None:
    """Storage's own word for what went wrong: the SDK adds it to most of its exceptions, and not to those of an insert."""
    code = getattr(fault, "error_code", None)
    if code is not None:
        return str(getattr(code, "value", code))
    response = getattr(fault, "response", None)
    return TABLE_NOT_FOUND if response is not None and f'"{TABLE_NOT_FOUND}"' in response.text() else None


def _passing(fault: BaseException | None) -> bool:
    """Whether the same read may well succeed in a moment."""
    if isinstance(fault, ServiceRequestError | ServiceResponseError):
        return not isinstance(fault, ServiceRequestTimeoutError | ServiceResponseTimeoutError)
    return isinstance(fault, HttpResponseError) and (fault.status_code or 0) >= SERVER_FAULT


def _failed(fault: AzureError) -> CallFailed:
    """Storage's fault as a failure: refused for being there already, or away."""
    status = getattr(fault, "status_code", None)
    if status == CONFLICT:
        return CallFailed(Failure(code=Code.BUSY_STORE, message="storage has this row already", transient=True))
    message = f"storage answered {status}" if status is not None else f"storage did not answer ({type(fault).__name__})"
    return CallFailed(Failure(code=Code.UNREACHABLE, message=message, transient=True, unsure=True))

"""The `Operations` port on Table Storage. Must not decide anything: it writes whole or raises `Stale`."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from azure.data.tables import TransactionOperation, UpdateMode

from shared.adapters import codec
from shared.adapters.pages import Pager
from shared.adapters.tables import MOST_IN_TRANSACTION, MOST_ROWS, RowPage, Tables, unless_changed
from shared.model.errors import CallFailed, Code, Stale
from shared.model.listing import Page, Query, Summary
from shared.model.operations import Event, Head, Operation, partition_of
from shared.ports import Change, Key, OpenRow, Stored
from shared.rules import naming

if TYPE_CHECKING:
    from shared.model.kept import JournalRow, Wreck

SHARDS = 4


class TableOperations:
    """The `Operations` port on Table Storage."""

    def __init__(self, tables: Tables) -> None:
        """Use the tables."""
        self._tables = tables

    def head(self, partition: str) -> Stored | None:
        """The cluster's head, by one point read."""
        row = self._tables.get("clusters", partition, "head")
        return None if row is None else Stored(head=codec.head_of(row), etag=row.metadata["etag"])

    def commit(self, before: Stored | None, after: Head | None, changes: Iterable[Change]) -> Stored | None:
        """One entity-group transaction on the cluster's partition."""
        changes = tuple(changes)
        partition = changes[0].operation.partition
        head = None if after is None else {"PartitionKey": partition, "RowKey": "head", **codec.head_properties(after)}
        batch = [*_replacing(partition, before.etag if before is not None else None, head), *_saving(partition, changes)]
        answers = self._tables.transact("clusters", batch)
        return None if after is None else Stored(head=after, etag=str(answers[0]["etag"]))

    def load(self, operation_id: str) -> Operation | None:
        """The operation, by one point read."""
        row = self._tables.get("clusters", partition_of(operation_id), f"op {operation_id}")
        return None if row is None else codec.operation_of(row)

    def wreck(self, operation_id: str) -> "Wreck | None":
        """The operation's row and its cluster's head, by a point read each, and the keys of its history."""
        from shared.model.kept import Wreck

        partition = partition_of(operation_id)
        row, head = self._tables.get("clusters", partition, f"op {operation_id}"), self._tables.get("clusters", partition, "head")
        if row is None:
            return None
        events = sum(1 for _ in self._tables.query("clusters", _history_of(operation_id), select=["RowKey"]))
        line = codec.line_of(head) if head is not None else ()
        holds = head is not None and head.get("current") == operation_id
        return Wreck(
            summary=codec.summary_of(row, operation_id),
            etag=row.metadata["etag"],
            events=events,
            behind=line if holds else None,
            head_etag=head.metadata["etag"] if head is not None and (holds or operation_id in line) else None,
        )

    def write_off(self, wreck: "Wreck", ended: Summary, event: Event, after: Head | None, changes: Iterable[Change]) -> None:
        """One entity-group transaction on the cluster's partition, in which the operation's row is merged and not replaced."""
        partition = partition_of(ended.id)
        head = None if after is None else {"PartitionKey": partition, "RowKey": "head", **codec.head_properties(after)}
        row = {"PartitionKey": partition, "RowKey": f"op {ended.id}", **codec.written_off(ended)}
        batch = _replacing(partition, wreck.head_etag, head) if wreck.head_etag is not None else []
        batch.append((TransactionOperation.UPDATE, row, {"mode": UpdateMode.MERGE, **unless_changed(wreck.etag)}))
        batch.append((TransactionOperation.CREATE, _event_row(partition, ended.id, event)))
        self._tables.transact("clusters", [*batch, *_saving(partition, changes)])

    def history(self, operation_id: str) -> tuple[Event, ...]:
        """The operation's history rows, oldest first."""
        return tuple(codec.event_of(row) for row in self._tables.query("clusters", _history_of(operation_id)))

    def intend(self, operation: Operation) -> None:
        """Write the row in `open`."""
        key = {"PartitionKey": _shard(operation.id), "RowKey": operation.id}
        self._tables.call(
            lambda: self._tables.table("open").upsert_entity({**key, **codec.open_properties(operation)}, mode=UpdateMode.REPLACE)
        )

    def forget(self, operation_id: str) -> None:
        """Delete the row in `open`; the SDK is silent about a missing one."""
        self._tables.remove("open", _shard(operation_id), operation_id)

    def open(self) -> Iterator[OpenRow]:
        """The whole `open` table, which holds no more than what is open."""
        return (codec.open_of(row) for row in self._tables.query("open", "PartitionKey ge 's'"))

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
        return self._tables.get("journal", *_journal_key(ended.id, ended.updated_at)) is not None

    def summary(self, operation_id: str) -> Summary | None:
        """What stands beside an operation's work, by one point read that leaves the work where it is."""
        row = self._tables.get("clusters", partition_of(operation_id), f"op {operation_id}", select=list(codec.SUMMARY_FIELDS))
        return None if row is None else codec.summary_of(row, operation_id)

    def ended_before(self, instant: datetime, most: int) -> "tuple[JournalRow, ...]":
        """Rows of whole days before the instant's own, the oldest first, and then the later rows of that day: two ranges of keys."""
        day = _day(instant)
        found: list[JournalRow] = []
        for query in (f"PartitionKey lt '{day}'", f"PartitionKey eq '{day}' and RowKey ge '{naming.newest_first(instant)}'"):
            rows = self._tables.query("journal", query, select=["operation", "updated_at"], top=min(most - len(found), MOST_ROWS))
            found += (codec.journal_of(row) for row in islice(rows, most - len(found)))
        return tuple(found)

    def erase(self, row: "JournalRow", key_name: str | None) -> None:
        """The key first, so that none is ever left for an operation that is gone; then the history and the row; last the journal's row."""
        if key_name is not None:
            self._unbind(key_name, row.operation)
        partition = partition_of(row.operation)
        own = [str(event["RowKey"]) for event in self._tables.query("clusters", _history_of(row.operation), select=["RowKey"])]
        own.append(f"op {row.operation}")
        for start in range(0, len(own), MOST_IN_TRANSACTION):
            keys = [{"PartitionKey": partition, "RowKey": name} for name in own[start : start + MOST_IN_TRANSACTION]]
            # What is missing is being removed by somebody else, in the same pieces.
            with contextlib.suppress(Stale):
                self._tables.transact("clusters", [(TransactionOperation.DELETE, key) for key in keys])
        self.forget(row.operation)
        self.strike(row)

    def strike(self, row: "JournalRow") -> None:
        """Delete the row in `journal`; the SDK is silent about a missing one."""
        day, place = _journal_key(row.operation, row.ended_at)
        self._tables.remove("journal", day, place)

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
        row = self._tables.get("keys", name, "key")
        return None if row is None else codec.key_of(row)

    def page(self, query: Query) -> Page:
        """A page: of one cluster's operations, or of the open ones and then the journal's days, newest first."""
        return Pager(self, query).page()

    def pages(self, table: str, query: str, *, top: int, start: Mapping[str, str] | None) -> Iterator[RowPage]:
        """Rows as a list shows them, without the pieces of whole operations; pages as `Tables.pages` gives them."""
        return self._tables.pages(table, query, select=["PartitionKey", "RowKey", *codec.SUMMARY_FIELDS], top=top, start=start)

    # ---- inside

    def _unbind(self, name: str, operation_id: str) -> None:
        """Delete a key's row if it stands for the operation, and as it was read."""
        row = self._tables.get("keys", name, "key")
        if row is None or codec.key_of(row).operation != operation_id:
            return
        self._tables.remove("keys", name, "key", str(row.metadata["etag"]))


def _replacing(partition: str, etag: str | None, head: dict[str, Any] | None) -> list[Any]:
    """The change of a cluster's head, in a transaction: what is under `etag` (None: nothing) becomes `head` (None: goes)."""
    if etag is None:
        return [] if head is None else [(TransactionOperation.CREATE, head)]
    if head is None:
        return [(TransactionOperation.DELETE, {"PartitionKey": partition, "RowKey": "head"}, unless_changed(etag))]
    return [(TransactionOperation.UPDATE, head, {"mode": UpdateMode.REPLACE, **unless_changed(etag)})]


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

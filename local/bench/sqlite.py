"""The ports that move operations, on one SQLite file: as durable as an engine that keeps its state in SQLite. For comparison only.

Each write that is a request to storage where the app ships is a commit of its own here, fetching a message included, with SQLite's own
settings: a commit is on the disk when it returns. What rows hold is what the shipped adapter writes. Only what accepting and moving an
operation needs is here; it serves one thread.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from local.memory import MemoryOperations
from shared.adapters import codec
from shared.model.acting import Acting
from shared.model.errors import Stale
from shared.model.kept import KeptActing
from shared.model.operations import Head, Operation, Wake
from shared.ports import Change, Stored

HIDDEN = timedelta(minutes=10)
"""How long a message that was fetched is hidden, as by the host."""
_SCHEMA = """
CREATE TABLE rows (place TEXT PRIMARY KEY, etag INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (id INTEGER PRIMARY KEY, visible_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX visible ON messages (visible_at);
"""


class Database:
    """The file. It begins empty."""

    def __init__(self, file: Path) -> None:
        """Make it."""
        file.unlink(missing_ok=True)
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextmanager
    def commit(self) -> Iterator[sqlite3.Connection]:
        """Write what is in the block, whole or not at all."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def read(self, place: str) -> tuple[int, dict[str, Any]] | None:
        """A row and its etag."""
        found = self.connection.execute("SELECT etag, body FROM rows WHERE place = ?", (place,)).fetchone()
        return None if found is None else (found[0], json.loads(found[1]))

    def count(self, prefix: str) -> int:
        """How many rows there are whose place begins so."""
        found = self.connection.execute("SELECT count(*) FROM rows WHERE place >= ? AND place < ?", (prefix, f"{prefix}~")).fetchone()
        return int(found[0])


def _put(connection: sqlite3.Connection, place: str, properties: Mapping[str, Any]) -> int:
    text = json.dumps(properties, separators=(",", ":"))
    said = "INSERT INTO rows VALUES (?, 1, ?) ON CONFLICT (place) DO UPDATE SET etag = etag + 1, body = excluded.body RETURNING etag"
    return int(connection.execute(said, (place, text)).fetchone()[0])


def _expect(connection: sqlite3.Connection, place: str, etag: str | None) -> None:
    """Raise `Stale` unless the row is as it was read (None: was not there)."""
    found = connection.execute("SELECT etag FROM rows WHERE place = ?", (place,)).fetchone()
    if (found and str(found[0])) != etag:
        raise Stale


class SqliteOperations(MemoryOperations):
    """The `Operations` port on SQLite, as far as an operation is accepted and moved; the rest is nobody's business here."""

    def __init__(self, database: Database) -> None:
        """Use the file."""
        super().__init__()
        self._database = database

    def head(self, partition: str) -> Stored | None:
        """One read."""
        found = self._database.read(f"head {partition}")
        return None if found is None else Stored(head=codec.head_of(found[1]), etag=str(found[0]))

    def load(self, operation_id: str) -> Operation | None:
        """One read."""
        found = self._database.read(f"op {operation_id}")
        return None if found is None else codec.operation_of(found[1])

    def commit(self, before: Stored | None, after: Head | None, changes: Iterable[Change]) -> Stored | None:
        """One commit."""
        changes = tuple(changes)
        place, etag = f"head {changes[0].operation.partition}", None
        with self._database.commit() as connection:
            _expect(connection, place, None if before is None else before.etag)
            if after is not None:
                etag = _put(connection, place, codec.head_properties(after))
            else:
                connection.execute("DELETE FROM rows WHERE place = ?", (place,))
            for change in changes:
                _put(connection, f"op {change.operation.id}", codec.operation_properties(change.operation))
                event = f"event {change.operation.id} {change.event.n:06d}"
                _expect(connection, event, None)
                _put(connection, event, codec.event_properties(change.event))
        return None if after is None else Stored(head=after, etag=str(etag))

    def intend(self, operation: Operation) -> None:
        """One commit."""
        with self._database.commit() as connection:
            _put(connection, f"open {operation.id}", codec.open_properties(operation))

    def forget(self, operation_id: str) -> None:
        """One commit."""
        with self._database.commit() as connection:
            connection.execute("DELETE FROM rows WHERE place = ?", (f"open {operation_id}",))

    def journal(self, operation: Operation) -> None:
        """One commit."""
        with self._database.commit() as connection:
            _put(connection, f"journal {operation.id}", codec.summary_properties(codec.summarised(operation)))


class SqliteWakes:
    """The `Wakes` port on SQLite, and the host's side of it: what is fetched is hidden until it is deleted, or its time is up."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        """Use the file, and deliver by `clock`."""
        self._database = database
        self._clock = clock

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """One commit."""
        with self._database.commit() as connection:
            said = "INSERT INTO messages (visible_at, body) VALUES (?, ?)"
            connection.execute(said, ((self._clock() + delay).isoformat(), json.dumps(wake.message, separators=(",", ":"))))

    def next_at(self) -> datetime | None:
        """When the next message becomes visible."""
        found = self._database.connection.execute("SELECT min(visible_at) FROM messages").fetchone()[0]
        return None if found is None else datetime.fromisoformat(found)

    def fetch(self) -> tuple[int, Wake] | None:
        """The next message that is visible, and its number; one commit."""
        now = self._clock()
        with self._database.commit() as connection:
            visible = "SELECT id, body FROM messages WHERE visible_at <= ? ORDER BY visible_at, id LIMIT 1"
            found = connection.execute(visible, (now.isoformat(),)).fetchone()
            if found is None:
                return None
            connection.execute("UPDATE messages SET visible_at = ? WHERE id = ?", ((now + HIDDEN).isoformat(), found[0]))
        document = json.loads(found[1])
        return found[0], Wake(cluster_key=document["cluster_key"], operation=document["operation"], wake=document["wake"])

    def delete(self, number: int) -> None:
        """One commit."""
        with self._database.commit() as connection:
            connection.execute("DELETE FROM messages WHERE id = ?", (number,))


class SqliteActing:
    """The `ActingRow` port on SQLite, where nobody pauses."""

    def __init__(self, database: Database) -> None:
        """Use the file."""
        self._database = database

    def read(self) -> KeptActing:
        """One read."""
        found = self._database.read("acting")
        if found is None:
            return KeptActing(acting=Acting(), etag=None)
        etag, row = found
        return KeptActing(acting=Acting(hour=datetime.fromisoformat(row["hour"]), mutations=row["mutations"]), etag=str(etag))

    def write(self, before: KeptActing, after: Acting) -> None:
        """One commit."""
        with self._database.commit() as connection:
            _expect(connection, "acting", before.etag)
            _put(connection, "acting", {"hour": after.hour and after.hour.isoformat(), "mutations": after.mutations})

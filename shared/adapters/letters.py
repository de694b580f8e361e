"""Dead letters on Table Storage and Storage queues: a letter lies under its id in the partition of its UTC day (decision 0001).

Must not decide anything.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from azure.data.tables import UpdateMode

from shared.adapters import codec
from shared.adapters.pages import MOST_REQUESTS
from shared.adapters.queues import Queues
from shared.adapters.tables import Rows, Tables
from shared.model.errors import NewerSchema
from shared.model.kept import KeptLetter
from shared.model.letters import Letter, LetterPage, LetterQuery, day_of
from shared.model.listing import BadContinuation

BEFORE_ALL = "0" * 24
"""A mark that sorts before that of every message."""


class TableLetters:
    """The `Letters` port on Table Storage. The queues are made only when a message is sent again."""

    def __init__(self, tables: Tables, queues: Callable[[], Queues]) -> None:
        """Use the tables and, for what is sent again, the queues."""
        self._tables = tables
        self._queues = queues

    def file(self, letter: Letter) -> None:
        """Write the letter; the text is cut where a property is full."""
        text = codec.fitting(letter.text)
        row = {
            "PartitionKey": letter.filed_at.astimezone(UTC).date().isoformat(),
            "RowKey": letter.id,
            "schema": codec.SCHEMA,
            "queue": letter.queue,
            "reason": letter.reason[:1000],
            "text": text,
            "cut": letter.cut or len(text) < len(letter.text),
            "filed_at": letter.filed_at.isoformat(),
            "operation": letter.operation or "",
        }
        self._tables.call(lambda: self._tables.table("letters").upsert_entity(row, mode=UpdateMode.REPLACE))

    def load(self, identifier: str) -> KeptLetter | None:
        """The letter, by one point read; none for what is no letter's id."""
        day = day_of(identifier)
        if day is None:
            return None
        row = self._tables.get("letters", day.isoformat(), identifier)
        if row is None:
            return None
        return KeptLetter(letter=_letter(row), etag=str(row.metadata["etag"]))

    def page(self, query: LetterQuery) -> LetterPage:
        """A page: one query a day, from the newest, until the page is full or has cost enough."""
        day, first = query.until.astimezone(UTC).date(), query.since.astimezone(UTC).date()
        after = query.continuation or ""
        if query.continuation is not None:
            begun = day_of(query.continuation)
            if begun is None:
                raise BadContinuation
            # Never from a day outside what is asked for, whatever the token says: each day is a request.
            day, after = (begun, after) if begun <= day else (day, "")
        found: list[Letter] = []
        asked = 0
        while day >= first:
            for rows in self._day(day, after, top=query.top):
                asked += 1
                for row in rows:
                    letter = _letter(row)
                    if query.since <= letter.filed_at <= query.until:
                        found.append(letter)
                    after = letter.id
                    if len(found) == query.top:
                        return LetterPage(letters=tuple(found), continuation=after)
                if asked >= MOST_REQUESTS and rows:
                    return LetterPage(letters=tuple(found), continuation=after)
            day, after = day - timedelta(days=1), ""
            if asked >= MOST_REQUESTS and day >= first:
                return LetterPage(letters=tuple(found), continuation=f"{day:%Y%m%d}{BEFORE_ALL}")
        return LetterPage(letters=tuple(found))

    def send_again(self, letter: Letter) -> None:
        """Send the text as it came."""
        self._queues().send_text(letter.queue, letter.text)

    def remove(self, kept: KeptLetter) -> None:
        """Delete the row if it is as it was read. The SDK is silent about a missing one."""
        partition = kept.letter.filed_at.astimezone(UTC).date().isoformat()
        self._tables.remove("letters", partition, kept.letter.id, kept.etag)

    def purge(self, before: datetime, most: int) -> int:
        """One range of whole partitions, and a delete for each row. The SDK is silent about one that somebody else removed."""
        day, select = before.astimezone(UTC).date().isoformat(), ["PartitionKey", "RowKey"]
        rows = islice(self._tables.query("letters", f"PartitionKey lt '{day}'", select=select, top=most), most)
        old = [(str(row["PartitionKey"]), str(row["RowKey"])) for row in rows]
        for partition, name in old:
            self._tables.remove("letters", partition, name)
        return len(old)

    def _day(self, day: date, after: str, *, top: int) -> Iterator[Rows]:
        """The letters of a day, by id. A row key that is no id with this day in it (of code before ids had days) is left out."""
        mark = f"{day:%Y%m%d}"
        odata = f"PartitionKey eq '{day.isoformat()}' and RowKey gt '{after or mark}' and RowKey lt '{mark}g'"
        return (rows for rows, _ in self._tables.pages("letters", odata, select=None, top=top))


def _letter(row: Mapping[str, Any]) -> Letter:
    schema = int(row["schema"])
    if schema > codec.SCHEMA:
        message = f"a letter has schema {schema}, this code knows up to {codec.SCHEMA}; newer code must read it"
        raise NewerSchema(message)
    return Letter(
        id=str(row["RowKey"]),
        queue=str(row["queue"]),
        reason=str(row["reason"]),
        text=str(row["text"]),
        filed_at=datetime.fromisoformat(str(row["filed_at"])),
        operation=str(row["operation"]) or None,
        # Written before letters said so: nobody knows, so it may not be sent.
        cut=bool(row.get("cut", True)),
    )

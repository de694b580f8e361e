"""Dead letters on Table Storage and Storage queues: a letter lies under its id in the partition of its UTC day (decision 0001).

Must not decide anything.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode

from shared.adapters import codec
from shared.adapters.pages import MOST_REQUESTS
from shared.adapters.queues import Queues
from shared.adapters.tables import PRECONDITION_FAILED, Rows, Tables
from shared.model.errors import CallFailed, NewerSchema
from shared.model.letters import Letter, LetterPage, LetterQuery, day_of
from shared.model.listing import BadContinuation
from shared.ports import KeptLetter

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
        try:
            row = self._tables.read(lambda: self._tables.table("letters").get_entity(day.isoformat(), identifier))
        except CallFailed as failed:
            if isinstance(failed.__cause__, ResourceNotFoundError):
                return None
            raise
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
        table, unless = self._tables.table("letters"), MatchConditions.IfNotModified
        try:
            self._tables.call(lambda: table.delete_entity(partition, kept.letter.id, etag=kept.etag, match_condition=unless))
        except CallFailed as failed:
            cause = failed.__cause__
            if not (isinstance(cause, HttpResponseError) and cause.status_code == PRECONDITION_FAILED):
                raise

    def purge(self, before: datetime, most: int) -> int:
        """One range of whole partitions, and a delete for each row. The SDK is silent about one that somebody else removed."""
        table, day = self._tables.table("letters"), before.astimezone(UTC).date().isoformat()
        old = [(str(row["PartitionKey"]), str(row["RowKey"])) for row in islice(self._query(f"PartitionKey lt '{day}'", top=most), most)]
        for key in old:
            self._tables.call(partial(table.delete_entity, *key))
        return len(old)

    def _day(self, day: date, after: str, *, top: int) -> Iterator[Rows]:
        """The letters of a day, by id. A row key that is no id with this day in it (of code before ids had days) is left out."""
        mark = f"{day:%Y%m%d}"
        return self._pages(f"PartitionKey eq '{day.isoformat()}' and RowKey gt '{after or mark}' and RowKey lt '{mark}g'", top=top)

    def _query(self, odata: str, *, top: int) -> Iterator[Mapping[str, Any]]:
        for rows in self._pages(odata, top=top):
            yield from rows

    def _pages(self, odata: str, *, top: int) -> Iterator[Rows]:
        pages = self._tables.call(lambda: self._tables.table("letters").query_entities(odata, results_per_page=top).by_page())
        while True:
            # A page is fetched when it is asked for, so storage's faults arise here.
            page = self._tables.read(lambda: _rows_of(next(pages, None)))
            if page is None:
                return
            yield page


def _rows_of(page: Iterable[Mapping[str, Any]] | None) -> Rows | None:
    return None if page is None else list(page)


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

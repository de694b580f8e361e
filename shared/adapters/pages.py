"""Pages of operations: one cluster's, or the open ones and then the journal's days. Must not cost more the more is stored.

A page ends when it is full, and also when it has cost enough: who asks for what is rare is answered what was found by then, and where to
go on. A continuation token says where that is. It comes back from outside and goes into a query, so it is checked like any input.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from shared.adapters import codec
from shared.model.errors import CallFailed
from shared.model.listing import BadContinuation, Page, Query, Summary
from shared.model.operations import ENDED
from shared.rules import naming

if TYPE_CHECKING:
    from shared.adapters.operations import TableOperations
    from shared.adapters.tables import RowPage

QUOTE = "'"
MOST_REQUESTS = 20
"""How many requests for rows a page makes at most, beside those for what is open."""
STORAGES = frozenset({"PartitionKey", "RowKey"})
"""Of a place, storage's own word for where a query goes on."""
BAD_REQUEST = 400


class Pager:
    """One page of a list, and the token that goes on where it stopped."""

    def __init__(self, operations: "TableOperations", query: Query) -> None:
        """Prepare a page of `operations` for `query`. Raises BadContinuation for a token that is none."""
        self._operations = operations
        self._query = query
        self._start = _untoken(query.continuation)
        self._storages = {name: self._start[name] for name in STORAGES & self._start.keys()}
        self._asked = 0
        self._found: list[Summary] = []

    def page(self) -> Page:
        """The page. Raises BadContinuation for a token of another list."""
        cluster = self._query.cluster
        return self._of_all() if cluster is None else self._of_cluster(naming.partition(cluster))

    def _of_cluster(self, partition: str) -> Page:
        query, after = self._query, self._start.get("row", "")
        if self._start and not (self._is_of("row") and (after.startswith(f"op op-{partition}-") or (not after and self._storages))):
            raise BadContinuation
        newest = f"op op-{partition}-{naming.newest_first(query.until)}"
        oldest = f"op op-{partition}-{naming.newest_first(query.since)}~"
        odata = f"PartitionKey eq '{partition}' and RowKey ge '{newest}' and RowKey le '{oldest}'{self._filters()}"
        if after:
            odata += f" and RowKey gt '{after}'"
        return self._scan("clusters", odata, {"row": after}) or Page(items=tuple(self._found))

    def _of_all(self) -> Page:
        if self._start and self._start.keys() != {"open"} and not self._is_of("day", "row"):
            raise BadContinuation
        statuses = self._query.statuses
        if "day" not in self._start and (not statuses or statuses - ENDED):
            looked = 0
            for place, row in sorted((naming.newest_first(row.since) + row.operation, row.operation) for row in self._operations.open()):
                if place <= self._start.get("open", ""):
                    continue
                summary = self._operations.summary(row)
                if summary is not None and self._is_of_open(summary):
                    self._take(summary)
                looked += 1
                # Each is a read of its own, so a page may come short, but never costs more than a whole one.
                if looked == self._query.top:
                    return Page(items=tuple(self._found), continuation=_token({"open": place}))
        return self._of_days() if not statuses or statuses & ENDED else Page(items=tuple(self._found))

    def _is_of_open(self, summary: Summary) -> bool:
        """Whether what has a row in `open` is listed from there: it is open, or has ended and has no row in the journal yet.

        Between its end and its journal lie two requests to storage, or a death and the sweep. Who asks for ended ones alone is shown the
        journal alone: that list would cost a read for each that is open, and has the operation as soon as it is journalled.
        """
        if summary.status not in ENDED:
            return True
        return self._query.since <= summary.updated_at <= self._query.until and not self._operations.journalled(summary)

    def _of_days(self) -> Page:
        query = self._query
        first, last = query.since.astimezone(UTC).date(), query.until.astimezone(UTC).date()
        # Never from a day outside what is asked for, whatever the token says: each day is a request.
        day = min(date.fromisoformat(self._start["day"]), last) if "day" in self._start else last
        row_after = self._start.get("row", "")
        span = f" and RowKey ge '{naming.newest_first(query.until)}' and RowKey le '{naming.newest_first(query.since)}~'"
        while day >= first:
            if self._asked >= MOST_REQUESTS:
                return Page(items=tuple(self._found), continuation=_token({"day": day.isoformat(), "row": ""}))
            odata = f"PartitionKey eq '{day.isoformat()}' and RowKey gt '{row_after}'{span}{self._filters()}"
            page = self._scan("journal", odata, {"day": day.isoformat(), "row": row_after})
            if page is not None:
                return page
            day, row_after = day - timedelta(days=1), ""
        return Page(items=tuple(self._found))

    def _is_of(self, *names: str) -> bool:
        """Whether the token's place has these names, perhaps with storage's own word for where to go on."""
        return self._start.keys() - STORAGES == set(names)

    def _scan(self, table: str, odata: str, place: dict[str, str]) -> Page | None:
        """Take what a query has; the page as soon as it is full or has cost enough, None where the query has no more. `place`: its own."""
        start, self._storages = self._storages, {}
        pages = self._operations.pages(table, odata, top=self._query.top, start=start or None)
        while (page := self._next(pages, forged=bool(start))) is not None:
            rows, goes_on = page
            self._asked += 1
            for row in rows:
                name = str(row["operation"] if table == "journal" else row["RowKey"][3:])
                if any(summary.id == name for summary in self._found):
                    continue  # it was journalled while this page was made
                self._take(codec.summary_of(row, name))
                if len(self._found) == self._query.top:
                    return Page(items=tuple(self._found), continuation=_token({**place, "row": str(row["RowKey"])}))
            if goes_on is not None and self._asked >= MOST_REQUESTS:
                further = {name: value for name, value in goes_on.items() if value}
                return Page(items=tuple(self._found), continuation=_token({**place, **further}))
        return None

    def _next(self, pages: "Iterator[RowPage]", *, forged: bool) -> "RowPage | None":
        """The next page of rows. Raises BadContinuation where storage will not go on from what the token says is its own word."""
        try:
            return next(pages, None)
        except CallFailed as failed:
            if forged and getattr(failed.__cause__, "status_code", None) == BAD_REQUEST:
                raise BadContinuation from failed
            raise

    def _filters(self) -> str:
        """The query's filters for storage to apply, so that what is not wanted is not sent a page at a time."""
        wanted = (("status", self._query.statuses), ("action", self._query.actions), ("door", self._query.doors))
        return "".join(f" and ({_any_of(name, values)})" for name, values in wanted if values)

    def _take(self, summary: Summary) -> None:
        query = self._query
        if (
            (not query.statuses or summary.status in query.statuses)
            and (not query.actions or summary.action in query.actions)
            and (not query.doors or summary.door in query.doors)
        ):
            self._found.append(summary)


def _token(place: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def _untoken(text: str | None) -> dict[str, str]:
    """The place a token stands for. Raises BadContinuation for what is no token of ours: it goes into a query."""
    if text is None:
        return {}
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        plain = isinstance(place, dict) and all(isinstance(value, str) and _harmless(value) for value in place.values())
        if not plain or not place:
            raise BadContinuation
        if "day" in place:
            date.fromisoformat(place["day"])
    except (ValueError, binascii.Error, RecursionError) as fault:
        raise BadContinuation from fault
    return dict(place)


def _harmless(text: str) -> bool:
    """Whether a text may stand in a query: printable ASCII without a quote."""
    return text.isascii() and text.isprintable() and QUOTE not in text


def _any_of(name: str, values: Iterable[str]) -> str:
    return " or ".join(f"{name} eq '{value.replace(QUOTE, QUOTE * 2)}'" for value in sorted(values))

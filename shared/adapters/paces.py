"""What was learned about how long Azure takes, on Table Storage: a row for each kind, replaced by its etag. Must not decide anything."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from shared.adapters.codec import SCHEMA
from shared.adapters.tables import Tables
from shared.model.kept import KeptPace
from shared.model.paces import Learned, Pace

PARTITION = "app"


class TablePaces:
    """The `Paces` port on Table Storage."""

    def __init__(self, tables: Tables) -> None:
        """Use the tables."""
        self._tables = tables

    def read(self) -> tuple[KeptPace, ...]:
        """The partition's rows, by one query: there are no more of them than kinds of actions."""
        return self._tables.read(lambda: _kept(self._tables.table("paces").query_entities(f"PartitionKey eq '{PARTITION}'")))

    def write(self, before: KeptPace | None, after: Pace) -> None:
        """Insert the row, or replace it by its etag."""
        row = {"PartitionKey": PARTITION, "RowKey": after.kind, **_properties(after)}
        self._tables.put("paces", row, before.etag if before is not None else None)


def _kept(rows: Iterable[Any]) -> tuple[KeptPace, ...]:
    found = []
    for row in rows:
        kind, etag = str(row["RowKey"]), str(row.metadata["etag"])
        try:
            newer = int(row["schema"]) > SCHEMA
            pace = None if newer else _pace_of(kind, row)
        except (KeyError, TypeError, ValueError, OverflowError):
            found.append(KeptPace(kind=kind, pace=None, etag=etag))
        else:
            found.append(KeptPace(kind=kind, pace=pace, etag=etag, newer=newer))
    return tuple(found)


def _properties(pace: Pace) -> dict[str, Any]:
    learned = pace.learned
    properties = {
        "schema": SCHEMA,
        "shipped": " ".join(map(str, pace.shipped)),
        "since": pace.since.isoformat(),
        "samples": pace.samples,
        "counted_at": pace.counted_at.isoformat(),
        "learned": learned is not None,
    }
    if learned is None:
        return properties
    return properties | {
        "stretch": learned.stretch,
        "operations": learned.operations,
        "longer_than": learned.longer_than.total_seconds(),
        "at_most": learned.at_most.total_seconds() if learned.at_most is not None else -1.0,
        "learned_at": learned.at.isoformat(),
    }


def _pace_of(kind: str, row: Mapping[str, Any]) -> Pace:
    """The pace of a row. Raises KeyError, TypeError, ValueError or OverflowError for one that nobody of us wrote."""
    learned = None
    if row["learned"]:
        stretch, at_most = float(row["stretch"]), float(row["at_most"])
        if not (isfinite(stretch) and stretch > 0):
            message = f"a stretch of {stretch}"
            raise ValueError(message)
        learned = Learned(
            stretch=stretch,
            operations=int(row["operations"]),
            longer_than=timedelta(seconds=float(row["longer_than"])),
            at_most=timedelta(seconds=at_most) if at_most >= 0 else None,
            at=_instant(row["learned_at"]),
        )
    return Pace(
        kind=kind,
        shipped=tuple(map(int, str(row["shipped"]).split())),
        since=_instant(row["since"]),
        samples=int(row["samples"]),
        counted_at=_instant(row["counted_at"]),
        learned=learned,
    )


def _instant(text: object) -> datetime:
    instant = datetime.fromisoformat(str(text))
    if instant.tzinfo is None:
        message = f"an instant without a zone: {text!a}"
        raise ValueError(message)
    return instant

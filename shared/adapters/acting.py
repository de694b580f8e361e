"""The state of acting on Table Storage: one row, replaced by its etag. Must not decide anything."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.adapters.codec import SCHEMA, fitting
from shared.adapters.tables import Tables
from shared.model.acting import Acting, Pause
from shared.model.errors import NewerSchema
from shared.model.kept import KeptActing

PLACE = {"PartitionKey": "app", "RowKey": "acting"}


class TableActing:
    """The `ActingRow` port on Table Storage."""

    def __init__(self, tables: Tables) -> None:
        """Use the tables."""
        self._tables = tables

    def read(self) -> KeptActing:
        """The state, by one point read."""
        row = self._tables.get("acting", PLACE["PartitionKey"], PLACE["RowKey"])
        return KeptActing(acting=Acting(), etag=None) if row is None else KeptActing(acting=_acting_of(row), etag=row.metadata["etag"])

    def write(self, before: KeptActing, after: Acting) -> None:
        """Insert the row, or replace it by its etag."""
        self._tables.put("acting", {**PLACE, **_properties(after)}, before.etag)


def _properties(acting: Acting) -> dict[str, Any]:
    pause = acting.pause
    return {
        "schema": SCHEMA,
        "paused": pause is not None,
        "paused_by": pause.by[:200] if pause is not None else "",
        "paused_at": pause.at.isoformat() if pause is not None else "",
        "reason": fitting((pause.reason if pause is not None else None) or ""),
        "hour": acting.hour.isoformat() if acting.hour is not None else "",
        "mutations": acting.mutations,
    }


def _acting_of(row: Mapping[str, Any]) -> Acting:
    if int(row["schema"]) > SCHEMA:
        message = f"the row of acting has schema {row['schema']}, this code knows up to {SCHEMA}"
        raise NewerSchema(message)
    pause = None
    if row["paused"]:
        at = datetime.fromisoformat(str(row["paused_at"]))
        pause = Pause(by=str(row["paused_by"]), at=at, reason=str(row["reason"]) or None)
    hour = datetime.fromisoformat(str(row["hour"])) if row["hour"] else None
    return Acting(pause=pause, hour=hour, mutations=int(row["mutations"]))

"""The state of acting on Table Storage: one row, replaced by its etag. Must not decide anything."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode

from shared.adapters.codec import SCHEMA, fitting
from shared.adapters.tables import PRECONDITION_FAILED, Tables
from shared.model.acting import Acting, Pause
from shared.model.errors import CallFailed, Code, NewerSchema, Stale
from shared.ports import KeptActing

PLACE = {"PartitionKey": "app", "RowKey": "acting"}


class TableActing:
    """The `ActingRow` port on Table Storage."""

    def __init__(self, tables: Tables) -> None:
        """Use the tables."""
        self._tables = tables

    def read(self) -> KeptActing:
        """The state, by one point read."""
        try:
            row = self._tables.read(lambda: self._tables.table("acting").get_entity(PLACE["PartitionKey"], PLACE["RowKey"]))
        except CallFailed as failed:
            if isinstance(failed.__cause__, ResourceNotFoundError):
                return KeptActing(acting=Acting(), etag=None)
            raise
        return KeptActing(acting=_acting_of(row), etag=row.metadata["etag"])

    def write(self, before: KeptActing, after: Acting) -> None:
        """Insert the row, or replace it by its etag."""
        table, row = self._tables.table("acting"), {**PLACE, **_properties(after)}
        try:
            if before.etag is None:
                self._tables.call(lambda: table.create_entity(row))
                return
            self._tables.call(
                lambda: table.update_entity(row, mode=UpdateMode.REPLACE, etag=before.etag, match_condition=MatchConditions.IfNotModified)
            )
        except CallFailed as failed:
            cause = failed.__cause__
            lost = isinstance(cause, HttpResponseError) and cause.status_code == PRECONDITION_FAILED
            if lost or failed.failure.code is Code.BUSY_STORE or isinstance(cause, ResourceNotFoundError):
                raise Stale from failed
            raise


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

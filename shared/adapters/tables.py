"""Table Storage, one call at a time: what is read, written and transacted, and how its faults are said. Must not know what rows mean.

The durable store (decision 0001 says why it looks so):

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

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError, UpdateMode

from shared.model.errors import CallFailed, Code, Failure, Stale

TABLES = ("clusters", "open", "journal", "keys", "letters", "acting", "paces")
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

    def get(self, name: str, partition: str, row: str, *, select: list[str] | None = None) -> Any | None:  # noqa: ANN401 - a TableEntity
        """A row, by one point read; None where there is none."""
        try:
            return self.read(lambda: self.table(name).get_entity(partition, row, select=select))
        except CallFailed as failed:
            if isinstance(failed.__cause__, ResourceNotFoundError):
                return None
            raise

    def query(self, name: str, odata: str, *, select: list[str] | None = None, top: int | None = None) -> Iterator[Mapping[str, Any]]:
        """Rows in key order, a request for each page of `top` at most."""
        for rows, _ in self.pages(name, odata, select=select, top=top):
            yield from rows

    def pages(
        self, name: str, odata: str, *, select: list[str] | None, top: int | None, start: Mapping[str, str] | None = None
    ) -> Iterator[RowPage]:
        """Rows in key order, a page a request, and with each storage's own word for where the next begins, which `start` takes.

        Storage looks at a query for some seconds and answers what it found by then, so a page may be empty and not the last.
        """
        found = self.call(lambda: self.table(name).query_entities(odata, select=select, results_per_page=top))
        pages: Any = found.by_page(start)  # type: ignore[arg-type]  # declared as a text, and a mapping all the same
        while True:
            # A page is fetched when it is asked for, so storage's faults arise here.
            page = self.read(lambda: _rows_of(next(pages, None)))
            if page is None:
                return
            yield page, pages.continuation_token

    def put(self, name: str, row: Mapping[str, Any], etag: str | None) -> None:
        """Replace a row if it is still as it was read under `etag`, or insert it where there was none. Raises `Stale` if it is not so."""
        table = self.table(name)
        try:
            if etag is None:
                self.call(lambda: table.create_entity(row))
                return
            self.call(lambda: table.update_entity(row, mode=UpdateMode.REPLACE, **unless_changed(etag)))
        except CallFailed as failed:
            if failed.failure.code is Code.BUSY_STORE or getattr(failed.__cause__, "status_code", None) in _LOST:
                raise Stale from failed
            raise

    def remove(self, name: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete a row; with `etag`, only as it was read under that. Nothing is said where it is another by now, or there is none."""
        guard = {} if etag is None else unless_changed(etag)
        try:
            self.call(lambda: self.table(name).delete_entity(partition, row, **guard))
        except CallFailed as failed:
            if getattr(failed.__cause__, "status_code", None) != PRECONDITION_FAILED:
                raise

    def transact(self, name: str, batch: list[Any]) -> Any:  # noqa: ANN401 - the SDK's list of metadata
        """Change rows of one partition, all or none. Raises `Stale` where one is not as the batch says."""
        return self.call(lambda: self._transact(name, batch))

    def _transact(self, name: str, batch: list[Any]) -> Any:  # noqa: ANN401 - as `transact`
        try:
            return self.table(name).submit_transaction(batch)
        except (TableTransactionError, HttpResponseError) as fault:
            if fault.status_code in _LOST and _error_code(fault) != TABLE_NOT_FOUND:
                raise Stale from fault
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


def unless_changed(etag: str) -> dict[str, Any]:
    """The options of a write that is made only if the row is still as it was read under `etag`."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


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

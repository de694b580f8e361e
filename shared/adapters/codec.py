"""Operations to table properties and back: the one place that knows how they look at rest.

Theory: an operation is stored as one JSON text of the whole value (so that no field can be half-written), cut into pieces because a table
property holds 32 Ki of UTF-16 units (the text is ASCII, so that a character is a unit), with copies of a few fields beside it that queries
and people use and nobody who decides reads. Every row carries the number of its schema. Code meets rows of older code (upcast here, by
number, when there is a second schema) and of newer code (refused as `NewerSchema`, and left for newer code: during a deployment both run).
Enum values and kinds are snake_case texts that are never renamed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, Code, Failure, NewerSchema, Unreadable
from shared.model.listing import Summary
from shared.model.operations import Event, Head, Operation, Status
from shared.model.requests import Door
from shared.ports import Key, OpenRow

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from shared.model.kept import JournalRow

SCHEMA = 1
PIECE = 32_000
"""UTF-16 units in a property: Table Storage allows 64 KiB, which is 32,768 of them."""
LAST_OF_FIRST_PLANE = 0xFFFF
MOST_PIECES = 8
"""Eight pieces stay below Table Storage's 1 MiB an entity. No operation may reach that, or its end could not be saved."""
PIECES_PLANNED, PIECES_UNPLANNED = 6, 3
"""What an operation may take when it is accepted. The rest is for what happens to it, for the line behind it, and for a plan that
it has not yet, which may repeat all of the request."""

Properties = dict[str, Any]
_T = TypeVar("_T")


@cache
def _operation() -> "TypeAdapter[Operation]":
    from pydantic import TypeAdapter

    return TypeAdapter(Operation)


@cache
def _head() -> "TypeAdapter[Head]":
    from pydantic import TypeAdapter

    return TypeAdapter(Head)


def operation_properties(operation: Operation) -> Properties:
    """The properties of an operation's row. Raises `CallFailed` with `too_large` for what does not fit."""
    accepted = PIECES_UNPLANNED if operation.plan is None else PIECES_PLANNED
    return {**_cut(_json(operation), most=accepted if operation.saves <= 1 else MOST_PIECES), **_columns(operation)}


def _columns(operation: Operation) -> Properties:
    """The copies of a few fields that stand beside an operation, and alone in the journal."""
    failure = operation.failure
    return {
        "action": operation.request.action,
        "status": operation.status.value,
        "door": operation.origin.door.value,
        "caller": operation.origin.caller[:200],
        "created_at": operation.created_at.isoformat(),
        "updated_at": operation.updated_at.isoformat(),
        "because": (operation.plan.because if operation.plan is not None else "")[:500],
        "code": failure.code.value if failure is not None else "",
        **_cluster(operation.cluster),
    }


def operation_of(row: Mapping[str, Any]) -> Operation:
    """The operation of a row. Raises `Unreadable`."""
    return _read(_operation, row)


def head_properties(head: Head) -> Properties:
    """The properties of a cluster's head."""
    text = _json(head)
    return {**_cut(text, most=MOST_PIECES), "current": head.current.id, "waiting": len(head.line), **_cluster(head.current.cluster)}


def head_of(row: Mapping[str, Any]) -> Head:
    """The head of a row. Raises `Unreadable`."""
    return _read(_head, row)


def line_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Who waits in the line of a head, whatever else of it can be read; nobody, if not even that can: the sweep gives each a place."""
    try:
        found = json.loads("".join(_pieces(row)))["line"]
        return tuple(name for name in found if isinstance(name, str))
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()


def written_off(ended: Summary) -> Properties:
    """The properties by which an operation that is closed unread differs from what it was."""
    return {
        "status": ended.status.value,
        "code": ended.code.value if ended.code is not None else "",
        "updated_at": ended.updated_at.isoformat(),
    }


def event_properties(event: Event) -> Properties:
    """The properties of a history row."""
    return {"schema": SCHEMA, "n": event.n, "at": event.at.isoformat(), "text": fitting(event.text)}


def event_of(row: Mapping[str, Any]) -> Event:
    """The event of a history row."""
    return Event(n=int(row["n"]), at=_instant(row["at"]), text=str(row["text"]))


SUMMARY_FIELDS = ("action", "status", "door", "created_at", "updated_at", "because", "code", "subscription", "group", "name", "operation")


def summary_properties(summary: Summary) -> Properties:
    """The properties of a journal row: what a list shows, without the operation itself."""
    return {
        "schema": SCHEMA,
        "operation": summary.id,
        "action": summary.action,
        "status": summary.status.value,
        "door": summary.door.value,
        "created_at": summary.created_at.isoformat(),
        "updated_at": summary.updated_at.isoformat(),
        "because": summary.because or "",
        "code": summary.code.value if summary.code is not None else "",
        **_cluster(summary.cluster),
    }


def summary_of(row: Mapping[str, Any], operation_id: str) -> Summary:
    """The summary that an operation's or a journal row holds."""
    return Summary(
        id=operation_id,
        cluster=_cluster_of(row),
        action=str(row["action"]),
        door=Door(row["door"]),
        status=Status(row["status"]),
        created_at=_instant(row["created_at"]),
        updated_at=_instant(row["updated_at"]),
        because=row.get("because") or None,
        code=Code(row["code"]) if row.get("code") else None,
    )


def summarised(operation: Operation) -> Summary:
    """The summary of an operation in hand."""
    return summary_of(_columns(operation), operation.id)


def open_properties(operation: Operation) -> Properties:
    """The properties of a row in `open`."""
    return {"schema": SCHEMA, "since": operation.created_at.isoformat(), "action": operation.request.action, **_cluster(operation.cluster)}


def open_of(row: Mapping[str, Any]) -> OpenRow:
    """The row of `open`."""
    return OpenRow(operation=str(row["RowKey"]), cluster=_cluster_of(row), since=_instant(row["since"]))


def journal_of(row: Mapping[str, Any]) -> "JournalRow":
    """Which operation a row of the journal stands for."""
    from shared.model.kept import JournalRow

    return JournalRow(operation=str(row["operation"]), ended_at=_instant(row["updated_at"]))


def key_properties(key: Key) -> Properties:
    """The properties of an idempotency key's row."""
    return {"schema": SCHEMA, "operation": key.operation, "digest": key.digest}


def key_of(row: Mapping[str, Any]) -> Key:
    """The meaning of an idempotency key's row."""
    return Key(operation=str(row["operation"]), digest=str(row["digest"]))


def fitting(text: str) -> str:
    """As much of a text's beginning as one property holds. A character beyond the first plane takes two units."""
    units = 0
    for n, character in enumerate(text):
        units += 1 if ord(character) <= LAST_OF_FIRST_PLANE else 2
        if units > PIECE:
            return text[:n]
    return text


# ---- inside


def _json(value: Operation | Head) -> str:
    """The whole value as JSON in ASCII, as the readers above read it. Written by hand: accepting a request must not wait for a reader."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: object) -> object:
    """A value that JSON does not know: an instant, a duration (ISO 8601, exact), or one of our own."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            span = abs(value)
            return f"{'-' if value < span else ''}P{span.days}DT{span.seconds}.{span.microseconds:06}S"
        case _:
            return {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]  # raises for anything else


def _cluster(ref: ClusterRef) -> Properties:
    return {"subscription": ref.subscription, "group": ref.group, "name": ref.name}


def _cluster_of(row: Mapping[str, Any]) -> ClusterRef:
    return ClusterRef(subscription=str(row["subscription"]), group=str(row["group"]), name=str(row["name"]))


def _cut(text: str, *, most: int) -> Properties:
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    if len(pieces) > most:
        message = f"the operation is {len(text)} characters at rest, want {PIECE * most} at most; ask for less in one request"
        raise CallFailed(Failure(code=Code.TOO_LARGE, message=message))
    return {"schema": SCHEMA, **{f"state_{n}": piece for n, piece in enumerate(pieces)}}


def _read(reader: "Callable[[], TypeAdapter[_T]]", row: Mapping[str, Any]) -> "_T":
    try:
        return reader().validate_json(_joined(row))
    except (KeyError, TypeError, ValueError) as fault:
        # What it says is not repeated: it may be anything.
        message = f"the row {row.get('RowKey')!a} cannot be read ({type(fault).__name__})"
        raise Unreadable(message) from None


def _joined(row: Mapping[str, Any]) -> str:
    schema = int(row["schema"])
    if schema > SCHEMA:
        message = f"a row has schema {schema}, this code knows up to {SCHEMA}; newer code must read it"
        raise NewerSchema(message)
    return "".join(_pieces(row))


def _pieces(row: Mapping[str, Any]) -> Iterator[str]:
    return (str(row[f"state_{n}"]) for n in range(MOST_PIECES) if f"state_{n}" in row)


def _instant(text: object) -> datetime:
    return datetime.fromisoformat(str(text))

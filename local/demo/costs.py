"""What operations cost, counted from the app's own log as the local host writes it, and shown as a table. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

OF_A_MESSAGE = 2
"""Storage transactions of the host itself for a message that it delivered: the get and the delete (a failed one is released instead)."""
_BY_QUEUE = frozenset({"requests_take", "requests_bury", "steps_advance", "steps_bury"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Requests on the wire: to ARM, to tables, to queues by the app; and the messages that were delivered for it."""

    arm: int = 0
    tables: int = 0
    queues: int = 0
    messages: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(
            arm=self.arm + other.arm,
            tables=self.tables + other.tables,
            queues=self.queues + other.queues,
            messages=self.messages + other.messages,
        )

    @property
    def storage(self) -> int:
        """Storage transactions: what the app asked of tables and queues, and what the host did to deliver the messages."""
        return self.tables + self.queues + OF_A_MESSAGE * self.messages


@dataclass(slots=True)
class _Invocation:
    operation: str | None = None
    cost: Cost | None = None
    ended: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was counted: by operation, for all invocations together, and the operations whose last invocation has been counted too."""

    by_operation: Mapping[str, Cost]
    total: Cost
    closed: frozenset[str]


def counted(lines: Iterable[str]) -> Costs:
    """Read the host's log. An invocation belongs to the operation that it moved or accepted; reads, plans and refusals belong to none.

    Lines that are no events of the app are passed over, a half-written last one among them.
    """
    invocations: dict[str, _Invocation] = defaultdict(_Invocation)
    for line in lines:
        name, facts = _event(line)
        if facts is None:
            continue
        invocation = invocations[name]
        match facts.get("event"):
            case "invocation_ended":
                invocation.operation = facts.get("operation") or invocation.operation
                messages = 1 if facts["door"] in _BY_QUEUE else 0
                invocation.cost = Cost(arm=facts["arm"], tables=facts["tables"], queues=facts["queues"], messages=messages)
            case "operation_accepted":
                invocation.operation = facts["operation"]
            case "operation_born_ended":
                invocation.operation = facts["operation"]
                invocation.ended.add(facts["operation"])
            case "operation_ended":
                invocation.ended.add(facts["operation"])
            case _:
                pass
    by_operation: dict[str, Cost] = defaultdict(Cost)
    total, closed = Cost(), set()
    for invocation in invocations.values():
        if invocation.cost is None:
            continue  # it is still going on, or it was killed
        total += invocation.cost
        closed |= invocation.ended
        if invocation.operation is not None:
            by_operation[invocation.operation] += invocation.cost
    return Costs(by_operation=dict(by_operation), total=total, closed=frozenset(closed))


def _event(line: str) -> tuple[str, dict[str, Any] | None]:
    """The invocation and the facts of an event that the app logged; no facts for any other line."""
    try:
        said = json.loads(line)
        if said.get("logger") != "tidekeeper" or "invocation" not in said:
            return "", None
        facts = json.loads(said["message"])
    except (ValueError, AttributeError, KeyError):
        return "", None
    return str(said["invocation"]), facts if isinstance(facts, dict) else None


# ---- the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operation in the table. `lost`: a process was killed at work on it, so that its storage transactions are a lower bound."""

    operation: str
    name: str
    steps: int
    lasted: timedelta
    cost: Cost
    lost: bool = False

    def with_lost_calls(self, arm: int) -> "Row":
        """The row with the ARM calls that a killed process made and could not log."""
        return replace(self, cost=self.cost + Cost(arm=arm), lost=True)


def row_of(operation: Mapping[str, Any], cost: Cost) -> Row:
    """The row for an ended operation as the app shows it."""
    return Row(
        operation=operation["id"],
        name=name_of(operation),
        steps=len(_steps(operation)),
        lasted=instant(operation["ended_at"]) - instant(operation["created_at"]),
        cost=cost,
    )


def name_of(operation: Mapping[str, Any]) -> str:
    """What to call an operation: its step if it has only one, else its action and its cluster."""
    steps = _steps(operation)
    return str(steps[0]["name"]) if len(steps) == 1 else f"{operation['action']} cluster {operation['cluster']['name']}"


def _steps(operation: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    plan = operation["plan"]
    return plan["steps"] if plan is not None else ()


def table(rows: Sequence[Row], speed: float) -> list[str]:
    """The table as lines of equal length: heading, rule, a row an operation, and the sums. Times overlap, so they have none."""
    heading = ("operation", "steps", "world time", "real", "ARM calls", "storage")
    cells = [heading, *(_cells(row, speed) for row in rows)]
    total = sum((row.cost for row in rows), Cost())
    steps = sum(row.steps for row in rows)
    mark = "+" if any(row.lost for row in rows) else ""
    last = ("together", str(steps), "", "", str(total.arm), f"{total.storage}{mark}")
    widths = [max(len(line[column]) for line in (*cells, last)) for column in range(len(heading))]
    rule = "  ".join("-" * width for width in widths)
    shown = [_aligned(line, widths) for line in cells]
    return [shown[0], rule, *shown[1:], rule, _aligned(last, widths)]


def _cells(row: Row, speed: float) -> tuple[str, ...]:
    storage = f"{row.cost.storage}{'+' if row.lost else ''}"
    times = (world_span(row.lasted), real_span(row.lasted, speed))
    return (row.name, str(row.steps), *times, str(row.cost.arm), storage)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    words, *numbers = zip(cells, widths, strict=True)
    return "  ".join([words[0].ljust(words[1]), *(cell.rjust(width) for cell, width in numbers)])


# ---- times


def instant(text: str) -> datetime:
    """An instant as the app writes it."""
    return datetime.fromisoformat(text)


def world_span(span: timedelta) -> str:
    """A time in the world, to the second: `5 min 52 s`."""
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def real_span(span: timedelta, speed: float) -> str:
    """How long a time in the world takes here: `5.9 s`."""
    return f"{span.total_seconds() / speed:.1f} s"


def after(start: datetime, then: datetime) -> str:
    """How long after `start` something was: `+3:07`."""
    minutes, seconds = divmod(round((then - start).total_seconds()), 60)
    return f"+{minutes}:{seconds:02}"

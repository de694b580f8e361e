"""How every body is read: exactly its fields, of exactly their types; and the fields that every request has.

A body is declared in the terms of pydantic-core, the engine below pydantic: the same strict reading, without pydantic's own start, which
would cost a cold app half as much again as azure-functions itself (decision 0005).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import SchemaValidator, core_schema

from shared.model.clusters import Range
from shared.model.errors import Code, Fault, Refusal
from shared.model.requests import Request

Shape = core_schema.CoreSchema
Shapes = Mapping[str, Shape]
Document = Mapping[str, Any]
Fit = Mapping[str, Any]
"""How fields must go together, as JSON Schema. The reader does not look at it: `request` holds it and says it better. It is published."""
FIT = "fit"
"""Where a shape keeps it."""

QUEUE_ONLY = ("requested_by", "reply_to", "correlation")
"""Fields that only a request by queue may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of one action: how it is read, and what it asks for once it is. `request` answers a Refusal where fields do not fit.

    `shape` is what `reader` was made of; the published document is drawn from it.
    """

    reader: SchemaValidator
    request: Callable[[Document], Request | Refusal]
    shape: Shape


def text(*, least: int = 0, most: int | None = None, pattern: str | None = None) -> Shape:
    """A text of so many characters."""
    return core_schema.str_schema(min_length=least, max_length=most, pattern=pattern)


def number(least: int, most: int) -> Shape:
    """A whole number between two others; a truth value is none, and neither is 5.0."""
    return core_schema.int_schema(ge=least, le=most)


def one_of(*words: str) -> Shape:
    """One of some words."""
    return core_schema.literal_schema(list(words))


def truth() -> Shape:
    """True or false."""
    return core_schema.bool_schema()


def list_of(item: Shape, *, least: int | None = None, most: int | None = None) -> Shape:
    """A list of so many items."""
    return core_schema.list_schema(item, min_length=least, max_length=most)


def mapping(key: Shape, value: Shape, *, most: int | None = None) -> Shape:
    """An object whose keys are the asker's own."""
    return core_schema.dict_schema(key, value, max_length=most)


def fields(required: Shapes, optional: Shapes, nullable: Shapes, *, fit: Fit | None = None) -> Shape:
    """An object with exactly these fields; the nullable ones are optional too. `fit` is for the published document alone."""
    known = {name: core_schema.typed_dict_field(shape) for name, shape in required.items()}
    known |= {name: core_schema.typed_dict_field(shape, required=False) for name, shape in optional.items()}
    known |= {name: core_schema.typed_dict_field(core_schema.nullable_schema(shape), required=False) for name, shape in nullable.items()}
    metadata = {FIT: dict(fit)} if fit is not None else None
    return core_schema.typed_dict_schema(known, extra_behavior="forbid", config=core_schema.CoreConfig(strict=True), metadata=metadata)


TIMES = ("not_before", "not_after")
"""Fields that are instants. The reader takes any short text, so that what is wrong with one can be said better than by a pattern."""
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
"""How RFC 3339 spells an instant."""
COUNT = number(0, 1000)
WHOLE: Fit = {"type": "integer"}
NONE: Fit = {"type": "null"}
NAME = text(least=1, most=63)
_OF_EVERY_REQUEST = {
    "reason": text(most=1000),
    "not_before": text(most=40),
    "not_after": text(most=40),
    "idempotency_key": text(least=1, most=200),
    "requested_by": text(most=200),
    "reply_to": text(most=63),
    "correlation": text(most=200),
}


def body(
    request: Callable[[Document], Request | Refusal],
    *,
    required: Shapes,
    optional: Shapes | None = None,
    nullable: Shapes | None = None,
    fit: Fit | None = None,
) -> Body:
    """The body of one action: its own fields, and those of every request. `fit` says how its fields go together, as JSON Schema."""
    every = {"action": text(), "cluster": text(least=1, most=400), **required}
    shape = fields(every, optional or {}, {**_OF_EVERY_REQUEST, **(nullable or {})}, fit=fit)
    return Body(reader=SchemaValidator(shape), request=request, shape=shape)


def refused(pointer: str, message: str) -> Refusal:
    """The refusal of a body for one of its fields."""
    return Refusal(code=Code.MALFORMED, message=message, faults=(Fault(pointer=f"/{pointer}", message=message),))


def range_of(document: Document) -> Range | None:
    """The autoscaler's limits, if they are asked for. Raises ValueError where only one of them is."""
    least, most = document.get("min"), document.get("max")
    if least is None and most is None:
        return None
    if least is None or most is None:
        message = "has only one of min and max, want both or neither"
        raise ValueError(message)
    return Range(min=least, max=most)

"""In what terms a door's promise is put: its parameters, its answers, and the codes by which it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from functions.openapi.words import GROUP, NAME, SUBSCRIPTION
from functions.views import LETTER_ID, OPERATION_ID
from shared.model.errors import Code

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a query, or a header, in words and as a schema."""

    name: str
    words: str
    schema: Schema
    place: Literal["query", "header", "path"] = "query"
    required: bool = False
    several: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that is no problem: what it means, and the view it has (one of several where a request chooses)."""

    means: str
    views: tuple[type, ...]
    location: Literal["never", "with_operation", "always"] = "never"
    retry_after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One door: `function` is its name, `path` what comes after the host's prefix; a door that is `open` asks for no key."""

    function: str
    method: Literal["get", "post", "delete"]
    path: str
    tag: str
    summary: str
    words: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    takes_request: bool = False
    refusals: frozenset[Code] = frozenset()
    open: bool = False
    goes_on: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the name of another door: where in a 202 each of the other's parameters is."""


SETTINGS = frozenset({Code.NOT_CONFIGURED})
STORE = frozenset({Code.BUSY_STORE, Code.UNREACHABLE})
AZURE = frozenset({
    Code.THROTTLED, Code.UNREACHABLE, Code.AZURE_FAULT, Code.AZURE_FORBIDDEN, Code.AZURE_REFUSED, Code.CHANGED_MEANWHILE, Code.BUSY,
    Code.OUT_OF_CAPACITY,
})  # fmt: skip
BODY = frozenset({Code.MALFORMED, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE})

_GUID = {"type": "string", "pattern": f"^{SUBSCRIPTION}$", "examples": ["71de0000-0000-4000-8000-000000000001"]}
FLAG = {"type": "boolean", "default": False}
PATH: Mapping[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(name="id", place="path", required=True, words="An operation's id.", schema={"type": "string", "pattern": OPERATION_ID}),
        Parameter(name="letter", place="path", required=True, words="A letter's id.", schema={"type": "string", "pattern": LETTER_ID}),
        Parameter(name="subscription", place="path", required=True, words="An Azure subscription.", schema=_GUID),
        Parameter(name="group", place="path", required=True, words="A resource group.", schema={"type": "string", "pattern": f"^{GROUP}$"}),
        Parameter(name="name", place="path", required=True, words="A cluster's name.", schema={"type": "string", "pattern": f"^{NAME}$"}),
    )
}

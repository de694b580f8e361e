"""What schemathesis is told about the app beside the document; it loads this by name. Held to less than the document nowhere."""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

UNSAID = (
    "since and until are not in order or more than 92 days apart",
    "continuation is not a continuation token of this list",
    "not_after is not later than not_before, want a span in which it may begin",
    "the header Idempotency-Key and the field idempotency_key differ; send one of them",
)
"""Why a request that is as the document says may still be malformed: how two of its values go together, and what only the app can know."""

TWO_DOORS = "/api/operations/purge"
"""With another method than its own, this is an operation of that name, which there is none of: the answer is that door's."""

_seen: Counter[str] = Counter()
_tokens: dict[str, str] = json.loads(Path(os.environ["TOKENS"]).read_text(encoding="utf-8")) if "TOKENS" in os.environ else {}
"""By id of an operation: the token of its status link, which no chance finds."""


@schemathesis.check
def malformed_only_where_no_schema_can_say_so(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A request that the document calls valid is malformed for a named reason only."""
    del ctx
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code == 400 and _documented(case, response):
        assert response.json()["detail"] in UNSAID


@schemathesis.check
def a_method_that_no_door_has_is_not_found(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """As in the host's own routing: a wrong method is no match, and says nothing of the door."""
    del ctx
    if not _documented(case, response) and case.operation.path != TWO_DOORS:
        assert (response.status_code, response.content) == (404, b"")


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """JSON Schema takes 5.0 for a whole number; the app says in words that it does not, so it is sent as 5."""
    match body:
        case float() if body.is_integer():
            return int(body)
        case dict():
            return {name: map_body(context, value) for name, value in body.items()}
        case list():
            return [map_body(context, item) for item in body]
        case _:
            return body


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """A status link that is as the document says has the token that its operation was given, where that is known."""
    del context, kwargs
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and case.operation.definition.raw["operationId"] == "status_read":
        token = _tokens.get(str(case.path_parameters["id"]))
        if token is not None:
            case.query["token"] = token


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """Count what was answered, by door."""
    del context
    if _documented(case, response):
        _seen[f"{case.operation.definition.raw['operationId']} {response.status_code}"] += 1


def _documented(case: schemathesis.Case[Any], response: schemathesis.Response) -> bool:
    return str(response.request.method).lower() == str(case.operation.method).lower()


def _tell() -> None:
    Path(os.environ["SEEN"]).write_text(json.dumps(_seen), encoding="utf-8")


atexit.register(_tell)

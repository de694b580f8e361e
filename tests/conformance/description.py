"""Azure's own description of AKS, and everything in which one answer departs from it. Which departures are known is not decided here.

The description is read strictly: a field that it does not name is a departure, and so is a word that is not in an enumeration, though
such lists are meant to grow.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs

Json = dict[str, Any]
Kind = Literal["path", "status", "body", "header", "type", "word", "missing", "unnamed", "format", "error"]

HANDLES = ("azure-asyncoperation", "location")
_PROVIDER = "/providers/microsoft.containerservice/"

_STATUS_DOCUMENT: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "status": {"type": "string"},
        "percentComplete": {"type": "number"},
        "startTime": {"type": "string", "format": "date-time"},
        "endTime": {"type": "string", "format": "date-time"},
        "operations": {"type": "array"},
        "error": {"$ref": "#/definitions/ErrorDetail"},
    },
    "required": ["status"],
}
"""OperationStatusResult of ARM's common types (version 3): what every provider's status URL answers, so AKS does not describe it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One way in which an answer is not as described; `at` is a path in the body (lists as []), a header, or empty."""

    operation: str
    status: int
    kind: Kind
    at: str
    value: object = None
    where: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.operation} {self.status} {self.kind} {self.at} {str(self.value)[:120]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One exchange, wherever it was written down; header names are lower-case."""

    method: str
    path: str
    version: str
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def where(self) -> str:
        return f"{self.method} {self.path} ({self.version})"


class Description:
    """The description, ready to hold answers against."""

    def __init__(self, document: Json) -> None:
        definitions: Json = {**document["definitions"], "OperationStatus": _STATUS_DOCUMENT}
        self._schemas = {name: _closed(name, definitions) for name in definitions}
        self._paths = [(_pattern(template), operations) for template, operations in document["paths"].items()]
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def departures(self, answered: Answered) -> list[Departure]:
        """All in which an answer departs; none for what is not AKS's business: groups, providers, subscriptions, and ARM's own refusals."""
        if _PROVIDER not in answered.path.lower() or answered.path.lower().endswith(f"{_PROVIDER}register"):
            return []
        return self._told(self._operation(answered), answered)

    def departures_of(self, operation_id: str, answered: Answered) -> list[Departure]:
        """The same for an answer of a known operation, whatever its path."""
        known = (operation for _, operations in self._paths for operation in operations.values())
        return self._told(next(operation for operation in known if operation["operationId"] == operation_id), answered)

    def _told(self, operation: Json | None, answered: Answered) -> list[Departure]:
        name = "-" if operation is None else operation["operationId"]
        return [
            Departure(operation=name, status=answered.status, kind=kind, at=at, value=value, where=answered.where, version=answered.version)
            for kind, at, value in self._found(operation, answered)
        ]

    def _operation(self, answered: Answered) -> Json | None:
        for pattern, operations in self._paths:
            if pattern.fullmatch(answered.path.rstrip("/")):
                found: Json | None = operations.get(answered.method.lower())
                return found
        return None

    def _found(self, operation: Json | None, answered: Answered) -> Iterator[tuple[Kind, str, object]]:
        if answered.status >= 400:
            yield from self._refusal(answered)
        elif operation is None:
            yield "path", "", answered.path
            if "/operations/" in answered.path:
                yield from self._body({"$ref": "#/definitions/OperationStatus"}, answered.body)
        else:
            response = operation["responses"].get(str(answered.status))
            if response is None:
                yield "status", "", answered.status
                response = next((operation["responses"][key] for key in ("200", "201", "202") if key in operation["responses"]), {})
            yield from _handles(response, answered)
            schema = response.get("schema")
            if (schema is None) != (answered.body is None):
                yield "body", "", "described, not sent" if answered.body is None else "sent, not described"
            elif schema is not None:
                yield from self._body(schema, answered.body)

    def _refusal(self, answered: Answered) -> Iterator[tuple[Kind, str, object]]:
        body = answered.body
        if answered.method == "HEAD":
            return
        if isinstance(body, dict) and "error" not in body and "code" in body:
            yield "error", "", "not wrapped"
            yield from self._body({"$ref": "#/definitions/ErrorDetail"}, body)
        elif isinstance(body, dict):
            yield from self._body({"$ref": "#/definitions/ErrorResponse"}, body)
        else:
            yield "error", "", "no object"

    def _body(self, schema: Json, body: object) -> Iterator[tuple[Kind, str, object]]:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**_closed_schema(schema), "definitions": self._schemas}
            self._validators[key] = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
        for error in self._validators[key].iter_errors(body):
            yield from _faults(error)


def describe(conformance: Path) -> Description:
    """The description of api-version 2026-08-01."""
    file = conformance / "spec" / "managedClusters.2026-08-01.fromsdk.json"
    return Description(json.loads(file.read_text(encoding="utf-8")))


# --------------------------------------------------------------------------------------------------------- what a departure is called


def _handles(response: Json, answered: Answered) -> Iterator[tuple[Kind, str, object]]:
    described = {name.lower() for name in response.get("headers", {})}
    for name in HANDLES:
        if (name in described) != (name in answered.headers):
            yield "header", name, "described, not sent" if name in described else "sent, not described"


def _faults(error: jsonschema_rs.ValidationError) -> Iterator[tuple[Kind, str, object]]:
    at = "".join("[]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    kind = error.kind
    match kind:
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            for name in kind.unexpected:
                yield "unnamed", f"{at}.{name}", error.instance[name] if isinstance(error.instance, dict) else None
        case jsonschema_rs.ValidationErrorKind.Required():
            yield "missing", f"{at}.{kind.property}", None
        case jsonschema_rs.ValidationErrorKind.Enum():
            yield "word", at, error.instance
        case jsonschema_rs.ValidationErrorKind.Format():
            yield "format", at, error.instance
        case _:
            yield "type", at, error.instance


# ----------------------------------------------------------------------------------------------------------- from Swagger to a schema


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template), re.IGNORECASE)


def _closed(name: str, definitions: Json) -> Json:
    """A definition with what it inherits written out, and closed where it names its fields."""
    return _closed_schema(_whole(definitions[name], definitions))


def _whole(definition: Json, definitions: Json) -> Json:
    whole: Json = {key: value for key, value in definition.items() if key != "allOf"}
    for parent in definition.get("allOf", ()):
        inherited = _whole(definitions[parent["$ref"].rsplit("/", 1)[-1]], definitions)
        whole["properties"] = {**inherited.get("properties", {}), **whole.get("properties", {})}
        whole["required"] = [*inherited.get("required", ()), *whole.get("required", ())]
    return whole


def _closed_schema(schema: Json) -> Json:
    result: Json = {key: value for key, value in schema.items() if key in {"type", "$ref", "enum", "required", "format"}}
    if "allOf" in schema:  # a property that is another type and something beside, such as read-only
        return _closed_schema(schema["allOf"][0])
    if "properties" in schema:
        result["properties"] = {name: _closed_schema(value) for name, value in schema["properties"].items()}
        result["additionalProperties"] = False
    if "additionalProperties" in schema:
        extra = schema["additionalProperties"]
        result["additionalProperties"] = _closed_schema(extra) if isinstance(extra, dict) else extra
    if "items" in schema:
        result["items"] = _closed_schema(schema["items"])
    return result

"""Holds answers against the published document, more strictly than it asks of clients: a field that it does not show is a fault."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from functions.openapi.document import document

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
GROWS = ("Document",)
"""Schemas that do not show all there is."""


class Promised:
    """A document, and what it promises of an answer."""

    def __init__(self, said: Json) -> None:
        schemas = {name: _closed(name, schema) for name, schema in said["components"]["schemas"].items()}
        self.components = {**said["components"], "schemas": schemas}
        self.document = {**said, "components": self.components}
        self.operations: dict[str, Json] = {
            operation["operationId"]: operation for item in said["paths"].values() for operation in item.values()
        }
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def faults(self, function: str | None, *, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What of a function's answer is not as promised; None: no function took the request. Header names are in lower case."""
        if function is None:
            return [] if status in {400, 404} and not body else [f"{status} for what no door has"]
        responses = self.operations[function]["responses"]
        said = responses.get(str(status))
        if said is None:
            return [f"{status} is not among {', '.join(responses)}"]
        return [*self._headers(said, headers), *self._body(said, headers, body)]

    def invalid(self, schema: Json, document: object) -> list[str]:
        """What of a document is not as a schema says."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"$schema": DIALECT, "components": {"schemas": self.components["schemas"]}, **schema}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in self._validators[key].iter_errors(document)]

    def _headers(self, said: Json, headers: Mapping[str, str]) -> list[str]:
        found = []
        for name, header in said.get("headers", {}).items():
            text = headers.get(name.lower())
            if text is None:
                found += [f"no header {name}"] if header.get("required") else []
                continue
            value = int(text) if header["schema"].get("type") == "integer" and text.isdecimal() else text
            found += [f"header {name} {fault}" for fault in self.invalid(header["schema"], value)]
        undocumented = {"location", "retry-after"} & headers.keys() - {name.lower() for name in said.get("headers", {})}
        return found + [f"header {name} is not promised" for name in undocumented]

    def _body(self, said: Json, headers: Mapping[str, str], body: bytes) -> list[str]:
        kinds = said.get("content")
        if kinds is None:
            return [f"a body of {len(body)} bytes where none is promised"] if body else []
        kind = headers.get("content-type", "").partition(";")[0]
        if kind not in kinds:
            return [f"{kind or 'nothing'} where {', '.join(kinds)} is promised"]
        return self.invalid(kinds[kind]["schema"], json.loads(body))


@cache
def promised() -> Promised:
    """The app's own document."""
    return Promised(document())


def _closed(name: str, schema: Json) -> Json:
    return schema if name in GROWS or "properties" not in schema else {"additionalProperties": False, **schema}

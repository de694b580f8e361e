"""JSON Schemas of what comes in and what goes out. Drawn from the declarations that the readers and the type checker hold themselves to."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from functions.bodies import body_of
from functions.bodies.asking import FIT, INSTANT, QUEUE_ONLY, TIMES
from functions.openapi.words import ABOUT, CLUSTER, EXAMPLES, FIELDS, KINDS
from shared.model.requests import ACTIONS

Json = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"
REQUEST = "Request"
_OUR_SUFFIX = "View"


class _Drawing(GenerateJsonSchema):
    """pydantic's own, without titles that repeat names, and with how fields go together."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - a union of pydantic's that has no public name
        return False

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        drawn = super().typed_dict_schema(schema)
        drawn.pop("title", None)
        return {**drawn, **schema.get("metadata", {}).get(FIT, {})}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return {"type": "string", "enum": [member.value for member in schema["members"]]}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        drawn = super().str_schema(schema)
        if drawn.get("minLength") == 0:
            del drawn["minLength"]
        return drawn


def reference(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": REFERENCE.format(model=name)}


def name_of(view: type) -> str:
    """What a view is called in the document."""
    return view.__name__.removesuffix(_OUR_SUFFIX)


def views(kinds: Iterable[type]) -> dict[str, Json]:
    """The schemas of some views and of all that they hold, by name."""
    inputs: list[Any] = [(kind, "serialization", TypeAdapter(kind)) for kind in kinds]
    _, drawn = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE, schema_generator=_Drawing)
    worded = {name: {**schema, "description": KINDS[name]} if "enum" in schema else schema for name, schema in drawn["$defs"].items()}
    return {name.removesuffix(_OUR_SUFFIX): _renamed(schema) for name, schema in worded.items()}


def _renamed(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    match schema:
        case dict():
            return {key: _place(value) if key == "$ref" else _renamed(value) for key, value in schema.items()}
        case list():
            return [_renamed(item) for item in schema]
        case _:
            return schema


def _place(reference: str) -> str:
    return re.sub(f"{_OUR_SUFFIX}$", "", reference)


def requests() -> dict[str, Json]:
    """The schema of each action's body as HTTP takes it, and of any of them, by name."""
    by_action = {action: f"{_spelt(action)}{REQUEST}" for action in sorted(ACTIONS)}
    either = {
        "oneOf": [reference(name) for name in by_action.values()],
        "discriminator": {"propertyName": "action", "mapping": {action: reference(name)["$ref"] for action, name in by_action.items()}},
    }
    return {**{name: _request(action) for action, name in by_action.items()}, REQUEST: either}


def _request(action: str) -> Json:
    drawn = _Drawing(ref_template=REFERENCE).generate(body_of(action).shape, mode="validation")
    known = {name: shape for name, shape in drawn["properties"].items() if name not in QUEUE_ONLY}
    known["action"] = {"type": "string", "const": action}
    known["cluster"] |= {"pattern": CLUSTER, "examples": ["prod-rg/web"]}
    instant = {"type": "string", "format": "date-time", "pattern": f"^{INSTANT}$", "maxLength": 40, "examples": ["2026-11-23T20:00:00Z"]}
    known |= {name: {"anyOf": [instant, {"type": "null"}]} for name in TIMES}
    drawn["properties"] = {name: _worded(action, name, shape) for name, shape in known.items()}
    return {"description": ABOUT.get(action, action), **drawn, "examples": [EXAMPLES[action]] if action in EXAMPLES else []}


def _worded(action: str, name: str, shape: Mapping[str, Any]) -> Json:
    """A field with its word. One without is published as it is, and a test says that it wants one."""
    word = FIELDS.get(f"{action}.{name}", FIELDS.get(name))
    said = {**shape} if word is None else {"description": word, **shape}
    inner = shape.get("items", {})
    if "properties" in inner:
        said["items"] = {**inner, "properties": {key: _worded(action, key, value) for key, value in inner["properties"].items()}}
    return said


def _spelt(action: str) -> str:
    return "".join(part.capitalize() for part in action.split("_"))

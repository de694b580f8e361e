"""What comes in: bodies, read strictly into submissions. Must not call work; doors do.

A body is read strictly: JSON with no key twice and no number that is none, then exactly the fields of its action. Text from outside that is
repeated in an error is escaped and shortened.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from shared.model.clusters import ClusterRef, OsType, PoolMode, Range
from shared.model.errors import Code, Fault, Refusal
from shared.model.requests import ACTIONS, Create, Delete, Door, Origin, PoolSpec, Request, Scale, Submission

MOST_BYTES = 256 * 1024
MOST_FAULTS = 20
_Fields = Mapping[str, core_schema.CoreSchema]


class Malformed(Exception):  # noqa: N818 - says what it holds
    """A body that cannot be read; carries the refusal that says why."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry the refusal."""
        super().__init__(refusal.message)
        self.refusal = refusal


def _text(*, least: int = 0, most: int | None = None, pattern: str | None = None) -> core_schema.CoreSchema:
    return core_schema.str_schema(min_length=least, max_length=most, pattern=pattern)


def _number(least: int, most: int) -> core_schema.CoreSchema:
    return core_schema.int_schema(ge=least, le=most)


def _one_of(*words: str) -> core_schema.CoreSchema:
    return core_schema.literal_schema(list(words))


def _object(required: _Fields, optional: _Fields, nullable: _Fields) -> core_schema.CoreSchema:
    """An object with exactly these fields; the nullable ones are optional too."""
    fields = {name: core_schema.typed_dict_field(schema) for name, schema in required.items()}
    fields |= {name: core_schema.typed_dict_field(schema, required=False) for name, schema in optional.items()}
    fields |= {name: core_schema.typed_dict_field(core_schema.nullable_schema(schema), required=False) for name, schema in nullable.items()}
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", config=core_schema.CoreConfig(strict=True))


def _body(required: _Fields, optional: _Fields, nullable: _Fields) -> SchemaValidator:
    """A request of one action: its own fields, and those of every request."""
    required = {"action": _text(), "cluster": _text(least=1, most=400), **required}
    return SchemaValidator(_object(required, optional, {**_OF_EVERY_REQUEST, **nullable}))


_COUNT = _number(0, 1000)
_NAME = _text(least=1, most=63)
_OF_EVERY_REQUEST = {
    "reason": _text(most=1000),
    "idempotency_key": _text(least=1, most=200),
    "requested_by": _text(most=200),
    "reply_to": _text(most=63),
    "correlation": _text(most=200),
}
_QUEUE_ONLY = ("requested_by", "reply_to", "correlation")
_POOL = _object(
    {"name": _NAME, "vm_size": _text(pattern=r"^[A-Za-z0-9_]{1,60}$"), "count": _COUNT},
    {
        "mode": _one_of("System", "User"),
        "os": _one_of("Linux", "Windows"),
        "zones": core_schema.list_schema(_one_of("1", "2", "3")),
        "labels": core_schema.dict_schema(_text(most=317), _text(most=63)),
        "taints": core_schema.list_schema(_text(most=400)),
    },
    {"min": _COUNT, "max": _COUNT, "os_disk_gb": _number(1, 2048), "max_pods": _number(1, 250)},
)


@cache
def _create() -> SchemaValidator:
    return _body(
        {"location": _text(pattern=r"^[A-Za-z0-9 ]{1,60}$"), "pools": core_schema.list_schema(_POOL, min_length=1, max_length=100)},
        {
            "tier": _one_of("Free", "Standard", "Premium"),
            "tags": core_schema.dict_schema(_text(most=512), _text(most=256), max_length=50),
            "create_resource_group": core_schema.bool_schema(),
        },
        {"version": _text(pattern=r"^[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$"), "dns_prefix": _text(most=60)},
    )


@cache
def _scale() -> SchemaValidator:
    return _body({"pool": _NAME}, {}, {"count": _COUNT, "min": _COUNT, "max": _COUNT})


@cache
def _delete() -> SchemaValidator:
    return _body({"confirm": _text(most=100)}, {"delete_resource_group": core_schema.bool_schema()}, {})


_BODIES = {"create": _create, "scale": _scale, "delete": _delete}
"""Made when first read by: a start pays only for the action that is asked for."""


# ---- in


def json_of(text: bytes | str) -> dict[str, Any]:
    """The JSON object of a body. Raises `Malformed` for what is too large, no JSON, no object, or ambiguous."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MOST_BYTES:
        raise Malformed(Refusal(code=Code.TOO_LARGE, message=f"the body has {len(raw)} bytes, want {MOST_BYTES} at most"))
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as fault:
        raise Malformed(_malformed("the body is nested too deeply")) from fault
    except UnicodeDecodeError as fault:
        raise Malformed(_malformed("the body is not UTF-8, want JSON in UTF-8")) from fault
    except json.JSONDecodeError as fault:
        raise Malformed(
            _malformed(f"the body is not JSON: {fault.msg.removesuffix(' at')} at line {fault.lineno}, column {fault.colno}")
        ) from fault
    except ValueError as fault:
        # Python reads no whole number of more than 4300 digits.
        raise Malformed(_malformed("the body has a number that is too large")) from fault
    if not isinstance(document, dict):
        raise Malformed(_malformed(f"the body is {_kind(document)}, want a JSON object"))
    return document


def json_of_message(text: str) -> dict[str, Any]:
    """The JSON object of a queue message: plain, or base64 of it as many clients send by default. Raises `Malformed`."""
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        try:
            return json_of(base64.b64decode(stripped, validate=True))
        except (binascii.Error, ValueError):
            pass
    return json_of(text)


def submission_of(
    document: Mapping[str, Any], *, origin: Origin, default_subscription: str, key: str | None = None
) -> Submission | Refusal:
    """The submission of a body; `key` is an idempotency key from elsewhere (a header), which must agree with the body's own.

    A door other than a queue refuses the queue's own fields by name.
    """
    action = document.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        what = "no action" if action is None else f"the action {_shown(action)}"
        message = f"the body has {what}, want one of {', '.join(sorted(ACTIONS))}"
        return Refusal(code=Code.MALFORMED, message=message, faults=(Fault(pointer="/action", message=message),))
    try:
        body: dict[str, Any] = _BODIES[action]().validate_python(document)
    except ValidationError as fault:
        return _refused_body(fault)
    strange = [] if origin.door is Door.QUEUE else [name for name in _QUEUE_ONLY if name in document]
    if strange:
        return _field_refused(strange[0], f"{strange[0]} is for requests by queue; take it out")
    own_key = body.get("idempotency_key")
    if key is not None and own_key is not None and key != own_key:
        return _field_refused("idempotency_key", "the header Idempotency-Key and the field idempotency_key differ; send one of them")
    try:
        cluster = ClusterRef.parse(body["cluster"], default_subscription=default_subscription)
    except ValueError as fault:
        return _field_refused("cluster", f"cluster {fault}")
    request = _request_of(body)
    if isinstance(request, Refusal):
        return request
    digested = {name: value for name, value in document.items() if name not in ("idempotency_key", *_QUEUE_ONLY)}
    digest = hashlib.sha256(json.dumps(digested, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Submission(request=request, cluster=cluster, origin=origin, key=key or own_key, reason=body.get("reason"), digest=digest)


def _request_of(body: Mapping[str, Any]) -> Request | Refusal:
    match body["action"]:
        case "create":
            pools = []
            for n, pool in enumerate(body["pools"]):
                autoscale = _range(pool)
                if isinstance(autoscale, Refusal):
                    return _field_refused(
                        f"pools/{n}/min", f"pool {_shown(pool['name'])} has only one of min and max, want both or neither"
                    )
                pools.append(_pool_of(pool, autoscale))
            return Create(
                location=body["location"].replace(" ", "").lower(),
                pools=tuple(pools),
                version=body.get("version"),
                tier=body.get("tier", "Free"),
                dns_prefix=body.get("dns_prefix"),
                tags=body.get("tags", {}),
                create_resource_group=body.get("create_resource_group", False),
            )
        case "scale":
            autoscale = _range(body)
            if isinstance(autoscale, Refusal) or (body.get("count") is None) == (autoscale is None):
                return _field_refused("count", "want either count, or both min and max")
            return Scale(pool=body["pool"], to=body["count"] if autoscale is None else autoscale)
        case _:
            return Delete(confirm=body["confirm"], delete_resource_group=body.get("delete_resource_group", False))


def _pool_of(pool: Mapping[str, Any], autoscale: Range | None) -> PoolSpec:
    return PoolSpec(
        name=pool["name"],
        mode=PoolMode(pool.get("mode", "User")),
        vm_size=pool["vm_size"],
        count=pool["count"],
        os=OsType(pool.get("os", "Linux")),
        autoscale=autoscale,
        os_disk_gb=pool.get("os_disk_gb"),
        max_pods=pool.get("max_pods"),
        zones=tuple(pool.get("zones", ())),
        labels=pool.get("labels", {}),
        taints=tuple(pool.get("taints", ())),
    )


def _range(body: Mapping[str, Any]) -> Range | Refusal | None:
    least, most = body.get("min"), body.get("max")
    if least is None and most is None:
        return None
    if least is None or most is None:
        return Refusal(code=Code.MALFORMED, message="want both min and max")
    return Range(min=least, max=most)


def _refused_body(fault: ValidationError) -> Refusal:
    faults = []
    for error in fault.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]:
        parts = [str(part) for part in error["loc"]]
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
        name = _shown(parts[-1])[1:-1] if parts else "body"
        message = f"the field {name} is not known here" if error["type"] == "extra_forbidden" else f"{name}: {error['msg']}"
        faults.append(Fault(pointer=ascii(pointer)[1:-1][:300], message=message))
    summary = "; ".join(item.message for item in faults[:3])
    return Refusal(code=Code.MALFORMED, message=f"the body is not as it should be: {summary}", faults=tuple(faults))


def _field_refused(pointer: str, message: str) -> Refusal:
    return Refusal(code=Code.MALFORMED, message=message, faults=(Fault(pointer=f"/{pointer}", message=message),))


def _malformed(message: str) -> Refusal:
    return Refusal(code=Code.MALFORMED, message=message)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(_malformed(f"the body has the key {_shown(twice)} twice in one object, want each once"))
    return document


def _no_number(name: str) -> float:
    raise Malformed(_malformed(f"the body has {name}, which is not a number of JSON"))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed(_malformed(f"the body has the number {text[:40]}, which is too large"))
    return number


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(text: object) -> str:
    return ascii(str(text)[:60])

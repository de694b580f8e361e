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
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.model.clusters import ClusterRef, OsType, PoolMode, Range
from shared.model.errors import Code, Fault, Refusal
from shared.model.requests import ACTIONS, Create, Delete, Door, Origin, PoolSpec, Request, Scale, Submission

MOST_BYTES = 256 * 1024
MOST_FAULTS = 20
COUNT = Annotated[int, Field(ge=0, le=1000)]
NAME = Annotated[str, Field(min_length=1, max_length=63)]
TEXT = Annotated[str, Field(max_length=1000)]
KEY = Annotated[str, Field(min_length=1, max_length=200)]


class Malformed(Exception):  # noqa: N818 - says what it holds
    """A body that cannot be read; carries the refusal that says why."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry the refusal."""
        super().__init__(refusal.message)
        self.refusal = refusal


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PoolBody(_Strict):
    """A node pool somebody wants. `min` and `max` turn the cluster autoscaler on."""

    name: NAME
    vm_size: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,60}$")]
    count: COUNT
    mode: Literal["System", "User"] = "User"
    os: Literal["Linux", "Windows"] = "Linux"
    min: COUNT | None = None
    max: COUNT | None = None
    os_disk_gb: Annotated[int, Field(ge=1, le=2048)] | None = None
    max_pods: Annotated[int, Field(ge=1, le=250)] | None = None
    zones: list[Literal["1", "2", "3"]] = []
    labels: dict[Annotated[str, Field(max_length=317)], Annotated[str, Field(max_length=63)]] = {}
    taints: list[Annotated[str, Field(max_length=400)]] = []


class _RequestBody(_Strict):
    cluster: Annotated[str, Field(min_length=1, max_length=400)]
    reason: TEXT | None = None
    idempotency_key: KEY | None = None
    requested_by: Annotated[str, Field(max_length=200)] | None = None
    reply_to: Annotated[str, Field(max_length=63)] | None = None
    correlation: Annotated[str, Field(max_length=200)] | None = None


class CreateBody(_RequestBody):
    """Make a cluster."""

    action: Literal["create"]
    location: Annotated[str, Field(pattern=r"^[A-Za-z0-9 ]{1,60}$")]
    pools: Annotated[list[PoolBody], Field(min_length=1, max_length=100)]
    version: Annotated[str, Field(pattern=r"^[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$")] | None = None
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    dns_prefix: Annotated[str, Field(max_length=60)] | None = None
    tags: Annotated[dict[Annotated[str, Field(max_length=512)], Annotated[str, Field(max_length=256)]], Field(max_length=50)] = {}
    create_resource_group: bool = False


class ScaleBody(_RequestBody):
    """Set a pool's node count, or its autoscaler's limits."""

    action: Literal["scale"]
    pool: NAME
    count: COUNT | None = None
    min: COUNT | None = None
    max: COUNT | None = None


class DeleteBody(_RequestBody):
    """Delete a cluster."""

    action: Literal["delete"]
    confirm: Annotated[str, Field(max_length=100)]
    delete_resource_group: bool = False


RequestBody = Annotated[CreateBody | ScaleBody | DeleteBody, Field(discriminator="action")]
_QUEUE_ONLY = ("requested_by", "reply_to", "correlation")


@cache
def _bodies() -> TypeAdapter[CreateBody | ScaleBody | DeleteBody]:
    return TypeAdapter(RequestBody)


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
        raise Malformed(_malformed(f"the body is not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}")) from fault
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
        body = _bodies().validate_python(document)
    except ValidationError as fault:
        return _refused_body(fault)
    strange = [] if origin.door is Door.QUEUE else [name for name in _QUEUE_ONLY if name in document]
    if strange:
        return _field_refused(strange[0], f"{strange[0]} is for requests by queue; take it out")
    if key is not None and body.idempotency_key is not None and key != body.idempotency_key:
        return _field_refused("idempotency_key", "the header Idempotency-Key and the field idempotency_key differ; send one of them")
    try:
        cluster = ClusterRef.parse(body.cluster, default_subscription=default_subscription)
    except ValueError as fault:
        return _field_refused("cluster", f"cluster {fault}")
    request = _request_of(body)
    if isinstance(request, Refusal):
        return request
    digested = {name: value for name, value in document.items() if name not in ("idempotency_key", *_QUEUE_ONLY)}
    digest = hashlib.sha256(json.dumps(digested, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Submission(request=request, cluster=cluster, origin=origin, key=key or body.idempotency_key, reason=body.reason, digest=digest)


def _request_of(body: CreateBody | ScaleBody | DeleteBody) -> Request | Refusal:
    match body:
        case CreateBody():
            pools = []
            for n, pool in enumerate(body.pools):
                autoscale = _range(pool.min, pool.max)
                if isinstance(autoscale, Refusal):
                    return _field_refused(f"pools/{n}/min", f"pool {_shown(pool.name)} has only one of min and max, want both or neither")
                pools.append(_pool_of(pool, autoscale))
            return Create(
                location=body.location.replace(" ", "").lower(),
                pools=tuple(pools),
                version=body.version,
                tier=body.tier,
                dns_prefix=body.dns_prefix,
                tags=dict(body.tags),
                create_resource_group=body.create_resource_group,
            )
        case ScaleBody():
            autoscale = _range(body.min, body.max)
            if isinstance(autoscale, Refusal) or (body.count is None) == (autoscale is None):
                return _field_refused("count", "want either count, or both min and max")
            return Scale(pool=body.pool, to=autoscale if autoscale is not None else body.count or 0)
        case DeleteBody():
            return Delete(confirm=body.confirm, delete_resource_group=body.delete_resource_group)


def _pool_of(pool: PoolBody, autoscale: Range | None) -> PoolSpec:
    return PoolSpec(
        name=pool.name,
        mode=PoolMode(pool.mode),
        vm_size=pool.vm_size,
        count=pool.count,
        os=OsType(pool.os),
        autoscale=autoscale,
        os_disk_gb=pool.os_disk_gb,
        max_pods=pool.max_pods,
        zones=tuple(pool.zones),
        labels=dict(pool.labels),
        taints=tuple(pool.taints),
    )


def _range(least: int | None, most: int | None) -> Range | Refusal | None:
    if least is None and most is None:
        return None
    if least is None or most is None:
        return Refusal(code=Code.MALFORMED, message="want both min and max")
    return Range(min=least, max=most)


def _refused_body(fault: ValidationError) -> Refusal:
    faults = []
    for error in fault.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]:
        # The first element is the union's tag, which is no place in the body.
        parts = [str(part) for part in error["loc"][1:]]
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

"""What comes in: bodies, read strictly into submissions. Must not call work; doors do.

A body is read strictly: JSON with no key twice and no number that is none, then exactly the fields of its action. Text from outside that is
repeated in an error is escaped and shortened.
"""

import base64
import binascii
import contextlib
import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic_core import ValidationError

from functions.bodies import body_of
from functions.bodies.asking import INSTANT, QUEUE_ONLY, TIMES, refused
from shared.model.clusters import ClusterRef
from shared.model.errors import Code, Fault, Refusal
from shared.model.requests import ACTIONS, Door, Origin, Submission

MOST_BYTES = 256 * 1024
MOST_FAULTS = 20
_RFC_3339 = re.compile(INSTANT, re.ASCII)


class Malformed(Exception):  # noqa: N818 - says what it holds
    """A body that cannot be read; carries the refusal that says why."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry the refusal."""
        super().__init__(refusal.message)
        self.refusal = refusal


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
        known = body_of(action)
        body: dict[str, Any] = known.reader.validate_python(document)
    except ValidationError as fault:
        return _refused_body(fault)
    strange = [] if origin.door is Door.QUEUE else [name for name in QUEUE_ONLY if name in document]
    if strange:
        return refused(strange[0], f"{strange[0]} is for requests by queue; take it out")
    own_key = body.get("idempotency_key")
    if key is not None and own_key is not None and key != own_key:
        return refused("idempotency_key", "the header Idempotency-Key and the field idempotency_key differ; send one of them")
    try:
        cluster = ClusterRef.parse(body["cluster"], default_subscription=default_subscription)
    except ValueError as fault:
        return refused("cluster", f"cluster {fault}")
    request = known.request(body)
    if isinstance(request, Refusal):
        return request
    times: dict[str, datetime] = {}
    for name in TIMES:
        if body.get(name) is not None:
            try:
                times[name] = instant_of(body[name])
            except (ValueError, OverflowError) as fault:
                return refused(name, f"{name} {fault}")
    if len(times) > 1 and times["not_before"] >= times["not_after"]:
        return refused("not_after", "not_after is not later than not_before, want a span in which it may begin")
    digested = {name: value for name, value in document.items() if name not in ("idempotency_key", *QUEUE_ONLY)}
    digest = hashlib.sha256(json.dumps(digested, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Submission(
        request=request, cluster=cluster, origin=origin, key=key or own_key, reason=body.get("reason"), digest=digest, **times
    )


def instant_of(text: str) -> datetime:
    """RFC 3339, which is stricter than what Python reads: no weeks, no dates without a time, no time without a zone.

    Raises ValueError for what is none, OverflowError for what is before or after all time.
    """
    if _RFC_3339.fullmatch(text):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    message = f"{text[:40]!a} is no instant with a zone, want for example 2026-11-23T20:00:00Z"
    raise ValueError(message)


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

"""What the host asks of a function and what comes of it, as values: HTTP, queue and timer calls, and their outcomes.

It owns how these cross the pipe between host and worker, and the pure rules by which a request or a message becomes a call.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, assert_never
from urllib.parse import parse_qsl

from local.host.frames import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """An HTTP request as a function sees it: header names in lower case, the URL absolute, every value a string."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    params: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """One value of a queue message's trigger metadata; `json` values are encoded."""

    type: Literal["string", "json"]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCall:
    """A queue message: its decoded text, and the metadata after the payload's own keys were merged into it."""

    body: str = field(repr=False)
    metadata: Mapping[str, Datum] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCall:
    """A tick of a timer; `status` is None when the host keeps no monitor for it."""

    past_due: bool = False
    status: Mapping[str, str] | None = None


Call = HttpCall | QueueCall | TimerCall


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What goes back to an HTTP caller; a header name may occur twice only for cookies."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The value of the header `name`, in any case; None when it is not there."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The function returned: its answer if HTTP called it, and the messages for each queue output, by binding name."""

    answer: HttpAnswer | None = None
    outputs: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The invocation did not succeed: the error in one line, and where it came from."""

    error: str
    trace: str = field(default="", repr=False)


Outcome = Done | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """That an invocation repeats one that failed: repetition number `count` of `most` (-1: any number), and what went wrong before."""

    count: int
    most: int
    error: str
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message as storage hands it out; the instants are aware."""

    id: str
    pop_receipt: str
    text: str = field(repr=False)
    dequeue_count: int
    inserted_at: datetime
    expires_at: datetime
    next_visible_at: datetime


def query_values(query: str) -> dict[str, str]:
    """The query string as the worker receives it: names without regard to case, empty values dropped, repeated ones joined by commas."""
    values: dict[str, tuple[str, list[str]]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if value:
            values.setdefault(name.lower(), (name, []))[1].append(value)
    return {name: ",".join(found) for name, found in values.values()}


def header_values(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers as the worker receives them: names in lower case, repeated ones joined by commas."""
    values: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        values[key] = f"{values[key]},{value}" if key in values else value
    return values


def queue_call(body: str, message: Arrived) -> QueueCall:
    """The call for `message` whose decoded text is `body`.

    The metadata holds the message's own facts, and then every top-level property of a JSON object, whose name replaces a fact of the same
    name in any case: a payload key `id` is what `QueueMessage.id` will say. Arrays and nulls are left out.
    """
    metadata = {
        "QueueTrigger": Datum(type="string", value=body),
        "Id": Datum(type="string", value=message.id),
        "PopReceipt": Datum(type="string", value=message.pop_receipt),
        "DequeueCount": Datum(type="json", value=str(message.dequeue_count)),
        "InsertionTime": _instant(message.inserted_at),
        "ExpirationTime": _instant(message.expires_at),
        "NextVisibleTime": _instant(message.next_visible_at),
    }
    names = {name.lower(): name for name in metadata}
    for key, value in _properties(body):
        datum = _payload_datum(value)
        if datum is not None:
            metadata[names.setdefault(key.lower(), key)] = datum
    return QueueCall(body=body, metadata=metadata)


def _properties(body: str) -> Iterable[tuple[str, object]]:
    text = body.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return ()
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return parsed.items() if isinstance(parsed, dict) else ()


def _payload_datum(value: object) -> Datum | None:
    match value:
        case None | list():
            return None
        case dict():
            return Datum(type="json", value=json.dumps(value))
        case _:
            return Datum(type="string", value=str(value))


def _instant(at: datetime) -> Datum:
    return Datum(type="json", value=json.dumps(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")))


def timer_json(call: TimerCall) -> str:
    """What the host sends to the worker for a tick."""
    status = dict(call.status) if call.status is not None else None
    return json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": call.past_due})


def call_frame(call: Call, *, function: str, invocation: str, attempt: Attempt | None = None) -> Frame:
    """The frame that asks a worker to invoke `function`."""
    head: dict[str, Any] = {"kind": "invoke", "function": function, "invocation": invocation}
    if attempt is not None:
        head["attempt"] = {"count": attempt.count, "most": attempt.most, "error": attempt.error, "trace": attempt.trace}
    match call:
        case HttpCall():
            said: dict[str, Any] = {"method": call.method, "url": call.url}
            said |= {"headers": dict(call.headers), "query": dict(call.query), "params": dict(call.params)}
            return Frame(head={**head, "http": said}, blob=call.body)
        case QueueCall():
            metadata = {name: [datum.type, datum.value] for name, datum in call.metadata.items()}
            return Frame(head={**head, "queue": metadata}, blob=call.body.encode())
        case TimerCall():
            status = dict(call.status) if call.status is not None else None
            return Frame(head={**head, "timer": {"past_due": call.past_due, "status": status}})
        case _:
            assert_never(call)


def call_from(frame: Frame) -> Call:
    """Read what `call_frame` wrote."""
    match frame.head:
        case {"http": said}:
            return HttpCall(**said, body=frame.blob)
        case {"queue": metadata}:
            data = {name: Datum(type=kind, value=value) for name, (kind, value) in metadata.items()}
            return QueueCall(body=frame.blob.decode(), metadata=data)
        case {"timer": said}:
            return TimerCall(**said)
        case _:
            message = f"a frame of kind {frame.head.get('kind')!r} holds no call"
            raise ValueError(message)


def attempt_from(frame: Frame) -> Attempt | None:
    """Read what `call_frame` wrote about a repetition."""
    said = frame.head.get("attempt")
    return None if said is None else Attempt(**said)


def outcome_frame(outcome: Outcome, *, invocation: str) -> Frame:
    """The frame that tells the host what came of an invocation."""
    head: dict[str, Any] = {"kind": "outcome", "invocation": invocation}
    match outcome:
        case Done(answer=answer, outputs=outputs):
            head["outputs"] = {name: list(messages) for name, messages in outputs.items()}
            if answer is None:
                return Frame(head=head)
            head["answer"] = {"status": answer.status, "headers": [list(pair) for pair in answer.headers]}
            return Frame(head=head, blob=answer.body)
        case Failed():
            return Frame(head={**head, "error": outcome.error, "trace": outcome.trace})
        case _:
            assert_never(outcome)


def outcome_from(frame: Frame) -> Outcome:
    """Read what `outcome_frame` wrote."""
    match frame.head:
        case {"error": error, "trace": trace}:
            return Failed(error=error, trace=trace)
        case {"outputs": outputs, "answer": {"status": status, "headers": headers}}:
            answer = HttpAnswer(status=status, headers=tuple((name, value) for name, value in headers), body=frame.blob)
            return Done(answer=answer, outputs=outputs)
        case {"outputs": outputs}:
            return Done(outputs=outputs)
        case _:
            message = f"a frame of kind {frame.head.get('kind')!r} holds no outcome"
            raise ValueError(message)

"""Queues: requests in, wake-ups, and what became poison of either.

The host lets a message's own top-level keys stand in for its facts: one that says `id` or `dequeueCount` says so of itself. So nothing here
trusts an id to be safe or unique, and the poison doors take the bare text: it arrives even where those facts cannot be read.
"""

import hashlib
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.places import REQUESTS, STEPS, STORAGE

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.model.operations import Wake
    from shared.model.requests import Origin, Submission
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("requests_take")
@doors.queue_trigger(arg_name="msg", queue_name=REQUESTS, connection=STORAGE)
def requests_take(msg: func.QueueMessage) -> None:
    """Accept a request by queue and answer on its `reply_to`. What cannot be read becomes a letter; what cannot be done now comes back."""
    from shared import log
    from shared.services import current

    with log.invocation("requests_take"):
        _take(msg, current())


@doors.function_name("requests_bury")
@doors.queue_trigger(arg_name="msg", queue_name=f"{REQUESTS}-poison", connection=STORAGE)
def requests_bury(msg: str) -> None:
    """File a request that failed five times as a letter, and tell its sender."""
    from shared import log
    from shared.services import current

    with log.invocation("requests_bury"):
        services = current()
        reason = "it could not be processed five times: Azure or storage was away, or newer code is needed; it can be sent again"
        letter = services.file(mark=_mark(msg), queue=REQUESTS, reason=reason, text=msg)
        document = _document_or_none(msg)
        if document is not None:
            _refuse(services, document, "poisoned", f"{reason}. It is kept as letter {letter.id}")


@doors.function_name("steps_advance")
@doors.queue_trigger(arg_name="msg", queue_name=STEPS, connection=STORAGE)
def steps_advance(msg: func.QueueMessage) -> None:
    """Move an operation by one wake-up. A message of newer code is left for newer code; one that cannot be read becomes a letter."""
    from shared import log
    from shared.model.errors import Stale
    from shared.services import current

    services = current()
    wake = _wake(_text(msg))
    if isinstance(wake, str):
        with log.invocation("steps_advance"):
            services.file(mark=_mark(_text(msg), msg.id), queue=STEPS, reason=wake, text=_text(msg))
        return
    with log.invocation("steps_advance", operation=wake.operation, wake=wake.wake):
        try:
            services.advance(wake)
        except Stale:
            log.event("stale", operation=wake.operation, wake=wake.wake)


@doors.function_name("steps_bury")
@doors.queue_trigger(arg_name="msg", queue_name=f"{STEPS}-poison", connection=STORAGE)
def steps_bury(msg: str) -> None:
    """File a wake-up that failed five times as a letter, and mark its operation; the sweep will wake it again."""
    from shared import log
    from shared.model.errors import NewerSchema
    from shared.services import current

    services, mark = current(), _mark(msg)
    try:
        wake = _wake(msg)
    except NewerSchema:
        wake = "its schema is newer than this code"
    with log.invocation("steps_bury"):
        if isinstance(wake, str):
            services.file(mark=mark, queue=STEPS, reason=wake, text=msg)
            return
        filed = services.file(mark=mark, queue=STEPS, reason="the wake-up failed five times", text=msg, operation=wake.operation)
        services.poisoned(wake, filed.id)


def _take(msg: func.QueueMessage, services: "Services") -> None:
    from functions import wire
    from shared.model.errors import CallFailed, Code, Failure, Refusal
    from shared.model.messages import SCHEMA

    text = _text(msg)
    mark = _mark(text, msg.id)
    try:
        document = wire.json_of_message(text)
    except wire.Malformed as malformed:
        services.file(mark=mark, queue=REQUESTS, reason=malformed.refusal.message, text=text)
        return
    schema = document.pop("schema", SCHEMA)
    _newer(schema)
    origin = _origin(document, services)
    if isinstance(origin, Refusal):
        services.file(mark=mark, queue=REQUESTS, reason=origin.message, text=text)
        return
    # Without a key of the sender's, the message's own id makes its redelivery find what its first delivery did.
    key = document.get("idempotency_key") or f"message {msg.id}"
    submission: Submission | Refusal
    if schema == SCHEMA:
        submission = wire.submission_of(document, origin=origin, default_subscription=services.settings.subscription, key=str(key))
    else:
        submission = Refusal(code=Code.MALFORMED, message=f"schema is {ascii(schema)[:40]}, want {SCHEMA}")
    if isinstance(submission, Refusal):
        services.file(mark=mark, queue=REQUESTS, reason=submission.message, text=text)
        _refuse(services, document, submission.code, submission.message)
        return
    taken = services.submit(submission)
    if isinstance(taken, Refusal) and taken.code is Code.BUSY_STORE:
        # Only the moment was wrong, and the host brings the message back.
        raise CallFailed(Failure(code=taken.code, message=taken.message, transient=True))
    if isinstance(taken, Refusal):
        _refuse(services, document, taken.code, taken.message)


def _origin(document: dict[str, Any], services: "Services") -> "Origin | Refusal":
    """Who asks, by queue: the queue is what can be vouched for; `requested_by` is only what the message says."""
    from shared.model.errors import Code, Refusal
    from shared.model.requests import Door, Origin

    reply_to = document.get("reply_to")
    if reply_to is not None and not (isinstance(reply_to, str) and reply_to in services.settings.reply_queues):
        allowed = ", ".join(sorted(services.settings.reply_queues))
        message = f"reply_to is {str(reply_to)[:63]!a}, want one of the allowed queues: {allowed} (setting TIDEKEEPER_REPLY_QUEUES)"
        return Refusal(code=Code.MALFORMED, message=message)
    says, correlation = document.get("requested_by"), document.get("correlation")
    return Origin(
        door=Door.QUEUE,
        caller=REQUESTS,
        says=says if isinstance(says, str) else None,
        reply_to=reply_to,
        correlation=correlation if isinstance(correlation, str) else None,
    )


def _refuse(services: "Services", document: dict[str, Any], code: str, detail: str) -> None:
    reply_to = document.get("reply_to")
    message = {"event": "refused", "code": str(code), "detail": detail}
    if isinstance(document.get("correlation"), str):
        message["correlation"] = document["correlation"][:200]
    services.say(reply_to if isinstance(reply_to, str) else None, message)


def _wake(text: str) -> "Wake | str":
    """The wake-up of a message, or why it is none. Raises `NewerSchema`."""
    from functions import wire
    from shared.model.messages import SCHEMA
    from shared.model.operations import Wake

    try:
        document = wire.json_of_message(text)
    except wire.Malformed as malformed:
        return malformed.refusal.message
    _newer(document.get("schema", SCHEMA))
    cluster, operation, number = document.get("cluster_key"), document.get("operation"), document.get("wake")
    if not isinstance(cluster, str) or not isinstance(operation, str) or not isinstance(number, int) or isinstance(number, bool):
        return "it is not a wake-up: want the texts cluster_key and operation and the number wake"
    try:
        wake = Wake(cluster_key=cluster, operation=operation, wake=number)
    except ValueError:
        return "it is not a wake-up: its operation cannot be one of its cluster's"
    return wake


def _newer(schema: object) -> None:
    from shared.model.errors import NewerSchema
    from shared.model.messages import SCHEMA

    if isinstance(schema, int) and schema > SCHEMA:
        message = f"a message has schema {schema}, this code knows up to {SCHEMA}; it is left for newer code"
        raise NewerSchema(message)


def _document_or_none(text: str) -> dict[str, Any] | None:
    from functions import wire

    try:
        return wire.json_of_message(text)
    except wire.Malformed:
        return None


def _mark(text: str, message_id: str | None = None) -> str:
    """What a message's letter is called beside its day: the same at each delivery, and safe as a key whatever the message calls itself."""
    return hashlib.sha256(f"{message_id}\n{text}".encode()).hexdigest()[:24]


def _text(msg: func.QueueMessage) -> str:
    return bytes(msg.get_body()).decode("utf-8", "replace")

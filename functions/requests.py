"""HTTP: submit a request, or only plan it."""

import json
from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, strange
from functions.places import STEPS, STORAGE

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("operations_submit")
@doors.route(route="operations", methods=["POST"])
@doors.queue_output(arg_name="wakes", queue_name=STEPS, connection=STORAGE)
def operations_submit(req: func.HttpRequest, wakes: func.Out[str]) -> func.HttpResponse:
    """Accept a request (202), answer the operation its key stands for, or with `plan_only=true` show the plan and store nothing.

    The first wake-up goes by the host's own output: a cold start then need not load the queue client before it can answer. The host sends
    it after this has returned; if it cannot, the caller hears 500, and the same request with its key, or the sweep, wakes the operation.
    """
    return answered("operations_submit", "/api/operations", lambda services: _submit(req, wakes, services))


def _submit(req: func.HttpRequest, wakes: func.Out[str], services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies, wire
    from shared.model.errors import Code, Refusal

    refusal = strange(req, "plan_only", takes_body=True)
    if refusal is not None:
        return refusal
    kind = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Refusal(
            code=Code.UNSUPPORTED_MEDIA_TYPE, message=f"the body is {ascii(kind[:60]) if kind else 'of no type'}, want application/json"
        )
    plan_only = req.params.get("plan_only", "false").lower()
    if plan_only not in {"true", "false"}:
        return Refusal(code=Code.MALFORMED, message="plan_only is neither true nor false")
    key = req.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        return Refusal(code=Code.MALFORMED, message="the header Idempotency-Key wants 1 to 200 printable characters of ASCII")
    try:
        document = wire.json_of(req.get_body())
    except wire.Malformed as malformed:
        return malformed.refusal
    origin = origin_of(req, services)
    submission = wire.submission_of(document, origin=origin, default_subscription=services.settings.subscription, key=key)
    if isinstance(submission, Refusal):
        return submission
    if plan_only == "true":
        preview = services.preview(submission)
        return preview if isinstance(preview, Refusal) else replies.reply(replies.preview_view(preview))
    taken = services.submit(submission, carry=lambda wake: wakes.set(json.dumps(wake)))
    if isinstance(taken, Refusal):
        return taken
    operation = taken.operation
    view = replies.operation_view(services.told(taken))
    headers = {"Location": f"/api/operations/{operation.id}"}
    if operation.ended and taken.replayed:
        return replies.reply(view, status=200, headers=headers)
    return replies.reply(view, status=202, headers={**headers, "Retry-After": str(replies.ACCEPTED_RETRY.seconds)})

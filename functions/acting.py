"""HTTP: stop all acting, let it go on, and see which of the two it is."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, strange

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.model.acting import ShownActing
    from shared.model.errors import Refusal
    from shared.model.requests import Origin
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped

LONGEST_REASON = 500


@doors.function_name("acting_read")
@doors.route(route="pause", methods=["GET"])
def acting_read(req: func.HttpRequest) -> func.HttpResponse:
    """Say whether all acting is paused, by whom and why, and how many calls may still be made this hour."""
    return answered("acting_read", "/api/pause", lambda services: _one(req, services, services.acting))


@doors.function_name("acting_pause")
@doors.route(route="pause", methods=["POST"])
def acting_pause(req: func.HttpRequest) -> func.HttpResponse:
    """Stop all acting: requests are accepted and recorded, what is under way is watched to its end, and no further step begins."""
    return answered("acting_pause", "/api/pause", lambda services: _pause(req, services))


@doors.function_name("acting_unpause")
@doors.route(route="unpause", methods=["POST"])
def acting_unpause(req: func.HttpRequest) -> func.HttpResponse:
    """Let the app act again."""
    return answered("acting_unpause", "/api/unpause", lambda services: _one(req, services, services.unpause))


def _pause(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from shared.model.errors import Code, Refusal

    reason = req.params.get("reason")
    if reason is not None and len(reason) > LONGEST_REASON:
        return Refusal(code=Code.MALFORMED, message=f"reason has {len(reason)} characters, want {LONGEST_REASON} at most")
    return _one(req, services, lambda origin: services.pause(origin, reason=reason), "reason")


def _one(
    req: func.HttpRequest, services: "Services", act: "Callable[[Origin], ShownActing | Refusal]", *known: str
) -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    refusal = strange(req, *known)
    if refusal is not None:
        return refusal
    found = act(origin_of(req, services))
    return found if isinstance(found, Refusal) else replies.reply(replies.acting_view(found))

"""HTTP: how long Azure takes, as far as it was learned, and when it is looked at therefore."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, strange

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("paces_list")
@doors.route(route="paces", methods=["GET"])
def paces_list(req: func.HttpRequest) -> func.HttpResponse:
    """For each kind of step with figures: when Azure is asked, whether by the shipped figures or by learned ones, and why."""
    return answered("paces_list", "/api/paces", lambda services: _list(req, services))


def _list(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    refusal = strange(req)
    if refusal is not None:
        return refusal
    found = services.paces(origin_of(req, services))
    return found if isinstance(found, Refusal) else replies.reply(replies.paces_view(found))

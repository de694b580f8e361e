"""HTTP: one operation, to read only, for anybody who was given its link."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, spelt, strange

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("status_read")
@doors.route(route="status/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def status_read(req: func.HttpRequest) -> func.HttpResponse:
    """Show what a status link opens: 202 while the operation is open, 200 when it has ended.

    The token is in the query, never in the path: the host's telemetry keeps paths, and cuts queries off because its own keys come there.
    """
    return answered("status_read", f"/api/status/{spelt(req.route_params['id'])}", lambda services: _read(req, services))


def _read(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    refusal = strange(req, "token")
    if refusal is not None:
        return refusal
    seen = services.glimpse(req.route_params["id"], req.params.get("token", ""))
    if isinstance(seen, Refusal):
        return seen
    if seen.operation.ended:
        return replies.reply(replies.glimpse_view(seen))
    return replies.reply(replies.glimpse_view(seen), status=202, headers={"Retry-After": str(replies.OPEN_RETRY.seconds)})

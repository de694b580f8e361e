"""HTTP reads: clusters as Azure shows them now."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("clusters_list")
@doors.route(route="clusters", methods=["GET"])
def clusters_list(req: func.HttpRequest) -> func.HttpResponse:
    """List the clusters that the caller may see."""
    return answered("clusters_list", "/api/clusters", lambda services: _list(req, services))


@doors.function_name("clusters_read")
@doors.route(route="clusters/{subscription}/{group}/{name}", methods=["GET"])
def clusters_read(req: func.HttpRequest) -> func.HttpResponse:
    """Read one cluster, and the operation that holds it."""
    return answered("clusters_read", _path(req), lambda services: _read(req, services))


def _path(req: func.HttpRequest) -> str:
    return "/api/clusters/" + "/".join(ascii(req.route_params[name][:90])[1:-1] for name in ("subscription", "group", "name"))


def _list(req: func.HttpRequest, services: "Services") -> func.HttpResponse:
    from functions import replies

    found, failed = services.clusters(origin_of(req, services))
    errors = [{"subscription": name, "code": failure.code.value, "message": failure.message} for name, failure in failed.items()]
    return replies.reply({"clusters": [replies.cluster_view(cluster, operation) for cluster, operation in found], "errors": errors})


def _read(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.clusters import ClusterRef
    from shared.model.errors import Code, Refusal

    parts = (req.route_params[name] for name in ("subscription", "group", "name"))
    try:
        ref = ClusterRef.parse("/".join(parts), default_subscription=services.settings.subscription)
    except ValueError as fault:
        return Refusal(code=Code.MALFORMED, message=f"the path {fault}")
    found = services.cluster(ref, origin_of(req, services))
    if isinstance(found, Refusal):
        return found
    cluster, operation = found
    return replies.reply(replies.cluster_view(cluster, operation))

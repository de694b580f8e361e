"""HTTP reads: clusters as Azure shows them now, and the Kubernetes versions that it offers them."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, spelt, strange

if TYPE_CHECKING:
    from shared.model.clusters import ClusterRef
    from shared.model.errors import Refusal
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped

LONGEST_REGION = 60


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


@doors.function_name("clusters_upgrades")
@doors.route(route="clusters/{subscription}/{group}/{name}/upgrades", methods=["GET"])
def clusters_upgrades(req: func.HttpRequest) -> func.HttpResponse:
    """What AKS offers one cluster to upgrade to, and which of its pools are behind."""
    return answered("clusters_upgrades", f"{_path(req)}/upgrades", lambda services: _upgrades(req, services))


@doors.function_name("versions_list")
@doors.route(route="versions", methods=["GET"])
def versions_list(req: func.HttpRequest) -> func.HttpResponse:
    """List the Kubernetes versions that AKS offers in a region, newest first."""
    return answered("versions_list", "/api/versions", lambda services: _versions(req, services))


def _path(req: func.HttpRequest) -> str:
    return "/api/clusters/" + "/".join(spelt(req.route_params[name]) for name in ("subscription", "group", "name"))


def _list(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies

    refusal = strange(req)
    if refusal is not None:
        return refusal
    found, failed = services.clusters(origin_of(req, services))
    return replies.reply(replies.clusters_view(found, failed))


def _read(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    ref = _ref(req, services)
    found = ref if isinstance(ref, Refusal) else services.cluster(ref, origin_of(req, services))
    if isinstance(found, Refusal):
        return found
    cluster, operation = found
    return replies.reply(replies.cluster_view(cluster, operation))


def _upgrades(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    ref = _ref(req, services)
    found = ref if isinstance(ref, Refusal) else services.upgrades(ref, origin_of(req, services))
    if isinstance(found, Refusal):
        return found
    cluster, offer = found
    return replies.reply(replies.upgrades_view(cluster, offer))


def _versions(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Code, Refusal

    refusal = strange(req, "location")
    if refusal is not None:
        return refusal
    asked = req.params.get("location", "")
    location = asked.replace(" ", "").lower()
    if not (asked.isascii() and location.isalnum() and len(location) <= LONGEST_REGION):
        what = ascii(asked[:60]) if asked else "missing"
        return Refusal(code=Code.MALFORMED, message=f"location is {what}, want a region of Azure, for example westeurope")
    found = services.versions(location, origin_of(req, services))
    return found if isinstance(found, Refusal) else replies.reply(replies.versions_view(location, found))


def _ref(req: func.HttpRequest, services: "Services") -> "ClusterRef | Refusal":
    """The cluster of the path, of a request that says nothing else."""
    from shared.model.clusters import ClusterRef
    from shared.model.errors import Code, Refusal

    refusal = strange(req)
    if refusal is not None:
        return refusal
    parts = (req.route_params[name] for name in ("subscription", "group", "name"))
    try:
        return ClusterRef.parse("/".join(parts), default_subscription=services.settings.subscription)
    except ValueError as fault:
        return Refusal(code=Code.MALFORMED, message=f"the path {fault}")

"""HTTP: read, list and control operations."""

from datetime import timedelta
from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, spelt, strange

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.model.answers import Taken
    from shared.model.clusters import ClusterRef
    from shared.model.errors import Refusal
    from shared.model.listing import Query, Summary
    from shared.model.operations import Operation
    from shared.model.requests import Origin
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped

LOOK_BACK = timedelta(days=7)
MOST_DAYS = timedelta(days=92)
MOST_ITEMS = 200
_PARAMETERS = ("cluster", "status", "action", "origin", "since", "until", "top", "continuation")


@doors.function_name("operations_list")
@doors.route(route="operations", methods=["GET"])
def operations_list(req: func.HttpRequest) -> func.HttpResponse:
    """List operations, newest first, a page at a time."""
    return answered("operations_list", "/api/operations", lambda services: _list(req, services))


@doors.function_name("operations_read")
@doors.route(route="operations/{id}", methods=["GET"])
def operations_read(req: func.HttpRequest) -> func.HttpResponse:
    """Read one operation: 202 while it is open, 200 when it has ended."""
    return answered("operations_read", _path(req), lambda services: _read(req, services))


@doors.function_name("operations_cancel")
@doors.route(route="operations/{id}/cancel", methods=["POST"])
def operations_cancel(req: func.HttpRequest) -> func.HttpResponse:
    """Cancel one operation: what was applied stays applied, and what is under way is left to end, or aborted where that is asked."""
    return answered("operations_cancel", f"{_path(req)}/cancel", lambda services: _cancel(req, services))


@doors.function_name("operations_suspend")
@doors.route(route="operations/{id}/suspend", methods=["POST"])
def operations_suspend(req: func.HttpRequest) -> func.HttpResponse:
    """Let no further step of one operation begin; what is under way in Azure is left to end."""
    return answered("operations_suspend", f"{_path(req)}/suspend", lambda services: _act(req, services, services.suspend))


@doors.function_name("operations_resume")
@doors.route(route="operations/{id}/resume", methods=["POST"])
def operations_resume(req: func.HttpRequest) -> func.HttpResponse:
    """Take up one operation that is suspended or needs a person."""
    return answered("operations_resume", f"{_path(req)}/resume", lambda services: _act(req, services, services.resume))


@doors.function_name("operations_retry")
@doors.route(route="operations/{id}/retry", methods=["POST"])
def operations_retry(req: func.HttpRequest) -> func.HttpResponse:
    """Do what one ended operation left undone, as a new operation with the same targets."""
    return answered("operations_retry", f"{_path(req)}/retry", lambda services: _act(req, services, services.retry))


@doors.function_name("operations_force_close")
@doors.route(route="operations/{id}/force_close", methods=["POST"])
def operations_force_close(req: func.HttpRequest) -> func.HttpResponse:
    """End one operation whatever its state, and free its cluster."""
    return answered("operations_force_close", f"{_path(req)}/force_close", lambda services: _act(req, services, services.force_close))


@doors.function_name("operations_purge")
@doors.route(route="operations/{id}", methods=["DELETE"])
def operations_purge(req: func.HttpRequest) -> func.HttpResponse:
    """Remove one ended operation for good."""
    return answered("operations_purge", _path(req), lambda services: _purge(req, services))


@doors.function_name("operations_purge_many")
@doors.route(route="operations/purge", methods=["POST"])
def operations_purge_many(req: func.HttpRequest) -> func.HttpResponse:
    """Remove what ended by an instant, some at a time."""
    return answered("operations_purge_many", "/api/operations/purge", lambda services: _purge_many(req, services))


def _path(req: func.HttpRequest) -> str:
    return f"/api/operations/{spelt(req.route_params['id'])}"


def _read(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Code, Refusal

    refusal = strange(req, "history")
    if refusal is not None:
        return refusal
    history = req.params.get("history", "false").lower()
    if history not in {"true", "false"}:
        return Refusal(code=Code.MALFORMED, message="history is neither true nor false")
    told = services.operation(req.route_params["id"], origin_of(req, services), history=history == "true")
    if isinstance(told, Refusal):
        return told
    if told.operation.ended:
        return replies.reply(replies.operation_view(told))
    return replies.reply(replies.operation_view(told), status=202, headers={"Retry-After": str(replies.OPEN_RETRY.seconds)})


def _cancel(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from shared.model.errors import Code, Refusal

    abort = req.params.get("abort", "false").lower()
    if abort not in {"true", "false"}:
        return Refusal(code=Code.MALFORMED, message="abort is neither true nor false")
    return _act(req, services, lambda operation, origin: services.cancel(operation, origin, abort=abort == "true"), "abort")


def _act(
    req: func.HttpRequest, services: "Services", act: "Callable[[str, Origin], Operation | Taken | Summary | Refusal]", *known: str
) -> "func.HttpResponse | Refusal":
    """Do one thing with the operation that the URL names, and answer what is now: it, or the one that was made of it."""
    from functions import replies
    from shared.model.answers import Taken
    from shared.model.errors import Refusal
    from shared.model.listing import Summary

    refusal = strange(req, *known)
    if refusal is not None:
        return refusal
    origin = origin_of(req, services)
    done = act(req.route_params["id"], origin)
    if isinstance(done, Refusal):
        return done
    if isinstance(done, Summary):
        return replies.reply(replies.summary_view(done))
    operation_id = done.operation.id if isinstance(done, Taken) else done.id
    told = services.operation(operation_id, origin)
    if isinstance(told, Refusal):
        return told
    headers = {"Location": f"/api/operations/{operation_id}", "Retry-After": str(replies.OPEN_RETRY.seconds)}
    return replies.reply(replies.operation_view(told), status=202, headers=headers)


def _purge(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Refusal

    refusal = strange(req)
    if refusal is not None:
        return refusal
    purged = services.purge(req.route_params["id"], origin_of(req, services))
    return purged if isinstance(purged, Refusal) else replies.reply(replies.purge_view(purged))


def _purge_many(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from functions.wire import instant_of
    from shared.model.errors import Code, Refusal

    refusal = strange(req, "until", "cluster")
    if refusal is not None:
        return refusal
    try:
        if "until" not in req.params:
            return Refusal(code=Code.MALFORMED, message="until is missing, want the instant by which what is to be removed had ended")
        until = instant_of(req.params["until"])
        cluster = _cluster(req.params["cluster"], services.settings.subscription) if "cluster" in req.params else None
    except (ValueError, OverflowError) as fault:
        return Refusal(code=Code.MALFORMED, message=f"nothing can be removed so: {fault}")
    purged = services.purge_many(until, cluster, origin_of(req, services))
    return purged if isinstance(purged, Refusal) else replies.reply(replies.purge_view(purged))


def _list(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Code, Refusal
    from shared.model.listing import BadContinuation

    query = strange(req, *_PARAMETERS) or _query(dict(req.params), services)
    if isinstance(query, Refusal):
        return query
    try:
        page = services.page(query, origin_of(req, services))
    except BadContinuation as fault:
        return Refusal(code=Code.MALFORMED, message=f"continuation is {fault}")
    return replies.reply(replies.page_view(page))


def _query(params: dict[str, str], services: "Services") -> "Query | Refusal":
    """The query that the URL's parameters ask for. Lists are comma separated; instants are RFC 3339; by default the last seven days."""
    from functions.wire import instant_of
    from shared.model.errors import Code, Refusal
    from shared.model.listing import Query
    from shared.model.operations import Status
    from shared.model.requests import ACTIONS, Door

    try:
        until = instant_of(params["until"]) if "until" in params else services.now()
        since = instant_of(params["since"]) if "since" in params else until - LOOK_BACK
        query = Query(
            cluster=_cluster(params["cluster"], services.settings.subscription) if "cluster" in params else None,
            statuses=frozenset(Status(word) for word in _words(params, "status", frozenset(Status))),
            actions=frozenset(_words(params, "action", ACTIONS)),
            doors=frozenset(Door(word) for word in _words(params, "origin", frozenset(Door))),
            since=since,
            until=until,
            top=_top(params.get("top", "50")),
            continuation=params.get("continuation"),
        )
    except ValueError as fault:
        return Refusal(code=Code.MALFORMED, message=f"the list cannot be asked for so: {fault}")
    except OverflowError:
        return Refusal(code=Code.MALFORMED, message="since or until is at the end of all time, want an instant that has a week before it")
    if not timedelta(0) <= until - since <= MOST_DAYS:
        return Refusal(code=Code.MALFORMED, message=f"since and until are not in order or more than {MOST_DAYS.days} days apart")
    return query


def _words(params: dict[str, str], name: str, known: frozenset[str]) -> list[str]:
    words = [word.strip() for word in params[name].split(",")] if name in params else []
    unknown = [word for word in words if word not in known]
    if unknown:
        message = f"{name} {unknown[0][:60]!a} is not one of {', '.join(sorted(known))}"
        raise ValueError(message)
    return words


def _cluster(text: str, default_subscription: str) -> "ClusterRef":
    from shared.model.clusters import ClusterRef

    try:
        return ClusterRef.parse(text, default_subscription=default_subscription)
    except ValueError as fault:
        message = f"cluster {fault}"
        raise ValueError(message) from fault


def _top(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_ITEMS):
        message = f"top is {text[:40]!a}, want 1 to {MOST_ITEMS}"
        raise ValueError(message)
    return int(text)

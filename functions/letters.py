"""HTTP: see, requeue and delete letters, the messages that could not be processed."""

from datetime import timedelta
from typing import TYPE_CHECKING

import azure.functions as func

from functions.callers import answered, origin_of, spelt, strange

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.model.errors import Refusal
    from shared.model.letters import LetterQuery, ShownLetter
    from shared.model.requests import Origin
    from shared.services import Services

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped

LOOK_BACK = timedelta(days=7)
MOST_DAYS = timedelta(days=92)
MOST_ITEMS = 200


@doors.function_name("letters_list")
@doors.route(route="letters", methods=["GET"])
def letters_list(req: func.HttpRequest) -> func.HttpResponse:
    """List letters, the newest day first, a page at a time."""
    return answered("letters_list", "/api/letters", lambda services: _list(req, services))


@doors.function_name("letters_read")
@doors.route(route="letters/{letter}", methods=["GET"])
def letters_read(req: func.HttpRequest) -> func.HttpResponse:
    """Read one letter."""
    return answered("letters_read", _path(req), lambda services: _one(req, services, services.letter))


@doors.function_name("letters_requeue")
@doors.route(route="letters/{letter}/requeue", methods=["POST"])
def letters_requeue(req: func.HttpRequest) -> func.HttpResponse:
    """Send one letter's message to its queue again, and remove the letter."""
    return answered("letters_requeue", f"{_path(req)}/requeue", lambda services: _one(req, services, services.requeue_letter))


@doors.function_name("letters_delete")
@doors.route(route="letters/{letter}", methods=["DELETE"])
def letters_delete(req: func.HttpRequest) -> func.HttpResponse:
    """Throw one letter away."""
    return answered("letters_delete", _path(req), lambda services: _one(req, services, services.delete_letter))


def _path(req: func.HttpRequest) -> str:
    return f"/api/letters/{spelt(req.route_params['letter'])}"


def _one(
    req: func.HttpRequest, services: "Services", act: "Callable[[str, Origin], ShownLetter | Refusal]"
) -> "func.HttpResponse | Refusal":
    """Do one thing with the letter that the URL names, and answer what it was."""
    from functions import replies
    from shared.model.errors import Refusal

    refusal = strange(req)
    if refusal is not None:
        return refusal
    found = act(req.route_params["letter"], origin_of(req, services))
    return found if isinstance(found, Refusal) else replies.reply(replies.letter_view(found))


def _list(req: func.HttpRequest, services: "Services") -> "func.HttpResponse | Refusal":
    from functions import replies
    from shared.model.errors import Code, Refusal
    from shared.model.listing import BadContinuation

    query = strange(req, "since", "until", "top", "continuation") or _query(dict(req.params), services)
    if isinstance(query, Refusal):
        return query
    try:
        page = services.letters(query, origin_of(req, services))
    except BadContinuation as fault:
        return Refusal(code=Code.MALFORMED, message=f"continuation is {fault}")
    return page if isinstance(page, Refusal) else replies.reply(replies.letters_view(page))


def _query(params: dict[str, str], services: "Services") -> "LetterQuery | Refusal":
    """The query that the URL's parameters ask for; instants are RFC 3339; by default the last seven days."""
    from functions.wire import instant_of
    from shared.model.errors import Code, Refusal
    from shared.model.letters import LetterQuery

    try:
        until = instant_of(params["until"]) if "until" in params else services.now()
        since = instant_of(params["since"]) if "since" in params else until - LOOK_BACK
        query = LetterQuery(since=since, until=until, top=_top(params.get("top", "50")), continuation=params.get("continuation"))
    except ValueError as fault:
        return Refusal(code=Code.MALFORMED, message=f"the list cannot be asked for so: {fault}")
    except OverflowError:
        return Refusal(code=Code.MALFORMED, message="since or until is at the end of all time, want an instant that has a week before it")
    if not timedelta(0) <= until - since <= MOST_DAYS:
        return Refusal(code=Code.MALFORMED, message=f"since and until are not in order or more than {MOST_DAYS.days} days apart")
    return query


def _top(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_ITEMS):
        message = f"top is {text[:40]!a}, want 1 to {MOST_ITEMS}"
        raise ValueError(message)
    return int(text)

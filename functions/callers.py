"""What every HTTP door does around its work: who asks, and how what goes wrong is said."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

import azure.functions as func

if TYPE_CHECKING:
    from shared.model.errors import Refusal
    from shared.model.requests import Origin
    from shared.services import Services

PRINCIPAL_ID, PRINCIPAL_NAME = "x-ms-client-principal-id", "x-ms-client-principal-name"
LONGEST_PART = 90
NO_BODY = frozenset({b"", b"{}"})
"""What clients send that have nothing to say."""
KEY_HOLDER = "function-key"
"""The caller where App Service authentication is off: all that is known is that it holds a key."""


def answered(door: str, instance: str, work: "Callable[[Services], func.HttpResponse | Refusal]") -> func.HttpResponse:
    """Do a door's work and say what came of it; a refusal, a failed call and bad settings become problems. Other faults are the host's."""
    from functions import replies
    from shared import log
    from shared.model.errors import CallFailed, Code, NewerSchema, Refusal
    from shared.services import current
    from shared.settings import BadSettings

    with log.invocation(door):
        try:
            found = work(current())
        except BadSettings as fault:
            found = Refusal(code=Code.NOT_CONFIGURED, message=f"the app is not configured: {fault}")
        except CallFailed as failed:
            found = replies.refusal_of(failed.failure)
        except NewerSchema:
            found = Refusal(code=Code.BUSY_STORE, message="this is being upgraded; send the request again")
        return replies.problem(found, instance=instance) if isinstance(found, Refusal) else found


def strange(req: func.HttpRequest, *known: str, takes_body: bool = False) -> "Refusal | None":
    """The refusal of a query with a parameter other than `known`, or with one that has no value; and of a body where none is read.

    A `plan_onyl=true` that is overlooked would be carried out, and so would a `plan_only=`: the host drops what is empty before a door sees
    it, so that is read from the URL. An `{"abort": true}` that is overlooked would cancel without it. `code` is how a function key may
    come; it is the host's and is never read here.
    """
    from shared.model.errors import Code, Refusal

    given = [(name, value) for name, value in parse_qsl(req.url.partition("?")[2], keep_blank_values=True) if name.lower() != "code"]
    unknown = next((name for name, _ in given if name not in known), None)
    if unknown is not None:
        return Refusal(code=Code.MALFORMED, message=f"the parameter {unknown[:60]!a} is not known here")
    empty = next((name for name, value in given if not value), None)
    if empty is not None:
        return Refusal(code=Code.MALFORMED, message=f"the parameter {empty} has no value; leave it out, or give it one")
    if takes_body or req.method == "GET" or req.get_body().strip() in NO_BODY:
        return None
    wanted = f"{' and '.join(known)} may be given in the query" if known else "there is nothing to give"
    return Refusal(code=Code.MALFORMED, message=f"this takes no body; {wanted}")


def spelt(part: str) -> str:
    """A part of a request's path as a problem repeats it: short, and escaped, so that the whole is a URI reference."""
    return quote(part[:LONGEST_PART], safe="", errors="replace")


def origin_of(req: func.HttpRequest, services: "Services") -> "Origin":
    """Who asks: the Entra principal where App Service authentication is on, else only the holder of a key; the header is ignored then."""
    from shared.model.requests import Door, Origin

    caller = None
    if services.settings.trusts_principal:
        caller = req.headers.get(PRINCIPAL_NAME) or req.headers.get(PRINCIPAL_ID)
    return Origin(door=Door.HTTP, caller=ascii(caller[:200])[1:-1] if caller else KEY_HOLDER)

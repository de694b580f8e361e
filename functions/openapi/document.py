"""The document itself: the doors' promises and the schemas, put together as OpenAPI 3.1 says."""

from functools import cache
from http import HTTPStatus
from typing import Any

from functions import views
from functions.openapi import shapes
from functions.openapi.promises import ROUTES
from functions.openapi.promises.terms import PATH, Answer, Parameter, Route
from functions.replies import STATUSES
from shared.model.errors import Code

Json = dict[str, Any]
VERSION = "0.1.0"
"""The contract's: the app's own."""

ABOUT = """\
Keeps AKS clusters at the right level. A request is accepted as a durable operation, which always ends; follow `Location` to see it end.

Errors are RFC 9457 problems with a stable `code`. What the host answers by itself has no body: a key that is missing or wrong (401), an \
address or a method that no door has (404), too long a body or address (413, 414), an app that is busy or being started (429, 503), \
a fault (500).

A parameter or a field that is not known here is refused by name (only health takes any), and a whole number is written without a point. \
New fields may be added to answers, and new codes; what is there keeps its meaning.
"""
TAGS = {
    "operations": "Ask for something, and see what becomes of it.",
    "clusters": "Clusters and versions as Azure shows them now. Nothing here changes anything.",
    "letters": "Messages that could not be processed. Whoever handles them needs a grant of the action `letters` on all clusters.",
    "app": "The app itself.",
}
REFUSALS: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "It cannot be read. `errors` says where and why.",
    HTTPStatus.FORBIDDEN: "The caller may not do this; the setting TIDEKEEPER_GRANTS says who may do what.",
    HTTPStatus.NOT_FOUND: "There is none, or none that the caller may see.",
    HTTPStatus.CONFLICT: "It cannot be done in the state that things are in.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is over 256 KiB, or asks for more than can be kept.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not said to be application/json.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Well-formed, but impossible; `detail` says what would be possible.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much is asked for, of the app or of Azure.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Storage or Azure is away, or the app is not configured.",
}
NO_KEY = "No key, or one that does not open this. The host says so before the app is asked, without a body."
TOO_LONG = "The address is longer than the host takes, 4 KiB. It says so before the app is asked, without a body."
A_FAULT = "A fault of the app's own, without a body."
NOT_LOST = " Nothing is lost that was accepted: the same request with its key may be sent again."
NOT_TAKEN = " Nothing was accepted; send it again."
BEARER = "Where App Service authentication is on, a token of Microsoft Entra besides: its principal is the caller that the grants name."
SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "x-functions-key", "description": "A function key."},
    "keyInQuery": {"type": "apiKey", "in": "query", "name": "code", "description": "A function key, where no header can be sent."},
    "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": BEARER},
}
SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"keyInQuery": []}, {"key": [], "entra": []}, {"keyInQuery": [], "entra": []}]
_RETRY_AFTER = {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "In seconds."}
_LOCATION = {"schema": {"type": "string", "format": "uri-reference"}, "description": "Where the operation is."}
_NO_STORE = {"required": True, "schema": {"type": "string", "const": "no-store"}}


@cache
def document() -> Json:
    """The whole document, the same object each time. The first takes about half a second, most of it to load what draws it."""
    shown = {view for route in ROUTES for answer in route.answers.values() for view in answer.views}
    schemas = shapes.views(sorted(shown | {views.ProblemView}, key=lambda view: view.__name__)) | shapes.requests()
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(f"/api/{route.path}", {})[route.method] = _operation(route)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Tidekeeper", "version": VERSION, "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/", "description": "Where this document was read."}],
        "security": SECURITY,
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": SCHEMES},
    }


def _operation(route: Route) -> Json:
    said: Json = {"operationId": route.function, "tags": [route.tag], "summary": route.summary, "description": route.words}
    held = [PATH[part[1:-1]] for part in route.path.split("/") if part.startswith("{")]
    if held or route.parameters:
        said["parameters"] = [_parameter(parameter) for parameter in (*held, *route.parameters)]
    if route.takes_request:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": shapes.reference(shapes.REQUEST)}}}
    answers = {status: _answer(status, answer, route) for status, answer in route.answers.items()}
    answers |= {int(status): _problem(status, codes, route) for status, codes in _by_status(route).items()}
    if route.open:
        said["security"] = []
    else:
        answers[401] = {"description": NO_KEY}
    answers[414] = {"description": TOO_LONG}
    answers[500] = {"description": A_FAULT + (NOT_LOST if route.takes_request else "")}
    return {**said, "responses": {str(status): answers[status] for status in sorted(answers)}}


def _parameter(parameter: Parameter) -> Json:
    said: Json = {"name": parameter.name, "in": parameter.place, "description": parameter.words, "schema": dict(parameter.schema)}
    if parameter.required:
        said["required"] = True
    if parameter.several:
        said |= {"style": "form", "explode": False}
    return said


def _answer(status: int, answer: Answer, route: Route) -> Json:
    drawn = [shapes.reference(shapes.name_of(view)) for view in answer.views]
    said: Json = {"description": answer.means, "headers": {"Cache-Control": _NO_STORE}}
    if answer.location != "never":
        said["headers"]["Location"] = {**_LOCATION, "required": answer.location == "always"}
    if answer.retry_after:
        said["headers"]["Retry-After"] = _RETRY_AFTER
    said["content"] = {"application/json": {"schema": drawn[0] if len(drawn) == 1 else {"oneOf": drawn}}}
    if status == HTTPStatus.ACCEPTED and route.goes_on:
        said["links"] = {
            function: {"operationId": function, "parameters": {name: f"$response.body#{place}" for name, place in places.items()}}
            for function, places in route.goes_on.items()
        }
    return said


def _problem(status: HTTPStatus, codes: list[Code], route: Route) -> Json:
    narrowed = {"properties": {"status": {"const": int(status)}, "code": {"enum": codes}}}
    headers: Json = {"Cache-Control": _NO_STORE}
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["Retry-After"] = _RETRY_AFTER
    schema = {"allOf": [shapes.reference(shapes.name_of(views.ProblemView)), narrowed]}
    means = REFUSALS[status] + (NOT_TAKEN if route.takes_request and status is HTTPStatus.SERVICE_UNAVAILABLE else "")
    return {"description": means, "headers": headers, "content": {"application/problem+json": {"schema": schema}}}


def _by_status(route: Route) -> dict[HTTPStatus, list[Code]]:
    found: dict[HTTPStatus, list[Code]] = {}
    for code in sorted(route.refusals):
        found.setdefault(STATUSES[code], []).append(code)
    return found

"""Parameters of addresses and headers: what the document calls invalid is refused by name, and nothing is done."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.openapi.promises import ROUTES
from functions.openapi.promises.terms import Route
from shared.model.errors import Code
from tests.builders import SUBSCRIPTION
from tests.doors import SCALE, Answer, Doors, doors
from tests.promised import promised

STRICT = [route for route in ROUTES if Code.MALFORMED in route.refusals]
UNSAID = ("since and until are not in order or more than 92 days apart", "continuation is not a continuation token of this list")
"""What is refused for how it goes with other values, which no schema can say."""


LETTER = "20261123a1b2c3d4e5f60718293a4b5c"


def path_of(route: Route, operation: str) -> str:
    place = operation.rpartition("/")[2]
    return f"/api/{route.path.format(id=place, letter=LETTER, subscription=SUBSCRIPTION, group='prod-rg', name='web')}"


def asked(app: Doors, route: Route, query: str, operation: str) -> Answer:
    path = f"{path_of(route, operation)}?{query}"
    return app.post({**SCALE, "count": 9}, path=path) if route.takes_request else app.ask(route.method.upper(), path)


def refused_by_name(app: Doors, route: Route, query: str, message: str) -> None:
    operation = app.accepted(SCALE)
    before = app.kept()
    answer = asked(app, route, query, operation)
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", message)
    assert app.kept() == before


@pytest.mark.parametrize("route", STRICT, ids=lambda route: route.function)
def test_a_parameter_that_a_door_does_not_know_is_refused_by_name(peopled: Doors, route: Route) -> None:
    refused_by_name(peopled, route, "plan_onyl=true", "the parameter 'plan_onyl' is not known here")


@pytest.mark.parametrize("query", ["Plan_Only=true", "PLAN_ONLY=true"])
def test_names_of_parameters_are_spelt_as_published(peopled: Doors, query: str) -> None:
    name = query.partition("=")[0]
    refused_by_name(peopled, STRICT[0], query, f"the parameter {name!r} is not known here")


KNOWN = [(route, parameter.name) for route in STRICT for parameter in route.parameters if parameter.place == "query"]


@pytest.mark.parametrize(("route", "name"), KNOWN, ids=lambda value: getattr(value, "function", value))
@pytest.mark.parametrize("how", ["{}=", "{}", "{}=&{}=true"])
def test_a_parameter_without_a_value_is_not_overlooked(peopled: Doors, route: Route, name: str, how: str) -> None:
    """The host hands no empty value on: `plan_only=$UNSET` in a script would else be carried out."""
    refused_by_name(peopled, route, how.format(name, name), f"the parameter {name} has no value; leave it out, or give it one")


WITHOUT_BODY = [route for route in STRICT if route.method != "get" and not route.takes_request]


@pytest.mark.parametrize("body", [b'{"abort": true}', b"reason=so", b"[]", b"\x00"])
@pytest.mark.parametrize("route", WITHOUT_BODY, ids=lambda route: route.function)
def test_a_body_where_none_is_read_is_not_overlooked(peopled: Doors, route: Route, body: bytes) -> None:
    operation = peopled.accepted(SCALE)
    before = peopled.kept()
    answer = peopled.ask(route.method.upper(), path_of(route, operation), headers=(("content-type", "application/json"),), body=body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.detail.startswith("this takes no body; ")
    assert peopled.kept() == before


@pytest.mark.parametrize("body", [b"", b"{}", b" {}\n"])
def test_a_client_that_has_nothing_to_say_may_say_so_as_json(peopled: Doors, body: bytes) -> None:
    path = peopled.accepted(SCALE)
    assert (
        peopled.ask("POST", f"{path}/cancel", headers=(("content-type", "application/json"),), body=body).document["status"] == "cancelled"
    )


@pytest.mark.parametrize("query", ["code=a-key", "code=", "CODE=a-key"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.function)
def test_a_function_key_in_the_address_is_no_parameter_of_ours(peopled: Doors, route: Route, query: str) -> None:
    query += "".join(f"&{parameter.name}={parameter.schema['examples'][0]}" for parameter in route.parameters if parameter.required)
    answer = asked(peopled, route, query, peopled.accepted(SCALE))
    # A running operation can be neither resumed, retried nor purged, and there is no letter and no link: it is said once the parameters are
    # found good.
    nothing_there = route.tag == "letters" or route.function == "status_read"
    assert answer.status in {200, 202} or answer.code == ("not_found" if nothing_there else "wrong_state")


def test_a_probe_of_health_may_say_what_it_likes(app: Doors) -> None:
    assert app.get("/api/health?now=1764000000&empty=").status == 200


TEXTS = (
    "0", "1", "50", "200", "201", "007", "+5", "-1", "1.0", "1e2", "\u0661", "true", "TRUE", "False", "yes", "null", " 5", "running",
    "running,succeeded", "running, failed", "running,", ",", "scale", "scale,stop", "http", "queue,http", "prod-rg/web", "prod-rg",
    "2026-11-23T09:00:00Z", "2026-11-23T09:00:00.123Z", "2026-11-23T09:00:00", "2026-11-23 09:00:00Z", "2026-11-23T09:00Z", "2026-11-23",
    "2026-11-23T09:00:00+01:00", "2026-11-23T09:00:00+0100", "2026-11-23t09:00:00z", "20261123T090000Z", "2026-W48-1T09:00:00Z",
    "westeurope", "West Europe", "a-b", "x" * 60, "x" * 61, "x " * 61, "\u00fcber", "a&b", "a%00b", "\n",
)  # fmt: skip


def meant(schema: Any, text: str) -> Any:
    """What a parameter's text means, by the schema's type."""
    match schema["type"]:
        case "integer":
            return int(text) if text.isascii() and text.isdigit() else text
        case "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        case "array":
            return [part.strip() for part in text.split(",")]
        case _:
            return text


@pytest.fixture(scope="module")
def standing() -> Iterator[tuple[Doors, str]]:
    """An app that is only read, and an operation of it."""
    with doors() as app:
        app.put_cluster()
        yield app, app.accepted(SCALE)


READABLE = [(route, name) for route, name in KNOWN if route.method == "get" and not route.open]
"""Not those of status links: a token that cannot be one is answered like any other that opens nothing."""


def read_alike(standing: tuple[Doors, str], route: Route, name: str, text: str) -> None:
    app, operation = standing
    (parameter,) = (item for item in promised().operations[route.function]["parameters"] if item["name"] == name)
    answer = asked(app, route, f"{name}={quote(text, safe='', errors='replace')}", operation)
    malformed = answer.status == 400 and answer.detail not in UNSAID
    assert malformed == bool(promised().invalid(parameter["schema"], meant(parameter["schema"], text))), (text, answer.body)


@pytest.mark.parametrize(("route", "name"), READABLE, ids=lambda value: getattr(value, "function", value))
def test_a_value_is_refused_exactly_where_its_schema_refuses_it(standing: tuple[Doors, str], route: Route, name: str) -> None:
    for text in TEXTS:
        read_alike(standing, route, name, text)


@settings(deadline=None, max_examples=200)
@given(where=st.sampled_from(READABLE), text=st.text(min_size=1, max_size=6))
def test_any_text_is_refused_exactly_where_its_schema_refuses_it(standing: tuple[Doors, str], where: tuple[Route, str], text: str) -> None:
    read_alike(standing, *where, text)


KEYS = st.text(max_size=5) | st.sampled_from(["x" * 200, "x" * 201, "a b", "~", "\x7f", "\u00e9"])


@settings(deadline=None, max_examples=200)
@given(key=KEYS.filter(lambda key: key == key.strip()))
def test_a_key_is_refused_exactly_where_its_schema_refuses_it(standing: tuple[Doors, str], key: str) -> None:
    """White space around it is none of a header's value; the host takes it off."""
    app, _ = standing
    (parameter,) = (item for item in promised().operations["operations_submit"]["parameters"] if item["name"] == "Idempotency-Key")
    answer = app.post(SCALE, ("Idempotency-Key", key), path="/api/operations?plan_only=true")
    assert (answer.status == 400) == bool(promised().invalid(parameter["schema"], key)), answer.body

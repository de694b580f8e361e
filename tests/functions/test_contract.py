"""The published document: valid, whole, and neither more nor less than what the doors do."""

import copy
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions import wire
from functions.bodies.asking import QUEUE_ONLY
from functions.openapi.document import VERSION, document
from functions.openapi.words import ABOUT, CLUSTER, EXAMPLES, FIELDS, GROUP, NAME, SUBSCRIPTION
from shared.model.clusters import ClusterRef
from shared.model.errors import Code, Refusal
from shared.model.requests import ACTIONS, Door, Origin
from tests import builders
from tests.doors import CREATE, DELETE, ROOT, SCALE, Doors, doors, environment, the_app
from tests.promised import promised

WHERE = "functions/openapi/promises"
HTTP = Origin(door=Door.HTTP, caller="function-key")
REQUEST = {"$ref": "#/components/schemas/Request"}
SAMPLES = {
    "id": "op-aaaaaaaaaaaaaaaa-0123456789",
    "letter": "20261123a1b2c3d4e5f60718293a4b5c",
    "subscription": builders.SUBSCRIPTION,
    "group": "prod-rg",
    "name": "web",
}


# ---- the document itself


def test_the_document_is_valid_openapi() -> None:
    faults = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in OpenAPIV31SpecValidator(document()).iter_errors()]
    assert faults == []
    assert document()["openapi"].startswith("3.1.")


def test_the_contract_has_the_version_of_the_app() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_every_door_of_http_is_in_the_document_and_nothing_else() -> None:
    """With its route, its methods and whether it asks for a key."""
    registered = {}
    for function in the_app().admitted.functions.values():
        if function.trigger.type == "httpTrigger":
            path, keyed = f"/api/{function.trigger.text('route')}", function.trigger.text("authLevel").upper() != "ANONYMOUS"
            (method,) = function.trigger.properties["methods"]
            registered[function.name] = (method.lower(), path, keyed)
    written = {
        operation["operationId"]: (method, path, operation.get("security") != [])
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    }
    assert written == registered, f"what a door promises is written in {WHERE}: see to {set(written.items()) ^ set(registered.items())}"


def test_every_action_is_described_with_an_example() -> None:
    assert set(ABOUT) == set(EXAMPLES) == ACTIONS, "every action has its words and an example in functions/openapi/words.py"
    assert set(document()["components"]["schemas"]["Request"]["discriminator"]["mapping"]) == ACTIONS


def test_every_field_has_its_word_and_no_word_is_for_nothing() -> None:
    named = set()
    for action in ACTIONS:
        schema = document()["components"]["schemas"][f"{action.title().replace('_', '')}Request"]
        for name, shape in _fields(schema):
            assert "description" in shape, f"functions/openapi/words.py has no word for the field {name} of {action}"
            named |= {f"{action}.{name}", name} if f"{action}.{name}" not in FIELDS else {f"{action}.{name}"}
    assert set(FIELDS) <= named


def _fields(schema: Any) -> Iterator[tuple[str, Any]]:
    for name, shape in schema["properties"].items():
        yield name, shape
        if "properties" in shape.get("items", {}):
            yield from _fields(shape["items"])


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_examples_are_the_files_and_are_taken(action: str) -> None:
    """Those in docs/examples may have what only a queue takes."""
    file = ROOT / "docs" / "examples" / f"{action}.json"
    assert file.exists(), f"every action has its docs/examples/{file.name}"
    assert {name: value for name, value in json.loads(file.read_text()).items() if name not in QUEUE_ONLY} == EXAMPLES[action]
    assert promised().invalid(REQUEST, EXAMPLES[action]) == []
    assert not isinstance(read(EXAMPLES[action]), Refusal)


def test_nothing_but_the_document_pays_for_it() -> None:
    """Everything that other requests load, in a process of its own."""
    modules = "function_app, functions.replies, functions.wire, functions.bodies.creating, functions.bodies.scaling, shared.services"
    code = f"import {modules}, sys; print([name for name in sys.modules if name.split('.')[0] == 'pydantic' or 'openapi' in name])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_document_is_what_is_served(app: Doors) -> None:
    answer = app.get("/api/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.document == document()
    assert app.get("/api/openapi.json?format=yaml").code == "malformed"


def test_the_document_is_served_where_the_app_is_not_configured() -> None:
    with doors() as app, environment():
        assert app.get("/api/openapi.json").status == 200


# ---- the document and the readers take the same


def read(body: Any) -> object:
    """What becomes of a body, from its bytes on."""
    try:
        document = wire.json_of(json.dumps(body))
    except wire.Malformed as malformed:
        return malformed.refusal
    return wire.submission_of(document, origin=HTTP, default_subscription=builders.SUBSCRIPTION)


def refused_as_malformed(body: Any) -> bool:
    found = read(body)
    return isinstance(found, Refusal) and found.code is Code.MALFORMED


VALUES = st.sampled_from([
    None, True, False, 0, 1, 5, 10, 250, 251, 1000, 1001, 2048, 2049, -1, 1.5, 10**30, "", " ", "1", "3", "4", "1.36", "1.36.4", "v1.36",
    "latest", "1.36\n", "user", "system", "System", "User", "Windows", "Free", "Basic", "centralus", "Central US", "us_1", "x" * 60,
    "x" * 61, "x" * 63, "x" * 64, "x" * 401, "x" * 1001, "Standard_D4s_v5", "D4 v5", "\x00",
    "\u00e9", [], ["1"], ["1", "4"], [None], {}, {"a": "b"},
    {"": ""}, {"a": 1}, {"x" * 513: ""}, {str(n): "" for n in range(51)}, "prod-rg/web", "prod-rg", "a/b/c", "prod..rg/web", "prod-rg./web",
    "prod-rg/web-", f"{builders.SUBSCRIPTION}/prod-rg/web", "scale", "create", *SCALE, *CREATE,
]).map(copy.deepcopy)  # fmt: skip
NAMES = st.sampled_from(sorted({name.rpartition(".")[2] for name in FIELDS} | {*QUEUE_ONLY, "schema", ""}))
A_POOL: dict[str, Any] = {"name": "system", "mode": "System", "vm_size": "Standard_D4s_v5", "count": 1}
RANGED = [{**CREATE, "pools": [{**A_POOL, **limits}]} for limits in ({"min": 1}, {"max": 1}, {"min": 1, "max": 1})]
BODIES = [*EXAMPLES.values(), SCALE, CREATE, DELETE, *RANGED, {**SCALE, "min": 1, "max": 3, "count": None}, {"action": "wake"}, []]


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """A good body, with some of what it holds changed, taken out or added, at any depth."""
    body = json.loads(json.dumps(draw(st.sampled_from(BODIES))))
    for _ in range(draw(st.integers(0, 3))):
        twist(draw, body)
    return body


def twist(draw: st.DrawFn, place: Any) -> None:
    if not isinstance(place, list | dict) or not place:
        return
    key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if isinstance(place[key], list | dict) and draw(st.booleans()):
        twist(draw, place[key])
        return
    what = draw(st.sampled_from(["change", "take out", "add"]))
    if what == "change":
        place[key] = draw(VALUES)
    elif what == "take out":
        del place[key]
    elif isinstance(place, dict):
        place[draw(NAMES)] = draw(VALUES)
    else:
        place.append(draw(VALUES))


@pytest.mark.parametrize(("body", "half"), [*zip(RANGED, (True, True, False), strict=True)])
def test_half_of_a_pools_limits_is_invalid_in_the_document_too(body: Any, *, half: bool) -> None:
    assert bool(promised().invalid(REQUEST, body)) == refused_as_malformed(body) == half


@settings(deadline=None, max_examples=600)
@given(body=bodies())
def test_what_the_document_calls_invalid_is_refused_and_nothing_else(body: Any) -> None:
    assert bool(promised().invalid(REQUEST, body)) == refused_as_malformed(body)


GUIDS, GROUPS, CLUSTERS = (st.from_regex(f"^{pattern}$", fullmatch=True) for pattern in (SUBSCRIPTION, GROUP, NAME))
REFERENCES = st.one_of(
    st.from_regex(CLUSTER, fullmatch=True),
    st.builds("{}/{}/{}".format, GUIDS, GROUPS, CLUSTERS),
    st.text(alphabet="aZ09_.()-/\n\u0430\u0661", max_size=12).map(lambda text: f"prod{text}"),
    st.sampled_from(["", "/", "a/b", "a./b", "a../b", "..a/b", "a/b/", "/a/b", "a/-b", "a/b\n"]),
    st.sampled_from(["a" * 91 + "/b", "a" * 90 + "/b", "a/" + "b" * 64, "a/" + "b" * 63]),
)


@settings(deadline=None, max_examples=400)
@given(text=REFERENCES)
def test_the_pattern_of_a_cluster_is_what_is_read_as_one(text: str) -> None:
    try:
        ref = ClusterRef.parse(text, default_subscription=builders.SUBSCRIPTION)
    except ValueError:
        ref = None
    assert (ref is not None) == (promised().invalid({"type": "string", "pattern": CLUSTER}, text) == [])
    if ref is not None:
        parts = {"subscription": ref.subscription, "group": ref.group, "name": ref.name}
        said = {item["name"]: item["schema"] for item in promised().operations["clusters_read"]["parameters"]}
        assert [name for name, part in parts.items() if promised().invalid(said[name], part)] == []

"""Every way a body can be bad, by name: its exact answer, and that nothing came of it."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doors import CREATE, JSON, SCALE, START, STOP, UPGRADE, Doors

ACTIONS = "want one of create, delete, scale, start, stop, upgrade"
NOT_AS_IT_SHOULD_BE = "the body is not as it should be: "


@dataclass(frozen=True)
class Bad:
    """A body and its exact answer."""

    body: bytes | str | dict[str, Any] | list[Any] | int | None
    detail: str
    status: int = 400
    code: str = "malformed"
    pointers: list[str] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def scale(**changes: Any) -> dict[str, Any]:
    return {**SCALE, **changes}


def create(pool: dict[str, Any]) -> dict[str, Any]:
    return {**CREATE, "pools": [CREATE["pools"][0], {**CREATE["pools"][1], **pool}]}  # type: ignore[index]  # a list of objects


def unknown(name: str, where: str) -> dict[str, Any]:
    return {"detail": f"{NOT_AS_IT_SHOULD_BE}the field {name} is not known here", "pointers": [where]}


def with_count(text: str) -> str:
    return f'{{"action": "scale", "cluster": "prod-rg/web", "pool": "user", "count": {text}}}'


def count_that_is(what: str) -> dict[str, Any]:
    return {"detail": f"{NOT_AS_IT_SHOULD_BE}count: {what}", "pointers": ["/count"]}


def a_version(version: object) -> Bad:
    text = isinstance(version, str)
    want = f"String should match pattern '{VERSION}'" if text else "Input should be a valid string"
    return Bad({**UPGRADE, "version": version}, f"{NOT_AS_IT_SHOULD_BE}version: {want}", pointers=["/version"])


VERSION = r"^(latest|[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?)$"
NOT_WHOLE = count_that_is("Input should be a valid integer")
DEEP = "[" * 200_000
BAD = {
    "nothing": Bad(b"", "the body is not JSON: Expecting value at line 1, column 1"),
    "no JSON": Bad("scale it", "the body is not JSON: Expecting value at line 1, column 1"),
    "a form": Bad("action=scale&count=5", "the body is not JSON: Expecting value at line 1, column 1"),
    "half of JSON": Bad('{"action":', "the body is not JSON: Expecting value at line 1, column 11"),
    "JSON and more": Bad('{"action": "scale"} {}', "the body is not JSON: Extra data at line 1, column 21"),
    "single quotes": Bad(
        "{'action': 'scale'}", "the body is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"
    ),
    "a raw control character": Bad('{"action": "sca\nle"}', "the body is not JSON: Invalid control character at line 1, column 16"),
    "a list": Bad([SCALE], "the body is a list, want a JSON object"),
    "a text": Bad('"scale"', "the body is a text, want a JSON object"),
    "a number": Bad(5, "the body is a number, want a JSON object"),
    "true": Bad("true", "the body is a truth value, want a JSON object"),
    "null": Bad(None, "the body is null, want a JSON object"),
    "no UTF-8": Bad(b'{"action": "\xff\xfe"}', "the body is not UTF-8, want JSON in UTF-8"),
    "UTF-16": Bad(json.dumps(SCALE).encode("utf-16"), "the body is not UTF-8, want JSON in UTF-8"),
    "a byte order mark": Bad(
        "\ufeff" + json.dumps(SCALE), "the body is not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1, column 1"
    ),
    "NaN": Bad(with_count("NaN"), "the body has NaN, which is not a number of JSON"),
    "Infinity": Bad(with_count("Infinity"), "the body has Infinity, which is not a number of JSON"),
    "minus Infinity": Bad(with_count("-Infinity"), "the body has -Infinity, which is not a number of JSON"),
    "1e999": Bad(with_count("1e999"), "the body has the number 1e999, which is too large"),
    "five thousand digits": Bad(with_count("9" * 5000), "the body has a number that is too large"),
    "a key twice": Bad(
        '{"action": "scale", "count": 1, "count": 100}', "the body has the key 'count' twice in one object, want each once"
    ),
    "a nested key twice": Bad(
        '{"action": "create", "pools": [{"name": "a", "name": "b"}]}', "the body has the key 'name' twice in one object, want each once"
    ),
    "a key twice, spelled in two ways": Bad(
        '{"action": "scale", "\\u0061ction": "delete"}', "the body has the key 'action' twice in one object, want each once"
    ),
    "200,000 open brackets": Bad(DEEP, "the body is nested too deeply"),
    "100,000 open objects": Bad('{"a":' * 50_000, "the body is nested too deeply"),
    "10 MiB": Bad(b"[" * 10 * 1024**2, "the body has 10485760 bytes, want 262144 at most", status=413, code="too_large"),
    "300 KiB": Bad(b" " * 300 * 1024, "the body has 307200 bytes, want 262144 at most", status=413, code="too_large"),
    "no action": Bad({"cluster": "prod-rg/web"}, f"the body has no action, {ACTIONS}", pointers=["/action"]),
    "an empty object": Bad({}, f"the body has no action, {ACTIONS}", pointers=["/action"]),
    "an unknown action": Bad(scale(action="explode"), f"the body has the action 'explode', {ACTIONS}", pointers=["/action"]),
    "an action in capitals": Bad(scale(action="SCALE"), f"the body has the action 'SCALE', {ACTIONS}", pointers=["/action"]),
    "an action that is a list": Bad(scale(action=["scale"]), f"""the body has the action "['scale']", {ACTIONS}""", pointers=["/action"]),
    "an action with control characters": Bad(
        scale(action="scale\r\n\x1b[31m"), f"the body has the action 'scale\\r\\n\\x1b[31m', {ACTIONS}", pointers=["/action"]
    ),
    "an action of great length": Bad(scale(action="a" * 9000), f"the body has the action '{'a' * 60}', {ACTIONS}", pointers=["/action"]),
    "an action that looks like one": Bad(
        scale(action="sc\u0430le"), f"the body has the action 'sc\\u0430le', {ACTIONS}", pointers=["/action"]
    ),
    "an unknown field": Bad(scale(colour="red"), **unknown("colour", "/colour")),
    "an unknown field with a slash": Bad(scale(**{"a/b~c": 1}), **unknown("a/b~c", "/a~1b~0c")),
    "an unknown field of controls": Bad(scale(**{"a\r\nb": 1}), **unknown("a\\r\\nb", "/a\\r\\nb")),
    "an unknown field in a pool": Bad(create({"gpu": True}), **unknown("gpu", "/pools/1/gpu")),
    "a field of another action": Bad(scale(confirm="web"), **unknown("confirm", "/confirm")),
    "a schema": Bad(scale(schema=1), **unknown("schema", "/schema")),
    "half a surrogate": Bad(
        '{"action": "scale", "cluster": "prod-rg/web", "pool": "\\ud800", "count": 1}',
        f"{NOT_AS_IT_SHOULD_BE}pool: Input should be a valid string, unable to parse raw data as a unicode string",
        pointers=["/pool"],
    ),
    "a negative count": Bad(scale(count=-1), **count_that_is("Input should be greater than or equal to 0")),
    "a huge count": Bad(scale(count=1001), **count_that_is("Input should be less than or equal to 1000")),
    "a count beyond 64 bits": Bad(scale(count=10**30), **count_that_is("Input should be less than or equal to 1000")),
    "a fraction": Bad(scale(count=2.5), **NOT_WHOLE),
    "a whole fraction": Bad(scale(count=5.0), **NOT_WHOLE),
    "a truth value": Bad(scale(count=True), **NOT_WHOLE),
    "a count that is a text": Bad(scale(count="5"), **NOT_WHOLE),
    "a count that is a list": Bad(scale(count=[5]), **NOT_WHOLE),
    "a negative count in a pool": Bad(
        create({"count": -1}),
        f"{NOT_AS_IT_SHOULD_BE}count: Input should be greater than or equal to 0",
        pointers=["/pools/1/count"],
    ),
    "no count at all": Bad(
        {"action": "scale", "cluster": "prod-rg/web", "pool": "user"}, "want either count, or both min and max", pointers=["/count"]
    ),
    "count and limits": Bad(scale(min=1, max=3), "want either count, or both min and max", pointers=["/count"]),
    "only half of the limits": Bad(
        {"action": "scale", "cluster": "prod-rg/web", "pool": "user", "min": 1},
        "want either count, or both min and max",
        pointers=["/count"],
    ),
    "only half of a pool's limits": Bad(
        create({"min": 1}), "pool 'user' has only one of min and max, want both or neither", pointers=["/pools/1/min"]
    ),
    "no cluster": Bad(
        {"action": "scale", "pool": "user", "count": 1}, f"{NOT_AS_IT_SHOULD_BE}cluster: Field required", pointers=["/cluster"]
    ),
    "a cluster that is a number": Bad(
        scale(cluster=7), f"{NOT_AS_IT_SHOULD_BE}cluster: Input should be a valid string", pointers=["/cluster"]
    ),
    "a field of the queue's": Bad(
        scale(reply_to="chat-replies"), "reply_to is for requests by queue; take it out", pointers=["/reply_to"]
    ),
    "a field of the queue's that is null": Bad(
        scale(correlation=None), "correlation is for requests by queue; take it out", pointers=["/correlation"]
    ),
    "an upgrade with an unknown field": Bad({**UPGRADE, "force": True}, **unknown("force", "/force")),
    "a stop with an unknown field": Bad({**STOP, "drain": True}, **unknown("drain", "/drain")),
    "a start with an unknown field": Bad({**START, "after": "08:00"}, **unknown("after", "/after")),
    "an upgrade of a pool": Bad({**UPGRADE, "pool": "user"}, **unknown("pool", "/pool")),
    "a stop with a version": Bad({**STOP, "version": "1.36"}, **unknown("version", "/version")),
    "a version that is a number": a_version(1.36),
    "a version that is a list": a_version([True]),
    "an empty version": a_version(""),
    "a major version": a_version("1"),
    "a version of four numbers": a_version("1.36.4.0"),
    "a version with a v": a_version("v1.36.4"),
    "a version with a space": a_version(" 1.36.4"),
    "a version with a newline": a_version("1.36.4\n"),
    "a version in other digits": a_version("1.3\u0666"),
    "a version of great length": a_version("1." + "3" * 400),
    "the word latest in capitals": a_version("LATEST"),
    "another word for a version": a_version("newest"),
    "a stop of a pool that is a list": Bad(
        {**STOP, "pool": ["user"]}, f"{NOT_AS_IT_SHOULD_BE}pool: Input should be a valid string", pointers=["/pool"],
    ),
    "a start of a pool without a name": Bad(
        {**START, "pool": ""}, f"{NOT_AS_IT_SHOULD_BE}pool: String should have at least 1 character", pointers=["/pool"],
    ),
    "an empty key": Bad(
        scale(idempotency_key=""),
        f"{NOT_AS_IT_SHOULD_BE}idempotency_key: String should have at least 1 character",
        pointers=["/idempotency_key"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_has_its_exact_answer_and_leaves_nothing(peopled: Doors, name: str) -> None:
    bad, before = BAD[name], peopled.kept()
    answer = peopled.post(bad.raw)
    assert (answer.status, answer.code, answer.detail) == (bad.status, bad.code, bad.detail)
    assert answer.pointers == bad.pointers
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["instance"] == "/api/operations"
    assert answer.document["status"] == bad.status
    assert peopled.kept() == before


@pytest.mark.parametrize("name", ["an unknown field in a pool", "a negative count", "300 KiB", "a key twice"])
def test_a_bad_body_is_refused_in_the_same_words_when_only_a_plan_is_asked_for(peopled: Doors, name: str) -> None:
    bad = BAD[name]
    answer = peopled.post(bad.raw, path="/api/operations?plan_only=true")
    assert (answer.status, answer.code, answer.detail, answer.pointers) == (bad.status, bad.code, bad.detail, bad.pointers)


def test_all_faults_of_a_body_are_told_at_once_up_to_twenty(peopled: Doors) -> None:
    answer = peopled.post({**SCALE, "count": -1, "pool": 3, **{f"x{n}": n for n in range(40)}})
    assert answer.status == 400
    assert len(answer.pointers) == 20
    assert {"/count", "/pool", "/x0"} <= set(answer.pointers)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("text/plain", "'text/plain'"),
        ("application/x-www-form-urlencoded", "'application/x-www-form-urlencoded'"),
        ("application/jsonp", "'application/jsonp'"),
        ("multipart/form-data; boundary=x", "'multipart/form-data'"),
        ("", "of no type"),
        ("application/json\x7f", "'application/json\\x7f'"),
    ],
)
def test_a_body_of_another_type_is_refused(peopled: Doors, kind: str, shown: str) -> None:
    before = peopled.kept()
    answer = peopled.ask("POST", "/api/operations", headers=[("Content-Type", kind)], body=json.dumps(SCALE).encode())
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert answer.detail == f"the body is {shown}, want application/json"
    assert peopled.kept() == before


def test_a_body_without_a_type_is_refused(peopled: Doors) -> None:
    before = peopled.kept()
    answer = peopled.ask("POST", "/api/operations", body=json.dumps(SCALE).encode())
    assert (answer.status, answer.detail) == (415, "the body is of no type, want application/json")
    assert peopled.kept() == before


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON ;x=y"])
def test_json_is_taken_under_each_of_its_spellings(peopled: Doors, kind: str) -> None:
    answer = peopled.ask("POST", "/api/operations", headers=[("Content-Type", kind)], body=json.dumps(SCALE).encode())
    assert answer.status == 202


def test_plan_only_is_true_or_false(peopled: Doors) -> None:
    before = peopled.kept()
    answer = peopled.post(SCALE, path="/api/operations?plan_only=yes")
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", "plan_only is neither true nor false")
    assert peopled.kept() == before


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "an unknown pool": (scale(pool="gpu"), "cluster prod-rg/web has no pool 'gpu'; its pools are: system, user", ["/pool"]),
    "no node for the System pool": (
        scale(pool="system", count=0), "pool system cannot have 0 nodes; a System pool wants 1 to 1000", ["/count"],
    ),
    "limits the wrong way round": (
        {"action": "scale", "cluster": "prod-rg/web", "pool": "user", "min": 5, "max": 2},
        "pool user cannot have min 5 above max 2; min must not exceed max", ["/min"],
    ),
    "a deletion with another name": (
        {"action": "delete", "cluster": "prod-rg/web", "confirm": "Web"},
        "confirm is 'Web', want the name of the cluster to be deleted: 'web'", ["/confirm"],
    ),
    "a cluster without a System pool": (
        {**CREATE, "pools": [CREATE["pools"][1]]},  # type: ignore[index]  # a list of objects
        "cluster group1/myK8sCluster cannot be made as asked: no pool of mode System, want at least one", ["/pools"],
    ),
    "a stop of a System pool": (
        {**STOP, "pool": "system"},
        "pool system is a System pool, and AKS stops only User pools; stop the whole cluster instead", ["/pool"],
    ),
    "a start of an unknown pool": (
        {**START, "pool": "gpu"}, "cluster prod-rg/web has no pool 'gpu'; its pools are: system, user", ["/pool"],
    ),
    "an upgrade backwards": (
        {**UPGRADE, "version": "1.35"},
        "the control plane is at 1.36.4, and AKS goes back to no version; it offers 1.37.0, 1.37.1", ["/version"],
    ),
    "an upgrade by two minors": (
        {**UPGRADE, "version": "1.38"},
        "the control plane is at 1.36.4, and 1.38 is more than one minor ahead of it; ask for 1.37 first; AKS offers 1.37.0, 1.37.1",
        ["/version"],
    ),
    "an upgrade to a patch that is not there": (
        {**UPGRADE, "version": "1.37.9"},
        "AKS does not offer this cluster 1.37.9; the control plane is at 1.36.4, and AKS offers 1.37.0, 1.37.1", ["/version"],
    ),
    "a resource group that is not there": (
        {**CREATE, "create_resource_group": False},
        "resource group group1 does not exist; make it first, or ask with create_resource_group true", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_well_formed_but_impossible_is_refused_with_what_would_be_possible(peopled: Doors, name: str) -> None:
    (body, detail, pointers), before = IMPOSSIBLE[name], peopled.kept()
    answer = peopled.post(body)
    assert (answer.status, answer.code, answer.detail, answer.pointers) == (422, "impossible", detail, pointers)
    assert peopled.kept() == before


def test_a_cluster_that_is_there_and_otherwise_is_a_conflict(peopled: Doors) -> None:
    before = peopled.kept()
    answer = peopled.post({**CREATE, "cluster": "prod-rg/web", "location": "northeurope"})
    assert (answer.status, answer.code) == (409, "cluster_exists")
    assert answer.detail == (
        "cluster prod-rg/web exists already and is not what is asked: cluster web is in westeurope, want northeurope; "
        "choose another name, or change the one that exists"
    )
    assert peopled.kept() == before


@pytest.mark.parametrize("body", [SCALE, STOP, START, {**STOP, "pool": "user"}, UPGRADE], ids=lambda body: body["action"])
def test_a_cluster_that_is_not_there_is_not_found(app: Doors, body: dict[str, Any]) -> None:
    before = app.kept()
    answer = app.post(body)
    assert (answer.status, answer.code, answer.detail) == (404, "not_found", "cluster prod-rg/web does not exist")
    assert app.kept() == before


def test_the_type_of_a_body_is_judged_before_the_body(peopled: Doors) -> None:
    answer = peopled.ask("POST", "/api/operations", headers=[JSON, JSON], body=b"nonsense")
    assert answer.status == 415

"""Anything at all at the doors: never a 5xx, never an exception, and an accepted operation only for what was validly asked."""

import base64
import contextlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.clusters import Range
from tests.doors import CREATE, DELETE, HOSTS_OWN, REPLIES, SCALE, STEPS, Doors, doors

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({*SCALE, *CREATE, *DELETE, "min", "max", "tier", "version", "tags", "dns_prefix", "reason", "idempotency_key",
                 "reply_to", "correlation", "requested_by", "schema", "id", "dequeueCount", "insertionTime", "wake",
                 "operation", "cluster_key"})  # fmt: skip
LIKELY = st.sampled_from(
    [
        "scale",
        "create",
        "delete",
        "prod-rg/web",
        "group1/new",
        "user",
        "system",
        "web",
        "centralus",
        REPLIES,
        0,
        1,
        5,
        1000,
        True,
        None,
        "1.35",
    ]
)


def twisted(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A good body with some fields changed, added or taken out."""
    changes = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), LIKELY | JSON_VALUES, max_size=3)
    return st.builds(lambda changed, without: {k: v for k, v in {**body, **changed}.items() if k not in without}, changes,
                     st.sets(st.sampled_from(FIELDS), max_size=1))  # fmt: skip


BODIES = st.one_of(twisted(SCALE), twisted(CREATE), twisted(DELETE), JSON_VALUES)
TEXTS = st.one_of(BODIES.map(json.dumps), st.text(max_size=60), st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
                  BODIES.map(lambda body: base64.b64encode(json.dumps(body).encode()).decode()))  # fmt: skip


def valid(body: Any) -> bool:
    """Whether a body asks for something that a cluster of these tests can do; written anew, so that two must agree."""
    if not isinstance(body, dict) or body.get("action") != "scale":
        return isinstance(body, dict) and body.get("action") in ("create", "delete")  # their own rules are tested elsewhere
    whole = [body.get(name) for name in ("count", "min", "max")]
    if any(type(number) is not int and number is not None for number in whole):
        return False
    count, least, most = whole
    known = {*SCALE, "min", "max", "reason", "idempotency_key", "correlation", "requested_by", "reply_to", "schema"}
    counted = count is not None and least is None and most is None and 0 <= count <= 1000
    ranged = count is None and least is not None and most is not None and 0 <= least <= most <= 1000
    return (counted or ranged) and body.keys() <= known and body.get("pool") in ("user", "system")


def no_nonsense(app: Doors) -> None:
    """What holds whatever came in."""
    assert not app.failures
    for operation in app.operations.operations.values():
        if operation.request.action == "scale":
            to = operation.request.to
            assert 0 <= (to.max if isinstance(to, Range) else to) <= 1000
            assert operation.cluster.key.endswith("/prod-rg/web")
    for _, text in app.queues.everything():
        assert text.isascii()


@settings(deadline=None, max_examples=120)
@given(body=BODIES)
def test_any_json_posted_is_accepted_only_if_valid_and_never_a_fault_of_ours(body: Any) -> None:
    with doors() as app:
        app.put_cluster()
        before = app.kept()
        answer = app.post(json.dumps(body))
        assert answer.status in {202, 400, 404, 409, 413, 422}
        if answer.status == 202:
            assert valid(body)
        else:
            assert app.kept() == before
            assert answer.body.isascii()
            assert answer.headers["content-type"] == "application/problem+json"
        no_nonsense(app)


@settings(deadline=None, max_examples=80)
@given(raw=st.binary(max_size=80) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_posted_are_answered(raw: bytes) -> None:
    with doors() as app:
        app.put_cluster()
        before = app.kept()
        answer = app.post(raw)
        assert answer.status in {202, 400, 404, 409, 413, 422}
        if answer.status == 202:
            assert valid(json.loads(raw))
        else:
            assert app.kept() == before


def the_hosts(text: str) -> bool:
    """Whether a message uses a name that the host takes for its own: it may fail before our code runs."""
    body = read(text)
    return isinstance(body, dict) and any(name.lower() in HOSTS_OWN for name in body)


@settings(deadline=None, max_examples=120)
@given(text=TEXTS)
def test_any_text_by_queue_ends_as_an_operation_a_reply_or_a_letter(text: str) -> None:
    with doors() as app:
        app.put_cluster()
        app.send(text)
        app.run(until=app.clock.now() + timedelta(minutes=20))
        if app.failures:
            assert newer(text) or the_hosts(text), app.failures
            assert app.letters.filed
        app.failures.clear()
        no_nonsense(app)
        assert app.operations.operations or app.letters.filed or refused_quietly(text)


def newer(text: str) -> bool:
    body = read(text)
    return isinstance(body, dict) and isinstance(body.get("schema"), int) and body["schema"] > 1


def refused_quietly(text: str) -> bool:
    """Well-formed but impossible, without a `reply_to`: nobody is to be told."""
    return isinstance(read(text), dict)


def read(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(base64.b64decode(text, validate=True))
    return None


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_any_text_as_a_wake_up_makes_no_operation_and_asks_azure_nothing(text: str) -> None:
    with doors() as app:
        app.send(text, queue=STEPS)
        app.run(until=app.clock.now() + timedelta(minutes=20))
        assert not app.operations.operations
        assert not app.world.witness.entries
        assert not app.failures or newer(text) or the_hosts(text)


PATHS: list[Callable[[str], str]] = [
    lambda text: f"/api/operations/{text}",
    lambda text: f"/api/operations/{text}/cancel",
    lambda text: f"/api/operations?cluster={text}",
    lambda text: f"/api/operations?since={text}",
    lambda text: f"/api/operations?until={text}",
    lambda text: f"/api/operations?top={text}",
    lambda text: f"/api/operations?continuation={text}",
    lambda text: f"/api/operations?{text}",
    lambda text: f"/api/clusters/{text}/g/n",
    lambda text: f"/api/clusters/00000000-0000-0000-0000-000000000001/{text}/n",
    lambda text: f"/api/clusters/00000000-0000-0000-0000-000000000001/g/{text}",
]
OFFSETS = st.integers(min_value=-1439, max_value=1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(timezones=OFFSETS).map(datetime.isoformat)


@settings(deadline=None, max_examples=200)
@given(path=st.sampled_from(PATHS), text=st.text(max_size=30) | INSTANTS, escaped=st.booleans(), method=st.sampled_from(["GET", "POST"]))
def test_anything_in_a_url_is_answered_and_changes_nothing(path: Callable[[str], str], text: str, escaped: bool, method: str) -> None:  # noqa: FBT001 - drawn by name
    with doors() as app:
        part = quote(text.encode("utf-8", "surrogatepass"), safe="") if escaped else text.encode("utf-8", "replace").decode()
        answer = app.ask(method, path(part), headers=[("Content-Type", "application/json")])
        assert answer.status in {200, 400, 404}
        assert not app.mutations()
        assert not app.operations.operations

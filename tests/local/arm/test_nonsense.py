"""Whatever a client sends, the simulator answers as a service would: never an exception, and a refusal changes nothing."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local.arm.asking import CLUSTER, GROUP, ROOT, USER, a_cluster, a_pool, an_asker

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2000) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FULL = {**a_cluster(), "tags": {"a": "b"}, "sku": {"name": "Base", "tier": "Free"}, "kind": "Base"}
RICH = a_pool("user", count=3, tags={}, nodeLabels={"a": "b"}, nodeTaints=[], availabilityZones=["1"], upgradeSettings={"maxSurge": "1"})
FULL["properties"] |= {"kubernetesVersion": "1.36", "networkProfile": {"networkPlugin": "azure", "podCidr": "10.0.0.0/8"}}
FULL["properties"]["agentPoolProfiles"][1] = RICH


def _places(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [place for name, value in inside for place in [(*here, name), *_places(value, (*here, name))]]


def _spoiled(document: Any, place: tuple[Any, ...], value: object) -> Any:
    document = copy.deepcopy(document)
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return document


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_places(FULL)), value=VALUES)
def test_a_spoiled_cluster_is_made_or_refused(place: tuple[Any, ...], value: object) -> None:
    asker = an_asker().with_group()
    body = _spoiled(FULL, place, value)
    answer = asker.put(CLUSTER, body)
    assert answer.status in {201, 400}, answer.document
    assert asker.get(CLUSTER).status == (200 if answer.status == 201 else 404)
    asker.later()
    again = asker.put(CLUSTER, body)
    assert again.status in ({200} if answer.status == 201 else {400})


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_places({"properties": RICH})), value=VALUES)
def test_a_spoiled_pool_is_changed_or_refused(place: tuple[Any, ...], value: object) -> None:
    asker = an_asker().with_cluster(FULL)
    before = asker.get(USER).document
    answer = asker.put(USER, _spoiled({"properties": RICH}, place, value))
    assert answer.status in {200, 400}, answer.document
    assert answer.status == 200 or asker.get(USER).document == before
    asker.later()
    assert asker.get(CLUSTER).status == 200


@settings(max_examples=200, deadline=None)
@given(method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST", "HEAD"]), body=st.binary(max_size=20), tail=st.text(max_size=12))
def test_any_path_and_any_bytes_get_an_answer(method: str, body: bytes, tail: str) -> None:
    asker = an_asker().with_cluster()
    for start in (CLUSTER, GROUP, USER, ROOT, "/"):
        assert 200 <= asker.ask(method, start + "/" + tail.replace("?", ""), body).status < 500
        assert 200 <= asker.ask(method, start, body).status < 500


@settings(max_examples=100, deadline=None)
@given(body=VALUES)
def test_any_json_is_answered_as_tags_or_as_a_group(body: object) -> None:
    asker = an_asker().with_cluster()
    for method, url in (("PATCH", CLUSTER), ("PUT", GROUP), ("PUT", CLUSTER), ("PUT", USER)):
        assert asker.ask(method, url, body).status < 500
        assert asker.ask(method, url, {"tags": body, "location": body, "properties": body}).status < 500
        assert asker.ask(method, url, {"location": "centralus", "tags": body}).status < 500

"""Who asks, and what they may: grants at every door, and a caller's name that is believed only where it can be vouched for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.builders import SUBSCRIPTION
from tests.doors import CREATE, DELETE, SCALE, START, STOP, UPGRADE, Doors, doors
from tests.worldly import some_settings

PRINCIPAL = ("X-MS-CLIENT-PRINCIPAL-NAME", "ada@example.org")


@contextmanager
def under(grants: Any, **more: str) -> Iterator[Doors]:
    text = grants if isinstance(grants, str) else json.dumps(grants)
    with doors(settings=some_settings({"TIDEKEEPER_GRANTS": text, **more})) as app:
        app.put_cluster()
        yield app


def test_by_default_scaling_is_allowed_and_making_and_deleting_are_not() -> None:
    with under("") as app:
        before = app.kept()
        for body, action in ((DELETE, "delete"), ({**CREATE, "cluster": "prod-rg/new"}, "create")):
            answer = app.post(body)
            assert (answer.status, answer.code) == (403, "forbidden")
            cluster = body["cluster"]
            assert answer.detail == (
                f"function-key may not {action} {cluster} through the http door; the setting TIDEKEEPER_GRANTS says who may do what"
            )
            assert app.post(body, path="/api/operations?plan_only=true").status == 403
            assert app.kept() == before
        for body in (SCALE, STOP, START, {**STOP, "pool": "user"}, UPGRADE):
            assert app.post(body).status == 202


@pytest.mark.parametrize("body", [STOP, START, UPGRADE], ids=lambda body: body["action"])
def test_each_verb_has_its_own_grant(body: dict[str, Any]) -> None:
    others = sorted({"scale", "start", "stop", "upgrade"} - {body["action"]})
    with under([{"actions": ["read", *others]}]) as app:
        answer = app.post(body)
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.detail.startswith(f"function-key may not {body['action']} prod-rg/web through the http door")
        assert not app.mutations()


def test_what_may_not_be_asked_for_may_not_be_asked_for_by_queue_either() -> None:
    with under("") as app:
        before = app.kept()
        app.send({**DELETE, "reply_to": "chat-replies", "correlation": "c-1"})
        app.settle()
        (reply,) = app.replies()
        assert reply == {
            "event": "refused",
            "code": "forbidden",
            "detail": "cluster-requests may not delete prod-rg/web through the queue door; "
            "the setting TIDEKEEPER_GRANTS says who may do what",
            "correlation": "c-1",
        }
        assert app.kept() == before | {"messages": [("chat-replies", json.dumps(reply, separators=(",", ":")))]}
        assert not app.failures


ONLY_TEST = [{"actions": ["read", "scale", "delete"], "clusters": ["*/test-rg/*"]}]


def test_a_cluster_that_may_not_be_seen_is_answered_alike_whether_it_is_there_or_not() -> None:
    with under(ONLY_TEST) as app:
        before, asked = app.kept(), len(app.world.witness.entries)
        for body in (SCALE, DELETE):
            there = app.post(body)
            absent = app.post({**body, "cluster": "prod-rg/nothing", **({"confirm": "nothing"} if body is DELETE else {})})
            assert (there.status, there.code) == (absent.status, absent.code) == (404, "not_found")
            assert there.detail.replace("web", "nothing") == absent.detail
            assert there.headers == absent.headers
        seen = [app.get(f"/api/clusters/{SUBSCRIPTION}/prod-rg/{name}") for name in ("web", "nothing")]
        assert [answer.status for answer in seen] == [404, 404]
        assert seen[0].detail.replace("web", "nothing") == seen[1].detail
        assert app.get("/api/clusters").document == {"clusters": [], "errors": []}
        assert app.kept() == before
        assert len(app.world.witness.entries) == asked + 1  # the list, whose answer was filtered


def test_an_operation_on_a_cluster_that_may_not_be_seen_is_not_there() -> None:
    with under('[{"actions": ["*"]}]') as app:
        path = app.accepted(SCALE)
        app.settings = some_settings({"TIDEKEEPER_GRANTS": json.dumps(ONLY_TEST)})
        app.behind(app.rebuilt())
        before = app.kept()
        unknown = app.get("/api/operations/op-aaaaaaaaaaaaaaaa-0123456789")
        for answer in (app.get(path), app.cancel(path), app.get(f"{path}?history=true")):
            assert (answer.status, answer.code) == (404, "not_found")
            assert answer.detail.split("'")[0::2] == unknown.detail.split("'")[0::2]
        assert app.get("/api/operations").document["operations"] == []
        assert app.kept() == before


def test_what_may_be_seen_may_still_not_be_cancelled() -> None:
    with under([{"actions": ["read"]}, {"actions": ["scale"], "doors": ["queue"]}]) as app:
        app.send(SCALE)
        app.settle()
        (name,) = app.operations.operations
        before = app.kept()
        answer = app.cancel(f"/api/operations/{name}")
        assert (answer.status, answer.code) == (403, "forbidden")
        assert app.get(f"/api/operations/{name}").status == 202
        assert app.kept() == before


def test_without_app_service_authentication_a_callers_header_is_ignored() -> None:
    with under([{"actions": ["read", "scale"]}, {"actions": ["*"], "callers": ["ada@example.org"]}]) as app:
        assert app.post(DELETE, PRINCIPAL).status == 403
        assert app.post(SCALE, PRINCIPAL).document["origin"]["caller"] == "function-key"


@pytest.mark.parametrize("switch", ["true", "True"])
def test_with_app_service_authentication_the_principal_is_the_caller(switch: str) -> None:
    grants = [{"actions": ["read", "scale"]}, {"actions": ["*"], "callers": ["ADA@example.*"]}]
    with under(grants, WEBSITE_AUTH_ENABLED=switch) as app:
        assert app.post(DELETE).status == 403
        assert app.post(DELETE, ("X-MS-CLIENT-PRINCIPAL-NAME", "eve@example.org")).status == 403
        assert app.post(DELETE, PRINCIPAL).document["origin"] == {"door": "http", "caller": "ada@example.org"}


@pytest.mark.parametrize("switch", ["", "false", "0", "yes"])
def test_only_true_switches_the_principal_on(switch: str) -> None:
    with under('[{"actions": ["*"]}]', WEBSITE_AUTH_ENABLED=switch) as app:
        assert app.post(SCALE, PRINCIPAL).document["origin"]["caller"] == "function-key"


def test_an_id_stands_in_for_a_principal_without_a_name() -> None:
    with under('[{"actions": ["*"]}]', WEBSITE_AUTH_ENABLED="true") as app:
        answer = app.post(SCALE, ("X-MS-CLIENT-PRINCIPAL-ID", "4711"))
        assert answer.document["origin"]["caller"] == "4711"


def test_a_principals_name_is_made_safe_to_print() -> None:
    with under('[{"actions": ["*"]}]', WEBSITE_AUTH_ENABLED="true") as app:
        answer = app.post(SCALE, ("X-MS-CLIENT-PRINCIPAL-NAME", "a\x1b[31m\u202eb" + "c" * 500))
        caller = answer.document["origin"]["caller"]
        assert caller.startswith("a\\x1b[31m\\u202ebccc")
        assert len(caller) < 250


def test_keys_of_one_caller_are_not_those_of_another() -> None:
    with under('[{"actions": ["*"]}]', WEBSITE_AUTH_ENABLED="true") as app:
        key = ("Idempotency-Key", "same")
        mine = app.accepted(SCALE, key, PRINCIPAL)
        other = app.accepted(SCALE, key, ("X-MS-CLIENT-PRINCIPAL-NAME", "bob@example.org"))
        assert mine != other
        assert app.accepted(SCALE, key, PRINCIPAL) == mine

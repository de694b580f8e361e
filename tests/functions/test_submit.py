"""What an accepted request is answered: its page, its plan, its key."""

from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Fault, Reset, Silence
from shared.model.clusters import ClusterRef
from tests.builders import SUBSCRIPTION
from tests.doors import CREATE, DELETE, SCALE, START, STOP, UPGRADE, Doors


def test_an_accepted_request_says_where_to_look_and_when(peopled: Doors) -> None:
    answer = peopled.post(SCALE)
    assert answer.status == 202
    assert answer.headers["retry-after"] == "10"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    view = answer.document
    path = answer.headers["location"]
    assert path == f"/api/operations/{view['id']}"
    verbs = {verb: f"{path}/{verb}" for verb in ("cancel", "suspend", "resume", "retry", "force_close")}
    assert view["links"] == {"self": path, **verbs, "status": None, "cluster": f"/api/clusters/{SUBSCRIPTION}/prod-rg/web"}
    assert (view["status"], view["action"], view["queue_position"]) == ("running", "scale", 0)
    assert view["because"] == "pool user has 2 nodes, want 5"
    assert view["origin"] == {"door": "http", "caller": "function-key"}
    assert peopled.get(view["links"]["cluster"]).document["operation"] == view["id"]


def test_an_open_operation_is_202_and_an_ended_one_200(peopled: Doors) -> None:
    path = peopled.accepted({**SCALE, "reason": "load test"})
    opened = peopled.get(path)
    assert (opened.status, opened.headers["retry-after"]) == (202, "5")
    peopled.run()
    ended = peopled.get(path)
    assert (ended.status, ended.document["status"]) == (200, "succeeded")
    assert "retry-after" not in ended.headers
    assert ended.document["reason"] == "load test"
    assert ended.document["progress"]["percent"] == 100
    assert ended.document["ended_at"] is not None
    assert ended.document["error"] is None


def test_a_request_whose_goal_holds_is_born_succeeded(peopled: Doors) -> None:
    answer = peopled.post({**SCALE, "count": 2})
    assert (answer.status, answer.document["status"]) == (202, "succeeded")
    assert answer.document["plan"]["steps"][0]["note"] == "already so"
    assert peopled.get(answer.headers["location"]).status == 200
    assert not peopled.mutations()
    assert not peopled.operations.opened


def test_a_plan_is_shown_and_nothing_stored(peopled: Doors) -> None:
    before = peopled.kept()
    answer = peopled.post(SCALE, path="/api/operations?plan_only=true")
    assert answer.status == 200
    plan = answer.document
    assert [step["action"] for step in plan["plan"]["steps"]] == ["scale_pool"]
    assert plan["plan"]["steps"][0]["limit"] == "PT1H"
    assert (plan["because"], plan["already_so"], plan["findings"]) == ("pool user has 2 nodes, want 5", False, [])
    assert "location" not in answer.headers
    assert peopled.kept() == before
    assert peopled.post(SCALE).document["plan"]["digest"] == plan["plan"]["digest"]


PLANS: list[tuple[dict[str, Any], list[tuple[str, str, str]], str]] = [
    (STOP, [("stop cluster web", "stop_cluster", "PT1H")], "cluster web is Running, want Stopped"),
    ({**STOP, "pool": "user"}, [("stop pool user", "stop_pool", "PT1H")], "pool user is Running, want Stopped"),
    (
        {**UPGRADE, "version": "latest"},
        [
            ("control plane to 1.37.1", "upgrade_control_plane", "PT2H"),
            ("pool system to 1.37.1", "upgrade_pool", "PT2H10M"),
            ("pool user to 1.37.1", "upgrade_pool", "PT2H20M"),
        ],
        "the control plane of web is at 1.36.4, want 1.37.1",
    ),
    (
        {**UPGRADE, "version": "1.37.0"},
        [
            ("control plane to 1.37.0", "upgrade_control_plane", "PT2H"),
            ("pool system to 1.37.0", "upgrade_pool", "PT2H10M"),
            ("pool user to 1.37.0", "upgrade_pool", "PT2H20M"),
        ],
        "the control plane of web is at 1.36.4, want 1.37.0",
    ),
]


@pytest.mark.parametrize(("body", "steps", "because"), PLANS)
def test_the_plan_of_every_verb_names_its_steps_and_their_time(
    peopled: Doors, body: dict[str, Any], steps: list[tuple[str, str, str]], because: str
) -> None:
    before = peopled.kept()
    plan = peopled.post(body, path="/api/operations?plan_only=true").document
    assert [(step["name"], step["action"], step["limit"]) for step in plan["plan"]["steps"]] == steps
    assert (plan["because"], plan["already_so"], plan["findings"]) == (because, False, [])
    assert peopled.kept() == before
    assert peopled.post(body).document["plan"]["digest"] == plan["plan"]["digest"]


ALREADY: list[tuple[dict[str, Any], str]] = [
    (START, "cluster web is Running already"),
    ({**START, "pool": "system"}, "pool system is Running already"),
    ({**UPGRADE, "version": None}, "the control plane and every pool of web are at 1.36.4 already"),
    ({**UPGRADE, "version": "1.36"}, "the control plane and every pool of web are at 1.36.4 already"),
]


@pytest.mark.parametrize(("body", "because"), ALREADY)
def test_a_verb_with_nothing_to_do_is_born_succeeded(peopled: Doors, body: dict[str, Any], because: str) -> None:
    answer = peopled.post(body)
    assert (answer.status, answer.document["status"], answer.document["because"]) == (202, "succeeded", because)
    assert {step["note"] for step in answer.document["plan"]["steps"]} == {"already so"}
    assert not peopled.mutations()
    assert not peopled.operations.opened


def test_an_upgrade_that_stays_open_for_a_day_keeps_the_patch_that_was_planned(peopled: Doors) -> None:
    path = peopled.accepted({**UPGRADE, "version": "latest"})
    peopled.clock.advance(timedelta(days=30))
    assert peopled.get("/api/versions?location=westeurope").document["versions"][0]["version"] == "1.37.2"
    assert {step["name"].rpartition(" ")[2] for step in peopled.shown(path)["plan"]["steps"]} == {"1.37.1"}


@pytest.mark.parametrize("effect", [Reset(), Silence(), Answer(status=500), Answer(status=200, shape="empty")])
def test_an_upgrade_is_not_planned_without_knowing_what_is_offered(peopled: Doors, effect: Any) -> None:
    before = peopled.kept()
    peopled.world.faults.add(Fault(path="upgradeProfiles", effect=effect))
    answer = peopled.post({**UPGRADE, "version": "latest"})
    assert answer.status == 503
    assert peopled.kept() == before
    assert peopled.post({**UPGRADE, "version": "latest"}).document["status"] == "running"


def test_a_plan_of_a_creation_names_every_step_and_nothing_is_made(app: Doors) -> None:
    before = app.kept()
    answer = app.post(CREATE, ("Idempotency-Key", "k"), path="/api/operations?plan_only=TRUE")
    assert [step["name"] for step in answer.document["plan"]["steps"]] == [
        "register the resource provider",
        "make resource group group1",
        "make cluster myK8sCluster with 3 nodes",
    ]
    assert app.kept() == before


def test_a_plan_says_what_comes_first_and_what_holds_already(peopled: Doors) -> None:
    first = peopled.post(SCALE).document["id"]
    plan = peopled.post({**SCALE, "count": 2}, path="/api/operations?plan_only=true").document
    assert plan["findings"] == [
        f"the cluster's open operation {first} (scale) comes first, and 0 more wait; this one would be planned when its turn comes"
    ]


# ---- keys


def in_body(key: str) -> dict[str, Any]:
    return {"body": {**SCALE, "idempotency_key": key}, "headers": ()}


def in_header(key: str) -> dict[str, Any]:
    return {"body": SCALE, "headers": (("Idempotency-Key", key),)}


@pytest.mark.parametrize("first", [in_body, in_header])
@pytest.mark.parametrize("second", [in_body, in_header])
def test_the_same_key_and_body_is_the_same_operation_open_or_ended(peopled: Doors, first: Any, second: Any) -> None:
    one, two = first("ci-4711"), second("ci-4711")
    made = peopled.post(one["body"], *one["headers"])
    before = peopled.kept()
    again = peopled.post(two["body"], *two["headers"])
    assert (made.status, again.status) == (202, 202)
    assert made.headers["location"] == again.headers["location"]
    assert peopled.kept() | {"messages": []} == before | {"messages": []}
    peopled.run()
    before = peopled.kept()
    ended = peopled.post(two["body"], *two["headers"])
    assert (ended.status, ended.document["status"]) == (200, "succeeded")
    assert ended.headers["location"] == made.headers["location"]
    assert peopled.kept() == before
    assert len(peopled.mutations()) == 1


def test_the_same_key_with_another_body_is_refused(peopled: Doors) -> None:
    key = ("Idempotency-Key", "ci-4711")
    peopled.accepted(SCALE, key)
    before = peopled.kept()
    for body in ({**SCALE, "count": 6}, {**SCALE, "cluster": "prod-rg/Web"}, {**SCALE, "reason": "other"}, DELETE):
        answer = peopled.post(body, key)
        assert (answer.status, answer.code) == (422, "key_reused")
        assert answer.detail == "this idempotency key was used with another body; send the same body, or another key"
    assert peopled.kept() == before
    peopled.run()
    assert peopled.post({**SCALE, "count": 6}, key).status == 422


def test_a_key_is_one_operation_even_across_clusters(peopled: Doors) -> None:
    """Of another cluster it is refused whether that one is there or not, and whether the first has ended; under another key it is done."""
    other = ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab")
    peopled.put_cluster(other)
    key = ("Idempotency-Key", "ci-4711")
    path = peopled.accepted(SCALE, key)
    for _ in range(2):
        before = peopled.kept()
        for cluster in ("test-rg/lab", "test-rg/nothing"):
            answer = peopled.post({**SCALE, "cluster": cluster}, key)
            assert (answer.status, answer.code) == (422, "key_reused")
        assert peopled.kept() == before
        peopled.run()
    assert peopled.post(SCALE, key).headers["location"] == path
    assert [pool.count for pool in peopled.there(other).pools] == [1, 2]
    assert peopled.accepted({**SCALE, "cluster": "test-rg/lab"}, ("Idempotency-Key", "ci-4712")) != path


def test_the_order_of_a_bodys_fields_and_its_spaces_make_no_other_body(peopled: Doors) -> None:
    key = ("Idempotency-Key", "k")
    first = peopled.accepted(SCALE, key)
    text = '{ "count":5,\n"pool":"user", "cluster":"prod-rg/web", "action":"scale" }'
    assert peopled.accepted(text, key) == first


def test_two_different_keys_are_two_operations(peopled: Doors) -> None:
    assert peopled.accepted(SCALE, ("Idempotency-Key", "a")) != peopled.accepted(SCALE, ("Idempotency-Key", "b"))


def test_a_key_in_the_header_and_another_in_the_body_is_refused(peopled: Doors) -> None:
    before = peopled.kept()
    answer = peopled.post({**SCALE, "idempotency_key": "a"}, ("Idempotency-Key", "b"))
    assert (answer.status, answer.code, answer.pointers) == (400, "malformed", ["/idempotency_key"])
    assert answer.detail == "the header Idempotency-Key and the field idempotency_key differ; send one of them"
    assert peopled.kept() == before
    assert peopled.post({**SCALE, "idempotency_key": "a"}, ("Idempotency-Key", "a")).status == 202


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x07b", "a\r\nb", "a\u2028b"])
def test_a_key_that_cannot_be_one_is_refused(peopled: Doors, key: str) -> None:
    before = peopled.kept()
    answer = peopled.post(SCALE, ("Idempotency-Key", key))
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.detail == "the header Idempotency-Key wants 1 to 200 printable characters of ASCII"
    assert peopled.kept() == before


# ---- Azure or storage away


@pytest.mark.parametrize("effect", [Reset(), Silence(), Answer(status=500), Answer(status=503), Answer(status=401), Answer(status=403)])
def test_where_azure_is_away_the_answer_is_503_and_nothing_is_stored(peopled: Doors, effect: Any) -> None:
    before = peopled.kept()
    peopled.world.faults.add(Fault(effect=effect, times=None))
    answer = peopled.post(SCALE)
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert answer.code in {"unreachable", "azure_fault", "azure_forbidden"}
    assert peopled.kept() == before
    for path in ("/api/clusters", f"/api/clusters/{SUBSCRIPTION}/prod-rg/web"):
        assert peopled.get(path).status == 503
    assert peopled.get("/api/operations").status == 200


def test_where_azure_throttles_its_word_is_passed_on(peopled: Doors) -> None:
    before = peopled.kept()
    peopled.world.faults.add(Fault(effect=Answer(status=429, code="TooManyRequests", headers={"Retry-After": "17"})))
    answer = peopled.post(SCALE)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, "throttled", "17")
    assert peopled.kept() == before


def test_a_key_that_is_known_is_answered_even_where_azure_is_away(peopled: Doors) -> None:
    key = ("Idempotency-Key", "k")
    path = peopled.accepted(SCALE, key)
    peopled.world.faults.add(Fault(effect=Reset(), times=None))
    assert peopled.accepted(SCALE, key) == path
    assert peopled.post({**SCALE, "count": 9}, key).code == "key_reused"


def test_a_request_whose_first_wake_up_could_not_be_sent_is_finished_by_the_same_request(peopled: Doors) -> None:
    key = ("Idempotency-Key", "k")
    peopled.mute = True
    assert peopled.post(SCALE, key).status == 500
    peopled.mute = False
    path = peopled.accepted(SCALE, key)
    peopled.run(until=peopled.clock.now() + timedelta(minutes=4))
    assert peopled.shown(path)["status"] == "succeeded"
    assert len(peopled.operations.operations) == 1


def test_a_request_whose_first_wake_up_could_not_be_sent_is_found_by_the_sweep(peopled: Doors) -> None:
    peopled.mute = True
    assert peopled.post(SCALE).status == 500
    peopled.mute = False
    peopled.run()
    assert [operation.status for operation in peopled.operations.journalled.values()][-1] == "succeeded"

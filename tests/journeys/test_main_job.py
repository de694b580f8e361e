"""The main job, door to door: create, scale, wait in line, delete; and at the end Azure is as it was asked to be."""

import json
from datetime import timedelta
from typing import Any

from shared.model.clusters import Absent, ClusterRef
from tests.builders import SUBSCRIPTION
from tests.doors import CREATE, DELETE, HOSTS_OWN, REPLIES, SCALE, Doors, doors
from tests.worldly import clusters_of

MADE = ClusterRef(subscription=SUBSCRIPTION, group="group1", name="myK8sCluster")
MINUTES = timedelta(minutes=1)


def count(app: Doors, pool: str = "user", ref: ClusterRef | None = None) -> int:
    found = (app.there(ref) if ref is not None else app.there()).pool(pool)
    assert found is not None
    return found.count


def states(view: Any) -> list[str]:
    return [step["state"] for step in view["plan"]["steps"]]


def test_a_cluster_is_made_in_a_group_and_a_subscription_that_had_nothing() -> None:
    with doors(registered=False) as app:
        path = app.accepted({**CREATE, "version": "1.34", "tags": {"team": "web"}})
        app.run()
        view = app.shown(path)
        assert (view["status"], states(view)) == ("succeeded", ["done", "done", "done"])
        assert view["error"] is None
        cluster = app.there(MADE)
        assert cluster.settled
        assert (cluster.location, cluster.version, cluster.tags) == ("centralus", "1.34", {"team": "web"})
        assert [(pool.name, pool.mode, pool.count) for pool in cluster.pools] == [("system", "System", 1), ("user", "User", 2)]
        assert [(entry.method, entry.applied) for entry in app.mutations()] == [("POST", True), ("PUT", True), ("PUT", True)]
        assert app.get(view["links"]["cluster"]).document["settled"]
        assert not app.operations.opened
        assert not app.failures


def test_a_page_shows_how_far_it_is_while_it_runs(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.run(until=peopled.clock.now() + MINUTES)
    view = peopled.shown(path)
    progress = view["progress"]
    assert (progress["step"], progress["steps"], progress["percent"], progress["waiting_for"]) == (1, 1, 56, "Azure to finish")
    assert progress["next_look_at"] > view["updated_at"]
    assert (states(view), view["started_at"]) == (["running"], view["plan"]["steps"][0]["started_at"])


def test_a_bot_scales_by_queue_and_hears_of_every_turn(peopled: Doors) -> None:
    peopled.send({**SCALE, "reply_to": REPLIES, "correlation": "c-1", "requested_by": "bot"})
    peopled.run()
    replies = peopled.replies()
    assert [(reply["event"], reply["status"]) for reply in replies] == [
        ("accepted", "running"),
        ("started", "running"),
        ("ended", "succeeded"),
    ]
    assert {(reply["correlation"], reply["cluster"]) for reply in replies} == {("c-1", "prod-rg/web")}
    assert len({reply["operation"] for reply in replies}) == 1
    assert count(peopled) == 5
    (put,) = peopled.mutations()
    assert put.applied


def test_a_bot_that_asks_for_what_holds_already_hears_so_at_once(peopled: Doors) -> None:
    peopled.send({**SCALE, "count": 2, "reply_to": REPLIES, "correlation": "c-1"})
    peopled.run()
    assert [(reply["event"], reply["status"]) for reply in peopled.replies()] == [("accepted", "succeeded"), ("ended", "succeeded")]
    assert not peopled.mutations()


def test_the_autoscaler_is_set_by_its_limits(peopled: Doors) -> None:
    path = peopled.accepted({"action": "scale", "cluster": "prod-rg/web", "pool": "user", "min": 3, "max": 6})
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    pool = peopled.there().pool("user")
    assert pool is not None
    assert pool.autoscale is not None
    assert (pool.autoscale.min, pool.autoscale.max, pool.count) == (3, 6, 3)


def test_two_requests_for_one_cluster_run_one_after_the_other(peopled: Doors) -> None:
    first = peopled.accepted(SCALE)
    second = peopled.accepted({**SCALE, "count": 3})
    third = peopled.accepted({**SCALE, "count": 4})
    view = peopled.shown(second)
    assert (view["status"], view["queue_position"], view["plan"]) == ("queued", 1, None)
    assert peopled.shown(third)["queue_position"] == 2
    holder = peopled.shown(first)["id"]
    assert [peopled.shown(path)["held_by"] for path in (first, second, third)] == [None, holder, holder]
    again = peopled.post({**SCALE, "count": 2, "idempotency_key": "k"})
    assert [again.document["held_by"], peopled.post({**SCALE, "count": 2, "idempotency_key": "k"}).document["held_by"]] == [holder, holder]
    peopled.cancel(again.headers["location"])
    peopled.run()
    views = [peopled.shown(path) for path in (first, second, third)]
    assert [view["status"] for view in views] == ["succeeded"] * 3
    assert [view["because"] for view in views] == [
        "pool user has 2 nodes, want 5",
        "pool user has 5 nodes, want 3",
        "pool user has 3 nodes, want 4",
    ]
    assert count(peopled) == 4
    assert [entry.in_flight for entry in peopled.mutations()] == [None, None, None]
    assert views[0]["ended_at"] == views[1]["started_at"]
    assert views[1]["ended_at"] == views[2]["started_at"]


def test_a_request_that_became_impossible_in_line_fails_at_its_turn_and_says_why(peopled: Doors) -> None:
    peopled.accepted({"action": "scale", "cluster": "prod-rg/web", "pool": "user", "min": 1, "max": 3})
    waiting = peopled.accepted(SCALE)
    peopled.run()
    view = peopled.shown(waiting)
    assert (view["status"], view["error"]["code"], view["plan"]) == ("failed", "impossible", None)
    assert "scaled by the cluster autoscaler (1 to 3 nodes)" in view["error"]["message"]
    assert len(peopled.mutations()) == 1


def test_what_is_done_already_in_line_is_looked_at_afresh(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    same = peopled.accepted(SCALE)
    peopled.run()
    view = peopled.shown(same)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert len(peopled.mutations()) == 1


def test_requests_for_two_clusters_do_not_wait_for_each_other(peopled: Doors) -> None:
    other = ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab")
    peopled.put_cluster(other)
    started = peopled.clock.now()
    first, second = peopled.accepted(SCALE), peopled.accepted({**SCALE, "cluster": "test-rg/lab"})
    peopled.run()
    assert peopled.shown(first)["ended_at"] == peopled.shown(second)["ended_at"]
    assert peopled.clock.now() - started < 2 * peopled.takes


def test_a_cluster_is_deleted_with_its_group(peopled: Doors) -> None:
    path = peopled.accepted({**DELETE, "delete_resource_group": True})
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], states(view)) == ("succeeded", ["done", "done"])
    assert peopled.gone()
    assert isinstance(clusters_of(peopled.world).group(peopled_ref()), Absent)
    assert [entry.method for entry in peopled.mutations()] == ["DELETE", "DELETE"]
    assert peopled.get(view["links"]["cluster"]).status == 404


def peopled_ref() -> ClusterRef:
    return ClusterRef(subscription=SUBSCRIPTION, group="prod-rg", name="web")


def test_deleting_what_is_gone_is_done_already(app: Doors) -> None:
    answer = app.post(DELETE)
    assert (answer.status, answer.document["status"]) == (202, "succeeded")
    assert not app.mutations()


def test_a_whole_life_leaves_nothing_open_and_a_history_without_gaps(app: Doors) -> None:
    paths = [app.accepted(CREATE)]
    app.run()
    app.send({**SCALE, "cluster": "GROUP1/mYk8scluster", "reply_to": REPLIES})
    app.run()
    assert count(app, ref=MADE) == 5
    paths.append(app.accepted({**DELETE, "cluster": "group1/myK8sCluster", "confirm": "myK8sCluster"}))
    app.run()
    assert app.gone(MADE)
    listed = app.get("/api/operations?cluster=group1/myK8sCluster").document["operations"]
    assert [(item["action"], item["status"]) for item in listed] == [
        ("delete", "succeeded"), ("scale", "succeeded"), ("create", "succeeded"),
    ]  # fmt: skip
    for item in listed:
        history = app.get(f"/api/operations/{item['id']}?history=true").document["history"]
        assert [event["n"] for event in history] == list(range(1, len(history) + 1))
    assert not app.operations.heads
    assert not app.operations.opened
    assert set(app.operations.journalled) == {item["id"] for item in listed}
    assert not app.queues.all("operation-steps")
    assert {path.rpartition("/")[2] for path in paths} < set(app.operations.journalled)


def test_every_message_of_ours_avoids_the_names_that_the_host_takes_for_its_own(peopled: Doors) -> None:
    seen: list[tuple[str, str]] = []
    peopled.send({**SCALE, "reply_to": REPLIES, "correlation": "c"})
    peopled.send({**SCALE, "colour": "red", "reply_to": REPLIES})
    while peopled.turn():
        seen += [item for item in peopled.queues.everything() if item not in seen]
    events = set()
    for queue, text in seen:
        message = json.loads(text)
        assert not {name.lower() for name in message} & HOSTS_OWN
        if queue == REPLIES:
            events.add(message["event"])
    assert events == {"accepted", "started", "ended", "refused"}
    assert {queue for queue, _ in seen} == {"cluster-requests", "operation-steps", REPLIES}

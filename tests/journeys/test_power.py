"""Starts and stops, door to door: done only when the power state and the provisioning state have been read back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Fault, LostAnswer, Outcome, Silence
from local.arm.obstacles import Capacity, Obstacles
from shared.model.clusters import PowerState
from shared.model.operations import Answered, Handle
from shared.model.plans import RemoveCluster, ScalePool, StartCluster, StopCluster, StopPool
from shared.rules.planning.power import POWER_LIMIT
from tests.builders import WEB
from tests.doors import REPLIES, SCALE, START, STOP, UPGRADE, Doors
from tests.faulty import Calls, Faulty

MINUTES = timedelta(minutes=1)
STOP_POOL, START_POOL = {**STOP, "pool": "user"}, {**START, "pool": "user"}
POLL = "/operations/"
HANDLE = Handle(url=f"https://management.azure.com/subscriptions/{WEB.subscription}/providers/x/operations/1")
STOPPED, RUNNING = PowerState.STOPPED, PowerState.RUNNING


def stopped(app: Doors) -> Doors:
    """The same, its cluster stopped by somebody else."""
    app.foreign(WEB, StopCluster())
    app.clock.advance(app.takes)
    assert (app.there().power, app.there().settled) == (STOPPED, True)
    return app


def pools(app: Doors) -> dict[str, tuple[PowerState, int]]:
    return {pool.name: (pool.power, pool.count) for pool in app.there().pools}


def asked(app: Doors) -> list[tuple[str, str]]:
    """What the app asked Azure to change."""
    return [(entry.method, entry.path.partition("?")[0].rpartition("/")[2]) for entry in app.mutations()]


def done(app: Doors, body: dict[str, Any]) -> Any:
    """The page of a request that must be accepted, when all is over."""
    path = app.accepted(body)
    app.run()
    assert not app.failures
    assert not app.operations.opened
    assert not app.operations.heads
    return app.shown(path)


def test_a_cluster_is_stopped_and_started_and_has_its_nodes_again(peopled: Doors) -> None:
    before = pools(peopled)
    view = done(peopled, STOP)
    assert (view["status"], view["because"], view["error"]) == ("succeeded", "cluster web is Running, want Stopped", None)
    assert (peopled.there().power, peopled.there().settled) == (STOPPED, True)
    shown = peopled.get(view["links"]["cluster"]).document
    assert (shown["power_state"], shown["provisioning_state"], shown["operation"]) == ("Stopped", "Succeeded", None)
    view = done(peopled, START)
    assert (view["status"], view["because"]) == ("succeeded", "cluster web is Stopped, want Running")
    assert (peopled.there().power, peopled.there().settled) == (RUNNING, True)
    assert pools(peopled) == before
    assert asked(peopled) == [("POST", "stop"), ("POST", "start")]


def test_a_bot_stops_by_queue_and_hears_of_every_turn(peopled: Doors) -> None:
    peopled.send({**STOP, "reply_to": REPLIES, "correlation": "c-1"})
    peopled.run()
    assert [(reply["event"], reply["status"]) for reply in peopled.replies()] == [
        ("accepted", "running"),
        ("started", "running"),
        ("ended", "succeeded"),
    ]
    assert peopled.there().power is STOPPED


def test_a_pool_is_stopped_and_started_and_nothing_else_of_the_cluster_changes(peopled: Doors) -> None:
    before = peopled.there()
    view = done(peopled, STOP_POOL)
    assert (view["status"], view["plan"]["steps"][0]["action"]) == ("succeeded", "stop_pool")
    assert pools(peopled) == {"system": (RUNNING, 1), "user": (STOPPED, 0)}
    assert peopled.there().power is RUNNING
    assert done(peopled, START_POOL)["status"] == "succeeded"
    assert replace(peopled.there(), etag=before.etag) == before
    assert asked(peopled) == [("PUT", "user"), ("PUT", "user")]


@pytest.mark.parametrize(("first", "second"), [(STOP, STOP), (STOP_POOL, STOP_POOL)], ids=["cluster", "pool"])
def test_what_is_stopped_already_is_not_stopped_again(peopled: Doors, first: dict[str, Any], second: dict[str, Any]) -> None:
    done(peopled, first)
    mark = len(peopled.mutations())
    answer = peopled.post(second)
    assert (answer.status, answer.document["status"]) == (202, "succeeded")
    assert answer.document["because"].endswith("is Stopped already")
    assert len(peopled.mutations()) == mark


# ---- read back


@pytest.mark.parametrize(("body", "state"), [(STOP, "Stopping"), (STOP_POOL, "Stopping")], ids=["cluster", "pool"])
def test_a_power_state_that_azure_shows_while_it_works_is_not_the_end(peopled: Doors, body: dict[str, Any], state: str) -> None:
    path = peopled.accepted(body)
    peopled.run(until=peopled.clock.now() + 2 * MINUTES)
    cluster = peopled.there()
    about: Any = cluster.pool("user") if "pool" in body else cluster
    assert (about.power, about.state) == (STOPPED, state)
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["state"]) == ("running", "running")
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert peopled.there().settled


@pytest.mark.parametrize("body", [STOP, STOP_POOL], ids=["cluster", "pool"])
def test_a_status_page_that_ends_too_soon_does_not_end_a_stop(peopled: Doors, body: dict[str, Any]) -> None:
    """A page without a status says that it is over; the cluster has the last word."""
    path, began = peopled.accepted(body), peopled.clock.now()
    peopled.world.faults.add(Fault(path=POLL, effect=Answer(status=200, shape="empty"), times=None))
    peopled.run(until=began + 2 * MINUTES)
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["state"]) == ("running", "settling")
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert peopled.there().settled
    assert len(peopled.mutations()) == 1


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (STOP, "cluster web is Running, want Stopped"),
        (STOP_POOL, "pool user is Running, want Stopped"),
    ],
    ids=["cluster", "pool"],
)
def test_a_stop_that_azure_says_it_made_and_that_cannot_be_seen_is_no_success(peopled: Doors, body: dict[str, Any], missing: str) -> None:
    calls = Calls()
    around = {"attempt": lambda *_: HANDLE, "poll": lambda *_: Answered()}
    peopled.behind(peopled.rebuilt(clusters=Faulty(peopled.clusters, calls, around)))
    view = done(peopled, body)
    assert (view["status"], view["error"]["code"]) == ("failed", "not_reached")
    assert view["error"]["message"] == f"Azure reported success, but {missing}"
    assert calls.made.count("ArmClusters.attempt") == 2


def test_a_start_that_azure_says_it_made_and_that_cannot_be_seen_is_no_success(peopled: Doors) -> None:
    stopped(peopled)
    around = {"attempt": lambda *_: HANDLE, "poll": lambda *_: Answered()}
    peopled.behind(peopled.rebuilt(clusters=Faulty(peopled.clusters, Calls(), around)))
    view = done(peopled, START)
    assert (view["status"], view["error"]["code"]) == ("failed", "not_reached")
    assert view["error"]["message"] == "Azure reported success, but cluster web is Stopped, want Running"


# ---- others at work


def test_a_start_of_a_cluster_that_is_being_stopped_waits_and_says_so(peopled: Doors) -> None:
    peopled.foreign(WEB, StopCluster())
    path = peopled.accepted(START)
    peopled.settle()
    view = peopled.shown(path)
    assert (view["status"], view["progress"]["waiting_for"]) == ("running", "Azure is at work: cluster web is Stopped, want Running")
    assert not peopled.mutations()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert (peopled.there().power, asked(peopled)) == (RUNNING, [("POST", "start")])
    assert [entry.in_flight for entry in peopled.mutations()] == [None]


@pytest.mark.parametrize("body", [STOP, STOP_POOL], ids=["cluster", "pool"])
def test_a_stop_of_a_cluster_that_is_being_changed_waits_and_says_so(peopled: Doors, body: dict[str, Any]) -> None:
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    path = peopled.accepted(body)
    peopled.settle()
    assert peopled.shown(path)["progress"]["waiting_for"].startswith("Azure is at work: ")
    assert not peopled.mutations()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert [entry.in_flight for entry in peopled.mutations()] == [None]


def test_a_start_of_a_running_cluster_that_is_being_changed_waits_for_its_end_and_asks_nothing(peopled: Doors) -> None:
    peopled.foreign(WEB, ScalePool(pool="user", to=5))
    path = peopled.accepted(START)
    assert peopled.shown(path)["because"].startswith("pool user is ")
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert not peopled.mutations()


def test_somebody_who_stops_it_first_saves_us_the_call(peopled: Doors) -> None:
    path = peopled.accepted(STOP)
    peopled.foreign(WEB, StopCluster())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert not peopled.mutations()


def test_somebody_who_stops_it_between_our_look_and_our_call_makes_it_done(peopled: Doors) -> None:
    path = peopled.accepted(STOP)
    looks: list[None] = []

    def look(*arguments: Any) -> Any:
        sight = peopled.clusters.look(*arguments)
        if not looks:
            looks.append(None)
            peopled.foreign(WEB, StopCluster())
        return sight

    peopled.behind(peopled.rebuilt(clusters=Faulty(peopled.clusters, Calls(), {"look": look})))
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert [(entry.method, entry.applied) for entry in peopled.mutations()] == [("POST", False)]


@pytest.mark.parametrize("body", [STOP, STOP_POOL], ids=["cluster", "pool"])
def test_a_cluster_that_is_deleted_while_it_is_stopped_is_gone(peopled: Doors, body: dict[str, Any]) -> None:
    path = peopled.accepted(body)
    peopled.settle()
    peopled.clock.advance(timedelta(seconds=10))  # Azure refuses a deletion while another write is being saved
    peopled.foreign(WEB, RemoveCluster())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "gone")
    words = "Azure reported AKSOperationPreemptedByDelete: This operation has been preempted by Deleting operation."
    assert view["error"]["message"] == f"cluster prod-rg/web does not exist any more; {words}"
    assert len(peopled.mutations()) == 1


def test_a_pool_is_stopped_with_its_cluster_by_somebody_else(peopled: Doors) -> None:
    path = peopled.accepted(STOP_POOL)
    peopled.foreign(WEB, StopCluster())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert not peopled.mutations()


@pytest.mark.parametrize("body", [START_POOL, SCALE], ids=lambda body: body["action"])
def test_what_needs_a_cluster_that_somebody_stops_meanwhile_ends_at_once_and_says_so(peopled: Doors, body: dict[str, Any]) -> None:
    done(peopled, STOP_POOL if body is START_POOL else START_POOL)
    path, mark, began = peopled.accepted(body), len(peopled.mutations()), peopled.clock.now()
    peopled.foreign(WEB, StopCluster())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "gone")
    assert view["error"]["message"].startswith("cluster web was stopped meanwhile, and AKS changes nothing that is stopped; start it")
    assert peopled.clock.now() - began <= peopled.takes + MINUTES
    assert len(peopled.mutations()) == mark


# ---- lost answers and faults


@pytest.mark.parametrize("effect", [LostAnswer(), Silence(applied=True)], ids=["reset", "silence"])
@pytest.mark.parametrize(("body", "method"), [(STOP, "POST"), (STOP_POOL, "PUT")], ids=["cluster", "pool"])
def test_a_stop_whose_answer_was_lost_is_found_and_not_made_twice(peopled: Doors, body: dict[str, Any], method: str, effect: Any) -> None:
    path = peopled.accepted(body)
    peopled.world.faults.add(Fault(method=method, effect=effect))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", None)
    assert [entry.applied for entry in peopled.mutations()] == [True]


def test_a_stop_that_failed_by_azures_own_fault_is_sent_again(peopled: Doors) -> None:
    path = peopled.accepted(STOP)
    peopled.world.faults.add(Fault(method="POST", effect=Outcome(ends="Failed", code="InternalOperationError")))
    peopled.run()
    assert (peopled.shown(path)["status"], peopled.there().power) == ("succeeded", STOPPED)
    assert asked(peopled) == [("POST", "stop"), ("POST", "stop")]


def test_a_stop_that_somebody_aborts_is_not_sent_again(peopled: Doors) -> None:
    path = peopled.accepted(STOP)
    peopled.world.faults.add(Fault(method="POST", effect=Outcome(ends="Canceled")))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "cancelled_externally")
    assert (peopled.there().power, asked(peopled)) == (RUNNING, [("POST", "stop")])


def test_a_stop_that_never_ends_is_given_up_and_said_to_run_in_azure_still(peopled: Doors) -> None:
    path, began = peopled.accepted(STOP), peopled.clock.now()
    peopled.world.faults.add(Fault(method="POST", effect=Outcome(ends="never")))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "still_running_in_azure")
    assert view["error"]["message"] == "step 'stop cluster web' did not end within 1:00:00: cluster web is Stopping, want Succeeded"
    assert POWER_LIMIT <= peopled.clock.now() - began <= POWER_LIMIT + 10 * MINUTES


def test_a_start_for_which_there_are_no_nodes_fails_in_azures_words_and_succeeds_when_there_are(peopled: Doors) -> None:
    stopped(peopled)
    peopled.world.state.obstacles = Obstacles(capacity=(Capacity(region="westeurope", nodes=2),))
    view = done(peopled, START)
    assert (view["status"], view["error"]["code"]) == ("failed", "out_of_capacity")
    assert view["error"]["azure_code"] in {"AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest"}
    assert view["error"]["message"].startswith(f"{view['error']['azure_code']}: ")
    assert asked(peopled) == [("POST", "start")]
    assert not peopled.there().settled
    peopled.world.state.obstacles = Obstacles()
    view = done(peopled, START)
    assert (view["status"], view["because"]) == ("succeeded", "cluster web is Failed, want Succeeded")
    assert (peopled.there().power, peopled.there().settled) == (RUNNING, True)


def test_a_stop_that_a_webhook_in_the_cluster_forbids_fails_in_azures_words_and_is_not_sent_again(peopled: Doors) -> None:
    """Only Azure sees the cluster's webhooks, so nothing can be refused before."""
    words = "Stop is blocked: the validating webhook 'gate' matches every namespace"
    peopled.world.faults.add(Fault(method="POST", effect=Answer(status=400, code="ValidationError", message=words), times=None))
    view = done(peopled, STOP)
    assert (view["status"], view["error"]["code"], len(peopled.mutations())) == ("failed", "azure_refused", 1)
    assert words in view["error"]["message"]


def test_a_pool_for_which_there_are_no_nodes_fails_in_azures_words(peopled: Doors) -> None:
    done(peopled, STOP_POOL)
    peopled.world.state.obstacles = Obstacles(capacity=(Capacity(region="westeurope", nodes=1),))
    view = done(peopled, START_POOL)
    assert (view["status"], view["error"]["code"]) == ("failed", "out_of_capacity")
    assert len(peopled.mutations()) == 2


# ---- in line


def test_nothing_but_a_start_is_asked_of_a_stopped_cluster(peopled: Doors) -> None:
    stopped(peopled)
    before = peopled.kept()
    for body in (SCALE, UPGRADE, STOP_POOL, START_POOL):
        answer = peopled.post(body)
        assert (answer.status, answer.code) == (422, "impossible")
        assert "cluster prod-rg/web is stopped" in answer.detail
        assert answer.detail.endswith("; start it first")
    assert peopled.kept() == before


@pytest.mark.parametrize("body", [SCALE, UPGRADE, STOP_POOL], ids=lambda body: body["action"])
def test_behind_a_start_what_needs_a_running_cluster_waits_and_is_planned_at_its_turn(peopled: Doors, body: dict[str, Any]) -> None:
    stopped(peopled)
    start = peopled.accepted(START)
    preview = peopled.post(body, path="/api/operations?plan_only=true").document
    assert preview["plan"] is None
    assert "as things stand it is not possible: cluster prod-rg/web is stopped" in preview["findings"][0]
    waiting = peopled.accepted(body)
    view = peopled.shown(waiting)
    assert (view["status"], view["queue_position"], view["plan"]) == ("queued", 1, None)
    peopled.run()
    assert [peopled.shown(path)["status"] for path in (start, waiting)] == ["succeeded", "succeeded"]
    assert peopled.there().power is RUNNING


def test_a_stop_and_a_start_in_line_are_done_in_order(peopled: Doors) -> None:
    first, second = peopled.accepted(STOP), peopled.accepted(START)
    assert peopled.shown(second)["queue_position"] == 1
    peopled.run()
    assert [peopled.shown(path)["status"] for path in (first, second)] == ["succeeded", "succeeded"]
    assert asked(peopled) == [("POST", "stop"), ("POST", "start")]
    assert peopled.there().power is RUNNING


def test_what_waits_behind_a_stop_fails_at_its_turn_and_says_to_start_it_first(peopled: Doors) -> None:
    peopled.accepted(STOP)
    waiting = peopled.accepted(SCALE)
    peopled.run()
    view = peopled.shown(waiting)
    assert (view["status"], view["error"]["code"], view["plan"]) == ("failed", "impossible", None)
    assert view["error"]["message"].endswith("; start it first")


def test_a_cancelled_stop_that_was_sent_is_waited_for(peopled: Doors) -> None:
    path = peopled.accepted(STOP)
    peopled.settle()
    assert peopled.cancel(path).status == 202
    peopled.run()
    assert peopled.there().settled
    assert not peopled.operations.opened


def test_a_cluster_whose_user_pool_was_stopped_before_comes_back_with_it_stopped(peopled: Doors) -> None:
    done(peopled, STOP_POOL)
    done(peopled, STOP)
    assert done(peopled, START)["status"] == "succeeded"
    assert pools(peopled) == {"system": (RUNNING, 1), "user": (STOPPED, 0)}


def test_foreign_calls_are_what_they_say(peopled: Doors) -> None:
    """What the tests above rest on: somebody else's verbs reach the same Azure."""
    peopled.foreign(WEB, StopPool(pool="user"))
    peopled.clock.advance(peopled.takes)
    assert pools(peopled)["user"] == (STOPPED, 0)
    stopped(peopled).foreign(WEB, StartCluster())
    peopled.clock.advance(peopled.takes)
    assert peopled.there().power is RUNNING
    assert not peopled.mutations()

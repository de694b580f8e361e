"""Cancel in each state an operation can be in: it always ends, and what was never sent never is."""

from datetime import timedelta

from local.arm.faults import Answer, Fault, LostAnswer, Outcome
from shared.model.plans import ScalePool
from tests.builders import WEB
from tests.doors import CREATE, DELETE, REPLIES, SCALE, UPGRADE, Doors

SOON = timedelta(minutes=1)


def nodes(app: Doors) -> int:
    pool = app.there().pool("user")
    assert pool is not None
    return pool.count


def test_before_its_first_wake_up_nothing_was_and_will_be_sent(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    answer = peopled.cancel(path)
    assert (answer.status, answer.document["status"]) == (202, "cancelled")
    peopled.run()
    view = peopled.shown(path)
    assert view["plan"]["steps"][0]["note"] == "cancelled by function-key"
    assert not peopled.mutations()
    assert nodes(peopled) == 2


def test_while_its_step_runs_the_step_is_left_to_finish_and_the_rest_is_skipped(peopled: Doors) -> None:
    path = peopled.accepted({**DELETE, "delete_resource_group": True})
    peopled.run(until=peopled.clock.now() + SOON)
    assert peopled.cancel(path).document["status"] == "running"
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], [step["state"] for step in view["plan"]["steps"]]) == ("cancelled", ["done", "skipped"])
    assert peopled.gone()
    assert len(peopled.mutations()) == 1


def test_in_its_last_step_it_has_done_all_it_was_asked(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.run(until=peopled.clock.now() + SOON)
    peopled.cancel(path)
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert nodes(peopled) == 5


def test_between_two_tries_nothing_more_is_sent(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=429, headers={"Retry-After": "120"})))
    path = peopled.accepted(SCALE)
    peopled.settle()
    assert len(peopled.mutations()) == 1
    assert peopled.cancel(path).document["status"] == "cancelled"
    peopled.run()
    assert len(peopled.mutations()) == 1
    assert nodes(peopled) == 2


def test_after_a_lost_answer_it_waits_to_see_what_became_of_the_call(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=LostAnswer()))
    path = peopled.accepted(SCALE)
    peopled.settle()
    assert peopled.cancel(path).document["status"] == "running"
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert len(peopled.mutations()) == 1
    assert nodes(peopled) == 5


def test_while_it_waits_for_somebody_else_it_ends_at_once(peopled: Doors) -> None:
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    path = peopled.accepted(SCALE)
    peopled.settle()
    assert peopled.cancel(path).document["status"] == "cancelled"
    peopled.run()
    assert not peopled.mutations()


def test_when_azure_has_answered_and_the_cluster_has_not_it_waits_for_what_the_cluster_shows(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.world.faults.add(Fault(path="/operations/", effect=Answer(status=200, shape="empty"), times=None))
    while peopled.shown(path)["plan"]["steps"][0]["state"] != "settling":
        peopled.turn()
    assert peopled.cancel(path).document["status"] == "running"
    peopled.run()
    assert (peopled.shown(path)["status"], nodes(peopled), len(peopled.mutations())) == ("succeeded", 5, 1)


def test_while_a_person_is_needed_or_has_suspended_it_it_ends_at_once_and_frees_the_cluster(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=409, code="OperationNotAllowed", message="in progress"), times=None))
    held, suspended = peopled.accepted(SCALE), peopled.accepted({**SCALE, "count": 3})
    peopled.run(until=peopled.clock.now() + 90 * SOON)
    assert peopled.shown(held)["status"] == "needs_attention"
    assert peopled.cancel(held).document["status"] == "cancelled"
    peopled.ask("POST", f"{suspended}/suspend")
    assert peopled.shown(suspended)["status"] == "suspended"
    assert peopled.cancel(suspended).document["status"] == "cancelled"
    peopled.run()
    assert not peopled.operations.heads
    assert not [entry for entry in peopled.mutations() if entry.applied]


def test_when_its_step_fails_it_has_failed(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="QuotaExceeded", message="no more cores")))
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.cancel(path)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"], view["cancelled_by"]) == ("failed", "out_of_capacity", "function-key")
    assert len(peopled.mutations()) == 1


def test_a_cancelled_head_passes_the_cluster_on(peopled: Doors) -> None:
    first = peopled.accepted(SCALE)
    second = peopled.accepted({**SCALE, "count": 3})
    peopled.cancel(first)
    view = peopled.shown(second)
    assert (view["status"], view["queue_position"]) == ("running", 0)
    peopled.run()
    assert peopled.shown(second)["status"] == "succeeded"
    assert nodes(peopled) == 3


def test_one_cancelled_in_line_leaves_the_others_in_order(peopled: Doors) -> None:
    paths = [peopled.accepted({**SCALE, "count": count}) for count in (5, 6, 7, 8)]
    peopled.cancel(paths[1])
    assert [peopled.shown(path)["queue_position"] for path in paths] == [0, 0, 1, 2]
    peopled.run()
    assert [peopled.shown(path)["status"] for path in paths] == ["succeeded", "cancelled", "succeeded", "succeeded"]
    assert nodes(peopled) == 8


def test_the_sender_hears_that_it_was_cancelled(peopled: Doors) -> None:
    peopled.send({**SCALE, "reply_to": REPLIES, "correlation": "c"})
    peopled.take()
    (name,) = peopled.operations.operations
    peopled.cancel(f"/api/operations/{name}")
    peopled.run()
    assert [(reply["event"], reply["status"]) for reply in peopled.replies()] == [("accepted", "running"), ("ended", "cancelled")]


def test_a_creation_cancelled_between_its_steps_keeps_what_was_made(app: Doors) -> None:
    path = app.accepted(CREATE)
    while app.shown(path)["progress"]["step"] < 3:
        app.turn()
    app.cancel(path)
    app.run()
    view = app.shown(path)
    states = [step["state"] for step in view["plan"]["steps"]]
    assert (view["status"], states) == ("cancelled", ["done", "done", "skipped"])
    assert app.get("/api/clusters").document["clusters"] == []


def aborts(app: Doors) -> list[str]:
    """What the world was asked to abort, and took."""
    return [entry.path.partition("?")[0] for entry in app.world.witness.entries if entry.applied and "/abort" in entry.path]


def test_with_an_abort_its_step_ends_at_once_and_says_what_was_not_reached(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    path = peopled.accepted(SCALE)
    peopled.settle()
    answer = peopled.ask("POST", f"{path}/cancel?abort=true")
    assert (answer.status, answer.document["status"]) == (202, "running")
    at = peopled.clock.now()
    peopled.run()
    view = peopled.shown(path)
    (step,) = view["plan"]["steps"]
    assert (view["status"], step["state"]) == ("cancelled", "skipped")
    assert "what was applied by then stays applied" in step["note"]
    assert [place.endswith("/agentPools/user/abort") for place in aborts(peopled)] == [True]
    assert peopled.clock.now() - at < 5 * SOON


def test_an_upgrade_that_is_aborted_keeps_the_steps_that_are_done(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    while peopled.shown(path)["progress"]["step"] < 2:
        peopled.turn()
    peopled.settle()
    peopled.ask("POST", f"{path}/cancel?abort=true")
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], [step["state"] for step in view["plan"]["steps"]]) == ("cancelled", ["done", "skipped", "skipped"])
    again = peopled.ask("POST", f"{path}/retry")
    peopled.run()
    assert peopled.shown(again.headers["location"])["status"] == "succeeded"


def test_a_word_that_is_neither_true_nor_false_is_refused_and_nothing_is_cancelled(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    answer = peopled.ask("POST", f"{path}/cancel?abort=perhaps")
    assert (answer.status, answer.code) == (400, "malformed")
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"

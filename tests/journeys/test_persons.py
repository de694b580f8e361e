"""People and operations, through the doors: suspend, resume, retry, force-close, and what each does to those who wait behind."""

from datetime import timedelta

from local.arm.faults import Fault, Outcome
from shared.model.plans import ScalePool
from tests.builders import WEB
from tests.doors import SCALE, UPGRADE, Doors


def test_a_suspended_upgrade_ends_its_step_rests_for_days_and_goes_on_where_it_was(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.settle()
    peopled.ask("POST", f"{path}/suspend")
    peopled.run()
    view = peopled.shown(path)
    assert view["status"] == "suspended"
    assert [step["state"] for step in view["plan"]["steps"]] == ["done", "waiting", "waiting"]
    assert view["progress"]["next_look_at"] is None
    looks, saved = len(peopled.world.witness.entries), view["updated_at"]
    for _ in range(5):
        peopled.clock.advance(timedelta(days=1))
        peopled.sweep()
        peopled.settle()
    assert len(peopled.world.witness.entries) == looks
    assert peopled.shown(path)["updated_at"] == saved
    peopled.ask("POST", f"{path}/resume")
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert len(peopled.mutations()) == 3


def test_a_suspended_one_keeps_its_place_in_line(peopled: Doors) -> None:
    first, second = peopled.accepted(SCALE), peopled.accepted({**SCALE, "count": 3})
    assert peopled.ask("POST", f"{second}/suspend").document["queue_position"] == 1
    peopled.run()
    assert (peopled.shown(first)["status"], peopled.shown(second)["status"]) == ("succeeded", "suspended")
    peopled.ask("POST", f"{second}/resume")
    peopled.run()
    assert peopled.shown(second)["status"] == "succeeded"
    assert [pool.count for pool in peopled.there().pools] == [1, 3]


def test_a_retry_does_what_failed_and_was_skipped_with_the_versions_chosen_then(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", path="agentPools", effect=Outcome(ends="Failed", code="QuotaExceeded"), times=1))
    path = peopled.accepted(UPGRADE)
    peopled.run()
    failed = peopled.shown(path)
    assert [step["state"] for step in failed["plan"]["steps"]] == ["done", "failed", "skipped"]
    again = peopled.ask("POST", f"{path}/retry")
    assert again.document["retry_of"] == failed["id"]
    assert [step["name"] for step in again.document["plan"]["steps"]] == [step["name"] for step in failed["plan"]["steps"][1:]]
    assert peopled.ask("POST", f"{path}/retry").document["id"] == again.document["id"]
    peopled.run()
    assert peopled.shown(again.headers["location"])["status"] == "succeeded"
    assert peopled.shown(path) == failed
    assert not peopled.operations.opened


def test_what_somebody_else_held_up_goes_on_when_a_person_says_so(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never"), times=1))
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    path = peopled.accepted(SCALE)
    peopled.run()
    assert peopled.shown(path)["status"] == "needs_attention"
    peopled.ask("POST", f"{path}/resume")
    peopled.settle()
    assert peopled.shown(path)["status"] == "running"
    assert not peopled.mutations()


def test_a_sender_hears_that_somebody_else_holds_the_cluster_and_a_person_is_needed(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never"), times=1))
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    peopled.send({**SCALE, "reply_to": "chat-replies"})
    peopled.run()
    said = [(reply["event"], reply.get("code")) for reply in peopled.replies()]
    assert said == [("accepted", None), ("needs_attention", "blocked_by_external_operation")]


def test_a_forced_close_frees_the_cluster_for_the_next(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never"), times=1))
    first = peopled.accepted(SCALE)
    peopled.settle()
    second = peopled.accepted({**SCALE, "count": 3})
    closed = peopled.ask("POST", f"{first}/force_close").document
    assert (closed["status"], closed["error"]["code"]) == ("failed", "force_closed")
    assert "may go on" in closed["error"]["message"]
    peopled.settle()
    view = peopled.shown(second)
    assert (view["status"], view["queue_position"]) == ("running", 0)
    assert view["progress"]["waiting_for"].startswith("Azure is at work")


def test_a_forced_close_of_one_in_line_leaves_the_line_whole(peopled: Doors) -> None:
    paths = [peopled.accepted({**SCALE, "count": count}) for count in (5, 6, 7)]
    peopled.ask("POST", f"{paths[1]}/force_close")
    assert peopled.shown(paths[2])["queue_position"] == 1
    peopled.run()
    assert [peopled.shown(path)["status"] for path in paths] == ["succeeded", "failed", "succeeded"]

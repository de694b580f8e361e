"""The brake through the doors: all acting is paused and let go on, and the cap on calls an hour is met and said."""

from datetime import timedelta

import pytest

from tests.doors import REPLIES, SCALE, UPGRADE, Doors
from tests.worldly import some_settings

SOON = timedelta(minutes=5)


def test_while_paused_requests_are_taken_say_why_they_wait_and_go_on_afterwards(peopled: Doors) -> None:
    answer = peopled.ask("POST", "/api/pause?reason=an%20outage")
    assert answer.status == 200
    assert (answer.document["paused"], answer.document["paused_by"], answer.document["reason"]) == (True, "function-key", "an outage")
    path = peopled.accepted(SCALE)
    peopled.run(until=peopled.clock.now() + SOON)
    view = peopled.shown(path)
    assert view["status"] == "running"
    assert "paused by function-key" in view["progress"]["waiting_for"]
    assert "an outage" in view["progress"]["waiting_for"]
    assert view["progress"]["next_look_at"] is not None
    assert not peopled.mutations()
    assert peopled.ask("POST", "/api/unpause").document["paused"] is False
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert len(peopled.mutations()) == 1


def test_requests_by_queue_are_taken_while_paused_and_their_senders_hear_it(peopled: Doors) -> None:
    peopled.ask("POST", "/api/pause")
    peopled.send({**SCALE, "reply_to": REPLIES})
    peopled.run(until=peopled.clock.now() + SOON)
    assert [reply["event"] for reply in peopled.replies()] == ["accepted"]
    peopled.ask("POST", "/api/unpause")
    peopled.run()
    assert [reply["event"] for reply in peopled.replies()][1:] == ["started", "ended"]


def test_an_upgrade_that_is_paused_between_its_steps_goes_on_with_the_next(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.settle()
    peopled.ask("POST", "/api/pause")
    peopled.run(until=peopled.clock.now() + timedelta(hours=6))
    assert [step["state"] for step in peopled.shown(path)["plan"]["steps"]] == ["done", "waiting", "waiting"]
    assert len(peopled.mutations()) == 1
    peopled.ask("POST", "/api/unpause")
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"


def test_asking_twice_changes_nothing_and_anybody_who_reads_sees_which_it_is(peopled: Doors) -> None:
    first = peopled.ask("POST", "/api/pause?reason=one").document
    assert peopled.ask("POST", "/api/pause?reason=two").document == first == peopled.get("/api/pause").document
    last = peopled.ask("POST", "/api/unpause").document
    assert peopled.ask("POST", "/api/unpause").document == last == peopled.get("/api/pause").document


def test_the_cap_is_met_said_and_over_with_the_hour(peopled: Doors) -> None:
    peopled.settings = some_settings({"TIDEKEEPER_MUTATIONS_PER_HOUR": "1"})
    peopled.behind(peopled.rebuilt())
    peopled.clock.instant = peopled.clock.now().replace(minute=5) + timedelta(hours=1)
    path = peopled.accepted(UPGRADE)
    peopled.run(until=peopled.clock.now() + timedelta(minutes=30))
    view = peopled.shown(path)
    assert [step["state"] for step in view["plan"]["steps"]] == ["done", "waiting", "waiting"]
    assert "TIDEKEEPER_MUTATIONS_PER_HOUR" in view["progress"]["waiting_for"]
    ends_at = peopled.get("/api/pause").document["hour_ends_at"]
    assert view["progress"]["next_look_at"] == ends_at
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"


@pytest.mark.parametrize("query", ["reason=", f"reason={'x' * 501}", "why=so"])
def test_a_pause_that_is_asked_for_badly_pauses_nothing(peopled: Doors, query: str) -> None:
    answer = peopled.ask("POST", f"/api/pause?{query}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert peopled.get("/api/pause").document["paused"] is False

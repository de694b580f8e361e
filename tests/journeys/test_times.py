"""Requests that begin later, or not at all: `not_before` and `not_after`, through the doors."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Fault, Outcome
from shared.model.plans import ScalePool
from tests.builders import WEB
from tests.doors import SCALE, Doors

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def spoken(app: Doors, after: timedelta) -> str:
    return (app.clock.now() + after).isoformat()


@pytest.mark.parametrize("ahead", [HOUR, 30 * DAY], ids=["an hour", "longer than a message lives"])
def test_a_request_for_later_holds_no_cluster_and_begins_on_time(peopled: Doors, ahead: timedelta) -> None:
    due = peopled.clock.now() + ahead
    path = peopled.accepted({**SCALE, "not_before": due.isoformat()})
    peopled.settle()
    view = peopled.shown(path)
    assert (view["status"], view["queue_position"], view["plan"]) == ("scheduled", 0, None)
    assert view["progress"]["next_look_at"] == view["not_before"]
    now = peopled.accepted({**SCALE, "count": 3})
    peopled.run(until=peopled.clock.now() + timedelta(minutes=30))
    assert (peopled.shown(now)["status"], peopled.shown(path)["status"]) == ("succeeded", "scheduled")
    while peopled.clock.now() < due:
        assert peopled.shown(path)["status"] == "scheduled"
        peopled.run(until=min(peopled.clock.now() + DAY, due))
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    began = peopled.now(peopled.operations.load(path.rpartition("/")[2])).started_at  # type: ignore[arg-type]  # it is there
    assert began is not None
    assert due <= began <= due + timedelta(seconds=5)


def test_one_whose_wake_up_is_lost_begins_with_the_next_sweep(peopled: Doors) -> None:
    due = peopled.clock.now() + HOUR
    path = peopled.accepted({**SCALE, "not_before": due.isoformat()})
    peopled.settle()
    peopled.queues.clear()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert peopled.clock.now() < due + HOUR


def test_what_did_not_begin_in_time_expires_and_nothing_was_sent(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never"), times=1))
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    last = peopled.clock.now() + timedelta(minutes=20)
    path = peopled.accepted({**SCALE, "not_after": last.isoformat()})
    behind = peopled.accepted({**SCALE, "count": 3, "not_after": last.isoformat()})
    peopled.run()
    for place in (path, behind):
        view = peopled.shown(place)
        assert (view["status"], view["error"]["code"]) == ("expired", "expired")
    assert peopled.clock.now() < last + timedelta(minutes=15)
    assert not peopled.mutations()
    assert not peopled.operations.heads


def test_one_in_line_expires_though_the_first_goes_on(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never"), times=1))
    first = peopled.accepted(SCALE)
    last = peopled.clock.now() + timedelta(minutes=20)
    behind = peopled.accepted({**SCALE, "count": 3, "not_after": last.isoformat()})
    peopled.run(until=last + timedelta(minutes=6))
    assert (peopled.shown(first)["status"], peopled.shown(behind)["status"]) == ("running", "expired")


def test_what_is_so_already_is_done_when_its_time_comes_and_not_before(peopled: Doors) -> None:
    path = peopled.accepted({**SCALE, "count": 2, "not_before": spoken(peopled, HOUR)})
    assert peopled.shown(path)["status"] == "scheduled"
    peopled.run()
    view = peopled.get(f"{path}?history=true").document
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert [item["text"].partition(";")[0] for item in view["history"][:2]] == [
        "accepted",
        "first of its cluster",
    ]
    assert "its time has come" in view["history"][1]["text"]


def test_one_that_is_suspended_and_resumed_before_its_time_has_one_live_wake_up(peopled: Doors) -> None:
    path = peopled.accepted({**SCALE, "not_before": spoken(peopled, HOUR)})
    peopled.settle()
    peopled.ask("POST", f"{path}/suspend")
    peopled.ask("POST", f"{path}/resume")
    peopled.settle()
    operation = peopled.operations.load(path.rpartition("/")[2])
    assert operation is not None
    numbers = [json.loads(message.text)["wake"] for message in peopled.queues.all("operation-steps")]
    assert numbers.count(operation.wake) == 1


def test_what_began_in_time_goes_on(peopled: Doors) -> None:
    path = peopled.accepted({**SCALE, "not_after": spoken(peopled, timedelta(minutes=1))})
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("force_close", "failed"), ("suspend", "suspended")])
def test_a_scheduled_one_can_be_cancelled_closed_and_suspended(peopled: Doors, verb: str, status: str) -> None:
    path = peopled.accepted({**SCALE, "not_before": spoken(peopled, HOUR)})
    peopled.ask("POST", f"{path}/{verb}")
    peopled.run()
    peopled.clock.advance(2 * HOUR)
    peopled.sweep()
    peopled.settle()
    assert peopled.shown(path)["status"] == status
    assert not peopled.mutations()
    assert not peopled.operations.heads
    if verb == "suspend":
        peopled.ask("POST", f"{path}/resume")
        peopled.run()
        assert peopled.shown(path)["status"] == "succeeded"


def test_the_same_key_is_the_same_scheduled_operation_even_after_its_time(peopled: Doors) -> None:
    body = {**SCALE, "idempotency_key": "k", "not_before": spoken(peopled, HOUR), "not_after": spoken(peopled, 2 * HOUR)}
    first = peopled.accepted(body)
    assert peopled.accepted(body) == first
    peopled.run()
    peopled.clock.advance(DAY)
    again = peopled.post(body)
    assert (again.status, again.headers["location"]) == (200, first)


def bad(app: Doors) -> dict[str, tuple[dict[str, Any], int, str]]:
    return {
        "no zone": ({"not_before": "2026-11-23T20:00:00"}, 400, "no instant with a zone"),
        "a date": ({"not_after": "2026-11-23"}, 400, "no instant with a zone"),
        "no day": ({"not_after": "2026-02-30T20:00:00Z"}, 400, "no instant with a zone"),
        "the wrong way round": ({"not_before": spoken(app, DAY), "not_after": spoken(app, HOUR)}, 400, "not later than not_before"),
        "over": ({"not_after": spoken(app, -HOUR)}, 422, "already"),
        "too far": ({"not_before": spoken(app, 367 * DAY)}, 422, "more than 366 days ahead"),
    }


@pytest.mark.parametrize("case", ["no zone", "a date", "no day", "the wrong way round", "over", "too far"])
def test_times_that_cannot_be_are_refused_and_nothing_is_stored(peopled: Doors, case: str) -> None:
    times, status, words = bad(peopled)[case]
    for path in ("/api/operations", "/api/operations?plan_only=true"):
        answer = peopled.post({**SCALE, **times}, path=path)
        assert answer.status == status
        assert words in answer.detail
    assert not peopled.operations.opened


def test_a_plan_for_later_says_so_and_stores_nothing(peopled: Doors) -> None:
    shown = peopled.post({**SCALE, "not_before": spoken(peopled, HOUR)}, path="/api/operations?plan_only=true").document
    assert any("would wait until" in finding for finding in shown["findings"])
    assert not peopled.operations.opened

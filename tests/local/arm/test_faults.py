"""Scripted faults: who is hit, how often, what comes of it, and what the witness saw."""

import json
from datetime import timedelta

import pytest

from local.arm.faults import Answer, Effect, Fault, LostAnswer, Outcome, Reset, Silence, Slow, read_fault
from local.arm.wire import Drop, Reply, Request
from tests.local.arm.asking import CLUSTER, GROUP, START, USER, Asker, a_cluster, an_asker, code, state


def test_a_scripted_answer_has_either_shape_and_carries_nothing_out() -> None:
    asker = an_asker().with_group()
    asker.world.faults.add(Fault(method="PUT", effect=Answer(status=409, code="OperationNotAllowed", message="busy")))
    flat = asker.put(CLUSTER, a_cluster())
    assert (flat.status, flat.document["code"], flat.document["message"]) == (409, "OperationNotAllowed", "busy")
    asker.world.faults.add(Fault(effect=Answer(status=503, shape="gateway", headers={"Retry-After": "7"})))
    wrapped = asker.get(CLUSTER)
    assert (code(wrapped), wrapped.headers["retry-after"]) == ((503, "InternalServerError"), "7")
    asker.world.faults.add(Fault(effect=Answer(status=500, shape="empty")))
    empty = asker.get(CLUSTER)
    assert (empty.status, empty.body) == (500, b"")
    assert code(asker.get(CLUSTER)) == (404, "ResourceNotFound")


def test_a_fault_hits_only_its_method_and_path_after_skipping_and_then_no_more() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="GET", path="/managedclusters/web$", skip=1, times=2, effect=Answer(status=500)))
    statuses = [asker.get(CLUSTER).status for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert asker.get(GROUP).status == 200


def test_a_fault_without_an_end_hits_for_ever_until_the_script_is_cleared() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(path="managedClusters", times=None, effect=Answer(status=500)))
    assert {asker.get(CLUSTER).status for _ in range(10)} == {500}
    asker.world.faults.clear()
    assert asker.get(CLUSTER).status == 200


def test_of_two_due_faults_the_first_takes_the_request_and_the_second_the_next() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(effect=Answer(status=500)))
    asker.world.faults.add(Fault(effect=Answer(status=503)))
    assert [asker.get(CLUSTER).status for _ in range(3)] == [500, 503, 200]


@pytest.mark.parametrize(
    ("effect", "how", "applied"),
    [
        (Reset(), "reset", False),
        (LostAnswer(), "reset", True),
        (Silence(), "silence", False),
        (Silence(applied=True), "silence", True),
    ],
)
def test_a_dropped_connection_says_whether_the_request_took_effect_and_it_is_true(effect: Effect, how: str, *, applied: bool) -> None:
    asker = an_asker().with_group()
    asker.world.faults.add(Fault(method="PUT", delay=0.5, effect=effect))
    dropped = asker.raw("PUT", CLUSTER, a_cluster())
    assert dropped == Drop(how="reset" if how == "reset" else "silence", applied=applied, delay=0.5)
    assert (asker.get(CLUSTER).status == 200) is applied
    entry = asker.world.witness.entries[-2]
    assert (entry.status, entry.applied, entry.fault) == (None, applied, effect.kind)


def test_a_lost_answer_to_a_refused_request_did_not_take_effect() -> None:
    asker = an_asker().with_group()
    asker.world.faults.add(Fault(method="PUT", effect=LostAnswer()))
    dropped = asker.raw("PUT", CLUSTER, a_cluster(location="atlantis"))
    assert dropped == Drop(how="reset", applied=False)


def test_a_slow_answer_is_the_usual_one_later() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(effect=Slow(), delay=3.0))
    slow = asker.get(CLUSTER)
    assert (slow.status, slow.delay) == (200, 3.0)
    assert asker.get(CLUSTER).delay == 0


def test_an_outcome_belongs_to_the_one_operation_that_the_request_starts() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed")))
    asker.put(USER, {"properties": {"count": 5}})
    asker.later()
    assert state(asker.get(USER)) == "Failed"
    asker.put(USER, {"properties": {"count": 5}})
    asker.later()
    assert state(asker.get(USER)) == "Succeeded"


def test_faults_are_scripted_listed_and_cleared_by_the_simulators_own_routes() -> None:
    asker = an_asker().with_cluster()

    def own(method: str, path: str, body: object = None) -> Reply:
        content = b"" if body is None else json.dumps(body).encode()
        answer = asker.world.handle(Request(method=method, url=f"/_simulator{path}", body=content))
        assert isinstance(answer, Reply)
        return answer

    made = own("POST", "/faults", {"method": "GET", "path": "web", "times": 2, "effect": {"kind": "answer", "status": 500}})
    assert made.status == 201
    assert asker.get(CLUSTER).status == 500
    assert own("GET", "/faults").document["faults"][0]["seen"] == 1
    assert own("DELETE", "/faults").status == 204
    assert asker.get(CLUSTER).status == 200
    for wrong in ({}, {"effect": {"kind": "meteor"}}, {"effect": {"kind": "answer"}}, {"path": "(", "effect": {"kind": "reset"}}):
        assert own("POST", "/faults", wrong).status == 400
    assert own("GET", "/health").document["clusters"] == 1
    assert own("GET", "/nothing").status == 404
    assert own("GET", "/log?since=many").status == 400


@pytest.mark.parametrize("effect", [Slow(), Reset(), LostAnswer(), Silence(applied=True), Outcome(ends="never"), Answer(status=429)])
def test_every_effect_survives_the_trip_through_json(effect: Effect) -> None:
    asker = an_asker()
    fault = Fault(method="PUT", path="x", skip=1, times=None, delay=0.1, effect=effect)
    asker.world.faults.add(fault)
    listed = asker.world.faults.listing()[0]
    del listed["seen"]
    assert read_fault(json.dumps(listed).encode()) == fault


# --------------------------------------------------------------------------------------------------------- for chaos: when, how often


def statuses(asker: Asker, count: int) -> list[int]:
    return [asker.get(CLUSTER).status for _ in range(count)]


def test_a_burst_comes_again_and_again() -> None:
    asker = an_asker().with_cluster()
    asker.world.faults.add(Fault(skip=1, times=2, every=5, effect=Answer(status=503)))
    assert statuses(asker, 12) == [200, 503, 503, 200, 200, 200, 503, 503, 200, 200, 200, 503]


def test_an_outage_has_a_beginning_and_an_end_in_the_worlds_time_and_counts_only_in_between() -> None:
    asker = an_asker().with_cluster()
    begins = asker.clock.now + timedelta(minutes=10)
    fault = Fault(skip=1, times=None, starts_at=begins, ends_at=begins + timedelta(minutes=5), effect=Answer(status=503))
    asker.world.faults.add(fault)
    assert statuses(asker, 3) == [200, 200, 200]
    asker.clock.now = begins
    assert statuses(asker, 3) == [200, 503, 503]
    asker.clock.now = begins + timedelta(minutes=5, seconds=-1)
    assert statuses(asker, 1) == [503]
    asker.clock.now = begins + timedelta(minutes=5)
    assert statuses(asker, 2) == [200, 200]
    assert asker.world.faults.listing()[0]["seen"] == 4


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Answer(status=429), None),
        (Answer(status=429, headers={"Retry-After": "17"}), "17"),
        (Answer(status=429, headers={"Retry-After": "99999999999"}), "99999999999"),
        (Answer(status=429, headers={"Retry-After": "-1"}), "-1"),
        (Answer(status=429, headers={"Retry-After": "soon"}), "soon"),
        (Answer(status=429, headers={"Retry-After": ""}), ""),
        (Answer(status=429, retry_date=90), "Mon, 23 Nov 2026 12:02:30 GMT"),
        (Answer(status=429, retry_date=-3600, shape="gateway"), "Mon, 23 Nov 2026 11:01:00 GMT"),
        (Answer(status=503, retry_date=0, shape="empty"), "Mon, 23 Nov 2026 12:01:00 GMT"),
    ],
    ids=["missing", "seconds", "absurd", "negative", "words", "empty", "date", "date in the past", "date now"],
)
def test_retry_after_can_be_right_wrong_missing_or_a_date_in_the_worlds_time(wanted: Answer, expected: str | None) -> None:
    asker = an_asker().with_cluster()  # which takes a minute after noon
    asker.world.faults.add(Fault(effect=wanted))
    assert asker.get(CLUSTER).headers.get("retry-after") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": {"status": 500}},
        {"effect": {"kind": "answer", "status": 99}},
        {"effect": {"kind": "slow", "dealy": 3}},
        {"effect": {"kind": "reset"}, "methd": "PUT"},
        {"effect": {"kind": "reset"}, "times": -1},
        {"effect": {"kind": "reset"}, "skip": -1},
        {"effect": {"kind": "reset"}, "delay": -0.5},
        {"effect": {"kind": "reset"}, "every": 0},
        {"effect": {"kind": "reset"}, "times": 3, "every": 3},
        {"effect": {"kind": "reset"}, "times": None, "every": 3},
        {"effect": {"kind": "reset"}, "starts_at": "2026-11-23T12:00:00"},
    ],
)
def test_a_script_that_would_not_do_what_it_seems_to_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_fault(json.dumps(wrong).encode())


def test_windows_and_bursts_survive_the_trip_through_json() -> None:
    fault = Fault(times=2, every=5, starts_at=START, ends_at=START + timedelta(hours=1), effect=Answer(status=503, retry_date=5.0))
    asker = an_asker()
    asker.world.faults.add(fault)
    listed = asker.world.faults.listing()[0]
    del listed["seen"]
    assert read_fault(json.dumps(listed).encode()) == fault

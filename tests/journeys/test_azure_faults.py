"""Azure at its worst, door to door: every operation ends, with its reason, and no call is made that should not be."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Effect, Fault, LostAnswer, Outcome, Reset, Silence
from shared.rules.engine import GRACE
from shared.rules.pace import LOOKS
from shared.rules.planning.scale import SCALE_LIMIT
from tests.doors import CREATE, DELETE, REPLIES, SCALE, Doors

POLL, PUT_POOL = "/operations/", "/agentPools/"
MINUTES = timedelta(minutes=1)


def nodes(app: Doors) -> int:
    pool = app.there().pool("user")
    assert pool is not None
    return pool.count


def scaled(app: Doors, *faults: Fault) -> Any:
    """A scaling to five that meets faults only once it is accepted, and its page when all is over."""
    path = app.accepted(SCALE)
    for fault in faults:
        app.world.faults.add(fault)
    app.run()
    assert not app.failures
    assert not app.operations.opened
    assert not app.operations.heads
    return app.shown(path)


PASSING: dict[str, tuple[Fault, int]] = {
    "a burst of 503 at every look": (Fault(effect=Answer(status=503), times=8), 1),
    "a 500 for the call": (Fault(method="PUT", effect=Answer(status=500)), 2),
    "a 503 for the call": (Fault(method="PUT", effect=Answer(status=503, shape="empty")), 2),
    "a reset of the call": (Fault(method="PUT", effect=Reset()), 2),
    "a lost answer": (Fault(method="PUT", effect=LostAnswer()), 1),
    "silence for a call that was carried out": (Fault(method="PUT", effect=Silence(applied=True)), 1),
    "silence for a call that was not": (Fault(method="PUT", effect=Silence()), 2),
    "a 429 for the call": (Fault(method="PUT", effect=Answer(status=429), times=5), 6),
    "a 409 of somebody's": (
        Fault(method="PUT", effect=Answer(status=409, code="OperationNotAllowed", message="another operation is in progress"), times=4), 5,
    ),
    "an etag that differs": (Fault(method="PUT", effect=Answer(status=412, code="EtagMismatch")), 2),
    "resets of every poll": (Fault(path=POLL, effect=Reset(), times=5), 1),
    "500 at every poll": (Fault(path=POLL, effect=Answer(status=500), times=5), 1),
    "429 at every poll": (Fault(path=POLL, effect=Answer(status=429, headers={"Retry-After": "60"}), times=3), 1),
    "a status URL that is 404": (Fault(method="PUT", effect=Outcome(ends="Succeeded", lost=True)), 1),
    "a status URL that is gone": (Fault(path=POLL, effect=Answer(status=410, code="Gone"), times=None), 1),
    "a failure that a second call mends": (Fault(method="PUT", effect=Outcome(ends="Failed", code="SomethingNew")), 2),
    "two faults of Azure's own": (Fault(method="PUT", effect=Outcome(ends="Failed", code="InternalOperationError"), times=2), 3),
    "a poll that is no JSON": (Fault(path=POLL, effect=Answer(status=200, shape="empty")), 1),
}  # fmt: skip


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_waited_for_and_the_goal_is_reached(peopled: Doors, what: str) -> None:
    fault, calls = PASSING[what]
    view = scaled(peopled, fault)
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert nodes(peopled) == 5
    assert peopled.there().settled
    assert len(peopled.mutations()) == calls
    applied = [entry for entry in peopled.mutations() if entry.applied]
    assert len({entry.digest for entry in applied}) == 1


NEVER: Effect = Outcome(ends="never")
LASTING: dict[str, tuple[Fault, str, int]] = {
    "no right to it": (Fault(method="PUT", effect=Answer(status=403, code="AuthorizationFailed")), "azure_forbidden", 1),
    "no token that is taken": (Fault(effect=Answer(status=401), times=None), "azure_forbidden", 0),
    "a request that Azure refuses": (Fault(method="PUT", effect=Answer(status=400, code="BadRequest", message="no")), "azure_refused", 1),
    "no quota": (Fault(method="PUT", effect=Answer(status=400, code="QuotaExceeded", message="no")), "out_of_capacity", 1),
    "no quota, found out later": (Fault(method="PUT", effect=Outcome(ends="Failed", code="QuotaExceeded")), "out_of_capacity", 1),
    "a drain that is blocked": (
        Fault(method="PUT", effect=Outcome(ends="Failed", code="PodDrainFailure", message="pdb web/web-pdb")), "drain_blocked", 1,
    ),
    "a failure that nothing mends": (
        Fault(method="PUT", effect=Outcome(ends="Failed", code="SomethingNew"), times=None), "azure_failed", 2,
    ),
    "faults of Azure's own without end": (
        Fault(method="PUT", effect=Outcome(ends="Failed", code="InternalOperationError"), times=None), "azure_fault", 3,
    ),
    "somebody's abort": (Fault(method="PUT", effect=Outcome(ends="Canceled")), "cancelled_externally", 1),
    "an operation that never ends": (Fault(method="PUT", effect=NEVER), "still_running_in_azure", 1),
    "throttling without end": (Fault(method="PUT", effect=Answer(status=429), times=None), "timed_out", -1),
    "resets without end": (Fault(effect=Reset(), times=None), "timed_out", 0),
    "silence without end": (Fault(effect=Silence(), times=None), "timed_out", 0),
    "503 without end": (Fault(effect=Answer(status=503), times=None), "timed_out", 0),
    "resets of the call without end": (Fault(method="PUT", effect=Reset(), times=None), "timed_out", -1),
}  # fmt: skip


@pytest.mark.parametrize("what", LASTING)
def test_what_lasts_ends_the_operation_with_its_reason_in_bounded_time(peopled: Doors, what: str) -> None:
    (fault, code, calls), began = LASTING[what], peopled.clock.now()
    view = scaled(peopled, fault)
    assert (view["status"], view["error"]["code"]) == ("failed", code)
    assert view["error"]["message"]
    assert peopled.clock.now() - began <= SCALE_LIMIT + 10 * MINUTES
    if calls >= 0:
        assert len(peopled.mutations()) == calls
    else:
        assert len(peopled.mutations()) <= 25  # AKS grants a pool 20 at once and one a minute


def test_azures_own_word_is_kept_beside_ours(peopled: Doors) -> None:
    view = scaled(peopled, Fault(method="PUT", effect=Answer(status=403, code="AuthorizationFailed", message="may not write agentPools")))
    assert view["error"]["azure_code"] == "AuthorizationFailed"
    assert "may not write agentPools" in view["error"]["message"]


def test_azure_that_never_answers_again_ends_a_creation_at_its_first_look_and_skips_the_rest(app: Doors) -> None:
    path = app.accepted(CREATE)
    app.world.faults.add(Fault(effect=Silence(), times=None))
    app.run()
    view = app.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "timed_out")
    assert [step["state"] for step in view["plan"]["steps"]] == ["failed", "skipped", "skipped"]
    assert not app.mutations()


def test_azure_that_is_silent_from_the_middle_on_ends_an_operation_too(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.world.faults.add(Fault(effect=Silence(), times=None))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "timed_out")
    assert peopled.clock.now() - datetime.fromisoformat(view["created_at"]) < SCALE_LIMIT + GRACE
    assert len(peopled.mutations()) == 1


def test_one_that_waits_in_line_cannot_be_planned_for_ever(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    waiting = peopled.accepted({**SCALE, "count": 3})
    peopled.world.faults.add(Fault(effect=Silence(), times=None))
    peopled.run()
    view = peopled.shown(waiting)
    assert (view["status"], view["error"]["code"], view["plan"]) == ("failed", "timed_out", None)
    assert not peopled.mutations()


def test_after_a_failure_the_next_in_line_goes_on(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    second = peopled.accepted({**SCALE, "count": 3})
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=403, code="AuthorizationFailed")))
    peopled.run()
    assert peopled.shown(second)["status"] == "succeeded"
    assert nodes(peopled) == 3


def test_a_failed_step_tells_the_sender_what_and_why(peopled: Doors) -> None:
    peopled.send({**SCALE, "reply_to": REPLIES, "correlation": "c"})
    peopled.take()
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=400, code="BadRequest", message="not so")))
    peopled.run()
    last = peopled.replies()[-1]
    assert (last["event"], last["status"], last["code"], last["correlation"]) == ("ended", "failed", "azure_refused", "c")
    assert "not so" in last["detail"]


# ---- what Azure says about when to come back


WAITS: dict[str, tuple[dict[str, str], timedelta, timedelta]] = {
    "seconds": ({"Retry-After": "120"}, 120 * timedelta(seconds=1), 151 * timedelta(seconds=1)),
    "a date": (
        {"Retry-After": "Mon, 23 Nov 2026 09:05:00 GMT", "Date": "Mon, 23 Nov 2026 09:03:00 GMT"}, 2 * MINUTES, 3 * MINUTES,
    ),
    "a whole day": ({"Retry-After": "86400"}, 5 * MINUTES, 6 * MINUTES),
    "at once": ({"Retry-After": "0"}, timedelta(seconds=5), MINUTES),
    "nothing": ({}, timedelta(seconds=30), MINUTES),
    "nonsense": ({"Retry-After": "soon"}, timedelta(seconds=30), MINUTES),
}  # fmt: skip


@pytest.mark.parametrize("what", WAITS)
def test_a_429s_retry_after_is_honoured_within_bounds(peopled: Doors, what: str) -> None:
    headers, least, most = WAITS[what]
    view = scaled(peopled, Fault(method="PUT", effect=Answer(status=429, code="TooManyRequests", headers=headers)))
    assert view["status"] == "succeeded"
    first, second = (datetime.fromisoformat(entry.at) for entry in peopled.mutations())
    assert least <= second - first <= most


@pytest.mark.parametrize("what", ["seconds", "a whole day"])
@pytest.mark.parametrize("place", ["managedClusters/web$", POLL], ids=["a look", "a poll"])
def test_a_429_of_a_read_is_honoured_as_well(peopled: Doors, place: str, what: str) -> None:
    headers, least, most = WAITS[what]
    view = scaled(peopled, Fault(method="GET", path=place, effect=Answer(status=429, code="TooManyRequests", headers=headers)))
    assert (view["status"], len(peopled.mutations())) == ("succeeded", 1)
    reads = [entry for entry in peopled.world.witness.entries if entry.method == "GET" and re.search(place, entry.path.partition("?")[0])]
    refused = next(n for n, entry in enumerate(reads) if entry.status == 429)
    first, second = (datetime.fromisoformat(entry.at) for entry in reads[refused : refused + 2])
    assert least <= second - first <= most


def test_azures_retry_after_is_no_reason_to_ask_of_another_cluster_later(peopled: Doors) -> None:
    from shared.model.clusters import ClusterRef
    from tests.builders import SUBSCRIPTION

    peopled.put_cluster(ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab"))
    throttled, other = peopled.accepted(SCALE), peopled.accepted({**SCALE, "cluster": "test-rg/lab"})
    began = peopled.clock.now()
    peopled.world.faults.add(Fault(method="PUT", path="prod-rg", effect=Answer(status=429, headers={"Retry-After": "300"}), times=5))
    peopled.run()
    assert peopled.shown(throttled)["status"] == peopled.shown(other)["status"] == "succeeded"
    assert datetime.fromisoformat(peopled.shown(other)["ended_at"]) - began < peopled.takes + MINUTES


def test_polls_are_neither_hot_nor_asleep(peopled: Doors) -> None:
    scaled(peopled)
    entries = peopled.world.witness.entries
    taken = next(datetime.fromisoformat(entry.at) for entry in reversed(entries) if entry.method == "PUT")
    polls = [datetime.fromisoformat(entry.at) - taken for entry in entries if POLL in entry.path]
    # It takes three minutes, and is asked after only when scalings are known to end.
    assert polls == [timedelta(seconds=look) for look in LOOKS["scale_pool"] if look <= 180]


def test_a_deletion_survives_a_lost_answer(peopled: Doors) -> None:
    path = peopled.accepted(DELETE)
    peopled.world.faults.add(Fault(method="DELETE", effect=LostAnswer()))
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert peopled.gone()


def test_a_creation_survives_a_lost_answer_at_each_of_its_calls(app: Doors) -> None:
    path = app.accepted(CREATE)
    app.world.faults.add(Fault(method="PUT", effect=LostAnswer(), times=2))
    app.run()
    assert app.shown(path)["status"] == "succeeded"
    assert len([entry for entry in app.mutations() if entry.applied]) == 2

"""Our own faults: what cannot be processed becomes a letter and a call for attention, goes on when it can, and always ends."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, NewerSchema
from shared.rules.engine import DRAW_LIMIT, GRACE
from shared.rules.planning.scale import SCALE_LIMIT
from tests.builders import SUBSCRIPTION
from tests.doors import REPLIES, SCALE, STEPS, Doors
from tests.faulty import AWAY, Calls, Faulty
from tests.pump import Died

LAB = ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name="lab")
ASKED = {**SCALE, "reply_to": REPLIES, "correlation": "c"}


def raising(fault: BaseException) -> Callable[..., Any]:
    def call(*_: object, **__: object) -> Any:
        raise fault

    return call


BUG = RuntimeError("a bug of ours")


def broken(app: Doors, *names: str, fault: BaseException = BUG) -> None:
    """From now on these calls of the ports raise."""
    around = dict.fromkeys(names, raising(fault))
    clusters: Any = Faulty(app.clusters, Calls(), around=around)
    operations: Any = Faulty(app.operations, Calls(), around=around)
    app.behind(app.rebuilt(clusters=clusters, operations=operations))


def mended(app: Doors) -> None:
    app.behind(app.rebuilt())


def the_path(app: Doors) -> str:
    (name,) = app.operations.operations
    return f"/api/operations/{name}"


def test_a_wake_up_that_always_fails_becomes_a_letter_and_a_call_for_attention(peopled: Doors) -> None:
    peopled.send(ASKED)
    peopled.take()
    broken(peopled, "look")
    peopled.run(until=peopled.clock.now() + timedelta(minutes=4))
    assert peopled.failures == ["steps_advance: RuntimeError: a bug of ours"] * 5
    ((identifier, letter),) = peopled.letters.filed.items()
    view = peopled.shown(the_path(peopled))
    assert (letter.queue, letter.operation) == (STEPS, view["id"])
    assert (view["status"], view["error"]["code"]) == ("needs_attention", "poisoned")
    assert identifier in view["error"]["message"]
    assert peopled.get(the_path(peopled)).status == 202
    assert [(reply["event"], reply["status"]) for reply in peopled.replies()] == [
        ("accepted", "running"),
        ("needs_attention", "needs_attention"),
    ]
    assert [item["id"] for item in peopled.get("/api/operations?status=needs_attention").document["operations"]] == [view["id"]]
    assert not peopled.mutations()


def test_it_goes_on_when_the_fault_has_stopped(peopled: Doors) -> None:
    peopled.send(ASKED)
    peopled.take()
    broken(peopled, "look")
    peopled.run(until=peopled.clock.now() + timedelta(minutes=10))
    mended(peopled)
    peopled.run()
    view = peopled.shown(the_path(peopled))
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert [reply["event"] for reply in peopled.replies()] == ["accepted", "needs_attention", "started", "ended"]
    assert len(peopled.mutations()) == 1


def test_one_that_never_recovers_ends_as_stuck(peopled: Doors) -> None:
    path, began = peopled.accepted(SCALE), peopled.clock.now()
    broken(peopled, "look")
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "stuck")
    assert peopled.clock.now() - began <= SCALE_LIMIT + GRACE + timedelta(minutes=30)
    assert not peopled.operations.heads
    assert not peopled.operations.opened
    assert not peopled.mutations()


def test_one_that_can_never_be_planned_ends_as_stuck(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    waiting, began = peopled.accepted({**SCALE, "count": 3}), peopled.clock.now()
    peopled.run(until=began + timedelta(seconds=20))
    peopled.cancel(peopled.get("/api/operations?status=running").document["operations"][0]["links"]["self"])
    broken(peopled, "cluster")
    peopled.run()
    view = peopled.shown(waiting)
    assert (view["status"], view["plan"]) == ("failed", None)
    assert view["error"]["code"] == "stuck"
    assert peopled.clock.now() - began <= DRAW_LIMIT + GRACE + timedelta(minutes=30)


def test_one_that_is_stuck_holds_up_no_other_cluster(peopled: Doors) -> None:
    peopled.put_cluster(LAB)
    stuck, other = peopled.accepted(SCALE), peopled.accepted({**SCALE, "cluster": "test-rg/lab"})

    def only_web(ref: ClusterRef, *rest: Any) -> Any:
        if ref.name == "web":
            raise BUG
        return peopled.clusters.look(ref, *rest)

    clusters: Any = Faulty(peopled.clusters, Calls(), around={"look": only_web})
    peopled.behind(peopled.rebuilt(clusters=clusters))
    began = peopled.clock.now()
    peopled.run(until=began + timedelta(minutes=6))
    assert peopled.shown(other)["status"] == "succeeded"
    assert peopled.shown(stuck)["status"] == "needs_attention"


def test_no_call_is_made_before_its_claim_is_stored(peopled: Doors) -> None:
    name = peopled.accepted(SCALE).rpartition("/")[2]
    seen: list[tuple[str, ...]] = []

    def watched(*arguments: Any) -> Any:
        seen.append(tuple(state.state for state in peopled.operations.operations[name].states))
        return peopled.clusters.attempt(*arguments)

    clusters: Any = Faulty(peopled.clusters, Calls(), around={"attempt": watched})
    peopled.behind(peopled.rebuilt(clusters=clusters))
    peopled.run()
    assert seen == [("starting",)]


def test_a_fault_after_the_claim_never_sends_twice(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    real = peopled.clusters.attempt

    def sends_then_fails(*arguments: Any) -> Any:
        real(*arguments)
        raise BUG

    clusters: Any = Faulty(peopled.clusters, Calls(), around={"attempt": sends_then_fails})
    peopled.behind(peopled.rebuilt(clusters=clusters))
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert len([entry for entry in peopled.mutations() if entry.applied]) == 1


@pytest.mark.parametrize("name", ["head", "commit", "load", "journal", "forget"])
def test_storage_away_for_a_while_fails_no_operation(peopled: Doors, name: str) -> None:
    path = peopled.accepted(SCALE)
    broken(peopled, name, fault=CallFailed(AWAY))
    peopled.run(until=peopled.clock.now() + timedelta(minutes=10))
    mended(peopled)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert len([entry for entry in peopled.mutations() if entry.applied]) == 1
    assert not peopled.operations.opened


def test_an_outage_of_ours_longer_than_an_operations_time_ends_it_only_after_azure_was_asked(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    broken(peopled, "head", fault=CallFailed(AWAY))
    peopled.run(until=peopled.clock.now() + SCALE_LIMIT + GRACE + timedelta(hours=1))
    mended(peopled)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert len(peopled.mutations()) == 1


def test_a_worker_that_dies_leaves_its_message_for_another(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    broken(peopled, "attempt", fault=Died())
    peopled.settle()
    mended(peopled)
    (message,) = peopled.queues.all(STEPS)
    assert message.visible_at - peopled.clock.now() == timedelta(minutes=10)
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert not peopled.letters.filed


def test_wake_ups_that_were_all_lost_are_sent_again_by_the_sweep(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    lost = peopled.queues.receive(heard=frozenset({STEPS}))
    assert lost is not None
    assert peopled.next_message_at() is None
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"


def test_a_row_of_newer_code_is_left_for_newer_code(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    before = peopled.kept()
    broken(peopled, "head", "load", fault=NewerSchema())
    peopled.run(until=peopled.clock.now() + timedelta(hours=3))
    after = peopled.kept()
    unchanged = ("heads", "operations", "events", "open", "journal", "mutations")
    assert [after[name] for name in unchanged] == [before[name] for name in unchanged]
    assert all("NewerSchema" in failure or failure.startswith("sweep_open: ExceptionGroup") for failure in peopled.failures)
    mended(peopled)
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"


def test_a_row_that_somebody_removed_by_hand_ends_quietly(peopled: Doors) -> None:
    name = peopled.accepted(SCALE).rpartition("/")[2]
    peopled.operations.heads.clear()
    peopled.operations.operations.clear()
    peopled.run()
    assert not peopled.mutations()
    assert not peopled.failures
    assert not peopled.operations.opened
    assert peopled.get(f"/api/operations/{name}").status == 404


def test_a_reply_that_cannot_be_sent_stops_nothing_for_ever(peopled: Doors) -> None:
    peopled.send(ASKED)
    peopled.take()

    class Mute:
        def say(self, *_: object) -> None:
            raise CallFailed(AWAY)

    peopled.behind(peopled.rebuilt(announcer=Mute()))
    peopled.run(until=peopled.clock.now() + timedelta(minutes=20))
    mended(peopled)
    peopled.run()
    assert peopled.shown(the_path(peopled))["status"] == "succeeded"
    assert [reply["event"] for reply in peopled.replies()][-1] == "ended"
    assert not peopled.operations.opened

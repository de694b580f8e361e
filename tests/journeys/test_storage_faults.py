"""Storage and messages at their worst, door to door: nothing is sent without its claim, nothing is sent twice, and everything goes on."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters import codec
from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed
from shared.work.submit import MOST_WAITING, TRY_LATER
from tests.builders import SUBSCRIPTION
from tests.doors import REPLIES, SCALE, STEPS, Doors, Message, doors
from tests.faulty import AWAY

MINUTES = timedelta(minutes=1)
OTHERS = [ClusterRef(subscription=SUBSCRIPTION, group="test-rg", name=name) for name in ("lab", "bench")]
ASKED = {**SCALE, "reply_to": REPLIES, "correlation": "c"}
MOMENTS = {"before the first wake-up": timedelta(0), "while Azure is at work": 1 * MINUTES, "when Azure has just ended": 3 * MINUTES}


class Away:
    """A port of a storage that answers 503 to everything."""

    def __getattr__(self, name: str) -> Any:
        def call(*_: object, **__: object) -> Any:
            raise CallFailed(AWAY)

        return call


def without_storage(app: Doors, spell: timedelta) -> None:
    """Storage answers nothing at all for a while."""
    away: Any = Away()
    app.behind(app.rebuilt(operations=away, wakes=away, announcer=away, letters=away, acting=away))
    app.run(until=app.clock.now() + spell)
    app.behind(app.rebuilt())


def the_path(app: Doors) -> str:
    (name,) = app.operations.operations
    return f"/api/operations/{name}"


def left(app: Doors) -> list[object]:
    """What only an open operation may have."""
    return [*app.operations.opened, *app.operations.heads, *wakes(app)]


def live(app: Doors, path: str) -> int:
    """How many messages there are that would move the operation."""
    operation = app.operations.load(path.rpartition("/")[2])
    return sum(operation is not None and json.loads(message.text)["wake"] == operation.wake for message in wakes(app))


def wakes(app: Doors) -> list[Message]:
    return app.queues.all(STEPS)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_storage_that_is_away_for_ten_minutes_fails_no_operation_and_nothing_is_sent_meanwhile(peopled: Doors, moment: str) -> None:
    peopled.send(ASKED)
    peopled.take()
    peopled.run(until=peopled.clock.now() + MOMENTS[moment])
    sent = len(peopled.mutations())
    without_storage(peopled, 10 * MINUTES)
    assert len(peopled.mutations()) == sent
    peopled.run()
    view = peopled.get(f"{the_path(peopled)}?history=true").document
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert len(peopled.mutations()) == 1
    assert [event["n"] for event in view["history"]] == [*range(1, len(view["history"]) + 1)]
    assert peopled.replies()[-1]["event"] == "ended"
    assert left(peopled) == []


# ---- a message that the host cannot delete, though all went well


@pytest.mark.parametrize("number", range(8))
def test_a_message_that_is_not_deleted_comes_again_and_changes_nothing(number: int) -> None:
    """The host's delete is refused with 400 after the message's work was done, so the message is visible again when its lease ends."""
    with doors(takes=timedelta(minutes=25)) as app:
        app.put_cluster()
        path, delivered, most = app.accepted(SCALE), 0, 0
        while app.shown(path)["status"] == "running":
            before = wakes(app)
            if not app.take():
                app.turn()
                continue
            done = next((message for message in before if message not in wakes(app)), None)
            if done is not None and delivered == number:
                app.queues.put_back(STEPS, done, after=10 * MINUTES)
            delivered += 1
            most = max(most, live(app, path))
        app.run()
        assert delivered > number
        assert most <= 2
        assert (app.shown(path)["status"], len(app.mutations())) == ("succeeded", 1)
        assert (wakes(app), app.failures, dict(app.letters.filed)) == ([], [], {})


def test_a_doubled_chain_is_one_again_however_long_nothing_changes() -> None:
    with doors(takes=timedelta(minutes=50)) as app:
        app.put_cluster()
        path = app.accepted(SCALE)
        app.settle()
        (own,) = wakes(app)
        app.send(own.text, queue=STEPS)
        app.settle()
        assert [message.text for message in wakes(app)] == [own.text] * 2
        app.run(until=app.clock.now() + 25 * MINUTES)
        assert (live(app, path), len(wakes(app))) == (1, 1)


def test_polling_for_hours_is_no_poison() -> None:
    with doors(takes=timedelta(minutes=50)) as app:
        app.put_cluster()
        path, polls, dequeues = app.accepted(SCALE), 0, 0
        while app.shown(path)["status"] == "running":
            dequeues = max(dequeues, *(message.dequeues for message in wakes(app)), 0)
            polls += app.turn()
        assert polls > 12
        assert dequeues <= 1
        assert (app.shown(path)["status"], app.failures, dict(app.letters.filed)) == ("succeeded", [], {})


# ---- what an operator does to queues and tables by hand


def test_queues_that_are_emptied_stop_no_operation_wherever_it_is(peopled: Doors) -> None:
    for ref in OTHERS:
        peopled.put_cluster(ref)
    running, behind = peopled.accepted(SCALE), peopled.accepted({**SCALE, "count": 3})
    peopled.settle()
    fresh = peopled.accepted({**SCALE, "cluster": "test-rg/lab"})
    later = peopled.accepted({**SCALE, "cluster": "test-rg/bench", "not_before": (peopled.clock.now() + 30 * MINUTES).isoformat()})
    peopled.queues.clear()
    began = peopled.clock.now()
    peopled.run()
    assert [peopled.shown(path)["status"] for path in (running, behind, fresh, later)] == ["succeeded"] * 4
    assert peopled.clock.now() - began < timedelta(minutes=90)
    assert len(peopled.mutations()) == 4


@pytest.mark.parametrize("rows", ["heads", "operations", "both"])
def test_rows_that_are_deleted_by_hand_in_the_middle_make_nothing_happen_twice(
    peopled: Doors, rows: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The head decides; the operation's own row is a copy that the next save writes again. Without either there is no operation."""
    path = peopled.accepted(SCALE)
    peopled.settle()
    if rows != "operations":
        peopled.operations.heads.clear()
    if rows != "heads":
        peopled.operations.operations.clear()
    peopled.run()
    assert len(peopled.mutations()) == 1
    assert not peopled.failures
    assert left(peopled) == []
    if rows == "both":
        assert peopled.get(path).status == 404
        assert '"event":"wake_orphaned"' in caplog.text
    else:
        assert peopled.shown(path)["status"] == "succeeded"


def test_a_copy_that_is_deleted_by_hand_does_not_let_the_cluster_be_held_for_ever(peopled: Doors) -> None:
    """Its wake-up is lost as well, and by the next sweep it is older than any acceptance lasts."""
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.operations.operations.clear()
    peopled.queues.clear()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert not peopled.operations.heads
    assert len(peopled.mutations()) == 1


@pytest.mark.parametrize("rows", ["opened", "keys"])
def test_other_rows_that_are_deleted_by_hand_are_missed_by_nobody(peopled: Doors, rows: str) -> None:
    path = peopled.accepted({**SCALE, "idempotency_key": "k"})
    peopled.settle()
    getattr(peopled.operations, rows).clear()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert len(peopled.mutations()) == 1


# ---- what grows


def test_a_hundred_in_line_are_served_in_order_and_the_next_is_put_off(peopled: Doors) -> None:
    paths = [peopled.accepted({**SCALE, "count": 3 + n % 2}) for n in range(MOST_WAITING + 1)]
    refused = peopled.post({**SCALE, "count": 9})
    assert (refused.status, refused.code) == (429, "throttled")
    assert int(refused.headers["retry-after"]) == TRY_LATER.total_seconds()
    (stored,) = peopled.operations.heads.values()
    codec.head_properties(stored.head)
    while peopled.operations.heads:
        peopled.run(until=peopled.clock.now() + timedelta(hours=3))
    views = [peopled.shown(path) for path in paths]
    assert {view["status"] for view in views} == {"succeeded"}
    assert [view["started_at"] for view in views] == sorted(view["started_at"] for view in views)

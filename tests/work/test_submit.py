"""Accepting: what is accepted, refused, replayed or made to wait, and what each leaves behind."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.answers import Preview, Taken
from shared.model.clusters import Absent
from shared.model.errors import CallFailed, Code, Refusal
from shared.model.operations import Operation, Status
from shared.model.requests import Delete, Request, Scale
from shared.work.submit import MOST_WAITING
from tests.builders import HTTP, QUEUE, WEB, a_create, a_spec, a_submission
from tests.faulty import AWAY, Calls, Faulty
from tests.pump import Pump


def _stored(pump: Pump) -> tuple[int, ...]:
    store = pump.operations
    return (len(store.heads), len(store.operations), len(store.opened), len(store.keys), len(pump.wakes.waiting))


FINAL: list[Request] = [
    Scale(pool="system", to=0),
    Scale(pool="user", to=1001),
    Delete(confirm="wbe"),
    a_create(pools=(a_spec(count=0),)),
]


@pytest.mark.parametrize("request_", FINAL)
def test_what_no_wait_can_make_possible_is_refused_even_where_others_wait_in_line(pump: Pump, request_: Request) -> None:
    pump.submit(a_submission(Scale(pool="user", to=5)))
    before = _stored(pump)
    refusal = pump.services.submit(a_submission(request_, key="k"))
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.IMPOSSIBLE
    assert _stored(pump) == before


def test_what_another_operation_may_make_possible_waits_its_turn_and_is_planned_then() -> None:
    pump = Pump()
    first = pump.submit(a_submission(a_create()))
    second = pump.submit(a_submission(Scale(pool="user", to=5)))
    assert second.status is Status.QUEUED
    assert second.plan is None
    pump.run()
    assert [pump.now(operation).status for operation in (first, second)] == [Status.SUCCEEDED, Status.SUCCEEDED]


def test_what_turns_out_impossible_when_its_turn_comes_fails_with_the_refusals_code(pump: Pump) -> None:
    pump.submit(a_submission(Delete(confirm="web")))
    late = pump.submit(a_submission(Scale(pool="user", to=5)))
    pump.run()
    ended = pump.now(late)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert ended.failure.code is Code.NOT_FOUND


def test_what_is_so_already_is_born_succeeded_only_on_an_idle_cluster(pump: Pump) -> None:
    born = pump.submit(a_submission(Scale(pool="user", to=2)))
    assert born.status is Status.SUCCEEDED
    assert not pump.operations.opened
    pump.submit(a_submission(Scale(pool="user", to=5)))
    waiting = pump.submit(a_submission(Scale(pool="user", to=2)))
    assert waiting.status is Status.QUEUED
    pump.run()
    cluster = pump.clusters.cluster(WEB)
    assert pump.now(waiting).status is Status.SUCCEEDED
    assert getattr(cluster, "pools")[1].count == 2  # noqa: B009 - the cluster is there


def test_one_that_is_born_ended_tells_its_sender_that_it_was_accepted_and_has_ended(pump: Pump) -> None:
    pump.submit(a_submission(Scale(pool="user", to=2), origin=QUEUE))
    assert [said["event"] for _, said in pump.announcer.said] == ["accepted", "ended"]


def test_the_same_key_is_the_same_operation_before_and_after_its_end(pump: Pump) -> None:
    submission = a_submission(key="k")
    first = pump.submit(submission)
    again = pump.services.submit(submission)
    assert isinstance(again, Taken)
    assert again.replayed
    assert again.operation.id == first.id
    pump.run()
    after = pump.services.submit(submission)
    assert isinstance(after, Taken)
    assert after.operation.status is Status.SUCCEEDED
    assert (
        len([entry for entry in pump.world.witness.entries if entry.method == "PUT" and entry.applied and "agentPools" in entry.path]) == 1
    )


def test_a_key_is_known_even_where_the_request_would_be_refused_now(pump: Pump) -> None:
    submission = a_submission(Delete(confirm="web", delete_resource_group=True), key="k")
    first = pump.submit(submission)
    pump.run()
    again = pump.services.submit(submission)
    assert isinstance(again, Taken)
    assert again.operation.id == first.id


def test_two_requests_with_one_key_whose_goal_holds_already_are_one_operation(pump: Pump) -> None:
    submission = a_submission(Scale(pool="user", to=2), key="k")
    others: list[object] = []

    def intend(operation: Operation) -> None:
        if not others:
            others.append(None)
            others.append(pump.services.submit(submission))
        pump.operations.intend(operation)

    mine = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"intend": intend})).submit(submission)
    assert isinstance(mine, Taken)
    assert mine.replayed
    assert isinstance(others[1], Taken)
    assert mine.operation == others[1].operation
    pump.run()
    assert not pump.operations.opened


def test_a_line_has_an_end_and_who_comes_too_late_leaves_nothing_behind(pump: Pump) -> None:
    for _ in range(MOST_WAITING + 1):
        pump.submit(a_submission())
    before = _stored(pump)
    refusal = pump.services.submit(a_submission())
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.THROTTLED
    assert refusal.retry_after is not None
    assert _stored(pump) == before


def test_a_key_is_known_even_where_azure_is_away(pump: Pump) -> None:
    submission = a_submission(key="k")
    first = pump.submit(submission)

    def no_answer(*_: object) -> None:
        raise CallFailed(AWAY)

    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"cluster": no_answer}))
    again = pump.services.submit(submission)
    assert isinstance(again, Taken)
    assert again.operation.id == first.id
    with pytest.raises(CallFailed):
        pump.services.submit(a_submission(key="another"))


def test_a_key_with_another_body_is_refused(pump: Pump) -> None:
    pump.submit(a_submission(key="k"))
    refusal = pump.services.submit(a_submission(Scale(pool="user", to=9), key="k"))
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.KEY_REUSED


def test_a_key_names_one_operation_even_across_clusters(pump: Pump) -> None:
    pump.submit(a_submission(key="k", digest="one body"))
    refusal = pump.services.submit(a_submission(a_create(), cluster=replace(WEB, name="other"), key="k", digest="another body"))
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.KEY_REUSED


def test_one_key_at_once_from_two_callers_is_one_operation(pump: Pump) -> None:
    """The second comes in while the first has bound the key and not yet written its operation."""
    submission = a_submission(key="k")
    inner: list[Taken | Refusal] = []
    other = pump.services

    def intending(*arguments: object) -> None:
        if not inner:
            inner.append(other.submit(submission))
        pump.operations.intend(*arguments)  # type: ignore[arg-type]

    mine = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"intend": intending}))
    outer = mine.submit(submission)
    assert isinstance(outer, Taken)
    (theirs,) = inner
    assert isinstance(theirs, Taken)
    assert outer.operation.id == theirs.operation.id
    pump.run()
    assert len(pump.operations.journalled) == 2  # the creation before, and this one


def test_positions_count_up_and_the_line_is_served_in_order(pump: Pump) -> None:
    taken = [pump.services.submit(a_submission(Scale(pool="user", to=count))) for count in (5, 6, 7)]
    assert [answer.position for answer in taken if isinstance(answer, Taken)] == [0, 1, 2]
    pump.run()
    ended = [pump.now(answer.operation) for answer in taken if isinstance(answer, Taken)]
    assert [operation.status for operation in ended] == [Status.SUCCEEDED] * 3
    assert ended[0].updated_at <= ended[1].updated_at <= ended[2].updated_at


def test_a_preview_stores_nothing_and_says_what_comes_first(pump: Pump) -> None:
    pump.submit(a_submission(Scale(pool="user", to=5)))
    before, mark = _stored(pump), len(pump.world.witness.entries)
    preview = pump.services.preview(a_submission(Scale(pool="user", to=9)))
    assert isinstance(preview, Preview)
    assert not preview.already_so
    assert "comes first" in preview.findings[0]
    assert _stored(pump) == before
    assert not [entry for entry in pump.world.witness.entries[mark:] if entry.method != "GET"]


def test_an_idle_cluster_is_accepted_with_three_writes_and_no_read_of_storage(pump: Pump) -> None:
    calls = Calls()
    ports = (Faulty(pump.operations, calls), Faulty(pump.wakes, calls))
    pump.services = pump.rebuilt(operations=ports[0], wakes=ports[1])
    pump.submit(a_submission())
    assert calls.made == ["MemoryOperations.intend", "MemoryOperations.commit", "MemoryWakes.send"]


def test_a_bot_hears_accepted_before_anything_else(pump: Pump) -> None:
    pump.submit(a_submission(origin=QUEUE))
    pump.run()
    pump.clock.advance(timedelta(minutes=1))
    assert [said["event"] for _, said in pump.announcer.said] == ["accepted", "started", "ended"]
    assert {said["correlation"] for _, said in pump.announcer.said} == {"c-1"}


def test_a_preview_of_what_must_wait_says_what_stands_in_the_way_as_submitting_would_accept_it() -> None:
    pump = Pump()
    pump.submit(a_submission(a_create()))
    preview = pump.services.preview(a_submission(Scale(pool="user", to=9)))
    assert isinstance(preview, Preview)
    assert preview.plan is None
    assert preview.findings[0] == "as things stand it is not possible: cluster prod-rg/web does not exist"
    assert isinstance(pump.services.submit(a_submission(Scale(pool="user", to=9))), Taken)


def test_a_group_is_not_deleted_while_another_cluster_is_in_it(pump: Pump) -> None:
    pump.submit(a_submission(a_create(), cluster=replace(WEB, name="other")))
    pump.run()
    refusal = pump.services.submit(a_submission(Delete(confirm="web", delete_resource_group=True)))
    assert isinstance(refusal, Refusal)
    assert "holds other besides web" in refusal.message
    pump.submit(a_submission(Delete(confirm="other"), cluster=replace(WEB, name="other")))
    pump.run()
    assert isinstance(pump.services.submit(a_submission(Delete(confirm="web", delete_resource_group=True))), Taken)


def test_a_cluster_that_came_into_the_group_after_the_plan_saves_the_group(pump: Pump) -> None:
    both = pump.submit(a_submission(Delete(confirm="web", delete_resource_group=True)))
    pump.submit(a_submission(a_create(), cluster=replace(WEB, name="late")))
    pump.run()
    ended = pump.now(both)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert "holds late, which nobody asked to delete" in ended.failure.message
    assert not isinstance(pump.clusters.cluster(replace(WEB, name="late")), Absent)


def test_a_subscription_that_cannot_be_listed_does_not_hide_the_others(pump: Pump) -> None:
    away = "00000000-0000-0000-0000-000000000009"
    pump.services.settings = replace(pump.services.settings, subscriptions=frozenset({*pump.services.settings.subscriptions, away}))
    found, failed = pump.services.clusters(HTTP)
    assert [(cluster.ref.name, operation) for cluster, operation in found] == [("web", None)]
    assert set(failed) == {away}


def test_the_list_of_clusters_says_which_operation_holds_each(pump: Pump) -> None:
    first = pump.submit(a_submission(Scale(pool="user", to=5)))
    pump.clock.advance(timedelta(seconds=1))
    pump.submit(a_submission(Scale(pool="user", to=6)))
    found, _ = pump.services.clusters(HTTP)
    assert [operation for _, operation in found] == [first.id]
    pump.run()
    found, _ = pump.services.clusters(HTTP)
    assert [operation for _, operation in found] == [None]

"""The `Operations` port's lists: what is on a page, in which order, and where the next one goes on."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.model.clusters import ClusterRef
from shared.model.errors import Code, Failure
from shared.model.listing import Summary
from shared.model.operations import Failed, Operation, Status
from shared.model.requests import Delete, Door
from shared.ports import Operations
from tests.builders import QUEUE
from tests.contract.storing import MINUTE, a_noon, a_ref, all_pages, begun, change, ended, items_of, one, query_of

DAY = timedelta(days=1)


def kept(operations: Operations, operation: Operation) -> Operation:
    """An ended operation, as the end of one leaves it: its row, its history and its line in the journal."""
    operations.commit(None, None, (change(operation),))
    operations.journal(operation)
    return operation


def opened(operations: Operations, at: datetime, ref: ClusterRef | None = None) -> Operation:
    """An open operation, as accepting leaves it."""
    operation = one(ref or a_ref(), at)
    operations.intend(operation)
    begun(operations, operation)
    return operation


def many_ended(operations: Operations, ref: ClusterRef | None, at: datetime, number: int, every: timedelta = MINUTE) -> list[Operation]:
    """So many ended operations of one cluster (or of one each), the newest first."""
    made = [kept(operations, ended(one(ref or a_ref(), at + n * every))) for n in range(number)]
    return list(reversed(made))


def ids(summaries: list[Summary]) -> list[str]:
    return [summary.id for summary in summaries]


def names(made: list[Operation]) -> list[str]:
    return [operation.id for operation in made]


def test_a_summary_says_what_the_operation_does(operations: Operations) -> None:
    at = a_noon()
    failure = Failure(code=Code.OUT_OF_CAPACITY, message="no room")
    failed = replace(one(a_ref(), at, origin=QUEUE, states=(Failed(since=at, ended_at=at, failure=failure),)), updated_at=at + MINUTE)
    kept(operations, failed)
    wanted = Summary(
        id=failed.id,
        cluster=failed.cluster,
        action="scale",
        door=Door.QUEUE,
        status=Status.FAILED,
        created_at=at,
        updated_at=at + MINUTE,
        because="a test wants it",
        code=Code.OUT_OF_CAPACITY,
    )
    assert items_of(all_pages(operations, query_of(at, cluster=failed.cluster))) == [wanted]
    assert items_of(all_pages(operations, query_of(at))) == [wanted]


def test_a_clusters_list_has_its_own_operations_newest_first_open_ones_too(operations: Operations) -> None:
    at, ref = a_noon(), a_ref()
    made = many_ended(operations, ref, at, 5)
    current = opened(operations, at + DAY, ref)
    many_ended(operations, a_ref(), at, 2)
    assert ids(items_of(all_pages(operations, query_of(at, cluster=ref)))) == [current.id, *names(made)]


def test_a_list_has_the_open_ones_first_and_then_each_day_newest_first(operations: Operations) -> None:
    at = a_noon()
    made = many_ended(operations, None, at - 2 * DAY, 10, every=timedelta(hours=7))
    current = [opened(operations, at + n * MINUTE) for n in range(3)]
    assert ids(items_of(all_pages(operations, query_of(at)))) == [*names(list(reversed(current))), *names(made)]


@pytest.mark.parametrize("top", [1, 2, 3, 5, 7, 50])
def test_pages_of_any_size_have_everything_once_and_in_order(operations: Operations, top: int) -> None:
    at = a_noon()
    ref = a_ref()
    made = many_ended(operations, ref, at - 2 * DAY, 7, every=timedelta(hours=9))
    current = [opened(operations, at + n * MINUTE) for n in range(3)]
    of_all = all_pages(operations, query_of(at, top=top))
    assert ids(items_of(of_all)) == [*names(list(reversed(current))), *names(made)]
    of_cluster = all_pages(operations, query_of(at, top=top, cluster=ref))
    assert ids(items_of(of_cluster)) == names(made)
    assert all(len(page.items) <= top for page in of_all + of_cluster)


def test_a_token_goes_on_after_what_was_seen_even_if_newer_ones_came(operations: Operations) -> None:
    at, ref = a_noon(), a_ref()
    made = many_ended(operations, ref, at, 6)
    query = query_of(at, cluster=ref, top=2)
    first = operations.page(query)
    second = operations.page(replace(query, continuation=first.continuation))
    assert ids([*first.items, *second.items]) == names(made[:4])
    again = operations.page(replace(query, continuation=first.continuation))
    assert again == second


def test_a_list_is_bounded_by_when_a_clusters_operation_was_made(operations: Operations) -> None:
    at, ref = a_noon(), a_ref()
    made = many_ended(operations, ref, at, 5)
    query = query_of(at, cluster=ref, since=at + MINUTE, until=at + 3 * MINUTE)
    assert ids(items_of(all_pages(operations, query))) == names(made[1:4])


def test_a_list_is_bounded_by_the_day_an_operation_ended(operations: Operations) -> None:
    at = a_noon()
    made = many_ended(operations, None, at - 2 * DAY, 5, every=DAY)
    query = query_of(at, since=at - DAY, until=at + DAY)
    assert ids(items_of(all_pages(operations, query))) == names(made[1:4])


def test_an_instant_in_another_zone_bounds_by_its_day_in_utc(operations: Operations) -> None:
    at = a_noon()
    made = many_ended(operations, None, at - DAY, 3, every=DAY)
    east = timezone(timedelta(hours=13))
    query = query_of(at, since=at.astimezone(east), until=at.astimezone(east))
    assert ids(items_of(all_pages(operations, query))) == names(made[1:2])


@pytest.mark.parametrize("year", [1, 9998])
def test_bounds_far_from_our_time_do_no_harm(operations: Operations, year: int) -> None:
    at, ref = a_noon(), a_ref()
    made = many_ended(operations, ref, at, 2)
    far = at.replace(year=year)
    around = query_of(at, cluster=ref, since=min(far, at), until=max(far, at + DAY))
    assert ids(items_of(all_pages(operations, around))) == names(made)
    beyond = query_of(far, cluster=ref, since=far - DAY if year > 1 else far, until=far + DAY)
    assert items_of(all_pages(operations, beyond)) == []


def test_filters_pick_by_status_action_and_door_alone_and_together(operations: Operations) -> None:
    at, ref = a_noon(), a_ref()
    failure = Failure(code=Code.AZURE_REFUSED, message="no")
    fine = kept(operations, ended(one(ref, at)))
    broken = kept(operations, replace(one(ref, at + MINUTE), states=(Failed(since=at, ended_at=at, failure=failure),)))
    queued = kept(operations, ended(one(ref, at + 2 * MINUTE, origin=QUEUE)))
    gone = kept(operations, ended(one(ref, at + 3 * MINUTE, request=Delete(confirm="web"), origin=QUEUE)))
    current = opened(operations, at + 4 * MINUTE, ref)
    expected: list[tuple[dict[str, frozenset[str]], list[Operation]]] = [
        ({"statuses": frozenset({Status.FAILED})}, [broken]),
        ({"statuses": frozenset({Status.RUNNING})}, [current]),
        ({"statuses": frozenset({Status.RUNNING, Status.SUCCEEDED})}, [current, gone, queued, fine]),
        ({"actions": frozenset({"delete"})}, [gone]),
        ({"actions": frozenset({"it's nothing"})}, []),
        ({"doors": frozenset({Door.QUEUE})}, [gone, queued]),
        ({"doors": frozenset({Door.QUEUE}), "actions": frozenset({"scale"})}, [queued]),
        ({"doors": frozenset({Door.HTTP}), "statuses": frozenset({Status.SUCCEEDED})}, [fine]),
    ]
    for filters, wanted in expected:
        for cluster in (ref, None):
            query = query_of(at, cluster=cluster, top=2, **filters)
            assert ids(items_of(all_pages(operations, query))) == names(wanted), (filters, cluster)


def test_an_operation_that_was_meant_but_never_written_is_on_no_list(operations: Operations) -> None:
    at = a_noon()
    operations.intend(one(a_ref(), at))
    assert items_of(all_pages(operations, query_of(at))) == []


def test_an_ended_operation_that_is_still_in_open_is_listed_once(operations: Operations) -> None:
    at = a_noon()
    over = ended(one(a_ref(), at))
    operations.intend(over)
    kept(operations, over)
    assert ids(items_of(all_pages(operations, query_of(at)))) == [over.id]


def test_an_ended_operation_that_the_journal_lacks_is_listed_all_the_same(operations: Operations) -> None:
    at = a_noon()
    over = ended(one(a_ref(), at))
    operations.intend(over)
    operations.commit(None, None, (change(over),))
    for statuses in (frozenset[Status](), frozenset({Status.SUCCEEDED, Status.RUNNING})):
        assert ids(items_of(all_pages(operations, query_of(at, statuses=statuses)))) == [over.id]
    assert items_of(all_pages(operations, query_of(at, statuses=frozenset({Status.RUNNING})))) == []
    assert items_of(all_pages(operations, query_of(at, since=at + MINUTE, until=at + DAY))) == []


def test_journalling_again_changes_nothing(operations: Operations) -> None:
    at = a_noon()
    over = kept(operations, ended(one(a_ref(), at)))
    operations.journal(over)
    assert ids(items_of(all_pages(operations, query_of(at)))) == [over.id]


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


BAD_TOKENS = [
    "",
    "x",
    "!!!!",
    "\u00e9",
    "\u00b2",
    forged("{}"),
    forged("[]"),
    forged('"row"'),
    forged("null"),
    forged('{"row": 5}'),
    forged('{"row": "a\' or PartitionKey ne \'"}'),
    forged('{"table": "keys"}'),
    forged('{"day": "yesterday", "row": ""}'),
    forged('{"day": "2026-11-23"}'),
    forged('{"day": "2026-11-23", "row": "", "open": ""}'),
    forged("[" * 100_000),
    base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
]


@pytest.mark.parametrize("token", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
def test_what_is_no_token_is_a_value_error(operations: Operations, token: str) -> None:
    at = a_noon()
    for cluster in (a_ref(), None):
        with pytest.raises(ValueError, match="not a continuation token of this list"):
            operations.page(query_of(at, cluster=cluster, continuation=token))


def test_without_a_cluster_the_instants_bound_when_operations_ended_to_the_moment(operations: Operations) -> None:
    at = a_noon()
    made = [kept(operations, ended(one(a_ref(), at), at + n * MINUTE)) for n in range(5)]
    query = query_of(at, since=at + MINUTE, until=at + 3 * MINUTE)
    assert ids(items_of(all_pages(operations, query))) == names([made[3], made[2], made[1]])

"""What a page of a list costs in requests to storage: the same whether little is stored or much, and never more than a page may."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TransactionOperation

from shared.adapters import codec
from shared.adapters.operations import TableOperations
from shared.adapters.pages import MOST_REQUESTS
from shared.adapters.tables import MOST_IN_TRANSACTION, Tables
from shared.model.clusters import ClusterRef
from shared.model.errors import Code, Failure
from shared.model.listing import Query
from shared.model.operations import Failed, Operation, Status
from shared.model.requests import Delete, Door
from shared.rules import naming
from tests.builders import QUEUE
from tests.contract.storing import MINUTE, a_noon, a_ref, all_pages, ended, items_of, one, query_of
from tests.contract.tapping import Tap

SECOND = timedelta(seconds=1)
RARE, FEW, MANY = 3, 4, 1200
FILTERS: dict[str, Mapping[str, Any]] = {
    "status": {"statuses": frozenset({Status.FAILED})},
    "action": {"actions": frozenset({"delete"})},
    "origin": {"doors": frozenset({Door.QUEUE})},
    "all three": {"statuses": frozenset({Status.FAILED}), "actions": frozenset({"delete"}), "doors": frozenset({Door.QUEUE})},
}


def history(tables: Tables, ref: ClusterRef, at: datetime, common: int) -> None:
    """So many operations of one cluster that ended well within one day, and, the oldest, `RARE` deletions by queue that failed."""
    failure = Failure(code=Code.AZURE_REFUSED, message="no")
    broken: dict[str, Any] = {
        "states": (Failed(since=at, ended_at=at, failure=failure),),
        "request": Delete(confirm="web"),
        "origin": QUEUE,
    }
    rare = [one(ref, at + n * SECOND, **broken) for n in range(RARE)]
    written(tables, ref, [*rare, *(ended(one(ref, at + n * SECOND)) for n in range(RARE, RARE + common))])


def written(tables: Tables, ref: ClusterRef, made: list[Operation]) -> None:
    """Ended operations as their ends leave them, written in the largest transactions there are: thousands one by one take minutes."""
    for start in range(0, len(made), MOST_IN_TRANSACTION):
        some = made[start : start + MOST_IN_TRANSACTION]
        rows = [{"PartitionKey": naming.partition(ref), "RowKey": f"op {each.id}", **codec.operation_properties(each)} for each in some]
        tables.table("clusters").submit_transaction([(TransactionOperation.CREATE, row) for row in rows])
        day = some[0].updated_at.astimezone(UTC).date().isoformat()
        assert all(each.updated_at.astimezone(UTC).date().isoformat() == day for each in some)
        rows = [
            {
                "PartitionKey": day,
                "RowKey": f"{naming.newest_first(each.updated_at)} {each.id}",
                **codec.summary_properties(codec.summarised(each)),
            }
            for each in some
        ]
        tables.table("journal").submit_transaction([(TransactionOperation.CREATE, row) for row in rows])


def costs(operations: TableOperations, tap: Tap, query: Query) -> list[int]:
    """The requests of each page of a list."""
    found: list[int] = []
    while True:
        before = len(tap.asked)
        page = operations.page(query)
        found.append(len(tap.asked) - before)
        if page.continuation is None:
            return found
        query = replace(query, continuation=page.continuation)


@pytest.fixture(scope="module")
def worlds(tables: Tables) -> dict[int, tuple[ClusterRef, datetime]]:
    """A cluster and a day with few operations, and one with many."""
    made = {number: (a_ref(), a_noon()) for number in (FEW, MANY)}
    for number, (ref, at) in made.items():
        history(tables, ref, at, number)
    return made


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("which", ["all", "one cluster"])
def test_a_rare_thing_costs_no_more_to_find_among_thousands_than_among_few(
    stored: TableOperations, tap: Tap, worlds: dict[int, tuple[ClusterRef, datetime]], name: str, which: str
) -> None:
    found: dict[int, list[int]] = {}
    for number, (ref, at) in worlds.items():
        query = query_of(at, cluster=ref if which == "one cluster" else None, top=RARE + 1, **FILTERS[name])
        assert len(items_of(all_pages(stored, query))) == RARE
        found[number] = costs(stored, tap, query)
    # One range of a cluster; or what is open, where that can match, and a range for each of seven days.
    asks_open = "statuses" not in FILTERS[name]
    assert found[MANY] == found[FEW] == ([1] if which == "one cluster" else [7 + asks_open])


@pytest.mark.parametrize("which", ["all", "one cluster"])
def test_a_page_costs_the_same_wherever_it_is_in_a_list_of_thousands(
    stored: TableOperations, tap: Tap, worlds: dict[int, tuple[ClusterRef, datetime]], which: str
) -> None:
    ref, at = worlds[MANY]
    query = query_of(at, cluster=ref if which == "one cluster" else None, top=200)
    found = costs(stored, tap, query)
    assert len(found) == (MANY + RARE) // 200 + 1
    # The first of all days comes from the newest, and the last goes on to the oldest: three days that have nothing on either side.
    assert set(found[1:-1]) == {1}
    assert max(found) <= (1 if which == "one cluster" else 5)


def test_a_page_of_many_days_without_anything_ends_and_says_where_to_go_on(stored: TableOperations, tap: Tap) -> None:
    at = a_noon().replace(year=1950)
    query = Query(since=at - timedelta(days=91), until=at)
    found = costs(stored, tap, query)
    assert found == [MOST_REQUESTS + 1] + [MOST_REQUESTS] * 3 + [92 - 4 * MOST_REQUESTS]


def test_pages_of_many_days_have_everything_once_and_in_order(stored: TableOperations) -> None:
    at = a_noon().replace(year=1960)
    made = []
    for days in (0, MOST_REQUESTS - 1, MOST_REQUESTS, MOST_REQUESTS + 1, 91):
        made.append(ended(one(a_ref(), at - timedelta(days=days) - MINUTE)))
        stored.journal(made[-1])
    query = Query(since=at - timedelta(days=92), until=at)
    assert [item.id for item in items_of(all_pages(stored, query))] == [operation.id for operation in made]

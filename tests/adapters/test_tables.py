"""The tables against answers that Azurite never gives: empty pages that are not the last, faults in the middle of a list, odd refusals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters import clients, codec
from shared.adapters.operations import TableOperations
from shared.adapters.pages import MOST_REQUESTS
from shared.adapters.tables import Tables
from shared.model.errors import CallFailed, Code
from shared.model.listing import BadContinuation, Query
from shared.model.operations import Head, Status
from tests.adapters.wires import Reply, Wire, in_turn, said
from tests.builders import WEB, an_operation
from tests.contract.storing import change
from tests.worldly import some_settings

STORAGE = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=c2VjcmV0LWtleQ==;EndpointSuffix=core.windows.net"
OPERATION = an_operation()
ROW = {"PartitionKey": "s2", "RowKey": OPERATION.id, **codec.open_properties(OPERATION)}
MORE: dict[str, Any] = {"x_ms_continuation_NextPartitionKey": "1!4!czI-", "x_ms_continuation_NextRowKey": "1!4!b3A-"}


def operations_on(*answers: Reply | Exception) -> tuple[TableOperations, Wire]:
    wire = Wire(in_turn(answers))
    service = clients.tables(some_settings({"AzureWebJobsStorage": STORAGE}), over=wire)
    return TableOperations(Tables(service, pause=lambda _: None)), wire


def refused(status: int, code: str) -> Reply:
    return said({"odata.error": {"code": code, "message": {"lang": "en-US", "value": "no"}}}, status=status)


def test_an_empty_page_that_is_not_the_last_does_not_end_a_list() -> None:
    operations, wire = operations_on(
        said({"value": []}, **MORE), said({"value": [ROW]}, **MORE), said({"value": []}, **MORE), said({"value": [ROW]})
    )
    assert [row.operation for row in operations.open()] == [OPERATION.id, OPERATION.id]
    assert len(wire.asked) == 4
    assert "NextPartitionKey" in wire.asked[1].url


def test_a_fault_in_the_middle_of_a_list_is_tried_once_more_on_the_same_page() -> None:
    operations, wire = operations_on(said({"value": [ROW]}, **MORE), Reply(status=503), said({"value": [ROW]}))
    assert len(list(operations.open())) == 2
    assert wire.asked[1].url == wire.asked[2].url


def test_a_list_that_breaks_says_so_and_is_not_taken_for_short() -> None:
    operations, _ = operations_on(said({"value": [ROW]}, **MORE), Reply(status=503), Reply(status=503))
    with pytest.raises(CallFailed) as failed:
        list(operations.open())
    assert failed.value.failure.code is Code.UNREACHABLE


@pytest.mark.parametrize("status", [400, 403, 413, 500])
def test_a_commit_that_is_refused_for_another_reason_is_not_stale(status: int) -> None:
    operations, wire = operations_on(refused(status, "Whatever"))
    with pytest.raises(CallFailed) as failed:
        operations.commit(None, Head(current=OPERATION), (change(OPERATION),))
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.UNREACHABLE, True)
    assert len(wire.asked) == 1


READS: list[Callable[[TableOperations], object]] = [
    lambda operations: operations.load(OPERATION.id),
    lambda operations: operations.head(OPERATION.partition),
    lambda operations: operations.bound("name"),
]


@pytest.mark.parametrize("read", READS)
def test_only_a_missing_row_is_none(read: Callable[[TableOperations], object]) -> None:
    operations, _ = operations_on(refused(404, "ResourceNotFound"))
    assert read(operations) is None
    for status, code in ((403, "AuthorizationFailure"), (400, "OutOfRangeInput"), (409, "TableBeingDeleted")):
        operations, wire = operations_on(refused(status, code))
        with pytest.raises(CallFailed):
            read(operations)
        assert len(wire.asked) == 1


DAY = OPERATION.created_at
LISTS = {"all": Query(since=DAY, until=DAY, statuses=frozenset({Status.FAILED})), "one cluster": Query(since=DAY, until=DAY, cluster=WEB)}


def looking(pages: int) -> tuple[TableOperations, Wire]:
    """Storage that finds nothing in the seconds that it takes for each of so many requests; a further one is a fault."""
    return operations_on(*(said({"value": []}, **MORE) for _ in range(pages * MOST_REQUESTS)))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_in_which_storage_finds_nothing_for_long_comes_short_and_goes_on_where_storage_stopped(name: str) -> None:
    operations, wire = looking(2)
    page = operations.page(LISTS[name])
    assert (page.items, len(wire.asked)) == ((), MOST_REQUESTS)
    assert page.continuation is not None
    again = operations.page(replace(LISTS[name], continuation=page.continuation))
    assert (again.continuation is not None, len(wire.asked)) == (True, 2 * MOST_REQUESTS)
    # The very query goes on, from storage's own word.
    assert wire.asked[MOST_REQUESTS].url == wire.asked[1].url != wire.asked[0].url


@pytest.mark.parametrize("name", LISTS)
def test_a_place_that_storage_does_not_know_is_no_token_of_ours(name: str) -> None:
    place = looking(1)[0].page(LISTS[name]).continuation
    for status, wanted in ((400, BadContinuation), (403, CallFailed)):
        operations, _ = operations_on(refused(status, "InvalidInput"))
        with pytest.raises(wanted):
            operations.page(replace(LISTS[name], continuation=place))
    operations, _ = operations_on(refused(400, "InvalidInput"))
    with pytest.raises(CallFailed):
        operations.page(LISTS[name])


def test_a_table_that_cannot_be_made_is_a_failure_and_no_loop() -> None:
    wire = Wire(lambda asked: refused(409, "TableBeingDeleted") if asked.method == "POST" else refused(404, "TableNotFound"))
    service = clients.tables(some_settings({"AzureWebJobsStorage": STORAGE}), over=wire)
    with pytest.raises(CallFailed) as failed:
        TableOperations(Tables(service, pause=lambda _: None)).load(OPERATION.id)
    assert failed.value.failure.transient
    assert len(wire.asked) < 10

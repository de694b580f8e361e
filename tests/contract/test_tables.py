"""What only the real store has: sizes, requests on the wire, tables that are not there yet, broken connections, rows of newer code."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from local.memory import MemoryStore
from shared.adapters import clients
from shared.adapters.operations import TableOperations
from shared.adapters.tables import TABLES, Tables
from shared.log import count, invocation
from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, Code, NewerSchema, Stale
from shared.model.operations import Head, Status
from shared.ports import Key, Operations, Store
from shared.rules import naming
from tests.builders import NOON, a_create
from tests.contract.storing import (
    MINUTE,
    a_noon,
    a_ref,
    begun,
    change,
    ended,
    many_pools,
    one,
    query_of,
    raced,
    saved_again,
)
from tests.contract.tapping import Tap
from tests.worldly import some_settings


def test_what_is_too_large_is_said_to_be_and_nothing_is_sent(stored: TableOperations, tap: Tap) -> None:
    operation = one(a_ref(), NOON, request=a_create(pools=many_pools(100, label="x" * 3000)))

    def commit() -> None:
        with pytest.raises(CallFailed) as failed:
            begun(stored, operation)
        assert (failed.value.failure.code, failed.value.failure.transient) == (Code.TOO_LARGE, False)

    assert tap.cost(commit) == 0
    assert (stored.head(operation.partition), stored.load(operation.id), stored.history(operation.id)) == (None, None, ())


def test_the_largest_that_is_taken_fits_with_two_operations_in_one_transaction(stored: TableOperations) -> None:
    ref = a_ref()
    request = a_create(pools=many_pools(100, label="x" * 1600))
    first, second = one(ref, NOON, request=request), one(ref, NOON + MINUTE, request=request)
    before = begun(stored, first, second.id)
    over, promoted = saved_again(ended(first)), change(second)
    stored.commit(before, Head(current=promoted.operation), (over, promoted))
    assert stored.load(first.id) == over.operation
    assert stored.load(second.id) == second


def test_a_history_text_is_cut_where_a_property_is_full_in_any_script(stored: TableOperations) -> None:
    operation = one(a_ref(), NOON)
    text = "\U0001f680" * 40_000
    stored.commit(None, Head(current=operation), (change(operation, text=text),))
    kept = stored.history(operation.id)[0].text
    assert len(kept) == 16_000
    assert text.startswith(kept)


# ---- requests on the wire


def test_each_call_of_the_port_is_one_request(stored: TableOperations, tap: Tap) -> None:
    operation = one(a_ref(), NOON)
    name = f"key-{operation.cluster.name}"
    over = saved_again(ended(operation))
    assert tap.cost(lambda: stored.bind(name, Key(operation=operation.id, digest="d"))) == 1
    assert tap.cost(lambda: stored.bound(name)) == 1
    assert tap.cost(lambda: stored.intend(operation)) == 1
    assert tap.cost(lambda: begun(stored, operation)) == 1
    assert tap.cost(lambda: stored.load(operation.id)) == 1
    assert tap.cost(lambda: stored.history(operation.id)) == 1
    assert tap.cost(lambda: list(stored.open())) == 1
    before = stored.head(operation.partition)
    assert tap.cost(lambda: stored.commit(before, None, (over,))) == 1
    assert tap.cost(lambda: stored.journal(over.operation)) == 1
    assert tap.cost(lambda: stored.forget(operation.id)) == 1
    assert tap.cost(lambda: stored.head(operation.partition)) == 1


def test_what_goes_on_the_wire_is_counted_for_the_invocation(stored: TableOperations, caplog: pytest.LogCaptureFixture) -> None:
    operation = one(a_ref(), NOON)
    with caplog.at_level("INFO", logger="tidekeeper"), invocation("a door"):
        begun(stored, operation)
        stored.load(operation.id)
        count("arm")
    logged = json.loads(caplog.messages[-1])
    assert (logged["tables"], logged["arm"], logged["queues"]) == (2, 1, 0)


def test_a_page_costs_the_same_however_much_is_stored(stored: TableOperations, tap: Tap) -> None:
    at, ref = a_noon(), a_ref()

    def keep(first: int, number: int) -> None:
        for n in range(first, first + number):
            over = ended(one(ref, at + n * timedelta(seconds=1)))
            stored.commit(None, None, (change(over),))
            stored.journal(over)

    few = query_of(at, top=5, since=at, until=at + MINUTE * 5)
    queries = [few, replace(few, cluster=ref), replace(few, cluster=ref, statuses=frozenset({Status.SUCCEEDED}))]
    keep(0, 6)
    before = [tap.cost(partial(stored.page, query)) for query in queries]
    keep(6, 90)
    after = [tap.cost(partial(stored.page, query)) for query in queries]
    assert after == before
    assert max(after) <= 2


def test_a_filter_that_little_passes_costs_no_more(stored: TableOperations, tap: Tap) -> None:
    at, ref = a_noon(), a_ref()
    for n in range(40):
        over = ended(one(ref, at + n * timedelta(seconds=1)))
        stored.commit(None, None, (change(over),))
        stored.journal(over)
    rare = query_of(at, top=2, since=at, until=at + MINUTE, statuses=frozenset({Status.FAILED}))
    assert tap.cost(lambda: stored.page(rare)) <= 2
    assert tap.cost(lambda: stored.page(replace(rare, cluster=ref))) <= 2


def test_a_page_of_open_operations_never_costs_more_than_a_read_for_each_of_its_places(stored: TableOperations, tap: Tap) -> None:
    at = a_noon()
    for n in range(12):
        operation = one(a_ref(), at + n * MINUTE)
        stored.intend(operation)
        begun(stored, operation)
    for statuses in (frozenset({Status.QUEUED}), frozenset({Status.RUNNING})):
        query = query_of(at, top=3, statuses=statuses)
        assert tap.cost(partial(stored.page, query)) <= 1 + 3
    over = query_of(at, top=3, statuses=frozenset({Status.FAILED}), since=at, until=at)
    assert tap.cost(lambda: stored.page(over)) == 1


def test_a_token_of_a_far_day_does_not_cost_a_request_for_each_day_between(stored: TableOperations, tap: Tap) -> None:
    at = a_noon()
    far = (at + timedelta(days=90)).date().isoformat()
    assert tap.cost(lambda: stored.page(query_of(at, continuation=forged({"day": far, "row": ""})))) <= 7


def test_a_token_of_another_cluster_or_with_a_query_in_it_is_refused_before_anything_is_asked(stored: TableOperations, tap: Tap) -> None:
    at, ref, other = a_noon(), a_ref(), a_ref()
    own, foreign = f"op op-{naming.partition(ref)}-", f"op op-{naming.partition(other)}-"
    injected = "' or PartitionKey ne '"
    lists: list[tuple[ClusterRef | None, dict[str, str]]] = [
        (ref, {"row": foreign}),
        (ref, {"row": own + injected}),
        (ref, {"open": ""}),
        (None, {"row": own}),
        (None, {"open": injected}),
        (None, {"day": at.date().isoformat(), "row": injected}),
    ]
    before = len(tap.asked)
    for cluster, place in lists:
        with pytest.raises(ValueError, match="not a continuation token of this list"):
            stored.page(query_of(at, cluster=cluster, continuation=forged(place)))
    assert len(tap.asked) == before
    assert stored.page(query_of(at, cluster=ref, continuation=forged({"row": own}))).items == ()


def forged(place: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


# ---- tables that are not there yet


@pytest.fixture
def bare(azurite: str) -> Tables:
    """Tables on Azurite of which none exists."""
    service = clients.tables(some_settings({"AzureWebJobsStorage": azurite}))
    for name in TABLES:
        service.delete_table(name)
    return Tables(service, pause=lambda _: None)


FIRST_CALLS: dict[str, Callable[[Operations], object]] = {
    "head": lambda port: port.head("a" * 16),
    "load": lambda port: port.load(f"op-{'a' * 16}-1"),
    "history": lambda port: port.history(f"op-{'a' * 16}-1"),
    "commit": lambda port: begun(port, one(a_ref(), NOON)),
    "intend": lambda port: port.intend(one(a_ref(), NOON)),
    "forget": lambda port: port.forget(f"op-{'a' * 16}-1"),
    "open": lambda port: list(port.open()),
    "journal": lambda port: port.journal(ended(one(a_ref(), a_noon()))),
    "bind": lambda port: port.bind(a_ref().name, Key(operation="op-1", digest="d")),
    "bound": lambda port: port.bound(a_ref().name),
    "page": lambda port: port.page(query_of(a_noon())),
    "page of a cluster": lambda port: port.page(query_of(a_noon(), cluster=a_ref())),
}


@pytest.mark.parametrize("name", FIRST_CALLS)
def test_the_first_call_of_all_finds_its_tables_made(bare: Tables, name: str) -> None:
    port = TableOperations(bare)
    FIRST_CALLS[name](port)
    operation = one(a_ref(), NOON)
    begun(port, operation)
    assert port.load(operation.id) == operation


def test_many_first_calls_at_once_all_succeed_and_one_takes_the_lease(bare: Tables) -> None:
    port = TableOperations(bare)
    ref = a_ref()
    outcomes = raced(8, lambda n: begun(port, one(ref, NOON + n * MINUTE)))
    assert len([outcome for outcome in outcomes if outcome is not None]) == 1


def test_a_check_makes_the_tables_and_is_one_request_from_then_on(bare: Tables, tables: Tables, tap: Tap) -> None:
    bare.check()
    assert tap.cost(tables.check) == 1


# ---- storage that is away


def test_a_broken_read_is_sent_once_more_and_a_read_broken_twice_fails(stored: TableOperations, tap: Tap) -> None:
    operation = one(a_ref(), NOON)
    begun(stored, operation)
    tap.break_next("GET")
    assert tap.cost(lambda: stored.load(operation.id)) == 2
    tap.break_next("GET")
    assert [event.n for event in stored.history(operation.id)] == [1]
    tap.break_next("GET")
    tap.break_next("GET")
    with pytest.raises(CallFailed) as failed:
        stored.load(operation.id)
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.UNREACHABLE, True)


def test_a_write_is_never_sent_again(stored: TableOperations, tap: Tap) -> None:
    operation = one(a_ref(), NOON)
    writes: list[tuple[str, Callable[[], object]]] = [
        ("POST", lambda: begun(stored, operation)),
        ("POST", lambda: stored.bind(operation.cluster.name, Key(operation="op-1", digest="d"))),
        ("PUT", lambda: stored.intend(operation)),
        ("PUT", lambda: stored.journal(ended(operation, a_noon()))),
        ("DELETE", lambda: stored.forget(operation.id)),
    ]
    for method, write in writes:
        tap.break_next(method)
        asked = len(tap.asked)
        with pytest.raises(CallFailed) as failed:
            write()
        assert len(tap.asked) == asked + 1
        assert (failed.value.failure.code, failed.value.failure.transient, failed.value.failure.unsure) == (Code.UNREACHABLE, True, True)


def test_a_commit_whose_answer_was_lost_is_stale_when_sent_again_and_was_written_once(stored: TableOperations, tap: Tap) -> None:
    operation = one(a_ref(), NOON)
    tap.break_next("POST", after=True)
    with pytest.raises(CallFailed):
        begun(stored, operation)
    with pytest.raises(Stale):
        begun(stored, operation)
    assert stored.load(operation.id) == operation
    assert [event.n for event in stored.history(operation.id)] == [1]


def test_a_key_whose_binding_was_answered_by_silence_has_the_meaning_it_was_given(stored: TableOperations, tap: Tap) -> None:
    name, key = a_ref().name, Key(operation="op-1", digest="d")
    tap.break_next("POST", after=True)
    with pytest.raises(CallFailed):
        stored.bind(name, key)
    assert stored.bind(name, key) == key


def stores(tables: Tables) -> list[Store]:
    return [MemoryStore(), tables]


def test_a_store_that_answers_passes_its_check_and_one_that_is_away_does_not(tables: Tables, tap: Tap) -> None:
    for store in stores(tables):
        store.check()
    tap.break_next("GET")
    tap.break_next("GET")
    with pytest.raises(CallFailed) as failed:
        tables.check()
    assert failed.value.failure.code is Code.UNREACHABLE


def test_a_failure_of_storage_names_no_address_and_no_key(tables: Tables, tap: Tap, azurite: str) -> None:
    tap.break_next("GET")
    tap.break_next("GET")
    with pytest.raises(CallFailed) as failed:
        tables.check()
    secret = next(part for part in azurite.split(";") if part.startswith("AccountKey=")).removeprefix("AccountKey=")
    for text in (failed.value.failure.message, str(failed.value)):
        assert secret not in text
        assert "127.0.0.1" not in text


# ---- rows of newer code


def test_a_row_of_newer_code_is_left_for_newer_code(stored: TableOperations, azurite: str) -> None:
    operation = one(a_ref(), NOON)
    begun(stored, operation)
    table = clients.tables(some_settings({"AzureWebJobsStorage": azurite})).get_table_client("clusters")
    for row in ("head", f"op {operation.id}"):
        table.update_entity({"PartitionKey": operation.partition, "RowKey": row, "schema": 99})
    with pytest.raises(NewerSchema):
        stored.load(operation.id)
    with pytest.raises(NewerSchema):
        stored.head(operation.partition)

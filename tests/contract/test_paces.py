"""The `Paces` port: a row for each kind of action, replaced only as it was read; one that cannot be read hides no other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode

from local.memory import MemoryPaces
from shared.adapters.paces import TablePaces
from shared.adapters.tables import Tables
from shared.model.errors import Stale
from shared.model.kept import KeptPace
from shared.model.paces import Learned, Pace
from shared.ports import Paces
from shared.rules import learning, pace
from tests.builders import NOON
from tests.contract.storing import raced
from tests.contract.tapping import Tap

LEARNED = Learned(
    stretch=1.87, operations=41, longer_than=timedelta(seconds=301, microseconds=7), at_most=timedelta(seconds=555.5), at=NOON
)
FULL = Pace(
    kind="scale_pool",
    shipped=pace.LOOKS["scale_pool"],
    since=NOON + timedelta(microseconds=7),
    samples=12,
    counted_at=NOON + timedelta(days=1),
    learned=LEARNED,
)
BARE = learning.taken_up("stop_pool", None, NOON)
OPEN = replace(FULL, kind="make_cluster", learned=replace(LEARNED, at_most=None))


@pytest.fixture(params=["memory", "tables"])
def paces(request: pytest.FixtureRequest) -> Paces:
    return MemoryPaces() if request.param == "memory" else request.getfixturevalue("stored_paces")


@pytest.fixture
def stored_paces(tables: Tables) -> TablePaces:
    """The port on Azurite, without a row."""
    port = TablePaces(tables)
    for row in port.read():
        tables.call(lambda row=row: tables.table("paces").delete_entity("app", row.kind))  # type: ignore[misc]  # mypy on a lambda's default
    return port


def kept(paces: Paces, kind: str) -> KeptPace:
    return next(row for row in paces.read() if row.kind == kind)


def test_where_nothing_was_learned_there_is_nothing(paces: Paces) -> None:
    assert paces.read() == ()


def test_what_is_written_is_what_is_read_and_each_kind_has_its_own(paces: Paces) -> None:
    for known in (FULL, BARE, OPEN):
        paces.write(None, known)
    assert {row.kind: row.pace for row in paces.read()} == {known.kind: known for known in (FULL, BARE, OPEN)}
    paces.write(kept(paces, FULL.kind), replace(FULL, learned=None))
    assert kept(paces, FULL.kind).pace == replace(FULL, learned=None)
    assert kept(paces, OPEN.kind).pace == OPEN


def test_a_row_that_changed_meanwhile_is_left_as_it_is(paces: Paces) -> None:
    paces.write(None, FULL)
    with pytest.raises(Stale):
        paces.write(None, replace(FULL, samples=99))
    first = kept(paces, FULL.kind)
    paces.write(first, replace(FULL, samples=13))
    with pytest.raises(Stale):
        paces.write(first, replace(FULL, samples=99))
    known = kept(paces, FULL.kind).pace
    assert known is not None
    assert known.samples == 13


def test_of_many_writers_at_once_one_writes(paces: Paces) -> None:
    paces.write(None, FULL)
    before = kept(paces, FULL.kind)

    def write(n: int) -> int:
        paces.write(before, replace(FULL, samples=10 + n))
        return n

    won = [n for n in raced(6, write) if n is not None]
    assert len(won) == 1
    assert kept(paces, FULL.kind).pace == replace(FULL, samples=10 + won[0])


def spoilt(tables: Tables, **properties: Any) -> None:
    """The row of scaling, with some properties as nobody of us writes them."""
    row = tables.table("paces").get_entity("app", FULL.kind)
    tables.call(lambda: tables.table("paces").upsert_entity({**row, **properties}, mode=UpdateMode.REPLACE))


@pytest.mark.parametrize(
    "properties",
    [
        {"schema": "one"},
        {"shipped": "155 soon"},
        {"since": "yesterday"},
        {"since": "2026-11-23T12:00:00"},
        {"samples": "many"},
        {"stretch": float("nan")},
        {"stretch": -2.0},
        {"at_most": float("inf")},
        {"longer_than": 1e300},
        {"learned_at": ""},
    ],
    ids=str,
)
def test_a_broken_row_is_said_to_be_and_may_be_replaced(stored_paces: TablePaces, tables: Tables, properties: dict[str, Any]) -> None:
    stored_paces.write(None, FULL)
    stored_paces.write(None, BARE)
    spoilt(tables, **properties)
    broken = kept(stored_paces, FULL.kind)
    assert (broken.pace, broken.newer) == (None, False)
    assert kept(stored_paces, BARE.kind).pace == BARE
    stored_paces.write(broken, FULL)
    assert kept(stored_paces, FULL.kind).pace == FULL


def test_a_row_without_what_it_needs_is_broken_too(stored_paces: TablePaces, tables: Tables) -> None:
    tables.call(lambda: tables.table("paces").upsert_entity({"PartitionKey": "app", "RowKey": FULL.kind}, mode=UpdateMode.REPLACE))
    assert kept(stored_paces, FULL.kind).pace is None


def test_a_row_of_newer_code_is_left_to_newer_code(stored_paces: TablePaces, tables: Tables) -> None:
    stored_paces.write(None, FULL)
    spoilt(tables, schema=99, stretch="as newer code likes it")
    found = kept(stored_paces, FULL.kind)
    assert (found.pace, found.newer) == (None, True)


def test_a_row_that_was_deleted_between_reading_and_writing_is_stale(stored_paces: TablePaces, tables: Tables) -> None:
    stored_paces.write(None, FULL)
    before = kept(stored_paces, FULL.kind)
    tables.call(lambda: tables.table("paces").delete_entity("app", FULL.kind))
    with pytest.raises(Stale):
        stored_paces.write(before, FULL)


def test_all_rows_cost_one_read(stored_paces: TablePaces, tap: Tap) -> None:
    for kind in pace.LOOKS:
        stored_paces.write(None, learning.taken_up(kind, None, NOON))
    assert tap.cost(stored_paces.read) == 1

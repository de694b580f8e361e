"""The `ActingRow` port: one row, replaced only as it was read."""

from datetime import timedelta
from typing import cast

import pytest
from azure.data.tables import UpdateMode

from local.memory import MemoryActing
from shared.adapters.acting import TableActing
from shared.adapters.tables import Tables
from shared.model.acting import Acting, Pause
from shared.model.errors import NewerSchema, Stale
from shared.ports import ActingRow
from tests.builders import NOON
from tests.contract.storing import raced

PAUSE = Pause(by="ada@example.com", at=NOON + timedelta(microseconds=7), reason="wöchentliche Prüfung")


@pytest.fixture(params=["memory", "tables"])
def row(request: pytest.FixtureRequest) -> ActingRow:
    if request.param == "memory":
        return MemoryActing()
    tables: Tables = request.getfixturevalue("tables")
    tables.call(lambda: tables.table("acting").delete_entity("app", "acting"))
    return TableActing(tables)


def test_what_was_never_written_is_an_app_that_acts(row: ActingRow) -> None:
    assert row.read().acting == Acting()


@pytest.mark.parametrize(
    "state",
    [Acting(pause=PAUSE, hour=NOON, mutations=41), Acting(pause=Pause(by="bob", at=NOON)), Acting(hour=NOON, mutations=1), Acting()],
    ids=["all", "paused without a reason", "counted", "nothing"],
)
def test_what_is_written_is_what_is_read(row: ActingRow, state: Acting) -> None:
    row.write(row.read(), state)
    assert row.read().acting == state
    row.write(row.read(), Acting(mutations=2, hour=NOON))
    assert row.read().acting == Acting(mutations=2, hour=NOON)


def test_a_row_that_changed_meanwhile_is_left_as_it_is(row: ActingRow) -> None:
    absent = row.read()
    row.write(absent, Acting(hour=NOON, mutations=1))
    with pytest.raises(Stale):
        row.write(absent, Acting(pause=PAUSE))
    first = row.read()
    row.write(first, Acting(hour=NOON, mutations=2))
    with pytest.raises(Stale):
        row.write(first, Acting(pause=PAUSE))
    assert row.read().acting == Acting(hour=NOON, mutations=2)


def test_of_many_writers_at_once_one_writes(row: ActingRow) -> None:
    row.write(row.read(), Acting(hour=NOON, mutations=1))
    before = row.read()

    def write(n: int) -> int:
        row.write(before, Acting(hour=NOON, mutations=10 + n))
        return n

    won = [n for n in raced(6, write) if n is not None]
    assert len(won) == 1
    assert row.read().acting.mutations == 10 + won[0]


def test_a_row_of_newer_code_is_left_to_newer_code(tables: Tables) -> None:
    row = TableActing(tables)
    entity = {"PartitionKey": "app", "RowKey": "acting", "schema": 99, "paused": cast("bool", 1)}
    tables.call(lambda: tables.table("acting").upsert_entity(entity, mode=UpdateMode.REPLACE))
    with pytest.raises(NewerSchema):
        row.read()
    tables.call(lambda: tables.table("acting").delete_entity("app", "acting"))


def test_a_row_that_was_deleted_between_reading_and_writing_is_stale(tables: Tables) -> None:
    row = TableActing(tables)
    row.write(row.read(), Acting(hour=NOON, mutations=1))
    before = row.read()
    tables.call(lambda: tables.table("acting").delete_entity("app", "acting"))
    with pytest.raises(Stale):
        row.write(before, Acting(hour=NOON, mutations=2))

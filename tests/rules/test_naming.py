"""Names that live on disk: stable, safe as keys, and in the right order."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.model.operations import partition_of
from shared.rules import naming
from tests.builders import HTTP, NOON, QUEUE, WEB

INSTANTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside


def test_the_names_of_today_are_the_names_of_tomorrow() -> None:
    """Rows written by older code must be found: these are on disk somewhere."""
    assert naming.partition(WEB) == "22pe3i4gfqbqabq0"
    assert naming.newest_first(NOON) == "ubnrri0fv"
    assert naming.key_name(HTTP, "ci-4711") == "a75eef168bfd27af991b88621f7e72a436ea40dd"


def test_a_cluster_has_one_partition_however_it_is_spelt() -> None:
    assert naming.partition(replace(WEB, group="PROD-RG", name="Web")) == naming.partition(WEB)
    assert naming.partition(replace(WEB, name="web2")) != naming.partition(WEB)


@given(first=INSTANTS, second=INSTANTS)
def test_the_newest_sorts_first(first: datetime, second: datetime) -> None:
    same = int(first.timestamp() * 1000) == int(second.timestamp() * 1000)
    assert same or (naming.newest_first(first) < naming.newest_first(second)) == (first > second)


def test_an_id_made_of_them_carries_its_partition() -> None:
    partition = naming.partition(WEB)
    assert partition_of(f"op-{partition}-{naming.newest_first(NOON)}0123abcd") == partition


def test_a_key_belongs_to_its_caller_and_its_door() -> None:
    names = {naming.key_name(origin, "k") for origin in (HTTP, QUEUE, replace(HTTP, caller="somebody else"))}
    assert len(names) == 3

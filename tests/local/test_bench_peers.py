"""Ours and other engines do the same work in the bench, and what each commits is counted by SQLite."""

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from local.bench import peer_engines, peers
from local.bench.__main__ import peer_rows
from local.bench.sqlite import HIDDEN, Database, SqliteActing, SqliteOperations, SqliteWakes
from local.memory import MemoryClock
from shared.model.acting import Acting
from shared.model.errors import Stale
from shared.model.operations import Event, Head, Wake
from shared.ports import Change
from tests.builders import an_operation

CALLS = 19
"""Of three steps: a look, a call and a look each, and ten polls."""
WAKE = Wake(cluster_key="0123456789abcdef", operation="op-0123456789abcdef-1", wake=1)


def test_ours_makes_the_calls_that_the_others_make() -> None:
    azure = peer_engines.Azure()
    for n in range(len(peer_engines.POLLS)):
        step = azure.begin(f"operation/{n}")
        while not azure.ask(step):
            pass
    assert azure.calls == CALLS
    assert peers.in_memory(2).calls == 2 * CALLS


def test_on_sqlite_ours_commits_each_write_to_storage(tmp_path: Path) -> None:
    """Accepting: 3. Each of 11 wake-ups: fetch, deletion; each but the last a message. Each step: count, claim, outcome. End: 3."""
    took = peers.on_sqlite(tmp_path / "ours.sqlite", 2)
    assert (took.calls, took.commits) == (2 * CALLS, 2 * 47)


def test_commits_are_counted_as_sqlite_counts_them(tmp_path: Path) -> None:
    file = tmp_path / "counted.sqlite"
    with Database(file) as database:
        before = peer_engines.commits(file)
        for n in range(3):
            with database.commit() as connection:
                connection.execute("INSERT INTO rows VALUES (?, 1, '{}')", (f"row {n}",))
        assert peer_engines.commits(file) - before == 3
        assert database.count("row ") == 3


def test_a_stale_commit_leaves_nothing_on_sqlite(tmp_path: Path) -> None:
    with Database(tmp_path / "ours.sqlite") as database:
        store = SqliteOperations(database)
        operation = an_operation()
        change = Change(operation=operation, event=Event(n=1, at=operation.created_at, text="accepted"))
        stored = store.commit(None, Head(current=operation), (change,))
        later = replace(operation, reason="later")
        with pytest.raises(Stale):
            store.commit(None, Head(current=later), (replace(change, operation=later),))
        with pytest.raises(Stale):
            store.commit(stored, Head(current=later), (replace(change, operation=later),))  # an event of that number is there
        assert store.head(operation.partition) == stored
        assert store.load(operation.id) == operation


def test_a_message_on_sqlite_is_hidden_until_its_time_and_back_if_it_was_not_deleted(tmp_path: Path) -> None:
    with Database(tmp_path / "ours.sqlite") as database:
        clock = MemoryClock()
        wakes = SqliteWakes(database, clock.now)
        wakes.send(WAKE, delay=timedelta(seconds=30))
        assert wakes.fetch() is None
        clock.advance(timedelta(seconds=30))
        first = wakes.fetch()
        assert first is not None
        assert first[1] == WAKE
        assert wakes.fetch() is None
        clock.advance(HIDDEN)
        again = wakes.fetch()
        assert again == first
        wakes.delete(first[0])
        assert wakes.next_at() is None


def test_a_count_that_was_overtaken_is_refused_on_sqlite(tmp_path: Path) -> None:
    with Database(tmp_path / "ours.sqlite") as database:
        row = SqliteActing(database)
        before = row.read()
        row.write(before, Acting(hour=MemoryClock().now(), mutations=1))
        with pytest.raises(Stale):
            row.write(before, Acting(hour=MemoryClock().now(), mutations=1))
        assert row.read().acting.mutations == 1


def test_the_time_of_two_engines_is_compared_round_by_round() -> None:
    def took(clock: float, processor: float) -> peers.Took:
        return peers.Took(operations=2, clock=clock, processor=processor, commits=8, calls=38)

    ours, theirs = (took(1.0, 1.0), took(2.0, 1.0), took(1.0, 2.0)), (took(3.0, 5.0), took(4.0, 5.0), took(9.0, 5.0))
    found = peers.Beside(engine="one", version="1", ours=ours, theirs=theirs)
    assert (found.ratio("clock"), found.ratio("processor"), found.commits) == (3.0, 5.0, (4.0, 4.0))


def test_an_engine_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"dbos ended with exit code 1: (?s:.*)No module named 'dbos'"):
        peers.beside_dbos(Path(sys.executable), tmp_path)


def test_engines_that_are_not_installed_are_said_and_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert peer_rows(None) == []
    assert capsys.readouterr().out == "skipped: other durable engines beside ours; no environment has them\n"


def test_sqlite_keeps_its_own_settings_for_both(tmp_path: Path) -> None:
    """A rollback journal and a full sync: what DBOS leaves as it is, and so does ours."""
    with Database(tmp_path / "ours.sqlite") as database, closing(sqlite3.connect(tmp_path / "plain.sqlite")) as plain:
        for setting in ("journal_mode", "synchronous"):
            assert database.connection.execute(f"PRAGMA {setting}").fetchone() == plain.execute(f"PRAGMA {setting}").fetchone()

"""Azurite as the laptop runs it: found or said to be missing, kept on disk, on the same ports after a restart."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from local.processes import Keeper
from local.storage import NotInstalledError, Storage, find


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    with Keeper(tmp_path / "logs") as made:
        yield made


def test_what_was_stored_is_there_after_a_restart_under_the_same_connection_string(keeper: Keeper, tmp_path: Path) -> None:
    storage = Storage(keeper, state=tmp_path / "state")
    storage.start()
    connection = storage.connection_string
    with TableServiceClient.from_connection_string(connection) as tables:
        tables.create_table("letters").create_entity({"PartitionKey": "a", "RowKey": "b"})
    with QueueClient.from_connection_string(connection, "steps") as queue:
        queue.create_queue()
        queue.send_message("one")
    storage.restart()
    assert storage.connection_string == connection
    with TableServiceClient.from_connection_string(connection) as tables, tables.get_table_client("letters") as letters:
        assert [row["RowKey"] for row in letters.list_entities()] == ["b"]
    with QueueClient.from_connection_string(connection, "steps") as queue:
        assert [message.content for message in queue.peek_messages()] == ["one"]


def test_a_storage_in_memory_begins_empty_and_leaves_nothing(keeper: Keeper, tmp_path: Path) -> None:
    storage = Storage(keeper)
    storage.start()
    with TableServiceClient.from_connection_string(storage.connection_string) as tables:
        tables.create_table("letters")
        storage.restart()
        assert list(tables.list_tables()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert sorted(path.name for path in keeper.logs.iterdir()) == ["storage.log", "storage.out"]


def test_a_storage_that_falls_is_noticed(keeper: Keeper) -> None:
    storage = Storage(keeper)
    storage.start()
    assert storage.fallen() is None
    assert storage.pid is not None
    os.kill(storage.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while storage.fallen() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "storage ended with exit code -9" in str(storage.fallen())


def test_a_machine_without_azurite_is_told_what_to_do(tmp_path: Path, keeper: Keeper) -> None:
    if find(tmp_path) is not None:
        pytest.skip("this machine has an Azurite of its own on the PATH")
    with pytest.raises(NotInstalledError, match=r"python3 dev\.py"):
        Storage(keeper, laptop=tmp_path).start()

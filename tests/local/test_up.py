"""What the laptop's stack keeps from one day to the next, and what it takes from the person."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import up
from local.stack import Ports, inherited
from local.storage import StoragePorts
from local.worldtime import WorldTime

PORTS = Ports(host=1, arm=2, identity=3, storage=StoragePorts(blob=4, queue=5, table=6))


def test_the_addresses_that_open_operations_hold_are_kept(tmp_path: Path) -> None:
    notes = tmp_path / "stack.json"
    up.note(notes, WorldTime.starting_now(1), PORTS)
    _, ports = up.remembered(notes, 1)
    assert ports.arm == 2
    assert ports.host == 0


@pytest.mark.parametrize("year", [2020, 2040])
def test_a_world_may_begin_on_any_day(year: int) -> None:
    day = datetime(year, 2, 3, tzinfo=UTC)
    world = WorldTime.starting_at(day, 60)
    assert timedelta(0) <= world.now() - day < timedelta(hours=1)
    assert WorldTime.parse(str(world)) == world


def test_a_world_that_ran_ahead_does_not_go_back(tmp_path: Path) -> None:
    notes = tmp_path / "stack.json"
    ahead = WorldTime(
        speed=60, real_origin=0, world_origin=(datetime.now(UTC) + timedelta(days=3)).timestamp() - datetime.now(UTC).timestamp() * 60
    )
    up.note(notes, ahead, PORTS)
    world, _ = up.remembered(notes, 1)
    assert world.now() - datetime.now(UTC) > timedelta(days=2, hours=23)
    assert world.speed == 1


def test_a_world_that_rested_catches_up_with_the_real_one(tmp_path: Path) -> None:
    notes = tmp_path / "stack.json"
    behind = datetime.now(UTC) - timedelta(days=2)
    notes.write_text(
        json.dumps({"world": behind.timestamp(), "ports": {"arm": 2, "identity": 3, "storage": {"blob": 4, "queue": 5, "table": 6}}})
    )
    world, ports = up.remembered(notes, 60)
    assert abs(world.now() - datetime.now(UTC)) < timedelta(minutes=10)
    assert ports.arm == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"world": "soon"}', '{"world": 5, "ports": {"arm": "x"}}'])
def test_notes_that_cannot_be_read_begin_a_new_world(tmp_path: Path, text: str) -> None:
    notes = tmp_path / "stack.json"
    notes.write_text(text)
    world, ports = up.remembered(notes, 1)
    assert abs(world.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert ports.arm in {0, 17443}


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(up.BusyError, match=f"port {port} of the app is taken: choose another with --port"):
            up.require_free(Ports(host=port))
        with pytest.raises(up.BusyError, match=f"port {port} of the simulated Azure is taken.*clean --state"):
            up.require_free(Ports(arm=port))
    up.require_free(Ports())


def test_a_usual_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert up.usual_ports(Ports(identity=port, storage=StoragePorts(queue=port))) == Ports()


def test_a_second_stack_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with up.alone(tmp_path / "up.lock"), pytest.raises(up.BusyError, match="up already"), up.alone(tmp_path / "up.lock"):
        pass
    with up.alone(tmp_path / "up.lock"):
        pass


def test_no_setting_of_the_person_leads_a_rehearsal_to_the_real_azure(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    values = {"TIDEKEEPER_GRANTS": "[]", "TIDEKEEPER_REPLY_QUEUES": "mine", "TIDEKEEPER_ARM_ENDPOINT": "https://management.azure.com"}
    file.write_text(json.dumps({"Values": values}))
    environment = {"TIDEKEEPER_REPLY_QUEUES": "theirs", "TIDEKEEPER_SUBSCRIPTION_ID": "real", "AzureWebJobsStorage": "real"}
    assert up.own_settings(file, environment) == {"TIDEKEEPER_GRANTS": "[]", "TIDEKEEPER_REPLY_QUEUES": "theirs"}
    assert up.own_settings(tmp_path / "none.json", {}) == {}


def test_a_persons_credentials_and_proxies_stay_with_the_person() -> None:
    private = (
        "AZURE_CLIENT_SECRET",
        "AZURE_TENANT_ID",
        "IDENTITY_ENDPOINT",
        "MSI_SECRET",
        "HTTPS_PROXY",
        "http_proxy",
        "REQUESTS_CA_BUNDLE",
        "AzureWebJobsStorage",
    )
    assert inherited(dict.fromkeys(private, "x") | {"PATH": "/bin", "HOME": "/home/a"}) == {"PATH": "/bin", "HOME": "/home/a"}

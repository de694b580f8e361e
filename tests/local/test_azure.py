"""The simulated Azure alone: what it keeps, what it prints, and that it leaves the person's own settings alone."""

import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest

from local import azure
from local.azure import Azure, Folder
from local.processes import ROOT, Child, Keeper
from local.stack import inherited
from local.up import BusyError
from local.worldtime import WorldTime

START = timedelta(seconds=60)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with Keeper(tmp_path / "logs") as kept:
        yield kept


def a_folder(place: Path) -> Folder:
    (place / "kept").mkdir()
    return Folder(root=place / "kept")


def an_azure(keeper: Keeper, folder: Folder) -> Azure:
    child = keeper.start("nothing", [sys.executable, "-c", ""], environment={})
    world = WorldTime.starting_now(60)
    return Azure(folder=folder, world=world, arm="https://127.0.0.1:1", identity="http://127.0.0.1:2/msi/token", child=child)


def lines(text: str, beginning: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith(beginning)]


def test_a_world_keeps_its_time_and_seed(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    ahead = datetime.now(UTC) + timedelta(days=3)
    azure.note(folder, WorldTime(speed=1, real_origin=datetime.now(UTC).timestamp(), world_origin=ahead.timestamp()), 5)
    world, seed = azure.remembered(folder, 60, None)
    assert seed == 5
    assert world.speed == 60
    assert world.now() - datetime.now(UTC) > timedelta(days=2, hours=23)
    assert azure.remembered(folder, 60, 5)[1] == 5


def test_another_seed_needs_another_world(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    azure.note(folder, WorldTime.starting_now(1), 5)
    with pytest.raises(BusyError, match=r"made with --seed 5: leave out --seed, or begin a new one with --fresh"):
        azure.remembered(folder, 1, 6)
    folder.forget()
    assert azure.remembered(folder, 1, 6)[1] == 6


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"world": "soon", "seed": 1}'])
def test_notes_that_cannot_be_read_begin_a_new_world(tmp_path: Path, text: str) -> None:
    folder = a_folder(tmp_path)
    folder.notes.write_text(text)
    world, seed = azure.remembered(folder, 1, None)
    assert abs(world.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert seed == azure.SEED


def test_a_new_world_forgets_the_old_one_but_not_whom_to_trust(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    log = folder.root / "arm.json.log.jsonl"
    for path in (folder.state, log, folder.notes, folder.bundle, folder.root / "mine.txt"):
        path.write_text("x")
    folder.forget()
    assert sorted(path.name for path in folder.root.iterdir()) == ["mine.txt", "trusted.pem"]


def test_who_was_trusted_before_is_trusted_still(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    authority, own = tmp_path / "authority.pem", tmp_path / "own.pem"
    authority.write_text("simulator\n")
    own.write_text("person's own\n")
    azure.trust(folder, authority, {})
    roots = Path(certifi.where()).read_text().strip()
    assert folder.bundle.read_text() == f"{roots}\nsimulator\n"
    azure.trust(folder, authority, {"REQUESTS_CA_BUNDLE": str(own)})
    assert folder.bundle.read_text() == "person's own\nsimulator\n"
    azure.trust(folder, authority, {"CURL_CA_BUNDLE": str(own)})
    assert folder.bundle.read_text() == "person's own\nsimulator\n"


def test_a_folder_of_certificates_is_taken_whole(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    authorities = tmp_path / "authorities"
    authorities.mkdir()
    for name in ("a.pem", "b.pem"):
        (authorities / name).write_text(f"{name}\n")
    (tmp_path / "authority.pem").write_text("simulator\n")
    azure.trust(folder, tmp_path / "authority.pem", {"REQUESTS_CA_BUNDLE": str(authorities)})
    assert folder.bundle.read_text() == "a.pem\nb.pem\nsimulator\n"


def test_a_start_from_a_shell_that_follows_it_does_not_trust_in_circles(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    (tmp_path / "authority.pem").write_text("simulator\n")
    azure.trust(folder, tmp_path / "authority.pem", {})
    once = folder.bundle.read_text()
    azure.trust(folder, tmp_path / "authority.pem", {"REQUESTS_CA_BUNDLE": str(folder.bundle)})
    assert folder.bundle.read_text() == once


def test_the_settings_touch_nothing_of_the_persons_own(tmp_path: Path, keeper: Keeper) -> None:
    folder = a_folder(tmp_path)
    assert azure.exports(an_azure(keeper, folder), {"HOME": "/home/me"}) == {
        "REQUESTS_CA_BUNDLE": str(folder.root / "trusted.pem"),
        "IDENTITY_ENDPOINT": "http://127.0.0.1:2/msi/token",
        "IDENTITY_HEADER": "tidekeeper",
        "AZURE_CONFIG_DIR": str(folder.root / "az"),
    }


@pytest.mark.parametrize(
    ("own", "wanted"), [({}, "127.0.0.1"), ({"NO_PROXY": "a.example,127.0.0.1"}, "127.0.0.1,a.example"), ({"no_proxy": "b"}, "127.0.0.1,b")]
)
def test_a_proxy_is_told_to_keep_out(tmp_path: Path, keeper: Keeper, own: dict[str, str], wanted: str) -> None:
    named = azure.exports(an_azure(keeper, a_folder(tmp_path)), {"https_proxy": "http://proxy.example", **own})
    assert named["NO_PROXY"] == wanted


def test_a_cloud_that_is_registered_already_is_updated(tmp_path: Path, keeper: Keeper) -> None:
    folder = a_folder(tmp_path)
    assert azure.login(an_azure(keeper, folder))[0] == "az cloud register --name Tidekeeper --endpoint-resource-manager https://127.0.0.1:1"
    folder.cli.mkdir()
    (folder.cli / "clouds.config").write_text("not a configuration")
    assert not folder.knows_cloud()
    (folder.cli / "clouds.config").write_text("[Tidekeeper]\nendpoint_resource_manager = https://127.0.0.1:9\n")
    assert azure.login(an_azure(keeper, folder))[0].startswith("az cloud update --name Tidekeeper ")


def test_what_is_printed_survives_a_folder_with_a_space(tmp_path: Path, keeper: Keeper) -> None:
    (tmp_path / "my world").mkdir()
    text = azure.welcome(an_azure(keeper, Folder(root=tmp_path / "my world")), {})
    words = [shlex.split(line) for line in lines(text, "export ")]
    assert [len(word) for word in words] == [2, 2, 2, 2]
    assert words[3][1] == f"AZURE_CONFIG_DIR={tmp_path}/my world/az"


def test_the_page_shows_the_lines_that_are_printed(tmp_path: Path, keeper: Keeper) -> None:
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8").splitlines()
    printed = lines(azure.welcome(an_azure(keeper, a_folder(tmp_path)), {}), "az ")
    assert len(printed) == 8
    assert [line for line in printed if line.replace("127.0.0.1:1", "127.0.0.1:17445") not in page] == []


def started(keeper: Keeper, state: Path, *more: str) -> tuple[Child, str]:
    command = [sys.executable, "-m", "local.azure", "--port", "0", "--state", str(state), *more]
    child = keeper.start("azure", command, environment=inherited(os.environ))
    return child, child.await_ready(lambda: child.said() if "az aks list" in child.said() else None, within=START)


def test_it_serves_what_it_printed_until_ctrl_c_and_goes_on_next_time(tmp_path: Path, keeper: Keeper) -> None:
    child, said = started(keeper, tmp_path / "kept", "--speed", "60", "--seed", "7")
    settings = dict(shlex.split(line)[1].split("=", 1) for line in lines(said, "export "))
    address = lines(said, "az cloud register")[0].rpartition(" ")[2]
    trusted = ssl.create_default_context(cafile=settings["REQUESTS_CA_BUNDLE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    with opener.open(f"{address}/metadata/endpoints?api-version=2022-09-01", timeout=30) as answer:
        assert answer.status == 200
    asked = f"{settings['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={address}"
    header = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]}
    with opener.open(urllib.request.Request(asked, headers=header), timeout=30) as answer:
        assert answer.status == 200
    child.process.send_signal(signal.SIGINT)
    assert child.process.wait(30) == 0
    assert child.said().rstrip().endswith("it is ended")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) != 0
    refused = subprocess.run(
        [sys.executable, "-m", "local.azure", "--state", str(tmp_path / "kept"), "--seed", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stderr.splitlines()[0][:40]) == (1, f"dev.py azure: the world in {tmp_path}"[:40])


def test_one_folder_serves_one_world_at_a_time_and_a_taken_port_is_named(tmp_path: Path, keeper: Keeper) -> None:
    started(keeper, tmp_path / "kept")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for state, told in (("kept", "is up already in this folder"), ("other", f"port {port} is taken")):
            second = subprocess.run(
                [sys.executable, "-m", "local.azure", "--state", str(tmp_path / state), "--port", port],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert second.returncode == 1
            assert told in second.stderr

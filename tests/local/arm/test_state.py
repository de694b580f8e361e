"""A world that is stopped, or killed, and started again goes on; and the same seed makes the same world."""

from pathlib import Path

from local.arm import durations
from tests.local.arm.asking import CLUSTER, GROUP, MINUTE, ROOT, USER, Clock, a_cluster, a_saved_world, an_asker, state


def test_operations_in_flight_end_by_the_clock_while_nobody_serves(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "world.json"
    first = a_saved_world(file, clock).with_group()
    url = first.put(CLUSTER, a_cluster()).headers["azure-asyncoperation"]
    clock.advance(MINUTE / 2)
    second = a_saved_world(file, clock)
    assert state(second.get(CLUSTER)) == "Creating"
    clock.advance(MINUTE / 2)
    third = a_saved_world(file, clock)
    assert third.get(url).document["status"] == "Succeeded"
    assert third.get(url).document["endTime"] == "2026-11-23T12:01:00.0000000Z"
    assert state(third.get(CLUSTER)) == "Succeeded"


def test_what_is_shown_after_a_restart_is_what_was_shown_before(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "world.json"
    before = a_saved_world(file, clock).with_cluster()
    after = a_saved_world(file, clock)
    for url in (CLUSTER, USER, GROUP, f"{ROOT}/resourceGroups", f"{ROOT}/providers/Microsoft.ContainerService"):
        assert after.get(url).document == before.get(url).document


def test_what_the_clock_did_is_saved_too(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "world.json"
    before = a_saved_world(file, clock).with_cluster()
    etag = before.get(CLUSTER).document["eTag"]
    assert a_saved_world(file, clock).get(CLUSTER).document["eTag"] == etag


def test_a_reader_of_the_file_sees_the_old_world_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    asker = a_saved_world(file, Clock()).with_group()
    old = file.read_bytes()
    with file.open("rb") as reading:
        asker.put(CLUSTER, a_cluster())
        assert reading.read() == old
    assert file.read_bytes() != old


def test_a_token_outlives_the_process(tmp_path: Path) -> None:
    clock = Clock()
    first = a_saved_world(tmp_path / "world.json", clock)
    second = a_saved_world(tmp_path / "world.json", clock)
    assert second.world.identity.objection(f"Bearer {first.world.token()}", "127.0.0.1") is None


def test_a_half_written_state_is_never_read(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    clock = Clock()
    a_saved_world(file, clock).with_group()
    (tmp_path / "world.json.new").write_text("{", encoding="utf-8")
    assert a_saved_world(file, clock).get(GROUP).status == 200


def test_the_same_seed_and_requests_make_the_same_world_and_another_seed_another() -> None:
    def made(seed: int) -> object:
        return an_asker(seed=seed).with_group().put(CLUSTER, a_cluster()).document

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_looking_more_often_does_not_change_how_long_things_take() -> None:
    def ends(looks: int) -> object:
        asker = an_asker(durations=durations.recorded).with_group()
        for _ in range(looks):
            asker.get(CLUSTER)
        asker.put(CLUSTER, a_cluster())
        return asker.world.state.running()[0].ends_at

    assert ends(0) == ends(50)

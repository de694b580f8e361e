"""The lock under which one host of several runs a timer: taken, renewed, released, lost, and left by the dead."""

import asyncio
import io
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from local.host.locks import Alone, Locks, LockTimes
from local.host.log import Log
from tests.local.host.patience import LONG, until

TIMES = LockTimes(period=60, recheck=60)
NAME = "Host.Functions.tick.Listener"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def locks(folder: Path | None, clock: Callable[[], float]) -> Locks:
    return Locks(folder=folder, times=TIMES, clock=clock)


def test_one_host_at_a_time_holds_a_lock(tmp_path: Path, clock: Clock) -> None:
    one, other = locks(tmp_path, clock), locks(tmp_path, clock)
    assert (one.take(NAME), other.take(NAME), one.take(NAME)) == (True, False, True)
    assert other.take("another")


def test_a_lock_that_is_renewed_holds_and_one_that_is_not_runs_out(tmp_path: Path, clock: Clock) -> None:
    one, other = locks(tmp_path, clock), locks(tmp_path, clock)
    one.take(NAME)
    for _ in range(3):
        clock.now += 59
        assert not other.take(NAME)
        assert one.take(NAME)
    clock.now += 60
    assert other.take(NAME)
    assert not one.take(NAME)


def test_a_released_lock_is_free_at_once_and_nobody_releases_anothers(tmp_path: Path, clock: Clock) -> None:
    one, other = locks(tmp_path, clock), locks(tmp_path, clock)
    one.take(NAME)
    other.release(NAME)
    assert not other.take(NAME)
    one.release(NAME)
    one.release(NAME)
    assert other.take(NAME)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"owner": "x"}', '{"owner": "x", "until": "soon"}'])
def test_a_note_that_cannot_be_read_holds_nothing(tmp_path: Path, clock: Clock, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert locks(tmp_path, clock).take(NAME)


def test_without_a_folder_every_lock_is_free(clock: Clock) -> None:
    one, other = locks(None, clock), locks(None, clock)
    assert one.take(NAME)
    assert other.take(NAME)
    one.release(NAME)


@pytest.mark.parametrize(("speed", "period", "recheck"), [(1, 60, 60), (6, 10, 10), (600, 1, 0.1)])
def test_a_lease_is_a_minute_of_the_world_and_never_below_a_second(speed: float, period: float, recheck: float) -> None:
    times = LockTimes.at(speed, period=timedelta(minutes=1), recheck=timedelta(minutes=1))
    assert (times.period, times.recheck) == (period, recheck)


class Work:
    """What runs under the lock: it notes when it runs, and ends when it is stopped."""

    running: int = 0
    most: int = 0

    def __init__(self, began: asyncio.Event) -> None:
        self._began = began
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        type(self).running += 1
        type(self).most = max(type(self).most, type(self).running)
        self._began.set()
        await self._stopping.wait()
        type(self).running -= 1


SHORT = LockTimes(period=0.3, recheck=0.02)


def hosts_of(folder: Path, clock: Clock, began: list[asyncio.Event], said: io.StringIO) -> list[Alone]:
    return [Alone(NAME, partial(Work, event), Locks(folder=folder, times=SHORT, clock=clock), Log(stream=said)) for event in began]


def test_another_host_takes_over_when_the_first_lets_go_and_when_it_has_died(tmp_path: Path, clock: Clock) -> None:
    said = io.StringIO()

    async def main() -> None:
        dead = Locks(folder=tmp_path, times=SHORT, clock=clock)
        assert dead.take(NAME)  # a host that was killed: nobody renews its note
        began = [asyncio.Event(), asyncio.Event()]
        hosts = hosts_of(tmp_path, clock, began, said)
        tasks = [asyncio.create_task(host.run()) for host in hosts]
        async with asyncio.timeout(LONG):
            await until(lambda: said.getvalue().count("lock_held_by_another_host") == 2)
            clock.now += SHORT.period
            await until(lambda: any(event.is_set() for event in began))
            first = 0 if began[0].is_set() else 1
            for _ in range(3):
                clock.now += SHORT.period / 2
                await until(lambda: json.loads((tmp_path / NAME).read_text())["until"] == clock.now + SHORT.period)  # it has renewed
            assert not began[1 - first].is_set()
            hosts[first].stop()
            await tasks[first]
            await began[1 - first].wait()
            hosts[1 - first].stop()
            await tasks[1 - first]

    asyncio.run(main())
    assert (Work.running, Work.most) == (0, 1)


def test_a_host_that_was_asleep_for_too_long_stops_what_it_ran(tmp_path: Path, clock: Clock) -> None:
    said = io.StringIO()

    async def main() -> None:
        began = [asyncio.Event()]
        (host,) = hosts_of(tmp_path, clock, began, said)
        task = asyncio.create_task(host.run())
        async with asyncio.timeout(LONG):
            await began[0].wait()
            clock.now += 60
            assert Locks(folder=tmp_path, times=TIMES, clock=clock).take(NAME)
            await until(lambda: not Work.running)
            host.stop()
            await task

    asyncio.run(main())
    assert "lock_lost" in said.getvalue()

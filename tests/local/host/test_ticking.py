"""Timers: what the monitor makes of the past, and ticks in a world that runs fast."""

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.host.calls import Call, Done, Failed, Outcome, TimerCall
from local.host.log import Log
from local.host.ncrontab import parse_schedule
from local.host.ticking import Monitor, Status, Ticker, at_start
from local.worldtime import WorldTime

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERY_MINUTE = parse_schedule("0 * * * * *")
HOURLY = parse_schedule("0 0 * * * *")
FAST = 1200.0  # a minute of the world in 50 ms


def status(last: datetime | None, following: datetime, updated: datetime | None = None) -> Status:
    return Status(last=last, next=following, updated=updated or last or NOON)


@pytest.mark.parametrize(
    ("stored", "kept", "past_due"),
    [
        (None, status(None, NOON + timedelta(hours=1)), False),
        (status(NOON - timedelta(minutes=30), NOON), None, False),
        (status(NOON - timedelta(hours=5), NOON - timedelta(hours=4)), None, True),
        (status(None, NOON - timedelta(hours=1), NOON - timedelta(hours=2)), None, True),
        (
            status(NOON - timedelta(hours=5), NOON - timedelta(hours=2)),
            status(NOON - timedelta(hours=5), NOON + timedelta(hours=1), NOON),
            False,
        ),
        (status(NOON + timedelta(days=2), NOON + timedelta(days=2, hours=1)), status(None, NOON + timedelta(hours=1)), False),
    ],
    ids=["first start", "nothing missed", "missed", "missed before the first tick", "schedule changed", "world set back"],
)
def test_the_monitor_knows_at_the_start_whether_a_tick_is_past_due(stored: Status | None, kept: Status | None, past_due: bool) -> None:  # noqa: FBT001 - a table's column
    now = NOON - timedelta(seconds=1) if stored and stored.next == NOON else NOON
    assert at_start(stored, HOURLY, now) == (kept or stored, past_due)


def test_the_monitor_survives_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "timers.json"
    first, second = status(NOON, NOON + timedelta(hours=1)), status(None, NOON)
    monitor = Monitor(path)
    monitor.keep("a", first)
    monitor.keep("b", second)
    again = Monitor(path)
    assert (again.status("a"), again.status("b"), again.status("c")) == (first, second, None)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 5}', '{"a": {"Last": "x"}}'])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "timers.json"
    path.write_text(text)
    assert Monitor(path).status("a") is None


class Ticks:
    """Invocations of a timer function in a fast world, until enough have come."""

    def __init__(self, enough: int, *, during: Callable[[], float] = lambda: 0.0, outcome: Outcome | None = None) -> None:
        self.world = WorldTime(
            speed=FAST, real_origin=datetime.now(UTC).timestamp(), world_origin=(NOON + timedelta(seconds=30)).timestamp()
        )
        self.calls: list[TimerCall] = []
        self.at: list[datetime] = []
        self.overlapped = False
        self._enough = enough
        self._during = during
        self._outcome = outcome or Done()
        self._running = 0
        self.ticker: Ticker | None = None

    async def invoke(self, function: str, call: Call) -> Outcome:
        assert isinstance(call, TimerCall)
        assert function == "tick"
        self.overlapped |= self._running > 0
        self._running += 1
        self.calls.append(call)
        self.at.append(self.world.now())
        await asyncio.sleep(self._during())
        self._running -= 1
        if len(self.calls) >= self._enough and self.ticker is not None:
            self.ticker.stop()
        return self._outcome

    def run(self, monitor: Monitor | None, *, run_on_startup: bool = False) -> None:
        async def main() -> None:
            self.ticker = Ticker(
                "tick",
                EVERY_MINUTE,
                world=self.world,
                monitor=monitor,
                run_on_startup=run_on_startup,
                invoke=self.invoke,
                log=Log(stream=io.StringIO()),
            )
            async with asyncio.timeout(20):
                await self.ticker.run()

        asyncio.run(main())


def test_a_timer_ticks_in_world_time_and_never_early() -> None:
    ticks = Ticks(3)
    ticks.run(Monitor(None))
    assert [at.minute for at in ticks.at] == sorted({at.minute for at in ticks.at})
    assert all(NOON < at < NOON + timedelta(minutes=30) for at in ticks.at)
    assert [call.past_due for call in ticks.calls] == [False] * 3


def test_a_tick_brings_what_the_monitor_knew_before_it() -> None:
    ticks = Ticks(2)
    ticks.run(monitor := Monitor(None))
    first, second = (call.status for call in ticks.calls)
    assert first is not None
    assert second is not None
    assert first["Last"].startswith("0001-01-01")
    assert datetime.fromisoformat(second["Last"]) < datetime.fromisoformat(second["Next"])
    assert monitor.status("tick") is not None


def test_without_a_monitor_a_tick_brings_no_status() -> None:
    ticks = Ticks(1)
    ticks.run(None)
    assert ticks.calls == [TimerCall(past_due=False, status=None)]


def test_ticks_do_not_overlap_and_missed_ones_come_as_one() -> None:
    ticks = Ticks(3, during=lambda: 0.12)  # more than two minutes of the world
    ticks.run(Monitor(None))
    assert not ticks.overlapped
    assert ticks.at[-1] - ticks.at[0] >= timedelta(minutes=4)
    assert [call.past_due for call in ticks.calls] == [False] * 3


def test_a_tick_missed_while_the_host_was_away_runs_once_and_says_so() -> None:
    monitor = Monitor(None)
    monitor.keep("tick", status(NOON - timedelta(hours=2), NOON - timedelta(hours=2) + timedelta(minutes=1)))
    ticks = Ticks(2)
    ticks.run(monitor)
    assert [call.past_due for call in ticks.calls] == [True, False]
    assert ticks.at[1] >= NOON + timedelta(minutes=1)


def test_a_timer_may_run_at_once_when_the_host_starts() -> None:
    ticks = Ticks(1)
    ticks.run(Monitor(None), run_on_startup=True)
    assert ticks.at[0] < NOON + timedelta(seconds=59)


def test_a_failure_does_not_end_the_schedule() -> None:
    ticks = Ticks(3, outcome=Failed(error="no"))
    ticks.run(Monitor(None))
    assert len(ticks.calls) == 3


def test_a_timer_that_is_never_due_ends_quietly() -> None:
    async def never(function: str, call: Call) -> Outcome:
        raise AssertionError(function, call)

    said = io.StringIO()
    ticker = Ticker(
        "tick",
        parse_schedule("0 0 0 30 2 *"),
        world=WorldTime(),
        monitor=Monitor(None),
        run_on_startup=False,
        invoke=never,
        log=Log(stream=said),
    )
    asyncio.run(ticker.run())
    assert "timer_never_due" in said.getvalue()

"""Timers: what the monitor makes of the past, and ticks on a clock that moves only while somebody waits for it."""

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.calls import Call, Done, Failed, Outcome, TimerCall
from local.host.log import Log
from local.host.ncrontab import Schedule, parse_schedule
from local.host.ticking import Monitor, Status, Ticker, at_start
from local.worldtime import WorldTime

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERY_MINUTE = parse_schedule("0 * * * * *")
HOURLY = parse_schedule("0 0 * * * *")
START = NOON + timedelta(seconds=30)
LONG = timedelta(minutes=2, seconds=20)


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


def test_the_monitor_survives_in_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "timers"
    first, second = status(NOON, NOON + timedelta(hours=1)), status(None, NOON)
    monitor, other = Monitor(folder), Monitor(folder)
    monitor.keep("a", first)
    other.keep("b", second)  # another host, which runs another timer
    assert [monitor.status(name) for name in "abc"] == [first, second, None]
    assert [Monitor(folder).status(name) for name in "abc"] == [first, second, None]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Last": "x"}', "5"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "Host.Functions.a.json").write_text(text)
    assert Monitor(tmp_path).status("a") is None


class Waited(WorldTime):
    """World time that passes only while somebody waits for it."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        object.__setattr__(self, "clock", [start])

    def now(self) -> datetime:
        clock: list[datetime] = object.__getattribute__(self, "clock")
        return clock[0]

    def real_seconds(self, world: timedelta) -> float:
        object.__getattribute__(self, "clock")[0] += max(world, timedelta(0))
        return 0.0


class Ticks:
    """Invocations of a timer function, until enough have come; the first take as long as `during` says, the others no time."""

    def __init__(self, enough: int, *, during: Sequence[timedelta] = (), outcome: Outcome | None = None) -> None:
        self.world = Waited(START)
        self.calls: list[TimerCall] = []
        self.at: list[datetime] = []
        self.overlapped = False
        self._enough = enough
        self._during = iter(during)
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
        await asyncio.sleep(self.world.real_seconds(next(self._during, timedelta(0))))
        self._running -= 1
        if len(self.calls) >= self._enough and self.ticker is not None:
            self.ticker.stop()
        return self._outcome

    def run(self, monitor: Monitor | None, *, schedule: Schedule = EVERY_MINUTE, run_on_startup: bool = False) -> "Ticks":
        async def main() -> None:
            self.ticker = Ticker(
                "tick",
                schedule,
                world=self.world,
                monitor=monitor,
                run_on_startup=run_on_startup,
                invoke=self.invoke,
                log=Log(stream=io.StringIO()),
            )
            async with asyncio.timeout(60):
                await self.ticker.run()

        asyncio.run(main())
        return self

    @property
    def clock(self) -> list[str]:
        """When it was called, by the world's clock."""
        return [f"{at:%H:%M:%S}" for at in self.at]

    @property
    def past_due(self) -> list[bool]:
        return [call.past_due for call in self.calls]


def test_a_timer_ticks_when_its_schedule_falls_due_and_not_at_the_first_start() -> None:
    ticks = Ticks(3).run(Monitor(None))
    assert ticks.clock == ["12:01:00", "12:02:00", "12:03:00"]
    assert ticks.past_due == [False] * 3


def test_a_schedule_may_be_a_span_of_time_from_one_tick_to_the_next() -> None:
    ticks = Ticks(3, during=[timedelta(seconds=5)]).run(Monitor(None), schedule=parse_schedule("00:07:00"))
    assert ticks.clock == ["12:07:30", "12:14:30", "12:21:30"]


def test_the_first_start_writes_down_when_the_first_tick_is_due() -> None:
    monitor = Monitor(None)
    before: list[Any] = []

    async def invoke(function: str, _: Call) -> Outcome:
        before.append(monitor.status(function))
        ticker.stop()
        return Done()

    ticker = Ticker(
        "tick", HOURLY, world=Waited(START), monitor=monitor, run_on_startup=False, invoke=invoke, log=Log(stream=io.StringIO())
    )
    asyncio.run(ticker.run())
    assert before == [status(None, NOON + timedelta(hours=1), START)]


def test_a_tick_brings_what_the_monitor_knew_before_it_and_leaves_what_it_knows_then() -> None:
    monitor = Monitor(None)
    ticks = Ticks(2).run(monitor)
    first, second = (call.status for call in ticks.calls)
    assert first is not None
    assert second is not None
    assert (first["Last"], first["Next"]) == ("0001-01-01T00:00:00+00:00", "2026-11-23T12:01:00+00:00")
    assert (second["Last"], second["Next"]) == ("2026-11-23T12:01:00+00:00", "2026-11-23T12:02:00+00:00")
    last = NOON + timedelta(minutes=2)
    assert monitor.status("tick") == status(last, last + timedelta(minutes=1))


def test_without_a_monitor_a_tick_brings_no_status_and_the_schedule_is_the_same() -> None:
    ticks = Ticks(2).run(None)
    assert ticks.calls == [TimerCall(past_due=False, status=None)] * 2
    assert ticks.clock == ["12:01:00", "12:02:00"]


@pytest.mark.parametrize("monitor", [Monitor(None), None])
def test_ticks_do_not_overlap_and_missed_ones_come_as_one_at_once_and_then_on_time(monitor: Monitor | None) -> None:
    ticks = Ticks(3, during=[LONG] * 3).run(monitor)
    assert not ticks.overlapped
    assert ticks.clock == ["12:01:00", "12:03:20", "12:05:40"]  # 12:02 and 12:03 as one, then 12:04 and 12:05
    assert ticks.past_due == [False] * 3


def test_after_one_long_run_the_schedule_is_kept_again() -> None:
    ticks = Ticks(4, during=[LONG]).run(Monitor(None))
    assert ticks.clock == ["12:01:00", "12:03:20", "12:04:00", "12:05:00"]


def test_a_tick_missed_while_the_host_was_away_runs_once_and_says_so() -> None:
    monitor = Monitor(None)
    monitor.keep("tick", status(NOON - timedelta(hours=2), NOON - timedelta(hours=2) + timedelta(minutes=1)))
    ticks = Ticks(2).run(monitor)
    assert ticks.past_due == [True, False]
    assert ticks.clock == ["12:00:30", "12:01:00"]


def test_a_schedule_that_was_changed_is_reckoned_anew_and_nothing_is_past_due() -> None:
    monitor = Monitor(None)
    monitor.keep("tick", status(NOON - timedelta(hours=5), NOON - timedelta(hours=4)))  # it was hourly then
    ticks = Ticks(1).run(monitor)
    assert (ticks.past_due, ticks.clock) == ([False], ["12:01:00"])


@pytest.mark.parametrize("missed", [False, True])
def test_a_timer_may_run_when_the_host_starts_but_only_once(missed: bool) -> None:  # noqa: FBT001 - what varies
    monitor = Monitor(None)
    if missed:
        monitor.keep("tick", status(NOON - timedelta(hours=5), NOON - timedelta(hours=4)))
    ticks = Ticks(2).run(monitor, schedule=HOURLY, run_on_startup=True)
    assert ticks.clock == ["12:00:30", "13:00:00"]
    assert ticks.past_due == [missed, False]


def test_a_failure_does_not_end_the_schedule() -> None:
    ticks = Ticks(3, outcome=Failed(error="no")).run(Monitor(None))
    assert ticks.clock == ["12:01:00", "12:02:00", "12:03:00"]


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

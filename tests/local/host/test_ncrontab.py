"""NCRONTAB and time spans: what is a schedule, and when it falls due."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from local.host.ncrontab import BadSchedule, Every, fires_often, parse_schedule
from local.host.timespans import parse_timespan

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("0 */5 * * * *", "2026-11-23T12:05:00"),
        ("*/5 * * * *", "2026-11-23T12:05:00"),
        ("*/5 * * * * *", "2026-11-23T12:00:05"),
        ("30 * * * * *", "2026-11-23T12:00:30"),
        ("0 0 12 * * *", "2026-11-24T12:00:00"),
        ("0 0 12 13 * 5", "2027-08-13T12:00:00"),  # both days must match
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 0 31 * *", "2026-12-31T00:00:00"),
        ("0 0 0 29 2 fri", "2036-02-29T00:00:00"),
        ("0 30 9-17 * * Mon-Fri", "2026-11-23T12:30:00"),
        ("0 0 9 * * 0", "2026-11-29T09:00:00"),
        ("0 0 9 1 J *", "2027-01-01T09:00:00"),  # any beginning of a name; the first month that has it
        ("0 0 9 1 july *", "2027-07-01T09:00:00"),
        ("0 0 9 * * 5-3", "2026-11-25T09:00:00"),  # a range written backwards is turned round: 3-5
        ("0 50/5 * * * *", "2026-11-23T12:50:00"),
        ("0 10-30/10,45 * * * *", "2026-11-23T12:10:00"),
        ("0 0 23 31 12 *", "2026-12-31T23:00:00"),
        ("59 59 23 * * *", "2026-11-23T23:59:59"),
        ("00:30:00", "2026-11-23T12:30:00"),
        ("24:00:00", "2026-12-17T12:00:00"),  # twenty-four days, as the host documents it
    ],
)
def test_a_schedule_falls_due_after_noon(schedule: str, due: str) -> None:
    assert parse_schedule(schedule).after(NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_what_is_due_now_is_not_due_after_now() -> None:
    schedule = parse_schedule("0 0 12 * * *")
    assert schedule.after(NOON - timedelta(microseconds=1)) == NOON
    assert schedule.after(NOON) == NOON + timedelta(days=1)
    assert schedule.after(NOON + timedelta(microseconds=1)) == NOON + timedelta(days=1)


def test_an_instant_in_another_zone_is_reckoned_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    assert parse_schedule("0 30 12 * * *").after(elsewhere) == NOON + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("schedule", "hits"),
    [
        ("15,45 10-12/2 8 * * *", ["08:10:15", "08:10:45", "08:12:15", "08:12:45"]),
        ("0 0 0,6-18/6 * * *", ["00:00:00", "06:00:00", "12:00:00", "18:00:00"]),
    ],
)
def test_all_occurrences_of_a_day_come_in_order(schedule: str, hits: list[str]) -> None:
    parsed, found, at = parse_schedule(schedule), [], datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    while (at := parsed.after(at) or at) < datetime(2026, 1, 2, tzinfo=UTC):
        found.append(f"{at:%H:%M:%S}")
    assert found == hits


def test_a_day_that_no_month_has_never_comes() -> None:
    assert parse_schedule("0 0 0 30 2 *").after(NOON) is None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 * * 5L",
        "0 0 0 15W * *",
        "0 0 0 * * 5#2",
        "0 0 0 ? * *",
        "60 * * * * *",
        "0 60 * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 32 * *",
        "0 0 0 * 13 *",
        "0 0 0 * 0 *",
        "0 0 0 * Foo *",
        "a * * * * *",
        "1- * * * * *",
        "*/x * * * * *",
        "-1 * * * * *",
        "1,, * * * * *",
        "@daily",
        "00:00:00",
        "-00:05:00",
        "00:60:00",
    ],
)
def test_what_the_host_would_not_take_is_refused(schedule: str) -> None:
    with pytest.raises(BadSchedule):
        parse_schedule(schedule)


@pytest.mark.parametrize(("schedule", "often"), [("*/30 * * * * *", True), ("0 * * * * *", False), ("00:00:59", True), ("00:01:00", False)])
def test_more_than_once_a_minute_is_often(schedule: str, often: bool) -> None:  # noqa: FBT001 - a table's column
    assert fires_often(parse_schedule(schedule), NOON) is often


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("10:30", timedelta(hours=10, minutes=30)),
        ("00:00:00.5", timedelta(milliseconds=500)),
        ("-00:00:01", timedelta(seconds=-1)),
        ("7", timedelta(days=7)),
        ("-1", timedelta(days=-1)),
        ("25:00:00", timedelta(days=25)),
    ],
)
def test_a_time_span_is_read_as_dotnet_reads_it(text: str, span: timedelta) -> None:
    assert parse_timespan(text) == span


@pytest.mark.parametrize("text", ["", "x", "5 minutes", "00:61:00", "1.25:00:00", "00:00:61", "1:2:3:4:5", "PT5M"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time span"):
        parse_timespan(text)


def test_a_period_counts_from_the_last_time() -> None:
    assert Every(period=timedelta(minutes=7)).after(NOON) == NOON + timedelta(minutes=7)

"""NCRONTAB, the cron of timer triggers: when a schedule falls due, in UTC; it knows no clock and runs nothing.

The rules are those of the NCrontab library that the host uses, not of Unix cron: an optional first field of seconds, day of month *and* day
of week must both match, Sunday is 0 and 7 is refused, names may be shortened to any prefix, a range written backwards is turned round.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.host.timespans import parse_timespan

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_CALENDAR_REPEATS = timedelta(days=146_097)  # 400 years: what has not matched by then never will
_FREQUENT = timedelta(minutes=1)


class BadSchedule(ValueError):  # noqa: N818 - it says what is; the message says why
    """The text is no schedule that the host would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field(name="second", least=0, most=59),
    _Field(name="minute", least=0, most=59),
    _Field(name="hour", least=0, most=23),
    _Field(name="day", least=1, most=31),
    _Field(name="month", least=1, most=12, names=_MONTHS),
    _Field(name="day of week", least=0, most=6, names=_DAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed NCRONTAB expression: the values that each field allows."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def after(self, instant: datetime) -> datetime | None:
        """The first occurrence later than `instant`, in UTC; None when there is none, as for 30 February."""
        start = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day = start.replace(hour=0, minute=0, second=0)
        time_of_day = self._time_from(start.hour, start.minute, start.second)
        if time_of_day is None or not self._matches(day):
            later = self._day_after(day)
            if later is None:
                return None
            day, time_of_day = later, (self.hours[0], self.minutes[0], self.seconds[0])
        hour, minute, second = time_of_day
        return day.replace(hour=hour, minute=minute, second=second)

    def _matches(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _day_after(self, day: datetime) -> datetime | None:
        days = (day + timedelta(days=number) for number in range(1, _CALENDAR_REPEATS.days + 1))
        return next((later for later in days if self._matches(later)), None)

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first allowed time of day that is not before the given one."""
        if hour in self.hours:
            if minute in self.minutes and (found := _from(self.seconds, second)) is not None:
                return hour, minute, found
            if (found := _from(self.minutes, minute + 1)) is not None:
                return hour, found, self.seconds[0]
        if (found := _from(self.hours, hour + 1)) is not None:
            return found, self.minutes[0], self.seconds[0]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A schedule written as a time span: one period after the last time."""

    period: timedelta

    def after(self, instant: datetime) -> datetime | None:
        """One period later than `instant`."""
        return instant + self.period


Schedule = Cron | Every


def parse_schedule(text: str) -> Schedule:
    """The schedule of a timer trigger: an NCRONTAB expression of five or six fields, or a time span; BadSchedule otherwise."""
    parts = text.split()
    if len(parts) in {5, 6}:
        return _cron(text, parts if len(parts) == 6 else ["0", *parts])
    try:
        period = parse_timespan(text)
    except ValueError:
        message = f"{text!r} is no schedule; want five or six cron fields, or a time span"
        raise BadSchedule(message) from None
    if period <= timedelta(0):
        message = f"{text!r} is no schedule; the period must be longer than nothing"
        raise BadSchedule(message)
    return Every(period=period)


def fires_often(schedule: Schedule, now: datetime) -> bool:
    """Whether two of the next five occurrences are less than a minute apart: the host then keeps no monitor for the timer."""
    last = schedule.after(now)
    for _ in range(4):
        if last is None:
            return False
        following = schedule.after(last)
        if following is not None and following - last < _FREQUENT:
            return True
        last = following
    return False


def _cron(text: str, parts: list[str]) -> Cron:
    try:
        seconds, minutes, hours, days, months, weekdays = (_values(field, part) for field, part in zip(_FIELDS, parts, strict=True))
    except BadSchedule as error:
        message = f"{text!r} is no schedule: {error}"
        raise BadSchedule(message) from None
    return Cron(
        seconds=tuple(sorted(seconds)),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
    )


def _values(field: _Field, text: str) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        what, slash, step_text = part.partition("/")
        step = _number(field, step_text) if slash else 1
        if what == "*":
            first, last = field.least, field.most
        elif "-" in what[1:]:
            start, _, end = what.partition("-")
            first, last = sorted((_value(field, start), _value(field, end)))
        else:
            first = _value(field, what)
            last = field.most if slash and step != 1 else first
        values.update(range(first, last + 1, max(step, 1)))
    return values


def _value(field: _Field, text: str) -> int:
    if text[:1].isdigit() or not field.names:
        value = _number(field, text)
    else:
        named = (number for number, name in enumerate(field.names, field.least) if text and name.startswith(text.lower()))
        value = next(named, -1)
    if not field.least <= value <= field.most:
        message = f"{text!r} is no {field.name}; want {field.least} to {field.most}{' or a name' if field.names else ''}"
        raise BadSchedule(message)
    return value


def _number(field: _Field, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        message = f"{text!r} is no number in the field for the {field.name}"
        raise BadSchedule(message)
    return int(text)


def _from(values: tuple[int, ...], least: int) -> int | None:
    return next((value for value in values if value >= least), None)

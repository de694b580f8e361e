"""Durations in the notation of .NET's TimeSpan, which host.json and timer schedules use; it owns the notation and nothing else."""

import re
from datetime import timedelta

_FORM = re.compile(
    r"(?P<minus>-)?(?:(?P<days>\d+)\.)?(?P<first>\d+):(?P<second>\d{1,2})"
    r"(?::(?P<third>\d{1,2})(?:\.(?P<fraction>\d{1,7}))?)?"
)
_DAYS = re.compile(r"(?P<minus>-)?(?P<days>\d+)")


def parse_timespan(text: str) -> timedelta:
    """The duration that `text` names: `[-][d.]hh:mm[:ss[.f]]`, or a bare number of days.

    As the host documents, a first part above 23 counts days: `24:00:00` is 24 days, not one. Raises ValueError for anything else.
    """
    text = text.strip()
    if bare := _DAYS.fullmatch(text):
        span = timedelta(days=int(bare["days"]))
        return -span if bare["minus"] else span
    form = _FORM.fullmatch(text)
    if form is None:
        message = f"{text!r} is no time span; want [d.]hh:mm:ss, for example 00:05:00"
        raise ValueError(message)
    first, second, third = int(form["first"]), int(form["second"]), int(form["third"] or 0)
    if first > 23 and form["days"] is None:
        span = _checked(text, days=first, hours=second, minutes=third)
    else:
        span = _checked(text, days=int(form["days"] or 0), hours=first, minutes=second, seconds=third)
    span += timedelta(seconds=float(f"0.{form['fraction'] or 0}"))
    return -span if form["minus"] else span


def _checked(text: str, *, days: int, hours: int, minutes: int, seconds: int = 0) -> timedelta:
    if hours > 23 or minutes > 59 or seconds > 59:
        message = f"{text!r} is no time span; hours go to 23, minutes and seconds to 59"
        raise ValueError(message)
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

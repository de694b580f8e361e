"""When Kubernetes versions come to AKS, region by region, and when they leave it: the announced calendar, and its rhythm before and after.

Minors 1.22 to 1.37 follow the calendar of learn.microsoft.com/azure/aks/supported-kubernetes-versions (its editions of 2022 to 2026): a
month stands for its last day where something ends, and a minor is supported for a year from its general availability. The days within
a month are ours, and so are the patches but for those in recordings of November 2022, June 2023 and February 2026.
"""

import hashlib
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

FIRST_LONG_TERM = 27
"""The first minor that AKS went on supporting for a second year, for those who pay for it."""

_ANNOUNCED = """
minor preview general supported  long-term patches
22    2021-09 2021-12 2022-12-05 -         4@2021-09-10 6@2022-02-01 11@2022-08-01 15@2022-10-25
23    2022-01 2022-04 2023-04    -         3@2022-01-10 5@2022-04-15 8@2022-08-01 12@2022-10-25 15@2023-03-01
24    2022-05 2022-07 2023-07    -         0@2022-05-10 3@2022-08-01 6@2022-10-25 9@2023-01-20 10@2023-05-12 12@2023-07-05
25    2022-10 2022-12 2024-01-02 -         2@2022-10-10 4@2022-12-15 5@2023-02-10 6@2023-06-01
26    2023-02 2023-04 2024-03    -         0@2023-02-10 3@2023-06-01
27    2023-06 2023-07 2024-07    2025-07   1@2023-06-10
28    2023-09 2023-11 2025-01    2026-02
29    2024-02 2024-03 2025-03    2026-04
30    2024-06 2024-07 2025-08-22 2026-07
31    2024-10 2024-11 2025-11-01 2026-11
32    2025-02 2025-04 2026-03    2027-03
33    2025-05 2025-06 2026-07    2027-07   0@2025-05-10 2@2025-08-01 5@2025-11-10 6@2026-01-20 8@2026-04-10 10@2026-09-01 11@2026-11-01
34    2025-10 2025-11 2026-11    2027-11   0@2025-10-10 1@2025-12-10 3@2026-03-01 5@2026-06-01 7@2026-09-01 9@2026-11-03
35    2026-02 2026-03 2027-03    2028-03   0@2026-02-10 1@2026-04-10 3@2026-07-01 4@2026-09-15 6@2026-11-04
36    2026-05 2026-06 2027-06    2028-06   0@2026-05-10 1@2026-07-10 2@2026-09-10 4@2026-11-02
37    2026-09 2026-10 2027-10    2028-10   0@2026-09-10 1@2026-11-05
"""

_SLOWEST = 14
"""Ten working days: how many days a release may take until it has reached the last region (the same page)."""
_MISSED = 35
_ONE_IN = 24
"""One release in so many is missed by a region at first, and comes this many days late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One minor: offered from `preview_on`, stable from `general_on`; the days on which its support ends still count.

    `long_term_until` is None where there is no long-term support. `known` are patches with the day they came, in order; those that
    come after them follow by rule.
    """

    number: int
    preview_on: date
    general_on: date
    supported_until: date
    long_term_until: date | None
    known: tuple[tuple[date, int], ...] = ()

    @property
    def offered_until(self) -> date:
        """The last day on which anybody may have it."""
        return self.long_term_until or self.supported_until

    def patches(self) -> Iterator[tuple[date, int]]:
        """Every patch with the day it comes: about monthly while the minor is supported, every second month in its long-term year."""
        known = self.known or ((self.preview_on, 0),)
        yield from known
        day, patch = known[-1]
        while day <= self.offered_until:
            pause = 30 if day <= self.supported_until else 61
            day += timedelta(days=pause + _spread(7, self.number, patch))
            patch += 1
            yield day, patch


@lru_cache(maxsize=64)
def release(number: int) -> Release:
    """The minor 1.`number`; outside the announced calendar there is one every four months, as there has been about."""
    if number in _CALENDAR:
        return _CALENDAR[number]
    nearest = _CALENDAR[min(max(number, min(_CALENDAR)), max(_CALENDAR))]
    general = _months_on(nearest.general_on, 4 * (number - nearest.number))
    long_term = _month_end(_months_on(general, 24)) if number >= FIRST_LONG_TERM else None
    return Release(
        number=number,
        preview_on=_months_on(general, -1),
        general_on=general,
        supported_until=_month_end(_months_on(general, 12)),
        long_term_until=long_term,
    )


def offered_on(day: date) -> Iterator[Release]:
    """The minors that some region may offer on a day, oldest first."""
    newest = max(_CALENDAR)
    while release(newest).preview_on <= day:
        newest += 1
    oldest = newest
    while oldest > 0 and release(oldest - 1).offered_until >= day:
        oldest -= 1
    return (release(number) for number in range(oldest, newest) if release(number).preview_on <= day <= release(number).offered_until)


def lag(region: str, version: str) -> timedelta:
    """How long after the first region a release reaches this one: days, or weeks where it is left out at first."""
    if _spread(_ONE_IN, region, version, "missed") == 0:
        return timedelta(days=_MISSED)
    return timedelta(days=_spread(_SLOWEST + 1, region, version))


def _spread(size: int, *what: object) -> int:
    """A number below `size` that looks drawn by lot and is always the same for the same things."""
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:4]) % size


def _months_on(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, day.day)


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _read(line: str) -> Release:
    number, preview, general, supported, long_term, *patches = line.split()

    def end(text: str) -> date:
        return date.fromisoformat(text) if len(text) > len("2026-11") else _month_end(date.fromisoformat(f"{text}-01"))

    return Release(
        number=int(number),
        preview_on=date.fromisoformat(f"{preview}-10"),
        general_on=date.fromisoformat(f"{general}-15"),
        supported_until=end(supported),
        long_term_until=None if long_term == "-" else end(long_term),
        known=tuple((date.fromisoformat(came), int(patch)) for patch, came in (entry.split("@") for entry in patches)),
    )


_CALENDAR = {line.number: line for line in map(_read, _ANNOUNCED.strip().splitlines()[1:])}

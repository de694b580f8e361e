"""When to look again. Owns every delay between two looks of an operation; it must not know what a look costs or finds.

Theory: an unchanged poll saves nothing, so the next look may depend only on what the row already holds and on the answer just received. AKS
sends no `Retry-After` on long-running operations (measured over all recordings), so the loop is ours; where ARM does say when to come back
(a 429, a resource group's deletion), its word is taken within bounds: never hot, never so late that an operation seems dead.

How long such operations take is known, so looks are spent where ends are likely: a creation is not asked after in its first three minutes,
in which one in ten ends, and then every 20 seconds while most do. `LOOKS` says when, for each action; it was fitted by `local/pacing.py`,
and a test holds that operations it was not fitted to are noticed no later than by a look every 30 seconds, with about half the looks. What
lasts longer than the table, or is of a kind nobody has recorded, is looked at again after a tenth of the time that it has taken: the longer
it has lasted, the less a minute matters.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.model.operations import Operation, Running, Settling, Waiting

Looks = Mapping[str, tuple[int, ...]]
"""By the kind of an action: when to look, in seconds after Azure took the call."""

LOOKS: dict[str, tuple[int, ...]] = {
    "make_cluster": (180, 205, 230, 250, 270, 290, 310, 335, 360, 385, 415, 445),
    "remove_cluster": (305, 370, 420, 460, 495, 530, 565, 600, 635, 670, 705, 740),
    "scale_pool": (155, 180, 200, 220, 240, 255, 270, 285, 300, 315, 330, 345),
    "start_cluster": (145, 170, 190, 210, 230, 250, 270, 290, 310, 330, 350, 370),
    "start_pool": (110, 130, 150, 170, 185, 200, 215, 230, 245, 260, 275, 290),
    "stop_cluster": (110, 145, 175, 205, 230, 255, 280, 310, 340, 370, 395, 425),
    "stop_pool": (45, 60, 70, 80, 95, 115, 140, 165, 200, 240, 265, 285),
}
"""When to look, in seconds after Azure took the call. Fitted on 2026-11-23 to 591 durations of real AKS operations of 2018 to 2026."""
TYPICAL: dict[str, int] = {
    "make_cluster": 229,
    "remove_cluster": 488,
    "scale_pool": 210,
    "start_cluster": 184,
    "start_pool": 129,
    "stop_cluster": 204,
    "stop_pool": 67,
}
"""How long those operations took, in seconds: half of them longer, half no longer."""
LOOK_EVERY = timedelta(seconds=30)
SETTLE_EVERY = timedelta(seconds=15)
HELD_EVERY = timedelta(minutes=2)
"""How often a step that a person's pause holds asks whether it still does: one read of one row, and none of Azure."""
MOST_SHARE = 0.9
SWEPT_WITHIN = timedelta(minutes=20)
"""How long what nothing drives any more lies at most until the sweep takes it up (`QUIET` in `work/sweep.py`, and the time between two)."""
SOONEST = timedelta(seconds=5)
LATEST = timedelta(minutes=5)
"""Bounds on any `Retry-After`: an absurd one (86400 has been seen) must not put an operation to sleep for a day."""


def bounded(retry_after: timedelta | None, *, default: timedelta = LOOK_EVERY) -> timedelta:
    """How long to wait when ARM said `retry_after`, or `default` if it said nothing."""
    if retry_after is None:
        return default
    return min(max(retry_after, SOONEST), LATEST)


def backoff(tries: int, *, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait before the next attempt after `tries` of them: 30 s, doubling to five minutes, unless ARM says otherwise."""
    doubled = LOOK_EVERY * 2 ** min(max(tries - 1, 0), 10)
    return bounded(retry_after, default=min(doubled, LATEST))


def patience(waited: timedelta, *, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait before a call that was surely not taken is made again: a quarter of what was waited already, or what ARM says.

    AKS grants one PUT a minute to a cluster or pool once its burst of 20 is spent, so a lasting refusal must not meet a steady knock.
    """
    return bounded(retry_after, default=min(max(waited / 4, LOOK_EVERY), LATEST))


def look_after(looks: Iterable[int], elapsed: timedelta) -> timedelta:
    """How long after Azure took a call the next look is, when so much time has gone by since; `looks` as in `LOOKS`, empty if unknown."""
    for seconds in looks:
        look = timedelta(seconds=seconds)
        if look >= elapsed + SOONEST:
            return look
    return elapsed + min(max(elapsed / 10, LOOK_EVERY), LATEST)


def share(kind: str, elapsed: timedelta, limit: timedelta) -> float:
    """How much of a call that Azure took so long ago is likely done: at most nine tenths, for only Azure knows when it ends.

    Where nobody has recorded how long such calls take, what counts is the time that it is given at most.
    """
    usual = timedelta(seconds=TYPICAL[kind]) if kind in TYPICAL else limit
    return min(max(elapsed / usual, 0.0), MOST_SHARE)


def next_look(operation: Operation, now: datetime, *, retry_after: timedelta | None = None, looks: Looks = LOOKS) -> datetime | None:
    """When the current operation of a cluster is looked at next if nothing changes; None if nothing is to be looked at.

    `looks`: the figures that hold, shipped or learned (`shared/rules/learning.py`).
    """
    if operation.ended or operation.headed_at is None or operation.resting:
        return None
    cursor, asked = operation.cursor, operation.cancelled_by
    state = operation.states[cursor] if cursor is not None else None
    match state:
        case Waiting(until=until) if until is not None and until > now:
            return until
        case Waiting(since=None, failure=None):
            return now
        case Waiting(since=None):
            return now + HELD_EVERY
        case Settling():
            return now + bounded(retry_after, default=SETTLE_EVERY)
        case Running() if retry_after is None and asked is not None and asked.aborted_at is not None:
            # What was aborted ends on another clock than what was left alone.
            elapsed = max(now - asked.aborted_at, timedelta(0))
            return now + look_after((), elapsed) - elapsed
        case Running(started_at=started_at) if retry_after is None and operation.plan is not None and cursor is not None:
            # A clock that went back does not put the look off.
            elapsed = max(now - started_at, timedelta(0))
            return now + look_after(looks.get(operation.plan.steps[cursor].action.kind, ()), elapsed) - elapsed
        case _:
            return now + bounded(retry_after)

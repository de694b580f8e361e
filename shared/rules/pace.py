"""When to look again. Owns every delay between two looks of an operation; it must not know what a look costs or finds.

Theory: an unchanged poll saves nothing, so the next look may depend only on what the row already holds and on the answer just received. AKS
sends no `Retry-After` on long-running operations (measured over all recordings), so the loop is ours; where ARM does say when to come back
(a 429, a resource group's deletion), its word is taken within bounds: never hot, never so late that an operation seems dead.
"""

from datetime import datetime, timedelta

from shared.model.operations import Operation, Settling, Waiting

LOOK_EVERY = timedelta(seconds=30)
SETTLE_EVERY = timedelta(seconds=15)
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


def next_look(operation: Operation, now: datetime, *, retry_after: timedelta | None = None) -> datetime | None:
    """When the current operation of a cluster is looked at next if nothing changes; None if nothing is to be looked at."""
    if operation.ended or operation.headed_at is None:
        return None
    cursor = operation.cursor
    state = operation.states[cursor] if cursor is not None else None
    match state:
        case Waiting(since=None):
            return now
        case Waiting(until=until) if until is not None and until > now:
            return until
        case Settling():
            return now + bounded(retry_after, default=SETTLE_EVERY)
        case _:
            return now + bounded(retry_after)

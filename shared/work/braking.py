"""The brake before every call that changes something: a person's pause, and the cap on such calls an hour.

The row is read and written, by its etag, between the look that a claim follows from and the claim. So a pause that was answered is obeyed
by every claim after it, no two workers count the same call, and the moment in which another may come between is short. What is held already
asks the row alone, and Azure only once it may go on.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.log import event
from shared.model.acting import Hold, Pause, ShownActing
from shared.model.errors import Code, Failure, Refusal, Stale
from shared.ports import ActingRow, Clock
from shared.rules import acting

RACES = 10
"""How often a count or a pause is tried again after somebody else changed the row meanwhile."""
CROWDED = timedelta(seconds=5)
"""How long a step waits where too many count at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """Where the state of acting is kept, and how many calls that change something may be made in an hour."""

    row: ActingRow
    most: int


def holding(brake: Brake, clock: Clock) -> Hold | None:
    """Why no call may be made now, by one read; None if one may."""
    return acting.hold(brake.row.read().acting, clock.now(), most=brake.most)


def counted(brake: Brake, clock: Clock) -> Hold | None:
    """Count one call that is about to be made; or why it may not be made. A call that is counted and not made stays counted."""
    for _ in range(RACES):
        kept, now = brake.row.read(), clock.now()
        hold = acting.hold(kept.acting, now, most=brake.most)
        if hold is not None:
            return hold
        try:
            brake.row.write(kept, acting.counted(kept.acting, now))
        except Stale:
            continue
        return None
    now = clock.now()
    message = "too many operations begin a step at once; this one goes on in a few seconds"
    return Hold(failure=Failure(code=Code.BUSY_STORE, message=message, transient=True), until=now + CROWDED)


def shown(brake: Brake, clock: Clock) -> ShownActing:
    """The state of acting."""
    return acting.shown(brake.row.read().acting, clock.now(), most=brake.most)


def pause(brake: Brake, *, by: str, reason: str | None, clock: Clock) -> ShownActing | Refusal:
    """Stop all acting; answers the state. Pausing what is paused changes nothing, not even who paused it."""
    return _change(brake, Pause(by=by, at=clock.now(), reason=reason), by, clock)


def unpause(brake: Brake, *, by: str, clock: Clock) -> ShownActing | Refusal:
    """Let the app act again; answers the state. What was held goes on at its next look."""
    return _change(brake, None, by, clock)


def _change(brake: Brake, wanted: Pause | None, by: str, clock: Clock) -> ShownActing | Refusal:
    for _ in range(RACES):
        kept = brake.row.read()
        after = acting.unpaused(kept.acting) if wanted is None else acting.paused(kept.acting, wanted)
        if after is kept.acting:
            return acting.shown(after, clock.now(), most=brake.most)
        try:
            brake.row.write(kept, after)
        except Stale:
            continue
        event("acting_unpaused" if wanted is None else "acting_paused", by=by, reason=wanted and wanted.reason)
        return acting.shown(after, clock.now(), most=brake.most)
    message = "too many operations begin a step at once; send the request again"
    return Refusal(code=Code.BUSY_STORE, message=message)

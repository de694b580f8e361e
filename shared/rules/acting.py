"""May the app change something now? A person's pause and the cap on calls an hour. Pure judgement; must not know where the state is kept.

The cap is a fuse against a fault of ours or a flood of requests, not a schedule: its default is far above what a fleet needs. Hours are
those of the clock, in UTC. Workers' clocks may differ: the later hour counts, so that a slow clock does not begin the count anew; one that
is further ahead than `SKEW` was wrong, and is not believed.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.model.acting import Acting, Hold, Pause, ShownActing
from shared.model.errors import Code, Failure

HOUR = timedelta(hours=1)
SKEW = timedelta(hours=1)


def hold(acting: Acting, now: datetime, *, most: int) -> Hold | None:
    """Why no call that changes something may be made at `now`; None if one may."""
    if acting.pause is not None:
        pause = acting.pause
        because = f": {pause.reason}" if pause.reason is not None else ""
        message = f"all acting was paused by {pause.by} at {pause.at:%Y-%m-%d %H:%M:%S} UTC{because}; it goes on after POST /api/unpause"
        return Hold(failure=Failure(code=Code.PAUSED, message=message, transient=True))
    hour = _hour(acting, now)
    if _made(acting, hour) < most:
        return None
    ends = hour + HOUR
    message = f"the {most} calls an hour that TIDEKEEPER_MUTATIONS_PER_HOUR allows are made; it goes on at {ends:%Y-%m-%d %H:%M:%S} UTC"
    return Hold(failure=Failure(code=Code.CAPPED, message=message, transient=True), until=ends)


def counted(acting: Acting, now: datetime) -> Acting:
    """The state with one call more."""
    hour = _hour(acting, now)
    return replace(acting, hour=hour, mutations=_made(acting, hour) + 1)


def paused(acting: Acting, pause: Pause) -> Acting:
    """The state with acting paused; one that is paused already keeps its pause."""
    return acting if acting.pause is not None else replace(acting, pause=pause)


def unpaused(acting: Acting) -> Acting:
    """The state with acting allowed; the very same object if it was."""
    return acting if acting.pause is None else replace(acting, pause=None)


def shown(acting: Acting, now: datetime, *, most: int) -> ShownActing:
    """The state as people see it at `now`."""
    hour = _hour(acting, now)
    return ShownActing(pause=acting.pause, mutations=_made(acting, hour), most=most, ends_at=hour + HOUR)


def _hour(acting: Acting, now: datetime) -> datetime:
    own = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    later = acting.hour is not None and own < acting.hour <= own + SKEW
    return acting.hour if later and acting.hour is not None else own


def _made(acting: Acting, hour: datetime) -> int:
    return acting.mutations if acting.hour == hour else 0

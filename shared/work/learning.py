"""Learning how long Azure takes from our own ended operations, once a day. What is read is bounded, and nothing waits for it.

Where it fails, the figures that hold go on holding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from shared.log import event, warning
from shared.model.errors import CallFailed, Stale
from shared.model.kept import KeptPace
from shared.model.listing import Query, Summary
from shared.model.operations import Status
from shared.model.paces import Pace, Sample, ShownPaces
from shared.ports import Clock, Operations, Paces
from shared.rules import learning, pace, sampling

TELLING = {
    "create": ("make_cluster",),
    "delete": ("remove_cluster",),
    "scale": ("scale_pool",),
    "start": ("start_cluster", "start_pool"),
    "stop": ("stop_cluster", "stop_pool"),
}
"""Requests, and the kinds of steps with figures that they lead to."""
ENDED = frozenset({Status.SUCCEEDED, Status.FAILED})
"""A failed operation may have steps that did not fail, or one that outlasted its time."""
BACK = timedelta(days=30)
A_DAY, LISTED = 5, 50
"""How many operations of a request are read of each day, the newest; and of how many, at most, it is seen whether they did anything.

A day on which everything was late decides nothing: `learning.ENOUGH` samples take four days. A run asks storage for 155 lists at
most, and 1550 times for an operation or its history.
"""


@dataclass(slots=True, kw_only=True)
class Lesson:
    """What a run of learning did: operations read, samples found in them, kinds whose figures changed, and what went wrong."""

    read: int = 0
    samples: int = 0
    changed: int = 0
    faults: int = 0


def looks(paces: Paces) -> pace.Looks:
    """The figures that hold: the learned ones where there are any, else the shipped ones. Raises `CallFailed`."""
    return learning.looks_by(row.pace for row in paces.read() if row.pace is not None)


def learn(*, operations: Operations, paces: Paces, clock: Clock) -> Lesson:
    """Take into account what has ended since the figures changed last. Storage that is away is logged, and leaves the rest to another day.

    Two runs at once come to the same, and the row of each kind is written by the first.
    """
    lesson = Lesson()
    try:
        kept = {row.kind: row for row in paces.read()}
        for action, kinds in TELLING.items():
            own = {kind: kept.get(kind) for kind in kinds}
            _learn_from(action, {kind: row for kind, row in own.items() if row is None or not row.newer}, lesson, operations, paces, clock)
    except CallFailed as failed:
        lesson.faults += 1
        warning("learning_broke_off", code=failed.failure.code, because=failed.failure.message)
    event("paces_learned", read=lesson.read, samples=lesson.samples, changed=lesson.changed, faults=lesson.faults)
    return lesson


def shown(paces: Paces) -> ShownPaces:
    """The pace of every kind that has figures. Raises `CallFailed`."""
    return learning.shown(row.pace for row in paces.read() if row.pace is not None)


# ---- inside


def _learn_from(action: str, kept: dict[str, KeptPace | None], lesson: Lesson, operations: Operations, paces: Paces, clock: Clock) -> None:
    now = clock.now()
    before = {kind: learning.taken_up(kind, row.pace if row is not None else None, now) for kind, row in kept.items()}
    since = {kind: known.since + learning.TAKES_HOLD for kind, known in before.items()}
    figures = learning.looks_by(before.values())
    found: list[Sample] = []
    for item in _ended(action, max(min(since.values(), default=now), now - BACK), now, operations):
        found += _told_by(item, figures, since, lesson, operations)
    for kind, known in before.items():
        _keep(kept[kind], known, learning.after_samples(known, found, now), lesson, paces)


def _ended(action: str, since: datetime, until: datetime, operations: Operations) -> Iterator[Summary]:
    """The newest of each day that did anything: what was born done has one instant."""
    while until > since:
        day = max(datetime.combine(until.astimezone(UTC).date(), time(), tzinfo=UTC), since)
        page = operations.page(Query(statuses=ENDED, actions=frozenset({action}), since=day, until=until, top=LISTED))
        yield from [item for item in page.items if item.updated_at > item.created_at][:A_DAY]
        until = day - timedelta(milliseconds=1)


def _told_by(item: Summary, looks: pace.Looks, since: dict[str, datetime], lesson: Lesson, operations: Operations) -> tuple[Sample, ...]:
    """What one operation tells. One that cannot be read is passed over, and logged; storage that is away is not its fault."""
    try:
        operation = operations.load(item.id)
        if operation is None:
            return ()
        lesson.read += 1
        found = sampling.samples(operation, operations.history(item.id), looks=looks, since=since)
    except CallFailed:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever is wrong with one operation, the others tell what they tell
        lesson.faults += 1
        warning("operation_tells_nothing", operation=item.id, fault=type(fault).__name__)
        return ()
    lesson.samples += len(found)
    return found


def _keep(kept: KeptPace | None, before: Pace, after: Pace, lesson: Lesson, paces: Paces) -> None:
    try:
        paces.write(kept, after)
    except Stale:
        event("pace_learned_already", kind=after.kind)
        return
    if after.learned != before.learned:
        lesson.changed += 1
        event("pace_changed", kind=after.kind, stretch=after.learned.stretch if after.learned is not None else 1.0)

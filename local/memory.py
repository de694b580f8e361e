"""The ports in memory: the same promises as storage (etags, insert-if-absent, delays), on a clock that somebody else turns.

Kept honest by `tests/contract`, which asks the same of these and of the real thing. Must not know what operations mean.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from shared.model.acting import Acting
from shared.model.errors import Stale, Unreadable
from shared.model.kept import JournalRow, KeptActing, KeptLetter, KeptPace, Wreck
from shared.model.letters import Letter, LetterPage, LetterQuery, day_of
from shared.model.listing import BadContinuation, Page, Query, Summary
from shared.model.operations import ENDED, Event, Head, Operation, Wake, partition_of
from shared.model.paces import Pace
from shared.ports import Change, Key, OpenRow, Stored
from shared.rules import naming


@dataclass(slots=True)
class MemoryClock:
    """A clock that moves only when told."""

    instant: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant it was last set to."""
        return self.instant

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        self.instant += by


@dataclass(slots=True)
class CountingIds:
    """Ids that are the same in every run."""

    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self) -> str:
        """The next number, eight digits wide."""
        return f"{next(self._numbers):08d}"


class MemoryOperations:
    """The `Operations` port in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.RLock()
        self._etags = itertools.count(1)
        self.heads: dict[str, Stored] = {}
        self.operations: dict[str, Operation] = {}
        self.events: dict[str, dict[int, Event]] = {}
        self.opened: dict[str, OpenRow] = {}
        self.journalled: dict[str, Summary] = {}
        self.keys: dict[str, Key] = {}
        self.damaged: set[str] = set()
        self.written_off: dict[str, Summary] = {}

    def head(self, partition: str) -> Stored | None:
        """The head of a cluster."""
        found = self.heads.get(partition)
        if found is not None and found.head.current.id in self.damaged:
            raise Unreadable
        return found

    def commit(self, before: Stored | None, after: Head | None, changes: Iterable[Change]) -> Stored | None:
        """All or nothing, under one lock."""
        changes = tuple(changes)
        partition = changes[0].operation.partition
        with self._lock:
            known = self.heads.get(partition)
            if before is not None and (known is None or known.etag != before.etag):
                raise Stale
            if before is None and after is not None and known is not None:
                raise Stale
            if any(change.event.n in self.events.get(change.operation.id, {}) for change in changes):
                raise Stale
            for change in changes:
                self.operations[change.operation.id] = change.operation
                self.events.setdefault(change.operation.id, {})[change.event.n] = change.event
            if after is None:
                if before is not None:
                    del self.heads[partition]
                return None
            stored = Stored(head=after, etag=str(next(self._etags)))
            self.heads[partition] = stored
            return stored

    def load(self, operation_id: str) -> Operation | None:
        """The operation."""
        partition_of(operation_id)
        if operation_id in self.damaged:
            raise Unreadable
        return self.operations.get(operation_id)

    def wreck(self, operation_id: str) -> Wreck | None:
        """What a list shows of it, and its place."""
        operation, stored = self.operations.get(operation_id), self.heads.get(partition_of(operation_id))
        if operation is None:
            return None
        position = stored.head.position(operation_id) if stored is not None else None
        events = len(self.events[operation_id])
        return Wreck(
            summary=self._told(operation),
            etag=str(events),
            events=events,
            behind=stored.head.line if stored is not None and position == 0 else None,
            head_etag=stored.etag if stored is not None and position is not None else None,
        )

    def write_off(self, wreck: Wreck, ended: Summary, event: Event, after: Head | None, changes: Iterable[Change]) -> None:
        """All or nothing, under one lock."""
        with self._lock:
            partition = partition_of(ended.id)
            known = self.heads.get(partition)
            if str(len(self.events.get(ended.id, {}))) != wreck.etag or (wreck.head_etag is not None and known is None):
                raise Stale
            if wreck.head_etag is not None and known is not None:
                if known.etag != wreck.head_etag:
                    raise Stale
                self.heads.pop(partition)
            for change in changes:
                self.operations[change.operation.id] = change.operation
                self.events[change.operation.id][change.event.n] = change.event
            if wreck.head_etag is not None and after is not None:
                self.heads[partition] = Stored(head=after, etag=str(next(self._etags)))
            self.written_off[ended.id] = ended
            self.events[ended.id][event.n] = event

    def journal_unread(self, ended: Summary) -> None:
        """Write the row in `journal`."""
        self.journalled[ended.id] = ended

    def history(self, operation_id: str) -> tuple[Event, ...]:
        """Its history."""
        partition_of(operation_id)
        return tuple(event for _, event in sorted(self.events.get(operation_id, {}).items()))

    def intend(self, operation: Operation) -> None:
        """Write the row in `open`."""
        self.opened[operation.id] = OpenRow(operation=operation.id, cluster=operation.cluster, since=operation.created_at)

    def forget(self, operation_id: str) -> None:
        """Take it out of `open`."""
        partition_of(operation_id)
        self.opened.pop(operation_id, None)

    def open(self) -> Iterable[OpenRow]:
        """Every row of `open`, as it is now."""
        return tuple(self.opened.values())

    def journal(self, operation: Operation) -> None:
        """Write the row in `journal`."""
        self.journalled[operation.id] = _summary(operation)

    def ended_before(self, instant: datetime, most: int) -> tuple[JournalRow, ...]:
        """Rows of the journal that are old enough, an older day first, the newest of a day first."""
        latest = naming.newest_first(instant)
        old = [item for item in self.journalled.values() if naming.newest_first(item.updated_at) >= latest]
        old.sort(key=lambda item: (item.updated_at.date(), naming.newest_first(item.updated_at), item.id))
        return tuple(JournalRow(operation=item.id, ended_at=item.updated_at) for item in old[:most])

    def erase(self, row: JournalRow, key_name: str | None) -> None:
        """Forget all of it."""
        with self._lock:
            if key_name is not None and key_name in self.keys and self.keys[key_name].operation == row.operation:
                del self.keys[key_name]
            for rows in (self.events, self.operations, self.opened, self.journalled, self.written_off):
                rows.pop(row.operation, None)
            self.damaged.discard(row.operation)

    def strike(self, row: JournalRow) -> None:
        """Forget the journal's row."""
        self.journalled.pop(row.operation, None)

    def bind(self, name: str, key: Key) -> Key | None:
        """Give the key its meaning, unless it has one."""
        with self._lock:
            known = self.keys.get(name)
            if known is None:
                self.keys[name] = key
        return known

    def bound(self, name: str) -> Key | None:
        """The key's meaning."""
        return self.keys.get(name)

    def page(self, query: Query) -> Page:
        """A page, in the order of the real thing: open ones first, then ended ones, each newest first."""
        items = [item for item in self._listed(query) if _wanted(item, query)]
        start = _start(query.continuation)
        rest = items[start : start + query.top]
        more = start + query.top < len(items)
        return Page(items=tuple(rest), continuation=str(start + query.top) if more else None)

    def _listed(self, query: Query) -> list[Summary]:
        if query.cluster is not None:
            partition = naming.partition(query.cluster)
            own = [operation for operation in self.operations.values() if operation.partition == partition]
            return [self._told(item) for item in sorted(own, key=lambda item: item.id) if query.since <= item.created_at <= query.until]
        # As fine as the keys of the real thing: milliseconds.
        oldest, newest = naming.newest_first(query.since), naming.newest_first(query.until)

        def within(item: Summary) -> bool:
            return newest <= naming.newest_first(item.updated_at) <= oldest

        rows = [self._told(self.operations[row.operation]) for row in self.opened.values() if row.operation in self.operations]
        reads_open = not query.statuses or query.statuses - ENDED
        opened = [item for item in rows if reads_open and (item.status not in ENDED or (within(item) and item.id not in self.journalled))]
        opened.sort(key=lambda item: naming.newest_first(item.created_at) + item.id)
        ended = sorted(self.journalled.values(), key=lambda item: naming.newest_first(item.updated_at) + item.id)
        return [*opened, *filter(within, ended)]

    def _told(self, operation: Operation) -> Summary:
        """What stands beside the operation's work."""
        return self.written_off.get(operation.id) or _summary(operation)


class MemoryWakes:
    """The `Wakes` port in memory: a heap of messages by the instant they become visible."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Deliver by `clock`."""
        self._clock = clock
        self._order = itertools.count()
        self.waiting: list[tuple[datetime, int, Wake]] = []

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Keep the message until it is due."""
        heapq.heappush(self.waiting, (self._clock() + delay, next(self._order), wake))

    def due(self) -> Wake | None:
        """Take the next message that is visible now."""
        if self.waiting and self.waiting[0][0] <= self._clock():
            return heapq.heappop(self.waiting)[2]
        return None

    def next_at(self) -> datetime | None:
        """When the next message becomes visible."""
        return self.waiting[0][0] if self.waiting else None


class MemoryAnnouncer:
    """The `Announcer` port in memory."""

    def __init__(self) -> None:
        """Begin silent."""
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, queue: str, message: Mapping[str, object]) -> None:
        """Keep the reply."""
        self.said.append((queue, dict(message)))


class MemoryLetters:
    """The `Letters` port in memory. What is sent again goes to `send`, and is kept in `sent`."""

    def __init__(self, send: Callable[[str, str], object] | None = None) -> None:
        """Begin empty."""
        self._send = send
        self._etags = itertools.count(1)
        self._kept: dict[str, str] = {}
        self.filed: dict[str, Letter] = {}
        self.sent: list[tuple[str, str]] = []

    def file(self, letter: Letter) -> None:
        """Keep the letter."""
        self.filed[letter.id] = replace(letter)
        self._kept[letter.id] = str(next(self._etags))

    def load(self, identifier: str) -> KeptLetter | None:
        """The letter."""
        found = self.filed.get(identifier)
        return None if found is None else KeptLetter(letter=found, etag=self._kept[identifier])

    def page(self, query: LetterQuery) -> LetterPage:
        """A page: the newest day first, and by id within a day."""
        if query.continuation is not None and day_of(query.continuation) is None:
            raise BadContinuation

        def place(identifier: str) -> tuple[int, str]:
            return -int(identifier[:8]), identifier

        within = [letter for letter in self.filed.values() if query.since <= letter.filed_at <= query.until]
        ordered = sorted(within, key=lambda letter: place(letter.id))
        after = query.continuation
        rest = [letter for letter in ordered if after is None or place(letter.id) > place(after)]
        full = len(rest) >= query.top
        return LetterPage(letters=tuple(rest[: query.top]), continuation=rest[query.top - 1].id if full else None)

    def send_again(self, letter: Letter) -> None:
        """Send the text."""
        self.sent.append((letter.queue, letter.text))
        if self._send is not None:
            self._send(letter.queue, letter.text)

    def remove(self, kept: KeptLetter) -> None:
        """Forget the letter, if it is as it was read."""
        if self._kept.get(kept.letter.id) == kept.etag:
            del self._kept[kept.letter.id], self.filed[kept.letter.id]

    def purge(self, before: datetime, most: int) -> int:
        """Forget letters of whole days, the oldest first."""
        day = before.astimezone(UTC).date()
        old = sorted(letter.id for letter in self.filed.values() if letter.filed_at.astimezone(UTC).date() < day)[:most]
        for identifier in old:
            del self._kept[identifier], self.filed[identifier]
        return len(old)


class MemoryActing:
    """The `ActingRow` port in memory."""

    def __init__(self) -> None:
        """Begin without a row."""
        self._lock = threading.Lock()
        self._etags = itertools.count(1)
        self.kept = KeptActing(acting=Acting(), etag=None)

    def read(self) -> KeptActing:
        """The state."""
        return self.kept

    def write(self, before: KeptActing, after: Acting) -> None:
        """Replace it by its etag."""
        with self._lock:
            if before.etag != self.kept.etag:
                raise Stale
            self.kept = KeptActing(acting=after, etag=str(next(self._etags)))


class MemoryPaces:
    """The `Paces` port in memory."""

    def __init__(self) -> None:
        """Begin without a row."""
        self._lock = threading.Lock()
        self._etags = itertools.count(1)
        self.kept: dict[str, KeptPace] = {}

    def read(self) -> tuple[KeptPace, ...]:
        """Every row."""
        return tuple(self.kept.values())

    def write(self, before: KeptPace | None, after: Pace) -> None:
        """Replace a row by its etag, or insert it."""
        with self._lock:
            known = self.kept.get(after.kind)
            if (known and known.etag) != (before and before.etag):
                raise Stale
            self.kept[after.kind] = KeptPace(kind=after.kind, pace=after, etag=str(next(self._etags)))


class MemoryStore:
    """The `Store` port in memory: always there."""

    def check(self) -> None:
        """Answer."""


def _summary(operation: Operation) -> Summary:
    failure = operation.failure
    return Summary(
        id=operation.id,
        cluster=operation.cluster,
        action=operation.request.action,
        door=operation.origin.door,
        status=operation.status,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        because=operation.plan.because if operation.plan is not None else None,
        code=failure.code if failure is not None else None,
    )


def _wanted(item: Summary, query: Query) -> bool:
    return (
        (not query.statuses or item.status in query.statuses)
        and (not query.actions or item.action in query.actions)
        and (not query.doors or item.door in query.doors)
    )


def _start(continuation: str | None) -> int:
    if continuation is None:
        return 0
    if not (continuation.isascii() and continuation.isdigit()):
        raise BadContinuation
    return int(continuation)

"""What the use cases need from the world, as protocols. Adapters fulfil them with Azure, `local.memory` in memory.

Every call may raise `CallFailed` with a failure that the adapter has classified; nothing behind these protocols repeats or waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from shared.model.clusters import Absent, Cluster, ClusterRef, Group, Sight
from shared.model.listing import Page, Query, Summary
from shared.model.operations import Answered, Event, Handle, Head, Operation, StillRunning, Wake
from shared.model.plans import Abortable, Action

if TYPE_CHECKING:
    from shared.model.acting import Acting
    from shared.model.kept import JournalRow, KeptActing, KeptLetter, KeptPace, Wreck
    from shared.model.letters import Letter, LetterPage, LetterQuery
    from shared.model.paces import Pace
    from shared.model.versions import Offer, Offered


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """This instant, aware and UTC."""
        ...


class Ids(Protocol):
    """The only source of chance."""

    def token(self) -> str:
        """Eight characters of [0-9a-v] that nobody can guess."""
        ...


class Clusters(Protocol):
    """AKS and the parts of ARM around it."""

    def cluster(self, ref: ClusterRef) -> Cluster | Absent:
        """The cluster now, from one read."""
        ...

    def clusters(self, subscription: str) -> tuple[Cluster, ...]:
        """Every cluster of a subscription, from one list call (and its further pages)."""
        ...

    def group(self, ref: ClusterRef, *, contents: bool = False) -> Group | Absent:
        """The cluster's resource group now; with `contents` also which other clusters are in it, by a further read."""
        ...

    def offer(self, ref: ClusterRef) -> "Offer | Absent":
        """What AKS would let the cluster's control plane move to."""
        ...

    def offered(self, subscription: str, location: str) -> "tuple[Offered, ...]":
        """The versions that AKS offers in a region (ARM's short spelling), newest first."""
        ...

    def look(self, ref: ClusterRef, action: Action) -> Sight:
        """What the action is about: the cluster, its group (with its clusters, if it is to go) or a resource provider."""
        ...

    def attempt(self, ref: ClusterRef, action: Action, sight: Sight) -> Handle | None:
        """Ask ARM, once, to do the action, provided that what it acts on is still what `sight` showed. None: it was finished at once."""
        ...

    def abort(self, ref: ClusterRef, action: Abortable) -> None:
        """Ask AKS, once, to abort what runs on the cluster or pool that the action is about. What it had applied by then stays applied."""
        ...

    def poll(self, handle: Handle) -> StillRunning | Answered:
        """Ask ARM how the call behind the handle is getting on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A cluster's head as read from the store, and the etag under which it may be replaced."""

    head: Head
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An operation as it now is, and the history row that says what changed."""

    operation: Operation
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What an idempotency key stands for: an operation and the digest of the body that made it."""

    operation: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """A row of the `open` table: an operation that may not have ended, written before the operation itself."""

    operation: str
    cluster: ClusterRef
    since: datetime


class Operations(Protocol):
    """The durable store of operations. What `commit` takes is written whole or not at all."""

    def head(self, partition: str) -> Stored | None:
        """The head of a cluster; None if it has no open operation. Raises `Unreadable`."""
        ...

    def commit(self, before: Stored | None, after: Head | None, changes: Iterable[Change]) -> Stored | None:
        """Replace `before` by `after` (None: no head) and write the changed operations with one history row each, in one transaction.

        Raises `Stale` if the head is not what `before` says, or a history row of that number exists.
        """
        ...

    def load(self, operation_id: str) -> Operation | None:
        """The operation, by one point read. Raises ValueError for what cannot be an id, `Unreadable` for a row that cannot be read."""
        ...

    def wreck(self, operation_id: str) -> "Wreck | None":
        """The operation, with nothing of its work read, however damaged that is. Raises ValueError as `load` does."""
        ...

    def write_off(self, wreck: "Wreck", ended: Summary, event: Event, after: Head | None, changes: Iterable[Change]) -> None:
        """Mark the row as `ended` says, add the history row, and replace the head of `wreck` by `after`, with the changes that go with it.

        In one transaction; the operation's work is neither read nor written. Raises `Stale` if row or head are not as `wreck` says.
        """
        ...

    def journal_unread(self, ended: Summary) -> None:
        """Write the journal's row of an operation that was written off. Writing it again changes nothing."""
        ...

    def history(self, operation_id: str) -> tuple[Event, ...]:
        """What happened to the operation, oldest first."""
        ...

    def intend(self, operation: Operation) -> None:
        """Write the operation's row in `open`, before anything else of it exists. Writing it again changes nothing."""
        ...

    def forget(self, operation_id: str) -> None:
        """Take the operation's row out of `open`; it need not be there."""
        ...

    def open(self) -> Iterable[OpenRow]:
        """Every row of `open`."""
        ...

    def journal(self, operation: Operation) -> None:
        """Write the ended operation's row in `journal`. Writing it again changes nothing."""
        ...

    def ended_before(self, instant: datetime, most: int) -> "tuple[JournalRow, ...]":
        """Up to `most` journalled operations that ended by `instant`, an older day before a younger. Costs no more the more are kept."""
        ...

    def erase(self, row: "JournalRow", key_name: str | None) -> None:
        """Remove an ended operation: its idempotency key, its history and itself, its row in `open` and, last, the one in the journal.

        One that is gone already, or half, is removed none the less; a key that stands for another operation by now stays.
        """
        ...

    def strike(self, row: "JournalRow") -> None:
        """Remove a row of the journal whose operation is gone; it need not be there."""
        ...

    def bind(self, name: str, key: Key) -> Key | None:
        """Give an idempotency key its meaning; answers the meaning it already has, if it has one."""
        ...

    def bound(self, name: str) -> Key | None:
        """What an idempotency key stands for."""
        ...

    def page(self, query: Query) -> Page:
        """A page of operations."""
        ...


class Wakes(Protocol):
    """Wake-ups to ourselves."""

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Send a wake-up that arrives after `delay`, at least once."""
        ...


class Announcer(Protocol):
    """Replies to whoever asked by queue."""

    def say(self, queue: str, message: Mapping[str, object]) -> None:
        """Send a reply to a queue, which is made if it is missing."""
        ...


class Letters(Protocol):
    """Dead letters."""

    def file(self, letter: "Letter") -> None:
        """Keep a letter. Filing it again changes nothing of what it says."""
        ...

    def load(self, identifier: str) -> "KeptLetter | None":
        """A letter by its id, by one point read; None where there is none. Raises `NewerSchema` for a row of newer code."""
        ...

    def page(self, query: "LetterQuery") -> "LetterPage":
        """A page of letters, the newest day first. Raises `BadContinuation`."""
        ...

    def send_again(self, letter: "Letter") -> None:
        """Send the letter's text to its queue, as it came. The letter stays."""
        ...

    def remove(self, kept: "KeptLetter") -> None:
        """Remove the letter if it is still as it was read; one that was filed again since stays, and it need not be there."""
        ...

    def purge(self, before: datetime, most: int) -> int:
        """Remove up to `most` letters of whole days (UTC) before the instant's own, the oldest first; answers how many.

        Costs no more the more are kept.
        """
        ...


class ActingRow(Protocol):
    """The one row that says whether the app acts."""

    def read(self) -> "KeptActing":
        """The state of acting; the state of one that was never paused and never acted, where nothing was stored yet."""
        ...

    def write(self, before: "KeptActing", after: "Acting") -> None:
        """Replace the state if it is still as it was read. Raises `Stale` if it is not."""
        ...


class Paces(Protocol):
    """What was learned about how long Azure takes: a row for each kind of action."""

    def read(self) -> "tuple[KeptPace, ...]":
        """Every row there is."""
        ...

    def write(self, before: "KeptPace | None", after: "Pace") -> None:
        """Replace a kind's row if it is still as it was read (None: there was none). Raises `Stale` if it is not."""
        ...


class Store(Protocol):
    """Whether storage answers."""

    def check(self) -> None:
        """One cheap read; raises `CallFailed` if storage is away."""
        ...

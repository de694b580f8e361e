"""What use cases read from the store as it is kept there, with what it takes to replace or remove it. Values only.

Apart from what accepting a request needs, which a cold start loads (`shared/ports.py`).
"""

from dataclasses import dataclass
from datetime import datetime

from shared.model.acting import Acting
from shared.model.letters import Letter
from shared.model.listing import Summary
from shared.model.paces import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """Which ended operation a row of the journal stands for, and when that ended."""

    operation: str
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wreck:
    """What can be told of an operation without reading its work, and the etag of its row.

    `events`: how many history rows it has. `behind`: who waits behind it, if it holds its cluster; None if it does not. `head_etag`: of the
    head that it holds, or in whose line it waits; None if it has no place.
    """

    summary: Summary
    etag: str
    events: int
    behind: tuple[str, ...] | None = None
    head_etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    """A letter as read from the store, and the etag under which it may be removed."""

    letter: Letter
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptActing:
    """The state of acting as read from the store, and the etag under which it may be replaced; None where nothing was stored yet."""

    acting: Acting
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPace:
    """A kind's pace as read from the store, and the etag under which it may be replaced.

    `pace` None: the row cannot be read. It is of newer code (`newer`), and is left to that, or it is broken, and may be replaced.
    """

    kind: str
    pace: Pace | None
    etag: str
    newer: bool = False

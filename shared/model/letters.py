"""Dead letters: messages that could not be processed, kept until a person decides; what a letter is called, and lists of letters."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

LETTER_ID = re.compile(r"([0-9]{8})[0-9a-f]{24}", re.ASCII)
"""The UTC day on which it was filed, then 96 bits of a hash of the message: whoever has the id knows where the letter lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that could not be processed: where it was, why, and its text, kept until a person decides.

    `queue` is the queue it was sent to, never a poison queue. `cut`: the store could not hold the whole text, and this is its beginning.
    """

    id: str
    queue: str
    reason: str
    text: str
    filed_at: datetime
    operation: str | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQuery:
    """Which letters to list: those filed in the span, the newest day first."""

    since: datetime
    until: datetime
    top: int = 50
    continuation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPage:
    """Some letters, and where to go on. A page may come short; the list has ended only where there is nowhere to go on."""

    letters: tuple[Letter, ...]
    continuation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLetter:
    """A letter as people may see it: its text cut and without what looks like a secret. `length` counts the characters that are kept."""

    id: str
    queue: str
    reason: str
    text: str
    length: int
    requeueable: bool
    filed_at: datetime
    operation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPage:
    """A page of letters as people may see them."""

    letters: tuple[ShownLetter, ...]
    continuation: str | None


def letter_id(filed_at: datetime, mark: str) -> str:
    """The id of the letter of a message, whose `mark` (24 hexadecimal digits) is the same at each of its deliveries."""
    return f"{filed_at.astimezone(UTC):%Y%m%d}{mark}"


def day_of(identifier: str) -> date | None:
    """The UTC day under which a letter of this id is kept; None for what is no letter's id."""
    found = LETTER_ID.fullmatch(identifier)
    if found is None:
        return None
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        return None

"""Dead letters: messages that could not be processed, kept until a person decides."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that could not be processed: where it was, why, and its text, kept until a person decides."""

    id: str
    queue: str
    reason: str
    text: str
    filed_at: datetime
    operation: str | None = None

"""The figures by which a process looks at what is under way: read when they are first needed, and once an hour after that."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.log import warning
from shared.rules import pace

HOURLY = timedelta(hours=1)


class Figures:
    """The figures that hold. Must never make anybody wait or fail: they only say when to come back."""

    def __init__(self, read: Callable[[], pace.Looks]) -> None:
        """Begin with the shipped figures; `read` brings those that hold."""
        self._read = read
        self._lock = threading.Lock()
        self._read_at: datetime | None = None
        self._known: pace.Looks = pace.LOOKS

    @property
    def known(self) -> pace.Looks:
        """The figures as they were last read, without reading."""
        return self._known

    def at(self, now: datetime) -> pace.Looks:
        """The figures at `now`, read at most once an hour. Where they cannot be read, the shipped ones hold until they are read again."""
        with self._lock:
            # A clock that went back is no reason to go longer than an hour.
            if self._read_at is not None and abs(now - self._read_at) < HOURLY:
                return self._known
            # Who comes meanwhile goes on with what is known, instead of waiting or reading too.
            self._read_at = now
        try:
            self._known = self._read()
        except Exception as fault:  # noqa: BLE001 - no wake-up may fail for this, whatever is wrong
            warning("paces_unread", fault=type(fault).__name__)
            self._known = pace.LOOKS
        return self._known

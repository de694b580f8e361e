"""The host's log: one line of JSON an event on standard error. Nothing that could hold a secret is given to it: no query, key or body."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

_LEVELS = {"trace": 5, "debug": 10, "information": 20, "warning": 30, "error": 40, "critical": 50, "none": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Writes events whose category may speak at their level, as host.json's `logging.logLevel` says; longest matching category wins."""

    levels: Mapping[str, str] = field(default_factory=dict)
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def event(self, name: str, *, level: str = "information", category: str = "Host", **facts: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write that `name` happened, with its facts."""
        if _LEVELS[level] < self._least(category):
            return
        said = {"at": self.clock().isoformat(timespec="milliseconds"), "level": level, "category": category, "event": name, **facts}
        self.stream.write(json.dumps(said, default=str) + "\n")
        self.stream.flush()

    def _least(self, category: str) -> int:
        named = category.lower()
        fitting = [key for key in self.levels if key.lower() == "default" or named == key.lower() or named.startswith(f"{key.lower()}.")]
        best = max(fitting, key=lambda key: 0 if key.lower() == "default" else len(key), default=None)
        return _LEVELS.get(self.levels[best].lower(), 20) if best is not None else 20


def level_of(number: int) -> str:
    """The host's name for a level of Python's logging."""
    return max((name for name in _LEVELS if _LEVELS[name] <= max(number, 5) and name != "none"), key=lambda name: _LEVELS[name])

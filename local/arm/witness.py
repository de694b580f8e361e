"""The simulator's own log: every request and what came of it, to check a client against. No token, signature or body is in it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from local.arm.signatures import PARAMETERS
from local.arm.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request: `at` is the world's instant, `digest` the body's SHA-256 (its first 16 digits, empty without a body).

    `applied` says whether it changed the world; `status` is None if no answer was given; `in_flight` is the number of the request whose
    operation was running on the same cluster, or on one of its pools, when this one came.
    """

    n: int
    at: str
    method: str
    path: str
    status: int | None
    code: str | None
    correlation: str | None
    client_request: str | None
    applied: bool
    digest: str
    in_flight: int | None
    fault: str | None


@dataclass(slots=True, kw_only=True)
class Witness:
    """The entries so far, in memory and, with a file, on disk: a restarted simulator goes on where the file ends."""

    file: Path | None = None
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read what an earlier run wrote; a line that a kill cut short is left out."""
        if self.file is None or not self.file.exists():
            return
        text = self.file.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self.file.write_text(whole, encoding="utf-8")
        self.entries.extend(Entry(**json.loads(line)) for line in whole.splitlines())

    def add(self, entry: Entry) -> None:
        """One more request."""
        self.entries.append(entry)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(entry)) + "\n")

    def since(self, number: int) -> list[Json]:
        """The entries after a number, as JSON."""
        return [asdict(entry) for entry in self.entries if entry.n > number]


def shown_path(target: str) -> str:
    """Path and query without the signature."""
    path, _, query = target.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in PARAMETERS]
    return f"{path}?{urlencode(kept)}" if kept else path


def digest(body: bytes) -> str:
    """A short fingerprint of a body."""
    return hashlib.sha256(body).hexdigest()[:16] if body else ""


def code_of(body: bytes) -> str | None:
    """The error code in an answer, whichever shape it has."""
    try:
        document = json.loads(body) if body else None
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else document.get("code")
    return code if isinstance(code, str) else None


def instant(moment: datetime) -> str:
    """An instant as the log writes it."""
    return moment.isoformat()

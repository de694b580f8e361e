"""The signed query of a status URL (`t`, `c`, `s`, `h`: about 3,000 characters): made when an operation starts, checked at each poll."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_CERTIFICATE = 2340
_SIGNATURE = 342
PARAMETERS = ("t", "c", "s", "h")


def signed(path: str, now: datetime, *, seed: int) -> str:
    """The four parameters for a path, as a query string that begins with &."""
    ticks = str(round((now - _YEAR_ONE).total_seconds() * 10_000_000))
    parts = _parts(path, ticks, seed)
    return "".join(f"&{name}={parts[name]}" for name in PARAMETERS)


def genuine(path: str, query: Mapping[str, str], *, seed: int) -> bool:
    """Whether a query carries exactly what `signed` made for that path; a client that shortens or rebuilds the URL fails here."""
    parts = _parts(path, query.get("t", ""), seed)
    return all(hmac.compare_digest(query.get(name, "").encode(), parts[name].encode()) for name in PARAMETERS)


def _parts(path: str, ticks: str, seed: int) -> dict[str, str]:
    secret = f"{seed}/status-urls".encode()
    return {
        "t": ticks,
        "c": "MII" + _filler(secret, _CERTIFICATE - 3),
        "s": _filler(hmac.new(secret, f"{path.casefold()}?{ticks}".encode(), hashlib.sha256).digest(), _SIGNATURE),
        "h": _filler(hashlib.sha256(path.casefold().encode()).digest(), 43),
    }


def _filler(source: bytes, length: int) -> str:
    """Base64url text of a length that depends on every byte of the source, as keys and signatures look."""
    return base64.urlsafe_b64encode(hashlib.shake_256(source).digest(length)).decode()[:length]

"""How things are named in the store: partitions, sort keys and the names of idempotency keys. Must stay stable: the names live on disk."""

import base64
import hashlib
from datetime import UTC, datetime

from shared.model.clusters import ClusterRef
from shared.model.operations import PARTITION_LENGTH
from shared.model.requests import Origin

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_TIME_DIGITS = 9
_LATEST_MS = 32**_TIME_DIGITS - 1
"""Milliseconds that nine digits of base 32 can say: enough until the year 3084."""


def partition(ref: ClusterRef) -> str:
    """The table partition of a cluster: sixteen characters (80 bits) of a hash of its key, so that no name's characters matter."""
    digest = hashlib.sha256(ref.key.encode()).digest()
    return base64.b32hexencode(digest[:10]).decode().lower()[:PARTITION_LENGTH]


def newest_first(instant: datetime) -> str:
    """Nine characters that sort in the order of time, the newest first; 1 ms fine. Nothing is before 1970 or after 3084."""
    left = min(max(_LATEST_MS - int(instant.astimezone(UTC).timestamp() * 1000), 0), _LATEST_MS)
    digits = []
    for _ in range(_TIME_DIGITS):
        left, digit = divmod(left, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def key_name(origin: Origin, key: str) -> str:
    """The name under which a caller's idempotency key is kept: a hash, so that any text may be a key and none is readable in the store."""
    return hashlib.sha256(f"{origin.door}\n{origin.caller}\n{key}".encode()).hexdigest()[:40]


def retry_name(operation_id: str) -> str:
    """The name under which the one retry of an ended operation is kept, among the keys; no door is called `retry`, so none can meet it."""
    return hashlib.sha256(f"retry\n{operation_id}".encode()).hexdigest()[:40]

"""Structured log events: one JSON object a line, for people and queries alike. Must never be given a secret, key or URL query."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOGGER = logging.getLogger("tidekeeper")
_LOGGER.setLevel(logging.INFO)
# The SDKs would log every request they make, with its URL; what they cost is counted here instead.
logging.getLogger("azure").setLevel(logging.WARNING)


def event(name: str, **facts: object) -> None:
    """Log that something happened. Facts that are None are left out; values are shown with `str` where JSON has no form for them."""
    known = {key: value for key, value in facts.items() if value is not None}
    _LOGGER.info("%s", json.dumps({"event": name, **known}, default=str, separators=(",", ":")))


def warning(name: str, **facts: object) -> None:
    """Log something that a person should look at."""
    known = {key: value for key, value in facts.items() if value is not None}
    _LOGGER.warning("%s", json.dumps({"event": name, **known}, default=str, separators=(",", ":")))


_counts: ContextVar[Counter[str] | None] = ContextVar("counts", default=None)


def count(name: str) -> None:
    """Count a request that went on the wire for the invocation under way, if one is."""
    counts = _counts.get()
    if counts is not None:
        counts[name] += 1


@contextmanager
def invocation(door: str, **facts: object) -> Iterator[None]:
    """Log what one invocation of a door cost: requests to ARM, tables and queues."""
    counts: Counter[str] = Counter()
    token = _counts.set(counts)
    try:
        yield
    finally:
        _counts.reset(token)
        event("invocation_ended", door=door, **facts, arm=counts["arm"], tables=counts["tables"], queues=counts["queues"])

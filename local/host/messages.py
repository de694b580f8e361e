"""The text of queue messages: host.json's `messageEncoding`, and the names of poison queues. Pure."""

import base64
import binascii

_LONGEST_NAME = 63
_SUFFIX = "-poison"


def encoded(text: str, encoding: str) -> str:
    """What stands in the queue for `text`."""
    return base64.b64encode(text.encode()).decode() if encoding == "base64" else text


def decoded(raw: str, encoding: str) -> str | None:
    """The text that `raw` stands for; None when it should be base64 and is not. Bytes that are no UTF-8 come as replacement characters."""
    if encoding != "base64":
        return raw
    try:
        return base64.b64decode("".join(raw.split()), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return None


def poison_queue(queue: str) -> str | None:
    """The queue that takes what `queue` cannot digest; None for a poison queue itself, or a name without room for the suffix."""
    name = f"{queue}{_SUFFIX}"
    return None if queue.endswith(_SUFFIX) or len(name) > _LONGEST_NAME else name

"""How the host and a worker process talk: frames of a JSON head and a block of bytes, each with its length before it, on a pipe.

It owns the form of a frame and the words of the conversation; it starts no process and interprets no head.
"""

import asyncio
import json
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

_LENGTHS = struct.Struct(">II")

Head = Mapping[str, Any]
"""What a frame says: `kind` is one of load, loaded, broken, invoke, outcome, log; the rest belongs to the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One thing said: a head, and bytes that would be wasteful as JSON (a body)."""

    head: Head
    blob: bytes = field(default=b"", repr=False)


def packed(frame: Frame) -> bytes:
    """The bytes of `frame` on the pipe."""
    head = json.dumps(frame.head).encode()
    return _LENGTHS.pack(len(head), len(frame.blob)) + head + frame.blob


def read_frame(stream: IO[bytes]) -> Frame | None:
    """The next frame, waiting for it; None when the other side has gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, blob_length = _LENGTHS.unpack(lengths)
    data = stream.read(head_length + blob_length)
    if len(data) < head_length + blob_length:
        return None
    return Frame(head=json.loads(data[:head_length]), blob=data[head_length:])


async def next_frame(stream: asyncio.StreamReader) -> Frame | None:
    """`read_frame` for the host's side."""
    try:
        head_length, blob_length = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
        head = await stream.readexactly(head_length)
        blob = await stream.readexactly(blob_length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Frame(head=json.loads(head), blob=blob)


class FrameWriter:
    """The worker's side of the pipe to the host; any thread may write, and frames never mix."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, frame: Frame) -> None:
        """Send `frame`. A pipe that has closed means the host is gone; the reader notices that and ends the process."""
        data = packed(frame)
        with self._lock:
            try:
                self._stream.write(data)
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                return

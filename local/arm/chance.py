"""Seeded randomness that survives a restart: the n-th draw of a stream depends on the seed, the stream's name and n alone.

Streams keep apart what must not disturb each other: however often a client polls, the second cluster takes as long as it would have anyway.
"""

import random
import uuid
from dataclasses import dataclass

from local.arm.records import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """The dice of one world; how often each stream was drawn from is part of the world's state."""

    seed: int
    state: State

    def _next(self, stream: str) -> random.Random:
        count = self.state.draws[stream] = self.state.draws.get(stream, 0) + 1
        return random.Random(f"{self.seed}/{stream}/{count}")

    def share(self, stream: str) -> float:
        """A number from 0 up to, not including, 1."""
        return self._next(stream).random()

    def guid(self, stream: str) -> str:
        """A random GUID."""
        return str(uuid.UUID(int=self._next(stream).getrandbits(128), version=4))

    def letters(self, stream: str, count: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
        """Some random characters."""
        return "".join(self._next(stream).choices(alphabet, k=count))

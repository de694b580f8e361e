"""An event loop on a clock of its own: what waits for a time is not waited for; the clock jumps to it. Code under it runs unchanged."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Jumping(selectors.SelectSelector):
    """Instead of waiting for as long as it is told, it moves the clock by that."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            message = "everything waits, and nothing of it for a time: it would wait for ever"
            raise RuntimeError(message)
        self.seconds += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that begins at the second 0 and never waits. It has no sockets and no threads: they would take real time."""

    def __init__(self) -> None:
        """Begin."""
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The seconds that have passed."""
        return self._jumping.seconds


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end on a clock of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)

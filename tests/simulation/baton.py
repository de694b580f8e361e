"""Several workers, one running at a time: each is a thread that stops before every outside call until it is handed the baton."""

import threading
from collections.abc import Callable

PATIENCE = 60
"""Seconds of the machine after which a worker that does not come back is a fault of this harness."""


class Abandoned(BaseException):
    """The run is over, and nobody waits for the worker any more."""


class Turn:
    """One worker's work on one message, in pieces between outside calls."""

    def __init__(self, work: Callable[["Turn"], None]) -> None:
        """Begin with the first `resume`."""
        self.ended = False
        self.fault: BaseException | None = None
        self._abandoned = False
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[["Turn"], None]) -> None:
        try:
            self._wait()
            work(self)
        except Abandoned:
            pass
        except BaseException as fault:  # noqa: BLE001 - carried to the thread that asked, and raised there
            self.fault = fault
        self.ended = True
        self._theirs.release()

    def _wait(self) -> None:
        self._mine.acquire()
        if self._abandoned:
            raise Abandoned

    def rest(self) -> None:
        """Give the baton back, and wait for it; called by the worker before an outside call."""
        self._theirs.release()
        self._wait()

    def resume(self) -> None:
        """Let the worker run to its next outside call or its end; raises what it raised."""
        self._mine.release()
        if not self._theirs.acquire(timeout=PATIENCE):
            message = "a worker did not come back"
            raise AssertionError(message)
        if self.fault is not None:
            raise self.fault

    def abandon(self) -> None:
        """End the worker's thread where it is."""
        self._abandoned = True
        self._mine.release()
        self._thread.join(PATIENCE)

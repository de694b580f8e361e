"""The host that stands now: started, and on request ended and started anew with what the app's folder says then.

It is between those who serve requests and the host that runs functions; it runs none itself.
"""

import asyncio
from collections.abc import Callable

from local.host.running import Host
from local.host.settings import HostError

PATIENCE = 30.0
"""Seconds (real) that a request waits for a host that is starting."""


class Standing:
    """One host after another. `make` makes each, from scratch, and may raise HostError."""

    def __init__(self, make: Callable[[], Host]) -> None:
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.error: str | None = None
        self._make = make
        self._settled = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._restarts: set[asyncio.Task[None]] = set()
        self.host = self._made()

    @property
    def state(self) -> str:
        """The real host's word for how it is: Starting, Running or Error."""
        if not self._settled.is_set():
            return "Starting"
        return "Error" if self.error else "Running"

    async def start(self) -> None:
        """Start the first host; HostError when the app cannot run."""
        await self.host.start()
        self._settled.set()

    async def ready(self) -> Host | None:
        """The host, as soon as it can run functions; None when it does not come up, or not within half a minute."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._settled.wait()
        except TimeoutError:
            return None
        return None if self.error else self.host

    def restart(self) -> asyncio.Task[None]:
        """Begin to end the present host, as it ends when it is told to, and to start another in its place."""
        task = asyncio.create_task(self._restart())
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)
        return task

    async def close(self) -> None:
        """End the host for good."""
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        await self.host.close()

    async def _restart(self) -> None:
        async with self._one_at_a_time:
            self._settled.clear()
            self.host.log.event("host_restarts")
            await self.host.close()
            try:
                self.host = self._made()
                await self.host.start()
                self.error = None
            except (HostError, OSError) as error:
                self.error = str(error)
                self.host.log.event("host_not_started", level="error", why=str(error))
            finally:
                self._settled.set()

    def _made(self) -> Host:
        host = self._make()
        host.failure.add_done_callback(lambda failed: None if self.failure.done() else self.failure.set_result(failed.result()))
        return host

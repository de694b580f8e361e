"""How many HTTP requests may run and wait at once, as `extensions.http` of host.json says. It knows nothing of what they ask for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from local.host.settings import HostSettings


class Throttle:
    """Counts the requests of one host; without limits all run at once."""

    def __init__(self, settings: HostSettings) -> None:
        self._most = settings.max_outstanding_requests
        self._turns = asyncio.Semaphore(settings.max_concurrent_requests) if settings.max_concurrent_requests > 0 else None
        self._outstanding = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait until the request may run; False at once where as many as may be run or wait already."""
        if 0 <= self._most <= self._outstanding:
            yield False
            return
        self._outstanding += 1
        try:
            async with self._turns or contextlib.nullcontext():
                yield True
        finally:
            self._outstanding -= 1

"""Waiting on a running event loop until something is so."""

import asyncio
from collections.abc import Callable

LONG = 60.0
"""Seconds; far more than anything takes, for the machine may be busy."""


async def until(condition: Callable[[], object], within: float = LONG) -> None:
    """Return when `condition` is true; TimeoutError when it does not become so."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for is a fact that nobody announces
            await asyncio.sleep(0.002)

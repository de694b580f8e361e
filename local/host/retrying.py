"""Retry policies: what `@app.retry` says, how long to wait before the next attempt, and the attempts themselves.

The host applies them to timers only; a queue has its own deliveries. Counts are kept in memory and end with the process.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from local.host.calls import Attempt, Failed, Outcome
from local.host.log import Log
from local.host.timespans import parse_timespan

_FOR_EVER = -1


class BadPolicy(ValueError):  # noqa: N818 - it says what is; the message says why
    """The retry policy cannot be read, which fails the whole app: the worker stumbles over it while it describes the functions."""


def _chance() -> float:
    return random.uniform(0.8, 1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failed invocation is repeated (-1 is without end), and the pauses: `longest` is None where they are all the same."""

    most: int
    shortest: timedelta
    longest: timedelta | None = None

    def pause(self, attempt: int, chance: Callable[[], float] = _chance) -> timedelta:
        """How long to wait before repetition number `attempt` (from 1): the shortest, then more, doubling, up to the longest."""
        if self.longest is None or attempt <= 1:
            return self.shortest
        return min(self.shortest * (1 + float(2 ** min(attempt - 2, 30)) * chance()), self.longest)

    def allows(self, attempt: int) -> bool:
        """Whether there is a repetition number `attempt`."""
        return self.most == _FOR_EVER or attempt <= self.most

    @classmethod
    def of_setting(cls, said: Mapping[str, Any]) -> Self | None:
        """The policy in a function's `retry_policy` setting, or None; BadPolicy where it cannot be read."""
        if not said:
            return None
        try:
            most = int(said["max_retry_count"])
            if said["strategy"] == "fixed_delay":
                return cls(most=most, shortest=_span(said["delay_interval"]))
            shortest, longest = _span(said["minimum_interval"]), _span(said["maximum_interval"])
        except (KeyError, TypeError, ValueError) as error:
            message = f"its retry policy cannot be read: {error}"
            raise BadPolicy(message) from None
        if shortest > longest:
            message = f"its retry policy cannot be read: minimum_interval {shortest} is more than maximum_interval {longest}"
            raise BadPolicy(message)
        return cls(most=most, shortest=shortest, longest=longest)

    def said(self) -> dict[str, Any]:
        """This as JSON, for the pipe."""
        longest = None if self.longest is None else self.longest.total_seconds()
        return {"most": self.most, "shortest": self.shortest.total_seconds(), "longest": longest}

    @classmethod
    def heard(cls, said: Mapping[str, Any] | None) -> Self | None:
        """Read what `said` wrote."""
        if said is None:
            return None
        longest = None if said["longest"] is None else timedelta(seconds=said["longest"])
        return cls(most=said["most"], shortest=timedelta(seconds=said["shortest"]), longest=longest)


def _span(text: str | None) -> timedelta:
    span = parse_timespan(str(text))
    if span < timedelta(0) or "." in str(text) or str(text).count(":") != 2:
        message = f"{text!r} is no interval; want hh:mm:ss"
        raise ValueError(message)
    return span


class Retries:
    """Runs invocations and repeats those that failed; `outstanding` counts the functions that are between two attempts."""

    def __init__(self, speed: float, log: Log) -> None:
        self._speed = speed
        self._log = log
        self.outstanding = 0

    async def run(
        self,
        function: str,
        policy: RetryPolicy | None,
        attempt: Callable[[Attempt | None], Awaitable[Outcome]],
        stopping: asyncio.Event,
    ) -> Outcome:
        """What came of the last attempt. When `stopping` is set nothing is repeated any more."""
        outcome, count = await attempt(None), 1
        if policy is None or not isinstance(outcome, Failed):
            return outcome
        self.outstanding += 1
        try:
            while isinstance(outcome, Failed) and policy.allows(count) and not stopping.is_set():
                pause = policy.pause(count)
                self._log.event(
                    "function_waits_to_retry", category=f"Function.{function}", function=function, attempt=count, world=str(pause)
                )
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause.total_seconds() / self._speed):
                        await stopping.wait()
                    break
                outcome = await attempt(Attempt(count=count, most=policy.most, error=outcome.error, trace=outcome.trace))
                count += 1
        finally:
            self.outstanding -= 1
        return outcome

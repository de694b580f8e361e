"""Retry policies: what is read from `@app.retry`, the pauses, and the attempts."""

import asyncio
import io
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from local.host.calls import Attempt, Done, Failed, Outcome
from local.host.indexing import Function, IndexingError, index
from local.host.log import Log
from local.host.retrying import Retries, RetryPolicy

FIXED = {"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:00:05"}
GROWING = {"strategy": "exponential_backoff", "max_retry_count": "5", "minimum_interval": "00:00:02", "maximum_interval": "00:00:30"}


def indexed(policy: dict[str, Any]) -> Function:
    app = func.FunctionApp()

    @app.timer_trigger("timer", "0 * * * * *")
    @app.retry(**policy)
    def tick(timer: func.TimerRequest) -> None: ...

    (loaded,) = index(app)
    return loaded.function


def test_a_policy_is_read_from_the_decorator_and_crosses_the_pipe() -> None:
    fixed, growing = indexed(FIXED), indexed(GROWING)
    assert fixed.retry == RetryPolicy(most=3, shortest=timedelta(seconds=5))
    assert growing.retry == RetryPolicy(most=5, shortest=timedelta(seconds=2), longest=timedelta(seconds=30))
    assert [Function.heard(function.said()) for function in (fixed, growing)] == [fixed, growing]


@pytest.mark.parametrize(
    "policy",
    [
        {**FIXED, "max_retry_count": "often"},
        {**FIXED, "delay_interval": "soon"},
        {**FIXED, "delay_interval": None},
        {**FIXED, "delay_interval": "-00:00:01"},
        {**FIXED, "delay_interval": "5"},
        {**GROWING, "minimum_interval": None},
        {**GROWING, "minimum_interval": "00:01:00"},
    ],
)
def test_a_policy_that_cannot_be_read_fails_the_app(policy: dict[str, Any]) -> None:
    with pytest.raises(IndexingError, match="tick: its retry policy"):
        indexed(policy)


def test_the_pauses_are_all_the_same_or_double_up_to_the_longest() -> None:
    fixed, growing = RetryPolicy.of_setting(FIXED), RetryPolicy.of_setting(GROWING)
    assert fixed is not None
    assert growing is not None
    assert [fixed.pause(attempt).total_seconds() for attempt in range(1, 5)] == [5, 5, 5, 5]
    assert [growing.pause(attempt, lambda: 1.0).total_seconds() for attempt in range(1, 8)] == [2, 4, 6, 10, 18, 30, 30]
    assert growing.pause(5000).total_seconds() == 30
    assert 3.6 <= growing.pause(2).total_seconds() <= 4.4


class Failing:
    """A function that fails `failures` times, and what it was told each time."""

    def __init__(self, failures: int) -> None:
        self._left = failures
        self.attempts: list[Attempt | None] = []
        self.outstanding: list[int] = []

    def run(self, policy: RetryPolicy | None, *, stop_after: int = 99) -> Outcome:
        stopping = asyncio.Event()
        retries = Retries(6000, Log(stream=io.StringIO()))

        async def attempt(which: Attempt | None) -> Outcome:
            self.attempts.append(which)
            self.outstanding.append(retries.outstanding)
            if len(self.attempts) == stop_after:
                stopping.set()
            self._left -= 1
            return Failed(error=f"failure {len(self.attempts)}", trace="t") if self._left >= 0 else Done()

        async def main() -> Outcome:
            async with asyncio.timeout(60):
                return await retries.run("f", policy, attempt, stopping)

        outcome = asyncio.run(main())
        assert retries.outstanding == 0
        return outcome


def policy(most: int) -> RetryPolicy:
    return RetryPolicy(most=most, shortest=timedelta(seconds=1))


def test_a_failure_is_repeated_until_it_succeeds_and_is_told_how_often() -> None:
    function = Failing(failures=2)
    assert function.run(policy(3)) == Done()
    assert function.attempts == [
        None,
        Attempt(count=1, most=3, error="failure 1", trace="t"),
        Attempt(count=2, most=3, error="failure 2", trace="t"),
    ]
    assert function.outstanding == [0, 1, 1]


@pytest.mark.parametrize(("most", "attempts"), [(0, 1), (1, 2), (3, 4), (-1, 7)])
def test_a_failure_is_repeated_no_more_often_than_allowed(most: int, attempts: int) -> None:
    function = Failing(failures=6)
    outcome = function.run(policy(most))
    assert len(function.attempts) == attempts
    assert isinstance(outcome, Failed) is (most != -1)


def test_success_and_functions_without_a_policy_are_not_repeated() -> None:
    fine, without = Failing(failures=0), Failing(failures=1)
    fine.run(policy(3))
    assert isinstance(without.run(None), Failed)
    assert (len(fine.attempts), len(without.attempts)) == (1, 1)


def test_a_host_that_drains_repeats_nothing() -> None:
    function = Failing(failures=9)
    assert isinstance(function.run(RetryPolicy(most=-1, shortest=timedelta(days=9)), stop_after=1), Failed)
    assert len(function.attempts) == 1

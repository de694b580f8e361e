"""The queue loop's lateness is counted on a clock that jumps, by the host's own listener, and is the same in each run."""

import asyncio
import random
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from local.bench import lateness, virtual


def test_an_hour_on_the_jumping_clock_takes_no_time() -> None:
    async def waits() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    begun = time.monotonic()
    assert virtual.run(waits()) == pytest.approx(3600)
    assert time.monotonic() - begun < 60


def test_what_would_wait_for_ever_is_said() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="it would wait for ever"):
        virtual.run(waits())


def test_the_numbers_are_the_same_in_each_run_and_chance_elsewhere_is_left_alone() -> None:
    looks = {"stop_pool": (45, 60, 70)}
    first = lateness.measured(lateness.default(), looks)
    random.random()
    former = random.getstate()
    assert lateness.measured(lateness.default(), looks) == first
    assert random.getstate() == former


def test_every_look_into_the_queue_is_counted() -> None:
    """Ten looks a second for ten seconds, and one after the message, before the listener is told to stop."""
    hot = replace(lateness.shipped(), max_polling_interval=timedelta(milliseconds=100))
    found = lateness.measured(hot, {"stop_pool": (10,)})
    assert found.late == pytest.approx([0.0] * lateness.ROUNDS, abs=0.1001)
    assert found.empty == pytest.approx(101 * lateness.ROUNDS, rel=0.01)


def test_a_wake_up_is_never_later_than_the_interval_and_never_early() -> None:
    settings = lateness.shipped()
    found = lateness.measured(settings)
    assert min(found.late) >= 0
    assert 0 < found.mean < found.worst <= settings.max_polling_interval.total_seconds()


def test_the_default_differs_from_what_ships_by_the_interval_alone() -> None:
    shipped, default = lateness.shipped(), lateness.default()
    assert (shipped.max_polling_interval, default.max_polling_interval) == (timedelta(seconds=5), timedelta(seconds=60))
    assert replace(default, max_polling_interval=shipped.max_polling_interval) == shipped


def test_the_mean_and_the_worst_are_of_all_looks() -> None:
    found = lateness.Lateness(late=(0.0, 1.0, 5.0), empty=3)
    assert (found.mean, found.worst) == (2.0, 5.0)

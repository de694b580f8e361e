"""The host's waits: back-off and leases, at real and at rehearsal speed."""

from datetime import timedelta

import pytest

from local.host.pace import Backoff, Lease, longest_pause, whole_seconds


def test_pauses_double_from_a_tenth_of_a_second_up_to_the_longest() -> None:
    backoff = Backoff(longest=timedelta(seconds=2), chance=lambda: 1.0)
    assert [backoff.pause() / timedelta(milliseconds=1) for _ in range(7)] == [200, 300, 500, 900, 1700, 2000, 2000]


def test_a_message_makes_the_pauses_short_again() -> None:
    backoff = Backoff(longest=timedelta(seconds=2), chance=lambda: 1.0)
    for _ in range(5):
        backoff.pause()
    backoff.reset()
    assert backoff.pause() == timedelta(milliseconds=200)


def test_pauses_vary_by_a_fifth() -> None:
    first = {Backoff(longest=timedelta(seconds=60)).pause() for _ in range(200)}
    assert timedelta(milliseconds=180) <= min(first) < max(first) <= timedelta(milliseconds=220)


def test_a_long_silence_does_not_overflow() -> None:
    backoff = Backoff(longest=timedelta(minutes=1))
    assert [backoff.pause() for _ in range(2000)][-1] == timedelta(minutes=1)


@pytest.mark.parametrize(("speed", "seconds", "renewed"), [(1, 600, 300), (60, 10, 5), (100, 6, 2), (600, 1, 1 / 3), (10_000, 1, 1 / 3)])
def test_a_lease_is_ten_minutes_of_the_world_and_never_below_a_second(speed: float, seconds: int, renewed: float) -> None:
    lease = Lease.at(speed)
    assert (lease.seconds, lease.renew_after) == (seconds, renewed)


def test_a_renewal_that_failed_is_tried_again_sooner_but_not_for_ever_sooner() -> None:
    lease = Lease.at(1)
    waits = [lease.renew_after]
    for _ in range(4):
        waits.append(lease.after_fault(waits[-1]))
    assert waits == [300, 150, 75, 60, 60]


@pytest.mark.parametrize(("world", "speed", "real"), [(30, 1, 30), (30, 60, 1), (90, 60, 2), (0, 60, 0)])
def test_a_time_of_the_world_is_covered_by_whole_seconds(world: int, speed: float, real: int) -> None:
    assert whole_seconds(timedelta(seconds=world), speed) == real


@pytest.mark.parametrize(("speed", "longest"), [(1, 2000), (10, 200), (600, 100)])
def test_the_longest_pause_shrinks_with_speed_to_a_tenth_of_a_second(speed: float, longest: int) -> None:
    assert longest_pause(timedelta(seconds=2), speed) == timedelta(milliseconds=longest)

"""Clocks that are wrong and that jump: nothing begins early or is sent twice, no wait is negative, every save has its place."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.memory import MemoryClock, MemoryStore
from shared.model.operations import Operation, Status, Wake
from shared.model.requests import Scale, Submission, Upgrade
from shared.services import Ports, Services
from tests.builders import a_create, a_submission
from tests.faulty import Calls, Faulty
from tests.pump import Pump

MINUTES = timedelta(minutes=1)
LONGEST = timedelta(hours=3)
SUBMISSIONS = {"scale": a_submission(Scale(pool="user", to=5)), "upgrade": a_submission(Upgrade(version="1.37"))}


@dataclass(slots=True)
class Off:
    """A worker's own clock, which is wrong."""

    clock: MemoryClock
    by: timedelta

    def now(self) -> datetime:
        """The true instant, wrong by so much."""
        return self.clock.now() + self.by


class Skewed(Pump):
    """A pump whose wake-ups, sweeps and requests go to workers with wrong clocks in turn. `delays` keeps what they hid messages for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.delays: list[timedelta] = []
        self.offs: Iterator[timedelta] = itertools.repeat(timedelta(0))

    def off_by(self, *minutes: int) -> None:
        """From now on the workers' clocks are so wrong, in turn."""
        self.offs = itertools.cycle([n * MINUTES for n in minutes])

    def worker(self, by: timedelta | None = None) -> Services:
        """A worker with the next clock, or one that is wrong `by` so much."""
        wakes: Any = Faulty(self.wakes, Calls(), {"send": self._send})
        ports = Ports(
            clusters=lambda: self.clusters,
            operations=lambda: self.operations,
            wakes=lambda: wakes,
            announcer=lambda: self.announcer,
            letters=lambda: self.letters,
            acting=lambda: self.acting,
            paces=lambda: self.paces,
            store=MemoryStore,
            clock=Off(self.clock, next(self.offs) if by is None else by),
            ids=self.ids,
        )
        return Services(self.settings, ports)

    def _send(self, wake: Wake, *, delay: timedelta) -> None:
        self.delays.append(delay)
        self.wakes.send(wake, delay=delay)

    def submit(self, submission: Submission) -> Operation:
        self.services = self.worker()
        return super().submit(submission)

    def deliver(self, wake: Wake) -> None:
        self.services = self.worker()
        super().deliver(wake)

    def sweep(self) -> None:
        self.services = self.worker()
        super().sweep()


@pytest.fixture
def pump() -> Skewed:
    """An app whose world has prod-rg/web, idle."""
    pump = Skewed()
    pump.submit(a_submission(a_create()))
    pump.run()
    return pump


def applied(pump: Pump, mark: int) -> int:
    return len([entry for entry in pump.world.witness.entries[mark:] if entry.applied])


def hold(pump: Skewed, operation: Operation, mark: int, began: datetime) -> None:
    """It succeeded, each step was sent once, no wait was negative, and its history is in the order of its saves."""
    ended = pump.now(operation)
    assert (ended.status, ended.failure) == (Status.SUCCEEDED, None)
    assert ended.plan is not None
    assert applied(pump, mark) == len(ended.plan.steps)
    assert all(delay >= timedelta(0) for delay in pump.delays)
    assert [event.n for event in pump.operations.history(operation.id)] == [*range(1, ended.saves + 1)]
    assert pump.clock.now() - began < LONGEST
    assert not pump.operations.opened
    assert not pump.operations.heads


@pytest.mark.parametrize("clocks", [(5, -5), (-5, 5), (5, 0, -5), (-5,), (5,)], ids=str)
@pytest.mark.parametrize("what", SUBMISSIONS)
def test_workers_whose_clocks_are_minutes_apart_do_what_was_asked(pump: Skewed, what: str, clocks: tuple[int, ...]) -> None:
    began, mark = pump.clock.now(), len(pump.world.witness.entries)
    pump.off_by(*clocks)
    operation = pump.submit(SUBMISSIONS[what])
    pump.run()
    hold(pump, operation, mark, began)


@pytest.mark.parametrize("jump", [-60, -5, 5], ids=str)
@pytest.mark.parametrize("after", range(1, 9))
def test_a_clock_that_jumps_while_an_operation_runs_changes_nothing_but_when_it_is_looked_at(pump: Skewed, after: int, jump: int) -> None:
    began, mark = pump.clock.now(), len(pump.world.witness.entries)
    operation = pump.submit(SUBMISSIONS["upgrade"])
    for _ in range(after):
        pump.turn()
    pump.off_by(jump)
    pump.run()
    hold(pump, operation, mark, began)


def test_what_is_not_to_begin_yet_is_put_off_by_a_worker_that_was_woken_too_early(pump: Skewed) -> None:
    """Its wake-up was hidden by a clock five minutes ahead, and comes five minutes too early for a clock that is right."""
    mark, due = len(pump.world.witness.entries), pump.clock.now() + timedelta(hours=1)
    pump.off_by(5)
    operation = pump.submit(replace(SUBMISSIONS["scale"], not_before=due))
    pump.take()
    pump.off_by(0)
    while pump.clock.now() < due:
        assert pump.now(operation).status is Status.SCHEDULED
        assert applied(pump, mark) == 0
        pump.run(until=min(pump.clock.now() + MINUTES, due))
    pump.run()
    hold(pump, operation, mark, due)
    began = pump.now(operation).started_at
    assert began is not None
    assert due <= began <= due + 6 * MINUTES


def test_what_a_clock_hours_ahead_saved_is_found_by_the_next_sweep(pump: Skewed) -> None:
    """Its wake-up was lost, and by its last save it would have been left alone for hours."""
    operation = pump.submit(SUBMISSIONS["scale"])
    pump.take()
    pump.clock.advance(timedelta(hours=4))
    assert pump.worker(timedelta(hours=4)).sweep().woken == 1
    assert pump.now(operation).updated_at == pump.clock.now() + timedelta(hours=4)
    pump.wakes.waiting.clear()
    pump.clock.advance(MINUTES)
    assert pump.worker(timedelta(0)).sweep().woken == 1
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED

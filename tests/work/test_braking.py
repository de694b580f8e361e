"""Nothing is changed while a person pauses the app, or beyond the cap on calls an hour; what waits says so and goes on by itself."""

from datetime import timedelta

import pytest

from shared.model.acting import Acting, ShownActing
from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed, Code, Stale
from shared.model.kept import KeptActing
from shared.model.operations import Operation, Running, Starting, Status, Waiting
from shared.model.requests import Delete
from shared.work import braking
from shared.work.braking import Brake
from tests.builders import HTTP, SUBSCRIPTION, a_create, a_submission
from tests.faulty import AWAY, Calls, Fate, Faulty
from tests.pump import Pump
from tests.worldly import some_settings

OTHER = ClusterRef(subscription=SUBSCRIPTION, group="prod-rg", name="api")
MINUTE = timedelta(minutes=1)


def capped(most: int) -> Pump:
    """The same, with so few calls an hour; none of this hour is made."""
    pump = Pump(settings=some_settings({"TIDEKEEPER_MUTATIONS_PER_HOUR": str(most)}))
    pump.submit(a_submission(a_create()))
    pump.run()
    pump.acting.kept = KeptActing(acting=Acting(), etag=None)
    pump.services = pump.rebuilt()
    return pump


def written(pump: Pump) -> int:
    """How many requests that change something the world has had."""
    return sum(1 for entry in pump.world.witness.entries if entry.method in {"PUT", "POST", "PATCH", "DELETE"})


def paused(pump: Pump) -> None:
    assert isinstance(pump.services.pause(HTTP, reason="an outage"), ShownActing)


def waits_for(operation: Operation) -> Code | None:
    cursor = operation.cursor
    assert cursor is not None
    state = operation.states[cursor]
    assert isinstance(state, Waiting)
    return state.failure.code if state.failure is not None else None


def test_while_paused_requests_are_accepted_and_nothing_is_changed(pump: Pump) -> None:
    paused(pump)
    before, at = written(pump), pump.clock.now()
    operation = pump.submit(a_submission())
    pump.run(until=at + timedelta(hours=24))
    now = pump.now(operation)
    assert written(pump) == before
    assert (now.status, waits_for(now), now.started_at) == (Status.RUNNING, Code.PAUSED, None)


def test_a_paused_operation_goes_on_soon_after_and_has_all_its_time(pump: Pump) -> None:
    paused(pump)
    operation = pump.submit(a_submission())
    limit = operation.plan.steps[0].limit if operation.plan is not None else timedelta(0)
    pump.run(until=pump.clock.now() + 3 * limit)
    pump.services.unpause(HTTP)
    at = pump.clock.now()
    pump.run()
    now = pump.now(operation)
    assert now.status is Status.SUCCEEDED
    assert now.started_at is not None
    assert now.started_at - at <= timedelta(minutes=2)


def test_what_is_under_way_is_watched_to_its_end_and_the_next_step_waits(pump: Pump) -> None:
    operation = pump.submit(a_submission(Delete(confirm="web", delete_resource_group=True)))
    while not isinstance(pump.now(operation).states[0], Running):
        pump.turn()
    paused(pump)
    before = written(pump)
    pump.run(until=pump.clock.now() + timedelta(hours=2))
    now = pump.now(operation)
    assert [state.state for state in now.states] == ["done", "waiting"]
    assert (waits_for(now), written(pump)) == (Code.PAUSED, before)
    pump.services.unpause(HTTP)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_a_claim_that_a_dead_worker_left_is_read_back_while_paused_and_not_made_again(pump: Pump) -> None:
    operation = pump.submit(a_submission())
    calls = Calls(strike=0, fate=Fate.DIES_BEFORE)
    attempt = Faulty(pump.clusters, calls).attempt
    pump.services = pump.rebuilt(clusters=_With(pump.clusters, attempt=attempt))  # type: ignore[arg-type]  # a port by its names
    pump.take()
    assert isinstance(pump.now(operation).states[0], Starting)
    pump.services = pump.rebuilt()
    paused(pump)
    before = written(pump)
    pump.run(until=pump.clock.now() + timedelta(hours=5))
    now = pump.now(operation)
    assert (waits_for(now), written(pump)) == (Code.PAUSED, before)
    pump.services.unpause(HTTP)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_a_pause_costs_no_look_at_azure_and_no_save(pump: Pump) -> None:
    paused(pump)
    operation = pump.submit(a_submission())
    pump.run(until=pump.clock.now() + 3 * MINUTE)
    asked, saves = len(pump.world.witness.entries), pump.now(operation).saves
    pump.run(until=pump.clock.now() + 10 * MINUTE)
    assert (len(pump.world.witness.entries), pump.now(operation).saves) == (asked, saves)


def test_a_paused_operation_can_be_cancelled_at_once(pump: Pump) -> None:
    paused(pump)
    operation = pump.submit(a_submission())
    pump.run(until=pump.clock.now() + 3 * MINUTE)
    pump.services.cancel(operation.id, HTTP)
    assert pump.now(operation).status is Status.CANCELLED


def test_a_pause_between_the_look_and_the_claim_is_obeyed(pump: Pump) -> None:
    """The row is written, by its etag, before the claim is saved: whoever was answered that it is paused sees no claim after that."""
    operation = pump.submit(a_submission())
    before = written(pump)

    def look(*arguments: object) -> object:
        paused(pump)
        return pump.clusters.look(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them

    services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"look": look}))
    wake = pump.wakes.due()
    assert wake is not None
    services.advance(wake)
    assert (waits_for(pump.now(operation)), written(pump)) == (Code.PAUSED, before)


def test_the_cap_lets_so_many_calls_pass_and_no_more_until_the_hour_is_over() -> None:
    pump = capped(2)
    before = written(pump)
    operations = [
        pump.submit(
            a_submission(a_create(create_resource_group=False), cluster=ClusterRef(subscription=SUBSCRIPTION, group="prod-rg", name=n))
        )
        for n in ("a", "b", "c")
    ]
    at = pump.clock.now()
    ends = at.replace(minute=0, second=0) + timedelta(hours=1)
    pump.run(until=ends - timedelta(seconds=1))
    assert written(pump) - before == 2
    held = [now for now in map(pump.now, operations) if not now.ended]
    assert [waits_for(now) for now in held] == [Code.CAPPED]
    pump.run()
    assert {pump.now(operation).status for operation in operations} == {Status.SUCCEEDED}
    started = pump.now(held[0]).started_at
    assert started is not None
    assert started >= ends


def test_every_call_that_changes_something_is_counted_and_no_look_is(pump: Pump) -> None:
    before, made = pump.acting.kept.acting.mutations, written(pump)
    pump.submit(a_submission(Delete(confirm="web", delete_resource_group=True)))
    pump.run()
    shown = pump.services.acting(HTTP)
    assert isinstance(shown, ShownActing)
    assert pump.acting.kept.acting.mutations - before == written(pump) - made == 2


def test_where_the_row_cannot_be_read_nothing_is_changed(pump: Pump) -> None:
    before = written(pump)
    pump.submit(a_submission())

    def away() -> KeptActing:
        raise CallFailed(AWAY)

    services = pump.rebuilt(acting=_With(pump.acting, read=away))  # type: ignore[arg-type]  # a port by its names
    wake = pump.wakes.due()
    assert wake is not None
    with pytest.raises(CallFailed):
        services.advance(wake)
    assert written(pump) == before


def test_where_too_many_count_at_once_a_step_waits_a_few_seconds(pump: Pump) -> None:
    tries = 0

    def lost(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise Stale

    row = _With(pump.acting, write=lost)
    hold = braking.counted(Brake(row=row, most=9), pump.clock)  # type: ignore[arg-type]  # a port by its names
    assert hold is not None
    assert (hold.failure.code, hold.until, tries) == (Code.BUSY_STORE, pump.clock.now() + braking.CROWDED, braking.RACES)
    operation = pump.submit(a_submission())
    pump.services = pump.rebuilt(acting=row)  # type: ignore[arg-type]  # a port by its names
    pump.run(until=pump.clock.now() + MINUTE)
    assert waits_for(pump.now(operation)) is Code.BUSY_STORE
    pump.services = pump.rebuilt()
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED


def test_what_is_so_already_is_not_written_again(pump: Pump) -> None:
    for ask in (pump.services.unpause, lambda origin: pump.services.pause(origin, reason=None)):
        first = ask(HTTP)
        kept = pump.acting.kept
        assert ask(HTTP) == first
        assert pump.acting.kept is kept


def test_a_pause_that_meets_counting_workers_is_kept(pump: Pump) -> None:
    real = pump.acting.read
    raced: list[KeptActing] = []

    def read() -> KeptActing:
        kept = real()
        if not raced:
            raced.append(kept)
            pump.acting.write(kept, Acting(mutations=1))
        return kept

    services = pump.rebuilt(acting=_With(pump.acting, read=read))  # type: ignore[arg-type]  # a port by its names
    assert isinstance(services.pause(HTTP, reason=None), ShownActing)
    assert (pump.acting.kept.acting.pause is not None, pump.acting.kept.acting.mutations) == (True, 1)


class _With:
    """A port with some of its calls replaced."""

    def __init__(self, port: object, **calls: object) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> object:
        return self._calls[name] if name in self._calls else getattr(self._port, name)


def test_a_worker_that_slept_since_its_call_was_counted_does_not_make_it_once_somebody_has_paused(pump: Pump) -> None:
    operation = pump.submit(a_submission())
    count = pump.acting.write

    def sleeps_after(before: KeptActing, after: Acting) -> None:
        count(before, after)
        if pump.acting.kept.acting.pause is None:
            paused(pump)
            pump.clock.advance(4 * MINUTE)

    before = written(pump)
    pump.services = pump.rebuilt(acting=Faulty(pump.acting, Calls(), {"write": sleeps_after}))
    pump.take()
    assert written(pump) == before
    pump.services = pump.rebuilt()
    pump.run(until=pump.clock.now() + timedelta(hours=3))
    assert (written(pump), waits_for(pump.now(operation))) == (before, Code.PAUSED)
    pump.services.unpause(HTTP)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED

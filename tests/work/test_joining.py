"""Who joins or leaves the line while its cluster's operation is being moved takes nothing from that operation, not even time."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.model.operations import Operation, Running, Status
from shared.model.requests import Scale
from tests.builders import HTTP, a_submission
from tests.faulty import Calls, Faulty
from tests.pump import Pump


def moved_while(pump: Pump, call: str, other: Callable[[], object]) -> None:
    """Deliver the next message to a worker during whose first such call to Azure something else happens."""
    done: list[object] = []

    def meanwhile(*arguments: object) -> object:
        answer = getattr(pump.clusters, call)(*arguments)
        if not done:
            done.append(other())
        return answer

    whole, pump.services = pump.services, pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {call: meanwhile}))
    while not done:
        assert pump.turn()
    pump.services = whole


def joining(pump: Pump) -> Callable[[], Operation]:
    return lambda: pump.submit(a_submission(Scale(pool="user", to=7)))


@pytest.mark.parametrize("call", ["look", "attempt", "poll"])
def test_a_request_that_joins_the_line_does_not_cost_the_first_its_wake_up(pump: Pump, call: str) -> None:
    first = pump.submit(a_submission())
    moved_while(pump, call, joining(pump))
    assert isinstance(pump.now(first).states[0], Running) or pump.now(first).ended
    assert [wake.operation for _, _, wake in pump.wakes.waiting if wake.wake == pump.now(first).wake] == [first.id]
    at = pump.clock.now()
    pump.run()
    assert {operation.status for operation in pump.operations.operations.values()} == {Status.SUCCEEDED}
    assert pump.clock.now() - at < timedelta(minutes=12)


def test_one_that_joins_while_the_first_ends_goes_on_at_once(pump: Pump) -> None:
    first = pump.submit(a_submission())
    while not isinstance(pump.now(first).states[0], Running):
        assert pump.turn()
    made: list[Operation] = []
    looks = 0

    def look(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            made.append(pump.submit(a_submission(Scale(pool="user", to=7))))
        return pump.clusters.look(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them

    pump.services = pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"look": look}))
    while not pump.now(first).ended:
        assert pump.turn()
    pump.services = pump.rebuilt()
    assert pump.now(made[0]).headed_at == pump.now(first).updated_at
    assert pump.wakes.due() is not None


def test_one_that_leaves_the_line_does_not_either(pump: Pump) -> None:
    first, second = pump.submit(a_submission()), joining(pump)()
    moved_while(pump, "attempt", lambda: pump.services.cancel(second.id, HTTP))
    assert isinstance(pump.now(first).states[0], Running)
    assert len(pump.wakes.waiting) == 1
    pump.run()
    assert [pump.now(each).status for each in (first, second)] == [Status.SUCCEEDED, Status.CANCELLED]

"""Cancelling while something else happens."""

import pytest

from shared.model.errors import Stale
from shared.model.operations import Operation, Status
from tests.builders import HTTP, a_submission
from tests.faulty import Calls, Faulty
from tests.pump import Pump


def test_cancelling_while_the_call_is_on_its_way_waits_for_what_it_did(pump: Pump) -> None:
    """The claim is saved and Azure has not taken the call yet, so a look finds Azure idle and the goal missing."""
    operation = pump.submit(a_submission())
    other = pump.services

    def attempt(*arguments: object) -> object:
        assert isinstance(other.cancel(operation.id, HTTP), Operation)
        wake = pump.wakes.due()
        assert wake is not None
        other.advance(wake)
        assert not pump.now(operation).ended
        return pump.clusters.attempt(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them

    wake = pump.wakes.due()
    assert wake is not None
    with pytest.raises(Stale):
        pump.rebuilt(clusters=Faulty(pump.clusters, Calls(), {"attempt": attempt})).advance(wake)
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert not pump.operations.heads


def test_an_operation_that_moves_while_its_lost_wake_up_is_filed_needs_nobody(pump: Pump) -> None:
    operation = pump.submit(a_submission())
    wake = pump.wakes.due()
    assert wake is not None
    other = pump.services

    def commit(*arguments: object) -> object:
        assert isinstance(other.cancel(operation.id, HTTP), Operation)
        return pump.operations.commit(*arguments)  # type: ignore[arg-type]  # as the port's caller gave them

    pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"commit": commit})).poisoned(wake, "20261123-letter")
    assert pump.now(operation).status is Status.CANCELLED
    assert pump.now(operation).attention is None

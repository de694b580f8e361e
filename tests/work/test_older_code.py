"""The app is replaced while operations run: what the first version began is ended by this one, from every state it can be found in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters import codec
from shared.model.operations import Operation, Status
from tests.builders import a_create, a_submission
from tests.faulty import Calls, Faulty
from tests.pump import Died, Pump

FIRST = {"id", "cluster", "request", "origin", "created_at", "updated_at", "headed_at", "plan", "states", "saves", "wake"}
"""The fields that the first version wrote of such an operation; of a plan, its steps and its `because`."""


def as_the_first_version_wrote(operation: Operation) -> Operation:
    """The operation, by way of the row that the first version would have written of it."""
    row = codec.operation_properties(operation)
    document: dict[str, Any] = {name: value for name, value in json.loads(row["state_0"]).items() if name in FIRST}
    document["plan"] = {name: value for name, value in document["plan"].items() if name in {"steps", "because"}}
    return codec.operation_of({"schema": 1, "state_0": json.dumps(document)})


@pytest.mark.parametrize("state", ["waiting", "starting", "running"])
def test_what_the_first_version_began_is_ended_by_this_one(state: str) -> None:
    pump = Pump()
    pump.submit(a_submission(a_create()))
    pump.run()
    operation, mark = pump.submit(a_submission()), len(pump.world.witness.entries)

    def commit(*arguments: Any) -> Any:
        saved = pump.operations.commit(*arguments)
        if pump.now(operation).states[0].state == state:
            raise Died
        return saved

    if state != "waiting":
        pump.services = pump.rebuilt(operations=Faulty(pump.operations, Calls(), {"commit": commit}))
        pump.take()
    assert pump.now(operation).states[0].state == state
    ((partition, stored),) = pump.operations.heads.items()
    old = as_the_first_version_wrote(stored.head.current)
    assert old.plan is not None
    assert old.plan.uid is None
    pump.operations.heads[partition] = replace(stored, head=replace(stored.head, current=old))
    pump.operations.operations[old.id] = old
    pump.services = pump.rebuilt()
    pump.run()
    assert pump.now(operation).status is Status.SUCCEEDED
    assert len([entry for entry in pump.world.witness.entries[mark:] if entry.applied]) == 1
    assert not pump.operations.heads

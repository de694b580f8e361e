"""What is aborted: only our own call, only while Azure says that it runs, only once, and no deletion."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.errors import Code, Failure
from shared.model.operations import Answered, Cancellation, Handle, Operation, Refused, Running, Sighting, StillRunning
from shared.model.plans import Action, MakeCluster, RemoveCluster, RemoveGroup, ScalePool, StopCluster, UpgradeControlPlane, UpgradePool
from shared.rules import engine
from tests.builders import NOON, a_spec, an_operation

HANDLE = Handle(url="https://management.azure.com/subscriptions/s")
RUNNING = Running(since=NOON, tries=1, started_at=NOON, handle=HANDLE)
ASKED = Cancellation(by="ada", at=NOON, abort=True)
NO = Failure(code=Code.AZURE_FORBIDDEN, message="no")
MAKE = MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),))
SCALE = ScalePool(pool="user", to=5)


def running(action: Action = SCALE, asked: Cancellation | None = ASKED) -> Operation:
    return replace(an_operation(action, states=(RUNNING,)), cancelled_by=asked)


@pytest.mark.parametrize(
    "action",
    [MAKE, SCALE, StopCluster(), UpgradeControlPlane(version="1.37.0"), UpgradePool(pool="user", version="1.37.0")],
    ids=lambda action: action.kind,
)
def test_what_azure_says_still_runs_is_aborted(action: Action) -> None:
    assert engine.to_abort(running(action), StillRunning()) == action


@pytest.mark.parametrize("action", [RemoveCluster(), RemoveGroup()], ids=lambda action: action.kind)
def test_a_deletion_is_not(action: Action) -> None:
    assert engine.to_abort(running(action), StillRunning()) is None


@pytest.mark.parametrize("sighting", [Answered(), Answered(failure=NO), Refused(failure=NO)], ids=lambda sighting: sighting.kind)
def test_nothing_is_where_azure_did_not_just_say_that_ours_runs(sighting: Sighting) -> None:
    assert engine.to_abort(running(), sighting) is None


@pytest.mark.parametrize(
    "asked",
    [None, replace(ASKED, abort=False), replace(ASKED, aborted_at=NOON), replace(ASKED, refusal=NO)],
    ids=["nobody asked", "a plain cancellation", "done already", "Azure would not"],
)
def test_nothing_is_that_was_not_asked_for_or_was_answered_already(asked: Cancellation | None) -> None:
    assert engine.to_abort(running(asked=asked), StillRunning()) is None


def test_an_abort_that_was_taken_and_one_that_was_refused_are_remembered() -> None:
    later = NOON + timedelta(minutes=1)
    taken, refused = engine.aborted(running(), None, later), engine.aborted(running(), NO, later)
    assert (taken.cancelled_by, refused.cancelled_by) == (replace(ASKED, aborted_at=later), replace(ASKED, refusal=NO))
    with pytest.raises(ValueError, match="op-"):
        engine.aborted(running(asked=None), None, later)

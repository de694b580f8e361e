"""How far an operation is, what it waits for and when it is looked at next: for every state that one can be in, in both forms of words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.model.errors import Code, Failure
from shared.model.operations import (
    Attention,
    Cancellation,
    Done,
    Failed,
    Handle,
    Operation,
    Running,
    Settling,
    Skipped,
    Starting,
    Status,
    Suspension,
    Waiting,
)
from shared.model.plans import Action, RemoveCluster, ScalePool, StopCluster
from shared.model.requests import Stop
from shared.rules import pace
from shared.rules.progress import PLAIN, fault, progress
from shared.work import sweep
from tests.builders import NOON, an_operation

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = NOON + MINUTE
SCALE, STOP = ScalePool(pool="user", to=5), StopCluster()
ADA = "ada@example.org"
DONE = Done(since=NOON, ended_at=NOON)
STARTING = Starting(since=NOON, tries=1, claimed_at=NOON)
RUNNING = Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://arm/status"))
SETTLING = Settling(since=NOON, tries=1, answered_at=NOW)
BUSY = Failure(code=Code.BUSY, message="Azure is at work: pool user has 2 nodes, want 5", transient=True)
THROTTLED = Failure(code=Code.THROTTLED, message="429 of prod-rg/web, come back in 90 s", transient=True)
PAUSED = Failure(code=Code.PAUSED, message=f"all acting was paused by {ADA}: an outage", transient=True)
CAPPED = Failure(code=Code.CAPPED, message="the 20 calls an hour are made; it goes on at 13:00:00 UTC", transient=True)
LOST = Failure(code=Code.UNREACHABLE, message="arm did not answer", transient=True, unsure=True)
BLOCKED = Failure(code=Code.BLOCKED_BY_EXTERNAL_OPERATION, message="step 1 did not end within 1:00:00: pool user has 2 nodes, want 5")
POISONED = Failure(code=Code.POISONED, message="its wake-up 7 failed five times; the logs say why under 4711")
REFUSED = Failure(code=Code.AZURE_REFUSED, message="no abort of prod-rg/web for you")
SUSPENDED, CANCELLED = Suspension(by=ADA, at=NOON), Cancellation(by=ADA, at=NOON)
ABORT = Cancellation(by=ADA, at=NOON, abort=True)
HOLDER = an_operation(id=f"op-{'a' * 16}-000000000", request=Stop())
UNPLANNED: dict[str, Any] = {"plan": None, "states": ()}
UNHEADED: dict[str, Any] = {**UNPLANNED, "headed_at": None}
LATER: dict[str, Any] = {**UNHEADED, "scheduled": True, "not_before": NOON + HOUR}


@dataclass(frozen=True)
class Case:
    """An operation, and what is to be said of it at `NOW`. `plain`: to strangers, where that differs."""

    operation: Operation
    status: Status
    waits: str | None
    look: datetime | None
    percent: int = 0
    plain: str | None = None
    position: int | None = 0


def one(*actions: Action, **changes: Any) -> Operation:
    return an_operation(*(actions or (SCALE,)), **changes)


def running(waits: str, **more: Any) -> Case:
    """One that runs in Azure since `NOON`; a scaled pool is looked at first after 155 s."""
    options = {"status": Status.RUNNING, "look": NOON + timedelta(seconds=155), "percent": 28, **more}
    changes = options.pop("changes", {})
    return Case(one(states=(RUNNING,), **changes), waits=waits, **options)


SOON, HELD = NOW + pace.LOOK_EVERY, NOW + pace.HELD_EVERY
THEN = "; ada@example.org cancelled it: what is applied by then stays applied, and no further step begins"
THEN_PLAIN = "; it was cancelled: what is applied by then stays applied, and no further step begins"
CASES: dict[str, Case] = {
    "scheduled": Case(one(**LATER), Status.SCHEDULED, "its time, 2026-11-23 13:00:00 UTC", NOON + HOUR),
    "scheduled and suspended": Case(
        one(**LATER, suspended_by=SUSPENDED), Status.SUSPENDED, f"a person to resume it: {ADA} suspended it at 2026-11-23 12:00:00 UTC",
        None, plain="a person to resume it",
    ),
    "next in line": Case(
        one(**UNHEADED), Status.QUEUED, f"{HOLDER.id} (stop), which holds its cluster", None,
        plain="another operation of its cluster", position=1,
    ),
    "third in line": Case(
        one(**UNHEADED), Status.QUEUED, f"{HOLDER.id} (stop), which holds its cluster, and 2 more before it", None,
        plain="3 other operations of its cluster", position=3,
    ),
    "in line and suspended": Case(
        one(**UNHEADED, suspended_by=SUSPENDED), Status.SUSPENDED,
        f"a person to resume it: {ADA} suspended it at 2026-11-23 12:00:00 UTC", None, plain="a person to resume it", position=1,
    ),
    "without a place": Case(one(**UNHEADED), Status.QUEUED, "the sweep to give it its place at its cluster", None, position=None),
    "to be planned": Case(one(**UNPLANNED), Status.RUNNING, "a look at its cluster, to plan from", SOON),
    "planned": Case(one(), Status.RUNNING, "its first look", NOW),
    "behind somebody else's work": Case(
        one(states=(Waiting(since=NOON, failure=BUSY),)), Status.RUNNING, BUSY.message, SOON,
        plain="Azure is at work on the cluster for somebody else",
    ),
    "throttled": Case(
        one(states=(Waiting(since=NOON, until=NOW + 2 * MINUTE, failure=THROTTLED),)), Status.RUNNING, THROTTLED.message,
        NOW + 2 * MINUTE, plain="Azure takes no more calls for a while",
    ),
    "paused": Case(one(states=(Waiting(failure=PAUSED),)), Status.RUNNING, PAUSED.message, HELD, plain="a person has paused all acting"),
    "capped": Case(
        one(states=(Waiting(until=NOON + HOUR, failure=CAPPED),)), Status.RUNNING, CAPPED.message, NOON + HOUR,
        plain="no more calls may be made in this hour",
    ),
    "its answer was lost": Case(
        one(states=(Waiting(since=NOON, tries=1, until=SOON, failure=LOST, unsure=True),)), Status.RUNNING, LOST.message, SOON,
        plain="Azure does not answer",
    ),
    "its answer was lost, and cancelled": Case(
        one(states=(Waiting(since=NOON, tries=1, until=SOON, failure=LOST, unsure=True),), cancelled_by=CANCELLED), Status.RUNNING,
        LOST.message + THEN, SOON, plain=f"Azure does not answer{THEN_PLAIN}",
    ),
    "starting": Case(one(states=(STARTING,)), Status.RUNNING, "Azure to take the call", SOON),
    "starting, and suspended": Case(
        one(states=(STARTING,), suspended_by=SUSPENDED), Status.RUNNING,
        f"Azure to take the call; {ADA} suspended it, and no further step begins until it is resumed", SOON,
        plain="Azure to take the call; it was suspended, and no further step begins until it is resumed",
    ),
    "running": running("Azure to finish"),
    "running, and suspended": running(
        f"Azure to finish; {ADA} suspended it, and no further step begins until it is resumed", changes={"suspended_by": SUSPENDED},
        plain="Azure to finish; it was suspended, and no further step begins until it is resumed",
    ),
    "running, and cancelled": running(f"Azure to finish{THEN}", changes={"cancelled_by": CANCELLED}, plain=f"Azure to finish{THEN_PLAIN}"),
    "running, to be aborted": running(
        f"a look that finds it still at work in Azure, to have it aborted{THEN}", changes={"cancelled_by": ABORT},
        plain=f"a look that finds it still at work in Azure, to have it aborted{THEN_PLAIN}",
    ),
    "running, and aborted": running(
        f"Azure to end what it was asked to abort at 2026-11-23 12:01:00 UTC{THEN}", look=SOON,
        changes={"cancelled_by": Cancellation(by=ADA, at=NOON, abort=True, aborted_at=NOW)},
        plain=f"Azure to end what it was asked to abort at 2026-11-23 12:01:00 UTC{THEN_PLAIN}",
    ),
    "running, and not to be aborted": running(
        f"Azure to finish, since it would not abort: {REFUSED.message}{THEN}",
        changes={"cancelled_by": Cancellation(by=ADA, at=NOON, abort=True, refusal=REFUSED)},
        plain=f"Azure to finish, since it would not abort: Azure refused it{THEN_PLAIN}",
    ),
    "being removed, which nobody aborts": Case(
        one(RemoveCluster(), states=(RUNNING,), cancelled_by=ABORT), Status.RUNNING, f"Azure to finish, since this cannot be aborted{THEN}",
        NOON + timedelta(seconds=305), percent=12, plain=f"Azure to finish, since this cannot be aborted{THEN_PLAIN}",
    ),
    "settling": Case(one(states=(SETTLING,)), Status.RUNNING, "Azure to settle", NOW + pace.SETTLE_EVERY, percent=90),
    "at its second step of three": Case(
        one(SCALE, STOP, SCALE, states=(DONE, RUNNING, Waiting())), Status.RUNNING, "Azure to finish", NOON + timedelta(seconds=110),
        percent=43,
    ),
    "suspended between two steps": Case(
        one(SCALE, STOP, states=(DONE, Waiting()), suspended_by=SUSPENDED), Status.SUSPENDED,
        f"a person to resume it: {ADA} suspended it at 2026-11-23 12:00:00 UTC", None, percent=50, plain="a person to resume it",
    ),
    "in need of a person": Case(
        one(states=(Waiting(since=NOON, failure=BUSY),), attention=Attention(failure=BLOCKED, since=NOON, holds=True)),
        Status.NEEDS_ATTENTION, f"a person to resume, cancel or close it: {BLOCKED.message}", None,
        plain="a person to resume, cancel or close it: somebody else's work in Azure held the cluster all the time",
    ),
    "poisoned": Case(
        one(states=(RUNNING,), attention=Attention(failure=POISONED, since=NOON)), Status.NEEDS_ATTENTION,
        f"the sweep to wake it again: {POISONED.message}", NOON + 20 * MINUTE, percent=28,
        plain="the sweep to wake it again: it could not be processed several times",
    ),
    "succeeded": Case(one(states=(DONE,)), Status.SUCCEEDED, None, None, percent=100, position=None),
    "failed": Case(
        one(SCALE, STOP, states=(DONE, Failed(since=NOON, ended_at=NOW, failure=REFUSED))), Status.FAILED, None, None, percent=50,
        position=None,
    ),
    "cancelled": Case(
        one(SCALE, STOP, states=(DONE, Skipped(because=f"cancelled by {ADA}")), cancelled_by=CANCELLED), Status.CANCELLED, None, None,
        percent=50, position=None,
    ),
    "cancelled before its turn": Case(one(**UNHEADED, cancelled_by=CANCELLED), Status.CANCELLED, None, None, position=None),
    "declined": Case(one(**UNPLANNED, declined=REFUSED), Status.FAILED, None, None, position=None),
    "expired": Case(one(**LATER, lapsed=BLOCKED), Status.EXPIRED, None, None, position=None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_is_waited_for_and_when_the_next_look_is(name: str) -> None:
    case = CASES[name]
    told = progress(case.operation, NOW, position=case.position, holder=HOLDER)
    assert case.operation.status is case.status
    assert (told.waiting_for, told.next_look_at, told.percent) == (case.waits, case.look, case.percent)
    plainly = progress(case.operation, NOW, position=case.position, holder=HOLDER, plainly=True)
    assert plainly.waiting_for == (case.plain or case.waits)
    assert (plainly.next_look_at, plainly.percent) == (told.next_look_at, told.percent)


def test_every_status_is_among_the_cases_and_an_open_one_is_never_silent() -> None:
    assert {case.status for case in CASES.values()} == set(Status)
    for case in CASES.values():
        assert (case.waits is None) == case.operation.ended
        assert case.look is None or not (case.operation.ended or case.operation.resting)


@pytest.mark.parametrize("name", CASES)
def test_what_strangers_are_told_has_no_name_in_it(name: str) -> None:
    case = CASES[name]
    plainly = progress(case.operation, NOW, position=case.position, holder=HOLDER, plainly=True)
    for secret in (ADA, HOLDER.id, "prod-rg", "4711", "an outage"):
        assert secret not in f"{plainly} {fault(case.operation)}"


def test_every_code_that_an_operation_can_have_is_said_plainly() -> None:
    of_requests_alone = {
        Code.MALFORMED, Code.UNSUPPORTED_MEDIA_TYPE, Code.TOO_LARGE, Code.NEWER_SCHEMA, Code.FORBIDDEN, Code.ALREADY_ENDED,
        Code.KEY_REUSED, Code.NOT_CONFIGURED,
    }  # fmt: skip
    assert set(Code) - set(PLAIN) == of_requests_alone


def test_steps_are_counted_from_one_and_none_are_left_at_the_end() -> None:
    states = [(Waiting(), Waiting()), (DONE, RUNNING), (DONE, DONE)]
    told = [progress(one(SCALE, STOP, states=each), NOW, position=0, holder=None) for each in states]
    assert [(each.step, each.steps) for each in told] == [(1, 2), (2, 2), (2, 2)]


@pytest.mark.parametrize("action", [SCALE, RemoveCluster()], ids=lambda action: action.kind)
def test_a_percentage_grows_with_time_and_is_whole_only_at_the_end(action: Action) -> None:
    moments = [NOON + n * 5 * MINUTE for n in range(-1, 60)]
    seen = [progress(one(action, states=(RUNNING,)), moment, position=0, holder=None).percent for moment in moments]
    settled = progress(one(action, states=(SETTLING,)), moments[-1], position=0, holder=None).percent
    assert (seen[0], seen[-1], settled) == (0, 90, 90)
    assert seen == sorted(seen)


def test_what_nobody_has_timed_counts_by_the_time_that_it_is_given() -> None:
    assert pace.share("upgrade_control_plane", HOUR / 2, HOUR) == 0.5


def test_the_sweep_takes_up_what_nothing_drives_within_the_time_that_is_said() -> None:
    assert sweep.QUIET + timedelta(minutes=5) == pace.SWEPT_WITHIN

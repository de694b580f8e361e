"""How far an operation is, what it waits for and when it is looked at next, in words. Must not decide anything.

Every sentence has two forms. Whoever may read the operation is told who, which and why. Whoever holds its status link is told it `plainly`:
without people's names, without other operations, and without what Azure or a person said, which may hold anything.
"""

from collections.abc import Mapping
from datetime import datetime

from shared.model.answers import Progress
from shared.model.errors import Code, Failure
from shared.model.operations import Done, Operation, Running, Settling, Starting, StepState, Waiting
from shared.model.plans import Abortable
from shared.rules import pace

PLAIN: Mapping[Code, str] = {
    Code.NOT_FOUND: "what it is about does not exist",
    Code.WRONG_STATE: "what it is about is in a state in which this cannot be done",
    Code.IMPOSSIBLE: "it cannot be done as things are",
    Code.CLUSTER_EXISTS: "another cluster has the name",
    Code.BUSY_STORE: "too many operations begin at once; it goes on in a moment",
    Code.UNREACHABLE: "Azure does not answer",
    Code.AZURE_FAULT: "Azure had a fault of its own",
    Code.THROTTLED: "Azure takes no more calls for a while",
    Code.BUSY: "Azure is at work on the cluster for somebody else",
    Code.CHANGED_MEANWHILE: "the cluster changed meanwhile",
    Code.AZURE_FORBIDDEN: "the app may not do this in Azure",
    Code.AZURE_REFUSED: "Azure refused it",
    Code.AZURE_FAILED: "Azure began it, and it failed there",
    Code.OUT_OF_CAPACITY: "Azure has no capacity for it, or the quota is used up",
    Code.DRAIN_BLOCKED: "a disruption budget keeps a node from being drained",
    Code.HANDLE_GONE: "Azure does not know the call any more; the cluster is looked at instead",
    Code.HANDLE_FOREIGN: "the address at which to ask for the call is not Azure's",
    Code.PAUSED: "a person has paused all acting",
    Code.CAPPED: "no more calls may be made in this hour",
    Code.GONE: "what was asked for cannot be reached any more",
    Code.NOT_REACHED: "Azure reported success, and the cluster is not as asked",
    Code.TIMED_OUT: "its time was up",
    Code.STILL_RUNNING_IN_AZURE: "its time was up, and Azure is still at work",
    Code.BLOCKED_BY_EXTERNAL_OPERATION: "somebody else's work in Azure held the cluster all the time",
    Code.CANCELLED_EXTERNALLY: "somebody aborted it in Azure",
    Code.EXPIRED: "it had not begun by the time it was given",
    Code.STUCK: "it could not be processed in time",
    Code.FORCE_CLOSED: "a person closed it",
    Code.POISONED: "it could not be processed several times",
}
"""What each code that an operation can have means, for anybody."""


def progress(
    operation: Operation,
    now: datetime,
    *,
    position: int | None,
    holder: Operation | None,
    looks: pace.Looks = pace.LOOKS,
    plainly: bool = False,
) -> Progress:
    """The progress of an operation at `now`; `holder` holds its cluster where it waits in line at `position`, `looks` are in force."""
    cursor, steps = operation.cursor, len(operation.states)
    done = sum(isinstance(state, Done) for state in operation.states)
    begun = 0.0 if cursor is None else _share(operation, cursor, now)
    return Progress(
        step=steps if cursor is None else cursor + 1,
        steps=steps,
        percent=int(100 * (done + begun) / steps) if steps else 0,
        waiting_for=_waiting_for(operation, position, holder, plainly=plainly),
        next_look_at=_next_look_at(operation, now, looks),
    )


def fault(operation: Operation) -> str | None:
    """What went wrong with an operation, plainly."""
    return None if operation.failure is None else _said(operation.failure, plainly=True)


def _share(operation: Operation, cursor: int, now: datetime) -> float:
    if operation.plan is None:
        return 0.0
    step = operation.plan.steps[cursor]
    match operation.states[cursor]:
        case Running(started_at=started_at):
            return pace.share(step.action.kind, now - started_at, step.limit)
        case Settling():
            return pace.MOST_SHARE
        case _:
            return 0.0


def _next_look_at(operation: Operation, now: datetime, looks: pace.Looks) -> datetime | None:
    if operation.ended or operation.resting:
        return None
    if operation.scheduled:
        return operation.not_before
    look = pace.next_look(operation, now, looks=looks)
    if look is not None and operation.attention is not None:
        # Its wake-up may be the one that was lost.
        return max(look, operation.updated_at + pace.SWEPT_WITHIN)
    return look


def _waiting_for(operation: Operation, position: int | None, holder: Operation | None, *, plainly: bool) -> str | None:
    attention, suspended = operation.attention, operation.suspended_by
    if operation.ended:
        return None
    if attention is not None and attention.holds:
        return f"a person to resume, cancel or close it: {_said(attention.failure, plainly=plainly)}"
    if suspended is not None and operation.resting:
        return "a person to resume it" if plainly else f"a person to resume it: {suspended.by} suspended it at {_time(suspended.at)}"
    if operation.scheduled and operation.not_before is not None:
        return f"its time, {_time(operation.not_before)}"
    if operation.headed_at is None:
        return _in_line(position, holder, plainly=plainly)
    if attention is not None:
        return f"the sweep to wake it again: {_said(attention.failure, plainly=plainly)}"
    if operation.cursor is None or operation.plan is None:
        return "a look at its cluster, to plan from"
    return _step(operation, operation.states[operation.cursor], plainly=plainly) + _then(operation, plainly=plainly)


def _in_line(position: int | None, holder: Operation | None, *, plainly: bool) -> str:
    if not position or holder is None:
        return "the sweep to give it its place at its cluster"
    if plainly:
        return "another operation of its cluster" if position == 1 else f"{position} other operations of its cluster"
    more = f", and {position - 1} more before it" if position > 1 else ""
    return f"{holder.id} ({holder.request.action}), which holds its cluster{more}"


def _step(operation: Operation, state: StepState, *, plainly: bool) -> str:
    match state:
        case Waiting(failure=failure) if failure is not None:
            return _said(failure, plainly=plainly)
        case Waiting():
            return "its first look"
        case Starting():
            return "Azure to take the call"
        case Running():
            return _end_in_azure(operation, plainly=plainly)
        case _:
            return "Azure to settle"


def _end_in_azure(operation: Operation, *, plainly: bool) -> str:
    """What a step that runs in Azure waits for; an abort that was asked for changes it."""
    asked, cursor, plan = operation.cancelled_by, operation.cursor, operation.plan
    if asked is None or not asked.abort or plan is None or cursor is None:
        return "Azure to finish"
    if asked.aborted_at is not None:
        return f"Azure to end what it was asked to abort at {_time(asked.aborted_at)}"
    if asked.refusal is not None:
        return f"Azure to finish, since it would not abort: {_said(asked.refusal, plainly=plainly)}"
    if not isinstance(plan.steps[cursor].action, Abortable):
        return "Azure to finish, since this cannot be aborted"
    return "a look that finds it still at work in Azure, to have it aborted"


def _then(operation: Operation, *, plainly: bool) -> str:
    """What comes after the step that is under way, where somebody asked for an end or a rest."""
    cancelled, suspended = operation.cancelled_by, operation.suspended_by
    if cancelled is not None:
        word = "it was cancelled" if plainly else f"{cancelled.by} cancelled it"
        return f"; {word}: what is applied by then stays applied, and no further step begins"
    if suspended is not None:
        word = "it was suspended" if plainly else f"{suspended.by} suspended it"
        return f"; {word}, and no further step begins until it is resumed"
    return ""


def _said(failure: Failure, *, plainly: bool) -> str:
    return PLAIN.get(failure.code, "it cannot be done") if plainly else failure.message


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"

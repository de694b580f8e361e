"""The state machine of an operation. Everything that moves an operation lives in this file; it must not know stores, queues or Azure.

Theory of operation
-------------------
An operation is a plan of steps and one state for each. Two questions are asked in turn: `next_move` says what to do, and after it was
done `record` says what the sighting means. Neither has side effects; a caller that dies between them loses nothing but the sighting.
`TRANSITIONS` is the whole machine; docs/operations.md draws it.

1. *The cluster has the last word.* Only `Seen` makes a step done. What ARM answers (`Answered`) only ends the polling.
2. *Claimed is not sent.* `Starting` is saved before the call, so a mutation never happens without a record; but whoever finds a saved
   `Starting` cannot know whether the call was made, so it looks again, and claims again only if Azure is not at work, the goal is missing
   and whoever made the claim can no longer be making its call. All actions are convergent, and the call carries the etag of the look, so a
   second one has no second effect.
3. *Every wait has an end.* A step's clock begins at its first look, even one that failed, and `Step.limit` later the step is looked at once
   more and then ends; where that look fails and something may have been sent, it is looked at for `LAST_LOOKS` more. Being busy or
   throttled is bounded by that time, never by a number of tries; a call that Azure answered with a failure is bounded by tries as well.
4. *Unchanged means unsaved.* Where `record` answers the same operation, nothing is written. So nothing that merely varies from look to look
   (progress, the next look) is part of a state.
5. *No polite catch-all.* A pair of state and sighting that is not in `TRANSITIONS` raises.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from shared.model.clusters import Absent, Cluster, Sight
from shared.model.errors import Code, Failure, Refusal
from shared.model.operations import (
    Accepted,
    Answered,
    Attempt,
    Attention,
    Cancellation,
    Done,
    Draw,
    Failed,
    Move,
    OpenState,
    Operation,
    Poll,
    Refused,
    Rest,
    Running,
    Seen,
    Settling,
    Sighting,
    Skipped,
    Sleep,
    Starting,
    Status,
    StepState,
    StillRunning,
    Suspension,
    Unseen,
    Verify,
    Waiting,
)
from shared.model.plans import Abortable, MakeCluster, Plan, Step
from shared.rules import pace
from shared.rules.goals import busy, called_off, gap, occupied, unreachable

if TYPE_CHECKING:
    from shared.model.acting import Hold

TRANSITIONS: Mapping[tuple[str, str], frozenset[str]] = {
    ("waiting", "seen"): frozenset({"starting", "done", "waiting", "failed"}),
    ("waiting", "unseen"): frozenset({"waiting", "failed"}),
    ("starting", "seen"): frozenset({"starting", "done", "failed"}),
    ("starting", "unseen"): frozenset({"starting", "failed"}),
    ("starting", "accepted"): frozenset({"running", "settling"}),
    ("starting", "refused"): frozenset({"waiting", "failed"}),
    ("running", "still_running"): frozenset({"running"}),
    ("running", "answered"): frozenset({"settling"}),
    ("running", "refused"): frozenset({"running", "settling", "failed"}),
    ("running", "seen"): frozenset({"running", "done", "failed"}),
    ("running", "unseen"): frozenset({"running", "failed"}),
    ("settling", "seen"): frozenset({"done", "settling", "waiting", "failed"}),
    ("settling", "unseen"): frozenset({"settling", "failed"}),
}
"""From (state of the step, kind of sighting) to the states that may follow. Besides, a cancelled operation skips what has not begun and
what it aborted, a suspended one and one that a hold keeps back do not claim it, and one that somebody else's operation has kept waiting for
all its time waits for a person instead."""

DRAW_LIMIT = timedelta(hours=1)
"""How long the first of a cluster may wait for a look from which to plan."""
MOST_TRIES = 3
"""How often a step is sent when Azure answers with a fault of its own."""
MOST_TRIES_TO_RECONCILE = 2
"""How often a step is sent when Azure says something else and the goal is missing: once more, to reconcile, and no more."""
CALL_LASTS = timedelta(minutes=5)
"""How long after a claim its call may still be on its way: no invocation lives longer (`functionTimeout` in host.json)."""
LAST_LOOKS = timedelta(minutes=30)
"""How long past its limit a step is looked at where looks fail and something may have been sent: the cluster has the last word."""
GRACE = timedelta(hours=1)
"""How long past its limit an operation that cannot even be processed stays open."""
UNHEARD = timedelta(days=7)
"""How long an operation waits for a person whom it needs before it ends by itself: it keeps its cluster from all others meanwhile."""


def next_move(operation: Operation, now: datetime) -> Move:
    """What to do with the operation at `now`. It must be the first of its cluster, else there is nothing to do."""
    if operation.ended or operation.headed_at is None or operation.resting:
        return Rest()
    if operation.plan is None:
        return Draw()
    step, state = _current(operation)
    late = _expired(step, state, now)
    match state:
        case Waiting(until=until) if until is not None and now < until and not late:
            return Sleep(until=until)
        case Waiting() | Starting():
            return Attempt(action=step.action)
        case Running() if not late:
            return Poll(handle=state.handle)
        case Running() | Settling():
            return Verify(action=step.action)
        case _:
            assert_never(state)


def record(operation: Operation, sighting: Sighting, now: datetime, *, hold: "Hold | None" = None) -> Operation:
    """The operation after `sighting`; the very same object if that changes nothing. Raises ValueError for what cannot happen.

    `hold`: why nothing may be claimed now, if so.
    """
    if operation.plan is None:
        return _record_undrawn(operation, sighting, now)
    step, state = _current(operation)
    sighting = _meant(operation.plan, step, sighting)
    after = _after(step, state, sighting, now)
    stopped = operation.cancelled_by is not None or operation.suspended_by is not None
    if stopped and isinstance(after, Starting) and after.tries > state.tries:
        # Azure is not at work, the goal is missing and no call is on its way: the claim is not made, and the rest is skipped or waits.
        after = Waiting(since=after.since, tries=state.tries)
    elif hold is not None and isinstance(after, Starting) and after.tries > state.tries:
        after = _held(state, hold)
    elif isinstance(after, Failed) and isinstance(sighting, Seen):
        after = _aborted_by_us(operation, step, after, sighting.sight) or after
    if after == state:
        return operation
    if isinstance(after, Failed) and after.failure.code is Code.BLOCKED_BY_EXTERNAL_OPERATION:
        return replace(operation, attention=Attention(failure=after.failure, since=now, holds=True), updated_at=now)
    moved = _with(operation, after, now)
    if isinstance(after, Starting) and moved.started_at is None:
        return replace(moved, started_at=now)
    return moved


def held(operation: Operation, hold: "Hold", now: datetime) -> Operation:
    """The operation kept back from its next step, of which nothing may be under way; the very same object if it was so already.

    The step's clock stands still meanwhile and begins anew afterwards: a step does not run out of time that it was not given.
    """
    _, state = _current(operation)
    after = _held(state, hold)
    return operation if after == state else _with(operation, after, now)


def is_held(operation: Operation) -> bool:
    """Whether the current step was kept back when it was last to begin."""
    _, state = _current(operation)
    return isinstance(state, Waiting) and state.since is None and state.failure is not None


def claimed(before: Operation, after: Operation) -> bool:
    """Whether between the two a claim was made, which entitles its maker to one call once it is saved."""
    return _tries(after) > _tries(before)


def goes_on(before: Operation, after: Operation) -> bool:
    """Whether what changed between the two leads to a move that needs no waiting: a plan was made, Azure answered, or a step is done."""
    if after.ended:
        return False
    if before.plan is None or before.cursor != after.cursor:
        return after.plan is not None
    _, was = _current(before)
    _, is_ = _current(after)
    return isinstance(is_, Settling) and not isinstance(was, Settling)


def drawn(operation: Operation, plan: Plan, now: datetime, *, already_so: bool) -> Operation:
    """The operation with its plan. `already_so`: the goal holds, so every step is born done."""
    state = Done(since=now, ended_at=now, note="already so") if already_so else Waiting()
    return replace(operation, plan=plan, states=(state,) * len(plan.steps), updated_at=now, attention=None)


def declined(operation: Operation, refusal: Refusal, now: datetime) -> Operation:
    """The operation ended because no plan can be made."""
    failure = Failure(code=refusal.code, message=refusal.message)
    return replace(operation, declined=failure, updated_at=now, attention=None)


def cancel(operation: Operation, *, by: str, now: datetime, abort: bool = False) -> Operation | Refusal:
    """The operation with cancellation asked: ended at once if nothing of it can be running in Azure, else when its running step has ended.

    What was applied stays applied. A call that is under way is left to end, or, with `abort`, AKS is asked to abort it.
    """
    if operation.ended:
        return Refusal(
            code=Code.ALREADY_ENDED, message=f"operation {operation.id} is {operation.status} already; nothing is left to cancel"
        )
    if operation.cancelled_by is not None and (operation.cancelled_by.abort or not abort):
        return operation
    asked = replace(operation, cancelled_by=Cancellation(by=by, at=now, abort=abort), updated_at=now)
    return asked if asked.cursor is None else _closed_if_cancelled(asked)


def to_abort(operation: Operation, sighting: Sighting) -> Abortable | None:
    """What AKS is to be asked to abort; None if nothing is.

    Only what Azure has just said is still running under our own handle: an abort takes whatever is newest on the cluster or pool, and that
    must not be somebody else's.
    """
    asked = operation.cancelled_by
    if asked is None or not asked.abort or asked.aborted_at is not None or asked.refusal is not None:
        return None
    step, state = _current(operation)
    ours = isinstance(state, Running) and isinstance(sighting, StillRunning)
    return step.action if ours and isinstance(step.action, Abortable) else None


def aborted(operation: Operation, refusal: Failure | None, now: datetime) -> Operation:
    """The operation after AKS was asked to abort its step: it took that, or would not and the step is left to end."""
    if operation.cancelled_by is None:
        raise ValueError(operation.id)
    asked = replace(operation.cancelled_by, aborted_at=now if refusal is None else None, refusal=refusal)
    return replace(operation, cancelled_by=asked, updated_at=now)


def suspend(operation: Operation, *, by: str, now: datetime) -> Operation | Refusal:
    """The operation with suspension asked: no further step begins. What is under way in Azure is left to end, and is read back."""
    if operation.ended:
        return Refusal(
            code=Code.ALREADY_ENDED, message=f"operation {operation.id} is {operation.status} already; nothing is left to suspend"
        )
    if operation.cancelled_by is not None:
        message = f"operation {operation.id} was cancelled by {operation.cancelled_by.by} and ends by itself; it cannot be suspended"
        return Refusal(code=Code.WRONG_STATE, message=message)
    if operation.suspended_by is not None:
        return operation
    return replace(operation, suspended_by=Suspension(by=by, at=now), updated_at=now)


def resume(operation: Operation, now: datetime) -> Operation | Refusal:
    """The operation taken up again where it was suspended or needs a person; the clock of a step that has not begun starts anew."""
    if operation.ended:
        message = f"operation {operation.id} is {operation.status}, which is for good; retry does what it left undone"
        return Refusal(code=Code.ALREADY_ENDED, message=message)
    if operation.suspended_by is None and operation.attention is None:
        message = f"operation {operation.id} is {operation.status}; only what is suspended or needs attention can be resumed"
        return Refusal(code=Code.WRONG_STATE, message=message)
    again = replace(operation, suspended_by=None, attention=None, updated_at=now)
    if again.plan is None:
        return again if again.headed_at is None else replace(again, headed_at=now)
    if again.cursor is None or again.under_way:
        return again
    return replace(again, states=_replaced(again, Waiting()))


def force_close(operation: Operation, *, by: str, now: datetime) -> Operation | Refusal:
    """The operation ended whatever its state, for a person who knows better. What Azure was asked for may go on, and nobody watches it."""
    if operation.ended:
        return Refusal(code=Code.ALREADY_ENDED, message=f"operation {operation.id} is {operation.status} already; nothing is left to close")
    under_way = "; what Azure was asked for may go on, unwatched" if operation.under_way else ""
    failure = Failure(code=Code.FORCE_CLOSED, message=f"closed by {by}{under_way}")
    if operation.plan is None:
        return replace(operation, declined=failure, updated_at=now, attention=None)
    _, state = _current(operation)
    return _with(operation, Failed(since=state.since or now, ended_at=now, failure=failure), now)


def undone(operation: Operation) -> Plan | Refusal | None:
    """The steps that an ended operation left undone, exactly as they were planned, so that every target stays the one that was pinned.

    None: it ended before it had a plan, so whoever retries it plans afresh.
    """
    if not operation.ended:
        message = f"operation {operation.id} is {operation.status}; only what has ended can be retried, and what waits for a person resumed"
        return Refusal(code=Code.WRONG_STATE, message=message)
    if operation.status is Status.SUCCEEDED:
        return Refusal(code=Code.WRONG_STATE, message=f"operation {operation.id} succeeded; nothing of it is left to do")
    if operation.plan is None:
        return None
    steps = tuple(step for step, state in zip(operation.plan.steps, operation.states, strict=True) if not isinstance(state, Done))
    return Plan(steps=steps, because=f"what {operation.id} left undone: {operation.plan.because}", uid=operation.plan.uid)


def lapsed(operation: Operation, now: datetime) -> Operation | None:
    """The operation ended as expired, if it has not begun by the instant after which it is not to begin; else None."""
    late = operation.not_after is not None and now >= operation.not_after
    if not late or operation.ended or operation.started_at is not None:
        return None
    message = f"it had not begun by {operation.not_after:%Y-%m-%d %H:%M:%S} UTC, after which it was not to begin; nothing was sent to Azure"
    states = _skipping(operation.states, 0, "its time to begin was over")
    return replace(operation, lapsed=Failure(code=Code.EXPIRED, message=message), states=states, updated_at=now, attention=None)


def distressed(operation: Operation, failure: Failure, now: datetime) -> Operation:
    """The operation with a call for attention; it ends as soon as the operation moves. A second call goes on from the first."""
    since = now if operation.attention is None else operation.attention.since
    return replace(operation, attention=Attention(failure=failure, since=since), updated_at=now)


def expired(operation: Operation, now: datetime) -> Operation | None:
    """The operation ended as stuck, if its time is long up and it has called for attention for as long as `GRACE`; else None.

    The last resort of "an accepted operation always ends": it needs nothing of the operation to work but this function. An outage of ours
    that outlasts an operation's time does not end it before it was woken again, and Azure asked.
    """
    if operation.ended or operation.attention is None or operation.headed_at is None:
        return None
    if now < operation.attention.since + GRACE:
        return None
    cause = operation.attention.failure.message
    if operation.attention.holds:
        return _given_up(operation, operation.attention, now)
    if operation.plan is None:
        if now < operation.headed_at + DRAW_LIMIT + GRACE:
            return None
        return declined(operation, Refusal(code=Code.STUCK, message=f"no plan could be made in time: {cause}"), now)
    step, state = _current(operation)
    since = getattr(state, "since", None) or operation.headed_at
    if now < since + step.limit + GRACE:
        return None
    failure = Failure(code=Code.STUCK, message=f"step {step.name!r} could not be processed within its {step.limit}: {cause}")
    return _with(operation, Failed(since=since, ended_at=now, failure=failure), now)


# ---- inside


def _given_up(operation: Operation, attention: Attention, now: datetime) -> Operation | None:
    if now < attention.since + UNHEARD:
        return None
    _, state = _current(operation)
    message = f"{attention.failure.message}; nobody took it up within {UNHEARD.days} days"
    return _with(operation, Failed(since=state.since or now, ended_at=now, failure=replace(attention.failure, message=message)), now)


def _current(operation: Operation) -> tuple[Step, OpenState]:
    cursor = operation.cursor
    if operation.plan is None or cursor is None:
        message = f"operation {operation.id} has no step to move"
        raise ValueError(message)
    state = operation.states[cursor]
    if not isinstance(state, OpenState):  # pragma: no cover - `cursor` points at an open state by definition
        raise TypeError
    return operation.plan.steps[cursor], state


def _tries(operation: Operation) -> int:
    return sum(state.tries for state in operation.states if isinstance(state, OpenState))


def _expired(step: Step, state: OpenState, now: datetime) -> bool:
    return state.since is not None and now >= state.since + step.limit


def _record_undrawn(operation: Operation, sighting: Sighting, now: datetime) -> Operation:
    if not isinstance(sighting, Unseen) or operation.headed_at is None:
        message = f"an operation without a plan cannot meet {type(sighting).__name__}"
        raise ValueError(message)
    failure = sighting.failure
    if failure.transient and now < operation.headed_at + DRAW_LIMIT:
        return operation
    code = Code.TIMED_OUT if failure.transient else failure.code
    return declined(operation, Refusal(code=code, message=f"no look at the cluster to plan from: {failure.message}"), now)


def _meant(plan: Plan, step: Step, sighting: Sighting) -> Sighting:
    """The sighting as the plan means it: a cluster that was made since under the same name is not the one that was asked about."""
    if not isinstance(sighting, Seen) or not isinstance(sighting.sight, Cluster) or isinstance(step.action, MakeCluster):
        return sighting
    found = sighting.sight
    if plan.uid is None or found.uid is None or found.uid == plan.uid:
        return sighting
    return Seen(sight=Absent(what=f"the cluster {found.ref} that this was planned for (another was made under its name)"))


def _after(step: Step, state: OpenState, sighting: Sighting, now: datetime) -> StepState:
    """One answer for each pair of `TRANSITIONS`."""
    if (state.state, sighting.kind) not in TRANSITIONS:
        message = f"a step that is {state.state} cannot meet a sighting that is {sighting.kind}"
        raise ValueError(message)
    match state, sighting:
        case ((Waiting() | Starting()), Seen(sight=sight)):
            return _looked(step, state, sight, now)
        case ((Waiting() | Starting() | Settling() | Running()), Unseen(failure=failure)):
            return _unseen(step, state, failure, now)
        case Starting(), Accepted(handle=None):
            return Settling(since=state.since, tries=state.tries, answered_at=now)
        case Starting(), Accepted(handle=handle) if handle is not None:
            return Running(since=state.since, tries=state.tries, started_at=now, handle=handle)
        case Starting(), Refused(failure=failure):
            return _refused(state, failure, now)
        case Running(), StillRunning():
            return state
        case Running(), Answered(failure=failure):
            return Settling(since=state.since, tries=state.tries, answered_at=now, verdict=failure)
        case Running(), Refused(failure=failure):
            return _poll_failed(state, failure, now)
        case ((Running() | Settling()), Seen(sight=sight)):
            return _verified(step, state, sight, now)
        case _:  # pragma: no cover - `TRANSITIONS` lists exactly the pairs above, and a test walks them all
            raise AssertionError


def _looked(step: Step, state: Waiting | Starting, sight: Sight, now: datetime) -> StepState:
    since = state.since or now
    missing = gap(step.action, sight)
    if missing is None:
        return Done(since=since, ended_at=now, note=None if state.tries or _maybe_sent(state) else "already so")
    lost = unreachable(step.action, sight)
    if lost is not None:
        return Failed(since=since, ended_at=now, failure=Failure(code=Code.GONE, message=lost))
    if _expired(step, state, now):
        return _out_of_time(step, state, missing, now, at_work=busy(sight))
    if busy(sight):
        if isinstance(state, Starting):
            return state
        wait = Failure(code=Code.BUSY, message=f"Azure is at work: {missing}", transient=True)
        return replace(state, since=since, until=None, failure=wait)
    if isinstance(state, Starting) and now < state.claimed_at + CALL_LASTS:
        return state
    sent, off = _maybe_sent(state), called_off(step.action, sight)
    if sent and off and not state.lay_aborted:
        words = f"somebody aborted in Azure what was sent, which is not sent again: {missing}"
        return Failed(since=since, ended_at=now, failure=Failure(code=Code.CANCELLED_EXTERNALLY, message=words))
    taken = None if state.tries or sent else occupied(step.action, sight)
    if taken is not None:
        return Failed(since=since, ended_at=now, failure=Failure(code=Code.CLUSTER_EXISTS, message=f"{taken}: {missing}"))
    return Starting(since=since, tries=state.tries + 1, claimed_at=now, unsure=sent, lay_aborted=off)


def _unseen(step: Step, state: OpenState, failure: Failure, now: datetime) -> StepState:
    since = state.since or now
    if not failure.transient:
        return Failed(since=since, ended_at=now, failure=failure)
    if _expired(step, state, now):
        sent = _maybe_sent(state)
        if sent and now < since + step.limit + LAST_LOOKS:
            return state
        words = "; what was sent may be applied: look at the cluster" if sent else ""
        return _out_of_time(step, state, f"the last look failed: {failure.message}{words}", now, at_work=False)
    if not isinstance(state, Waiting):
        return state
    until = None if failure.retry_after is None else now + pace.bounded(failure.retry_after)
    return replace(state, since=since, until=until, failure=failure)


def _refused(state: Starting, failure: Failure, now: datetime) -> StepState:
    if not failure.transient:
        return Failed(since=state.since, ended_at=now, failure=failure)
    if failure.unsure:
        wait = pace.backoff(state.tries, retry_after=failure.retry_after)
        return Waiting(since=state.since, tries=state.tries, until=now + wait, failure=failure, unsure=True, lay_aborted=state.lay_aborted)
    # A call that was surely not taken is no try: being busy or throttled is bounded by the step's time alone.
    wait = pace.patience(now - state.since, retry_after=failure.retry_after)
    return Waiting(
        since=state.since, tries=state.tries - 1, until=now + wait, failure=failure, unsure=state.unsure, lay_aborted=state.lay_aborted
    )


def _poll_failed(state: Running, failure: Failure, now: datetime) -> StepState:
    if failure.code in (Code.AZURE_FORBIDDEN, Code.HANDLE_FOREIGN) and not failure.transient:
        return Failed(since=state.since, ended_at=now, failure=failure)
    if failure.transient and failure.code is not Code.HANDLE_GONE:
        return state
    # The handle is of no more use, which says nothing of the cluster: looking decides.
    return Settling(since=state.since, tries=state.tries, answered_at=now, verdict=failure)


def _verified(step: Step, state: Running | Settling, sight: Sight, now: datetime) -> StepState:
    missing = gap(step.action, sight)
    verdict = state.verdict if isinstance(state, Settling) else None
    if missing is None:
        note = None if verdict is None else f"done, though Azure reported {verdict.azure_code or verdict.code}: {verdict.message}"
        return Done(since=state.since, ended_at=now, note=note)
    lost = unreachable(step.action, sight)
    if lost is not None:
        words = lost if verdict is None else f"{lost}; Azure reported {verdict.message}"
        return Failed(since=state.since, ended_at=now, failure=Failure(code=Code.GONE, message=words))
    if _expired(step, state, now):
        return _out_of_time(step, state, missing, now, at_work=busy(sight))
    if isinstance(state, Running) or busy(sight):
        return state
    failure = verdict or Failure(code=Code.NOT_REACHED, message=f"Azure reported success, but {missing}", transient=True)
    if failure.code is Code.HANDLE_GONE:
        failure = replace(failure, message=f"{failure.message}, and {missing}")
        if called_off(step.action, sight):
            failure = replace(failure, code=Code.CANCELLED_EXTERNALLY, transient=False)
    most = MOST_TRIES if failure.code is Code.AZURE_FAULT else MOST_TRIES_TO_RECONCILE
    if not failure.transient or state.tries >= most:
        return Failed(since=state.since, ended_at=now, failure=replace(failure, transient=False))
    return Waiting(since=state.since, tries=state.tries, until=now + pace.backoff(state.tries), failure=failure)


def _out_of_time(step: Step, state: OpenState, missing: str, now: datetime, *, at_work: bool) -> Failed:
    ours = isinstance(state, Running | Settling | Starting)
    if isinstance(state, Waiting) and state.failure is not None and state.failure.code is Code.BUSY and not state.unsure:
        code = Code.BLOCKED_BY_EXTERNAL_OPERATION
    elif at_work and ours:
        code = Code.STILL_RUNNING_IN_AZURE
    else:
        code = Code.TIMED_OUT
    message = f"step {step.name!r} did not end within {step.limit}: {missing}"
    return Failed(since=state.since or now, ended_at=now, failure=Failure(code=code, message=message))


def _maybe_sent(state: OpenState) -> bool:
    """Whether something of this step may be under way or applied in Azure."""
    return not isinstance(state, Waiting) or state.unsure


def _with(operation: Operation, state: StepState, now: datetime) -> Operation:
    states = _replaced(operation, state)
    if isinstance(state, Failed):
        states = _skipping(states, states.index(state) + 1, "an earlier step failed")
    return _closed_if_cancelled(replace(operation, states=states, updated_at=now, attention=None))


def _aborted_by_us(operation: Operation, step: Step, after: Failed, sight: Sight) -> Skipped | None:
    """The end of a step whose call was aborted, as was asked; None if it ended otherwise.

    Whether Azure took our abort or somebody else's makes no difference to who asked for it; and the answer to ours may have been lost.
    """
    asked = operation.cancelled_by
    if asked is None or not asked.abort or after.failure.code is not Code.CANCELLED_EXTERNALLY:
        return None
    return Skipped(because=f"aborted in Azure, as {asked.by} asked; what was applied by then stays applied: {gap(step.action, sight)}")


def _held(state: OpenState, hold: "Hold") -> Waiting:
    return Waiting(tries=state.tries, until=hold.until, failure=hold.failure)


def _replaced(operation: Operation, state: StepState) -> tuple[StepState, ...]:
    """The states of the steps with the current one replaced."""
    cursor = operation.cursor
    if cursor is None:  # pragma: no cover - callers have just read the current step
        raise ValueError
    return (*operation.states[:cursor], state, *operation.states[cursor + 1 :])


def _closed_if_cancelled(operation: Operation) -> Operation:
    """Skip what is left of a cancelled operation, once nothing of it can be running in Azure."""
    cursor, asked = operation.cursor, operation.cancelled_by
    if asked is None or cursor is None:
        return operation
    if operation.under_way:
        return operation
    stays = "; what the steps before it did stays" if cursor else ""
    return replace(operation, states=_skipping(operation.states, cursor, f"cancelled by {asked.by}{stays}"))


def _skipping(states: tuple[StepState, ...], start: int, because: str) -> tuple[StepState, ...]:
    return (*states[:start], *(Skipped(because=because) for _ in states[start:]))

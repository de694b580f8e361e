"""One sentence for each save of an operation: what the history says. Must not decide anything."""

from typing import assert_never

from shared.model.operations import Cancellation, Done, Failed, Operation, Running, Settling, Skipped, Starting, StepState, Waiting

STARTING, RUNNING, REPORTED, DONE = "starting", "running in Azure", "Azure reported success", "done"
"""Words for states of a step. They are read back from histories (`word_about`), so they are kept; other words are for people alone."""
WOKEN = "woken again"
"""All that a save says which only moved the wake-up, as the sweep's does. Read back too."""
BETWEEN = "; "


def told(before: Operation | None, after: Operation) -> str:
    """What changed between two saves, for people; `before` None is the acceptance."""
    parts = [*_about_the_whole(before, after), *_about_steps(before, after)]
    return BETWEEN.join(parts) or WOKEN


def word_about(step: str, text: str) -> str | None:
    """What a sentence of the history says about the step of that name; None if it says nothing of it."""
    return next((part.removeprefix(f"{step}: ") for part in text.split(BETWEEN) if part.startswith(f"{step}: ")), None)


def _about_the_whole(before: Operation | None, after: Operation) -> list[str]:
    parts: list[str] = []
    if before is None:
        parts.append("accepted")
    if after.headed_at is not None and (before is None or before.headed_at is None):
        parts.append("first of its cluster")
    if after.plan is not None and (before is None or before.plan is None):
        parts.append(f"planned {_counted(len(after.plan.steps), 'step')}: {after.plan.because}")
    if after.cancelled_by is not None and (before is None or before.cancelled_by is None):
        parts.append(f"cancellation asked by {after.cancelled_by.by}")
    parts += _about_aborting(before.cancelled_by if before is not None else None, after.cancelled_by)
    if after.retry_of is not None and before is None:
        parts.append(f"does what {after.retry_of} left undone")
    was, is_ = before.suspended_by if before is not None else None, after.suspended_by
    if is_ is not None and was is None:
        parts.append(f"suspension asked by {is_.by}")
    if was is not None and is_ is None:
        parts.append("resumed")
    if before is not None and before.attention is not None and after.attention is None and before.attention.holds and not after.ended:
        parts.append("taken up again")
    if after.scheduled and before is None and after.not_before is not None:
        parts.append(f"scheduled: not before {after.not_before:%Y-%m-%d %H:%M:%S} UTC")
    if before is not None and before.scheduled and not after.scheduled:
        parts.append("its time has come")
    if after.lapsed is not None:
        parts.append(f"expired: {after.lapsed.message}")
    if after.declined is not None:
        parts.append(f"no plan: {after.declined.message}")
    if after.attention is not None and (before is None or before.attention != after.attention):
        parts.append(f"needs attention: {after.attention.failure.message}")
    return parts


def _about_aborting(was: Cancellation | None, is_: Cancellation | None) -> list[str]:
    if is_ is None:
        return []
    parts: list[str] = []
    if is_.abort and (was is None or not was.abort):
        parts.append("what is under way is to be aborted")
    if is_.aborted_at is not None and (was is None or was.aborted_at is None):
        parts.append("Azure was asked to abort it")
    if is_.refusal is not None and (was is None or was.refusal is None):
        parts.append(f"Azure would not abort it: {is_.refusal.message}")
    return parts


def _about_steps(before: Operation | None, after: Operation) -> list[str]:
    if after.plan is None:
        return []
    known: tuple[StepState, ...] = before.states if before is not None and before.states else (Waiting(),) * len(after.states)
    return [f"{step.name}: {_word(is_)}" for step, was, is_ in zip(after.plan.steps, known, after.states, strict=True) if was != is_]


def _word(state: StepState) -> str:
    match state:
        case Waiting(failure=failure):
            return f"waiting ({failure.message})" if failure is not None else "waiting"
        case Starting(tries=tries):
            return STARTING if tries == 1 else f"{STARTING}, try {tries}"
        case Running():
            return RUNNING
        case Settling(verdict=verdict):
            return REPORTED if verdict is None else f"Azure reported {verdict.message}"
        case Done(note=note):
            return f"{DONE} ({note})" if note is not None else DONE
        case Failed(failure=failure):
            return f"failed ({failure.message})"
        case Skipped(because=because):
            return f"skipped ({because})"
        case _:
            assert_never(state)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

"""What the steps of an ended operation tell about how long Azure took. Pure; must not judge what follows from it.

Theory: nobody sees an operation end in Azure. One look hears that it runs, the next that it has ended, and the end lies between. The row
of an ended operation keeps neither; its history keeps when Azure took the call and when the end was noticed. The look before the last
follows from the figures that the looks were made by: a wake-up is never early, and where the noticing look comes shortly after a
scheduled one it is that one. So an interval is all that is ever answered, and only for what was watched undisturbed.

What no history tells is a look that failed: the one before it was the last that heard anything, and the interval is too narrow by one look.
Nor does it tell a wake-up that was late by just as much as the next one. Whoever judges must bear some wrong samples.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.model.errors import Code
from shared.model.operations import Done, Event, Failed, Operation
from shared.model.paces import Sample
from shared.rules import pace
from shared.rules.telling import DONE, REPORTED, RUNNING, STARTING, WOKEN, word_about

NONE = timedelta(0)
CLOSE = timedelta(seconds=10)
"""How long after its scheduled instant a look still counts as that look: the host asks for messages every five seconds at least
(`maxPollingInterval` in host.json), a queue counts in whole seconds, and a look takes a few."""
AT_ONCE = timedelta(minutes=1)
"""An end that was noticed so shortly after the sweep woke the operation was noticed by the look that it was woken for."""


def samples(operation: Operation, history: Iterable[Event], *, looks: pace.Looks, since: Mapping[str, datetime]) -> tuple[Sample, ...]:
    """What the operation's steps tell. `looks`: the figures that they were looked at by, which hold, by kind, for calls taken `since` then.

    Only of kinds that are named in both. Left out, because they say nothing or would say something else:

    - steps that were already so, or that nobody saw under way: there is nothing to time;
    - steps that were sent more than once, or ended otherwise than Azure said: it is unclear what took how long;
    - steps that failed or were aborted, but for those that Azure was still at work on when their time was up, which surely lasted longer:
      how soon one fails says nothing about how long it takes to succeed;
    - steps between whose beginning and end anything was saved by others than the sweep (somebody suspended, cancelled or aborted, a wake-up
      failed five times): its looks did not come when they should;
    - steps whose end was not noticed within `CLOSE` after a scheduled look: the wake-up was late, or ARM said when to come back, so that
      nobody can say when the look before was.
    """
    if operation.plan is None or not operation.ended:
        return ()
    events = sorted(history, key=lambda event: event.n)
    names = [step.name for step in operation.plan.steps]
    found: list[Sample | None] = []
    for step, state in zip(operation.plan.steps, operation.states, strict=True):
        kind = step.action.kind
        watched = _watched(step.name, events) if names.count(step.name) == 1 else ()
        if kind not in looks or kind not in since or not watched or watched[0].at < since[kind]:
            continue
        began, *woken, ended = (event.at for event in watched)
        lasted = ended - began
        if isinstance(state, Failed) and state.failure.code is Code.STILL_RUNNING_IN_AZURE:
            found.append(Sample(kind=kind, longer_than=lasted, at_most=None))
        elif isinstance(state, Done) and ended < state.since + step.limit:
            found.append(swept(kind, lasted, [at - began for at in woken]) if woken else noticed(kind, lasted, looks[kind]))
    return tuple(sample for sample in found if sample is not None)


def noticed(kind: str, after: timedelta, looks: Sequence[int]) -> Sample | None:
    """What an end tells that was noticed so long after Azure took the call; None if it was not watched closely enough to tell anything."""
    instants = [timedelta(seconds=look) for look in looks]
    # The first that it may have been; of two looks close together the later may have been left out.
    scheduled = next((place for place, look in enumerate(instants) if after - CLOSE <= look <= after), None)
    if scheduled is not None:
        # The look before may have been late, and left out one that would have followed it within SOONEST.
        before = instants[scheduled - 1] - pace.SOONEST if scheduled else NONE
    else:
        last = instants[-1] - pace.SOONEST
        if after < pace.look_after((), last):
            return None
        before = max(last, _before(after - CLOSE))
    return Sample(kind=kind, longer_than=before, at_most=after)


def swept(kind: str, after: timedelta, woken: Sequence[timedelta]) -> Sample | None:
    """What an end tells that was noticed so long after Azure took the call, where the sweep woke the operation at these instants.

    It is woken because it is long since anything was saved, so its looks may not have come; the one it was woken for came.
    """
    heard = [at for at in woken if after - at > AT_ONCE]
    return Sample(kind=kind, longer_than=max(heard, default=NONE), at_most=after) if after > NONE else None


def _before(look: timedelta) -> timedelta:
    """When the look before was, where the figures are used up: `pace.look_after` backwards."""
    return max(look - pace.LATEST, min(look - pace.LOOK_EVERY, look / 11 * 10))


def _watched(name: str, events: Sequence[Event]) -> Sequence[Event]:
    """From Azure's taking a step's call to the notice of its end: what was saved then, with what the sweep saved in between.

    Empty if it did not go just so.
    """
    told = [(place, word) for place, event in enumerate(events) if (word := word_about(name, event.text)) is not None]
    words = [word for _, word in told]
    if words.count(RUNNING) != 1 or sum(word.startswith(STARTING) for word in words) != 1:
        return ()
    taken = words.index(RUNNING)
    after = words[taken + 1 :]
    if after not in ([DONE], [REPORTED, DONE]) and not (len(after) == 1 and after[0].startswith("failed")):
        return ()
    watched = events[told[taken][0] : told[taken + 1][0] + 1]
    unbroken = [event.n for event in watched] == list(range(watched[0].n, watched[0].n + len(watched)))
    return watched if unbroken and all(event.text == WOKEN for event in watched[1:-1]) else ()

"""A scenario from start to end: operations are submitted and followed while the storm goes on, then all is judged and told."""

import contextlib
import random
import time
from collections.abc import Sequence

from local.chaos.judging import Request, differing, judged, requests
from local.chaos.storm import Field, Scenario, Tally
from local.demo.doors import App
from local.demo.expecting import BrokenError

TICK = 0.1
ACCEPTED = 202


def _turn(app: App, lines: Sequence[Sequence[Request]], chance: random.Random) -> None:
    """Submit one request, or look at one operation; one that fails is tried again some later turn, with the same key."""
    waiting = [next(request for request in line if not request.link) for line in lines if not all(request.link for request in line)]
    going = [request for line in lines for request in line if request.link and not request.ended]
    with contextlib.suppress(BrokenError):
        if waiting and (not going or chance.random() < 0.7):
            request = chance.choice(waiting)
            answer = app.post("/api/operations", request.body, key=request.key)
            if answer.status == ACCEPTED:
                request.link = str(answer.body["links"]["self"])
            request.last = answer.body
        elif going:
            request = chance.choice(going)
            answer = app.get(request.link)
            if answer.status in {200, ACCEPTED}:
                request.last = answer.body


def run(scenario: Scenario) -> Tally:
    """Play the scenario on fresh state and judge it; nothing is left running, whatever goes wrong."""
    tally, begun = Tally(), time.monotonic()
    lines = requests(scenario.operations, scenario.clusters)
    everything = [request for line in lines for request in line]
    field_ = Field(scenario, tally)
    stormy, left = True, None
    try:
        field_.start()
        while time.monotonic() < begun + scenario.deadline:
            field_.keep()
            all_ended = all(request.ended for request in everything)
            if stormy and (all_ended or time.monotonic() > begun + scenario.storm):
                field_.calm()
                stormy = False
            if stormy:
                field_.strike()
            if all_ended and (left := field_.still_open()) == []:
                break
            app = field_.app()
            if app is not None and not all_ended:
                _turn(app, lines, field_.chance)
            time.sleep(TICK)
        if stormy:
            field_.calm()
        scales = {line[0].cluster: len(line) - 1 for line in lines if line}
        wrongs, tally.again = judged(field_.azure.asked(), {name.lower(): count for name, count in scales.items()})
        wrongs += differing(lines, field_.clusters())
    finally:
        field_.stack.stop()
    tally.losses += wrongs + [f"operation {each} is left in `open`" for each in left or ()]
    tally.losses += ["the table `open` was never seen empty"] if left is None else []
    for request in everything:
        _count(request, tally)
    tally.seconds = time.monotonic() - begun
    return tally


def _count(request: Request, tally: Tally) -> None:
    tally.accepted += bool(request.link)
    status = str(request.last.get("status")) if request.link else "not accepted"
    tally.ended[status] += 1
    if status != "succeeded" or not request.ended:
        tally.losses.append(
            f"{request.body['action']} {request.cluster}: {status}; {request.last.get('error') or request.last.get('detail')}"
        )


def told(scenario: Scenario, tally: Tally) -> list[str]:
    """The lines that say how it went."""
    faults = ", ".join(f"{kind} {number}" for kind, number in sorted(tally.faults.items()))
    return [
        f"kills       {tally.kills} (SIGKILL to a host and its worker); storage stopped {tally.stops} times; hosts fallen {tally.fallen}",
        f"faults      {sum(tally.faults.values())}: {faults}",
        f"operations  {tally.accepted} accepted of {scenario.operations} on {scenario.clusters} clusters: {dict(tally.ended)}",
        f"repeated    {tally.again} calls applied once more with the same effect",
        f"losses      {len(tally.losses)}",
        *(f"            {loss}" for loss in tally.losses),
        f"duration    {tally.seconds:.0f} s at {scenario.speed:g} times real speed",
        f"seed        {scenario.seed}",
    ]

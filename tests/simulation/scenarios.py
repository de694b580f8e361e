"""Small stories of the main job, each played again and again with trouble at one of its outside calls, or at two."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from local.arm.faults import Effect, Outcome
from shared.model.acting import Acting
from shared.model.operations import Operation, Status, Waiting
from tests.doors import CREATE, DELETE, SCALE, START, STOP, UPGRADE
from tests.pump import Pump
from tests.simulation.watching import spelt

REPLY: Mapping[str, object] = {"reply_to": "chat-replies", "correlation": "c-1"}
WELL = frozenset({Status.SUCCEEDED})
STOPPED = WELL | {Status.CANCELLED}
Story = Mapping[str, object]


def _by_queue(*stories: Story) -> tuple[Story, ...]:
    return tuple({**story, "cluster": "prod-rg/web", "idempotency_key": f"k{n}", **REPLY} for n, story in enumerate(stories))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What a person asks of the last operation once it stands at `at`: a status, `step` and a state, or the code that its step waits for.

    `counted`: once the brake has counted its call.
    """

    at: str
    asks: str
    path: str = "/api/operations/{}/"

    def due(self, operation: Operation, acting: Acting) -> bool:
        """Whether the operation, or the app, stands there."""
        if self.at == "counted":
            return acting.mutations > 0
        state = operation.states[operation.cursor] if operation.cursor is not None else None
        code = state.failure.code if isinstance(state, Waiting) and state.failure is not None else None
        return self.at in {f"step {spelt(operation)}", str(operation.status), code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is asked, of which world, and how its operations may end."""

    asked: tuple[Story, ...] = ()
    by_http: Story | None = None
    exists: bool = True
    pools: Mapping[str, int] | None = None
    takes: timedelta = Pump.takes
    verbs: tuple[Verb, ...] = ()
    fails: Effect | None = None
    ends: frozenset[Status] = WELL


SCALE_3 = {**SCALE, "count": 3}
LATER = {**SCALE, "not_before": "2026-11-23T11:00:00Z"}
SCENARIOS: dict[str, Scenario] = {
    "create": Scenario(asked=_by_queue({**CREATE, "location": "westeurope"}), exists=False),
    "scale": Scenario(asked=_by_queue(SCALE)),
    "scale by HTTP": Scenario(by_http=SCALE),
    "limits": Scenario(asked=_by_queue({"action": "scale", "pool": "user", "min": 1, "max": 7})),
    "upgrade of three pools": Scenario(asked=_by_queue(UPGRADE), pools={"user": 2, "extra": 1}, takes=timedelta(minutes=1)),
    "stop": Scenario(asked=_by_queue(STOP)),
    "stop, then start": Scenario(asked=_by_queue(STOP, START), takes=timedelta(minutes=1)),
    "delete": Scenario(asked=_by_queue({**DELETE, "delete_resource_group": True})),
    "not before eleven": Scenario(asked=_by_queue(LATER)),
    "two on one cluster": Scenario(asked=_by_queue(SCALE, SCALE_3)),
    "scale that fails once in Azure": Scenario(asked=_by_queue(SCALE), fails=Outcome(ends="Failed")),
    "scale whose status is lost": Scenario(asked=_by_queue(SCALE), fails=Outcome(ends="Succeeded", lost=True)),
    "cancel in line": Scenario(asked=_by_queue(SCALE, SCALE_3), verbs=(Verb(at="queued", asks="cancel"),), ends=STOPPED),
    "cancel when scheduled": Scenario(asked=_by_queue(LATER), verbs=(Verb(at="scheduled", asks="cancel"),), ends=STOPPED),
    "cancel before the first look": Scenario(asked=_by_queue(SCALE), verbs=(Verb(at="step waiting", asks="cancel"),), ends=STOPPED),
    "cancel when claimed": Scenario(asked=_by_queue(SCALE), verbs=(Verb(at="step starting", asks="cancel"),), ends=STOPPED),
    "cancel when running": Scenario(asked=_by_queue(SCALE), verbs=(Verb(at="step running", asks="cancel"),), ends=STOPPED),
    "cancel when settling": Scenario(
        asked=_by_queue({**CREATE, "location": "westeurope"}), exists=False, verbs=(Verb(at="step settling", asks="cancel"),), ends=STOPPED
    ),
    "cancel and abort": Scenario(asked=_by_queue(SCALE), verbs=(Verb(at="step running", asks="cancel?abort=true"),), ends=STOPPED),
    "cancel when suspended": Scenario(
        asked=_by_queue(SCALE), verbs=(Verb(at="step waiting", asks="suspend"), Verb(at="suspended", asks="cancel")), ends=STOPPED
    ),
    "cancel after the end": Scenario(asked=_by_queue(SCALE), verbs=(Verb(at="succeeded", asks="cancel"),)),
    "suspend and resume": Scenario(
        asked=_by_queue(SCALE), verbs=(Verb(at="step waiting", asks="suspend"), Verb(at="suspended", asks="resume"))
    ),
    "cancel and retry": Scenario(
        asked=_by_queue(SCALE), verbs=(Verb(at="step waiting", asks="cancel"), Verb(at="cancelled", asks="retry")), ends=STOPPED
    ),
    "force close when running": Scenario(
        asked=_by_queue(SCALE), verbs=(Verb(at="step running", asks="force_close"),), ends=WELL | {Status.FAILED}
    ),
    "pause, then unpause": Scenario(
        asked=_by_queue(SCALE),
        verbs=(Verb(at="step waiting", asks="pause", path="/api/"), Verb(at="paused", asks="unpause", path="/api/")),
    ),
    "pause when counted": Scenario(
        asked=_by_queue(SCALE),
        verbs=(Verb(at="counted", asks="pause", path="/api/"), Verb(at="paused", asks="unpause", path="/api/")),
        ends=WELL | {Status.RUNNING},
    ),
}
SMALL = ("scale", "cancel before the first look")
"""Those of which every pair of calls is tried."""

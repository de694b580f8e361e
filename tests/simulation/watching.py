"""The ports of a simulated run: what goes through them is written down, and each call may meet with trouble first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from local.arm.wire import Drop, Reply, Request
from local.memory import MemoryActing, MemoryOperations
from shared.model.acting import Acting
from shared.model.clusters import Absent, Cluster, ClusterRef, Sight
from shared.model.errors import Code
from shared.model.kept import JournalRow, KeptActing
from shared.model.operations import Handle, Operation, Starting
from shared.model.plans import Abortable, Action, ClusterAction, MakeCluster, Plan
from shared.rules.goals import gap
from tests.simulation.record import Paused, Sent

if TYPE_CHECKING:
    from tests.simulation.stage import Stage
    from tests.simulation.workers import Worker


class Tap:
    """The wire to the simulated Azure: every request is written down with what came of it."""

    def __init__(self, stage: "Stage") -> None:
        """Write into the stage's record."""
        self._stage = stage

    def token(self, audience: str) -> str:
        """A token of the world."""
        return self._stage.world.token(audience)

    def handle(self, request: Request) -> Reply | Drop:
        """The world's answer."""
        stage, worker = self._stage, self._stage.working
        held = stage.held(worker.about)
        answer = stage.world.handle(request)
        entry = stage.world.witness.entries[-1]
        record = stage.record
        record.asked.append((stage.clock.now(), worker.about))
        record.hosts.add(request.url.split("/")[2])
        if entry.status == 429 and entry.fault is None:
            record.throttled.append(f"{entry.method} {entry.path}")
        if entry.method not in {"GET", "HEAD"}:
            sent = Sent(
                n=entry.n,
                at=stage.clock.now(),
                turn=worker.number,
                cluster=worker.about,
                action=worker.action,
                method=entry.method,
                path=entry.path.partition("?")[0],
                digest=entry.digest,
                guard=request.headers.get("if-match") or request.headers.get("if-none-match"),
                applied=entry.applied,
                in_flight=entry.in_flight,
                others=stage.others[worker.about],
                jumped=worker.clock.jumped,
                slept=worker.slept,
                looked=worker.looked,
                claim=worker.claim,
                current=held,
            )
            record.sent.append(sent)
        return answer


class Watched:
    """Azure, through the real adapter; a worker's last sights are kept, so that what it concludes can be held against them."""

    def __init__(self, stage: "Stage", worker: "Worker") -> None:
        """For one worker."""
        self._stage, self._worker = stage, worker

    def __getattr__(self, name: str) -> Any:
        """What changes nothing and shows no cluster."""
        return getattr(self._stage.tapped, name)

    def cluster(self, ref: ClusterRef) -> Cluster | Absent:
        """The cluster, remembered."""
        found = self._stage.tapped.cluster(ref)
        self._worker.sights.append(("cluster", found))
        return found

    def look(self, ref: ClusterRef, action: Action) -> Any:
        """The sight, remembered."""
        self._worker.looked = self._stage.world.state.requests
        found = self._stage.tapped.look(ref, action)
        self._worker.sights.append((_kind(action), found))
        return found

    def attempt(self, ref: ClusterRef, action: Action, sight: Any) -> Handle | None:
        """The call, and whose it was."""
        held = self._stage.held(ref.key)
        self._worker.action = action
        self._stage.record.tried.append((self._worker.number, held.id if held else "", held.cursor if held else None))
        return self._stage.tapped.attempt(ref, action, sight)

    def abort(self, ref: ClusterRef, action: Abortable) -> None:
        """The abort."""
        self._worker.action = action
        self._stage.tapped.abort(ref, action)


class Recorded:
    """The store; what is saved is kept, and what is called done is held against what was seen."""

    def __init__(self, port: MemoryOperations, stage: "Stage", worker: "Worker") -> None:
        """For one worker."""
        self._port, self._stage, self._worker = port, stage, worker

    def __getattr__(self, name: str) -> Any:
        """What only reads, or concerns rows that say nothing of an operation."""
        return getattr(self._port, name)

    def commit(self, before: Any, after: Any, changes: Any) -> Any:
        """Save, and remember."""
        changes = tuple(changes)
        old = {change.operation.id: self._port.operations.get(change.operation.id) for change in changes}
        saved = self._port.commit(before, after, changes)
        for change in changes:
            self._saved(old[change.operation.id], change.operation)
        return saved

    def erase(self, row: JournalRow, key_name: str | None) -> None:
        """Remove, and remember."""
        self._stage.record.erased.add(row.operation)
        self._port.erase(row, key_name)

    def _saved(self, before: Operation | None, after: Operation) -> None:
        record, now = self._stage.record, self._stage.clock.now()
        record.saves.append(after)
        if before is None:
            record.accepted[after.id] = after
            self._stage.begun[after.id] = now
        self._stage.saved_at[after.id] = now
        if after.ended:
            record.took.setdefault(after.id, now - self._stage.begun[after.id])
        if after.plan is None:
            return
        old = before.states if before is not None and before.plan is not None else ()
        for n, (step, state) in enumerate(zip(after.plan.steps, after.states, strict=True)):
            was = old[n].state if n < len(old) else "waiting"
            if state.state == "done" and was != "done":
                seen = [_meant(after.plan, step.action, sight) for kind, sight in self._worker.sights if kind == _kind(step.action)]
                born = before is None or before.plan is None
                if not any(gap(step.action, sight) is None for sight in seen) and (seen or not born):
                    record.unmet.append(f"{after.id} called done: {gap(step.action, seen[-1]) if seen else 'never looked at'}")
            if isinstance(state, Starting) and state != (old[n] if n < len(old) else None):
                self._worker.claim = (after, n)
            failure = getattr(state, "failure", None)
            answered = state.state in {"running", "settling"} or (failure is not None and failure.code is Code.NOT_REACHED)
            if answered and not any(tried[1:] == (after.id, n) for tried in record.tried):
                record.unmet.append(f"{after.id} called sent, and nothing was")


class Braked:
    """The row that says whether the app acts. How long it said that it does not is kept, whoever heard of it."""

    def __init__(self, port: MemoryActing, stage: "Stage") -> None:
        """For all workers."""
        self._port, self._stage = port, stage

    def read(self) -> KeptActing:
        """The state."""
        return self._port.read()

    def write(self, before: KeptActing, after: Acting) -> None:
        """Write, and remember when a pause began and ended."""
        self._port.write(before, after)
        stood, now = self._stage.record.stood, self._stage.clock.now()
        if before.acting.pause is None and after.pause is not None:
            stood.append(Paused(since=now))
        elif before.acting.pause is not None and after.pause is None:
            stood[-1] = replace(stood[-1], until=now)


def _meant(plan: Plan, action: Action, sight: Sight) -> Sight:
    """A cluster that was made again under the name is none of the plan's, but for one that makes it."""
    other = isinstance(sight, Cluster) and None not in (plan.uid, sight.uid) and sight.uid != plan.uid
    return Absent(what="the cluster of the plan") if other and not isinstance(action, MakeCluster) else sight


def _kind(action: Action) -> str:
    """What a sight for the action is of."""
    return "cluster" if isinstance(action, ClusterAction) else action.kind


class Via:
    """A port behind the scheduler: before each call its worker rests, and then the call may meet with trouble."""

    def __init__(self, port: Any, name: str, stage: "Stage", worker: "Worker") -> None:
        """For one worker; `name` is what the port is called where calls are told."""
        self._port, self._name, self._stage, self._worker = port, name, stage, worker

    def __getattr__(self, name: str) -> Any:
        """The call, behind all that."""
        method = getattr(self._port, name)

        def called(*arguments: Any, **options: Any) -> Any:
            def call(late: timedelta = timedelta(0)) -> Any:
                delay = {"delay": options["delay"] + late} if late else {}
                return method(*arguments, **{**options, **delay})

            return self._stage.through(self._worker, f"{self._name}.{name}", call)

        return called


Call = Callable[..., Any]
"""An outside call, ready to be made; one that sends a message takes `late`, by which it is hidden longer."""


def spelt(operation: Operation | None) -> str:
    """Where an operation stands, in one word, for what is told of a run."""
    if operation is None:
        return "no operation"
    return "no plan" if operation.cursor is None else operation.states[operation.cursor].state

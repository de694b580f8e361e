"""One seeded run: workers that interleave, die, pause and are lied to; messages doubled and late; storage and Azure away; then calm."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from local.memory import (
    CountingIds,
    MemoryActing,
    MemoryAnnouncer,
    MemoryClock,
    MemoryLetters,
    MemoryOperations,
    MemoryPaces,
    MemoryStore,
    MemoryWakes,
)
from shared.model.answers import Taken
from shared.model.clusters import Absent, ClusterRef
from shared.model.errors import CallFailed, Code, Stale
from shared.model.operations import Wake
from shared.model.plans import Action, MakeCluster, MakeGroup, ScalePool
from shared.model.requests import Delete, Request, Scale, Submission, Upgrade
from shared.rules.goals import gap
from shared.services import Ports, Services
from tests.builders import QUEUE, WEB, a_create, a_submission
from tests.faulty import AWAY, Fate
from tests.pump import AGAIN, HIDDEN, SWEEP_EVERY, Died
from tests.simulation.baton import Turn
from tests.simulation.invariants import Record, Sent
from tests.worldly import a_world, clusters_of, some_settings

CALM_AFTER = timedelta(hours=2)
"""When faults stop."""
REST_WITHIN = timedelta(hours=12)
"""Within which, after that, everything must have come to rest."""
MOST_PIECES = 40_000
ODDS = 0.04
"""How often an outside call goes wrong."""
ODDS_OF_A_CHANGE = 0.3
"""How often one goes wrong that changes something in Azure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is built wrongly on purpose."""

    operations: Callable[[Any], Any] = field(default=lambda port: port)
    clusters: Callable[[Any], Any] = field(default=lambda port: port)
    sweeps: bool = True


class Recorded:
    """The store, and a record of what was saved and whether what was called done was so."""

    def __init__(self, port: MemoryOperations, run: "RandomRun") -> None:
        """Write into the run's record."""
        self._port, self._run = port, run

    def __getattr__(self, name: str) -> Any:
        """Everything but `commit` is the store's own."""
        return getattr(self._port, name)

    def commit(self, before: Any, after: Any, changes: Any) -> Any:
        """Save, and remember."""
        changes = tuple(changes)
        old = {change.operation.id: self._port.operations.get(change.operation.id) for change in changes}
        saved = self._port.commit(before, after, changes)
        for change in changes:
            self._run.record.saves.append(change.operation)
            self._run.check_done(old[change.operation.id], change.operation)
        return saved


class Witnessed:
    """Azure, and a record of what each call applied."""

    def __init__(self, run: "RandomRun") -> None:
        """Write into the run's record."""
        self._run = run

    def __getattr__(self, name: str) -> Any:
        """A read, counted."""
        method = getattr(self._run.true, name)

        def counted(ref: Any, *arguments: Any, **options: Any) -> Any:
            key = ref.key if isinstance(ref, ClusterRef) else str(ref)
            self._run.record.asked.append((self._run.clock.now(), key))
            return method(ref, *arguments, **options)

        return counted

    def attempt(self, ref: ClusterRef, action: Action, sight: Any) -> Any:
        """A change, recorded with what the store holds at that moment."""
        run = self._run
        stored = next((held for held in run.store.heads.values() if held.head.current.cluster == ref), None)
        mark = len(run.world.witness.entries)
        run.record.asked.append((run.clock.now(), ref.key))
        run.record.tried.append((run.turn_number, stored.head.current.id if stored else ""))
        try:
            return run.true.attempt(ref, action, sight)
        finally:
            for entry in run.world.witness.entries[mark:]:
                if entry.applied:
                    effect = (entry.method, entry.path.partition("?")[0], entry.digest)
                    current = stored.head.current if stored else None
                    busy = entry.in_flight is not None
                    run.record.sent.append(Sent(cluster=ref.key, action=action, effect=effect, in_flight=busy, current=current))


class Via:
    """A port behind the scheduler: before each call the worker rests, and then the call may go wrong."""

    def __init__(self, port: Any, run: "RandomRun", turn: Turn, about: str) -> None:
        """For one turn, about one cluster."""
        self._port, self._run, self._turn, self._about = port, run, turn, about

    def __getattr__(self, name: str) -> Any:
        """The call, behind all that."""
        method = getattr(self._port, name)

        def called(*arguments: Any, **options: Any) -> Any:
            self._turn.rest()
            return self._run.through(f"{type(self._port).__name__}.{name}", self._about, lambda: method(*arguments, **options))

        return called


@dataclass(slots=True)
class SkewedClock:
    """A worker's own clock."""

    clock: MemoryClock
    skew: timedelta

    def now(self) -> datetime:
        """The true instant, wrong by the skew."""
        return self.clock.now() + self.skew


class RandomRun:
    """One run. The same seed and flaw give the same run."""

    def __init__(self, seed: int, flaw: Flaw | None = None) -> None:
        """Make the world, and decide by the seed what is asked for."""
        self.chance = random.Random(seed)
        self.flaw = flaw or Flaw()
        self.clock = MemoryClock()
        self.world = a_world(self.clock.now)
        self.true = clusters_of(self.world)
        self.store, self.wakes = MemoryOperations(), MemoryWakes(self.clock.now)
        self.announcer, self.letters, self.ids = MemoryAnnouncer(), MemoryLetters(), CountingIds()
        self.acting = MemoryActing()
        self.paces = MemoryPaces()
        self.settings = some_settings()
        self.refs = [replace(WEB, name=name) for name in ("web", "api", "calm")]
        self.record = Record(store=self.store, untouched=frozenset({self.refs[2].key}))
        for ref in self.refs:
            made = a_create()
            make = MakeCluster(location=made.location, version=None, tier="Free", dns_prefix=ref.name, pools=made.pools)
            for action in (MakeGroup(location=made.location), make):
                self.true.attempt(ref, action, Absent(what="what is to be made"))
        self.clock.advance(timedelta(minutes=5))
        self.began = self.clock.now()
        self.skews = [timedelta(seconds=self.chance.randint(-300, 300)) for _ in range(self.chance.randint(2, 4))]
        self.turns: list[tuple[int, Turn]] = []
        self.asleep: dict[int, datetime] = {}
        self.turn_number = 0
        self.numbers = 0
        self.met: Counter[tuple[str, str]] = Counter()
        self.out_until = self.began
        self.asked = self._asked()
        self.swept_at = self.began

    def _asked(self) -> list[tuple[datetime, Submission]]:
        asked = []
        for ref in self.refs:
            for n in range(self.chance.randint(1, 3)):
                request: Request = Scale(pool="user", to=self.chance.randint(1, 6))
                if ref.name != "calm" and self.chance.random() < 0.2:
                    others: list[Request] = [Upgrade(version="1.37"), Delete(confirm=ref.name, delete_resource_group=False)]
                    request = self.chance.choice(others)
                at = self.began + timedelta(minutes=self.chance.randint(0, 40))
                asked.append((at, a_submission(request, key=f"{ref.name}-{n}", origin=QUEUE, cluster=ref)))
        return sorted(asked, key=lambda item: item[0])

    @property
    def stormy(self) -> bool:
        """Whether faults still happen."""
        return self.clock.now() < self.began + CALM_AFTER

    def check_done(self, before: Any, after: Any) -> None:
        """Compare every step newly called done with Azure itself; a step newly called sent with what was sent."""
        if after.plan is None:
            return
        old = before.states if before is not None and before.plan is not None else ()
        for n, (step, state) in enumerate(zip(after.plan.steps, after.states, strict=True)):
            was = old[n].state if n < len(old) else "waiting"
            if state.state == "done" and was != "done":
                missing = gap(step.action, self.true.look(after.cluster, step.action))
                if missing is not None:
                    self.record.unmet.append(f"{after.id} called done: {missing}")
            failure = getattr(state, "failure", None)
            answered = state.state in {"running", "settling"} or (failure is not None and failure.code is Code.NOT_REACHED)
            if answered and not any(operation == after.id for _, operation in self.record.tried):
                self.record.unmet.append(f"{after.id} called sent, and nothing was")

    def through(self, name: str, about: str, call: Callable[[], Any]) -> Any:
        """Make the call, unless chance will have it otherwise."""
        touched = about not in self.record.untouched
        if not (self.stormy and touched):
            return call()
        if self.clock.now() < self.out_until and not name.startswith("Witnessed"):
            raise CallFailed(AWAY)
        if self.chance.random() >= (ODDS_OF_A_CHANGE if name.endswith(".attempt") else ODDS):
            return call()
        fate = self.chance.choice([*Fate])
        current = next((held.head.current for held in self.store.heads.values() if held.head.current.cluster.key == about), None)
        state = "no operation" if current is None else "no plan" if current.cursor is None else current.states[current.cursor].state
        self.met[state, str(fate)] += 1
        if fate is Fate.DIES_BEFORE:
            raise Died
        if fate is Fate.FAILS:
            raise CallFailed(replace(AWAY, unsure=False, retry_after=timedelta(seconds=self.chance.choice([1, 60, 86_400]))))
        call()
        if fate is Fate.DIES_AFTER:
            raise Died
        raise CallFailed(AWAY)

    def _services(self, turn: Turn, about: str, skew: timedelta) -> Services:
        def via(port: Any) -> Any:
            return Via(port, self, turn, about)

        operations, clusters = via(self.flaw.operations(Recorded(self.store, self))), via(self.flaw.clusters(Witnessed(self)))
        wakes, announcer, letters, acting = via(self.wakes), via(self.announcer), via(self.letters), via(self.acting)
        paces = via(self.paces)
        ports = Ports(
            clusters=lambda: clusters,
            operations=lambda: operations,
            wakes=lambda: wakes,
            announcer=lambda: announcer,
            letters=lambda: letters,
            acting=lambda: acting,
            paces=lambda: paces,
            store=MemoryStore,
            clock=SkewedClock(self.clock, skew),
            ids=self.ids,
        )
        return Services(self.settings, ports)

    def _begin(self, about: str, work: Callable[[Services], None]) -> None:
        skew = self.chance.choice(self.skews) if about not in self.record.untouched else timedelta(0)
        self.numbers += 1
        self.turns.append((self.numbers, Turn(lambda turn: work(self._services(turn, about, skew)))))

    def _submit(self, submission: Submission) -> None:
        def work(services: Services) -> None:
            try:
                taken = services.submit(submission)
            except (Died, CallFailed, Stale):
                self.asked.append((self.clock.now() + AGAIN, submission))
                return
            if isinstance(taken, Taken):
                self.record.accepted.append(taken.operation)
                if self.chance.random() < 0.15 and submission.cluster.key not in self.record.untouched:
                    with contextlib.suppress(Died, CallFailed, Stale):
                        services.cancel(taken.operation.id, QUEUE)

        self._begin(submission.cluster.key, work)

    def _deliver(self, wake: Wake) -> None:
        about = next((held.head.current.cluster.key for key, held in self.store.heads.items() if key == wake.cluster_key), "")
        self.wakes.send(wake, delay=HIDDEN)
        hidden = max(self.wakes.waiting, key=lambda item: item[1])
        if self.stormy and self.chance.random() < 0.05:
            self.wakes.send(wake, delay=timedelta(seconds=self.chance.randint(0, 900)))

        def work(services: Services) -> None:
            again = False
            try:
                services.advance(wake)
            except Died:
                return
            except CallFailed:
                again = True
            except Stale:
                pass
            if hidden in self.wakes.waiting:
                self.wakes.waiting.remove(hidden)
                self.wakes.waiting.sort()
            if again:
                self.wakes.send(wake, delay=AGAIN)

        self._begin(about, work)

    def _sweep(self) -> None:
        self.swept_at = self.clock.now()

        def work(services: Services) -> None:
            with contextlib.suppress(Died, CallFailed, ExceptionGroup):
                services.sweep()

        if self.flaw.sweeps:
            self._begin("", work)

    def _elsewhere(self) -> None:
        """Somebody else's operation."""
        ref = self.chance.choice(self.refs[:2])
        with contextlib.suppress(CallFailed):
            action = ScalePool(pool="system", to=self.chance.randint(1, 3))
            self.true.attempt(ref, action, self.true.look(ref, action))

    def _arrive(self) -> bool:
        """Begin what is due, if a worker is free."""
        if len(self.turns) >= len(self.skews):
            return False
        now = self.clock.now()
        for item in self.asked:
            if item[0] <= now:
                self.asked.remove(item)
                self._submit(item[1])
                return True
        if now >= self.swept_at + SWEEP_EVERY:
            self._sweep()
            return True
        wake = self.wakes.due()
        if wake is not None:
            self._deliver(wake)
        return wake is not None

    def _piece(self) -> None:
        """Let one worker go one piece further; or let time pass."""
        now = self.clock.now()
        awake = [item for item in self.turns if self.asleep.get(item[0], now) <= now]
        if (not awake or self.chance.random() < 0.3) and self._arrive():
            return
        if not awake:
            instants = [self.swept_at + SWEEP_EVERY, *self.asleep.values(), *(item[0] for item in self.asked)]
            message_at = self.wakes.next_at()
            free = len(self.turns) < len(self.skews)
            later = [at for at in (*instants, message_at) if at is not None and at > now]
            self.clock.instant = min(later) if later or free else now + AGAIN
            self._weather()
            return
        number, turn = self.chance.choice(awake)
        self.asleep.pop(number, None)
        if self.stormy and self.chance.random() < 0.005:
            self.asleep[number] = now + timedelta(minutes=self.chance.choice([1, 3, 11]))
            return
        self.turn_number = number
        try:
            turn.resume()
        except Exception as fault:  # noqa: BLE001 - the worker's message fails, which the record says
            self.record.crashes.append(f"{type(fault).__name__}: {fault}")
        if turn.ended:
            self.turns.remove((number, turn))

    def _weather(self) -> None:
        if not self.stormy:
            return
        if self.chance.random() < 0.02:
            self.out_until = self.clock.now() + timedelta(minutes=self.chance.randint(1, 15))
        if self.chance.random() < 0.05:
            self._elsewhere()
        if self.chance.random() < 0.05:
            self.skews[self.chance.randrange(len(self.skews))] = timedelta(seconds=self.chance.randint(-300, 300))

    def _at_rest(self) -> bool:
        resting = all(operation.ended or operation.resting for operation in self.store.operations.values())
        return not (self.turns or self.asked or self.wakes.waiting or self.store.opened) and resting

    def play(self) -> Record:
        """The whole run, and its record."""
        for _ in range(MOST_PIECES):
            self._piece()
            if self.clock.now() > self.began + CALM_AFTER + REST_WITHIN:
                break
            if self._at_rest():
                self.record.rested_after = self.clock.now() - self.began
                break
        else:
            self.record.rested_after = None
        self.record.rested_after = self.record.rested_after if self._at_rest() else None
        self.record.messages = [wake.operation for _, _, wake in self.wakes.waiting]
        self.record.said = [repr(said) for said in self.announcer.said]
        return self.record

"""Trouble at every outside call of every scenario, and at every pair of calls of the small ones: systematically, with no chance in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations

from local.arm.faults import Fault
from tests.builders import WEB
from tests.faulty import Fate
from tests.simulation.invariants import broken
from tests.simulation.record import Record
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.stage import Stage
from tests.simulation.trouble import SENDS, Flaw, Meeting, Trouble
from tests.simulation.workers import Errand, Worker

DEADLINE = timedelta(hours=8)
"""Every scenario may take this long in virtual time, with every wait and retry of ours."""
MOST_FOR_A_FAULT = 60
"""How many more storage transactions one fault may cost: a worker that sleeps through its step is watched by another meanwhile."""
MOST_REQUESTS_FOR_A_FAULT = 30
"""The same of requests to Azure."""
Troubles = Mapping[int, Trouble]
"""By the number of an outside call: what it meets with."""


@dataclass
class Played(Stage):
    """One scenario, played by one worker at a time, with trouble at the outside calls of the given numbers."""

    scenario: Scenario = field(default_factory=Scenario)
    troubles: Mapping[int, Trouble] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.made: list[str] = []
        self._verbs = list(self.scenario.verbs)

    def trouble(self, worker: Worker, call: str) -> Trouble | None:
        """What the call of that number meets with."""
        del worker
        self.made.append(call)
        return self.troubles.get(len(self.made) - 1)

    def play(self) -> Record:
        """The whole run, and its record."""
        scenario = self.scenario
        if scenario.exists:
            self.put_cluster(pools=scenario.pools)
        if scenario.fails is not None:
            self.world.faults.add(Fault(method="PUT", effect=scenario.fails))
        self.began = self.clock.now()
        for story in scenario.asked:
            self.send(story)
        if scenario.by_http is not None:
            self.errand(Errand(method="POST", path=lambda: "/api/operations", about=WEB.key, document=scenario.by_http, key="k"))
        while self.clock.now() < self.began + DEADLINE and not self.spins and not (self.quiet() and not self._asks()):
            awake = self.awake()
            if awake:
                self.go_on(awake[-1])
            elif not self.arrive():
                if not self.troubles:
                    self.chains(since=self.began)
                self.wait()
        return self.closed(rested=self.quiet())

    def go_on(self, worker: Worker) -> None:
        """Let the person come first whose moment it is."""
        super().go_on(self.workers[-1] if self._asks() else worker)

    def _asks(self) -> bool:
        """Whether a person begins to ask now."""
        if not self._verbs or self.errands or any(worker.kind == "person" for worker in self.workers):
            return False
        last = next(reversed(self.record.accepted), "")
        operation = self.operations.operations.get(last)
        if operation is None or not self._verbs[0].due(operation, self.acting.kept.acting):
            return False
        verb, name = self._verbs.pop(0), operation.id
        path = verb.path.format(name) + verb.asks
        self._run(Errand(method="POST", path=lambda: path, about=WEB.key))
        return True


def played(name: str, troubles: Troubles | None = None, flaw: Flaw | None = None) -> Played:
    """A scenario, ready to be played."""
    scenario = SCENARIOS[name]
    return Played(takes=scenario.takes, registered=scenario.exists, scenario=scenario, troubles=troubles or {}, flaw=flaw or Flaw())


def single(name: str) -> Iterator[Troubles]:
    """Each trouble at each call of a scenario."""
    for number, call in enumerate(_calmly(name).made):
        for trouble in (*Fate, *Meeting):
            if call in SENDS or trouble not in {Meeting.LATE, Meeting.REPEATED}:
                yield {number: trouble}


def double(name: str) -> Iterator[Troubles]:
    """Each two fates at each two calls of a scenario; the first may bring more calls, and the second meet one of those."""
    for first, second in combinations(range(len(_calmly(name).made) + 4), 2):
        for fate in Fate:
            yield from ({first: fate, second: another} for another in Fate)


def faults(name: str, cases: Iterator[Troubles], *, flaw: Flaw | None = None) -> Iterator[str]:
    """For each case of a scenario: what broke, beginning with how to play it again. One that breaks nothing says nothing."""
    calm = _calmly(name)
    for troubles in cases:
        run = played(name, troubles, flaw)
        breaches = [*broken(run.play()), *_otherwise(run), *_dear(run, calm)]
        if breaches:
            met = ", ".join(f"call {number} ({_named(run, number)}): {trouble}" for number, trouble in troubles.items())
            yield f"{name}, {met}: {'; '.join(breaches[:3])}"


def _calmly(name: str) -> Played:
    run = played(name)
    run.play()
    return run


def _named(run: Played, number: int) -> str:
    return run.made[number] if number < len(run.made) else "never made"


def _otherwise(run: Played) -> Iterator[str]:
    """How the operations ended otherwise than the scenario allows, or left somebody untold."""
    told = set(run.record.replies)
    for accepted in run.record.accepted:
        operation = run.operations.operations[accepted]
        if operation.status not in run.scenario.ends:
            yield f"{accepted} is {operation.status}: {operation.failure}"
        wanted = ("accepted", "started", "ended") if operation.started_at is not None else ("accepted", "ended")
        if operation.origin.reply_to is not None:
            yield from (f"nobody heard that {accepted} was {event}" for event in wanted if (event, accepted) not in told)


def _dear(run: Played, calm: Played) -> Iterator[str]:
    """What cost more than the faults explain."""
    more = run.record.transactions - calm.record.transactions
    if more > MOST_FOR_A_FAULT * run.troubled:
        yield f"{more} storage transactions more for {run.troubled} faults"
    more = len(run.record.asked) - len(calm.record.asked)
    if more > MOST_REQUESTS_FOR_A_FAULT * run.troubled:
        yield f"{more} requests to Azure more for {run.troubled} faults"

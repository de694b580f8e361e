"""One seeded run: workers that interleave, die, sleep and are lied to; people and others interfere; storage and Azure away; then calm."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.model.clusters import ClusterRef
from shared.model.errors import CallFailed
from tests.builders import WEB
from tests.faulty import AWAY, Fate
from tests.simulation.others import Others
from tests.simulation.record import Record
from tests.simulation.stage import Stage
from tests.simulation.trouble import SENDS, Meeting, Trouble
from tests.simulation.workers import Errand, Worker
from tests.worldly import some_settings

CALM_AFTER = timedelta(hours=2)
"""When faults stop."""
REST_WITHIN = timedelta(hours=30)
"""Within which, after that, everything must have come to rest; a small cap on calls an hour takes its time."""
CLOSED_EVERY = timedelta(hours=1)
"""How often, in the calm, people close what waits for them."""
ODDS = 0.04
"""How often an outside call meets with trouble."""
ODDS_OF_A_SAVE = 0.08
ODDS_OF_A_CHANGE = 0.3
"""How often one does that changes something in Azure."""
STORIES: tuple[tuple[int, dict[str, object]], ...] = (
    (8, {"action": "scale", "pool": "user"}),
    (1, {"action": "scale", "pool": "user", "min": 1, "max": 4}),
    (2, {"action": "upgrade", "version": "1.37"}),
    (1, {"action": "stop"}),
    (1, {"action": "start"}),
    (1, {"action": "delete"}),
)
VERBS = ("cancel", "cancel?abort=true", "suspend", "resume", "retry", "force_close", "purge", "pause", "unpause")
NONSENSE = ("", "{", "[]", '{"action": "scale"}', '{"operation": 7, "wake": "x"}', '{"action": "dance", "cluster": "prod-rg/web"}')
AROUND = (Meeting.SLEEPS_BEFORE, Meeting.SLEEPS_AFTER, Meeting.NAPS_BEFORE, Meeting.DOUBLED, Meeting.DOUBLED)
REFS = (WEB, replace(WEB, name="api"), replace(WEB, group="calm-rg", name="calm"))


@dataclass
class RandomRun(Stage):
    """One run. The same seed and flaw give the same run."""

    seed: int = 0
    refs: tuple[ClusterRef, ...] = REFS

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        capped = self.chance.random() < 0.1
        if capped:
            self.settings = some_settings({"TIDEKEEPER_MUTATIONS_PER_HOUR": str(self.chance.randint(1, 4))})
        super().__post_init__()
        for ref in self.refs:
            # What is short in one region is not short in the other.
            self.put_cluster(ref, location="northeurope" if ref.name == "calm" else "westeurope")
        self.record.untouched = frozenset() if capped else frozenset({self.refs[2].key})
        self.began = self.clock.now()
        self.calm_at = self.began + CALM_AFTER
        self.skews = [timedelta(seconds=self.chance.randint(-300, 300)) for _ in range(self.chance.randint(2, 4))]
        self.out_until = self.began
        self.closed_at = self.calm_at
        self.others_at_work = Others(self, self.chance, self.refs[:2], until=self.calm_at)
        self._plan_requests()
        self._plan_people()

    @property
    def stormy(self) -> bool:
        """Whether faults still happen."""
        return self.clock.now() < self.calm_at

    # ---- what is asked

    def _plan_requests(self) -> None:
        for ref in self.refs:
            for n in range(self.chance.randint(1, 3)):
                story = self._story(ref)
                at = self.began + timedelta(minutes=self.chance.randint(0, 40))
                if self.chance.random() < 0.3:
                    ask = Errand(method="POST", path=lambda: "/api/operations", about=ref.key, document=story, key=f"{ref.name}-{n}")
                    self.errand(ask, at=at)
                    continue
                story |= {"idempotency_key": f"{ref.name}-{n}", "reply_to": "chat-replies"}
                self.send_later(story, at - self.began)
                if self.chance.random() < 0.1:
                    self.send_later(story, at - self.began + timedelta(seconds=self.chance.randint(0, 600)))
        if self.chance.random() < 0.3:
            for text in self.chance.sample(NONSENSE, 2):
                queue = self.chance.choice(sorted(self.heard - {name for name in self.heard if name.endswith("-poison")}))
                self.queues.put(queue, text, delay=timedelta(minutes=self.chance.randint(0, 60)))

    def _story(self, ref: ClusterRef) -> dict[str, object]:
        drawn = self.chance.choices([story for _, story in STORIES], [odds for odds, _ in STORIES])[0]
        story = {**(STORIES[0][1] if ref.name == "calm" else drawn), "cluster": f"{ref.group}/{ref.name}"}
        if story["action"] == "scale" and "min" not in story:
            story["count"] = self.chance.randint(1, 6)
        if story["action"] == "delete":
            story["confirm"] = ref.name
        if self.chance.random() < 0.1:
            story["not_before"] = (self.began + timedelta(minutes=self.chance.randint(30, 60))).isoformat()
        return story

    def _plan_people(self) -> None:
        for _ in range(self.chance.randint(0, 5)):
            verb, chosen = self.chance.choice(VERBS), self.chance.random()
            at = self.began + timedelta(seconds=self.chance.randint(0, 5400))
            if verb in {"pause", "unpause"}:
                self.errand(Errand(method="POST", path=lambda verb=verb: f"/api/{verb}"), at=at)  # type: ignore[misc]
                continue
            method, tail = ("DELETE", "") if verb == "purge" else ("POST", f"/{verb}")
            self.errand(Errand(method=method, path=lambda chosen=chosen, tail=tail: self._some(chosen, tail)), at=at)  # type: ignore[misc]
        self.errand(Errand(method="POST", path=lambda: "/api/unpause"), at=self.calm_at)

    def _some(self, chosen: float, tail: str) -> str | None:
        """The path of one of the operations that faults may touch."""
        mine = [one.id for one in self.operations.operations.values() if one.cluster.key not in self.record.untouched]
        return f"/api/operations/{mine[int(chosen * len(mine))]}{tail}" if mine else None

    def _people_close(self) -> None:
        """In the calm, people see to what waits for them."""
        self.closed_at = self.clock.now()
        for one in self.operations.operations.values():
            if one.resting:
                verb = "resume" if one.suspended_by is not None else "force_close"
                self.errand(Errand(method="POST", path=lambda path=f"/api/operations/{one.id}/{verb}": path))  # type: ignore[misc]

    # ---- what goes wrong

    def skew(self, about: str) -> timedelta:
        """That of some worker; the clocks of those who work on what no fault touches are right."""
        return timedelta(0) if about in self.record.untouched else self.chance.choice(self.skews)

    def trouble(self, worker: Worker, call: str) -> Trouble | None:
        """What chance will have."""
        if not self.stormy or worker.about in self.record.untouched:
            return None
        if self.clock.now() < self.out_until and not call.startswith("azure."):
            raise CallFailed(AWAY)
        odds = {"azure.attempt": ODDS_OF_A_CHANGE, "operations.commit": ODDS_OF_A_SAVE}.get(call, ODDS)
        if self.chance.random() >= odds:
            return None
        late = (Meeting.LATE, Meeting.REPEATED) if call in SENDS else ()
        drawn: Trouble = self.chance.choice((*Fate, *AROUND, *late))
        return drawn

    def _weather(self) -> None:
        if self.chance.random() < 0.02:
            self.out_until = self.clock.now() + timedelta(minutes=self.chance.randint(1, 15))
        if self.chance.random() < 0.05:
            self.skews[self.chance.randrange(len(self.skews))] = timedelta(seconds=self.chance.randint(-300, 300))

    def _interfere(self, worker: Worker) -> None:
        """Between two calls of a worker: others act on its cluster, it sleeps a little, or its clock is set."""
        if worker.about in self.record.untouched:
            return
        if self.chance.random() < 0.01:
            self.others_at_work.act()
        if self.chance.random() < 0.005:
            worker.until = self.clock.now() + timedelta(minutes=self.chance.choice([1, 3, 11]))
        if self.chance.random() < 0.005:
            worker.clock.skew = self.chance.choice((-1, 1)) * timedelta(seconds=self.chance.choice([90, 400, 3600, 4 * 3600]))
            worker.clock.jumped = True

    # ---- the run

    def _over(self) -> bool:
        return not self.stormy and self.quiet() and not any(one.resting for one in self.operations.operations.values())

    def _piece(self) -> None:
        """Let one worker go one piece further; or let time pass."""
        awake = self.awake()
        free = len(self.workers) < len(self.skews)
        if free and (not awake or self.chance.random() < 0.3) and self.arrive():
            return
        if awake:
            worker = self.chance.choice(awake)
            if self.stormy:
                self._interfere(worker)
            if worker.until is None or worker.until <= self.clock.now():
                self.go_on(worker)
            return
        if self.stormy:
            self._weather()
        elif not self.workers:
            self.chains(since=self.calm_at)
            if self.clock.now() >= self.closed_at + CLOSED_EVERY:
                self._people_close()
                return
        self.wait()
        if not self.stormy:
            self.others_at_work.leave()

    def play(self) -> Record:
        """The whole run, and its record."""
        while self.clock.now() < self.calm_at + REST_WITHIN and not self.spins and not self._over():
            self._piece()
        return self.closed(rested=self.quiet())

    def send_later(self, story: dict[str, object], delay: timedelta) -> None:
        """A request by queue that arrives later."""
        message = self.send(story)
        self.queues.delete(message)
        self.queues.put_back("cluster-requests", message, after=delay)

"""The stage of every simulated run: the very doors over memory ports and a simulated Azure, and workers that die, sleep and meet.

What happens next, and which call meets with trouble, is for whoever plays on it to say; everything is on one virtual clock.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from local.arm.faults import Effect, Fault, Faults
from local.host.calls import Done, HttpAnswer
from local.host.direct import NotSent
from local.host.messages import poison_queue
from shared.adapters.queues import QueueAnnouncer, QueueWakes
from shared.model.errors import CallFailed
from shared.services import install
from tests.doors import JSON, LEASE, Message, host_settings
from tests.faulty import Fate, met
from tests.pump import SWEEP_EVERY, Died
from tests.simulation.baton import Turn
from tests.simulation.record import Paused
from tests.simulation.standing import Standing
from tests.simulation.trouble import ASLEEP, CHANGES, LATE, NAP, ON_THE_WIRE, SENDS, Meeting, Trouble
from tests.simulation.watching import Braked, Call, Recorded, Tap, Via, Watched, spelt
from tests.simulation.workers import Errand, Worker, WorkersClock
from tests.worldly import clusters_of

ASKS_AGAIN = timedelta(seconds=30)
"""When somebody who was not answered asks again."""


@dataclass
class Stage(Standing):
    """Doors whose every invocation is a worker of its own, in pieces between outside calls."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tapped = clusters_of(Tap(self))  # type: ignore[arg-type]  # all that the adapter needs of a world
        self._numbers = 0

    # ---- what whoever plays on it decides

    def trouble(self, worker: Worker, call: str) -> Trouble | None:
        """What the call meets with."""
        raise NotImplementedError

    def skew(self, about: str) -> timedelta:
        """By how much the clock is wrong of the worker that begins next."""
        del about
        return timedelta(0)

    # ---- beginning

    def arrive(self) -> bool:
        """Begin the next thing that is due; False if nothing is."""
        now = self.clock.now()
        due = next((item for item in self.errands if item[0] <= now), None)
        if due is not None:
            self.errands.remove(due)
            self._run(due[1])
            return True
        if now >= self.swept_at + SWEEP_EVERY:
            self.swept_at = now
            if self.flaw.sweeps:
                self.begin("sweep", "", lambda _: self._tick())
            return True
        received = self.queues.receive(heard=self.heard)
        if received is None:
            return False
        queue, message = received
        self.queues.put_back(queue, message, after=LEASE)
        self.hand_over(queue, message)
        return True

    def begin(self, kind: str, about: str, work: Callable[[Worker], None], delivered: tuple[str, Message] | None = None) -> Worker:
        """A new worker, which has not done anything yet."""
        self._numbers += 1
        made: list[Worker] = []

        def begun(_: Turn) -> None:
            install(self._services(made[0]))
            work(made[0])

        clock = WorkersClock(self.clock, self.skew(about))
        made.append(Worker(number=self._numbers, about=about, kind=kind, clock=clock, turn=Turn(begun), delivered=delivered))
        self.workers.append(made[0])
        return made[0]

    def hand_over(self, queue: str, message: Message) -> Worker:
        """One delivery by the host's rules; a worker that is late with it finds that its message is another's by now."""
        (function,) = self.app.listeners(queue)
        settings, poison = host_settings().queues, poison_queue(queue)
        now, receipt = self.clock.now(), message.dequeues

        def work(_: Worker) -> None:
            if poison is not None and receipt > settings.max_dequeue_count:
                self.queues.delete(message)
                self.queues.put(poison, message.text)
                return
            try:
                outcome = self.app.deliver(function, message.text, now=now, dequeue_count=receipt, message_id=message.id)
            except Died:
                return
            if message.dequeues != receipt:
                return
            self.queues.delete(message)
            if isinstance(outcome, Done):
                return
            self._failed(function, outcome)
            if poison is not None and receipt >= settings.max_dequeue_count:
                self.queues.put(poison, message.text)
            else:
                self.queues.put_back(queue, message, after=LEASE if poison is None else settings.visibility_timeout)

        self.record.transactions += 2
        return self.begin("message", self.about(message.text), work, (queue, message))

    def errand(self, errand: Errand, *, at: datetime | None = None) -> None:
        """Have somebody ask for something."""
        self.errands.append((at or self.clock.now(), errand))

    def _run(self, errand: Errand) -> None:
        path = errand.path()
        if path is None:
            return

        def work(worker: Worker) -> None:
            try:
                answer = self._requested(worker, errand, path)
            except Died:
                answer = HttpAnswer(status=500)
            if answer.status >= 500 or answer.status == 429:
                self.errand(errand, at=self.clock.now() + ASKS_AGAIN)
            elif path.startswith("/api/pause") and answer.status == 200:
                self.record.pauses.append(Paused(since=self.clock.now()))

        if path.startswith("/api/unpause"):
            self.record.pauses = [replace(pause, until=pause.until or self.clock.now()) for pause in self.record.pauses]
        self.begin("person", errand.about, work)

    def _requested(self, worker: Worker, errand: Errand, path: str) -> HttpAnswer:
        def outbox(queue: str, text: str) -> None:
            try:
                self.through(worker, "outbox.put", lambda late=timedelta(0): self.queues.put(queue, text, delay=late))
            except CallFailed as fault:
                raise NotSent from fault

        headers = [JSON] if errand.document is not None else []
        if errand.key is not None:
            headers.append(("Idempotency-Key", errand.key))
        body = json.dumps(errand.document).encode() if errand.document is not None else b""
        return self.app.request(errand.method, path, headers=headers, body=body, outbox=outbox)

    def _tick(self) -> None:
        try:
            outcome = self.app.tick("sweep_open")
        except Died:
            return
        if not isinstance(outcome, Done):
            self._failed("sweep_open", outcome)

    def _failed(self, function: str, outcome: Any) -> None:
        """Keep what failed otherwise than by a call that failed."""
        self.failures.append(f"{function}: {outcome.error}")
        if not any(word in outcome.error for word in ("CallFailed", "ExceptionGroup")):
            self.record.crashes.append(f"{function}: {outcome.error}")

    def _services(self, worker: Worker) -> Any:
        def via(name: str, port: Any) -> Any:
            return Via(port, name, self, worker)

        return self.rebuilt(
            clusters=self.flaw.clusters(via("azure", Watched(self, worker))),
            operations=via("operations", self.flaw.operations(Recorded(self.operations, self, worker))),
            wakes=via("wakes", QueueWakes(self.queues)),
            announcer=via("announcer", QueueAnnouncer(self.queues)),
            letters=via("letters", self.letters),
            acting=via("acting", Braked(self.acting, self)),
            paces=via("paces", self.paces),
            clock=worker.clock,
        )

    # ---- going on

    def through(self, worker: Worker, name: str, call: Call) -> Any:
        """Make an outside call of a worker, unless trouble will have it otherwise."""
        began = self.clock.now()
        worker.turn.rest()
        worker.slept = self.clock.now() > began
        self.record.calls[worker.number] += 1
        if worker.kind == "message" and not name.startswith(("azure.", "paces.")):
            # The figures to look by are read once an hour, whatever is done with them.
            self.record.transactions += 1
        trouble = self.trouble(worker, name)
        if trouble is None:
            return call()
        self.troubled += 1
        self.met[spelt(self.held(worker.about)), str(trouble)] += 1
        match trouble:
            case Fate() if trouble in ON_THE_WIRE and name.startswith("azure."):
                return self._on_the_wire(ON_THE_WIRE[trouble], call, changes=name in CHANGES)
            case Fate():
                return met(trouble, call)
            case Meeting.SLEEPS_BEFORE:
                self._sleep(worker)
            case Meeting.NAPS_BEFORE:
                self._sleep(worker, NAP)
            case Meeting.SLEEPS_AFTER:
                answer = call()
                self._sleep(worker)
                return answer
            case Meeting.DOUBLED if worker.delivered is not None:
                queue, message = worker.delivered
                message.dequeues += 1
                worker.behind = self.hand_over(queue, message)
                worker.turn.rest()
                worker.slept = worker.slept or self.clock.now() > began
            case Meeting.LATE if name in SENDS:
                return call(late=LATE)
            case Meeting.REPEATED if name in SENDS:
                call(late=LATE)
            case _:
                pass
        return call()

    def _on_the_wire(self, effect: Effect, call: Call, *, changes: bool) -> Any:
        """Make a call to Azure whose request meets with what the wire does to it, so that the adapter says what that means."""
        before, self.world.faults = self.world.faults, Faults()
        for method in ("PUT", "POST", "DELETE") if changes else ("GET",):
            self.world.faults.add(Fault(method=method, effect=effect))
        try:
            return call()
        finally:
            self.world.faults = before

    def _sleep(self, worker: Worker, for_: timedelta = ASLEEP) -> None:
        worker.until, worker.slept = self.clock.now() + for_, True
        worker.turn.rest()

    def awake(self) -> list[Worker]:
        """Who can go on now."""
        now = self.clock.now()
        asleep = [worker for worker in self.workers if worker.until is not None and worker.until > now]
        return [worker for worker in self.workers if worker not in asleep and worker.behind not in self.workers]

    def go_on(self, worker: Worker) -> None:
        """Let a worker run to its next outside call, or to its end."""
        self.pieces += 1
        worker.until = worker.behind = None
        self.working = worker
        try:
            worker.turn.resume()
        except Exception as fault:  # noqa: BLE001 - a fault of the doors, which the record says
            self.record.crashes.append(f"{type(fault).__name__}: {fault}")
        if worker.turn.ended:
            self.workers.remove(worker)

    def wait(self) -> None:
        """Let time pass until the next thing that happens."""
        self.pieces = 0
        now = self.clock.now()
        sleeping = [worker.until for worker in self.workers if worker.until is not None]
        instants = [self.swept_at + SWEEP_EVERY, self.queues.next_at(heard=self.heard), *sleeping, *(at for at, _ in self.errands)]
        self.clock.instant = min((at for at in instants if at is not None and at > now), default=now + ASKS_AGAIN)

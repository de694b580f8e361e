"""The simulated Azure without sockets: a clock, a seed, a state, and one method that answers requests one at a time."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import assert_never
from urllib.parse import parse_qsl

from local.arm import control, endings, refusals, witness
from local.arm.buckets import Buckets
from local.arm.call import Call
from local.arm.chance import Chance
from local.arm.durations import Durations, recorded
from local.arm.faults import Answer, Fault, Faults, LostAnswer, Outcome, Reset, Silence, Slow
from local.arm.gateway import Gateway
from local.arm.identity import Identity
from local.arm.providers import CONTAINER_SERVICE
from local.arm.recording import Recording, recording_of
from local.arm.records import Provider, State, key
from local.arm.wire import Drop, Reply, Request
from local.arm.witness import Entry, Witness

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


@dataclass(kw_only=True)
class World:
    """A subscription or more of a made-up Azure.

    `clock` gives the world's instant (aware, UTC); `seed` decides everything that is left to chance; `state_file` makes the world
    outlive its process, with a log beside it. `durations` decides how long operations take. `registered` starts with AKS registered;
    `throttled` and `authenticated` switch limits and tokens off for tests that are about something else. `real_clock` gives seconds
    since 1970 for tokens, which live in real time. Answers are written down in `recording`, by default where the environment asks for it.
    """

    clock: Callable[[], datetime]
    seed: int = 0
    subscriptions: Iterable[str] = (SUBSCRIPTION,)
    state_file: Path | None = None
    durations: Durations = recorded
    registered: bool = False
    throttled: bool = True
    authenticated: bool = True
    identity_secret: str | None = None
    real_clock: Callable[[], float] = time.time
    recording: Recording | None = field(default_factory=lambda: recording_of(os.environ))
    faults: Faults = field(default_factory=Faults, init=False)
    identity: Identity = field(init=False)
    witness: Witness = field(init=False)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        """Load what there is, or begin."""
        self._lock = threading.RLock()
        self.state = State() if self.state_file is None else State.load(self.state_file)
        self.witness = Witness(file=None if self.state_file is None else self.state_file.with_name(f"{self.state_file.name}.log.jsonl"))
        if self.witness.entries:
            self.state.requests = max(self.state.requests, self.witness.entries[-1].n)
        self.identity = Identity(seed=self.seed, clock=self.real_clock, secret=self.identity_secret)
        self._chance = Chance(seed=self.seed, state=self.state)
        self._gateway = Gateway(
            subscriptions=tuple(subscription.lower() for subscription in self.subscriptions),
            buckets=Buckets(),
            authenticated=self.authenticated,
            throttled=self.throttled,
        )
        if self.registered:
            for subscription in self.subscriptions:
                name = key(subscription, CONTAINER_SERVICE)
                self.state.providers[name] = Provider(namespace=CONTAINER_SERVICE, state="Registered")
        self._save()

    def handle(self, request: Request) -> Reply | Drop:
        """Answer one request: everything that is due by now happens first, then a scripted fault may strike, then ARM answers."""
        path = request.target.partition("?")[0]
        with self._lock:
            now = self.clock()
            changed = endings.settle(self.state, self._chance, now)
            if path.startswith(control.PREFIX):
                answer: Reply | Drop = control.answer(self, request, now)
                changed = changed or request.method == "PUT"
            else:
                call = self._call(request, now)
                in_flight = self._in_flight(path)
                fault = self.faults.hit(request.method, path, now)
                answer = self._answer(call, fault)
                changed = changed or call.applied
                self._note(call, answer, fault, in_flight)
                if self.recording is not None and isinstance(answer, Reply) and not (fault and isinstance(fault.effect, Answer)):
                    self.recording.add(request, answer)  # what a test's script says is not the simulator's answer
            if changed:
                self._save()
            return answer

    def token(self, audience: str = "https://management.azure.com") -> str:
        """A bearer token that this world takes, for clients in the same process."""
        return self.identity.token(audience)

    def _call(self, request: Request, now: datetime) -> Call:
        self.state.requests += 1
        return Call(
            number=self.state.requests,
            now=now,
            seed=self.seed,
            state=self.state,
            chance=self._chance,
            durations=self.durations,
            identity=self.identity,
            method=request.method.upper(),
            target=request.target,
            query=dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True)),
            host=request.host or "management.azure.com",
            headers=request.headers,
            body=request.body,
        )

    def _answer(self, call: Call, fault: Fault | None) -> Reply | Drop:
        if fault is None:
            return self._gateway.answer(call)
        match fault.effect:
            case Slow():
                return replace(self._gateway.answer(call), delay=fault.delay)
            case Outcome() as outcome:
                call.outcome = outcome
                return replace(self._gateway.answer(call), delay=fault.delay)
            case Answer() as wanted:
                return replace(_scripted(wanted, call.now), delay=fault.delay)
            case Reset():
                return Drop(how="reset", applied=False, delay=fault.delay)
            case LostAnswer():
                self._gateway.answer(call)
                return Drop(how="reset", applied=call.applied, delay=fault.delay)
            case Silence(applied=applied):
                if applied:
                    self._gateway.answer(call)
                return Drop(how="silence", applied=call.applied, delay=fault.delay)
            case _ as unknown:
                assert_never(unknown)

    def _in_flight(self, path: str) -> int | None:
        """The number of the request whose operation runs on the cluster that a path is about."""
        parts = path.strip("/").split("/")
        if len(parts) < 8 or [part.lower() for part in parts[4:7]] != ["providers", "microsoft.containerservice", "managedclusters"]:
            return None
        cluster = self.state.clusters.get(key(parts[1], parts[3], parts[7]))
        running = () if cluster is None else filter(None, (cluster.operation, *cluster.pool_operations.values()))
        return next((self.state.operations[identifier].asked_by for identifier in running), None)

    def _note(self, call: Call, answer: Reply | Drop, fault: Fault | None, in_flight: int | None) -> None:
        entry = Entry(
            n=call.number,
            at=witness.instant(call.now),
            method=call.method,
            path=witness.shown_path(call.target),
            status=answer.status if isinstance(answer, Reply) else None,
            code=witness.code_of(answer.body) if isinstance(answer, Reply) and answer.status >= 400 else None,
            correlation=call.headers.get("x-ms-correlation-request-id"),
            client_request=call.headers.get("x-ms-client-request-id"),
            applied=call.applied,
            digest=witness.digest(call.body),
            in_flight=in_flight,
            fault=None if fault is None else fault.effect.kind,
        )
        self.witness.add(entry)

    def _save(self) -> None:
        if self.state_file is not None:
            self.state.save(self.state_file)


def _scripted(wanted: Answer, now: datetime) -> Reply:
    given = {name.lower(): value for name, value in wanted.headers.items()}
    if wanted.retry_date is not None:
        given["retry-after"] = format_datetime(now.astimezone(UTC) + timedelta(seconds=wanted.retry_date), usegmt=True)
    if wanted.shape == "empty":
        return Reply(status=wanted.status, headers=given)
    made = refusals.gateway if wanted.shape == "gateway" else refusals.flat
    answer = made(wanted.status, wanted.code, wanted.message)
    return Reply(status=wanted.status, headers={**answer.headers, **given}, body=answer.body)

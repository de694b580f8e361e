"""The very function app in this process: real routing and queue rules, memory ports, a simulated Azure, a virtual clock."""

import heapq
import itertools
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from local.arm.witness import Entry
from local.host.calls import Done, HttpAnswer
from local.host.direct import DirectApp, NotSent
from local.host.messages import poison_queue
from local.host.routing import decoded_path
from local.host.settings import HostSettings, read_host_settings
from local.memory import MemoryLetters
from shared.adapters.queues import QueueAnnouncer, Queues, QueueWakes
from shared.model.clusters import Absent, Cluster, ClusterRef, PoolMode
from shared.model.plans import Action, MakeCluster, MakeGroup
from shared.model.requests import PoolSpec
from shared.ports import ActingRow, Announcer, Clock, Clusters, Letters, Operations, Paces, Store, Wakes
from shared.services import Services, install
from tests.builders import WEB, a_spec
from tests.promised import promised
from tests.pump import Died, Pump
from tests.worldly import clusters_of

ROOT = Path(__file__).resolve().parent.parent
JSON = ("Content-Type", "application/json")
REQUESTS, STEPS, REPLIES = "cluster-requests", "operation-steps", "chat-replies"
HOSTS_OWN = frozenset({"id", "dequeuecount", "insertiontime", "expirationtime", "nextvisibletime", "popreceipt", "queuetrigger"})
"""Top-level keys that the host takes for a message's own facts, in any case; no message of ours may have one."""
LIFE = timedelta(days=7)
"""How long a message lives that does not say; Storage Queues refuse to hide one for longer."""
LEASE = timedelta(minutes=10)
"""How long a received message is hidden; a worker that dies lets it come back only then."""
SCALE = {"action": "scale", "cluster": "prod-rg/web", "pool": "user", "count": 5}
CREATE = {
    "action": "create",
    "cluster": "group1/myK8sCluster",
    "location": "centralus",
    "create_resource_group": True,
    "pools": [
        {"name": "system", "mode": "System", "vm_size": "Standard_D4s_v5", "count": 1},
        {"name": "user", "vm_size": "Standard_D4s_v5", "count": 2},
    ],
}
LINK_KEY = "a-link-key-that-only-the-tests-know-0123456789"
DELETE = {"action": "delete", "cluster": "prod-rg/web", "confirm": "web"}
STOP, START = ({"action": verb, "cluster": "prod-rg/web"} for verb in ("stop", "start"))
UPGRADE = {"action": "upgrade", "cluster": "prod-rg/web", "version": "1.37"}


@cache
def host_settings() -> HostSettings:
    """What host.json says, with no environment to override it."""
    return read_host_settings(ROOT, {})


@cache
def the_app() -> DirectApp:
    """The app, indexed as the host indexes it; a process can do that once."""
    import function_app

    return DirectApp(function_app.app, settings=host_settings())


@dataclass
class Message:
    """One message in a queue."""

    id: str
    text: str
    visible_at: datetime
    inserted_at: datetime
    dequeues: int = 0


class MemoryQueues(Queues):
    """Storage queues in memory, under the real adapters: what is sent is the text that would be sent."""

    def __init__(self, doors: "Doors") -> None:
        self._doors = doors
        self._order = itertools.count(1)
        self._waiting: list[tuple[datetime, int, str, Message]] = []

    def send(self, queue: str, message: Mapping[str, Any], *, delay: timedelta = timedelta(0)) -> None:
        assert not {name.lower() for name in message} & HOSTS_OWN, message
        hidden = timedelta(seconds=max(0, math.ceil(delay.total_seconds())))
        self.put(queue, json.dumps(message, default=str, separators=(",", ":")), delay=hidden)

    def put(self, queue: str, text: str, *, delay: timedelta = timedelta(0)) -> Message:
        """A message as somebody else would send it."""
        assert delay <= LIFE, f"no message may be hidden for {delay}"
        now = self._doors.clock.now()
        number = next(self._order)
        message = Message(id=f"00000000-0000-4000-8000-{number:012d}", text=text, visible_at=now + delay, inserted_at=now)
        heapq.heappush(self._waiting, (message.visible_at, number, queue, message))
        return message

    def delete(self, message: Message) -> None:
        """Take a message away; it need not be there."""
        self._waiting = [item for item in self._waiting if item[3] is not message]
        heapq.heapify(self._waiting)

    def put_back(self, queue: str, message: Message, *, after: timedelta) -> None:
        """Hide a message that was received."""
        message.visible_at = self._doors.clock.now() + after
        heapq.heappush(self._waiting, (message.visible_at, next(self._order), queue, message))

    def receive(self, *, heard: frozenset[str]) -> tuple[str, Message] | None:
        """The next visible message of a queue that is listened to."""
        due = [item for item in self._waiting if item[2] in heard and item[0] <= self._doors.clock.now()]
        if not due:
            return None
        first = min(due)
        self._waiting.remove(first)
        heapq.heapify(self._waiting)
        first[3].dequeues += 1
        return first[2], first[3]

    def next_at(self, *, heard: frozenset[str]) -> datetime | None:
        return min((item[0] for item in self._waiting if item[2] in heard), default=None)

    def all(self, queue: str) -> list[Message]:
        """The messages of one queue, in order of becoming visible."""
        return [item[3] for item in sorted(self._waiting, key=lambda item: item[:2]) if item[2] == queue]

    def clear(self) -> None:
        """Empty every queue, as an operator may."""
        self._waiting.clear()

    def everything(self) -> list[tuple[str, str]]:
        """Every message, as queue and text."""
        return [(item[2], item[3].text) for item in sorted(self._waiting, key=lambda item: item[:2])]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.document["code"])

    @property
    def detail(self) -> str:
        return str(self.document["detail"])

    @property
    def pointers(self) -> list[str]:
        return [str(error["pointer"]) for error in self.document.get("errors", ())]


@dataclass
class Doors(Pump):
    """A pump whose only ways in are the app's doors. `failures` keeps what became of invocations that did not succeed, `not_ours` the
    numbers of the requests that somebody else sent to Azure. While `mute`, the host cannot write what doors put out.
    """

    failures: list[str] = field(default_factory=list)
    not_ours: set[int] = field(default_factory=set)
    mute: bool = False

    def __post_init__(self) -> None:
        self.queues = MemoryQueues(self)
        self.app = the_app()
        self.heard = frozenset(place.queue for place in self.app.admitted.queues.values())
        super().__post_init__()
        self.letters = MemoryLetters(self.queues.put)
        self.swept_at = self.clock.now()
        install(self.services)

    def rebuilt(
        self,
        *,
        clusters: Clusters | None = None,
        operations: Operations | None = None,
        wakes: Wakes | None = None,
        announcer: Announcer | None = None,
        letters: Letters | None = None,
        acting: ActingRow | None = None,
        paces: Paces | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
    ) -> Services:
        wakes = wakes or QueueWakes(self.queues)
        announcer = announcer or QueueAnnouncer(self.queues)
        return super().rebuilt(
            clusters=clusters,
            operations=operations,
            wakes=wakes,
            announcer=announcer,
            letters=letters,
            acting=acting,
            paces=paces,
            store=store,
            clock=clock,
        )

    def behind(self, services: Services) -> None:
        """Let the doors open on other services, as after a deployment."""
        self.services = services
        install(services)

    # ---- HTTP

    def ask(self, method: str, path: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Answer:
        answer: HttpAnswer = self.app.request(method, path, headers=headers, body=body, outbox=self._outbox)
        found = Answer(status=answer.status, headers={name.lower(): value for name, value in answer.headers}, body=answer.body)
        faults = promised().faults(self._function(method, path), status=found.status, headers=found.headers, body=found.body)
        assert not faults, f"{method} {path[:200]} was answered otherwise than the document promises: {faults[:5]}"
        return found

    def _function(self, method: str, target: str) -> str | None:
        path = decoded_path(target.partition("?")[0])
        match = self.app.admitted.routes.match(method, path) if path is not None else None
        return match.function if match is not None else None

    def _outbox(self, queue: str, text: str) -> None:
        if self.mute:
            raise NotSent
        self.queues.put(queue, text)

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, document: object, *headers: tuple[str, str], path: str = "/api/operations") -> Answer:
        """Post JSON; bytes and texts go as they are."""
        text = document if isinstance(document, str | bytes) else json.dumps(document)
        return self.ask("POST", path, headers=(JSON, *headers), body=text.encode() if isinstance(text, str) else text)

    def accepted(self, document: object, *headers: tuple[str, str]) -> str:
        """The path of an operation that must be accepted."""
        answer = self.post(document, *headers)
        assert answer.status == 202, answer.body
        return answer.headers["location"]

    def shown(self, path: str) -> Any:
        """An operation as its page shows it."""
        return self.get(path).document

    def cancel(self, path: str) -> Answer:
        return self.ask("POST", f"{path}/cancel")

    # ---- queues and timers

    def send(self, document: object, *, queue: str = REQUESTS) -> Message:
        """Put a message into a queue; texts go as they are."""
        return self.queues.put(queue, document if isinstance(document, str) else json.dumps(document))

    def replies(self, queue: str = REPLIES) -> list[Any]:
        return [json.loads(message.text) for message in self.queues.all(queue)]

    def take(self) -> bool:
        received = self.queues.receive(heard=self.heard)
        if received is None:
            return False
        self._deal_with(*received)
        return True

    def next_message_at(self) -> datetime | None:
        return self.queues.next_at(heard=self.heard)

    def next_sweep_at(self) -> datetime:
        due = self.app.due_after("sweep_open", self.swept_at)
        assert due is not None
        return due

    def sweep(self) -> None:
        outcome = self.app.tick("sweep_open")
        if not isinstance(outcome, Done):
            self.failures.append(f"sweep_open: {outcome.error}")

    def settle(self) -> None:
        """Deliver what is visible now, and what that makes visible now; time stands still."""
        while self.take():
            pass

    def _deal_with(self, queue: str, message: Message) -> None:
        """One delivery by the host's rules (facts: functions-host, 2.4)."""
        (function,) = self.app.listeners(queue)
        settings, poison = host_settings().queues, poison_queue(queue)
        if poison is not None and message.dequeues > settings.max_dequeue_count:
            self.queues.put(poison, message.text)
            return
        now, count = self.clock.now(), message.dequeues
        try:
            outcome = self.app.deliver(function, message.text, now=now, dequeue_count=count, message_id=message.id)
        except Died:
            self.queues.put_back(queue, message, after=LEASE)
            return
        if isinstance(outcome, Done):
            return
        self.failures.append(f"{function}: {outcome.error}")
        if poison is None:
            self.queues.put_back(queue, message, after=LEASE)
        elif count >= settings.max_dequeue_count:
            self.queues.put(poison, message.text)
        else:
            self.queues.put_back(queue, message, after=settings.visibility_timeout)

    # ---- the world

    def put_cluster(
        self, ref: ClusterRef = WEB, *, pools: Mapping[str, int] | None = None, location: str = "westeurope", version: str | None = None
    ) -> None:
        """Make a cluster in Azure without the app: System pool `system`, and the given User pools (by default `user` of two)."""
        counts = {"system": 1, **({"user": 2} if pools is None else pools)}
        specs = tuple(_spec(name, count) for name, count in counts.items())
        self.foreign(ref, MakeGroup(location=location))
        self.foreign(ref, MakeCluster(location=location, version=version, tier="Free", dns_prefix="test", pools=specs))
        self.clock.advance(self.takes + timedelta(seconds=1))
        assert self.there(ref).settled
        self.swept_at = self.clock.now()

    def foreign(self, ref: ClusterRef, action: Action) -> None:
        """Somebody else does something in Azure."""
        somebody = clusters_of(self.world)
        before = len(self.world.witness.entries)
        somebody.attempt(ref, action, somebody.look(ref, action))
        self.not_ours.update(entry.n for entry in self.world.witness.entries[before:])

    def there(self, ref: ClusterRef = WEB) -> Cluster:
        """The cluster as Azure shows it."""
        found = clusters_of(self.world).cluster(ref)
        assert isinstance(found, Cluster), found
        return found

    def gone(self, ref: ClusterRef = WEB) -> bool:
        return isinstance(clusters_of(self.world).cluster(ref), Absent)

    def mutations(self) -> list[Entry]:
        """Every request of the app that would change something, applied or not."""
        return [entry for entry in self.world.witness.entries if entry.method not in {"GET", "HEAD"} and entry.n not in self.not_ours]

    # ---- what is kept

    def kept(self) -> dict[str, Any]:
        """All that a request could have stored, sent or changed, to be compared before and after."""
        store = self.operations
        return {
            "heads": dict(store.heads),
            "operations": dict(store.operations),
            "events": {name: dict(events) for name, events in store.events.items()},
            "open": dict(store.opened),
            "journal": dict(store.journalled),
            "keys": dict(store.keys),
            "letters": dict(self.letters.filed),
            "messages": self.queues.everything(),
            "mutations": self.mutations(),
        }


def _spec(name: str, count: int) -> PoolSpec:
    return a_spec(name, count=count, mode=PoolMode.SYSTEM if name == "system" else PoolMode.USER)


@contextmanager
def doors(**options: Any) -> Iterator[Doors]:
    """Doors for one test; afterwards the process has no services again."""
    try:
        yield Doors(**options)
    finally:
        install(None)


@contextmanager
def environment(**names: str) -> Iterator[None]:
    """The process's own settings for a while, and none of ours but those; the next request makes its services from them."""
    before = dict(os.environ)
    ours = [name for name in before if name.startswith(("TIDEKEEPER_", "AzureWebJobsStorage", "WEBSITE_AUTH_ENABLED"))]
    try:
        for name in ours:
            del os.environ[name]
        os.environ.update(names)
        install(None)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        install(None)

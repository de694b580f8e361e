"""The composition root: settings to live services, once per process. The only place that introduces adapters to work.

Imports of SDKs happen here, when a service is first needed: importing the app must stay cheap, because a cold start pays for it.
"""

import gc
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shared.log import event
from shared.model.answers import Glimpse, Preview, Purged, Taken, Told
from shared.model.clusters import Absent, Cluster, ClusterRef
from shared.model.errors import CallFailed, Code, Failure, Refusal, Unreadable
from shared.model.grants import LETTERS, PAUSE, PURGE, READ
from shared.model.listing import Page, Query, Summary
from shared.model.operations import Operation, Wake, partition_of
from shared.model.requests import Origin, Submission
from shared.ports import ActingRow, Announcer, Clock, Clusters, Ids, Letters, Operations, Paces, Store, Wakes
from shared.rules import admission, naming
from shared.settings import Settings, from_environment
from shared.work import reading, submit
from shared.work.figures import Figures
from shared.work.saving import Desk

if TYPE_CHECKING:
    from shared.adapters.queues import Queues
    from shared.adapters.tables import Tables
    from shared.model.acting import ShownActing
    from shared.model.letters import Letter, LetterQuery, ShownLetter, ShownPage
    from shared.model.paces import ShownPaces
    from shared.model.versions import Offer, Offered
    from shared.rules.pace import Looks
    from shared.work.braking import Brake
    from shared.work.learning import Lesson
    from shared.work.sweep import Swept

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
SELDOM = 50_000
"""Objects made between two looks for garbage. A start makes hundreds of thousands that stay; at Python's own setting it would spend a
seventh of the time to the first answer on looking them through again and again."""


Carry = Callable[[dict[str, str | int]], None]
"""Takes a wake-up's message, which is to be sent at once."""


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """This instant, aware and UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Chance from the operating system."""

    def token(self) -> str:
        """Eight characters nobody can guess."""
        return "".join(secrets.choice(_DIGITS) for _ in range(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the app needs from the world. Each is made when it is first needed."""

    clusters: Callable[[], Clusters]
    operations: Callable[[], Operations]
    wakes: Callable[[], Wakes]
    announcer: Callable[[], Announcer]
    letters: Callable[[], Letters]
    acting: Callable[[], ActingRow]
    paces: Callable[[], Paces]
    store: Callable[[], Store]
    clock: Clock
    ids: Ids


class Services:
    """The app, ready to be asked: one method for each thing a door can want, each one piece of work behind its admission."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        """Compose settings and ports."""
        self.settings = settings
        self._ports = ports
        self._figures = Figures(self._looks)

    @cached_property
    def _clusters(self) -> Clusters:
        return self._ports.clusters()

    @cached_property
    def _operations(self) -> Operations:
        return self._ports.operations()

    @cached_property
    def _desk(self) -> Desk:
        return Desk(operations=self._operations, wakes=self._ports.wakes(), announcer=self._ports.announcer())

    @cached_property
    def _brake(self) -> "Brake":
        from shared.work.braking import Brake

        return Brake(row=self._ports.acting(), most=self.settings.mutations_per_hour)

    def _looks(self) -> "Looks":
        from shared.work import learning

        return learning.looks(self._ports.paces())

    def _desk_that_carries(self, carry: Carry) -> Desk:
        """A desk whose wake-ups go by a door's own output. Such a door names no queue for replies, so nothing needs the queue client."""
        return Desk(operations=self._operations, wakes=_Carried(carry), announcer=_Silent())

    def now(self) -> datetime:
        """This instant by the app's clock."""
        return self._ports.clock.now()

    # ---- requests

    def submit(self, submission: Submission, *, carry: Carry | None = None) -> Taken | Refusal:
        """Accept a request, or say why not. Raises `CallFailed` where Azure or storage is away.

        A door that has a queue output of its own carries the first wake-up by it (`carry`), after it has returned.
        """
        answer: Taken | Refusal | None = self._refused(submission.origin, submission.request.action, submission.cluster)
        if answer is None:
            desk = self._desk if carry is None else self._desk_that_carries(carry)
            answer = submit.submit(submission, clusters=self._clusters, desk=desk, clock=self._ports.clock, ids=self._ports.ids)
        if isinstance(answer, Refusal):
            asked = {"action": submission.request.action, "cluster": submission.cluster.key, "door": submission.origin.door}
            event("request_refused", code=answer.code, because=answer.message, **asked)
        return answer

    def preview(self, submission: Submission) -> Preview | Refusal:
        """The plan for a request, with nothing stored. Raises `CallFailed`."""
        refusal = self._refused(submission.origin, submission.request.action, submission.cluster)
        return refusal or submit.preview(submission, clusters=self._clusters, operations=self._operations, clock=self._ports.clock)

    # ---- operations

    def operation(self, operation_id: str, origin: Origin, *, history: bool = False) -> Told | Refusal:
        """An operation by its id, for a caller who may see its cluster."""
        try:
            partition_of(operation_id)
        except ValueError:
            return _no_operation(operation_id)
        told = reading.tell(operation_id, operations=self._operations, clock=self._ports.clock, history=history, looks=self._figures.known)
        if told is None or self._hidden(origin, told.operation.cluster):
            return _no_operation(operation_id)
        return self._linked(told)

    def told(self, taken: Taken) -> Told:
        """What was accepted, as it is shown to whoever asked for it."""
        return self._linked(reading.told(taken, clock=self._ports.clock, looks=self._figures.known))

    def glimpse(self, operation_id: str, token: str) -> Glimpse | Refusal:
        """What a status link shows, to anybody who has its token.

        The refusal is the same whether there is no such operation, no such token or no links at all, and storage is asked only with the
        right token, so that nobody learns which ids there are. Raises `CallFailed`.
        """
        from shared.rules import linking

        key, found = self.settings.link_key, None
        if key is not None and linking.opens(key, operation_id, token):
            found = reading.glimpse(operation_id, operations=self._operations, clock=self._ports.clock, looks=self._figures.known)
        return found or Refusal(code=Code.NOT_FOUND, message="no operation, or none that this link opens")

    def cancel(self, operation_id: str, origin: Origin, *, abort: bool = False) -> Operation | Refusal:
        """Cancel an operation, for a caller who may ask for what it does; with `abort`, what is under way in Azure is aborted."""
        from shared.work import control

        return self._acted(operation_id, origin) or control.cancel(
            operation_id, by=origin.caller, desk=self._desk, clock=self._ports.clock, abort=abort
        )

    def suspend(self, operation_id: str, origin: Origin) -> Operation | Refusal:
        """Let no further step of an operation begin, for a caller who may ask for what it does."""
        from shared.work import control

        return self._acted(operation_id, origin) or control.suspend(
            operation_id, by=origin.caller, desk=self._desk, clock=self._ports.clock
        )

    def resume(self, operation_id: str, origin: Origin) -> Operation | Refusal:
        """Take up what is suspended or needs a person, for a caller who may ask for what it does."""
        from shared.work import control

        return self._acted(operation_id, origin) or control.resume(operation_id, by=origin.caller, desk=self._desk, clock=self._ports.clock)

    def force_close(self, operation_id: str, origin: Origin) -> Operation | Summary | Refusal:
        """End an operation whatever its state, for a caller who may ask for what it does; by its summary, if it cannot be read."""
        from shared.work import control

        try:
            return self._acted(operation_id, origin) or control.force_close(
                operation_id, by=origin.caller, desk=self._desk, clock=self._ports.clock
            )
        except Unreadable:
            return self._unread(operation_id, origin) or control.close_unread(
                operation_id, by=origin.caller, desk=self._desk, clock=self._ports.clock
            )

    def retry(self, operation_id: str, origin: Origin) -> Taken | Refusal:
        """Do what an ended operation left undone, as a new one, for a caller who may ask for what it does."""
        told = self.operation(operation_id, origin)
        if isinstance(told, Refusal):
            return told
        refusal = self._refused(origin, told.operation.request.action, told.operation.cluster)
        return refusal or submit.retry(told.operation, origin, desk=self._desk, clock=self._ports.clock, ids=self._ports.ids)

    def page(self, query: Query, origin: Origin) -> Page:
        """A page of operations, without those of clusters the caller may not see. Raises `BadContinuation`."""
        found = self._operations.page(query)
        seen = tuple(item for item in found.items if not self._hidden(origin, item.cluster))
        return Page(items=seen, continuation=found.continuation)

    def purge(self, operation_id: str, origin: Origin) -> Purged | Refusal:
        """Remove one ended operation, for a caller who may purge its cluster's. Raises `CallFailed`."""
        from shared.work import purging

        try:
            told = self.operation(operation_id, origin)
        except Unreadable:
            return self._unread(operation_id, origin, PURGE) or purging.one_unread(
                operation_id, by=origin.caller, operations=self._operations
            )
        if isinstance(told, Refusal):
            return told
        refusal = self._refused(origin, PURGE, told.operation.cluster)
        return refusal or purging.one(operation_id, by=origin.caller, operations=self._operations)

    def purge_many(self, until: datetime, cluster: ClusterRef | None, origin: Origin) -> Purged | Refusal:
        """Remove what ended by an instant, of one cluster or of all, for a caller who may purge those. Raises `CallFailed`."""
        from shared.work import purging

        refusal = self._not_everywhere(origin, PURGE) if cluster is None else self._refused(origin, PURGE, cluster)
        return refusal or purging.many(until, cluster, by=origin.caller, operations=self._operations)

    def retain(self) -> int:
        """Remove what is older than the settings keep it; answers how much. Raises an `ExceptionGroup` of what could not be removed."""
        from shared.work import purging

        return purging.retain(
            self.settings.retention_days, operations=self._operations, letters=self._ports.letters(), clock=self._ports.clock
        )

    # ---- clusters

    def cluster(self, ref: ClusterRef, origin: Origin) -> tuple[Cluster, str | None] | Refusal:
        """A cluster as Azure shows it now, and the id of its current operation if it has one."""
        refusal = self._refused(origin, READ, ref)
        if refusal is not None:
            return refusal
        found = self._clusters.cluster(ref)
        if isinstance(found, Absent):
            return Refusal(code=Code.NOT_FOUND, message=f"{found.what} does not exist")
        return found, reading.current(ref, operations=self._operations)

    def upgrades(self, ref: ClusterRef, origin: Origin) -> "tuple[Cluster, Offer] | Refusal":
        """A cluster as Azure shows it now, and what AKS would let its control plane move to. Raises `CallFailed`."""
        refusal = self._refused(origin, READ, ref)
        if refusal is not None:
            return refusal
        found, offer = self._clusters.cluster(ref), self._clusters.offer(ref)
        if isinstance(found, Absent) or isinstance(offer, Absent):
            return Refusal(code=Code.NOT_FOUND, message=f"cluster {ref} does not exist")
        return found, offer

    def versions(self, location: str, origin: Origin) -> "tuple[Offered, ...] | Refusal":
        """The versions that AKS offers in a region to the default subscription, newest first. Raises `CallFailed`.

        They tell nothing of anybody's clusters, so whoever may read any cluster may read them.
        """
        refusal = self._reads_nothing(origin)
        return refusal or self._clusters.offered(self.settings.subscription, location)

    def clusters(self, origin: Origin) -> tuple[tuple[tuple[Cluster, str | None], ...], dict[str, Failure]]:
        """Every cluster that the caller may see, with the operation that holds it, by one list call a subscription; and what failed.

        Raises `CallFailed` where every list failed.
        """
        found: list[Cluster] = []
        failed: dict[str, Failure] = {}
        for subscription in sorted(self.settings.subscriptions):
            try:
                found += self._clusters.clusters(subscription)
            except CallFailed as fault:
                if len(self.settings.subscriptions) == len(failed) + 1:
                    raise
                failed[subscription] = fault.failure
        holders = reading.holders(operations=self._operations)
        seen = (cluster for cluster in found if not self._hidden(origin, cluster.ref))
        return tuple((cluster, holders.get(naming.partition(cluster.ref))) for cluster in seen), failed

    # ---- acting

    def acting(self, origin: Origin) -> "ShownActing | Refusal":
        """Whether the app acts, for a caller who may read anything. Raises `CallFailed`."""
        from shared.work import braking

        return self._reads_nothing(origin) or braking.shown(self._brake, self._ports.clock)

    def pause(self, origin: Origin, *, reason: str | None) -> "ShownActing | Refusal":
        """Stop all acting, for a caller who may. Raises `CallFailed`."""
        from shared.work import braking

        return self._not_everywhere(origin, PAUSE) or braking.pause(self._brake, by=origin.caller, reason=reason, clock=self._ports.clock)

    def unpause(self, origin: Origin) -> "ShownActing | Refusal":
        """Let the app act again, for a caller who may. Raises `CallFailed`."""
        from shared.work import braking

        return self._not_everywhere(origin, PAUSE) or braking.unpause(self._brake, by=origin.caller, clock=self._ports.clock)

    # ---- paces

    def paces(self, origin: Origin) -> "ShownPaces | Refusal":
        """How long Azure takes, as far as it was learned, and when it is looked at therefore. Raises `CallFailed`.

        It tells nothing of anybody's clusters, so whoever may read any cluster may read it.
        """
        from shared.work import learning

        return self._reads_nothing(origin) or learning.shown(self._ports.paces())

    def learn(self) -> "Lesson":
        """Learn from what has ended how long Azure takes."""
        from shared.work import learning

        return learning.learn(operations=self._operations, paces=self._ports.paces(), clock=self._ports.clock)

    # ---- letters

    def letters(self, query: "LetterQuery", origin: Origin) -> "ShownPage | Refusal":
        """A page of letters, for a caller who may handle letters. Raises `BadContinuation`, `CallFailed`."""
        from shared.work import lettering

        return self._not_everywhere(origin, LETTERS) or lettering.page(query, letters=self._ports.letters())

    def letter(self, identifier: str, origin: Origin) -> "ShownLetter | Refusal":
        """A letter, for a caller who may handle letters. Raises `CallFailed`."""
        from shared.work import lettering

        return self._not_everywhere(origin, LETTERS) or lettering.read(identifier, letters=self._ports.letters())

    def requeue_letter(self, identifier: str, origin: Origin) -> "ShownLetter | Refusal":
        """Send a letter's message again and remove the letter, for a caller who may handle letters. Raises `CallFailed`."""
        from shared.work import lettering

        return self._not_everywhere(origin, LETTERS) or lettering.requeue(identifier, by=origin.caller, letters=self._ports.letters())

    def delete_letter(self, identifier: str, origin: Origin) -> "ShownLetter | Refusal":
        """Throw a letter away, for a caller who may handle letters. Raises `CallFailed`."""
        from shared.work import lettering

        return self._not_everywhere(origin, LETTERS) or lettering.delete(identifier, by=origin.caller, letters=self._ports.letters())

    # ---- queues and timers

    def advance(self, wake: Wake) -> None:
        """Move an operation by one wake-up."""
        from shared.work import advance

        clock, figures = self._ports.clock, self._figures.at(self.now())
        advance.advance(wake, clusters=self._clusters, desk=self._desk, brake=self._brake, clock=clock, looks=figures)

    def poisoned(self, wake: Wake, letter_id: str) -> None:
        """Mark the operation whose wake-up became a letter."""
        from shared.work import advance

        advance.poisoned(wake, letter_id, desk=self._desk, clock=self._ports.clock)

    def sweep(self) -> "Swept":
        """Find operations that nothing drives any more."""
        from shared.work import sweep

        return sweep.sweep(desk=self._desk, clock=self._ports.clock)

    def file(self, *, mark: str, queue: str, reason: str, text: str, operation: str | None = None) -> "Letter":
        """Keep a message that could not be processed. Its `mark` is the same at each of its deliveries."""
        from shared.model.letters import Letter, letter_id

        now = self.now()
        letter = Letter(id=letter_id(now, mark), queue=queue, reason=reason, text=text, filed_at=now, operation=operation)
        self._ports.letters().file(letter)
        event("letter_filed", letter=letter.id, queue=queue, reason=reason, operation=operation)
        return letter

    def say(self, queue: str | None, message: Mapping[str, object]) -> None:
        """Reply on a queue, if it is one of those the settings allow."""
        if queue is not None and queue in self.settings.reply_queues:
            self._desk.announcer.say(queue, message)

    def check(self) -> None:
        """See that storage answers. Raises `CallFailed`."""
        self._ports.store().check()

    # ---- inside

    def _linked(self, told: Told) -> Told:
        """The same with the token of its status link, where the app has a key for links."""
        if self.settings.link_key is None:
            return told
        from shared.rules import linking

        return replace(told, token=linking.token(self.settings.link_key, told.operation.id))

    def _reads_nothing(self, origin: Origin) -> Refusal | None:
        if admission.reads_any(self.settings.grants, origin):
            return None
        return Refusal(code=Code.FORBIDDEN, message=f"{origin.caller} may read nothing through the {origin.door} door")

    def _not_everywhere(self, origin: Origin, action: str) -> Refusal | None:
        """Why the caller may not do what is of every cluster at once, or of none: it takes a grant of all."""
        if admission.may_everywhere(self.settings.grants, origin, action):
            return None
        message = (
            f"{origin.caller} may not do this through the {origin.door} door; it takes a grant of the action {action} on all clusters in "
            "the setting TIDEKEEPER_GRANTS"
        )
        return Refusal(code=Code.FORBIDDEN, message=message)

    def _acted(self, operation_id: str, origin: Origin) -> Refusal | None:
        """Why the caller may not act on the operation, if so."""
        told = self.operation(operation_id, origin)
        if isinstance(told, Refusal):
            return told
        return self._refused(origin, told.operation.request.action, told.operation.cluster)

    def _unread(self, operation_id: str, origin: Origin, action: str | None = None) -> Refusal | None:
        """Why the caller may not do `action` (by default what it asks for) to an operation that cannot be read, if so."""
        wreck = self._operations.wreck(operation_id)
        if wreck is None or self._hidden(origin, wreck.summary.cluster):
            return _no_operation(operation_id)
        return self._refused(origin, action or wreck.summary.action, wreck.summary.cluster)

    def _refused(self, origin: Origin, action: str, cluster: ClusterRef) -> Refusal | None:
        return admission.refused(self.settings.grants, origin, action, cluster, subscriptions=self.settings.subscriptions)

    def _hidden(self, origin: Origin, cluster: ClusterRef) -> bool:
        return self._refused(origin, READ, cluster) is not None


class _Carried:
    """The `Wakes` port by a door's own queue output, which knows no delay: what is accepted is woken at once."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Hand the message over."""
        if delay:
            message = f"a door's own output cannot wait {delay}"
            raise ValueError(message)
        self._carry(wake.message)


class _Silent:
    """The `Announcer` port where nobody can have asked for replies."""

    def say(self, queue: str, message: Mapping[str, object]) -> None:
        """Refuse: a request that names a queue for replies comes by queue."""
        del message
        text = f"a request with replies on {queue} came by a door that has none"
        raise ValueError(text)


def _no_operation(operation_id: str) -> Refusal:
    return Refusal(code=Code.NOT_FOUND, message=f"no operation {operation_id[:80]!a}, or none that you may see")


def azure_ports(settings: Settings, *, clock: Clock | None = None) -> Ports:
    """The ports on Azure."""

    @cache
    def tables() -> "Tables":
        from shared.adapters import clients
        from shared.adapters.tables import Tables

        return Tables(clients.tables(settings))

    @cache
    def queues() -> "Queues":
        from shared.adapters import clients
        from shared.adapters.queues import Queues

        return Queues(clients.queues(settings))

    def clusters() -> Clusters:
        from shared.adapters.arm import ArmClusters
        from shared.adapters.clients import Arm

        return ArmClusters(Arm(settings), endpoint=settings.arm_endpoint)

    def operations() -> Operations:
        from shared.adapters.operations import TableOperations

        return TableOperations(tables())

    def acting() -> ActingRow:
        from shared.adapters.acting import TableActing

        return TableActing(tables())

    def paces() -> Paces:
        from shared.adapters.paces import TablePaces

        return TablePaces(tables())

    def letters() -> Letters:
        from shared.adapters.letters import TableLetters

        return TableLetters(tables(), queues)

    def wakes() -> Wakes:
        from shared.adapters.queues import QueueWakes

        return QueueWakes(queues())

    def announcer() -> Announcer:
        from shared.adapters.queues import QueueAnnouncer

        return QueueAnnouncer(queues())

    return Ports(
        clusters=clusters,
        operations=operations,
        wakes=wakes,
        announcer=announcer,
        letters=letters,
        acting=acting,
        paces=paces,
        store=tables,
        clock=clock or SystemClock(),
        ids=RandomIds(),
    )


_lock = threading.Lock()
_current: Services | None = None


def current() -> Services:
    """The services of this process, made from the environment when first asked for. Raises `BadSettings` with every fault."""
    global _current  # noqa: PLW0603 - a worker process has one set of services, made when first needed
    if _current is None:
        with _lock:
            if _current is None:
                gc.set_threshold(SELDOM)
                settings = from_environment()
                _current = Services(settings, azure_ports(settings))
    return _current


def install(services: Services | None) -> None:
    """Make `services` those of this process (None: make them anew when asked): for hosts that bring their own clock, and for tests."""
    global _current  # noqa: PLW0603 - see `current`
    with _lock:
        _current = services

"""Counting requests to ARM: the real adapter and SDK against the simulated Azure in this process, whose witness is the count."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from local.arm.durations import fixed
from local.arm.world import World
from local.bench.scripted import ORIGIN, ref_of, request_of
from local.bench.wiring import SUBSCRIPTION, services_of, settings_of
from local.inprocess import clusters_of
from local.memory import MemoryClock, MemoryOperations, MemoryWakes
from shared.model.answers import Taken
from shared.model.clusters import Absent, Cluster, ClusterRef, Group, Sight
from shared.model.operations import Answered, Handle, Status, StillRunning
from shared.model.plans import Abortable, Action, PoolAction, RemoveGroup, UpgradeControlPlane
from shared.model.requests import Request, Start, Stop, Submission, Upgrade
from shared.model.versions import Offer, Offered
from shared.ports import Clusters

TAKES = timedelta(minutes=5)
"""How long every operation of the simulated Azure takes, so that each is polled ten times or so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one operation asked of ARM: requests on the wire, and what it should have been by what the app meant to ask."""

    what: str
    steps: int
    polls: int
    bound: int
    requests: int


class Meant:
    """The `Clusters` port that notes what is asked of the one below it."""

    def __init__(self, below: Clusters) -> None:
        """Ask `below`."""
        self._below = below
        self.calls: Counter[str] = Counter()

    def cluster(self, ref: ClusterRef) -> Cluster | Absent:
        """A read to plan from."""
        self.calls["planned from"] += 1
        return self._below.cluster(ref)

    def clusters(self, subscription: str) -> tuple[Cluster, ...]:
        """Nobody lists here."""
        raise NotImplementedError(subscription)

    def group(self, ref: ClusterRef, *, contents: bool = False) -> Group | Absent:
        """A read to plan from, and a list of what is in it."""
        self.calls["planned from"] += 1
        found = self._below.group(ref, contents=contents)
        self.calls["listed"] += contents and isinstance(found, Group) and not found.busy
        return found

    def offer(self, ref: ClusterRef) -> Offer | Absent:
        """A read to plan from."""
        self.calls["planned from"] += 1
        return self._below.offer(ref)

    def offered(self, subscription: str, location: str) -> tuple[Offered, ...]:
        """Nobody asks for a region's versions here."""
        raise NotImplementedError(subscription, location)

    def look(self, ref: ClusterRef, action: Action) -> Sight:
        """A look before a call or after an answer."""
        self.calls["looks"] += 1
        sight = self._below.look(ref, action)
        self.calls["listed"] += isinstance(action, RemoveGroup) and isinstance(sight, Group) and not sight.busy
        return sight

    def attempt(self, ref: ClusterRef, action: Action, sight: Sight) -> Handle | None:
        """The call itself; what is changed in one place is read whole first."""
        self.calls["writes"] += 1
        self.calls["read whole"] += isinstance(action, PoolAction | UpgradeControlPlane)
        return self._below.attempt(ref, action, sight)

    def abort(self, ref: ClusterRef, action: Abortable) -> None:
        """Nobody aborts here."""
        raise NotImplementedError(ref, action)

    def poll(self, handle: Handle) -> StillRunning | Answered:
        """A poll."""
        self.calls["polls"] += 1
        return self._below.poll(handle)


def counted() -> tuple[Count, ...]:
    """A cluster's life: made with its group, scaled, stopped and started, upgraded by a minor, deleted with its group."""
    clock = MemoryClock()
    world = World(clock=clock.now, subscriptions=(SUBSCRIPTION,), durations=fixed(TAKES), throttled=False)
    meant = Meant(clusters_of(world, settings_of()))
    operations, wakes = MemoryOperations(), MemoryWakes(clock.now)
    services = services_of(settings_of(), clusters=meant, operations=operations, wakes=wakes, clock=clock)
    found = []
    ref = ref_of("counted")
    life: tuple[tuple[str, int, Request], ...] = (
        ("create with its group", 3, request_of(3, ref)),
        ("scale", 1, request_of(1, ref)),
        ("stop", 1, Stop()),
        ("start", 1, Start()),
        ("upgrade by a minor", 2, Upgrade(version="latest")),
        ("delete with its group", 2, request_of(2, ref)),
    )
    for what, steps, request in life:
        meant.calls.clear()
        before = len(world.witness.entries)
        taken = services.submit(Submission(request=request, cluster=ref, origin=ORIGIN, digest=what))
        while (due := wakes.next_at()) is not None:
            clock.instant = max(clock.now(), due)
            wake = wakes.due()
            if wake is not None:
                services.advance(wake)
        ended = operations.load(taken.operation.id) if isinstance(taken, Taken) else None
        if ended is None or ended.status is not Status.SUCCEEDED:
            message = f"{what} did not succeed: {taken}, {ended and ended.failure}"
            raise RuntimeError(message)
        found.append(_count(what, steps, meant.calls, len(world.witness.entries) - before))
    return tuple(found)


def _count(what: str, steps: int, calls: Counter[str], requests_: int) -> Count:
    """R + 3S + P + Z: reads to plan from; a look, the call and the look that verifies it, for each step; polls; what is read besides."""
    polls = calls["polls"] + calls["looks"] - 2 * steps  # what has no handle is polled by looks
    return Count(
        what=what,
        steps=steps,
        polls=polls,
        bound=calls["planned from"] + 3 * steps + polls + calls["read whole"] + calls["listed"],
        requests=requests_,
    )

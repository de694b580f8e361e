"""An Azure of a few lines: each step's call is accepted, answers after a scripted number of polls, and then its goal holds.

It stands where only what the app does around Azure is counted or timed. It must not be used where Azure's own behaviour matters.
"""

from collections.abc import Sequence

from local.bench.wiring import SUBSCRIPTION
from shared.model.clusters import Absent, Cluster, ClusterRef, Group, NodePool, OsType, PoolMode, PowerState, Provider, Range, Sight
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import Abortable, Action, MakeCluster, MakeGroup, RegisterProvider, RemoveCluster, RemoveGroup, ScalePool
from shared.model.requests import Create, Delete, Door, Origin, PoolSpec, Request, Scale, Submission
from shared.model.versions import Offer, Offered

HANDLE = "https://management.azure.com/subscriptions/scripted"
POOL = "system"
LOCATION = "centralus"
ORIGIN = Origin(door=Door.HTTP, caller="bench")
SPEC = PoolSpec(name=POOL, mode=PoolMode.SYSTEM, vm_size="Standard_D2s_v5", count=1)
_CREATE = Create(location=LOCATION, pools=(SPEC,), create_resource_group=True)


def request_of(steps: int, ref: ClusterRef) -> Request:
    """A request whose plan has one step (a scaling), two (a deletion with its group) or three (a creation with its group)."""
    requests: dict[int, Request] = {
        1: Scale(pool=POOL, to=5),
        2: Delete(confirm=ref.name, delete_resource_group=True),
        3: _CREATE,
    }
    return requests[steps]


def ref_of(name: str) -> ClusterRef:
    """A cluster by its name, in a group of its own."""
    return ClusterRef(subscription=SUBSCRIPTION, group=f"{name}-rg", name=name)


def submission_of(steps: int, ref: ClusterRef, *, key: str | None = None) -> Submission:
    """That request about a cluster, by HTTP, with an idempotency key if one is given."""
    return Submission(request=request_of(steps, ref), cluster=ref, origin=ORIGIN, digest=f"{steps}", key=key)


class ScriptedClusters:
    """The `Clusters` port by script: `polls` says how often each step's handle is asked, the answering poll included.

    What is not there yet is missing, except to a request that needs it: a scaling finds its cluster, a deletion what it deletes.
    """

    def __init__(self, polls: Sequence[int], *, request: type[Request]) -> None:
        """Follow the script for requests of one kind, for every operation from its beginning."""
        self._polls = tuple(polls)
        self._request = request
        self._asked: dict[str, int] = {}
        self._reached: dict[str, tuple[str, ...]] = {}

    def cluster(self, ref: ClusterRef) -> Cluster | Absent:
        """The cluster before its operation: there, unless it is to be created. To look so is to plan, and begins the script anew."""
        self._reached.pop(ref.name, None)
        return Absent(what=f"cluster {ref}") if self._request is Create else _a_cluster(ref)

    def clusters(self, subscription: str) -> tuple[Cluster, ...]:
        """Nobody lists here."""
        raise NotImplementedError(subscription)

    def group(self, ref: ClusterRef, *, contents: bool = False) -> Group | Absent:
        """The group before its operation; it never holds another cluster."""
        del contents
        return Absent(what=f"resource group {ref.group}") if self._request is Create else _a_group(ref)

    def offer(self, ref: ClusterRef) -> Offer | Absent:
        """Nobody upgrades here."""
        raise NotImplementedError(ref)

    def offered(self, subscription: str, location: str) -> tuple[Offered, ...]:
        """Nobody asks for versions here."""
        raise NotImplementedError(subscription, location)

    def look(self, ref: ClusterRef, action: Action) -> Sight:
        """What the action wants, once its step has answered; before that, what it is to change."""
        return _sight(ref, action, reached=action.kind in self._reached.get(ref.name, ()))

    def attempt(self, ref: ClusterRef, action: Action, sight: Sight) -> Handle:
        """Accept the call."""
        del sight
        return Handle(url=f"{HANDLE}/{ref.name}/{action.kind}")

    def abort(self, ref: ClusterRef, action: Abortable) -> None:
        """Nobody aborts here."""
        raise NotImplementedError(ref, action)

    def poll(self, handle: Handle) -> StillRunning | Answered:
        """Not yet, as often as the script says; then the goal holds."""
        name, kind = handle.url.rsplit("/", 2)[1:]
        reached, asked = self._reached.get(name, ()), self._asked.get(name, 0) + 1
        if asked < self._polls[len(reached)]:
            self._asked[name] = asked
            return StillRunning(progress="scripted")
        self._asked[name], self._reached[name] = 0, (*reached, kind)
        return Answered()


def _sight(ref: ClusterRef, action: Action, *, reached: bool) -> Sight:
    match action:
        case RegisterProvider(namespace=namespace):
            return Provider(namespace=namespace, state="Registered" if reached else "NotRegistered")
        case MakeGroup():
            return _a_group(ref) if reached else Absent(what=f"resource group {ref.group}")
        case RemoveGroup():
            return Absent(what=f"resource group {ref.group}") if reached else _a_group(ref)
        case MakeCluster():
            return _a_cluster(ref) if reached else Absent(what=f"cluster {ref}")
        case RemoveCluster():
            return Absent(what=f"cluster {ref}") if reached else _a_cluster(ref)
        case ScalePool(to=to):
            return _a_cluster(ref, count=to if reached and not isinstance(to, Range) else 1)
        case _:
            message = f"no script has {action.kind}"
            raise NotImplementedError(message)


def _a_group(ref: ClusterRef) -> Group:
    return Group(name=ref.group, location=LOCATION, state="Succeeded")


def _a_cluster(ref: ClusterRef, *, count: int = 1) -> Cluster:
    pool = NodePool(
        name=POOL,
        mode=PoolMode.SYSTEM,
        os=OsType.LINUX,
        vm_size=SPEC.vm_size,
        count=count,
        autoscale=None,
        version="1.35.4",
        power=PowerState.RUNNING,
        state="Succeeded",
    )
    return Cluster(
        ref=ref,
        location=LOCATION,
        version="1.35",
        current_version="1.35.4",
        state="Succeeded",
        power=PowerState.RUNNING,
        pools=(pool,),
        etag="scripted",
    )

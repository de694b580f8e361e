"""What we observe in Azure: clusters, their node pools, their resource groups and the resource provider, as snapshots."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

SETTLED = "Succeeded"
SCALE_SET = "VirtualMachineScaleSets"
TERMINAL_STATES = frozenset({"Succeeded", "Failed", "Canceled"})
"""Provisioning states in which Azure does nothing more by itself."""

_SUBSCRIPTION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_GROUP = re.compile(r"[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)
_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]*)/resourceGroups/(?P<group>[^/]*)/providers/(?P<type>[^/]*/[^/]*)/(?P<name>[^/]*)",
    re.ASCII | re.IGNORECASE,
)
_CLUSTER_TYPE = "microsoft.containerservice/managedclusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRef:
    """Which cluster. ARM ids ignore case, so equality of clusters is equality of `key`."""

    subscription: str
    group: str
    name: str

    @property
    def key(self) -> str:
        """The one spelling under which the cluster is locked and stored."""
        return f"{self.subscription}/{self.group}/{self.name}".casefold()

    @property
    def id(self) -> str:
        """The ARM resource id."""
        return f"{self.group_id}/providers/Microsoft.ContainerService/managedClusters/{self.name}"

    @property
    def group_id(self) -> str:
        """The ARM resource id of the cluster's resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def __str__(self) -> str:
        """The short form people use."""
        return f"{self.group}/{self.name}"

    @classmethod
    def parse(cls, text: str, *, default_subscription: str) -> Self:
        """Read `group/name`, `subscription/group/name` or a full ARM id of a managed cluster.

        Raises ValueError that says what was wrong. Names follow Azure's own rules for resource groups and managed clusters, ASCII only, so
        that no look-alike, encoded slash, `..` or control character passes.
        """
        if text.startswith("/"):
            found = _ID.fullmatch(text)
            if found is None:
                message = (
                    "is not the id of a managed cluster: want /subscriptions/{subscription}/resourceGroups/{group}"
                    "/providers/Microsoft.ContainerService/managedClusters/{name}"
                )
                raise ValueError(message)
            if found["type"].lower() != _CLUSTER_TYPE:
                message = f"is the id of a {_shown(found['type'])}, want a Microsoft.ContainerService/managedClusters"
                raise ValueError(message)
            parts = [found["subscription"], found["group"], found["name"]]
        else:
            parts = text.split("/")
            if len(parts) == 2:
                parts = [default_subscription, *parts]
            if len(parts) != 3:
                message = "has no known form, want resource-group/name, subscription/resource-group/name or a full ARM id"
                raise ValueError(message)
        subscription, group, name = parts
        if not _SUBSCRIPTION.fullmatch(subscription):
            message = f"has subscription {_shown(subscription)}, want a GUID"
            raise ValueError(message)
        if not _GROUP.fullmatch(group) or ".." in group:
            message = (
                f"has resource group {_shown(group)}, want 1 to 90 of A-Z a-z 0-9 _ . ( ) - without '..' and not ending in a full stop"
            )
            raise ValueError(message)
        if not _NAME.fullmatch(name):
            message = f"has cluster name {_shown(name)}, want 1 to 63 of A-Z a-z 0-9 _ - that begin and end with a letter or digit"
            raise ValueError(message)
        return cls(subscription=subscription.lower(), group=group, name=name)


def _shown(text: str) -> str:
    """Somebody's text, safe to print: quoted, escaped and short."""
    return ascii(text[:80])


class PowerState(StrEnum):
    """AKS's `powerState.code`."""

    RUNNING = "Running"
    STOPPED = "Stopped"


class PoolMode(StrEnum):
    """AKS's node pool modes that people choose between."""

    SYSTEM = "System"
    USER = "User"


class OsType(StrEnum):
    """AKS's node pool operating systems."""

    LINUX = "Linux"
    WINDOWS = "Windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The cluster autoscaler's limits of a pool, in nodes, both ends included."""

    min: int
    max: int

    def __str__(self) -> str:
        """The form used in messages."""
        return f"{self.min} to {self.max} nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePool:
    """A node pool as last read.

    `state` is its provisioning state; `autoscale` is None where the autoscaler is off; `type` is what its machines are, a scale set by far
    the most often. `version` is the patch it runs.
    """

    name: str
    mode: PoolMode
    os: OsType
    vm_size: str
    count: int
    autoscale: Range | None
    version: str | None
    power: PowerState
    state: str
    os_disk_gb: int | None = None
    max_pods: int | None = None
    zones: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    type: str = SCALE_SET


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as last read: a snapshot, never a live object.

    AKS shows wanted counts and versions the moment it accepts a PUT, so values prove nothing while `settled` is false. `version` is what
    was asked for (`1.36` or `1.36.4`), `current_version` the patch that the control plane runs. `auto_provisioned`: AKS makes and removes
    its nodes by itself (node auto-provisioning).
    """

    ref: ClusterRef
    location: str
    version: str
    current_version: str | None
    state: str
    power: PowerState
    pools: tuple[NodePool, ...]
    tags: dict[str, str] = field(default_factory=dict)
    tier: str | None = None
    dns_prefix: str | None = None
    fqdn: str | None = None
    etag: str | None = None
    uid: str | None = None
    auto_provisioned: bool = False

    @property
    def settled(self) -> bool:
        """Whether Azure has finished, and well, with the cluster and every pool of it."""
        return self.unsettled is None

    @property
    def busy(self) -> bool:
        """Whether Azure is at work on the cluster or one of its pools."""
        return any(state not in TERMINAL_STATES for state in (self.state, *(pool.state for pool in self.pools)))

    @property
    def unsettled(self) -> str | None:
        """What keeps the cluster from being settled, in words; None if nothing does."""
        if self.state != SETTLED:
            return f"cluster {self.ref.name} is {self.state}, want {SETTLED}"
        for pool in self.pools:
            if pool.state != SETTLED:
                return f"pool {pool.name} is {pool.state}, want {SETTLED}"
        return None

    def pool(self, name: str) -> NodePool | None:
        """The pool of that name, if the cluster has it."""
        return next((pool for pool in self.pools if pool.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Looked for and not there: a cluster or a resource group."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A resource group as last read. `clusters` names the managed clusters in it besides the one asked about, where asked."""

    name: str
    location: str
    state: str
    clusters: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether Azure is at work on it."""
        return self.state not in TERMINAL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A resource provider's registration with a subscription as last read."""

    namespace: str
    state: str


Sight = Cluster | Group | Provider | Absent

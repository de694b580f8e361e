"""What people and systems ask for, independent of the door it came through."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.model.clusters import ClusterRef, OsType, PoolMode, Range


class Door(StrEnum):
    """The way in. Values live on disk."""

    HTTP = "http"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A node pool somebody wants. `count` is the number of nodes to begin with; `autoscale` sets the autoscaler's limits."""

    name: str
    mode: PoolMode
    vm_size: str
    count: int
    os: OsType = OsType.LINUX
    autoscale: Range | None = None
    os_disk_gb: int | None = None
    max_pods: int | None = None
    zones: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a cluster, and its resource group if `create_resource_group`. `version` None leaves the choice to AKS's default."""

    location: str
    pools: tuple[PoolSpec, ...]
    version: str | None = None
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    dns_prefix: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    create_resource_group: bool = False
    action: Literal["create"] = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Set a pool's node count, or its autoscaler's limits."""

    pool: str
    to: int | Range
    action: Literal["scale"] = "scale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a cluster, and its whole resource group if `delete_resource_group`. `confirm` must be the cluster's name."""

    confirm: str
    delete_resource_group: bool = False
    action: Literal["delete"] = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Start a stopped cluster, or one stopped pool of it."""

    pool: str | None = None
    action: Literal["start"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop a cluster, or one User pool of it. AKS keeps what is stopped, and bills no nodes for it."""

    pool: str | None = None
    action: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Move a cluster to another Kubernetes version, one minor on at most: the control plane first, then every pool.

    `version` is a patch (`1.36.4`), a minor (`1.36`: the newest patch that AKS offers of it, or the patch that the control plane runs if it
    is of that minor already), `latest` (the newest that AKS offers and that is no preview), or None: the newest patch of the minor that the
    cluster runs, because nobody undoes an upgrade.
    """

    version: str | None = None
    action: Literal["upgrade"] = "upgrade"


Request = Create | Scale | Delete | Start | Stop | Upgrade

ACTIONS: frozenset[str] = frozenset({"create", "scale", "delete", "start", "stop", "upgrade"})
"""Every action of the request language this version understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked, through which door.

    `caller` is what the door can vouch for; `says` is what the message itself claims and is shown, never trusted. `reply_to` and
    `correlation` say where and under which name a queue's sender wants answers.
    """

    door: Door
    caller: str
    says: str | None = None
    reply_to: str | None = None
    correlation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a door hands to work. `key` is the caller's idempotency key, `digest` the name of the body, so that a key means one body.

    It is not begun before `not_before`, nor after `not_after`.
    """

    request: Request
    cluster: ClusterRef
    origin: Origin
    digest: str
    key: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None

"""What we intend: actions on Azure, as steps of a plan that is complete before its first step runs and never edited."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Literal

from shared.model.clusters import Range
from shared.model.requests import PoolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProvider:
    """Register a resource provider with the cluster's subscription."""

    namespace: str = "Microsoft.ContainerService"
    kind: Literal["register_provider"] = "register_provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeGroup:
    """Make the cluster's resource group."""

    location: str
    kind: Literal["make_group"] = "make_group"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeCluster:
    """Make the cluster with all its pools in one PUT."""

    location: str
    version: str | None
    tier: Literal["Free", "Standard", "Premium"]
    dns_prefix: str
    pools: tuple[PoolSpec, ...]
    tags: dict[str, str] = field(default_factory=dict)
    kind: Literal["make_cluster"] = "make_cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePool:
    """Set one pool's node count, or its autoscaler's limits."""

    pool: str
    to: int | Range
    kind: Literal["scale_pool"] = "scale_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCluster:
    """Start the whole cluster."""

    kind: Literal["start_cluster"] = "start_cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCluster:
    """Stop the whole cluster."""

    kind: Literal["stop_cluster"] = "stop_cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPool:
    """Start one pool of a running cluster."""

    pool: str
    kind: Literal["start_pool"] = "start_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPool:
    """Stop one User pool of a running cluster."""

    pool: str
    kind: Literal["stop_pool"] = "stop_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeControlPlane:
    """Bring the control plane to a version and leave the pools at theirs. `version` is a patch: what could move was pinned in planning."""

    version: str
    kind: Literal["upgrade_control_plane"] = "upgrade_control_plane"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradePool:
    """Bring one pool to a version, node by node, under a control plane that has it already. `version` is a patch."""

    pool: str
    version: str
    kind: Literal["upgrade_pool"] = "upgrade_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveCluster:
    """Delete the cluster."""

    kind: Literal["remove_cluster"] = "remove_cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGroup:
    """Delete the cluster's resource group and all that is in it."""

    kind: Literal["remove_group"] = "remove_group"


PoolAction = ScalePool | StartPool | StopPool | UpgradePool
"""Those that change one pool, by a PUT of that pool."""

Abortable = MakeCluster | StartCluster | StopCluster | UpgradeControlPlane | PoolAction
"""What AKS can abort; it does not take a deletion back."""
ClusterAction = Abortable | RemoveCluster
"""Those that the cluster itself shows the effect of."""

Action = RegisterProvider | MakeGroup | RemoveGroup | ClusterAction
"""All of these are convergent: what they want can be read back, so they may be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action and how long it may take, counted from its first look to its last."""

    name: str
    action: Action
    limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of an operation, in order, and why they are these.

    `uid`: Azure's own name for the cluster that was there when the plan was made; None if none was. One that is deleted and made again has
    the same ARM id and another `uid`, and nobody asked for anything of that one.
    """

    steps: tuple[Step, ...]
    because: str
    uid: str | None = None

    @property
    def digest(self) -> str:
        """A name for exactly this plan: what is approved is the digest, and another plan asks again."""
        text = json.dumps(asdict(self), sort_keys=True, default=str, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

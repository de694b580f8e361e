"""What the world can hold against operations, as plain data: how much there is, how much is allowed, what blocks. No rules here.

Nothing is limited and nothing blocks until it is said. Regions are in ARM's short spelling; `*` means every subscription (each on its
own), or all VM families together.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, TypeAdapter

from local.arm.catalogue import REGIONS


def _known_region(name: str) -> str:
    if name not in REGIONS:
        message = f"'{name}' is no region, want one like centralus"
        raise ValueError(message)
    return name


_Count = Annotated[int, Field(ge=0)]
_Region = Annotated[str, AfterValidator(_known_region)]
_Named = Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]
"""Two names with a slash between them."""

_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a region can run at a time for all who ask: in nodes, in vCPUs, or both (None: no limit)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    region: _Region
    family: str = _ANY
    nodes: _Count | None = None
    vcpus: _Count | None = None

    def __post_init__(self) -> None:
        """Refuse a capacity that says nothing."""
        if self.nodes is None and self.vcpus is None:
            message = "a capacity needs nodes or vcpus"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class VcpuQuota:
    """How many vCPUs of a family a subscription may use in a region."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    region: _Region
    vcpus: _Count
    family: str = _ANY
    subscription: str = _ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterQuota:
    """How many managed clusters a subscription may have in a region."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    region: _Region
    clusters: _Count
    subscription: str = _ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What subscriptions may use."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    vcpus: tuple[VcpuQuota, ...] = ()
    clusters: tuple[ClusterQuota, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdb:
    """A Pod Disruption Budget that lets no pod go: no node of the pool (None: of any pool) can be drained.

    `cluster` is group/name, `name` and `pod` are namespace/name. With `seen_beforehand` AKS finds before it begins that the budget can
    never be met; without, the drain finds it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    cluster: _Named
    name: _Named
    pod: _Named = "default/web-5d8c7f9b6-x2x7k"
    pool: str | None = None
    seen_beforehand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeprecatedApi:
    """A Kubernetes API that a cluster (group/name) uses and that is gone from the minor `removed_in` on, such as 1.37.

    `seen_at` is when it was used last; None: all the time.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    cluster: _Named
    api: Annotated[str, Field(min_length=1)]
    removed_in: Annotated[str, Field(pattern=r"^1\.\d{1,3}$")]
    seen_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacles:
    """All of it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    capacity: tuple[Capacity, ...] = ()
    quotas: Quotas = Quotas()
    pdbs: tuple[Pdb, ...] = ()
    deprecated_apis: tuple[DeprecatedApi, ...] = ()


def read_obstacles(document: bytes) -> Obstacles:
    """Obstacles from JSON. Raises ValueError for anything else, with what was wanted where."""
    return FORMAT.validate_json(document)


FORMAT = TypeAdapter(Obstacles)

"""What the world remembers: providers, groups, clusters and operations, as plain data that a JSON file can hold. No rules here."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from local.arm.obstacles import Obstacles
from local.arm.wire import Json

Ended = Literal["Succeeded", "Failed", "Canceled"]


def key(*names: str) -> str:
    """One key for a resource however its id was spelled: ARM ids ignore case."""
    return "/".join(names).casefold()


@dataclass(slots=True, kw_only=True)
class Provider:
    """A resource provider of one subscription; it is Registered from `ready_at` on."""

    namespace: str
    state: Literal["NotRegistered", "Registering", "Registered"]
    ready_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Group:
    """A resource group; while it is being deleted, `gone_at` says when that ends and `job` names the deletion."""

    subscription: str
    name: str
    location: str
    tags: Json | None = None
    properties: Json = field(default_factory=dict)
    gone_at: datetime | None = None
    job: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """What really runs in a pool, whatever its profile shows: so many nodes, the version they are to have, its patch, and their image."""

    count: int
    version: str
    patch: str
    image: str


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A managed cluster: `body` is its ARM document without the pools, `pools` their profiles by name in order of making.

    `operation` is the cluster's own operation in flight, `pool_operations` those of single pools, by pool name; `latest` is the newest
    operation of either, ended or not. `stopped_at` is when its last stop began. `asleep` and `pools_asleep` are the node counts, by pool
    name, that come back when the cluster, or that pool alone, is started. `maintenance` holds its maintenance configurations by name.
    `nodes` is what really runs, by pool name; a pool that never had nodes is not in it.
    """

    subscription: str
    group: str
    name: str
    body: Json
    pools: dict[str, Json]
    operation: str | None = None
    pool_operations: dict[str, str] = field(default_factory=dict)
    latest: str | None = None
    stopped_at: datetime | None = None
    asleep: dict[str, int] = field(default_factory=dict)
    pools_asleep: dict[str, int] = field(default_factory=dict)
    maintenance: dict[str, Json] = field(default_factory=dict)
    nodes: dict[str, Nodes] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its key in the state."""
        return key(self.subscription, self.group, self.name)

    @property
    def location(self) -> str:
        """Its region, in ARM's short spelling."""
        return str(self.body["location"])

    @property
    def state(self) -> str:
        """Its provisioning state."""
        return str(self.body["properties"]["provisioningState"])

    @property
    def power(self) -> str:
        """Running or Stopped: what was last wanted, long before it is true."""
        return str(self.body["properties"]["powerState"]["code"])


@dataclass(slots=True, kw_only=True)
class LongOperation:
    """One long-running operation; with `ends_at` None it never ends, with `lost` its status URL answers 404.

    `asked_by` is the number of the request that started it; `note` is an error that AKS shows although nothing failed. An abort knows in
    `aborts` which operation it ends, and that one in `aborted_by` which abort will end it. `swapped` is for clients of before 2024.
    `reached` is set where circumstances make it fail: the pools whose nodes will be as wanted all the same.
    """

    id: str
    resource: Literal["cluster", "pool"]
    verb: str
    asked_by: int
    subscription: str
    location: str
    cluster: str
    pool: str | None
    nodes: int
    progress: bool
    started_at: datetime
    ends_at: datetime | None
    outcome: Ended
    error: Json | None = None
    note: Json | None = None
    lost: bool = False
    ended_at: datetime | None = None
    aborts: str | None = None
    aborted_by: str | None = None
    swapped: bool = False
    reached: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class Command:
    """A command that was run in a cluster: its result is there from `ends_at` on, and forgotten at `gone_at`."""

    id: str
    cluster: str
    started_at: datetime
    ends_at: datetime
    gone_at: datetime
    exit_code: int
    logs: str


@dataclass(slots=True, kw_only=True)
class State:
    """All that must outlive a restart; `draws` counts the dice thrown by stream, `requests` the requests asked."""

    providers: dict[str, Provider] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    jobs: dict[str, datetime] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    deleted: dict[str, datetime] = field(default_factory=dict)
    operations: dict[str, LongOperation] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    obstacles: Obstacles = field(default_factory=Obstacles)
    draws: dict[str, int] = field(default_factory=dict)
    requests: int = 0

    def running(self) -> list[LongOperation]:
        """The operations that have not ended, oldest first."""
        return [operation for operation in self.operations.values() if operation.ended_at is None]

    def clusters_in(self, subscription: str, group: str | None = None) -> list[Cluster]:
        """The clusters of a subscription, or of one of its groups, in order of making."""
        prefix = key(subscription, "") if group is None else key(subscription, group, "")
        return [cluster for cluster in self.clusters.values() if cluster.key.startswith(prefix)]

    def save(self, file: Path) -> None:
        """Write the file in one step: a reader, or a restart after a kill, sees the old state or the new one, never half of it."""
        draft = file.with_name(file.name + ".new")
        draft.write_bytes(_FORMAT.dump_json(self))
        draft.replace(file)

    @staticmethod
    def load(file: Path) -> "State":
        """Read what `save` wrote; a new world if there is no such file."""
        return _FORMAT.validate_json(file.read_bytes()) if file.exists() else State()


_FORMAT = TypeAdapter(State)

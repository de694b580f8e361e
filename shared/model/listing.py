"""Lists of operations: what to list, what a list shows of each, and where to go on."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.clusters import ClusterRef
from shared.model.errors import Code
from shared.model.operations import Status
from shared.model.requests import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list shows of an operation."""

    id: str
    cluster: ClusterRef
    action: str
    door: Door
    status: Status
    created_at: datetime
    updated_at: datetime
    because: str | None = None
    code: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some operations, newest first within each source, and where to go on."""

    items: tuple[Summary, ...]
    continuation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to list. Instants bound `created_at` where a cluster is given, and the day an operation ended otherwise."""

    cluster: ClusterRef | None = None
    statuses: frozenset[Status] = frozenset()
    actions: frozenset[str] = frozenset()
    doors: frozenset[Door] = frozenset()
    since: datetime
    until: datetime
    top: int = 50
    continuation: str | None = None

"""Lists of operations: what to list, what a list shows of each, and where to go on."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.clusters import ClusterRef
from shared.model.errors import Code
from shared.model.operations import Status
from shared.model.requests import Door


class BadContinuation(ValueError):  # noqa: N818 - says what it is
    """A continuation token that is none of this list's."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("not a continuation token of this list")


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
    """What to list. Instants bound when a cluster's operations were made; without a cluster, when they ended, beside all open ones."""

    cluster: ClusterRef | None = None
    statuses: frozenset[Status] = frozenset()
    actions: frozenset[str] = frozenset()
    doors: frozenset[Door] = frozenset()
    since: datetime
    until: datetime
    top: int = 50
    continuation: str | None = None

"""What is written down of a simulated run while it goes on; the invariants are read from it afterwards."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.arm.records import LongOperation
from local.memory import MemoryOperations
from shared.model.operations import Operation
from shared.model.plans import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request of ours that would change something in Azure, and what the store said of its operation at that moment.

    `n`: its number in the simulated Azure. `guard`: the etag it insists on. `in_flight`: the number of the request whose operation ran on
    the cluster then. `others`: how often somebody else had changed the cluster by then. `jumped`: its worker's clock was set meanwhile.
    `claim`: the operation and the step that its worker claimed. `slept`: its worker slept just before it. `looked`: how many requests the
    simulated Azure had had when its worker looked last.
    """

    n: int
    at: datetime
    turn: int
    cluster: str
    action: Action | None
    method: str
    path: str
    digest: str
    guard: str | None
    applied: bool
    in_flight: int | None
    others: int
    jumped: bool
    slept: bool
    looked: int
    claim: tuple[Operation, int] | None
    current: Operation | None

    @property
    def step(self) -> tuple[str, int]:
        """The step that it is of."""
        return ("", 0) if self.claim is None else (self.claim[0].id, self.claim[1])

    @property
    def claimed(self) -> bool:
        """Whether something of its step may still be under way by what the store holds, be it by another claim."""
        if self.current is None or self.claim is None or self.step != (self.current.id, self.current.cursor):
            return False
        return self.current.under_way

    @property
    def aborts(self) -> bool:
        """Whether it asks AKS to abort."""
        return self.path.lower().endswith("/abort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """All acting was paused at `since`, and until when."""

    since: datetime
    until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Record:
    """All that was seen of a run.

    `accepted`: operations as first saved. `asked`: every request to Azure, its instant and cluster. `calls`: outside calls by the number of
    their turn. `live`: what `Stage.chains` found wrong while nothing was at work. `took`: from accepted to ended, in true time.
    `pauses`: from an answer that all acting is paused until somebody begins to unpause it; `stood`: the same by the row, whoever heard.
    """

    store: MemoryOperations
    accepted: dict[str, Operation] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    saves: list[Operation] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    asked: list[tuple[datetime, str]] = field(default_factory=list)
    tried: list[tuple[int, str, int | None]] = field(default_factory=list)
    calls: Counter[int] = field(default_factory=Counter)
    transactions: int = 0
    throttled: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    crashes: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    replies: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    pauses: list[Paused] = field(default_factory=list)
    stood: list[Paused] = field(default_factory=list)
    took: dict[str, timedelta] = field(default_factory=dict)
    long: list[LongOperation] = field(default_factory=list)
    untouched: frozenset[str] = frozenset()
    rested: bool = True

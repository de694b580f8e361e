"""Counting what faults cost: storage transactions and Azure calls of a three-step operation when none, one or two calls to Azure go wrong.

The faults are given by the number of the call. Counts are exact; no time is taken here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.bench.costs import Case, CountedStorage
from local.bench.scripted import ScriptedClusters
from shared.model.clusters import ClusterRef, Sight
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import Action
from shared.model.requests import Create

CASE = Case(polls=(3, 3, 4))
AWAY = Failure(code=Code.UNREACHABLE, message="no answer", transient=True)


class FaultyClusters(ScriptedClusters):
    """The scripted Azure, counting its calls: it does not take the mutations, and does not answer the polls, whose numbers are given."""

    def __init__(self, *, attempts: frozenset[int], polls: frozenset[int]) -> None:
        """Fail the mutations and the polls of these numbers, counted from 1."""
        super().__init__(CASE.polls, request=Create)
        self._failing: Mapping[str, frozenset[int]] = {"attempt": attempts, "poll": polls}
        self.made = {"look": 0, "attempt": 0, "poll": 0}

    def look(self, ref: ClusterRef, action: Action) -> Sight:
        """Count, and look."""
        self._count("look")
        return super().look(ref, action)

    def attempt(self, ref: ClusterRef, action: Action, sight: Sight) -> Handle:
        """Count, and call unless it is to fail."""
        self._count("attempt")
        return super().attempt(ref, action, sight)

    def poll(self, handle: Handle) -> StillRunning | Answered:
        """Count, and ask unless it is to fail."""
        self._count("poll")
        return super().poll(handle)

    def _count(self, call: str) -> None:
        self.made[call] += 1
        if self.made[call] in self._failing.get(call, ()):
            raise CallFailed(AWAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which calls go wrong, and what the operation may take then."""

    what: str
    attempts: frozenset[int] = field(default_factory=frozenset)
    polls: frozenset[int] = field(default_factory=frozenset)
    transactions: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What an operation took until it had succeeded. `calls` are looks, mutations and polls; what it was planned from is not among them."""

    transactions: int
    calls: int
    attempts: int


CASES = (
    Faults(what="no fault", transactions=61, calls=19),
    Faults(what="one fault: a poll is not answered", polls=frozenset({2}), transactions=65, calls=20),
    Faults(what="one fault: a mutation is not taken", attempts=frozenset({2}), transactions=69, calls=21),
    Faults(what="two faults: one of each", attempts=frozenset({2}), polls=frozenset({2}), transactions=73, calls=22),
)
"""A poll that is not answered costs one more unchanged poll: 4 transactions, 1 call. A mutation that is not taken costs one more beginning
of its step: 8 transactions, 2 calls, for it looks before it acts."""


def counted(connection: str, faults: Faults) -> Counted:
    """One operation under these faults, from its acceptance to its end; raises `RuntimeError` if it does not succeed."""
    clusters = FaultyClusters(attempts=faults.attempts, polls=faults.polls)
    transactions = CountedStorage(connection, CASE, clusters=clusters).run()
    return Counted(transactions=transactions, calls=sum(clusters.made.values()), attempts=clusters.made["attempt"])

"""Bugs planted on purpose: ports that are wrong in one way each. The simulation must catch every one."""

from dataclasses import replace
from typing import Any

from shared.model.clusters import Cluster
from shared.model.errors import CallFailed, Stale
from shared.model.operations import Settling, Starting
from shared.model.plans import ScalePool
from shared.ports import Stored
from tests.simulation.trouble import Flaw


class Wrapped:
    """A port as it is; subclasses spoil it."""

    def __init__(self, port: Any) -> None:
        """Spoil `port`."""
        self._port = port

    def __getattr__(self, name: str) -> Any:
        """What is not spoilt."""
        return getattr(self._port, name)


class NoFence(Wrapped):
    """Saves over whatever somebody else saved: neither the head's etag nor the number of the save, which fences as well, is minded."""

    def commit(self, before: Any, after: Any, changes: Any) -> Any:
        """As if nobody else had saved."""
        changes = tuple(changes)
        try:
            return self._port.commit(before, after, changes)
        except Stale:
            stored = self._port.head(changes[0].operation.partition)
            for change in changes:
                self._port.events.get(change.operation.id, {}).pop(change.event.n, None)
            return self._port.commit(stored, after, changes)


class KeptLease(Wrapped):
    """Leaves the head of an ended operation where it is."""

    def commit(self, before: Any, after: Any, changes: Any) -> Any:
        """Keep the head."""
        changes = tuple(changes)
        ended = before is not None and after is None
        return self._port.commit(before, replace(before.head, current=changes[0].operation) if ended else after, changes)


class NoOpenRow(Wrapped):
    """Forgets the row in `open`."""

    def intend(self, operation: Any) -> None:
        """Write nothing."""


class ClaimedIsSent(Wrapped):
    """Takes what was claimed for sent."""

    def head(self, partition: str) -> Any:
        """Read a claim as a call that was answered."""
        stored: Stored | None = self._port.head(partition)
        if stored is None:
            return None
        current = stored.head.current
        states = tuple(
            Settling(since=state.since, tries=state.tries, answered_at=state.claimed_at) if isinstance(state, Starting) else state
            for state in current.states
        )
        return replace(stored, head=replace(stored.head, current=replace(current, states=states)))


class NoReadBack(Wrapped):
    """Sees the goal wherever it looks."""

    def look(self, ref: Any, action: Any) -> Any:
        """The cluster with the pool as it is wanted."""
        seen = self._port.look(ref, action)
        if isinstance(action, ScalePool) and isinstance(action.to, int) and isinstance(seen, Cluster):
            wanted = action.to
            pools = tuple(replace(pool, count=wanted) if pool.name == action.pool else pool for pool in seen.pools)
            return replace(seen, pools=pools)
        return seen


class SentAgain(Wrapped):
    """Repeats a call whose answer was lost, as clients do that retry by themselves.

    Every action there is can be read back and may be sent again after a look; what may be sent but once is to come. Until then this stands
    for it: nothing is sent again by whoever has not looked.
    """

    def attempt(self, ref: Any, action: Any, sight: Any) -> Any:
        """Once more where no answer came."""
        try:
            return self._port.attempt(ref, action, sight)
        except CallFailed as failed:
            if not failed.failure.unsure:
                raise
            return self._port.attempt(ref, action, sight)


PLANTED = {
    "the fence dropped": Flaw(operations=NoFence),
    "claimed taken for sent": Flaw(operations=ClaimedIsSent),
    "no sweep": Flaw(sweeps=False),
    "no read-back": Flaw(clusters=NoReadBack),
    "the lease not released": Flaw(operations=KeptLease),
    "the open row forgotten": Flaw(operations=NoOpenRow),
    "a once-action sent again": Flaw(clusters=SentAgain),
}

"""What Azure and others do of their own accord in a random run: real refusals, bad ends, shortages, somebody else at the same cluster."""

import contextlib
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from local.arm.faults import Answer, Effect, Fault, LostAnswer, Outcome, Reset, Silence
from local.arm.obstacles import Capacity, Obstacles, Quotas, VcpuQuota
from shared.model.clusters import Absent, Cluster, ClusterRef, PoolMode
from shared.model.errors import CallFailed
from shared.model.plans import Action, MakeCluster, MakeGroup, RemoveCluster, ScalePool, StartCluster, StopCluster
from tests.builders import a_spec
from tests.worldly import clusters_of

if TYPE_CHECKING:
    from tests.simulation.stage import Stage

LIMITED = (
    Answer(status=429, code="OperationNotAllowed", headers={"retry-after": "7"}),
    Answer(status=429, code="TooManyRequests", shape="gateway", headers={"retry-after": "86400"}),
    Answer(status=429, code="TooManyRequests", retry_date=90),
    Answer(status=429, code="TooManyRequests", retry_date=-90),
    Answer(status=429, code="TooManyRequests"),
)
AWAY = (
    Answer(status=503, code="ServiceUnavailable"),
    Answer(status=500, code="InternalServerError"),
    Answer(status=504, shape="empty"),
    Reset(),
    LostAnswer(),
    Silence(),
    Silence(applied=True),
)
REFUSED = (
    Answer(status=412, code="PreconditionFailed", message="The etag does not match."),
    Answer(status=409, code="OperationNotAllowed", message="Another operation is in progress."),
    Answer(status=403, code="AuthorizationFailed", shape="gateway", message="The client does not have authorization."),
    Answer(status=404, code="NotFound"),
)
ENDINGS = (
    Outcome(ends="Failed"),
    Outcome(ends="Failed", code="CreateVMSSAgentPoolFailed"),
    Outcome(ends="Failed", code="NobodyKnows"),
    Outcome(ends="Failed", code="QuotaExceeded"),
    Outcome(ends="Canceled"),
    Outcome(ends="never"),
    Outcome(ends="Succeeded", lost=True),
    Outcome(ends="Failed", lost=True),
)
SHORTAGES = (
    Obstacles(capacity=(Capacity(region="westeurope", nodes=5),)),
    Obstacles(quotas=Quotas(vcpus=(VcpuQuota(region="westeurope", vcpus=12),))),
)


class Others:
    """Azure, and those who share it."""

    def __init__(self, stage: "Stage", chance: random.Random, refs: Sequence[ClusterRef], *, until: datetime) -> None:
        """Act on some clusters, until the calm."""
        self._stage, self._chance, self._refs, self._until = stage, chance, refs, until

    def act(self) -> None:
        """Something happens that is not ours."""
        ref = self._chance.choice(self._refs)
        kind = self._chance.choice(("limit", "away", "refuse", "end", "end", "short", "change", "change", "abort", "power", "exist"))
        match kind:
            case "limit":
                self._script(ref, LIMITED, "*", times=self._chance.randint(1, 6))
            case "away":
                self._script(ref, AWAY, "*", times=self._chance.randint(1, 3))
            case "refuse":
                self._script(ref, REFUSED, self._chance.choice(("PUT", "POST", "GET")))
            case "end":
                self._script(ref, ENDINGS, self._chance.choice(("PUT", "PUT", "POST", "DELETE")))
            case "short":
                self._stage.world.state.obstacles = self._chance.choice((*SHORTAGES, Obstacles()))
            case "abort":
                self._abort(ref)
            case _:
                self._do(ref, kind)
        self._stage.met["Azure and others", kind] += 1

    def leave(self) -> None:
        """The calm: nothing more goes wrong, and nothing is short."""
        self._stage.world.faults.clear()
        self._stage.world.state.obstacles = Obstacles()

    def _script(self, ref: ClusterRef, effects: Sequence[Effect], method: str, *, times: int = 1) -> None:
        effect = self._chance.choice(effects)
        path = f"/{ref.name}(/|$)"
        self._stage.world.faults.add(Fault(method=method, path=path, effect=effect, times=times, ends_at=self._until))

    def _do(self, ref: ClusterRef, kind: str) -> None:
        there = clusters_of(self._stage.world)
        try:
            found = there.cluster(ref)
        except CallFailed:
            return
        actions: list[Action]
        if isinstance(found, Absent):
            pools = (a_spec(), a_spec("user", mode=PoolMode.USER, count=2))
            actions = [MakeGroup(location="westeurope"), MakeCluster(
                location="westeurope", version=None, tier="Free", dns_prefix="other", pools=pools)]  # fmt: skip
        elif kind == "exist":
            actions = [RemoveCluster()] if self._chance.random() < 0.2 else []
        elif kind == "power":
            actions = [self._chance.choice((StopCluster(), StartCluster()))]
        else:
            actions = [ScalePool(pool=self._chance.choice(("system", "user")), to=self._chance.randint(1, 4))]
        for action in actions:
            self._changed(ref, lambda action=action: there.attempt(ref, action, there.look(ref, action)))  # type: ignore[misc]

    def _abort(self, ref: ClusterRef) -> None:
        there = clusters_of(self._stage.world)
        found = there.cluster(ref) if not self._stage.world.faults.listing() else None
        if isinstance(found, Cluster):
            self._changed(ref, lambda: there.abort(ref, StopCluster()))

    def _changed(self, ref: ClusterRef, call: Callable[[], object]) -> None:
        """Make somebody else's call, and count it if it changed something."""
        mark = len(self._stage.world.witness.entries)
        with contextlib.suppress(CallFailed):
            call()
        if any(entry.applied for entry in self._stage.world.witness.entries[mark:]):
            self._stage.others[ref.key] += 1

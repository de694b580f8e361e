"""What planning looks at, and the answer that nothing is to be done."""

from dataclasses import dataclass

from shared.model.clusters import Absent, Cluster, Group
from shared.model.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen before planning. `group` is None where the request does not need it."""

    cluster: Cluster | Absent
    group: Group | Absent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadySo:
    """The goal holds already: the plan that would have reached it, whose steps are born done."""

    plan: Plan

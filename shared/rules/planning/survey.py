"""What planning looks at, what every request to an existing cluster wants of it, and the answer that nothing is to be done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.model.clusters import Absent, Cluster, ClusterRef, Group, NodePool
from shared.model.errors import Code, Fault, Refusal
from shared.model.plans import Plan

if TYPE_CHECKING:
    from shared.model.versions import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen before planning. `group` and `offer` are None where the request does not need them."""

    cluster: Cluster | Absent
    group: Group | Absent | None = None
    offer: "Offer | Absent | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadySo:
    """The goal holds already: the plan that would have reached it, whose steps are born done."""

    plan: Plan


def existing(ref: ClusterRef, survey: Survey) -> Cluster | Refusal:
    """The cluster that was seen, if something can be asked of it."""
    if isinstance(survey.cluster, Absent):
        return Refusal(code=Code.NOT_FOUND, message=f"cluster {ref} does not exist")
    if survey.cluster.state == "Deleting":
        return impossible(f"cluster {ref} is being deleted")
    return survey.cluster


def existing_pool(cluster: Cluster, name: str) -> NodePool | Refusal:
    """The cluster's pool of that name, or a refusal that says which it has."""
    pool = cluster.pool(name)
    if pool is not None:
        return pool
    names = ", ".join(pool.name for pool in cluster.pools) or "none"
    message = f"cluster {cluster.ref} has no pool {name[:60]!a}; its pools are: {names}"
    return impossible(message, "/pool")


def impossible(message: str, pointer: str | None = None) -> Refusal:
    """The refusal of what cannot be as things stand, and the field that asks for it, where one does."""
    faults = () if pointer is None else (Fault(pointer=pointer, message=message),)
    return Refusal(code=Code.IMPOSSIBLE, message=message, faults=faults)

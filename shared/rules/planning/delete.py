"""Planning of deletions, guarded by the cluster's own name."""

from datetime import timedelta

from shared.model.clusters import Absent, ClusterRef, Group
from shared.model.errors import Code, Fault, Refusal
from shared.model.plans import Plan, RemoveCluster, RemoveGroup, Step
from shared.model.requests import Delete
from shared.rules.planning.survey import AlreadySo, Survey

DELETE_LIMIT = timedelta(hours=1)
"""The slowest of 30 recorded deletions took 18 minutes."""


def plan_delete(request: Delete, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """Cluster removed, then its group if asked. Refused unless `confirm` is the cluster's name, to the letter."""
    if request.confirm != ref.name:
        message = f"confirm is {request.confirm[:80]!a}, want the name of the cluster to be deleted: {ref.name!a}"
        return Refusal(code=Code.IMPOSSIBLE, message=message, faults=(Fault(pointer="/confirm", message=message),), final=True)
    steps = [Step(name=f"delete cluster {ref.name}", action=RemoveCluster(), limit=DELETE_LIMIT)]
    if request.delete_resource_group:
        steps.append(Step(name=f"delete resource group {ref.group}", action=RemoveGroup(), limit=DELETE_LIMIT))
    others = survey.group.clusters if isinstance(survey.group, Group) else ()
    if others:
        # Nobody confirmed them by name, and the caller may have no leave to touch them.
        message = (
            f"resource group {ref.group} holds {', '.join(others)} besides {ref.name}, and would take them along; "
            f"delete those first, or only the cluster"
        )
        return Refusal(code=Code.IMPOSSIBLE, message=message, faults=(Fault(pointer="/delete_resource_group", message=message),))
    plan = Plan(steps=tuple(steps), because=f"deletion of {ref} was confirmed by name")
    gone = isinstance(survey.cluster, Absent) and (not request.delete_resource_group or isinstance(survey.group, Absent))
    return AlreadySo(plan=plan) if gone else plan

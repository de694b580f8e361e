"""Planning of deletions, guarded by the cluster's own name."""

from datetime import timedelta

from shared.model.clusters import Absent, ClusterRef
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
    plan = Plan(steps=tuple(steps), because=f"deletion of {ref} was confirmed by name")
    if isinstance(survey.cluster, Absent) and not request.delete_resource_group:
        return AlreadySo(plan=plan)
    return plan

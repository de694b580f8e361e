"""From a request and what was seen of the cluster to a plan, or to a refusal that says what would be possible.

One module for a family of actions; this page only picks the module, and loads it when its action is first asked for. Must not call out:
what a plan needs to know is in the `Survey`.
"""

from dataclasses import replace
from typing import assert_never

from shared.model.clusters import Cluster, ClusterRef
from shared.model.errors import Refusal
from shared.model.plans import Plan
from shared.model.requests import Create, Delete, Request, Scale, Start, Stop, Upgrade
from shared.rules.planning.survey import AlreadySo, Survey

__all__ = ["AlreadySo", "Survey", "needs_contents", "needs_group", "needs_offer", "plan"]


def plan(request: Request, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    """The plan for the request as things stand, `AlreadySo` if its goal holds, or why there can be none."""
    drawn = _drawn(request, ref, survey)
    return replace(drawn, uid=survey.cluster.uid) if isinstance(drawn, Plan) and isinstance(survey.cluster, Cluster) else drawn


def _drawn(request: Request, ref: ClusterRef, survey: Survey) -> Plan | AlreadySo | Refusal:
    match request:
        case Create():
            from shared.rules.planning.create import plan_create

            return plan_create(request, ref, survey)
        case Scale():
            from shared.rules.planning.scale import plan_scale

            return plan_scale(request, ref, survey)
        case Delete():
            from shared.rules.planning.delete import plan_delete

            return plan_delete(request, ref, survey)
        case Start() | Stop():
            from shared.rules.planning.power import plan_power

            return plan_power(request, ref, survey)
        case Upgrade():
            from shared.rules.planning.upgrade import plan_upgrade

            return plan_upgrade(request, ref, survey)
        case _:
            assert_never(request)


def needs_group(request: Request) -> bool:
    """Whether planning this request needs a look at the resource group."""
    return isinstance(request, Create) or needs_contents(request)


def needs_contents(request: Request) -> bool:
    """Whether planning this request needs to know which clusters are in the resource group."""
    return isinstance(request, Delete) and request.delete_resource_group


def needs_offer(request: Request) -> bool:
    """Whether planning this request needs to know which versions AKS offers the cluster."""
    return isinstance(request, Upgrade)

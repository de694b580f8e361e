"""Looking at what planning needs to know. Must not decide what the look means."""

from shared.model.clusters import ClusterRef
from shared.model.requests import Request
from shared.ports import Clusters
from shared.rules.planning import Survey, needs_contents, needs_group, needs_offer


def survey(clusters: Clusters, ref: ClusterRef, request: Request) -> Survey:
    """One read of the cluster, and one or two more where the request needs its group or what AKS offers it. Raises `CallFailed`."""
    group = clusters.group(ref, contents=needs_contents(request)) if needs_group(request) else None
    offer = clusters.offer(ref) if needs_offer(request) else None
    return Survey(cluster=clusters.cluster(ref), group=group, offer=offer)

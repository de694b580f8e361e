"""May this caller do this to this cluster? Pure judgement over grants; must not know where grants are kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from shared.model.clusters import ClusterRef
from shared.model.errors import Code, Refusal
from shared.model.grants import READ, Grant
from shared.model.requests import Origin, Submission

FARTHEST = timedelta(days=366)
"""How far ahead a request may begin."""


def may(grants: Iterable[Grant], origin: Origin, action: str, cluster: ClusterRef) -> bool:
    """Whether any grant lets the caller do `action` to the cluster."""
    return any(_admits(grant, origin, action) and _matches(grant.clusters, cluster.key) for grant in grants)


def reads_any(grants: Iterable[Grant], origin: Origin) -> bool:
    """Whether there is any cluster, wherever, that the caller may read."""
    return any(_admits(grant, origin, READ) for grant in grants)


def may_everywhere(grants: Iterable[Grant], origin: Origin, action: str) -> bool:
    """Whether a grant lets the caller do `action` whatever the cluster: one grant whose clusters are `*`."""
    return any(_admits(grant, origin, action) and "*" in grant.clusters for grant in grants)


def refused(grants: Iterable[Grant], origin: Origin, action: str, cluster: ClusterRef, *, subscriptions: frozenset[str]) -> Refusal | None:
    """Why the caller may not; None if it may. A cluster that the caller may not see is answered as one that is not there."""
    grants = tuple(grants)
    if cluster.subscription not in subscriptions or not may(grants, origin, READ, cluster):
        return Refusal(
            code=Code.NOT_FOUND,
            message=f"no cluster {cluster} in subscription {cluster.subscription}, or none that {origin.caller} may see through this door",
        )
    if not may(grants, origin, action, cluster):
        return Refusal(
            code=Code.FORBIDDEN,
            message=f"{origin.caller} may not {action} {cluster} through the {origin.door} door; "
            f"the setting TIDEKEEPER_GRANTS says who may do what",
        )
    return None


def _admits(grant: Grant, origin: Origin, action: str) -> bool:
    """Whether a grant lets the caller do the action to the clusters that it is about."""
    return _matches(grant.actions, action) and _matches(grant.doors, origin.door) and _matches(grant.callers, origin.caller.casefold())


def _matches(patterns: frozenset[str], text: str) -> bool:
    return any(fnmatchcase(text, pattern.casefold()) for pattern in patterns)


def untimely(submission: Submission, now: datetime) -> Refusal | None:
    """Why what is asked for can never begin, or begins too far ahead, if so."""
    first, last = submission.not_before, submission.not_after
    if last is not None and last <= now:
        message = f"not_after is {last:%Y-%m-%dT%H:%M:%SZ}, and it is {now:%Y-%m-%dT%H:%M:%SZ} already; send the request with a later one"
        return Refusal(code=Code.IMPOSSIBLE, message=message, final=True)
    if first is not None and first > now + FARTHEST:
        message = f"not_before is {first:%Y-%m-%dT%H:%M:%SZ}, more than {FARTHEST.days} days ahead; want a nearer one"
        return Refusal(code=Code.IMPOSSIBLE, message=message, final=True)
    return None

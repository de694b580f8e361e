"""AKS and the parts of ARM around it, by wire. Reads are one plain request each; writes to AKS go through its SDK, once, without polling.

The status URL of a long-running call is kept verbatim and checked before every use: it is fetched with our bearer token, and whoever could
write our storage could otherwise send that token anywhere.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, assert_never
from urllib.parse import quote, urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.rest import HttpRequest, HttpResponse

from shared.adapters import arm_json, azure_errors
from shared.adapters.clients import Arm
from shared.log import warning
from shared.model.clusters import Absent, Cluster, ClusterRef, Group, NodePool, PowerState, Range, Sight
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import (
    Abortable,
    Action,
    ClusterAction,
    MakeCluster,
    MakeGroup,
    PoolAction,
    RegisterProvider,
    RemoveCluster,
    RemoveGroup,
    ScalePool,
    StartCluster,
    StartPool,
    StopCluster,
    StopPool,
    UpgradeControlPlane,
    UpgradePool,
)

if TYPE_CHECKING:
    from azure.mgmt.containerservice.operations import ManagedClustersOperations

    from shared.model.versions import Offer, Offered

AKS_API = "2026-08-01"
RESOURCES_API = "2021-04-01"
NOT_FOUND, GONE, ACCEPTED, LEAST_REDIRECT = 404, 410, 202, 300
MOST_PAGES = 200
_T = TypeVar("_T")
_ENDED_BADLY = frozenset({"failed", "canceled", "cancelled"})


class ArmClusters:
    """The `Clusters` port on ARM."""

    def __init__(self, arm: Arm, *, endpoint: str) -> None:
        """Use the clients of `arm`; `endpoint` is the only host that handles may name."""
        self._arm = arm
        self._base = endpoint
        self._endpoint = urlsplit(endpoint)

    def cluster(self, ref: ClusterRef) -> Cluster | Absent:
        """The cluster now."""
        document = self._read(_path(ref.id), AKS_API)
        return Absent(what=f"cluster {ref}") if document is None else _understood(lambda: arm_json.cluster_of(document, ref))

    def clusters(self, subscription: str) -> tuple[Cluster, ...]:
        """Every cluster of a subscription."""
        return self._listed(f"/subscriptions/{quote(subscription)}")

    def _listed(self, scope: str) -> tuple[Cluster, ...]:
        """Every cluster of a subscription or group. Further pages are followed on the ARM host only."""
        found: list[Cluster] = []
        url = f"{scope}/providers/Microsoft.ContainerService/managedClusters?api-version={AKS_API}"
        for _ in range(MOST_PAGES):
            document = _json(self._send("GET", url, mutation=False))
            found += [_understood(partial(arm_json.cluster_of, item)) for item in document.get("value") or ()]
            url = document.get("nextLink") or ""
            if not url:
                return tuple(found)
            self._check(url)
        message = f"Azure's list of clusters has more than {MOST_PAGES} pages"
        raise CallFailed(Failure(code=Code.AZURE_FAULT, message=message, transient=True))

    def group(self, ref: ClusterRef, *, contents: bool = False) -> Group | Absent:
        """The cluster's resource group now. One that is being deleted takes its clusters along, so they are not asked for."""
        document = self._read(_path(ref.group_id), RESOURCES_API)
        if document is None:
            return Absent(what=f"resource group {ref.group}")
        group = arm_json.group_of(document)
        if not contents or group.busy:
            return group
        return replace(group, clusters=tuple(name for name in self._names(ref) if name.casefold() != ref.name.casefold()))

    def _emptied(self, ref: ClusterRef) -> Group | Absent:
        """The group that is to go, with every cluster in it: its own is gone by then, and one that was made since under that name counts.

        A list may lag behind a deletion, so one of that name is asked for itself.
        """
        group = self.group(ref)
        if isinstance(group, Absent) or group.busy:
            return group
        names = self._names(ref)
        others = tuple(name for name in names if name.casefold() != ref.name.casefold())
        made_since = len(others) < len(names) and isinstance(self.cluster(ref), Cluster)
        return replace(group, clusters=(*others, ref.name) if made_since else others)

    def _names(self, ref: ClusterRef) -> list[str]:
        return [cluster.ref.name for cluster in self._listed(_path(ref.group_id))]

    def look(self, ref: ClusterRef, action: Action) -> Sight:
        """What the action is about."""
        if isinstance(action, ClusterAction):
            return self.cluster(ref)
        match action:
            case RegisterProvider(namespace=namespace):
                document = self._read(_provider_path(ref, namespace), RESOURCES_API)
                return arm_json.provider_of(document or {"namespace": namespace, "registrationState": "NotRegistered"})
            case MakeGroup():
                return self.group(ref)
            case RemoveGroup():
                return self._emptied(ref)
            case _:
                assert_never(action)

    def offer(self, ref: ClusterRef) -> "Offer | Absent":
        """What AKS would let the cluster's control plane move to."""
        from shared.adapters import arm_versions

        document = self._read(f"{_path(ref.id)}/upgradeProfiles/default", AKS_API)
        return Absent(what=f"cluster {ref}") if document is None else _understood(lambda: arm_versions.offer_of(document))

    def offered(self, subscription: str, location: str) -> "tuple[Offered, ...]":
        """The versions that AKS offers in a region, newest first."""
        from shared.adapters import arm_versions

        path = f"/subscriptions/{quote(subscription)}/providers/Microsoft.ContainerService/locations/{quote(location)}/kubernetesVersions"
        document = _json(self._send("GET", f"{path}?api-version={AKS_API}", mutation=False))
        return _understood(lambda: arm_versions.offered_of(document))

    def attempt(self, ref: ClusterRef, action: Action, sight: Sight) -> Handle | None:
        """Ask ARM once. Writes to a cluster or pool carry the etag that was seen, where Azure gave one."""
        match action:
            case RegisterProvider(namespace=namespace):
                self._send("POST", f"{_provider_path(ref, namespace)}/register?api-version={RESOURCES_API}", mutation=True)
                return None
            case MakeGroup(location=location):
                url = f"{_path(ref.group_id)}?api-version={RESOURCES_API}"
                self._send("PUT", url, mutation=True, body={"location": location})
                return None
            case RemoveGroup():
                return self._handle(self._send("DELETE", f"{_path(ref.group_id)}?api-version={RESOURCES_API}", mutation=True))
            case MakeCluster():
                return self._make_cluster(ref, action, sight)
            case StartCluster():
                clusters = self._clusters(ref)
                return self._begin(lambda hook: clusters.begin_start(ref.group, ref.name, polling=False, raw_response_hook=hook))
            case StopCluster():
                clusters = self._clusters(ref)
                return self._begin(lambda hook: clusters.begin_stop(ref.group, ref.name, polling=False, raw_response_hook=hook))
            case UpgradeControlPlane():
                return self._upgrade_control_plane(ref, action, sight)
            case ScalePool() | StartPool() | StopPool() | UpgradePool():
                return self._change_pool(ref, action, sight)
            case RemoveCluster():
                clusters = self._clusters(ref)
                guard = _if_unchanged(sight.etag if isinstance(sight, Cluster) else None)
                return self._begin(lambda hook: clusters.begin_delete(ref.group, ref.name, polling=False, raw_response_hook=hook, **guard))
            case _:
                assert_never(action)

    def abort(self, ref: ClusterRef, action: Abortable) -> None:
        """Ask AKS once to abort the newest operation of the cluster, or of the pool that the action is about."""
        if isinstance(action, PoolAction):
            pools, pool = self._arm.container_service(ref.subscription).agent_pools, action.pool
            self._called(lambda: pools.begin_abort_latest_operation(ref.group, ref.name, pool, polling=False), mutation=True)
        else:
            clusters = self._clusters(ref)
            self._called(lambda: clusters.begin_abort_latest_operation(ref.group, ref.name, polling=False), mutation=True)

    def poll(self, handle: Handle) -> StillRunning | Answered:
        """Ask the status URL. An unknown status is in progress; an `error` beside a status that is not an end is no failure."""
        self._check(handle.url)
        response = self._sent(HttpRequest("GET", handle.url), mutation=False)
        if response.status_code in (NOT_FOUND, GONE):
            message = f"Azure no longer knows the operation (status {response.status_code})"
            raise CallFailed(Failure(code=Code.HANDLE_GONE, message=message, transient=True))
        retry_after = azure_errors.retry_after_of(response.headers)
        document = _json(self._good(response, mutation=False))
        status = document.get("status")
        if not isinstance(status, str):
            return StillRunning(retry_after=retry_after) if response.status_code == ACCEPTED else Answered()
        if status.lower() == "succeeded":
            return Answered()
        if status.lower() in _ENDED_BADLY:
            if status.lower() != "failed":
                return Answered(failure=azure_errors.cancelled_outside())
            return Answered(failure=azure_errors.from_operation(document.get("error")))
        return StillRunning(progress=azure_errors.safe(status), retry_after=retry_after)

    # ---- inside

    def _clusters(self, ref: ClusterRef) -> "ManagedClustersOperations":
        return self._arm.container_service(ref.subscription).managed_clusters

    def _make_cluster(self, ref: ClusterRef, action: MakeCluster, sight: Sight) -> Handle | None:
        operations = self._clusters(ref)
        guard = _if_unchanged(sight.etag) if isinstance(sight, Cluster) else {"match_condition": MatchConditions.IfMissing}
        body: Any = arm_json.cluster_body(action)
        return self._begin(
            lambda hook: operations.begin_create_or_update(ref.group, ref.name, body, polling=False, raw_response_hook=hook, **guard)
        )

    def _upgrade_control_plane(self, ref: ClusterRef, action: UpgradeControlPlane, sight: Sight) -> Handle | None:
        """Read the cluster whole, change its version and nothing else, and write it back unless it changed since the look.

        The pools go back with the versions they came with, which leaves them where they are. A service principal comes without its secret,
        and AKS takes none back so; what is left out stays as it is (azure-cli leaves it out of every such write as well).
        """
        operations = self._clusters(ref)
        cluster = self._called(lambda: operations.get(ref.group, ref.name), mutation=False)
        now = _understood(lambda: arm_json.cluster_of(cluster.as_dict(), ref))
        if not isinstance(sight, Cluster) or sight != now or cluster.properties is None:
            raise CallFailed(_changed(f"cluster {ref}"))
        cluster.properties.kubernetes_version = action.version
        cluster.properties.service_principal_profile = None
        guard = _if_unchanged(cluster.e_tag)
        return self._begin(
            lambda hook: operations.begin_create_or_update(ref.group, ref.name, cluster, polling=False, raw_response_hook=hook, **guard)
        )

    def _change_pool(self, ref: ClusterRef, action: PoolAction, sight: Sight) -> Handle | None:
        """Read the pool whole, change what the action is about and nothing else, and write it back unless it changed since the look."""
        operations = self._arm.container_service(ref.subscription).agent_pools
        pool = self._called(lambda: operations.get(ref.group, ref.name, action.pool), mutation=False)
        seen = sight.pool(action.pool) if isinstance(sight, Cluster) else None
        now = _understood(lambda: arm_json.pool_of({**pool.as_dict().get("properties", {}), "name": action.pool}))
        properties = pool.properties
        if seen is None or properties is None or _differs(seen, now):
            raise CallFailed(_changed(f"pool {action.pool}"))
        match action:
            case ScalePool(to=Range(min=least, max=most)):
                properties.enable_auto_scaling, properties.min_count, properties.max_count = True, least, most
                properties.count = min(max(now.count, least), most)
            case ScalePool(to=int(count)):
                properties.count = count
            case UpgradePool(version=version):
                properties.orchestrator_version = version
                properties.creation_data = None  # the snapshot that a pool was made from names a version of its own; azure-cli drops it too
            case _:
                code = PowerState.RUNNING if isinstance(action, StartPool) else PowerState.STOPPED
                properties["powerState"] = {"code": code.value}
        guard = _if_unchanged(properties.e_tag)
        return self._begin(
            lambda hook: operations.begin_create_or_update(
                ref.group, ref.name, action.pool, pool, polling=False, raw_response_hook=hook, **guard
            )
        )

    def _begin(self, call: Callable[[Callable[[PipelineResponse[Any, Any]], None]], object]) -> Handle | None:
        """Make a long-running call of the SDK without its polling, and keep what its answer's headers say."""
        answers: list[HttpResponse] = []
        self._called(lambda: call(lambda response: answers.append(response.http_response)), mutation=True)
        return self._handle(answers[-1])

    def _called(self, call: Callable[[], _T], *, mutation: bool) -> _T:
        try:
            return call()
        except HttpResponseError as fault:
            answer: Any = fault.response
            if isinstance(fault, ClientAuthenticationError) and not self._answered_by_arm(answer):
                raise _no_token(fault) from fault
            if answer is None:
                raise CallFailed(azure_errors.without_answer("Azure", fault, mutation=mutation)) from fault
            failure = azure_errors.from_response(answer.status_code, answer.headers, answer.text(), mutation=mutation)
            raise CallFailed(failure) from fault
        except AzureError as fault:
            raise CallFailed(azure_errors.without_answer("Azure", fault, mutation=mutation)) from fault

    def _handle(self, response: HttpResponse) -> Handle | None:
        """The status URL of a call that ARM took. One that is not ARM's is dropped: the call was taken, and looking tells how it ends."""
        url = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location")
        if url is None:
            return None
        if not self._is_arms(url):
            warning("status_url_dropped", status=response.status_code)
            return None
        return Handle(url=url)

    def _check(self, url: str) -> None:
        """Refuse a URL that is not ARM's: the bearer token goes with the request."""
        if not self._is_arms(url):
            message = f"a URL to follow is not one of {self._endpoint.hostname}; it was not asked"
            raise CallFailed(Failure(code=Code.HANDLE_FOREIGN, message=message))

    def _is_arms(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            same = (parts.scheme, parts.hostname, parts.port) == ("https", self._endpoint.hostname, self._endpoint.port)
        except ValueError:
            return False
        return same and parts.username is None and parts.path.startswith("/subscriptions/") and url.isascii() and url.isprintable()

    def _answered_by_arm(self, answer: Any) -> bool:  # noqa: ANN401 - whatever the SDK's error carries
        return answer is not None and urlsplit(str(answer.request.url)).netloc == self._endpoint.netloc

    def _read(self, path: str, api_version: str) -> arm_json.Json | None:
        response = self._sent(HttpRequest("GET", f"{path}?api-version={api_version}"), mutation=False)
        if response.status_code == NOT_FOUND and azure_errors.says_absent(response.text()):
            return None
        document = _json(self._good(response, mutation=False))
        if not document:
            message = f"Azure answered {response.status_code} without a document"
            raise CallFailed(Failure(code=Code.AZURE_FAULT, message=message, transient=True))
        return document

    def _send(self, method: str, url: str, *, mutation: bool, body: dict[str, Any] | None = None) -> HttpResponse:
        return self._good(self._sent(HttpRequest(method, url, json=body), mutation=mutation), mutation=mutation)

    def _sent(self, request: HttpRequest, *, mutation: bool) -> HttpResponse:
        try:
            if request.url.startswith("/"):
                request.url = f"{self._base}{request.url}"
            response: HttpResponse = self._arm.plain.send_request(request)
            response.read()
        except ClientAuthenticationError as fault:
            raise _no_token(fault) from fault
        except AzureError as fault:
            raise CallFailed(azure_errors.without_answer("Azure", fault, mutation=mutation)) from fault
        return response

    def _good(self, response: HttpResponse, *, mutation: bool) -> HttpResponse:
        if response.status_code >= LEAST_REDIRECT:
            raise CallFailed(azure_errors.from_response(response.status_code, response.headers, response.text(), mutation=mutation))
        return response


def _changed(what: str) -> Failure:
    return Failure(code=Code.CHANGED_MEANWHILE, message=f"{what} changed while it was looked at", transient=True)


def _no_token(fault: Exception) -> CallFailed:
    """Raised before anything is sent: no token was to be had. What the identity service said may hold a secret and is not repeated."""
    message = f"the app's identity got no token for Azure ({type(fault).__name__}); see that a managed identity is assigned and may be used"
    return CallFailed(Failure(code=Code.AZURE_FORBIDDEN, message=message, transient=True))


def _understood(read: Callable[[], _T]) -> _T:
    """What a document of Azure's says. One that cannot be what it should be is Azure's fault and passes."""
    try:
        return read()
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        message = f"Azure answered with a document that is not what was asked for ({type(fault).__name__})"
        raise CallFailed(Failure(code=Code.AZURE_FAULT, message=message, transient=True)) from fault


def _json(response: HttpResponse) -> dict[str, Any]:
    """The body as an object; empty where there is none. What cannot be read is Azure's fault and passes."""
    text = response.text()
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise CallFailed(azure_errors.without_answer("Azure", fault, mutation=False)) from fault
    return document if isinstance(document, dict) else {}


def _if_unchanged(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _differs(seen: NodePool, now: NodePool) -> bool:
    """Whether what our changes rest on is no longer as it was seen. Labels and the like may change: they go back as they came."""
    return any(getattr(seen, name) != getattr(now, name) for name in ("count", "autoscale", "power", "state", "version"))


def _path(resource_id: str) -> str:
    return quote(resource_id, safe="/()")


def _provider_path(ref: ClusterRef, namespace: str) -> str:
    return f"/subscriptions/{quote(ref.subscription)}/providers/{quote(namespace)}"

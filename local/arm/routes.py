"""Which path leads where: every address that this Azure has, its handlers, and AKS's own limits on each. The gateway walks the list."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.arm import (
    aborting,
    buckets,
    clusters,
    commands,
    credentials,
    groups,
    machines,
    maintenance,
    operations,
    pools,
    power,
    profiles,
    progress,
    providers,
    tenants,
)
from local.arm.buckets import Limit
from local.arm.call import Call
from local.arm.records import key
from local.arm.wire import Reply

_Handler = Callable[[Call], Reply]
_Limits = Callable[[Call], list[tuple[str, Limit]]]


def _parts(names: str) -> Callable[[Call], str]:
    return lambda call: key(call.subscription, *(call.names[name] for name in names.split()))


def _limited(label: str, limit: Limit, names: str = "") -> _Limits:
    part = _parts(names)
    return lambda call: [(f"{label}/{part(call)}", limit)]


def _group_list_limits(call: Call) -> list[tuple[str, Limit]]:
    in_group = (f"list/{key(call.subscription, call.group)}", buckets.LIST_IN_GROUP)
    return [(f"list/{key(call.subscription)}", buckets.LIST_IN_SUBSCRIPTION), in_group]


def _other(call: Call) -> list[tuple[str, Limit]]:
    """AKS counts by region: the one in the path, or that of the cluster in the path."""
    cluster = call.cluster() if "cluster" in call.names else None
    region = call.names.get("location", "") if cluster is None else cluster.location
    return [(f"other/{key(call.subscription, region)}", buckets.OTHER)]


_poll = _limited("poll", buckets.GET_OPERATION, "location")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path template with a handler for each method, and AKS's own limits (none: the route is ARM's)."""

    pattern: re.Pattern[str]
    handlers: Mapping[str, _Handler]
    limits: Mapping[str, _Limits]
    in_group: bool
    tagged: bool

    @property
    def of_provider(self) -> bool:
        """Whether AKS answers, not ARM itself."""
        return bool(self.limits)


def _route(template: str, handlers: Mapping[str, _Handler], limits: Mapping[str, _Limits] | None = None, *, tagged: bool = True) -> Route:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), re.IGNORECASE)
    in_group = limits is not None and "{group}" in template
    return Route(pattern=pattern, handlers=handlers, limits=limits or {}, in_group=in_group, tagged=tagged)


_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_AKS = "/providers/Microsoft.ContainerService"
_CLUSTER = f"{_GROUP}{_AKS}/managedClusters/{{cluster}}"
_LOCATION = f"{_SUBSCRIPTION}{_AKS}/locations/{{location}}"

ROUTES = (
    _route(_SUBSCRIPTION, {"GET": tenants.subscription}),
    _route(f"{_SUBSCRIPTION}/locations", {"GET": tenants.locations}),
    _route(f"{_SUBSCRIPTION}/providers", {"GET": providers.listed}),
    _route(f"{_SUBSCRIPTION}/providers/{{namespace}}", {"GET": providers.get}),
    _route(f"{_SUBSCRIPTION}/providers/{{namespace}}/register", {"POST": providers.register}),
    _route(f"{_SUBSCRIPTION}/resourceGroups", {"GET": groups.listed}),
    _route(_GROUP, {"GET": groups.get, "HEAD": groups.head, "PUT": groups.put, "PATCH": groups.tag, "DELETE": groups.delete}),
    _route(f"{_SUBSCRIPTION}/operationresults/{{job}}", {"GET": groups.result}),
    _route(
        f"{_SUBSCRIPTION}{_AKS}/managedClusters",
        {"GET": clusters.listed},
        {"GET": _limited("list", buckets.LIST_IN_SUBSCRIPTION)},
        tagged=False,
    ),
    _route(f"{_GROUP}{_AKS}/managedClusters", {"GET": clusters.listed}, {"GET": _group_list_limits}, tagged=False),
    _route(
        _CLUSTER,
        {"GET": clusters.get, "PUT": clusters.put, "PATCH": clusters.tag, "DELETE": clusters.delete},
        {
            "GET": _limited("get-cluster", buckets.GET_CLUSTER, "group cluster"),
            "PUT": _limited("put-cluster", buckets.PUT_CLUSTER, "group cluster"),
            "PATCH": _other,
            "DELETE": _other,
        },
        tagged=False,
    ),
    _route(f"{_CLUSTER}/stop", {"POST": power.stop}, {"POST": _other}),
    _route(f"{_CLUSTER}/start", {"POST": power.start}, {"POST": _other}),
    _route(f"{_CLUSTER}/abort", {"POST": aborting.abort_cluster}, {"POST": _other}),
    _route(f"{_CLUSTER}/listClusterAdminCredential", {"POST": credentials.of_admin}, {"POST": _other}),
    _route(f"{_CLUSTER}/listClusterUserCredential", {"POST": credentials.of_user}, {"POST": _other}),
    _route(f"{_CLUSTER}/listClusterMonitoringUserCredential", {"POST": credentials.of_monitoring_user}, {"POST": _other}),
    _route(f"{_CLUSTER}/accessProfiles/{{role}}/listCredential", {"POST": credentials.of_role}, {"POST": _other}),
    _route(f"{_CLUSTER}/runCommand", {"POST": commands.run}, {"POST": _other}),
    _route(f"{_CLUSTER}/commandResults/{{command}}", {"GET": commands.result}, {"GET": _other}),
    _route(f"{_CLUSTER}/maintenanceConfigurations", {"GET": maintenance.listed}, {"GET": _other}),
    _route(
        f"{_CLUSTER}/maintenanceConfigurations/{{configuration}}",
        {"GET": maintenance.get, "PUT": maintenance.put, "DELETE": maintenance.delete},
        {"GET": _other, "PUT": _other, "DELETE": _other},
    ),
    _route(f"{_CLUSTER}/upgradeProfiles/default", {"GET": profiles.of_cluster}, {"GET": _other}),
    _route(f"{_CLUSTER}/availableAgentPoolVersions", {"GET": profiles.for_new_pools}, {"GET": _other}),
    _route(f"{_CLUSTER}/operations/{{operation}}", {"GET": progress.of_cluster}, {"GET": _other}),
    _route(f"{_CLUSTER}/agentPools", {"GET": pools.listed}, {"GET": _other}),
    _route(
        f"{_CLUSTER}/agentPools/{{pool}}",
        {"GET": pools.get, "PUT": pools.put, "DELETE": pools.delete},
        {"GET": _other, "PUT": _limited("put-pool", buckets.PUT_POOL, "group cluster pool"), "DELETE": _other},
    ),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/upgradeProfiles/default", {"GET": profiles.of_pool}, {"GET": _other}),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/machines", {"GET": machines.listed}, {"GET": _other}),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/machines/{{machine}}", {"GET": machines.get}, {"GET": _other}),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/operations/{{operation}}", {"GET": progress.of_pool}, {"GET": _other}),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/abort", {"POST": aborting.abort_pool}, {"POST": _other}),
    _route(f"{_CLUSTER}/agentPools/{{pool}}/upgradeNodeImageVersion", {"POST": pools.upgrade_image}, {"POST": _other}),
    _route(f"{_LOCATION}/operations/{{operation}}", {"GET": operations.poll}, {"GET": _poll}),
    _route(f"{_LOCATION}/operationresults/{{operation}}", {"GET": operations.results}, {"GET": _poll}),
    _route(f"{_LOCATION}/kubernetesVersions", {"GET": clusters.versions}, {"GET": _other}),
)

"""ARM's front door: who may enter, which route is meant, how often, and whether the subscription, provider and group are there at all.

What passes goes to the module that owns the resource. The order of the checks is ARM's: token, subscription, api-version, route, limits.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.arm import buckets, clusters, groups, operations, pools, providers, refusals
from local.arm.buckets import GLOBAL, Buckets, Limit
from local.arm.call import LATEST, Call
from local.arm.records import key
from local.arm.refusals import Refused
from local.arm.wire import Reply, reply

_Handler = Callable[[Call], Reply]
_Limits = Callable[[Call], list[tuple[str, Limit]]]

_API_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d(-preview)?")


def _parts(names: str) -> Callable[[Call], str]:
    return lambda call: key(call.subscription, *(call.names[name] for name in names.split()))


def _limited(label: str, limit: Limit, names: str = "") -> _Limits:
    part = _parts(names)
    return lambda call: [(f"{label}/{part(call)}", limit)]


def _group_list_limits(call: Call) -> list[tuple[str, Limit]]:
    in_group = (f"list/{key(call.subscription, call.group)}", buckets.LIST_IN_GROUP)
    return [(f"list/{key(call.subscription)}", buckets.LIST_IN_SUBSCRIPTION), in_group]


_other = _limited("other", buckets.OTHER)


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
    _route(f"{_SUBSCRIPTION}/providers", {"GET": providers.listed}),
    _route(f"{_SUBSCRIPTION}/providers/{{namespace}}", {"GET": providers.get}),
    _route(f"{_SUBSCRIPTION}/providers/{{namespace}}/register", {"POST": providers.register}),
    _route(f"{_SUBSCRIPTION}/resourceGroups", {"GET": groups.listed}),
    _route(_GROUP, {"GET": groups.get, "HEAD": groups.head, "PUT": groups.put, "DELETE": groups.delete}),
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
    _route(f"{_CLUSTER}/agentPools", {"GET": pools.listed}, {"GET": _other}),
    _route(
        f"{_CLUSTER}/agentPools/{{pool}}",
        {"GET": pools.get, "PUT": pools.put, "DELETE": pools.delete},
        {"GET": _other, "PUT": _limited("put-pool", buckets.PUT_POOL, "group cluster pool"), "DELETE": _other},
    ),
    _route(f"{_LOCATION}/operations/{{operation}}", {"GET": operations.poll}, {"GET": _limited("poll", buckets.GET_OPERATION)}),
    _route(f"{_LOCATION}/operationresults/{{operation}}", {"GET": operations.results}, {"GET": _limited("poll", buckets.GET_OPERATION)}),
    _route(f"{_LOCATION}/kubernetesVersions", {"GET": clusters.versions}, {"GET": _other}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The front door of one world."""

    subscriptions: frozenset[str]
    buckets: Buckets
    authenticated: bool
    throttled: bool

    def answer(self, call: Call) -> Reply:
        """The answer to a call, errors included; never raises for what a client did."""
        try:
            return self._dressed(call, self._admitted(call))
        except Refused as refused:
            return self._dressed(call, refused.answer)

    def _admitted(self, call: Call) -> Reply:
        if self.authenticated:
            objection = call.identity.objection(call.headers.get("authorization"), call.host)
            if objection is not None:
                raise Refused(refusals.unauthenticated(*objection))
        self._require_subscription(call.path)
        self._require_version(call)
        route = self._routed(call)
        if self.throttled:
            self._throttle_arm(call)
        handler = route.handlers.get(call.method)
        if handler is None:
            message = {"Message": f"The requested resource does not support http method '{call.method}'."}
            return reply(405, message, headers={"allow": ", ".join(route.handlers)}, gateway=True)
        writes = call.method in {"PUT", "PATCH", "POST"}
        if route.of_provider and writes and providers.state_of(call, providers.CONTAINER_SERVICE) != "Registered":
            raise Refused(refusals.not_registered(providers.CONTAINER_SERVICE))
        if route.in_group:
            group = groups.find(call)
            if group is None:
                raise Refused(refusals.group_not_found(call.group))
            if writes and group.gone_at is not None:
                raise Refused(refusals.group_being_deleted(group.name))
        if self.throttled and route.of_provider:
            for name, limit in route.limits[call.method](call):
                wait = self.buckets.take(name, limit, call.now)
                if wait:
                    raise Refused(refusals.throttled(wait))
        try:
            answer = handler(call)
        except Refused as refused:
            answer = refused.answer
        return answer if "x-ms-failure-cause" in answer.headers else self._tagged(call, route, answer)

    def _require_subscription(self, path: str) -> None:
        parts = path.split("/")
        if len(parts) < 3 or parts[1].lower() != "subscriptions":
            message = "The request did not have a subscription or a valid tenant level resource provider."
            raise Refused(refusals.gateway(404, "MissingSubscription", message))
        if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", parts[2]):
            message = f"The provided subscription identifier '{parts[2]}' is malformed or invalid."
            raise Refused(refusals.gateway(400, "InvalidSubscriptionId", message))
        if parts[2].lower() not in self.subscriptions:
            raise Refused(refusals.gateway(404, "SubscriptionNotFound", f"The subscription '{parts[2]}' could not be found."))

    @staticmethod
    def _require_version(call: Call) -> None:
        if not call.version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise Refused(refusals.gateway(400, "MissingApiVersionParameter", message))
        if not _API_VERSION.fullmatch(call.version):
            message = f"The api-version '{call.version}' is invalid. The supported versions are '{LATEST}' and older."
            raise Refused(refusals.gateway(400, "InvalidApiVersionParameter", message))

    @staticmethod
    def _routed(call: Call) -> Route:
        path = call.path.rstrip("/")
        for route in ROUTES:
            found = route.pattern.fullmatch(path)
            if found is not None:
                call.names = {name: unquote(part) for name, part in found.groupdict().items()}
                if any(not name.isprintable() or set(name) & set("/\\<>*%&:?#") or name in {".", ".."} for name in call.names.values()):
                    raise Refused(
                        refusals.gateway(400, "InvalidResourceName", "The resource id has a name with characters that are not allowed.")
                    )
                if route.of_provider and call.version[:10] > LATEST:
                    message = f"No registered resource provider found for API version '{call.version}'. The newest supported is '{LATEST}'."
                    raise Refused(refusals.gateway(400, "NoRegisteredProviderFound", message))
                return route
        namespace = re.search(r"/providers/([^/]+)/([^/]+)", path)
        if namespace is None:
            raise Refused(refusals.gateway(404, "NotFound", "There is no such resource type."))
        message = (
            f"The resource type '{namespace[2]}' could not be found in the namespace '{namespace[1]}' for api version '{call.version}'. "
            f"The supported api-versions are '{LATEST}'."
        )
        raise Refused(refusals.gateway(404, "InvalidResourceType", message))

    # ------------------------------------------------------------------------------------------------- limits and headers

    @staticmethod
    def _arm_buckets(call: Call) -> tuple[str, tuple[str, Limit], tuple[str, Limit]]:
        """The kind of request, and ARM's two buckets for it: this principal's and that of all principals together."""
        kind, limit = {
            "GET": ("reads", buckets.ARM_READS),
            "HEAD": ("reads", buckets.ARM_READS),
            "DELETE": ("deletes", buckets.ARM_DELETES),
        }.get(call.method, ("writes", buckets.ARM_WRITES))
        everyone = Limit(burst=limit.burst * GLOBAL, per_second=limit.per_second * GLOBAL)
        name = f"{kind}/{call.subscription.lower()}"
        return kind, (f"arm/{name}", limit), (f"arm-global/{name}", everyone)

    def _throttle_arm(self, call: Call) -> None:
        kind, mine, everyones = self._arm_buckets(call)
        for name, limit in (mine, everyones):
            wait = self.buckets.take(name, limit, call.now)
            if wait:
                raise Refused(refusals.arm_throttled(kind.rstrip("s"), call.subscription, call.identity.principal, wait))

    def _tagged(self, call: Call, route: Route, answer: Reply) -> Reply:
        """Headers of those who were let in: what is left of the limits, and AKS's trace of the call (reads of clusters lack it)."""
        kind, mine, everyones = self._arm_buckets(call)
        headers = {f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(self.buckets.left(*everyones, call.now))}
        if kind != "reads" or not route.of_provider:
            headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(self.buckets.left(*mine, call.now))
        if route.of_provider and (route.tagged or call.method != "GET"):
            trace = f"tenantId={call.identity.tenant},objectId={call.identity.principal}/westus3/{call.chance.guid('trace')}"
            headers["x-ms-operation-identifier"] = trace
        return Reply(status=answer.status, headers={**answer.headers, **headers}, body=answer.body)

    @staticmethod
    def _dressed(call: Call, answer: Reply) -> Reply:
        """The headers that every answer of ARM has."""
        request = call.chance.guid("trace")
        correlation = call.headers.get("x-ms-correlation-request-id", request)
        common = {
            "cache-control": "no-cache",
            "pragma": "no-cache",
            "expires": "-1",
            "date": f"{call.now:%a, %d %b %Y %H:%M:%S} GMT",
            "strict-transport-security": "max-age=31536000; includeSubDomains",
            "x-content-type-options": "nosniff",
            "x-cache": "CONFIG_NOCACHE",
            "x-ms-request-id": request,
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"WESTUS3:{call.now:%Y%m%dT%H%M%SZ}:{request}",
        }
        body = b"" if call.method == "HEAD" else answer.body
        return Reply(status=answer.status, headers={**common, **answer.headers}, body=body)

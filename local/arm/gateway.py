"""ARM's front door: who may enter, which route is meant, how often, and whether the subscription, provider and group are there at all.

What passes goes to the module that owns the resource. The order of the checks is ARM's: token, subscription, api-version, route, limits.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.arm import buckets, clusters, groups, providers, refusals, tenants
from local.arm.buckets import GLOBAL, Buckets, Limit
from local.arm.call import LATEST, Call
from local.arm.refusals import Refused
from local.arm.routes import ROUTES, Route
from local.arm.wire import Reply, reply

_API_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d(-preview)?")


def _no_method(method: str, allowed: Iterable[str]) -> Reply:
    message = {"Message": f"The requested resource does not support http method '{method}'."}
    return reply(405, message, headers={"allow": ", ".join(allowed)}, gateway=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The front door of one world."""

    subscriptions: tuple[str, ...]
    buckets: Buckets
    authenticated: bool
    throttled: bool

    def answer(self, call: Call) -> Reply:
        """The answer to a call, errors included; never raises for what a client did."""
        try:
            return self._dressed(call, tenants.open_to_all(call) or self._admitted(call))
        except Refused as refused:
            return self._dressed(call, refused.answer)

    def _admitted(self, call: Call) -> Reply:
        if self.authenticated:
            objection = call.identity.objection(call.headers.get("authorization"), call.host)
            if objection is not None:
                raise Refused(refusals.unauthenticated(*objection))
        above = tenants.of_tenant(call.path)
        if above is not None:
            return self._of_tenant(call, above)
        self._require_subscription(call.path)
        self._require_version(call)
        route = self._routed(call)
        if self.throttled:
            self._throttle_arm(call)
        handler = route.handlers.get(call.method)
        if handler is None:
            return _no_method(call.method, route.handlers)
        writes = call.method in {"PUT", "PATCH", "POST"}
        if route.of_provider and writes and providers.state_of(call, providers.CONTAINER_SERVICE) != "Registered":
            raise Refused(refusals.not_registered(providers.CONTAINER_SERVICE))
        if route.in_group:
            self._require_group(call, writes=writes)
        if self.throttled and route.of_provider:
            wait = self.buckets.take_all(route.limits[call.method](call), call.now)
            if wait:
                raise Refused(refusals.throttled(wait))
        try:
            answer = handler(call)
        except Refused as refused:
            answer = refused.answer
        return answer if "x-ms-failure-cause" in answer.headers else self._tagged(call, route, answer)

    def _of_tenant(self, call: Call, above: Callable[[Call, Iterable[str]], Reply]) -> Reply:
        """Reads above all subscriptions, which have a limit of their own."""
        self._require_version(call)
        name = f"tenant-reads/{call.identity.principal}"
        wait = self.buckets.take(name, buckets.ARM_READS, call.now) if self.throttled else 0
        if wait:
            raise Refused(refusals.tenant_throttled(call.identity.tenant, call.identity.principal, wait))
        if call.method != "GET":
            raise Refused(_no_method(call.method, ("GET",)))
        answer = above(call, self.subscriptions)
        left = str(self.buckets.left(name, buckets.ARM_READS, call.now))
        return Reply(status=answer.status, headers={**answer.headers, "x-ms-ratelimit-remaining-tenant-reads": left}, body=answer.body)

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
    def _require_group(call: Call, *, writes: bool) -> None:
        group = groups.find(call)
        if group is None and call.method == "DELETE" and "pool" in call.names:  # asked of a pool whose group is gone (recorded)
            raise Refused(refusals.resource_not_found(f"{clusters.TYPE}/{call.names['cluster']}", call.group))
        if group is None:
            raise Refused(refusals.group_not_found(call.group))
        if writes and group.gone_at is not None:
            raise Refused(refusals.group_being_deleted(group.name))

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
        return kind, (f"arm/{name}/{call.identity.principal}", limit), (f"arm-global/{name}", everyone)

    def _throttle_arm(self, call: Call) -> None:
        kind, mine, everyones = self._arm_buckets(call)
        wait = self.buckets.take_all((mine, everyones), call.now)
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

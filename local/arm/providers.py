"""Resource providers: which ones a subscription has registered, and registering one, which takes a while."""

from local.arm import catalogue, refusals, tenants
from local.arm.call import LATEST, Call
from local.arm.records import Provider, key
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

CONTAINER_SERVICE = "Microsoft.ContainerService"
_TYPES = {
    "Microsoft.Compute": ("locations/usages", "virtualMachineScaleSets"),
    CONTAINER_SERVICE: ("managedClusters", "managedClusters/agentPools", "locations/operations", "locations/operationresults"),
    "Microsoft.ContainerRegistry": ("registries",),
    "Microsoft.ManagedIdentity": ("userAssignedIdentities",),
    "Microsoft.Network": ("virtualNetworks", "publicIPAddresses"),
    "Microsoft.Resources": ("resourceGroups", "subscriptions"),
    "Microsoft.Storage": ("storageAccounts",),
}
_ALWAYS = "Microsoft.Resources"
_VERSIONS = {CONTAINER_SERVICE: (LATEST, "2026-06-01", "2026-02-01", "2025-10-01", "2025-08-01", "2024-09-01"), _ALWAYS: ("2024-11-01",)}
_ANYWHERE = frozenset({"resourceGroups", "subscriptions", "managedClusters/agentPools"})


def get(call: Call) -> Reply:
    """One provider and its registration state."""
    return reply(200, _view(call, _named(call)), gateway=True)


def listed(call: Call) -> Reply:
    """All providers that this Azure knows."""
    return reply(200, {"value": [_view(call, namespace) for namespace in _TYPES]}, gateway=True)


def register(call: Call) -> Reply:
    """Begin a registration (200 with the provider); it is Registering for some time."""
    namespace = _named(call)
    if state_of(call, namespace) == "NotRegistered":
        ready_at = call.now + call.durations("provider", "register", call.chance.share("provider/register"))
        provider = Provider(namespace=namespace, state="Registering", ready_at=ready_at)
        call.state.providers[key(call.subscription, namespace)] = provider
        call.applied = True
    return reply(200, _view(call, namespace), gateway=True)


def state_of(call: Call, namespace: str) -> str:
    """Registered, Registering or NotRegistered."""
    provider = call.state.providers.get(key(call.subscription, namespace))
    return "Registered" if namespace == _ALWAYS else "NotRegistered" if provider is None else provider.state


def _named(call: Call) -> str:
    asked = call.names["namespace"]
    for namespace in _TYPES:
        if namespace.casefold() == asked.casefold():
            return namespace
    raise Refused(refusals.gateway(404, "InvalidResourceNamespace", f"The resource namespace '{asked}' is invalid."))


def _view(call: Call, namespace: str) -> Json:
    return {
        "id": f"/subscriptions/{call.subscription}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [_resource_type(namespace, name) for name in _TYPES[namespace]],
        "registrationState": state_of(call, namespace),
        "registrationPolicy": "RegistrationFree" if namespace == _ALWAYS else "RegistrationRequired",
    }


def _resource_type(namespace: str, name: str) -> Json:
    """What clients choose an api-version and a region by; types that live in another resource name no regions."""
    regions = [] if name in _ANYWHERE else [tenants.display_name(region) for region in catalogue.REGIONS]
    return {
        "resourceType": name,
        "locations": regions,
        "apiVersions": list(_VERSIONS.get(namespace, ("2025-01-01",))),
        "capabilities": "None",
    }

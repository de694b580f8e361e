"""Every error this Azure gives, in its two shapes: wrapped in `error` by ARM's gateway, flat by AKS.

The codes are Azure's own. The texts are too where they were recorded or quoted in public; those marked "ours" say the same in other words.
"""

from collections.abc import Iterable

from local.arm.wire import Json, Reply, reply

NAMING_RULES = "Please see https://aka.ms/aks-naming-rules for more details."


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """Raised where a rule is broken; carries the error that is the answer."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(answer.body.decode())
        self.answer = answer


def gateway(status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: object) -> Reply:
    """An error of ARM's own."""
    body: Json = {"error": {"code": code, "message": message, **more}}
    return reply(status, body, headers={"x-ms-failure-cause": "gateway", **(headers or {})}, gateway=True)


def flat(status: int, code: str, message: str, *, subcode: str = "", details: list[Json] | None = None, target: str | None = None) -> Reply:
    """An error of AKS."""
    body: Json = {"code": code, "details": details, "message": message, "subcode": subcode}
    if target is not None:
        body["target"] = target
    return reply(status, body)


# ------------------------------------------------------------------------------------------------------------------- the gateway


def unauthenticated(code: str, message: str) -> Reply:
    """401: no bearer token, or one that ARM does not take."""
    challenge = f'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token", error_description="{message}"'
    return gateway(401, code, message, {"www-authenticate": challenge})


def resource_not_found(resource: str, group: str) -> Reply:
    """404 of a resource that ARM does not know."""
    message = (
        f"The Resource '{resource}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return gateway(404, "ResourceNotFound", message)


def parent_not_found(verb: str, parent: str) -> Reply:
    """404 of a pool whose cluster ARM does not know."""
    message = (
        f"Failed to perform '{verb}' on resource(s) of type 'managedClusters/agentPools', "
        f"because the parent resource '{parent}' could not be found."
    )
    return gateway(404, "ParentResourceNotFound", message)


def group_not_found(group: str) -> Reply:
    """404 of a resource group, and of everything in it."""
    return gateway(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def group_being_deleted(group: str) -> Reply:
    """409 of a write into a group that is being deleted."""
    message = f"The resource group '{group}' is in deprovisioning state and cannot perform this operation."
    return gateway(409, "ResourceGroupBeingDeleted", message)


def not_registered(namespace: str) -> Reply:
    """409 of a write to a provider that the subscription has not registered."""
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    code = "MissingSubscriptionRegistration"
    return gateway(409, code, message, details=[{"code": code, "target": namespace, "message": message}])


def location_not_available(location: str, resource_type: str, regions: Iterable[str]) -> Reply:
    """400 of an unknown region, for a resource type or for `resource group`."""
    listed = ",".join(regions)
    if resource_type == "resource group":
        message = f"The provided location '{location}' is not available for resource group. List of available regions is '{listed}'."
        return gateway(400, "LocationNotAvailableForResourceGroup", message)
    message = (
        f"The provided location '{location}' is not available for resource type '{resource_type}'. "
        f"List of available regions for the resource type is '{listed}'."
    )
    return gateway(400, "LocationNotAvailableForResourceType", message)


def moved(name: str, group: str, here: str, wanted: str) -> Reply:
    """409 of a resource that exists in another region."""
    message = (
        f"The resource '{name}' already exists in location '{here}' in resource group '{group}'. "
        f"A resource with the same name cannot be created in location '{wanted}'. Please select a new resource name."
    )
    return gateway(409, "InvalidResourceLocation", message)


def unreadable(reason: str) -> Reply:
    """400 of a body that is not a JSON object."""
    return gateway(400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{reason}'.")


def arm_throttled(kind: str, subscription: str, actor: str, wait: int) -> Reply:
    """429 of ARM's own buckets."""
    who = f"subscription '{subscription}' actor '{actor}'"
    message = f"Number of '{kind}' requests for {who} exceeded. Please try again after '{wait}' seconds."
    return gateway(429, "SubscriptionRequestsThrottled", message, {"retry-after": str(wait)})


def tenant_throttled(tenant: str, actor: str, wait: int) -> Reply:
    """429 of ARM's bucket for what is above all subscriptions (the text follows the other's)."""
    message = f"Number of 'read' requests for tenant '{tenant}' actor '{actor}' exceeded. Please try again after '{wait}' seconds."
    return gateway(429, "TenantRequestsThrottled", message, {"retry-after": str(wait)})


# ---------------------------------------------------------------------------------------------------------------------------- AKS


def throttled(wait: int) -> Reply:
    """429 of AKS's buckets (the text is ours)."""
    answer = flat(429, "Throttled", f"The request is being throttled. Please try again after {wait} seconds.")
    return Reply(status=429, headers={**answer.headers, "retry-after": str(wait)}, body=answer.body)


def cluster_not_found(subscription: str, group: str, name: str) -> Reply:
    """404 of AKS itself: ARM still lists the cluster, AKS has it no more."""
    message = f"Could not find managed cluster resource: {name} in subscription: {subscription}, resourceGroup: {group}."
    details = [{"code": "Unspecified", "message": "rpc error: code = NotFound desc = Managed Cluster not found"}]
    return flat(404, "NotFound", message, subcode="GetManagedCluster_NotFound_HCPServerError", details=details)


def pool_not_found(subscription: str, group: str, name: str, pool: str) -> Reply:
    """404 of a pool that is not there."""
    message = f"Could not find the agentpool: {pool} in subscription: {subscription}, resourceGroup: {group}, resourceName: {name}."
    details = [{"code": "Unspecified", "message": "rpc error: code = NotFound desc = Agent Pool not found"}]
    return flat(404, "NotFound", message, subcode="GetAgentPool_NotFound_HCPServerError", details=details)


def invalid(parameter: str) -> Reply:
    """400 of a value out of its rule."""
    return flat(400, "InvalidParameter", f"The value of parameter {parameter} is invalid. {NAMING_RULES}", target=parameter)


def missing(parameter: str) -> Reply:
    """400 of a value that must be there."""
    return flat(400, "InvalidParameter", f"Required parameter {parameter} is missing (null).", target=parameter)


def unmarshalled(field: str, value: object, wanted: str) -> Reply:
    """400 of a value of the wrong JSON type."""
    kinds = {bool: "bool", str: "string", float: f"number {value}", int: "number", list: "array", dict: "object"}
    kind = kinds.get(type(value), "value")
    message = f"UnmarshalEntity encountered error: json: cannot unmarshal {kind} into Go struct field {field} of type {wanted}."
    return flat(400, "UnmarshalError", message)


def count_out_of_range(count: int, least: int) -> Reply:
    """400 of a node count below or above what the pool may have."""
    message = (
        f"agentPoolProfile.count was {count}. It must be greater or equal to minCount:{least} and less than or equal to maxCount:1000. "
        "If allowedMinCount was expected to be 0 but is 1: 1) The nodepool is a VMAS pool. 2) api Version is less than 2020-03-01. "
        "3) The node is a system pool."
    )
    return flat(400, "InvalidParameter", message, target="agentPoolProfile.count")


def range_without_autoscaler() -> Reply:
    """400 of a minimum or maximum on a pool without autoscaler (the text is ours)."""
    message = "minCount and maxCount must not be set while enableAutoScaling is false."
    return flat(400, "AutoScalingNotEnabled", message, target="agentPoolProfile.enableAutoScaling")


def immutable(parameter: str) -> Reply:
    """400 of a property that is fixed for ever once made."""
    return flat(400, "PropertyChangeNotAllowed", f"Changing property '{parameter}' is not allowed.", target=parameter)


def no_dns_zone(zone: str) -> Reply:
    """400 of a DNS zone for web app routing that is not there."""
    return flat(400, "BadRequest", f"The Azure DNS Zone '{zone}' does not exist", subcode="WebAppRoutingDNSZoneNotFound")


def pool_introduced() -> Reply:
    """400 of a cluster PUT that names a pool which the cluster does not have."""
    message = (
        "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through managed cluster operations. "
        "For agent pool specific change, please use per agent pool operations: https://aka.ms/agent-pool-rest-api"
    )
    return flat(400, "BadRequest", message, target="agentPoolProfiles")


def doubled_pool(name: str) -> Reply:
    """400 of two pools of one name."""
    message = f"profile name '{name}' already exists, profile names must be unique across pools"
    return flat(400, "InvalidParameter", message, target="agentPoolProfiles")


def too_many_pools(count: int) -> Reply:
    """400 of the 101st pool (the text is ours)."""
    return flat(400, "MaxAgentPoolCountReached", f"The maximum number of agent pools of a cluster is 100, this would make {count}.")


def no_system_pool() -> Reply:
    """400 of a cluster that would have only User pools."""
    return flat(400, "MustDefineAtLeastOneSystemPool", "Must define at least one system pool.")


def last_pool(what: str) -> Reply:
    """400 of the deletion of the last pool, or of the last System pool."""
    return flat(400, "OperationNotAllowed", f"There has to be at least one {what}.")


def windows_name_too_long() -> Reply:
    """400 of a Windows pool whose name has more than 6 characters (the text is ours)."""
    message = "The name of a Windows agent pool must have 6 characters or fewer."
    return flat(400, "WindowsAgentPoolNameTooLong", message, target="agentPoolProfile.name")


def version_not_supported(version: str) -> Reply:
    """400 of a Kubernetes version that the region does not offer."""
    message = (
        f"Version {version} is not supported in this region. Please use [az aks get-versions] command to get the supported version list "
        "in this region. For more information, please check https://aka.ms/supported-version-list"
    )
    return flat(400, "AgentPoolK8sVersionNotSupported", message)


def downgrade(here: str, wanted: str, upgrades: list[str]) -> Reply:
    """400 of a version below the one that runs."""
    message = (
        f"Downgrading Kubernetes version {here} to {wanted} is not allowed. Available upgrades: {','.join(upgrades)}. "
        "Please see https://aka.ms/aks-supported-k8s-ver for version details."
    )
    return flat(400, "OperationNotAllowed", message)


def minor_skipped(what: str, here: str, wanted: str) -> Reply:
    """400 of an upgrade by two minors."""
    message = (
        f"Upgrade {what} version from {here} to {wanted} is not allowed, you can only upgrade one minor version at a time. "
        "Please use [az aks get-upgrades] command to get the supported upgrade paths. "
        "For more information, please check https://aka.ms/version-skew-policy"
    )
    return flat(400, "AgentPoolUpgradeVersionNotAllowed", message)


def pool_ahead(pool_version: str, cluster_version: str) -> Reply:
    """400 of a pool newer than its control plane."""
    pool_minor, cluster_minor = pool_version.split(".")[1], cluster_version.split(".")[1]
    message = (
        f"Node pool version {pool_version} and control plane version {cluster_version} are incompatible. "
        f"Minor version of node pool version {pool_minor} is bigger than control plane version {cluster_minor}. "
        "For more information, please check https://aka.ms/version-skew-policy"
    )
    return flat(400, "NodePoolMcVersionIncompatible", message)


def pool_too_old(pool_version: str, cluster_version: str) -> Reply:
    """400 of a pool more than three minors behind its control plane (learn.microsoft.com/troubleshoot, upgrades of AKS)."""
    pool_minor, cluster_minor = pool_version.split(".")[1], cluster_version.split(".")[1]
    message = (
        f"Node pool version {pool_version} and control plane version {cluster_version} is incompatible. "
        "Minor version of node pool cannot be more than 3 versions less than control plane's version. "
        f"Minor version of node pool is {pool_minor} and control plane is {cluster_minor}. "
        "For more information, see https://aka.ms/aks/UpgradeVersionRules."
    )
    return flat(400, "NodePoolMcVersionIncompatible", message)


def versions_apart() -> Reply:
    """400 of a cluster PUT that gives its pools other versions than they have, or than the control plane gets."""
    message = (
        "Using managed cluster api, all Agent pools' OrchestratorVersion must be all specified or all unspecified. If all specified, "
        "they must be stay unchanged or the same with control plane. For agent pool specific change, please use per agent pool operations: "
        "https://aka.ms/agent-pool-rest-api"
    )
    return flat(400, "NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged", message)


def local_accounts_disabled() -> Reply:
    """400 of a static credential where local accounts are disabled."""
    message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
    return flat(400, "BadRequest", message)


def command_not_found(command: str) -> Reply:
    """404 of a command's result that is not there, or no more (the text is ours)."""
    return flat(404, "NotFound", f"The result of command {command} was not found.")


def machine_not_found(pool: str, machine: str) -> Reply:
    """404 of a machine that its pool does not have (the text is ours)."""
    return flat(404, "NotFound", f"Could not find the machine: {machine} in agentpool: {pool}.")


def maintenance_not_found(subscription: str, group: str, cluster: str, name: str) -> Reply:
    """404 of a maintenance configuration that is not there (the text is ours)."""
    where = f"subscription: {subscription}, resourceGroup: {group}, resourceName: {cluster}"
    return flat(404, "NotFound", f"Could not find the maintenance configuration: {name} in {where}.")


def operation_not_found(operation: str) -> Reply:
    """404 of a status URL whose operation AKS does not know (the text is ours)."""
    return flat(404, "NotFound", f"The operation {operation} was not found.")


def bad_signature() -> Reply:
    """403 of a status URL whose signed parameters are not the ones that were given out (the code and the text are ours)."""
    message = "The signature of the status URL is missing or does not match. Use the URL exactly as it was given."
    return gateway(403, "InvalidSignature", message)

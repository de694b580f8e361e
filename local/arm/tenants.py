"""What is above the resource groups: the metadata of this cloud, its tenant, its subscriptions and their regions.

It must not know what is inside a subscription.
"""

from collections.abc import Callable, Iterable

from local.arm import catalogue, refusals
from local.arm.call import Call
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

CLOUD = "Tidekeeper"
_METADATA = "/metadata/endpoints"
_VERSIONS = ("2022-09-01", "2020-06-01", "2019-10-01", "2019-05-01")
_LISTED = frozenset(_VERSIONS[1:])
"""The older versions answer a list of clouds, the newest one cloud: this one (azure-cli's two readers of it tell them apart)."""

_SERVICES = (
    *("portal", "graph", "graphAudience", "microsoftGraphResourceId", "gallery", "media", "batch", "sqlManagement", "vmImageAliasDoc"),
    *("activeDirectoryDataLake", "appInsightsResourceId", "appInsightsTelemetryChannelResourceId", "appServiceResourceId"),
    *("attestationResourceId", "logAnalyticsResourceId", "ossrdbmsResourceId", "synapseAnalyticsResourceId"),
)
_SUFFIXES = (
    *("acrLoginServer", "attestationEndpoint", "azureDataLakeAnalyticsCatalogAndJob", "azureDataLakeStoreFileSystem", "keyVaultDns"),
    *("mariadbServerEndpoint", "mhsmDns", "mysqlServerEndpoint", "postgresqlServerEndpoint", "sqlServerHostname", "storage"),
    *("storageSyncEndpointSuffix", "synapseAnalytics"),
)

_PLACES = {
    "australiaeast": ("Australia East", "Asia Pacific"),
    "brazilsouth": ("Brazil South", "South America"),
    "canadacentral": ("Canada Central", "Canada"),
    "canadaeast": ("Canada East", "Canada"),
    "centralindia": ("Central India", "Asia Pacific"),
    "centralus": ("Central US", "US"),
    "eastasia": ("East Asia", "Asia Pacific"),
    "eastus": ("East US", "US"),
    "eastus2": ("East US 2", "US"),
    "francecentral": ("France Central", "Europe"),
    "germanywestcentral": ("Germany West Central", "Europe"),
    "israelcentral": ("Israel Central", "Middle East"),
    "italynorth": ("Italy North", "Europe"),
    "japaneast": ("Japan East", "Asia Pacific"),
    "japanwest": ("Japan West", "Asia Pacific"),
    "koreacentral": ("Korea Central", "Asia Pacific"),
    "mexicocentral": ("Mexico Central", "Mexico"),
    "northcentralus": ("North Central US", "US"),
    "northeurope": ("North Europe", "Europe"),
    "norwayeast": ("Norway East", "Europe"),
    "polandcentral": ("Poland Central", "Europe"),
    "southafricanorth": ("South Africa North", "Africa"),
    "southcentralus": ("South Central US", "US"),
    "southeastasia": ("Southeast Asia", "Asia Pacific"),
    "spaincentral": ("Spain Central", "Europe"),
    "swedencentral": ("Sweden Central", "Europe"),
    "switzerlandnorth": ("Switzerland North", "Europe"),
    "uaenorth": ("UAE North", "Middle East"),
    "uksouth": ("UK South", "UK"),
    "ukwest": ("UK West", "UK"),
    "westcentralus": ("West Central US", "US"),
    "westeurope": ("West Europe", "Europe"),
    "westus": ("West US", "US"),
    "westus2": ("West US 2", "US"),
    "westus3": ("West US 3", "US"),
}


def open_to_all(call: Call) -> Reply | None:
    """The answer to what ARM tells without a token, `/metadata/endpoints`; None for any other path."""
    if call.path.rstrip("/").lower() != _METADATA:
        return None
    if call.method != "GET":
        message = {"Message": f"The requested resource does not support http method '{call.method}'."}
        return reply(405, message, headers={"allow": "GET"}, gateway=True)
    if call.version not in _VERSIONS:
        raise Refused(refusals.gateway(400, "InvalidApiVersionParameter", _version_message(call.version)))
    cloud = _cloud(f"https://{call.host}")
    return reply(200, [cloud] if call.version in _LISTED else cloud, gateway=True)


def of_tenant(path: str) -> Callable[[Call, Iterable[str]], Reply] | None:
    """What answers a path above all subscriptions, given the ids of those; None if the path is not one of them."""
    return {"/tenants": tenants, "/subscriptions": subscriptions}.get(path.rstrip("/").lower())


def tenants(call: Call, _ids: Iterable[str]) -> Reply:
    """The one tenant."""
    tenant = call.identity.tenant
    view: Json = {"id": f"/tenants/{tenant}", "tenantId": tenant, "countryCode": "US", "displayName": CLOUD, "tenantCategory": "Home"}
    domain = f"{CLOUD.lower()}.invalid"
    view |= {"defaultDomain": domain, "domains": [domain], "tenantType": "AAD"}
    return reply(200, {"value": [view]}, gateway=True)


def subscriptions(call: Call, ids: Iterable[str]) -> Reply:
    """All subscriptions, with their number."""
    values = [_subscription(call, identifier) for identifier in ids]
    return reply(200, {"value": values, "count": {"type": "Total", "value": len(values)}}, gateway=True)


def subscription(call: Call) -> Reply:
    """The subscription in the path."""
    return reply(200, _subscription(call, call.subscription), gateway=True)


def locations(call: Call) -> Reply:
    """The regions that a subscription may use, with the names that people give them."""
    return reply(200, {"value": [_location(call.subscription, name) for name in catalogue.REGIONS]}, gateway=True)


def display_name(region: str) -> str:
    """A region as people write it: westus3 is West US 3."""
    return _PLACES[region][0]


def _cloud(own: str) -> Json:
    """Every service of this cloud is this simulator, and no suffix of it can be looked up: nothing leads from here to a real Azure."""
    document: Json = {"name": CLOUD, "resourceManager": own, **dict.fromkeys(_SERVICES, own)}
    document["authentication"] = {"loginEndpoint": own, "audiences": [own], "tenant": "common", "identityProvider": "AAD"}
    document["suffixes"] = {name: f"{name.lower()}.{CLOUD.lower()}.invalid" for name in _SUFFIXES}
    return document


def _subscription(call: Call, identifier: str) -> Json:
    return {
        "id": f"/subscriptions/{identifier}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": identifier,
        "tenantId": call.identity.tenant,
        "displayName": f"{CLOUD} {identifier[-4:]}",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    }


def _location(identifier: str, name: str) -> Json:
    shown, group = _PLACES[name]
    return {
        "id": f"/subscriptions/{identifier}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": shown,
        "regionalDisplayName": f"({group}) {shown}",
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": group},
    }


def _version_message(version: str) -> str:
    return f"The api-version '{version}' is invalid. The supported versions are '{','.join(_VERSIONS)}'."

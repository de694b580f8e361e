"""The fields of a cluster and of a pool that AKS reads, with their JSON types: a name it does not know is dropped, a wrong type refused.

AKS reads a body as any Go service does (the words of its errors say so). Profiles that the simulator has no use for are kept whole.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from local.arm import refusals
from local.arm.refusals import Refused
from local.arm.wire import Json

Kind: TypeAlias = "str | tuple[str, ...] | list[Kind] | Mapping[str, Kind]"
"""A Go type's name, the words that are allowed, a list of one kind, or an object's own fields."""

_GO: Mapping[str, type | tuple[type, ...]] = {"time": str, "string": str, "int32": int, "bool": bool, "float64": (int, float), "map": dict}

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


def _all(kind: Kind, names: str) -> dict[str, Kind]:
    return dict.fromkeys(names.split(), kind)


_UPGRADE_SETTINGS: Mapping[str, Kind] = {
    **_all("string", "maxSurge maxUnavailable"),
    **_all("int32", "drainTimeoutInMinutes nodeSoakDurationInMinutes"),
    "undrainableNodeBehavior": ("Cordon", "Schedule"),
}

POOL: Mapping[str, Kind] = {
    **_all("string", "name vmSize mode osType vnetSubnetID podSubnetID orchestratorVersion messageOfTheDay nodePublicIPPrefixID"),
    **_all("string", "proximityPlacementGroupID capacityReservationGroupID hostGroupID"),
    **_all("int32", "count minCount maxCount maxPods osDiskSizeGB"),
    **_all("bool", "enableAutoScaling enableNodePublicIP enableEncryptionAtHost enableUltraSSD enableFIPS"),
    "spotMaxPrice": "float64",
    **_all("map[string]string", "tags nodeLabels"),
    **_all(["string"], "nodeTaints availabilityZones"),
    "osSKU": (
        *("Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux", "AzureLinux3", "AzureContainerLinux", "CBLMariner"),
        *("Windows2019", "Windows2022", "Windows2025"),
    ),
    "type": ("VirtualMachineScaleSets", "AvailabilitySet", "VirtualMachines"),
    "osDiskType": ("Managed", "Ephemeral"),
    "kubeletDiskType": ("OS", "Temporary"),
    "workloadRuntime": ("OCIContainer", "WasmWasi", "KataVmIsolation"),
    "podIPAllocationMode": ("DynamicIndividual", "StaticBlock"),
    "scaleDownMode": ("Delete", "Deallocate"),
    "scaleSetPriority": ("Regular", "Spot"),
    "scaleSetEvictionPolicy": ("Delete", "Deallocate"),
    "gpuInstanceProfile": ("MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"),
    "powerState": {"code": "string"},
    "upgradeSettings": _UPGRADE_SETTINGS,
    "securityProfile": {**_all("bool", "enableVTPM enableSecureBoot"), "sshAccess": ("LocalUser", "Disabled", "EntraId")},
    "windowsProfile": _all("bool", "disableOutboundNat"),
    "creationData": _all("string", "sourceResourceId"),
    **_all("map", "networkProfile kubeletConfig linuxOSConfig gpuProfile gatewayProfile artifactStreamingProfile localDNSProfile"),
    **_all("map", "virtualMachinesProfile"),
}

_NETWORK: Mapping[str, Kind] = {
    "networkPlugin": ("azure", "kubenet", "none"),
    "networkPluginMode": ("overlay",),
    "networkPolicy": ("none", "calico", "azure", "cilium"),
    "networkMode": ("transparent", "bridge"),
    "networkDataplane": ("azure", "cilium"),
    "outboundType": ("loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"),
    "loadBalancerSku": ("standard", "basic"),
    **_all("string", "podCidr serviceCidr dnsServiceIP"),
    **_all(["string"], "podCidrs serviceCidrs ipFamilies"),
    **_all("map", "loadBalancerProfile natGatewayProfile staticEgressGatewayProfile advancedNetworking"),
}

CLUSTER: Mapping[str, Kind] = {
    **_all("string", "location kind"),
    "tags": "map[string]string",
    "identity": {"type": ("SystemAssigned", "UserAssigned", "None"), "userAssignedIdentities": "map"},
    "sku": {"name": ("Base", "Automatic"), "tier": ("Premium", "Standard", "Free")},
    "extendedLocation": _all("string", "name type"),
    "properties": {
        **_all("string", "kubernetesVersion dnsPrefix fqdnSubdomain nodeResourceGroup diskEncryptionSetID"),
        **_all("bool", "enableRBAC enableFIPS disableLocalAccounts"),
        "supportPlan": ("KubernetesOfficial", "AKSLongTermSupport"),
        "publicNetworkAccess": ("Enabled", "Disabled"),
        "agentPoolProfiles": ["map"],
        "networkProfile": _NETWORK,
        "servicePrincipalProfile": _all("string", "clientId secret"),
        "linuxProfile": {"adminUsername": "string", "ssh": {"publicKeys": [_all("string", "keyData")]}},
        "windowsProfile": {
            **_all("string", "adminUsername adminPassword"),
            "licenseType": ("None", "Windows_Server"),
            "enableCSIProxy": "bool",
            "gmsaProfile": "map",
        },
        "autoUpgradeProfile": {
            "upgradeChannel": ("rapid", "stable", "patch", "node-image", "none"),
            "nodeOSUpgradeChannel": ("None", "Unmanaged", "NodeImage", "SecurityPatch"),
        },
        "oidcIssuerProfile": _all("bool", "enabled"),
        "nodeProvisioningProfile": {"mode": ("Manual", "Auto"), "defaultNodePools": ("None", "Auto")},
        "bootstrapProfile": {"artifactSource": ("Cache", "Direct"), "containerRegistryId": "string"},
        "upgradeSettings": {"overrideSettings": {"forceUpgrade": "bool", "until": "time"}},
        **_all("map", "addonProfiles podIdentityProfile nodeResourceGroupProfile aadProfile autoScalerProfile"),
        "ingressProfile": {
            "webAppRouting": {
                "enabled": "bool",
                "dnsZoneResourceId": "string",  # its name until 2023
                "dnsZoneResourceIds": ["string"],
                **_all("map", "gatewayAPIImplementations nginx"),
            },
            **_all("map", "gatewayAPI"),
        },
        **_all("map", "apiServerAccessProfile httpProxyConfig securityProfile storageProfile workloadAutoScalerProfile"),
        **_all("map", "azureMonitorProfile serviceMeshProfile metricsProfile aiToolchainOperatorProfile schedulerProfile"),
        **_all("map", "hostedSystemProfile"),
    },
}


def known(document: Json, fields: Mapping[str, Kind], struct: str) -> Json:
    """What AKS reads of an object: its own fields, but for null and the empty word. `struct` names the object in errors. Raises Refused."""
    named = {name: value for name, value in document.items() if name in fields and value is not None}
    return {
        name: _read(value, fields[name], f"{struct}.{name}")
        for name, value in named.items()
        if value != "" or not isinstance(fields[name], tuple)
    }


def _read(value: Any, kind: Kind, field: str) -> Any:  # noqa: ANN401 - JSON is any of six types
    match kind:
        case tuple():
            return _word(_typed(value, "string", field), kind, field)
        case list():
            if not isinstance(value, list):
                raise Refused(refusals.unmarshalled(field, value, "[]string" if kind == ["string"] else "[]*struct"))
            return [_read(item, kind[0], field) for item in value]
        case str():
            if kind != "map[string]string":
                return _typed(value, kind, field)
            return {name: _typed(item, "string", f"{field}.{name}") for name, item in _typed(value, "map", field).items()}
        case _:
            return known(_typed(value, "map", field), kind, field)


def _typed(value: Any, kind: str, field: str) -> Any:  # noqa: ANN401 - as above
    right = isinstance(value, _GO[kind]) and (kind == "bool" or not isinstance(value, bool))
    if right and kind == "time":
        right = _INSTANT.fullmatch(value) is not None
    if not right:
        raise Refused(refusals.unmarshalled(field, value, kind))
    return value


def _word(value: str, words: tuple[str, ...], field: str) -> str:
    """The word as AKS writes it; it reads them in any case."""
    for word in words:
        if word.casefold() == value.casefold():
            return word
    raise Refused(refusals.invalid(field.replace("ManagedClusterAgentPoolProfile.", "agentPoolProfile.").removeprefix("ManagedCluster.")))

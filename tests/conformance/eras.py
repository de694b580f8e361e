"""The one table of differences between the recordings, made from 2020 to 2026, and a simulator that speaks as AKS does now.

Each entry tells one difference, how long it held, and where that is stated. What is not in the table is a fault, and so is an entry that
no recording needs.
"""

import re
from dataclasses import dataclass

from tests.conformance.comparing import Difference, Kind

MODELS = "the models of each api-version in azure-mgmt-containerservice 30.0.0"
RECORDED = "the recordings before and after"
PUBLIC = "68,000 exchanges in public recordings, 2018 to 2026"
NEWEST = "a creation recorded in February 2026"


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A difference in one field, header or status (a pattern), for api-versions before `until`, or if recorded before the month `before`.

    `lasting` are those of no era: they belong to chance, to the recorder, or to what nobody recorded. `pair` is what was recorded and
    what is answered now, texts as patterns.
    """

    field: str
    kind: Kind
    why: str
    source: str
    asked: str = ".*"
    until: str | None = None
    before: str | None = None
    lasting: bool = False
    pair: tuple[object, object] | None = None

    def covers(self, difference: Difference) -> bool:
        """Whether this is the difference that the entry tells."""
        return (
            self.kind == difference.kind
            and re.fullmatch(self.field, difference.field) is not None
            and re.fullmatch(self.asked, difference.asked) is not None
            and (self.until is None or difference.version < self.until)
            and (self.before is None or difference.month < self.before)
            and (self.pair is None or all(map(_fits, self.pair, (difference.recorded, difference.ours))))
        )


def _fits(wanted: object, value: object) -> bool:
    return re.fullmatch(wanted, value) is not None if isinstance(wanted, str) and isinstance(value, str) else wanted == value


def _came_with(version: str, *fields: str) -> tuple[Era, ...]:
    why = f"the field came with api-version {version}; older ones do not show it"
    return tuple(Era(field=re.escape(field), kind="extra", why=why, source=MODELS, until=version) for field in fields)


def _shown_unasked(*fields: str) -> tuple[Era, ...]:
    why = "its default was not shown to clients that had not sent the field; by January 2026 it was"
    return tuple(Era(field=re.escape(field), kind="extra", why=why, source=RECORDED, before="2026-01") for field in fields)


def _gone_since(version: str, *fields: str) -> tuple[Era, ...]:
    why = f"the field left the API with {version}"
    return tuple(Era(field=re.escape(field), kind="missing", why=why, source=MODELS, until=version) for field in fields)


def _by_chance(kind: Kind) -> Era:
    why = "some documents of an operation show the error NotLatestOperation though nothing failed: by chance, there and here"
    source = f"{PUBLIC}: in 310 of 38,090 polls"
    return Era(field=r"\.error", kind=kind, why=why, source=source, asked="GET locations/operations", lasting=True)


def _of_the_catalogue(kind: Kind, what: str) -> Era:
    why = "how many patches a minor has, and which of them is a preview, is the catalogue's business; the rule has its own tests"
    field = re.escape(f".properties.controlPlaneProfile.upgrades[]{what}")
    return Era(field=field, kind=kind, why=why, source=PUBLIC, lasting=True)


ERAS: tuple[Era, ...] = (
    # ------------------------------------------------------------------------------------------------------------ fields that came
    *_came_with("2020-04-01", "pool.nodeImageVersion"),
    *_came_with("2020-09-01", "cluster.powerState", "pool.powerState", "pool.osDiskType"),
    *_came_with("2020-12-01", "pool.kubeletDiskType"),
    *_came_with("2021-02-01", "cluster.azurePortalFQDN"),
    *_came_with("2021-03-01", "pool.enableFIPS", "pool.osSKU"),
    *_came_with("2021-07-01", "cluster.securityProfile"),
    *_came_with("2021-10-01", *(f"cluster.networkProfile.{name}" for name in ("ipFamilies", "podCidrs", "serviceCidrs"))),
    *_came_with("2021-11-01-preview", "cluster.oidcIssuerProfile"),
    *_came_with("2022-03-02-preview", "cluster.currentKubernetesVersion", "pool.currentOrchestratorVersion"),
    *_came_with("2022-04-01", "cluster.storageProfile"),
    *_came_with("2022-05-02-preview", "cluster.workloadAutoScalerProfile"),
    *_came_with("2022-08-02-preview", "cluster.networkProfile.loadBalancerProfile.backendPoolType"),
    *_came_with("2022-10-02-preview", "cluster.autoUpgradeProfile.nodeOSUpgradeChannel"),
    *_came_with("2023-02-01", "cluster.networkProfile.networkDataplane"),
    *_came_with("2023-03-01", "cluster.supportPlan"),
    *_came_with("2023-06-02-preview", "pool.securityProfile"),
    *_came_with("2023-07-02-preview", "cluster.resourceUID", "cluster.metricsProfile"),
    *_came_with("2023-09-02-preview", "cluster.nodeProvisioningProfile"),
    *_came_with("2024-01-02-preview", "cluster.bootstrapProfile"),
    *_came_with("2024-02-02-preview", "cluster.kind", "pool.upgradeSettings.maxUnavailable"),
    # ---------------------------------------------------------------------------------------------------- defaults that came to light
    *_shown_unasked("pool.enableAutoScaling", "pool.enableNodePublicIP", "pool.scaleDownMode", "pool.upgradeSettings.maxSurge"),
    *_shown_unasked("pool.upgradeSettings", "cluster.autoUpgradeProfile", "cluster.networkProfile.networkPolicy"),
    # ----------------------------------------------------------------------------------------------------------- fields that went away
    *_gone_since("2023-04-01", "cluster.networkProfile.dockerBridgeCidr"),
    *_gone_since("2024-02-02-preview", "pool.enableCustomCATrust", "cluster.storageProfile.diskCSIDriver.version"),
    *_gone_since("2025-08-01", "cluster.enablePodSecurityPolicy"),
    # -------------------------------------------------------------------------------------------------------------- words and numbers
    Era(
        field=r"pool\.provisioningState",
        kind="value",
        why="a change of the count was called Scaling, and is called Updating",
        source=f"{PUBLIC}: seen to 2020 only",
        before="2021-01",
        pair=("Scaling", "Updating"),
    ),
    Era(
        field=r"cluster\.sku\.name",
        kind="value",
        why="the SKU was called Basic before api-version 2023-02-01",
        source=MODELS,
        until="2023-02-01",
        pair=("Basic", "Base"),
    ),
    Era(
        field=r"cluster\.networkProfile\.loadBalancerSku",
        kind="value",
        why="once the load balancer was there, its SKU was shown in capitals",
        source=RECORDED,
        before="2026-01",
        pair=("Standard", "standard"),
    ),
    Era(field=r"cluster\.maxAgentPools", kind="value", why="ten pools were the most", source=RECORDED, until="2021-05-01", pair=(10, 100)),
    Era(
        field=r"pool\.osDiskSizeGB",
        kind="value",
        why="a disk had 100 GB where none was asked for",
        source=RECORDED,
        before="2021-01",
        pair=(100, 128),
    ),
    Era(
        field=r"pool\.maxPods",
        kind="value",
        why="a cluster that says nothing about its network got kubenet, with 110 pods a node; it gets azure in overlay mode, with 250",
        source=NEWEST,
        before="2026-01",
        pair=(110, 250),
    ),
    Era(
        field=r"cluster\.networkProfile\.networkPlugin",
        kind="value",
        why="as the pods of a node",
        source=NEWEST,
        before="2026-01",
        pair=("kubenet", "azure"),
    ),
    Era(
        field=r"cluster\.networkProfile\.networkPluginMode",
        kind="extra",
        why="as the pods of a node",
        source=NEWEST,
        before="2026-01",
        pair=(None, "overlay"),
    ),
    Era(
        field=r"cluster\.kubernetesVersion|pool\.orchestratorVersion",
        kind="value",
        why="who asked for no version was shown a patch; now the minor is shown, and the patch as the current version",
        source=NEWEST,
        before="2026-01",
        pair=(r"1\.\d+\.\d+", r"1\.\d+"),
    ),
    Era(
        field=r"pool\.osSKU",
        kind="value",
        why="Windows nodes ran Windows Server 2019",
        source="learn.microsoft.com/azure/aks/upgrade-windows-os (2022 from Kubernetes 1.25 on)",
        before="2023-01",
        pair=("Windows2019", "Windows2022"),
    ),
    Era(
        field=r"pool\.nodeLabels",
        kind="missing",
        why="no labels were shown as an empty object",
        source=RECORDED,
        until="2021-05-01",
        pair=({}, None),
    ),
    Era(
        field=r"cluster\.addonProfiles",
        kind="missing",
        why="every cluster had the dashboard, switched off",
        source="github.com/Azure/AKS, release notes of 2021: the add-on is retired",
        until="2021-05-01",
        pair=({"KubeDashboard": {"enabled": False, "config": None}}, None),
    ),
    Era(
        field=r"cluster\.addonProfiles\.httpApplicationRouting\.config",
        kind="type",
        why="the add-on, which made a DNS zone, is retired",
        source="learn.microsoft.com/azure/aks/http-application-routing",
        before="2025-03",
    ),
    Era(
        field=r"cluster\.networkProfile\.loadBalancerProfile\.effectiveOutboundIPs",
        kind="missing",
        why="the address was shown as soon as it was there; now with the operation's end",
        source=NEWEST,
        before="2021-01",
    ),
    # ------------------------------------------------------------------------------------------------------------- errors and protocol
    Era(
        field=r"cluster\.details",
        kind="extra",
        why="AKS's errors have had details since June 2023",
        source=PUBLIC,
        before="2023-06",
    ),
    Era(
        field=r"cluster\.subcode",
        kind="extra",
        why="AKS's errors have had a subcode since June 2022",
        source=PUBLIC,
        before="2022-06",
    ),
    Era(
        field=r"pool\.subcode|\.subcode",
        kind="value",
        why="the suffix came in 2025",
        source=PUBLIC,
        before="2025-01",
        pair=("GetAgentPool_NotFound", "GetAgentPool_NotFound_HCPServerError"),
    ),
    Era(
        field=r"(azure-asyncoperation|location)\.signature",
        kind="header",
        why="status URLs had no signature",
        source=f"{PUBLIC}: from 2023 on they have one",
        before="2023-10",
        pair=(False, True),
    ),
    Era(
        field="status",
        kind="status",
        why="the list of orchestrators of 2019 is gone; kubernetesVersions took its place",
        source="the description: no such list is in it",
        asked="GET locations/orchestrators",
        before="2023-01",
        pair=(200, 404),
    ),
    # ----------------------------------------------------------------------------------------------------------------- of no era
    _by_chance("missing"),
    _by_chance("extra"),
    Era(
        field=r"cluster\.eTag|pool\.eTag",
        kind="extra",
        why="documented for api-versions from 2024 on, shown in no recording, not even in that of January 2026",
        source="learn.microsoft.com/azure/aks/use-etags; the description names it",
        lasting=True,
    ),
    Era(
        field=r"cluster\.servicePrincipalProfile\.clientId",
        kind="value",
        why="the recorder put a made-up guid for the service's own word",
        source="the recording of January 2026 says msi",
        before="2023-10",
        pair=("[0-9a-f-]{36}", "msi"),
    ),
    _of_the_catalogue("length", ""),
    _of_the_catalogue("value", ".kubernetesVersion"),
    _of_the_catalogue("missing", ".isPreview"),
)

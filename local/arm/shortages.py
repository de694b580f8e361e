"""What AKS says when something is lacking or in the way: quota and blocked upgrades as refusals, capacity and drains as operation errors.

As in `refusals`, codes are Azure's own; so are the texts where they were quoted in public, and those marked "ours" are not.
"""

from datetime import datetime

from local.arm.refusals import flat
from local.arm.wire import Json, Reply

_MORE_QUOTA = (
    "If you want to increase the quota, please follow this instruction: https://learn.microsoft.com/en-us/azure/quotas/view-quotas. "
    "Surge nodes would also consume vcpu quota, please consider use smaller maxSurge or use maxUnavailable to proceed upgrade without "
    "surge nodes, details: aka.ms/aks/maxUnavailable."
)


def clusters_exceed_quota(allowed: int, used: int) -> Reply:
    """400 of one cluster more than a subscription may have in a region."""
    message = (
        f"Operation results in exceeding quota limits for managed clusters. Maximum allowed: {allowed}, Current usage: {used}, "
        "Additional requested: 1. Consider deleting unused clusters or requesting a quota increase. To request a quota increase, follow "
        "the instructions here: https://learn.microsoft.com/azure/quotas/quickstart-increase-quota-portal."
    )
    return flat(400, "ManagedClusterCountExceedsQuotaLimit", message)


def vcpus_exceed_quota(region: str, family: str | None, left: int, requested: int) -> Json:
    """The error of more vCPUs than a subscription may use in a region, of one family or (None) of all together."""
    if family is None:
        message = (
            f"Insufficient regional vcpu quota left for location {region}. left regional vcpu quota {left}, requested quota {requested}. "
        )
    else:
        message = f"Insufficient vcpu quota requested {requested}, remaining {left} for family {family} for region {region}. "
    return {"code": "ErrCode_InsufficientVCPUQuota", "message": message + _MORE_QUOTA}


def deprecated_apis_used(usages: list[tuple[str, datetime, str]]) -> Reply:
    """400 of an upgrade to a minor without APIs that the cluster uses; each usage is the API, when it was seen, and where it ends."""
    lines = [
        f"usage has been detected on API {api}, and was recently seen at: {seen_at:%Y-%m-%d %H:%M:%S} +0000 UTC, "
        f"which will be removed in {removed_in}"
        for api, seen_at, removed_in in usages
    ]
    message = (
        "Control Plane upgrade is blocked due to recent usage of a Kubernetes API deprecated in the specified version. Please refer to "
        "https://kubernetes.io/docs/reference/using-api/deprecation-guide to migrate the usage. To bypass this error, set "
        "enable-force-upgrade in upgradeSettings.overrideSettings. Bypassing this error without migrating usage will result in the "
        f"deprecated Kubernetes API calls failing. Usage details: {_errors(lines)}"
    )
    return flat(400, "ValidationError", message, subcode="UpgradeBlockedOnDeprecatedAPIUsage")


def budgets_unsatisfiable(names: list[str]) -> Reply:
    """400 of an upgrade of nodes whose Pod Disruption Budgets can never be met (issue 4860 of Azure/AKS)."""
    lines = [f"PDB {name} has minAvailable(1) >= expectedPods(1)  can't proceed with put operation" for name in names]
    message = (
        "Upgrade is blocked due to invalid Pod Disruption Budgets (PDBs). Please review the PDB spec to allow disruptions during upgrades. "
        "To bypass this error, set forceUpgrade in upgradeSettings.overrideSettings. Bypassing this error without updating the PDB may "
        f"result in drain failures during upgrade process. Invalid PDBs details: {_errors(lines)}"
    )
    return flat(400, "UnsatisfiablePDB", message)


def _errors(lines: list[str]) -> str:
    count = "1 error occurred:" if len(lines) == 1 else f"{len(lines)} errors occurred:"
    return "\n\t* ".join([count, *lines]) + "\n\n"


# ------------------------------------------------------------------------------------------------------ errors of operations


def nodes_not_allocated(*, zonal: bool, ephemeral: bool) -> Json:
    """The error of nodes for which there is no room in a region, or in a zone; pools with ephemeral disks hear of constraints."""
    if ephemeral:
        bound = ["Availability Zone"] * zonal + [
            "Differencing (Ephemeral) Disks",
            "Networking Constraints (such as Accelerated Networking or IPv6)",
            "VM Size",
        ]
        message = (
            "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too restrictive. "
            "Please remove some constraints and try again. Constraints applied are:\n"
        ) + "".join(f"  - {name}\n" for name in bound)
        return {"code": "OverconstrainedZonalAllocationRequest" if zonal else "OverconstrainedAllocationRequest", "message": message}
    message = (
        f"Allocation failed. We do not have sufficient capacity for the requested VM size in this {'zone' if zonal else 'region'}. "
        "Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance"
    )
    return {"code": "ZonalAllocationFailed" if zonal else "AllocationFailed", "message": message}


def drain_blocked(node: str, pod: str, budget: str) -> Json:
    """The error of a node whose pods could not be evicted before the drain timeout (issue 7346 of cloudnative-pg/cloudnative-pg)."""
    message = (
        f"Drain node {node} failed when evicting pod {pod.partition('/')[2]} failed with Too Many Requests error. This is often caused by "
        "a restrictive Pod Disruption Budget (PDB) policy. See http://aka.ms/aks/debugdrainfailures. Original error: Cannot evict pod as "
        f"it would violate the pod's disruption budget.. PDB debug info: {pod} blocked by pdb {budget.partition('/')[2]} "
        "(MinAvailable: 1) (CurrentHealthy: 1) (DesiredHealthy: 1) (ExpectedPods: 1) with 0 unready pods: []."
    )
    return {"code": "UpgradeFailed", "message": message}

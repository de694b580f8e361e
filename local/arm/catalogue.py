"""What this Azure offers: regions, and the Kubernetes versions of each. A made-up catalogue in the shape of November 2026.

1.34 to 1.37 are offered, 1.33 to long-term support only; the default is the minor before the newest, with its newest patch.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.arm.wire import Json

REGIONS = (
    *("australiaeast", "brazilsouth", "canadacentral", "canadaeast", "centralindia", "centralus", "eastasia", "eastus", "eastus2"),
    *("francecentral", "germanywestcentral", "israelcentral", "italynorth", "japaneast", "japanwest", "koreacentral", "mexicocentral"),
    *("northcentralus", "northeurope", "norwayeast", "polandcentral", "southafricanorth", "southcentralus", "southeastasia"),
    *("spaincentral", "swedencentral", "switzerlandnorth", "uaenorth", "uksouth", "ukwest", "westcentralus", "westeurope", "westus"),
    *("westus2", "westus3"),
)

_LATE_REGIONS = frozenset({"brazilsouth", "uksouth", "westcentralus"})  # where the newest patch has not arrived yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Minor:
    """One minor version with its patches, oldest first, and the support plans that may run it."""

    number: int
    patches: tuple[str, ...]
    plans: tuple[str, ...] = ("KubernetesOfficial", "AKSLongTermSupport")

    @property
    def name(self) -> str:
        """As AKS writes it: 1.36."""
        return f"1.{self.number}"


_MINORS = (
    Minor(number=33, patches=("1.33.10", "1.33.11"), plans=("AKSLongTermSupport",)),
    Minor(number=34, patches=("1.34.7", "1.34.9")),
    Minor(number=35, patches=("1.35.4", "1.35.6")),
    Minor(number=36, patches=("1.36.2", "1.36.4")),
    Minor(number=37, patches=("1.37.0", "1.37.1")),
)


def region(spelling: str) -> str:
    """ARM's short spelling of a region: "West US 3" is westus3."""
    return spelling.replace(" ", "").lower()


def offered(location: str, _now: datetime) -> tuple[Minor, ...]:
    """The minors that a region offers at that time (the catalogue does not move yet)."""
    if location not in _LATE_REGIONS:
        return _MINORS
    newest = _MINORS[-1]
    return (*_MINORS[:-1], Minor(number=newest.number, patches=newest.patches[:-1], plans=newest.plans))


def default(location: str, now: datetime) -> Minor:
    """The minor that a cluster gets when it asks for none: the one before the newest."""
    return offered(location, now)[-2]


def patch_for(wanted: str, *, location: str, now: datetime, plan: str = "KubernetesOfficial") -> str | None:
    """The patch that `1.36` (its newest) or `1.36.2` (itself) stands for in a region under a plan; None if it is not offered."""
    for minor in offered(location, now):
        if plan in minor.plans:
            if wanted == minor.name:
                return minor.patches[-1]
            if wanted in minor.patches:
                return wanted
    return None


def order(version: str) -> tuple[int, ...]:
    """A version as numbers, to compare: 1.36 is before 1.36.2."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def upgrades(patch: str, location: str, now: datetime) -> list[str]:
    """Where a patch can go: every newer offered patch of its minor and of the next one (recorded)."""
    here = order(patch)
    minors = [minor for minor in offered(location, now) if minor.number in {here[1], here[1] + 1}]
    return [target for minor in minors for target in minor.patches if order(target) > here]


def listing(location: str, now: datetime) -> Json:
    """The answer of `kubernetesVersions`: under `values`, in no order, `isDefault` only where it is true (recorded)."""
    values: list[Json] = []
    for minor in offered(location, now):
        value: Json = {"version": minor.name, "capabilities": {"supportPlan": list(minor.plans)}}
        if minor == default(location, now):
            value["isDefault"] = True
        value["patchVersions"] = {patch: {"upgrades": upgrades(patch, location, now)} for patch in minor.patches}
        values.append(value)
    return {"values": [*values[2:], *values[:2]]}


def node_image(version: str, os_type: str, now: datetime) -> str:
    """The node image of a pool made now: a weekly build, two weeks behind; Ubuntu 24.04 from 1.35 on."""
    week = (now - timedelta(days=14)).isocalendar()
    build = datetime.fromisocalendar(week.year, week.week, 1).strftime("%Y%m.%d") + ".0"
    if os_type == "Windows":
        return f"AKSWindows-2022-containerd-20348.{build}"
    return f"AKSUbuntu-{'2404' if order(version)[1] >= 35 else '2204'}gen2containerd-{build}"

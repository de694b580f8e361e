"""What this Azure offers on a day: regions, the Kubernetes versions of each, and node images. The calendar behind it is in `releases`."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from local.arm import releases
from local.arm.releases import Release
from local.arm.wire import Json

REGIONS = (
    *("australiaeast", "brazilsouth", "canadacentral", "canadaeast", "centralindia", "centralus", "eastasia", "eastus", "eastus2"),
    *("francecentral", "germanywestcentral", "israelcentral", "italynorth", "japaneast", "japanwest", "koreacentral", "mexicocentral"),
    *("northcentralus", "northeurope", "norwayeast", "polandcentral", "southafricanorth", "southcentralus", "southeastasia"),
    *("spaincentral", "swedencentral", "switzerlandnorth", "uaenorth", "uksouth", "ukwest", "westcentralus", "westeurope", "westus"),
    *("westus2", "westus3"),
)

OFFICIAL = "KubernetesOfficial"
LONG_TERM = "AKSLongTermSupport"

_STABLE_PATCHES = 2
"""So many patches of a minor are offered at a time: an older one goes when the next arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minor:
    """One minor version with its patches, oldest first, and the support plans that may run it."""

    number: int
    patches: tuple[str, ...]
    plans: tuple[str, ...] = (OFFICIAL, LONG_TERM)
    preview: bool = False

    @property
    def name(self) -> str:
        """As AKS writes it: 1.36."""
        return f"1.{self.number}"


def region(spelling: str) -> str:
    """ARM's short spelling of a region: "West US 3" is westus3."""
    return spelling.replace(" ", "").lower()


def offered(location: str, now: datetime) -> tuple[Minor, ...]:
    """The minors that a region offers at that time, oldest first: previews, stable ones, and those under long-term support only."""
    return _offered(location, now.astimezone(UTC).date())


@lru_cache(maxsize=256)
def _offered(location: str, day: date) -> tuple[Minor, ...]:
    found = (_minor(release, location, day) for release in releases.offered_on(day))
    return tuple(minor for minor in found if minor is not None)


def _minor(release: Release, location: str, day: date) -> Minor | None:
    arrived: list[str] = []
    for came_on, patch in release.patches():
        if came_on > day:
            break
        version = f"1.{release.number}.{patch}"
        if came_on + releases.lag(location, version) <= day:
            arrived.append(version)
    if not arrived:
        return None
    official = (OFFICIAL,) if day <= release.supported_until else ()
    plans = official if release.long_term_until is None else (*official, LONG_TERM)
    preview = day < release.general_on + releases.lag(location, f"1.{release.number}")
    return Minor(number=release.number, patches=tuple(arrived[-_STABLE_PATCHES:]), plans=plans, preview=preview)


def default(location: str, now: datetime) -> Minor:
    """The minor that a cluster gets when it asks for none: the one before the newest stable one, never a preview."""
    stable = [minor for minor in offered(location, now) if not minor.preview and OFFICIAL in minor.plans]
    return stable[-2]


def patch_for(wanted: str, *, location: str, now: datetime, plan: str = OFFICIAL) -> str | None:
    """The patch that `1.36` (its newest) or `1.36.2` (itself) stands for in a region under a plan; None if it is not offered."""
    for minor in offered(location, now):
        if plan in minor.plans:
            if wanted == minor.name:
                return minor.patches[-1]
            if wanted in minor.patches:
                return wanted
    return None


def any_patch(wanted: str, *, location: str, now: datetime) -> str | None:
    """The patch that a version stands for under whichever plan offers it."""
    plans = (OFFICIAL, LONG_TERM)
    return next(filter(None, (patch_for(wanted, location=location, now=now, plan=plan) for plan in plans)), None)


def order(version: str) -> tuple[int, ...]:
    """A version as numbers, to compare: 1.36 is before 1.36.2."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def upgrades(patch: str, location: str, now: datetime, plan: str | None = None) -> list[str]:
    """Where a patch can go: every newer patch offered of its minor and of the next one (recorded), under a plan or under any.

    Where the next minor is offered no more, the one after it that is: the way back for who has fallen out of support. The rule is
    that of acs-engine's `getKubernetesAvailableUpgradeVersions`, which the recorded answers follow.
    """
    here = order(patch)
    minors = [minor for minor in offered(location, now) if plan is None or plan in minor.plans]
    above = [minor.number for minor in minors if minor.number > here[1]]
    reach = {here[1], min(above, default=here[1])}
    return [target for minor in minors if minor.number in reach for target in minor.patches if order(target) > here]


def is_preview(version: str, location: str, now: datetime) -> bool:
    """Whether a version, minor or patch, is offered as a preview."""
    return any(minor.preview and minor.number == order(version)[1] for minor in offered(location, now))


def listing(location: str, now: datetime) -> Json:
    """The answer of `kubernetesVersions`: under `values`, in no order, `isDefault` and `isPreview` only where true (recorded)."""
    values: list[Json] = []
    usual = default(location, now)
    for minor in offered(location, now):
        value: Json = {"version": minor.name, "capabilities": {"supportPlan": list(minor.plans)}}
        if minor == usual:
            value["isDefault"] = True
        if minor.preview:
            value["isPreview"] = True
        value["patchVersions"] = {patch: {"upgrades": upgrades(patch, location, now)} for patch in minor.patches}
        values.append(value)
    return {"values": [*values[2:], *values[:2]]}


def node_image(version: str, os_type: str, now: datetime) -> str:
    """The newest node image: a build a week, two weeks behind; Ubuntu 24.04 from 1.35 on, 22.04 from 1.25 on, 18.04 before."""
    week = (now - timedelta(days=14)).isocalendar()
    build = datetime.fromisocalendar(week.year, week.week, 1).strftime("%Y%m.%d") + ".0"
    if os_type == "Windows":
        return f"AKSWindows-2022-containerd-20348.{build}"
    minor = order(version)[1]
    ubuntu = "2404" if minor >= 35 else "2204" if minor >= 25 else "1804"
    return f"AKSUbuntu-{ubuntu}gen2containerd-{build}"

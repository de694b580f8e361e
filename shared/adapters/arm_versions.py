"""What ARM says of Kubernetes versions, to our nouns. Pure; apart from `arm_json` because only those pay for it who ask for versions."""

from collections.abc import Mapping
from typing import Any

from shared.model.versions import KubernetesVersion, Offer, Offered, Target

Json = Mapping[str, Any]


def offer_of(document: Json) -> Offer:
    """What a cluster's upgrade profile offers its control plane. `upgrades` may be absent or null where there is nothing newer."""
    profile = document["properties"]["controlPlaneProfile"]
    targets = [
        Target(version=KubernetesVersion.parse(str(item["kubernetesVersion"])), preview=bool(item.get("isPreview")))
        for item in profile.get("upgrades") or ()
    ]
    return Offer(targets=tuple(sorted(targets, key=lambda target: target.version)))


def offered_of(document: Json) -> tuple[Offered, ...]:
    """What a region offers, newest first. The service lists minors in no order, under `values`, with their patches in a map (recorded).

    A region's default minor stands for its newest patch: that is what a cluster gets that asks for no version.
    """
    found: list[Offered] = []
    for minor in document["values"] or ():
        patches = {KubernetesVersion.parse(str(name)): facts or {} for name, facts in (minor.get("patchVersions") or {}).items()}
        plans = tuple(str(plan) for plan in (minor.get("capabilities") or {}).get("supportPlan") or ())
        for version, facts in patches.items():
            found.append(
                Offered(
                    version=version,
                    plans=plans,
                    preview=bool(minor.get("isPreview")),
                    default=bool(minor.get("isDefault")) and version == max(patches),
                    upgrades=tuple(sorted(KubernetesVersion.parse(str(name)) for name in facts.get("upgrades") or ())),
                )
            )
    return tuple(sorted(found, key=lambda offered: offered.version, reverse=True))

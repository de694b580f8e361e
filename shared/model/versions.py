"""Kubernetes versions: their order and spelling, and what AKS offers of them, in a region or to one cluster."""

import re
from dataclasses import dataclass
from typing import Self

_PATCH = re.compile(r"(\d{1,2})\.(\d{1,3})\.(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class KubernetesVersion:
    """One released patch, such as 1.36.4. Ordered as released; a minor such as 1.36 is a family of these and no version itself."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1.36.4`. Raises ValueError for anything else, a minor without its patch included."""
        found = _PATCH.fullmatch(text)
        if found is None:
            message = f"{text[:40]!a} is no version such as 1.36.4"
            raise ValueError(message)
        return cls(*map(int, found.groups()))

    @property
    def family(self) -> str:
        """The minor it belongs to, as AKS writes it: 1.36."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        """The spelling of AKS and Kubernetes."""
        return f"{self.family}.{self.patch}"

    def hops_to(self, other: "KubernetesVersion") -> int:
        """How many minors the other is ahead: 0 in the same minor, negative behind."""
        return other.minor - self.minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A version that AKS offers in a region: by which support plans, whether as a preview or as the default, and what it upgrades to."""

    version: KubernetesVersion
    plans: tuple[str, ...]
    preview: bool
    default: bool
    upgrades: tuple[KubernetesVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A version that AKS offers one cluster's control plane."""

    version: KubernetesVersion
    preview: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What AKS would let one cluster's control plane move to, lowest first. Empty where there is nothing newer."""

    targets: tuple[Target, ...]

    def find(self, version: KubernetesVersion) -> Target | None:
        """The target of that version, if it is offered."""
        return next((target for target in self.targets if target.version == version), None)

    def newest(self, family: str) -> Target | None:
        """The newest target of a minor that is no preview; None if there is none."""
        return next((target for target in reversed(self.targets) if target.version.family == family and not target.preview), None)

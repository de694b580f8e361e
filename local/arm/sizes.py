"""VM sizes by their names: how many vCPUs one has, and in which family Azure counts it.

The naming is that of learn.microsoft.com/azure/virtual-machines/vm-naming-conventions; a name that does not follow it is
a family of its own.
"""

import re

_NAME = re.compile(r"standard_([a-z]+?)(\d+)(?:-(\d+))?([a-z]*)((?:_[a-z0-9]+)*?)(_v\d+)?", re.IGNORECASE)

_NUMBERED = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}
"""vCPUs of the older D and DS series (none, or v2), whose names number the sizes and not the vCPUs."""


def vcpus(vm_size: str) -> int:
    """The vCPUs of one VM: 4 for Standard_D4ds_v5; 1 where the name does not say."""
    found = _NAME.fullmatch(vm_size)
    if found is None:
        return 1
    series, number, constrained, _, _, generation = found.groups()
    if series.upper() in {"D", "DS"} and (generation or "_v2").lower() == "_v2":
        return _NUMBERED.get(int(number), int(number))
    return int(constrained or number)


def family(vm_size: str) -> str:
    """The family under which quota and capacity are counted: standardDDSv5Family for Standard_D4ds_v5."""
    found = _NAME.fullmatch(vm_size)
    if found is None:
        return f"{vm_size}Family"
    series, _, _, features, accelerator, generation = found.groups()
    # All burstable sizes of the first generation are one family, whatever letters follow (quoted in public: B2ms counts as BS).
    features = "S" if series.upper() == "B" and not generation else features.upper()
    return f"standard{series.upper()}{features}{(generation or '').lower().lstrip('_')}{accelerator}Family"

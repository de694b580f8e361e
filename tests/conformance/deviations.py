"""The one list of ways in which the real service differs from its own description, so that a simulator of the service must differ too.

What is not in the list is a fault. Where a recording shows a way, a test holds the entry against it; the others say where they are told.
"""

import re
from dataclasses import dataclass

from tests.conformance.description import Departure, Kind

STARTS = "how operations begin in 68,000 exchanges of public recordings, 2018 to 2026"
POLLS = "38,090 polls in public recordings of 2018 to 2026"
OLD = "recordings of 2020 to 2023"
ERRORS = "the errors of AKS in public recordings of 2020 to 2026"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One way to differ: in which operations and statuses, where (patterns), and in what word.

    `recorded` says that a recording shows it. `of_recordings` are ways of older api-versions that excuse no simulator of today.
    """

    kind: Kind
    why: str
    source: str
    at: str = ""
    operation: str = ".*"
    status: str = "2.."
    word: str = ".*"
    recorded: bool = True
    of_recordings: bool = False

    def covers(self, departure: Departure) -> bool:
        """Whether this is the way in which an answer departs."""
        return (
            self.kind == departure.kind
            and re.fullmatch(self.at, departure.at) is not None
            and re.fullmatch(self.operation, departure.operation) is not None
            and re.fullmatch(self.status, str(departure.status)) is not None
            and re.fullmatch(self.word, str(departure.value), re.DOTALL) is not None
        )


def _old(kind: Kind, at: str, why: str, word: str = ".*") -> Deviation:
    return Deviation(kind=kind, at=at, why=why, word=word, source=OLD, of_recordings=True)


DEVIATIONS: tuple[Deviation, ...] = (
    # ------------------------------------------------------------------------------------------------------------ status URLs, handles
    Deviation(
        kind="path",
        operation="-",
        word=r".*/locations/[^/]+/(operations|operationresults)/[^/]+",
        why="the status URLs to which every operation leads are no part of the description",
        source=POLLS,
    ),
    Deviation(
        kind="path",
        operation="-",
        word=r".*/managedClusters/[^/]+(/agentPools/[^/]+)?/operations/[^/]+",
        why="what a cluster or a pool is busy with is asked by the Azure CLI, and described in previews only",
        source="OperationStatusResult in the models of 2023-10-02-preview and later; `latest` in azure-cli's aks-preview",
        recorded=False,
    ),
    Deviation(
        kind="header",
        at="azure-asyncoperation",
        operation="(ManagedClusters|AgentPools)_CreateOrUpdate",
        status="200",
        word="sent, not described",
        why="a change is described as done at once; it begins an operation",
        source=STARTS,
    ),
    Deviation(
        kind="header",
        at="location",
        operation="(ManagedClusters|AgentPools)_CreateOrUpdate",
        status="201",
        word="described, not sent",
        why="what is being made has no Location",
        source=STARTS,
    ),
    Deviation(
        kind="header",
        at="azure-asyncoperation",
        operation="ManagedClusters_RunCommand",
        status="202",
        word="described, not sent",
        why="a command is followed by its Location only",
        source=STARTS,
    ),
    Deviation(
        kind="header",
        at="location",
        operation="ManagedClusters_GetCommandResult",
        status="202",
        word="sent, not described",
        why="while a command runs, its result leads to itself",
        source=POLLS,
    ),
    Deviation(
        kind="body",
        operation="ManagedClusters_GetCommandResult",
        status="202",
        word="sent, not described",
        why="a command that runs has a body with its state",
        source=POLLS,
    ),
    Deviation(
        kind="body",
        operation="(ManagedClusters|AgentPools)_AbortLatestOperation|AgentPools_UpgradeNodeImageVersion",
        status="202",
        word="sent, not described",
        why="these 202 carry the resource",
        source=STARTS,
        recorded=False,
    ),
    # ------------------------------------------------------------------------------------------------------------------------- errors
    Deviation(
        kind="error",
        at="",
        status="4..",
        word="not wrapped",
        why="AKS's own errors are flat; only ARM's stand in `error`",
        source=ERRORS,
    ),
    Deviation(
        kind="unnamed",
        at=r"\.Message",
        operation="-",
        status="405",
        why="a method that there is not is refused by ARM's web framework, in its own shape",
        source="the 405 of ASP.NET Web API, on which ARM is built; not seen of AKS",
        recorded=False,
    ),
    Deviation(kind="unnamed", at=r"\.subcode", status="4..", why="AKS's errors have a subcode", source=ERRORS),
    Deviation(kind="type", at=r"\.details", status="4..", word="None", why="details are null where there are none", source=ERRORS),
    # ----------------------------------------------------------------------------------------------------------------- fields and words
    Deviation(
        kind="word",
        at=r"(\.value\[\])?\.properties\.networkProfile\.loadBalancerProfile\.backendPoolType",
        word="nodeIPConfiguration",
        why="the first letter is small",
        source="recordings from October 2022 to January 2026",
    ),
    Deviation(
        kind="type",
        at=r"\.properties\.agentPoolProfiles",
        operation="ManagedClusters_GetUpgradeProfile",
        word="None",
        why="the list is said to be there; it is null",
        source="a cluster of 2020; no other is public",
    ),
    Deviation(
        kind="type",
        at=r"(\.value\[\])?\.properties\.addonProfiles\.[^.]+\.config",
        word="None",
        why="an add-on without settings shows null for them",
        source="the recording of January 2026",
    ),
    # ------------------------------------------------------------------------------------------------- what the old recordings show beside
    _old("path", "", "the list of orchestrators of 2019", word=".*/orchestrators"),
    _old("unnamed", r".*\.enableCustomCATrust", "a preview that went away"),
    _old("unnamed", r"\.properties\.enablePodSecurityPolicy", "a feature that went away"),
    _old("unnamed", r"\.properties\.networkProfile\.dockerBridgeCidr", "a setting of the docker runtime"),
    _old("unnamed", r"\.properties\.storageProfile\.diskCSIDriver\.version", "a preview that went away"),
    _old("word", r"\.properties\.networkProfile\.loadBalancerSku", "capitals once the load balancer was there", word="Standard"),
    _old("word", r"\.sku\.name", "the old name of Base", word="Basic"),
)

"""An abort, as the adapter sends it: one call to the cluster or the pool, sent once, and what is refused told apart."""

import json
from typing import Any

import pytest
import requests

from shared.model.errors import CallFailed, Code
from shared.model.plans import Abortable, MakeCluster, ScalePool, StopCluster, UpgradeControlPlane, UpgradePool
from shared.settings import PUBLIC_ARM
from tests.adapters.wires import Reply, arm_answered, said
from tests.builders import WEB, a_spec

MAKE = MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),))
STATUS = f"{PUBLIC_ARM}/subscriptions/s/providers/Microsoft.ContainerService/locations/x/operations/1?api-version=2025-03-01"
HANDLES = {"Azure-AsyncOperation": STATUS, "Location": STATUS}
CANCELING = json.dumps({"id": WEB.id, "properties": {"provisioningState": "Canceling"}}).encode()
TAKEN: dict[str, Reply] = {
    "as today": Reply(status=202, headers={**HANDLES, "content-type": "application/json"}, body=CANCELING),
    "without a body": Reply(status=202, headers=HANDLES),
    "as up to 2022": Reply(status=204),
}


@pytest.mark.parametrize(
    ("action", "place"),
    [
        (MAKE, ""),
        (StopCluster(), ""),
        (UpgradeControlPlane(version="1.37.0"), ""),
        (ScalePool(pool="user", to=5), "/agentPools/user"),
        (UpgradePool(pool="user", version="1.37.0"), "/agentPools/user"),
    ],
    ids=lambda value: value or "cluster" if isinstance(value, str) else value.kind,
)
@pytest.mark.parametrize("answer", TAKEN.values(), ids=TAKEN)
def test_what_an_action_is_about_is_aborted_by_one_call_without_a_body(action: Abortable, place: str, answer: Reply) -> None:
    arm, wire = arm_answered(answer)
    arm.abort(WEB, action)
    wanted = [("POST", f"{PUBLIC_ARM}{WEB.id}{place}/abort?api-version=2026-08-01", b"")]
    assert [(asked.method, asked.url, asked.body) for asked in wire.asked] == wanted


REFUSALS: dict[str, tuple[Any, Code, bool]] = {
    "silence": (requests.ReadTimeout(), Code.UNREACHABLE, True),
    "a fault": (Reply(status=500), Code.AZURE_FAULT, True),
    "throttled": (said({"code": "Throttled", "message": "slow"}, status=429), Code.THROTTLED, True),
    "nothing to abort": (said({"code": "OperationNotAllowed", "message": "nothing to abort"}, status=409), Code.AZURE_REFUSED, False),
    "not allowed": (said({"error": {"code": "AuthorizationFailed", "message": "no"}}, status=403), Code.AZURE_FORBIDDEN, False),
}


@pytest.mark.parametrize(("answer", "code", "transient"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("action", [StopCluster(), ScalePool(pool="user", to=5)], ids=["cluster", "pool"])
def test_an_abort_that_is_not_taken_is_sent_once_and_told_apart(action: Abortable, answer: Any, code: Code, *, transient: bool) -> None:
    arm, wire = arm_answered(answer)
    with pytest.raises(CallFailed) as failed:
        arm.abort(WEB, action)
    assert (failed.value.failure.code, failed.value.failure.transient) == (code, transient)
    assert len(wire.asked) == 1

"""What an answer of Azure's leaves open is decided by reading the cluster, door to door, and never assumed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Fault, LostAnswer, Outcome
from shared.adapters import azure_errors
from shared.model.clusters import ClusterRef, Sight
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, Running
from shared.model.plans import Action, ScalePool
from shared.rules.engine import LAST_LOOKS, UNHEARD
from shared.rules.planning.scale import SCALE_LIMIT
from tests.builders import WEB
from tests.doors import SCALE, STOP, UPGRADE, Doors
from tests.faulty import Calls, Faulty

POLL, CLUSTERS, MINUTES = "/operations/", "managedClusters", timedelta(minutes=1)
IN_PROGRESS = "another operation is in progress: there is a pending operation on the cluster"
CONFLICT = '{"code": "OperationNotAllowed", "message": "Operation is not allowed: Another operation (Updating) is in progress"}'


def nodes(app: Doors) -> int:
    pool = app.there().pool("user")
    assert pool is not None
    return pool.count


def around(app: Doors, **calls: Callable[..., Any]) -> Calls:
    """From now on these calls to Azure are made so; answers the record of all calls."""
    made = Calls()
    clusters: Any = Faulty(app.clusters, made, around=calls)
    app.behind(app.rebuilt(clusters=clusters))
    return made


# ---- 409


def test_a_conflict_without_end_hands_the_operation_to_a_person_with_nothing_sent(peopled: Doors) -> None:
    path, began = peopled.accepted(SCALE), peopled.clock.now()
    refusal = Answer(status=409, code="OperationNotAllowed", message=IN_PROGRESS)
    peopled.world.faults.add(Fault(method="PUT", effect=refusal, times=None))
    peopled.run(until=began + 2 * MINUTES)
    assert IN_PROGRESS in peopled.shown(path)["progress"]["waiting_for"]
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("needs_attention", "blocked_by_external_operation")
    assert peopled.clock.now() - began <= SCALE_LIMIT + 10 * MINUTES
    assert not [entry for entry in peopled.mutations() if entry.applied]
    peopled.world.faults.clear()
    assert peopled.ask("POST", f"{path}/resume").status == 202
    peopled.run()
    assert (peopled.shown(path)["status"], nodes(peopled)) == ("succeeded", 5)


def test_one_that_nobody_takes_up_again_ends_and_frees_its_cluster(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=409, code="OperationNotAllowed", message=IN_PROGRESS), times=None))
    path = peopled.accepted(SCALE)
    peopled.run()
    peopled.clock.advance(UNHEARD)
    peopled.sweep()
    assert (peopled.shown(path)["status"], peopled.shown(path)["error"]["code"]) == ("failed", "blocked_by_external_operation")
    assert not peopled.operations.heads


def test_a_call_that_never_ends_is_not_sent_again_and_the_next_in_line_waits_for_azure(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    path, behind = peopled.accepted(SCALE), peopled.accepted({**SCALE, "count": 3})
    peopled.run()
    assert (peopled.shown(path)["status"], peopled.shown(path)["error"]["code"]) == ("failed", "still_running_in_azure")
    assert (peopled.shown(behind)["status"], peopled.shown(behind)["error"]["code"]) == ("needs_attention", "blocked_by_external_operation")
    assert len(peopled.mutations()) == 1


def test_our_own_call_that_is_answered_by_a_conflict_is_found_and_not_made_again(peopled: Doors) -> None:
    """Azure takes the PUT, and something on the way to us sends it again and hands on the 409 of the second."""
    path = peopled.accepted(SCALE)

    def attempt(*arguments: Any) -> Any:
        peopled.clusters.attempt(*arguments)
        raise CallFailed(azure_errors.from_response(409, {}, CONFLICT, mutation=True))

    made = around(peopled, attempt=attempt)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"], nodes(peopled)) == ("succeeded", None, 5)
    assert made.made.count("ArmClusters.attempt") == 1


def test_a_second_call_that_meets_our_own_first_one_waits_for_its_end(peopled: Doors) -> None:
    """The first one's answer was lost and the looks after it still show the cluster as it was, so it is made again: a 409."""
    before = peopled.there()
    path = peopled.accepted(STOP)
    peopled.world.faults.add(Fault(method="POST", effect=LostAnswer()))
    stale = [True] * 2

    def look(ref: ClusterRef, action: Action) -> Sight:
        return before if stale and stale.pop() else peopled.clusters.look(ref, action)

    made = around(peopled, look=look)
    peopled.run(until=peopled.clock.now() + MINUTES)
    assert made.made.count("ArmClusters.attempt") == 2
    assert peopled.cancel(path).document["status"] == "running"
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert [entry.applied for entry in peopled.mutations()] == [True, False]


# ---- status URLs


def test_a_status_url_that_is_gone_where_the_cluster_cannot_be_read_is_no_success(peopled: Doors) -> None:
    path, began = peopled.accepted(SCALE), peopled.clock.now()
    peopled.settle()
    peopled.world.faults.add(Fault(path=POLL, effect=Answer(status=404, code="NotFound"), times=None))
    peopled.world.faults.add(Fault(method="GET", path=CLUSTERS, effect=Answer(status=503), times=None))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "timed_out")
    assert "what was sent may be applied: look at the cluster" in view["error"]["message"]
    assert SCALE_LIMIT + LAST_LOOKS <= peopled.clock.now() - began <= SCALE_LIMIT + LAST_LOOKS + 10 * MINUTES
    assert len(peopled.mutations()) == 1


def test_a_status_url_that_is_gone_where_the_call_failed_is_no_success(peopled: Doors) -> None:
    """A cluster that shows the wanted count in Failed is reconciled once, by the same call."""
    path = peopled.accepted(SCALE)
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", lost=True), times=None))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"], len(peopled.mutations())) == ("failed", "handle_gone", 2)
    assert view["error"]["message"] == "Azure no longer knows the operation (status 404), and pool user is Failed, want Succeeded"


def test_a_status_url_that_is_gone_where_somebody_aborted_the_call_is_no_reason_to_send_it_again(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Canceled", lost=True)))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"], len(peopled.mutations())) == ("failed", "cancelled_externally", 1)
    assert view["error"]["message"] == "Azure no longer knows the operation (status 404), and pool user is Canceled, want Succeeded"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/subscriptions/x",
        "http://169.254.169.254/subscriptions/x",
        "https://management.azure.com@evil.example/subscriptions/x",
    ],
)
def test_a_status_url_in_a_row_that_is_not_azures_is_never_asked(peopled: Doors, url: str) -> None:
    """Whoever writes into our storage must not be sent our token."""
    path = peopled.accepted(SCALE)
    peopled.settle()
    asked = len(peopled.world.witness.entries)
    ((partition, stored),) = peopled.operations.heads.items()
    running = Running(since=peopled.clock.now(), tries=1, started_at=peopled.clock.now(), handle=Handle(url=url))
    forged = replace(stored.head, current=replace(stored.head.current, states=(running,)))
    peopled.operations.heads[partition] = replace(stored, head=forged)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "handle_foreign")
    assert len(peopled.world.witness.entries) == asked


# ---- success that is none, and failure that is none

BAD_END = Failure(code=Code.AZURE_FAILED, message="AgentPoolK8sVersionNotSupported: no", azure_code="X", transient=True)
UNMET = {
    "nodes": (SCALE, "pool user has 2 nodes, want 5"),
    "version": (UPGRADE, "the control plane of web is at 1.36.4, want 1.37.1"),
    "power": (STOP, "cluster web is Running, want Stopped"),
}


@pytest.mark.parametrize("what", UNMET)
def test_success_with_the_wrong_state_is_no_success(peopled: Doors, what: str) -> None:
    body, missing = UNMET[what]
    path = peopled.accepted(body)
    made = around(peopled, attempt=lambda *_: Handle(url="https://x"), poll=lambda *_: Answered())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "not_reached")
    assert view["error"]["message"] == f"Azure reported success, but {missing}"
    assert made.made.count("ArmClusters.attempt") == 2


def test_failure_with_the_right_values_is_a_success_that_says_what_azure_reported(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.clock.advance(peopled.takes)
    around(peopled, poll=lambda *_: Answered(failure=BAD_END))
    peopled.run()
    view = peopled.get(f"{path}?history=true").document
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert view["plan"]["steps"][0]["note"].startswith("done, though Azure reported X: AgentPoolK8sVersionNotSupported")
    assert "though Azure reported" in view["history"][-1]["text"]
    assert len(peopled.mutations()) == 1


def test_an_abort_by_somebody_else_that_came_too_late_is_a_success(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.clock.advance(peopled.takes)
    around(peopled, poll=lambda *_: Answered(failure=azure_errors.cancelled_outside()))
    peopled.run()
    assert (peopled.shown(path)["status"], len(peopled.mutations())) == ("succeeded", 1)


def test_an_abort_by_somebody_else_ends_the_operation_and_frees_the_cluster(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    behind = peopled.accepted({**SCALE, "count": 3})
    peopled.settle()
    peopled.clusters.abort(WEB, ScalePool(pool="user", to=5))
    aborts = len(peopled.mutations())
    peopled.run()
    assert (peopled.shown(path)["status"], peopled.shown(path)["error"]["code"]) == ("failed", "cancelled_externally")
    assert (peopled.shown(behind)["status"], nodes(peopled)) == ("succeeded", 3)
    assert len(peopled.mutations()) == aborts + 1


def test_an_abort_of_a_call_whose_answer_was_lost_is_no_reason_to_send_it_again(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.world.faults.add(Fault(method="PUT", effect=LostAnswer()))
    peopled.settle()
    peopled.clusters.abort(WEB, ScalePool(pool="user", to=5))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "cancelled_externally")
    assert [entry.method for entry in peopled.mutations()] == ["PUT", "POST"]


# ---- what the app may not do

ROLE = (
    "The client '0000-aaaa' with object id '0000-aaaa' does not have authorization to "
    "perform action '{}' over scope '/subscriptions/x/resourceGroups/prod-rg/providers/Microsoft.ContainerService/managedClusters/web' "
    "or the scope is invalid. If access was recently granted, please refresh your credentials."
)
FORBIDDEN = {
    "the look before the call": ("GET", "managedClusters/web$", "Microsoft.ContainerService/managedClusters/read", 0),
    "the call": ("PUT", "agentPools/user$", "Microsoft.ContainerService/managedClusters/agentPools/write", 1),
    "a poll": ("GET", POLL, "Microsoft.ContainerService/locations/operations/read", 1),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_role_that_is_taken_away_ends_the_operation_with_the_missing_action(peopled: Doors, what: str) -> None:
    method, place, action, calls = FORBIDDEN[what]
    path = peopled.accepted(SCALE)
    asked = len(peopled.world.witness.entries)
    refusal = Answer(status=403, code="AuthorizationFailed", message=ROLE.format(action), shape="gateway")
    peopled.world.faults.add(Fault(method=method, path=place, effect=refusal, times=None))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"], view["error"]["azure_code"]) == ("failed", "azure_forbidden", "AuthorizationFailed")
    assert action in view["error"]["message"]
    assert len(peopled.mutations()) == calls
    refused = [entry for entry in peopled.world.witness.entries[asked:] if entry.status == 403]
    assert len(refused) == 1
    assert not peopled.operations.heads


def test_a_role_that_is_taken_away_between_two_steps_leaves_what_was_done_and_skips_the_rest(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    action = "Microsoft.ContainerService/managedClusters/agentPools/write"
    refusal = Answer(status=403, code="AuthorizationFailed", message=ROLE.format(action))
    peopled.world.faults.add(Fault(method="PUT", path="agentPools", effect=refusal, times=None))
    peopled.run()
    view = peopled.shown(path)
    assert (view["error"]["code"], [step["state"] for step in view["plan"]["steps"]]) == ("azure_forbidden", ["done", "failed", "skipped"])
    assert action in view["error"]["message"]


@pytest.mark.parametrize("sent", [False, True], ids=["before the call", "after it"])
def test_an_identity_that_gives_no_token_for_a_while_ends_nothing(peopled: Doors, *, sent: bool) -> None:
    path = peopled.accepted(SCALE)
    if sent:
        peopled.settle()

    def no_token(*_: Any) -> Any:
        raise CallFailed(Failure(code=Code.AZURE_FORBIDDEN, message="the app's identity got no token for Azure", transient=True))

    around(peopled, look=no_token, attempt=no_token, poll=no_token)
    peopled.run(until=peopled.clock.now() + 20 * MINUTES)
    peopled.behind(peopled.rebuilt())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"], len(peopled.mutations())) == ("succeeded", None, 1)

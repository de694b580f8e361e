"""What an operation says of itself: its status, computed; its place; and which texts are ids of operations."""

import dataclasses
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.errors import Code, Failure
from shared.model.operations import (
    Attention,
    Cancellation,
    Done,
    Failed,
    Handle,
    Head,
    OpenState,
    Running,
    Settling,
    Skipped,
    Starting,
    Status,
    StepState,
    Waiting,
    Wake,
    partition_of,
)
from shared.model.plans import RemoveCluster, RemoveGroup, ScalePool
from tests.builders import NOON, a_plan, an_operation

BAD = Failure(code=Code.AZURE_FAILED, message="no")
OTHER = Failure(code=Code.POISONED, message="look")
LATER = NOON + timedelta(minutes=5)
WAITING, RUNNING = Waiting(), Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://x"))
STARTING, SETTLING = Starting(since=NOON, tries=1, claimed_at=NOON), Settling(since=NOON, tries=1, answered_at=NOON)
DONE, FAILED, SKIPPED = Done(since=NOON, ended_at=NOON), Failed(since=NOON, ended_at=NOON, failure=BAD), Skipped(because="x")
ALL: tuple[StepState, ...] = (WAITING, STARTING, RUNNING, SETTLING, DONE, FAILED, SKIPPED)
CANCELLED: dict[str, Any] = {"cancelled_by": Cancellation(by="ada", at=NOON)}
CALLING: dict[str, Any] = {"attention": Attention(failure=OTHER, since=NOON)}
UNDRAWN: dict[str, Any] = {"plan": None, "states": ()}

TABLE: list[tuple[dict[str, Any], Status]] = [
    ({**UNDRAWN, "headed_at": None}, Status.QUEUED),
    (UNDRAWN, Status.RUNNING),
    ({**UNDRAWN, **CALLING}, Status.NEEDS_ATTENTION),
    ({**UNDRAWN, "declined": BAD}, Status.FAILED),
    ({**UNDRAWN, **CANCELLED}, Status.CANCELLED),
    ({**UNDRAWN, **CANCELLED, **CALLING}, Status.CANCELLED),
    ({**UNDRAWN, "headed_at": None, **CANCELLED}, Status.CANCELLED),
    ({"states": (WAITING, WAITING)}, Status.RUNNING),
    ({"states": (STARTING, WAITING)}, Status.RUNNING),
    ({"states": (RUNNING, WAITING)}, Status.RUNNING),
    ({"states": (DONE, SETTLING)}, Status.RUNNING),
    ({"states": (DONE, RUNNING), **CANCELLED}, Status.RUNNING),
    ({"states": (DONE, RUNNING), **CALLING}, Status.NEEDS_ATTENTION),
    ({"states": (DONE, DONE)}, Status.SUCCEEDED),
    ({"states": (DONE, DONE), **CANCELLED}, Status.SUCCEEDED),
    ({"states": (DONE, SKIPPED), **CANCELLED}, Status.CANCELLED),
    ({"states": (SKIPPED, SKIPPED), **CANCELLED}, Status.CANCELLED),
    ({"states": (FAILED, SKIPPED)}, Status.FAILED),
    ({"states": (DONE, FAILED)}, Status.FAILED),
    ({"states": (FAILED, SKIPPED), **CANCELLED, **CALLING}, Status.FAILED),
]


@pytest.mark.parametrize(("changes", "status"), TABLE)
def test_status_follows_from_what_an_operation_holds(changes: dict[str, Any], status: Status) -> None:
    operation = replace(an_operation(RemoveCluster(), RemoveGroup()), **changes)
    assert operation.status is status
    assert operation.ended == (status in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
    assert operation.ended_at == (operation.updated_at if operation.ended else None)


def test_status_is_nowhere_stored() -> None:
    names = {field.name for field in dataclasses.fields(an_operation())}
    assert names.isdisjoint({"status", "ended", "ended_at", "cursor", "failure", "partition"})


@given(states=st.lists(st.sampled_from(ALL), min_size=1, max_size=4))
def test_an_operation_has_ended_exactly_when_no_step_is_open_or_one_has_failed(states: list[StepState]) -> None:
    operation = an_operation(*[ScalePool(pool="user", to=1)] * len(states), states=tuple(states))
    is_open = any(isinstance(state, OpenState) for state in states)
    assert operation.ended == (FAILED in states or not is_open)
    assert (operation.cursor is not None) == is_open
    if operation.cursor is not None:
        assert not any(isinstance(state, OpenState) for state in states[: operation.cursor])


def test_what_went_wrong_is_the_refusal_else_the_failed_step_else_what_needs_a_person() -> None:
    operation = an_operation(RemoveCluster())
    assert operation.failure is None
    assert replace(operation, **CALLING).failure is OTHER
    assert replace(operation, states=(FAILED,), **CALLING).failure is BAD
    declined = Failure(code=Code.IMPOSSIBLE, message="no plan")
    assert replace(operation, declined=declined, **CALLING).failure is declined


def test_a_head_knows_each_ones_place() -> None:
    head = Head(current=an_operation(), line=("op-b", "op-c"))
    assert [head.position(name) for name in (head.current.id, "op-b", "op-c", "op-d")] == [0, 1, 2, None]


# ---- ids

A = "0123456789abcdev"


@pytest.mark.parametrize("text", [f"op-{A}-x", f"op-{A}-ubns5m2jn00000001", f"op-{A}-{'z' * 39}"])
def test_an_id_begins_with_its_clusters_partition(text: str) -> None:
    assert partition_of(text) == A
    assert replace(an_operation(), id=text).partition == A


@pytest.mark.parametrize(
    "text",
    [
        "", "op-", f"op-{A}", f"op-{A}-", f"OP-{A}-x", f"op_{A}-x", f"op-{A[:15]}-x", f"op-{A}0-x", f"op-{A[:15]}'-x", f"op-{A}-x'",
        f"op-{A}-x y", f"op-{A}-x\n", f"\nop-{A}-x", f"op-{A}-{'z' * 40}", f"op-{A}-x/y", f"op-{A}-x%2f", f"op-{A}-\u0661",
        f"op-{A[:15]}\u0430-x", f"op-{A}-x-y", f"op-{A}-x or 1 eq 1", f"op-{A}-\u00b2",
    ],
)  # fmt: skip
def test_what_cannot_be_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the id of an operation"):
        partition_of(text)


@given(text=st.text(max_size=70) | st.builds(lambda tail: f"op-{A}-{tail}", st.text(max_size=45)))
def test_an_id_that_passes_is_safe_in_a_key_a_query_and_a_url(text: str) -> None:
    try:
        found = partition_of(text)
    except ValueError:
        return
    assert text.isascii()
    assert text.replace("-", "").isalnum()
    assert text.startswith(f"op-{found}-")
    assert len(text) <= 60


def test_a_wake_up_cannot_reach_into_another_cluster() -> None:
    assert Wake(cluster_key=A, operation=f"op-{A}-x", wake=1).wake == 1
    for key, name in (("b" * 16, f"op-{A}-x"), (A, "op-x"), ("", f"op-{A}-x")):
        with pytest.raises(ValueError, match="operation"):
            Wake(cluster_key=key, operation=name, wake=1)


# ---- plans


def test_a_plans_digest_names_exactly_that_plan() -> None:
    plan = a_plan(ScalePool(pool="user", to=5))
    assert plan.digest == a_plan(ScalePool(pool="user", to=5)).digest
    others = [
        a_plan(ScalePool(pool="user", to=6)),
        a_plan(ScalePool(pool="user", to=5), ScalePool(pool="user", to=5)),
        a_plan(ScalePool(pool="user", to=5), limit=timedelta(hours=2)),
        replace(plan, because="another reason"),
    ]
    assert len({plan.digest, *(other.digest for other in others)}) == 5
    assert len(plan.digest) == 16

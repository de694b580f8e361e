"""How operations look at rest: everything comes back as it was, nothing is ever renamed, and newer code's rows are left alone."""

import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters import azure_errors, codec
from shared.model.clusters import Range
from shared.model.errors import CallFailed, Code, Failure, NewerSchema
from shared.model.operations import (
    Attention,
    Cancellation,
    Done,
    Event,
    Failed,
    Handle,
    Head,
    Operation,
    Running,
    Settling,
    Skipped,
    Starting,
    StepState,
    Waiting,
)
from shared.model.plans import (
    Action,
    MakeCluster,
    MakeGroup,
    Plan,
    RegisterProvider,
    RemoveCluster,
    RemoveGroup,
    ScalePool,
    StartCluster,
    StartPool,
    StopCluster,
    StopPool,
    UpgradeControlPlane,
    UpgradePool,
)
from shared.model.requests import Create, Delete, Request, Scale, Start, Stop, Upgrade
from shared.ports import Key, OpenRow
from shared.work.submit import MOST_WAITING
from tests.builders import NOON, QUEUE, WEB, a_create, a_plan, a_spec, an_operation

PROPERTY_LIMIT = 64 * 1024
FAILURE = Failure(
    code=Code.BUSY, message="busy", transient=True, unsure=True, retry_after=timedelta(seconds=2.5), azure_code="OperationNotAllowed"
)
STATES: tuple[StepState, ...] = (
    Waiting(),
    Waiting(since=NOON, tries=2, until=NOON, failure=FAILURE, unsure=True),
    Starting(since=NOON, tries=1, claimed_at=NOON, unsure=True, lay_aborted=True),
    Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://management.azure.com/subscriptions/s?x=" + "a%2f" * 750)),
    Settling(since=NOON, tries=1, answered_at=NOON),
    Settling(since=NOON, tries=1, answered_at=NOON, verdict=FAILURE),
    Done(since=NOON, ended_at=NOON),
    Done(since=NOON, ended_at=NOON, note="already so"),
    Failed(since=NOON, ended_at=NOON, failure=FAILURE),
    Skipped(because="an earlier step failed"),
)
ACTIONS: tuple[Action, ...] = (
    RegisterProvider(),
    MakeGroup(location="westeurope"),
    MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),)),
    MakeCluster(
        location="westeurope",
        version="1.35",
        tier="Premium",
        dns_prefix="web",
        pools=(a_spec(autoscale=Range(min=0, max=3)),),
        tags={"a": ""},
    ),
    ScalePool(pool="user", to=0),
    ScalePool(pool="user", to=Range(min=1, max=5)),
    RemoveCluster(),
    RemoveGroup(),
    StartCluster(),
    StopCluster(),
    StartPool(pool="user"),
    StopPool(pool="user"),
    UpgradeControlPlane(version="1.36.4"),
    UpgradePool(pool="user", version="1.36.4"),
)
REQUESTS: tuple[Request, ...] = (
    a_create(),
    a_create(version="1.35", tier="Standard", dns_prefix="web", tags={"a": "b"}, create_resource_group=False),
    Scale(pool="user", to=5),
    Scale(pool="user", to=Range(min=1, max=5)),
    Delete(confirm="web"),
    Delete(confirm="web", delete_resource_group=True),
    Start(),
    Start(pool="user"),
    Stop(),
    Stop(pool="user"),
    Upgrade(),
    Upgrade(version="latest"),
)


def again(operation: Operation) -> Operation:
    return codec.operation_of(codec.operation_properties(operation))


# ---- everything comes back


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.state)
def test_every_state_comes_back(state: StepState) -> None:
    operation = an_operation(states=(state,))
    assert again(operation) == operation
    assert type(again(operation).states[0]) is type(state)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_every_action_comes_back(action: Action) -> None:
    operation = an_operation(action)
    assert again(operation) == operation
    assert again(operation).plan == a_plan(action)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.action)
def test_every_request_comes_back(request_: Request) -> None:
    operation = an_operation(request=request_, origin=QUEUE)
    assert again(operation) == operation


def test_everything_else_of_an_operation_comes_back() -> None:
    operation = an_operation(
        reason="a reason",
        headed_at=None,
        started_at=NOON,
        plan=None,
        states=(),
        declined=FAILURE,
        cancelled_by=Cancellation(by="me", at=NOON),
        attention=Attention(failure=FAILURE, since=NOON),
        saves=12,
        wake=9,
    )
    assert again(operation) == operation


instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
waits = st.timedeltas(timedelta(days=-1000), timedelta(days=100_000))
st.register_type_strategy(datetime, instants)
st.register_type_strategy(timedelta, waits)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(operation=st.from_type(Operation))
def test_any_operation_comes_back(operation: Operation) -> None:
    row = codec.operation_properties(operation)
    assert codec.operation_of(row) == operation
    assert codec.operation_of(json.loads(json.dumps(row))) == operation
    head = Head(current=operation, line=(operation.id, "another"))
    assert codec.head_of(codec.head_properties(head)) == head


@settings(deadline=None)
@given(event=st.builds(Event, n=st.integers(1, 10**6), at=instants, text=st.text(max_size=50)), key=st.builds(Key))
def test_any_event_and_key_comes_back(event: Event, key: Key) -> None:
    assert codec.event_of(codec.event_properties(event)) == event
    assert codec.key_of(codec.key_properties(key)) == key


def test_a_row_of_open_comes_back() -> None:
    operation = an_operation()
    row = {"RowKey": operation.id, **codec.open_properties(operation)}
    assert codec.open_of(row) == OpenRow(operation=operation.id, cluster=WEB, since=NOON)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.state)
def test_a_summary_is_the_same_from_the_row_from_the_journal_and_from_the_operation_in_hand(state: StepState) -> None:
    operation = an_operation(states=(state,))
    from_row = codec.summary_of(codec.operation_properties(operation), operation.id)
    assert from_row == codec.summary_of(codec.summary_properties(codec.summarised(operation)), operation.id) == codec.summarised(operation)
    assert (from_row.status, from_row.because) == (operation.status, "a test wants it")


# ---- limits of a row


@pytest.mark.parametrize("text", ["x", "\u00e9", "\u6771", "\U0001f680", '"', "\\", "\x01"])
def test_no_property_is_ever_larger_than_a_table_takes(text: str) -> None:
    operation = an_operation(reason=text * 20_000, request=Delete(confirm=text * 500), plan=replace(a_plan(), because=text * 500), saves=2)
    head = Head(current=operation)
    rows = [codec.operation_properties(operation), codec.head_properties(head), codec.summary_properties(codec.summarised(operation))]
    for row in [*rows, codec.event_properties(Event(n=1, at=NOON, text=text * 70_000))]:
        for name, value in row.items():
            assert len(str(value).encode("utf-16-le")) <= PROPERTY_LIMIT, name
    assert again(operation) == operation


def test_a_row_is_cut_exactly_where_it_must_be_and_refused_one_character_later() -> None:
    room = codec.PIECE * codec.MOST_PIECES
    empty = len(
        "".join(
            str(value) for name, value in codec.operation_properties(an_operation(reason="", saves=2)).items() if name.startswith("state_")
        )
    )
    full = an_operation(reason="x" * (room - empty), saves=2)
    row = codec.operation_properties(full)
    assert [len(row[f"state_{n}"]) for n in range(codec.MOST_PIECES)] == [codec.PIECE] * codec.MOST_PIECES
    assert codec.operation_of(row) == full
    with pytest.raises(CallFailed) as failed:
        codec.operation_properties(replace(full, reason=f"{full.reason}x"))
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.TOO_LARGE, False)


@pytest.mark.parametrize(("plan", "most"), [(a_plan(), 6 * 32_000), (None, 3 * 32_000)])
def test_what_is_accepted_leaves_room_for_its_plan_and_its_end(plan: Plan | None, most: int) -> None:
    """What fits when it is accepted and not later could never be saved again, and so would never end."""
    accepted = an_operation(plan=plan, states=(), reason="x" * (most + 1))
    with pytest.raises(CallFailed) as failed:
        codec.operation_properties(accepted)
    assert failed.value.failure.code is Code.TOO_LARGE
    assert codec.operation_properties(replace(accepted, reason="x" * (most - 2000)))
    assert codec.operation_properties(replace(accepted, saves=2))


def test_what_happens_to_the_longest_plan_always_fits_with_the_longest_line() -> None:
    """A hundred pools, each done though Azure reported a failure at length, the last one failed; a status URL of 3000; a hundred behind."""
    text, pools, behind = "x" * (azure_errors.MOST_TEXT + 200), 100, (f"op-{'a' * 16}-{'b' * 40}",) * MOST_WAITING
    failure = Failure(code=Code.AZURE_FAILED, message=text, azure_code="c" * 100)
    done = Done(since=NOON, ended_at=NOON, note=text)
    ends: list[StepState] = [
        Failed(since=NOON, ended_at=NOON, failure=failure),
        Running(since=NOON, tries=2, started_at=NOON, handle=Handle(url="u" * 3000)),
        Waiting(since=NOON, tries=2, until=NOON, failure=failure, unsure=True),
    ]
    for end in ends:
        upgraded = an_operation(*(UpgradePool(pool=f"pool{n:08}", version="1.36.4") for n in range(pools)), saves=400)
        states, attention = (*[done] * (pools - 1), end), Attention(failure=failure, since=NOON)
        upgraded = replace(upgraded, reason="x" * 1000, states=states, attention=attention)
        assert codec.operation_properties(upgraded)
        assert codec.head_properties(Head(current=upgraded, line=behind))


def test_a_whole_row_fits_with_all_its_properties() -> None:
    row = codec.operation_properties(an_operation(reason="x" * 200_000, origin=replace(QUEUE, caller="c" * 10_000), saves=2))
    assert sum(len(str(name)) * 2 + len(str(value)) * 2 for name, value in row.items()) < 1024 * 1024
    assert len(row) < 250


# ---- newer and older code


def test_rows_of_newer_code_are_refused_and_say_so() -> None:
    rows = [
        (codec.operation_of, codec.operation_properties(an_operation())),
        (codec.head_of, codec.head_properties(Head(current=an_operation()))),
    ]
    for read, row in rows:
        with pytest.raises(NewerSchema, match=f"schema {codec.SCHEMA + 1}"):
            read({**row, "schema": codec.SCHEMA + 1})


def test_every_kind_of_row_carries_the_number_of_its_schema() -> None:
    operation = an_operation()
    rows = [
        codec.operation_properties(operation),
        codec.head_properties(Head(current=operation)),
        codec.event_properties(Event(n=1, at=NOON, text="")),
        codec.open_properties(operation),
        codec.key_properties(Key(operation="op", digest="d")),
        codec.summary_properties(codec.summarised(operation)),
    ]
    assert [row["schema"] for row in rows] == [1] * len(rows)


def test_a_field_that_this_code_does_not_know_is_passed_over() -> None:
    row = codec.operation_properties(an_operation())
    document = json.loads(row["state_0"])
    document["news"] = {"a": 1}
    document["origin"]["news"] = 5
    assert codec.operation_of({**row, "state_0": json.dumps(document)}) == an_operation()


OLD_ROW = """{"id":"op-aaaaaaaaaaaaaaaa-000000001","cluster":{"subscription":"00000000-0000-0000-0000-000000000001","group":"prod-rg",
"name":"web"},"request":{"pool":"user","to":{"min":1,"max":5},"action":"scale"},"origin":{"door":"queue","caller":"cluster-requests",
"reply_to":"chat-replies","correlation":"c-1"},"created_at":"2026-11-23T12:00:00Z","updated_at":"2026-11-23T12:00:00Z",
"headed_at":"2026-11-23T12:00:00Z","plan":{"steps":[
{"name":"step 1","action":{"namespace":"Microsoft.ContainerService","kind":"register_provider"},"limit":"PT1H"},
{"name":"step 2","action":{"location":"westeurope","kind":"make_group"},"limit":"PT1H"},
{"name":"step 3","action":{"location":"westeurope","version":null,"tier":"Free","dns_prefix":"web","pools":[{"name":"system",
"mode":"System","vm_size":"Standard_D4s_v5","count":1,"os":"Linux","autoscale":null,"zones":[],"labels":{},"taints":[]}],"tags":{},"kind":"make_cluster"},
"limit":"PT1H"},
{"name":"step 4","action":{"pool":"user","to":5,"kind":"scale_pool"},"limit":"PT1H"},
{"name":"step 5","action":{"kind":"remove_cluster"},"limit":"PT1H"},
{"name":"step 6","action":{"kind":"remove_group"},"limit":"PT1H"}],"because":"a test wants it"},
"states":[{"since":"2026-11-23T12:00:00Z","ended_at":"2026-11-23T12:00:00Z","note":"already so","state":"done"},
{"since":"2026-11-23T12:00:00Z","tries":1,"answered_at":"2026-11-23T12:00:00Z","state":"settling"},
{"since":"2026-11-23T12:00:00Z","tries":1,"started_at":"2026-11-23T12:00:00Z","handle":{"url":"https://x"},"state":"running"},
{"since":"2026-11-23T12:00:00Z","tries":1,"claimed_at":"2026-11-23T12:00:00Z","unsure":false,"state":"starting"},
{"tries":0,"unsure":false,"state":"waiting"},{"because":"an earlier step failed","state":"skipped"}],
"cancelled_by":{"by":"me","at":"2026-11-23T12:00:00Z"},
"attention":{"failure":{"code":"poisoned","message":"m","transient":false,"unsure":false,"retry_after":"PT2.5S","azure_code":"X"},
"since":"2026-11-23T12:00:00Z"},"saves":1,"wake":3}"""


def test_a_row_that_the_first_version_wrote_is_still_read() -> None:
    actions = (ACTIONS[0], ACTIONS[1], ACTIONS[2], ScalePool(pool="user", to=5), ACTIONS[6], ACTIONS[7])
    wanted = replace(
        an_operation(*actions, request=Scale(pool="user", to=Range(min=1, max=5)), origin=QUEUE),
        states=(
            Done(since=NOON, ended_at=NOON, note="already so"),
            Settling(since=NOON, tries=1, answered_at=NOON),
            Running(since=NOON, tries=1, started_at=NOON, handle=Handle(url="https://x")),
            Starting(since=NOON, tries=1, claimed_at=NOON),
            Waiting(),
            Skipped(because="an earlier step failed"),
        ),
        cancelled_by=Cancellation(by="me", at=NOON),
        attention=Attention(
            failure=Failure(code=Code.POISONED, message="m", retry_after=timedelta(seconds=2.5), azure_code="X"),
            since=NOON,
        ),
        wake=3,
    )
    assert codec.operation_of({"schema": 1, "state_0": OLD_ROW}) == wanted


# ---- names that live on disk

GOLDEN_KINDS = {
    "Action": {
        "register_provider",
        "make_group",
        "make_cluster",
        "scale_pool",
        "remove_cluster",
        "remove_group",
        "start_cluster",
        "stop_cluster",
        "start_pool",
        "stop_pool",
        "upgrade_control_plane",
        "upgrade_pool",
    },
    "Request": {"create", "scale", "delete", "start", "stop", "upgrade"},
    "StepState": {"waiting", "starting", "running", "settling", "done", "failed", "skipped"},
}
GOLDEN_ENUMS = {
    "Door": {"http", "queue"},
    "OsType": {"Linux", "Windows"},
    "PoolMode": {"System", "User"},
    "Code": {
        "malformed", "unsupported_media_type", "too_large", "newer_schema", "forbidden", "not_found", "already_ended", "key_reused",
        "impossible", "cluster_exists", "busy_store", "not_configured", "unreachable", "azure_fault", "throttled", "busy",
        "changed_meanwhile", "azure_forbidden", "azure_refused", "azure_failed", "out_of_capacity", "drain_blocked", "handle_gone",
        "handle_foreign", "paused", "capped", "gone", "not_reached", "timed_out", "still_running_in_azure", "blocked_by_external_operation",
        "cancelled_externally", "stuck", "poisoned", "wrong_state", "force_closed", "expired",
    },
}  # fmt: skip
GOLDEN_FIELDS = {
    "Attention": {"failure", "since", "holds"},
    "Cancellation": {"by", "at", "abort", "aborted_at", "refusal"},
    "ClusterRef": {"subscription", "group", "name"},
    "Create": {"location", "pools", "version", "tier", "dns_prefix", "tags", "create_resource_group", "action"},
    "Delete": {"confirm", "delete_resource_group", "action"},
    "Done": {"since", "ended_at", "note", "state"},
    "Failed": {"since", "ended_at", "failure", "state"},
    "Failure": {"code", "message", "transient", "unsure", "retry_after", "azure_code"},
    "Handle": {"url"},
    "Head": {"current", "line"},
    "MakeCluster": {"location", "version", "tier", "dns_prefix", "pools", "tags", "kind"},
    "MakeGroup": {"location", "kind"},
    "Operation": {
        "id", "cluster", "request", "origin", "created_at", "updated_at", "reason", "headed_at", "started_at", "plan", "states", "declined",
        "cancelled_by", "suspended_by", "attention", "retry_of", "key_name", "not_before", "not_after", "scheduled", "lapsed", "saves",
        "wake",
    },
    "Origin": {"door", "caller", "says", "reply_to", "correlation"},
    "Plan": {"steps", "because", "uid"},
    "PoolSpec": {"name", "mode", "vm_size", "count", "os", "autoscale", "os_disk_gb", "max_pods", "zones", "labels", "taints"},
    "Range": {"min", "max"},
    "RegisterProvider": {"namespace", "kind"},
    "RemoveCluster": {"kind"},
    "RemoveGroup": {"kind"},
    "Running": {"since", "tries", "started_at", "handle", "state"},
    "Scale": {"pool", "to", "action"},
    "ScalePool": {"pool", "to", "kind"},
    "Settling": {"since", "tries", "answered_at", "verdict", "state"},
    "Skipped": {"because", "state"},
    "Start": {"pool", "action"},
    "StartCluster": {"kind"},
    "StartPool": {"pool", "kind"},
    "Starting": {"since", "tries", "claimed_at", "unsure", "lay_aborted", "state"},
    "Step": {"name", "action", "limit"},
    "Stop": {"pool", "action"},
    "StopCluster": {"kind"},
    "StopPool": {"pool", "kind"},
    "Suspension": {"by", "at"},
    "Upgrade": {"version", "action"},
    "UpgradeControlPlane": {"version", "kind"},
    "UpgradePool": {"pool", "version", "kind"},
    "Waiting": {"since", "tries", "until", "failure", "unsure", "lay_aborted", "state"},
}  # fmt: skip


def stored_types(of: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every dataclass and enum that is part of a type, by name."""
    known = {} if found is None else found
    if isinstance(of, types.UnionType) or typing.get_origin(of) is not None:
        for part in typing.get_args(of):
            stored_types(part, known)
    elif isinstance(of, type) and is_dataclass(of) and of.__name__ not in known:
        known[of.__name__] = of
        for hint in typing.get_type_hints(of).values():
            stored_types(hint, known)
    elif isinstance(of, type) and issubclass(of, StrEnum):
        known[of.__name__] = of
    return known


def kinds(union: Any) -> set[str]:
    """The word by which each member of a union is told."""
    words = {field.default for member in typing.get_args(union) for field in fields(member) if field.name in {"kind", "state", "action"}}
    return {str(word) for word in words if word is not MISSING}


def test_the_kinds_that_live_on_disk_are_these_and_none_was_renamed() -> None:
    assert {"Action": kinds(Action), "Request": kinds(Request), "StepState": kinds(StepState)} == GOLDEN_KINDS


def test_the_words_of_enums_that_live_on_disk_are_these_and_none_was_renamed() -> None:
    enums = {name: {member.value for member in of} for name, of in stored_types(Head).items() if not is_dataclass(of)}
    assert enums == GOLDEN_ENUMS


def test_the_fields_that_live_on_disk_are_these_and_none_was_renamed() -> None:
    found = {name: {field.name for field in fields(of)} for name, of in stored_types(Head).items() if is_dataclass(of)}
    assert found == GOLDEN_FIELDS


def test_what_is_on_disk_is_what_the_golden_names_say() -> None:
    row = codec.operation_properties(an_operation(ACTIONS[2], request=Create(location="x", pools=(a_spec(),))))
    document = json.loads(row["state_0"])
    assert set(document) == GOLDEN_FIELDS["Operation"]
    assert set(document["plan"]["steps"][0]["action"]) == GOLDEN_FIELDS["MakeCluster"]
    assert set(document["request"]["pools"][0]) == GOLDEN_FIELDS["PoolSpec"]

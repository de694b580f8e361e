"""What each of Azure's errors means to us: one row for each that was recorded, documented or quoted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.azure_errors import MOST_TEXT, cancelled_outside, from_operation, from_response, retry_after_of, safe, without_answer
from shared.model.errors import Code, Failure

BUSY_2022 = (
    "Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish before starting a new operation. "
    "See https://aka.ms/aks-pending-operation for more details"
)
BUSY_2026 = (
    "Operation is not allowed because there's an in progress update managed cluster operation (operation ID: 1) on the managed cluster "
    "started on UTC 2026-05-22T07:19:23Z. Please wait for it to finish before starting a new operation."
)
POOL_BUSY = "Operation is not allowed: Another agentpool operation (nodepool1 - Creating) is in progress, please wait for it to finish"
STARTING = (
    "managed cluster is in Provisioning State(Updating) and Power State(Running), starting cannot be performed The previous operation "
    "started at '2024-02-21T13:33:55Z' and elapsed time is: '00:00:00' (RFC3339 format)"
)
STOPPING = (
    "managed cluster is not currently running, stopping cannot be performed; The stop operation started at '2024' and elapsed time is 1"
)
ETAG = "Failed to save managed cluster X in subscription S, resource group RG. Operation is not allowed: Another operation is in progress"


@dataclass(frozen=True, kw_only=True)
class Case:
    """An error as Azure gives it, and what it must mean."""

    status: int
    azure: str | None
    code: Code
    message: str = "Because."
    transient: bool = False
    unsure_if_mutation: bool = False
    wrapped: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: timedelta | None = None

    @property
    def body(self) -> str:
        flat = {"code": self.azure, "message": self.message, "details": None, "subcode": ""}
        return json.dumps({"error": {"code": self.azure, "message": self.message}} if self.wrapped else flat)


CASES = [
    # refused for good
    Case(status=400, azure="BadRequest", code=Code.AZURE_REFUSED),
    Case(status=400, azure="InvalidParameter", code=Code.AZURE_REFUSED),
    Case(status=400, azure="LocationNotAvailableForResourceGroup", code=Code.AZURE_REFUSED, wrapped=True),
    Case(status=400, azure="InvalidTemplate", code=Code.AZURE_REFUSED, wrapped=True),
    Case(status=400, azure="AgentPoolK8sVersionNotSupported", code=Code.AZURE_REFUSED),
    Case(status=400, azure="NodePoolMcVersionIncompatible", code=Code.AZURE_REFUSED),
    Case(status=400, azure="AgentPoolUpgradeVersionNotAllowed", code=Code.AZURE_REFUSED),
    Case(
        status=400,
        azure="OperationNotAllowed",
        message="Downgrading Kubernetes version 1.20.5 to 1.19.9 is not allowed.",
        code=Code.AZURE_REFUSED,
    ),
    Case(status=400, azure="OperationNotAllowed", message="There has to be at least one agent pool.", code=Code.AZURE_REFUSED),
    Case(status=400, azure="NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged", code=Code.AZURE_REFUSED),
    Case(status=400, azure="PropertyChangeNotAllowed", code=Code.AZURE_REFUSED),
    Case(status=400, azure="ValidationError", message="Control Plane upgrade is blocked", code=Code.AZURE_REFUSED),
    Case(status=409, azure="RoleAssignmentExists", message="The role assignment already exists.", code=Code.AZURE_REFUSED, wrapped=True),
    Case(status=409, azure="InvalidResourceLocation", code=Code.AZURE_REFUSED, wrapped=True),
    Case(
        status=409, azure="ResourceGroupBeingDeleted", message="The resource group 'x' is in deprovisioning state.", code=Code.AZURE_REFUSED
    ),
    *(
        # nobody is at work in these states, so there is nothing to wait for
        Case(status=409, azure="OperationNotAllowed", message=STARTING.replace("Updating", state), code=Code.AZURE_REFUSED)
        for state in ("Succeeded", "Failed", "Canceled")
    ),
    Case(status=404, azure="ResourceGroupNotFound", code=Code.AZURE_REFUSED, wrapped=True),
    Case(status=404, azure="SubscriptionNotFound", code=Code.AZURE_REFUSED, wrapped=True),
    # not allowed
    Case(status=403, azure="AuthorizationFailed", code=Code.AZURE_FORBIDDEN, wrapped=True),
    Case(status=401, azure="InvalidAuthenticationToken", code=Code.AZURE_FORBIDDEN, wrapped=True),
    Case(status=401, azure="ExpiredAuthenticationToken", code=Code.AZURE_FORBIDDEN, wrapped=True),
    # no room
    Case(status=400, azure="ErrCode_InsufficientVCPUQuota", code=Code.OUT_OF_CAPACITY),
    Case(status=400, azure="ManagedClusterCountExceedsQuotaLimit", code=Code.OUT_OF_CAPACITY),
    Case(status=400, azure="SubnetIsFull", code=Code.OUT_OF_CAPACITY),
    Case(status=400, azure="PublicIPCountLimitReached", code=Code.OUT_OF_CAPACITY),
    Case(status=409, azure="SkuNotAvailable", code=Code.OUT_OF_CAPACITY),
    Case(status=409, azure="QuotaExceeded", message="currently 10 in use", code=Code.OUT_OF_CAPACITY),
    # somebody is at work
    Case(status=409, azure="OperationNotAllowed", message=BUSY_2022, code=Code.BUSY, transient=True),
    Case(status=409, azure="OperationNotAllowed", message=BUSY_2026, code=Code.BUSY, transient=True),
    Case(status=409, azure="OperationNotAllowed", message=POOL_BUSY, code=Code.BUSY, transient=True),
    Case(status=409, azure="OperationNotAllowed", message=STARTING, code=Code.BUSY, transient=True),
    Case(status=409, azure="OperationNotAllowed", message=STOPPING, code=Code.BUSY, transient=True),
    Case(status=409, azure="AKSOperationPreempted", message="preempted", code=Code.BUSY, transient=True),
    # somebody was first
    Case(status=409, azure="EtagMismatch", message=ETAG, code=Code.CHANGED_MEANWHILE, transient=True),
    Case(status=412, azure="PreconditionFailed", code=Code.CHANGED_MEANWHILE, transient=True),
    Case(status=412, azure=None, code=Code.CHANGED_MEANWHILE, transient=True),
    Case(status=404, azure="NotFound", code=Code.CHANGED_MEANWHILE, transient=True),
    Case(status=404, azure="ResourceNotFound", code=Code.CHANGED_MEANWHILE, transient=True, wrapped=True),
    Case(status=404, azure="ParentResourceNotFound", code=Code.CHANGED_MEANWHILE, transient=True, wrapped=True),
    # another part of Azure lags
    Case(status=400, azure="ServicePrincipalNotFound", code=Code.AZURE_FAULT, transient=True),
    Case(status=400, azure="PrincipalNotFound", code=Code.AZURE_FAULT, transient=True, wrapped=True),
    Case(status=409, azure="MissingSubscriptionRegistration", code=Code.AZURE_FAULT, transient=True, wrapped=True),
    # Azure's own faults
    Case(status=500, azure="InternalOperationError", code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True),
    Case(status=502, azure=None, code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True),
    Case(status=503, azure="ServiceUnavailable", code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True),
    Case(status=504, azure="GatewayTimeout", code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True, wrapped=True),
    Case(status=408, azure="RequestTimeout", code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True, wrapped=True),
    # what is no answer of ARM's: a redirect, or a success that is not documented
    Case(status=302, azure=None, code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True),
    Case(status=202, azure=None, code=Code.AZURE_FAULT, transient=True, unsure_if_mutation=True),
    # too much
    Case(
        status=429, azure="Throttled", code=Code.THROTTLED, transient=True, headers={"Retry-After": "3"}, retry_after=timedelta(seconds=3)
    ),
    Case(status=429, azure="SubscriptionRequestsThrottled", code=Code.THROTTLED, transient=True, wrapped=True),
    Case(status=429, azure=None, code=Code.THROTTLED, transient=True, headers={"retry-after": "86400"}, retry_after=timedelta(days=1)),
    Case(
        status=503,
        azure=None,
        code=Code.AZURE_FAULT,
        transient=True,
        unsure_if_mutation=True,
        headers={"RETRY-AFTER": "7"},
        retry_after=timedelta(seconds=7),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status} {case.azure} {case.message[:12]}")
def test_an_error_means(case: Case) -> None:
    for mutation in (True, False):
        found = from_response(case.status, case.headers, case.body, mutation=mutation)
        wanted = (case.code, case.transient, case.unsure_if_mutation and mutation, case.retry_after, case.azure)
        assert (found.code, found.transient, found.unsure, found.retry_after, found.azure_code) == wanted
        assert case.message in found.message


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status} {case.azure} {case.message[:12]}")
def test_an_error_means_the_same_in_the_other_shape(case: Case) -> None:
    other = Case(**{**{name: getattr(case, name) for name in case.__dataclass_fields__}, "wrapped": not case.wrapped})
    read = [from_response(shaped.status, shaped.headers, shaped.body, mutation=True) for shaped in (case, other)]
    assert read[0] == read[1]


@pytest.mark.parametrize(
    "body",
    ["", "<html>bad gateway</html>", "null", "[]", "5", '"text"', '{"error": null}', '{"error": "why"}', '{"error": []}', "[" * 100_000],
)
def test_an_error_without_a_readable_body_says_so(body: str) -> None:
    found = from_response(400, {}, body, mutation=False)
    assert found == Failure(code=Code.AZURE_REFUSED, message="Azure answered 400 without saying why")


@pytest.mark.parametrize("body", ["{}", '{"code": 5, "message": {"a": 1}}', '{"error": {"code": ["x"], "message": null}}'])
def test_an_error_whose_words_are_not_text_is_read_by_its_status(body: str) -> None:
    found = from_response(429, {}, body, mutation=True)
    assert (found.code, found.azure_code, found.message) == (Code.THROTTLED, None, "429: no message")


# ---- Retry-After

SENT = "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("3", 3),
        (" 15 ", 15),
        ("86400", 86_400),
        ("99999999999999999999", 10**9),
        ("9" * 5000, 10**9),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 13:00:30 +0100", 30),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 12:00:00 GMT", 86_400),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u00b2", None),
        ("\u0663", None),
        ("Mon, 99 Nov 2026 99:99:99 GMT", None),
        ("Mon, 23 Nov 99999999999999999999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(text: str, seconds: int | None) -> None:
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after_of({"Retry-After": text, "Date": SENT}) == wanted
    assert retry_after_of({"retry-after": text, "date": SENT}) == wanted


def test_a_date_to_come_back_at_is_nothing_where_the_answer_has_no_date_of_its_own() -> None:
    for headers in ({}, {"Date": ""}, {"Date": "today"}):
        assert retry_after_of({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT", **headers}) is None


def test_no_header_is_no_advice() -> None:
    assert retry_after_of({}) is None


# ---- words

SECRETS = [
    ("https://x.blob.core.windows.net/a?sv=2024&sig=aB%2Bc", "aB%2Bc"),
    ("GET https://app.azurewebsites.net/api/x?code=s3cr3t== failed", "s3cr3t"),
    ("AccountName=a;AccountKey=s3cr3t==;EndpointSuffix=x", "s3cr3t"),
    ("token=s3cr3t and more", "s3cr3t"),
    ("client_secret=s3cr3t&x=y", "s3cr3t"),
    ("PASSWORD=s3cr3t", "s3cr3t"),
    ("password: s3cr3t was wrong", "s3cr3t"),
    ('{"access_token": "s3cr3t", "x": 1}', "s3cr3t"),
    ("see https://management.azure.com/subscriptions/s/operations/1?api-version=1&t=5&c=s3cr3t&s=z&h=y", "s3cr3t"),
    ("Authorization: Bearer s3cr3t.s3cr3t.s3cr3t", "s3cr3t"),
    ("the token eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2lnbg was refused", "eyJhdWQ"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_blotted_out_wherever_azure_repeats_it(text: str, secret: str) -> None:
    body = json.dumps({"error": {"code": "Bad", "message": text}})
    found = [from_response(400, {}, body, mutation=True).message, from_operation({"code": "Bad", "message": text}).message, safe(text)]
    for message in found:
        assert secret not in message
        assert "..." in message


def test_azures_words_are_one_line_and_are_cut() -> None:
    body = json.dumps({"code": "Bad", "message": "first\r\n\tsecond\n" + "x" * 100_000})
    message = from_response(400, {}, body, mutation=True).message
    assert message.startswith("Bad: first second xxx")
    assert len(message) <= MOST_TEXT + len("...")
    assert message.endswith("...")


def test_what_explains_an_error_is_left_readable() -> None:
    text = 'Code="InsufficientSubnetSize" Message="Pre-allocated IPs 93 exceeds IPs available 0 in Subnet Cidr 10.0.0.0/24"'
    assert safe(text) == text


# ---- operations that ended badly


@pytest.mark.parametrize(
    ("azure", "code", "transient"),
    [
        ("AllocationFailed", Code.OUT_OF_CAPACITY, False),
        ("ErrCode_InsufficientVCPUQuota", Code.OUT_OF_CAPACITY, False),
        ("SubnetIsFull", Code.OUT_OF_CAPACITY, False),
        ("UpgradeFailed", Code.DRAIN_BLOCKED, False),
        ("InternalOperationError", Code.AZURE_FAULT, True),
        ("NotLatestOperation", Code.AZURE_FAULT, True),
        ("CreateVMSSAgentPoolFailed", Code.AZURE_FAULT, True),
        ("ReconcilePortalDNSError", Code.AZURE_FAULT, True),
        ("AKSOperationPreempted", Code.AZURE_FAULT, True),
        ("NeverHeardOf", Code.AZURE_FAILED, True),
    ],
)
def test_the_error_of_an_operation_means(azure: str, code: Code, *, transient: bool) -> None:
    found = from_operation({"code": azure, "message": "Because."})
    assert found == Failure(code=code, message=f"{azure}: Because.", transient=transient, azure_code=azure)


@pytest.mark.parametrize("error", [None, "why", [], 5, {}, {"code": None}, {"code": {"a": 1}, "message": ["x"]}])
def test_an_operation_that_failed_without_a_readable_error_is_a_failure_all_the_same(error: object) -> None:
    found = from_operation(error)
    assert (found.code, found.transient, found.azure_code) == (Code.AZURE_FAILED, True, None)


def test_an_operation_that_somebody_aborted_is_not_sent_again() -> None:
    assert (cancelled_outside().code, cancelled_outside().transient) == (Code.CANCELLED_EXTERNALLY, False)


def test_silence_is_unsure_only_where_something_would_change() -> None:
    for mutation in (True, False):
        found = without_answer("Azure", TimeoutError("secret=x"), mutation=mutation)
        assert found == Failure(code=Code.UNREACHABLE, message="Azure did not answer (TimeoutError)", transient=True, unsure=mutation)


# ---- anything at all


@settings(deadline=None)
@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "retry-after", "Date", "X"]), st.text(max_size=40)),
    body=st.one_of(st.text(max_size=200), st.recursive(st.none() | st.text(max_size=5) | st.integers(), st.lists).map(json.dumps)),
    mutation=st.booleans(),
)
def test_whatever_azure_says_has_a_meaning(*, status: int, headers: dict[str, str], body: str, mutation: bool) -> None:
    found = from_response(status, headers, body, mutation=mutation)
    assert isinstance(found, Failure)
    assert mutation or not found.unsure
    assert found.message

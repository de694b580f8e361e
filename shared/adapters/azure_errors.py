"""Azure's errors, classified once into failures. Pure: statuses, headers and bodies in, failures out."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from shared.model.errors import Code, Failure

MOST_TEXT = 1500
"""How much of Azure's own words is kept."""

_CAPACITY = frozenset({
    "AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest", "OverconstrainedZonalAllocationRequest",
    "SkuNotAvailable", "AksCapacityHeavyUsage", "AKSCapacityError", "QuotaExceeded", "InsufficientVCPUQuota",
    "ErrCode_InsufficientVCPUQuota",
    "ManagedClusterCountExceedsQuotaLimit", "PublicIPCountLimitReached", "SubnetIsFull", "InsufficientSubnetSize",
})  # fmt: skip
_DRAIN = frozenset({"UpgradeFailed", "UnsatisfiablePDB", "PodDrainFailure", "DrainNodeFailed"})
_PASSING = frozenset({
    "InternalOperationError", "InternalServerError", "NotLatestOperation", "GatewayTimeout", "ServerTimeout", "ServiceUnavailable",
    "CreateVMSSAgentPoolFailed", "ReconcilePortalDNSError", "AKSOperationPreempted",
})  # fmt: skip
_LAGGING = frozenset({"ServicePrincipalNotFound", "PrincipalNotFound", "MissingSubscriptionRegistration"})
"""Refusals that another part of Azure will make untrue shortly: directory and registration lag."""
_ABSENT = frozenset({"NotFound", "ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound"})
_GROUP_GONE = frozenset({"ResourceGroupNotFound", "SubscriptionNotFound", "InvalidSubscriptionId"})
_BUSY_TEXT = re.compile(
    r"in progress|another (agentpool )?operation|currently|is in provisioning state\((?!succeeded|failed|canceled)", re.IGNORECASE
)

TOO_MANY, CONFLICT, PRECONDITION_FAILED, NOT_FOUND, SERVER_FAULT, REQUEST_TIMEOUT, LEAST_ERROR = 429, 409, 412, 404, 500, 408, 400
LONGEST_DIGITS = 9
_SECRET = re.compile(
    r"((?:sig|code|token|key|secret|password)=)[^&\s\"']+"
    r"|((?<![A-Za-z])(?:token|secret|password)[\"']?: ?[\"']?)[^&\s\"',]+"  # as JSON and as people write it, but not InvalidToken: why
    r"|(bearer )\S+"
    r"|(https?://[^\s?\"']+\?)[^\s\"']+"  # what a URL asks with: status URLs are signed there
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*",
    re.IGNORECASE,
)


def from_response(status: int, headers: Mapping[str, str], body: str, *, mutation: bool) -> Failure:
    """What an answer with an error status means. `mutation`: the request would change something, so a 5xx leaves it unsure."""
    azure_code, text = _code_and_text(body, status)
    retry_after = retry_after_of(headers)

    def failure(code: Code, *, transient: bool = False, unsure: bool = False) -> Failure:
        return Failure(code=code, message=text, transient=transient, unsure=unsure, retry_after=retry_after, azure_code=azure_code)

    if status == TOO_MANY:
        return failure(Code.THROTTLED, transient=True)
    if status >= SERVER_FAULT or status == REQUEST_TIMEOUT or status < LEAST_ERROR:
        # Below 400: a redirect, or a success that is not one of the documented; nobody can say what it means.
        return failure(Code.AZURE_FAULT, transient=True, unsure=mutation)
    if status in (401, 403):
        return failure(Code.AZURE_FORBIDDEN)
    if azure_code == "EtagMismatch" or status == PRECONDITION_FAILED:
        return failure(Code.CHANGED_MEANWHILE, transient=True)
    if azure_code in _LAGGING:
        return failure(Code.AZURE_FAULT, transient=True)
    if azure_code in _CAPACITY:
        return failure(Code.OUT_OF_CAPACITY)
    if azure_code in _DRAIN:
        return failure(Code.DRAIN_BLOCKED)
    if status == CONFLICT and (azure_code == "AKSOperationPreempted" or _BUSY_TEXT.search(text)):
        return failure(Code.BUSY, transient=True)
    if status == NOT_FOUND and azure_code not in _GROUP_GONE:
        return failure(Code.CHANGED_MEANWHILE, transient=True)
    return failure(Code.AZURE_REFUSED)


def says_absent(body: str) -> bool:
    """Whether a 404 says that the thing is not there. Others (an unknown API version, subscription or route) say nothing of it."""
    code, _ = _code_and_text(body, NOT_FOUND)
    return code in _ABSENT


def from_operation(error: object) -> Failure:
    """What the `error` of a long-running operation that ended badly means. One that nobody here knows is worth one reconcile."""
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
    azure_code = code if isinstance(code, str) else None
    text = safe(f"{azure_code or 'no code'}: {message or 'no message'}")
    if azure_code in _CAPACITY:
        return Failure(code=Code.OUT_OF_CAPACITY, message=text, azure_code=azure_code)
    if azure_code in _DRAIN:
        return Failure(code=Code.DRAIN_BLOCKED, message=text, azure_code=azure_code)
    code = Code.AZURE_FAULT if azure_code in _PASSING else Code.AZURE_FAILED
    return Failure(code=code, message=text, transient=True, azure_code=azure_code)


def cancelled_outside() -> Failure:
    """Somebody else aborted the operation."""
    message = "the operation was aborted in Azure by someone else; what it had applied stays applied"
    return Failure(code=Code.CANCELLED_EXTERNALLY, message=message, azure_code="Canceled")


def without_answer(what: str, fault: Exception, *, mutation: bool) -> Failure:
    """What silence, a reset or a failed connection means."""
    message = f"{what} did not answer ({type(fault).__name__})"
    return Failure(code=Code.UNREACHABLE, message=message, transient=True, unsure=mutation)


def retry_after_of(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After` in seconds or as an HTTP date; None where there is none or it cannot be read."""
    text = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text) if len(text) <= LONGEST_DIGITS else 10**LONGEST_DIGITS)
    sent = next((value for name, value in headers.items() if name.lower() == "date"), "")
    try:
        instant, reference = parsedate_to_datetime(text), parsedate_to_datetime(sent)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(instant.replace(tzinfo=instant.tzinfo or UTC) - reference.replace(tzinfo=reference.tzinfo or UTC), timedelta(0))


def safe(text: str) -> str:
    """Azure's words, shortened, on one line, with anything that looks like a secret blotted out."""
    clean = _SECRET.sub(lambda found: f"{found[found.lastindex] if found.lastindex else ''}...", " ".join(text.split()))
    return clean if len(clean) <= MOST_TEXT else f"{clean[:MOST_TEXT]}..."


def _code_and_text(body: str, status: int) -> tuple[str | None, str]:
    """Azure's code and message from either of its shapes: wrapped in `error` (the gateway), or flat (AKS itself)."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    error = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return None, f"Azure answered {status} without saying why"
    code, message = error.get("code"), error.get("message")
    code = code if isinstance(code, str) else None
    return code, safe(f"{code or status}: {message if isinstance(message, str) else 'no message'}")

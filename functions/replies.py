"""What goes out: views of operations and clusters, problem+json, and the one table from error code to HTTP status."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import azure.functions as func

from shared.model.answers import Glimpse, Preview, Progress, Purged, Told
from shared.model.clusters import Cluster
from shared.model.errors import Code, Failure, Refusal
from shared.model.listing import Page, Summary
from shared.model.operations import Done, Failed, Skipped, StepState, Waiting
from shared.model.plans import Plan, Step
from shared.model.requests import Origin

if TYPE_CHECKING:
    from functions.views import (
        ActingView,
        ClustersView,
        ClusterView,
        GlimpseView,
        HealthView,
        LettersView,
        LetterView,
        OperationsView,
        OperationView,
        OriginView,
        PacesView,
        PaceView,
        PlanView,
        PreviewView,
        ProblemView,
        ProgressView,
        PurgeView,
        StepView,
        SubscriptionError,
        SummaryView,
        UpgradesView,
        VersionsView,
        VersionView,
    )
    from shared.model.acting import ShownActing
    from shared.model.letters import ShownLetter, ShownPage
    from shared.model.paces import ShownPace, ShownPaces
    from shared.model.versions import Offer, Offered

STATUSES: dict[Code, HTTPStatus] = {
    Code.MALFORMED: HTTPStatus.BAD_REQUEST,
    Code.NEWER_SCHEMA: HTTPStatus.BAD_REQUEST,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.ALREADY_ENDED: HTTPStatus.CONFLICT,
    Code.WRONG_STATE: HTTPStatus.CONFLICT,
    Code.CLUSTER_EXISTS: HTTPStatus.CONFLICT,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.IMPOSSIBLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.THROTTLED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.BUSY_STORE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.UNREACHABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.AZURE_FAULT: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.AZURE_FORBIDDEN: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.AZURE_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.CHANGED_MEANWHILE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.OUT_OF_CAPACITY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every code a request can be answered with. The others belong to operations and never reach a status line."""

ACCEPTED_RETRY, OPEN_RETRY, UNAVAILABLE_RETRY = timedelta(seconds=10), timedelta(seconds=5), timedelta(seconds=10)


def reply(document: object, *, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """A JSON reply that nobody caches."""
    text = json.dumps(document, separators=(",", ":"))
    return func.HttpResponse(
        text, status_code=status, mimetype="application/json", headers={"Cache-Control": "no-store", **(headers or {})}
    )


def problem(refusal: Refusal, *, instance: str) -> func.HttpResponse:
    """An RFC 9457 problem for a refusal."""
    status = STATUSES.get(refusal.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    document: ProblemView = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": refusal.message,
        "instance": instance,
        "code": refusal.code,
    }
    if refusal.faults:
        document["errors"] = [{"pointer": fault.pointer, "message": fault.message} for fault in refusal.faults]
    headers = {"Cache-Control": "no-store"}
    passing = status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
    retry_after = refusal.retry_after or (UNAVAILABLE_RETRY if passing else None)
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, round(retry_after.total_seconds())))
    return func.HttpResponse(
        json.dumps(document, separators=(",", ":")), status_code=int(status), mimetype="application/problem+json", headers=headers
    )


def refusal_of(failure: Failure) -> Refusal:
    """A failed call, as what a caller is told."""
    return Refusal(code=failure.code, message=failure.message, retry_after=failure.retry_after)


# ---- views


def operation_view(told: Told) -> "OperationView":
    """An operation as `design` publishes it."""
    view = _operation(told)
    if told.history is not None:
        view["history"] = [{"n": event.n, "at": _instant(event.at), "text": event.text} for event in told.history]
    return view


def _operation(told: Told) -> "OperationView":
    operation = told.operation
    plan, failure = operation.plan, operation.failure
    path = f"/api/operations/{operation.id}"
    ref = operation.cluster
    return {
        "id": operation.id,
        "status": operation.status,
        "action": operation.request.action,
        "cluster": {"subscription": ref.subscription, "resource_group": ref.group, "name": ref.name},
        "origin": _origin(operation.origin),
        "reason": operation.reason,
        "because": plan.because if plan is not None else None,
        "progress": _progress(told.progress),
        "plan": plan_view(plan, operation.states) if plan is not None else None,
        "queue_position": told.position or 0,
        "held_by": told.holder,
        "created_at": _instant(operation.created_at),
        "updated_at": _instant(operation.updated_at),
        "started_at": _maybe(operation.started_at),
        "ended_at": _maybe(operation.ended_at),
        "cancelled_by": operation.cancelled_by.by if operation.cancelled_by is not None else None,
        "suspended_by": operation.suspended_by.by if operation.suspended_by is not None else None,
        "retry_of": operation.retry_of,
        "not_before": _maybe(operation.not_before),
        "not_after": _maybe(operation.not_after),
        "error": None if failure is None else {"code": failure.code, "message": failure.message, "azure_code": failure.azure_code},
        "links": {
            "self": path,
            "cancel": f"{path}/cancel",
            "suspend": f"{path}/suspend",
            "resume": f"{path}/resume",
            "retry": f"{path}/retry",
            "force_close": f"{path}/force_close",
            "status": None if told.token is None else f"/api/status/{operation.id}?token={told.token}",
            "cluster": f"/api/clusters/{ref.subscription}/{ref.group}/{ref.name}",
        },
    }


def glimpse_view(seen: Glimpse) -> "GlimpseView":
    """An operation as its status link shows it: nothing of who asked for what and why."""
    operation, failure = seen.operation, seen.operation.failure
    steps = operation.plan.steps if operation.plan is not None else ()
    return {
        "id": operation.id,
        "status": operation.status,
        "action": operation.request.action,
        "cluster": operation.cluster.name,
        "progress": _progress(seen.progress),
        "steps": [
            {"name": step.name, "state": state.state, "started_at": _began(state), "ended_at": _stopped(state)}
            for step, state in zip(steps, operation.states, strict=True)
        ],
        "queue_position": seen.position or 0,
        "created_at": _instant(operation.created_at),
        "started_at": _maybe(operation.started_at),
        "ended_at": _maybe(operation.ended_at),
        "error": None if failure is None else {"code": failure.code, "message": seen.fault or ""},
    }


def _origin(origin: Origin) -> "OriginView":
    view: OriginView = {"door": origin.door, "caller": origin.caller}
    if origin.says:
        view["says_it_is"] = origin.says
    return view


def plan_view(plan: Plan, states: tuple[StepState, ...] = ()) -> "PlanView":
    """A plan, with the states of its steps where it has begun."""
    known: tuple[StepState | None, ...] = states or (None,) * len(plan.steps)
    return {"digest": plan.digest, "steps": [_step(step, state) for step, state in zip(plan.steps, known, strict=True)]}


def preview_view(preview: Preview) -> "PreviewView":
    """What would happen."""
    return {
        "plan": plan_view(preview.plan) if preview.plan is not None else None,
        "because": preview.plan.because if preview.plan is not None else None,
        "already_so": preview.already_so,
        "findings": list(preview.findings),
    }


def summary_view(summary: Summary) -> "SummaryView":
    """An operation in a list."""
    ref = summary.cluster
    return {
        "id": summary.id,
        "status": summary.status,
        "action": summary.action,
        "cluster": {"subscription": ref.subscription, "resource_group": ref.group, "name": ref.name},
        "origin": {"door": summary.door},
        "because": summary.because,
        "code": summary.code,
        "created_at": _instant(summary.created_at),
        "updated_at": _instant(summary.updated_at),
        "links": {"self": f"/api/operations/{summary.id}"},
    }


def page_view(page: Page) -> "OperationsView":
    """A page of a list of operations."""
    return {"operations": [summary_view(item) for item in page.items], "continuation": page.continuation}


def letter_view(letter: "ShownLetter") -> "LetterView":
    """A letter."""
    path = f"/api/letters/{letter.id}"
    return {
        "id": letter.id,
        "queue": letter.queue,
        "reason": letter.reason,
        "text": letter.text,
        "length": letter.length,
        "requeueable": letter.requeueable,
        "filed_at": _instant(letter.filed_at),
        "operation": letter.operation,
        "links": {"self": path, "requeue": f"{path}/requeue"},
    }


def letters_view(page: "ShownPage") -> "LettersView":
    """A page of letters."""
    return {"letters": [letter_view(letter) for letter in page.letters], "continuation": page.continuation}


def clusters_view(found: Iterable[tuple[Cluster, str | None]], failed: Mapping[str, Failure]) -> "ClustersView":
    """Clusters, each with the operation that holds it, and by subscription what could not be listed."""
    errors: list[SubscriptionError] = [
        {"subscription": name, "code": failure.code, "message": failure.message} for name, failure in failed.items()
    ]
    return {"clusters": [cluster_view(cluster, operation) for cluster, operation in found], "errors": errors}


def health_view(*, settings: str, storage: str) -> "HealthView":
    """What was looked at; each is `ok` or what is wrong with it."""
    well = settings == storage == "ok"
    return {"status": "ok" if well else "unhealthy", "checks": {"settings": settings, "storage": storage}}


def acting_view(shown: "ShownActing") -> "ActingView":
    """Whether the app acts."""
    pause = shown.pause
    return {
        "paused": pause is not None,
        "paused_by": pause.by if pause is not None else None,
        "paused_at": _maybe(pause.at if pause is not None else None),
        "reason": pause.reason if pause is not None else None,
        "mutations": shown.mutations,
        "mutations_per_hour": shown.most,
        "hour_ends_at": _instant(shown.ends_at),
    }


def paces_view(shown: "ShownPaces") -> "PacesView":
    """How long Azure takes, and when it is looked at therefore."""
    return {
        "paces": [_pace(each) for each in shown.paces],
        "bounds": {"soonest": shown.soonest, "latest": shown.latest, "apart": _duration(shown.apart), "samples": shown.wanted},
    }


def _pace(shown: "ShownPace") -> "PaceView":
    learned = shown.learned
    return {
        "action": shown.kind,
        "holds": "shipped" if learned is None else "learned",
        "because": shown.because,
        "looks": list(shown.looks),
        "shipped": list(shown.shipped),
        "typical": _duration(shown.typical),
        "samples": shown.samples,
        "counted_at": _maybe(shown.counted_at),
        "learned": None
        if learned is None
        else {
            "stretch": learned.stretch,
            "operations": learned.operations,
            "longer_than": _duration(learned.longer_than),
            "at_most": None if learned.at_most is None else _duration(learned.at_most),
            "at": _instant(learned.at),
        },
    }


def purge_view(purged: Purged) -> "PurgeView":
    """What was removed."""
    return {"purged": purged.removed, "more": purged.more}


def cluster_view(cluster: Cluster, operation: str | None = None) -> "ClusterView":
    """A cluster: the columns of `az aks list` in their order, then what they leave out."""
    ref = cluster.ref
    return {
        "name": ref.name,
        "location": cluster.location,
        "resource_group": ref.group,
        "kubernetes_version": cluster.version,
        "current_kubernetes_version": cluster.current_version,
        "provisioning_state": cluster.state,
        "fqdn": cluster.fqdn,
        "power_state": cluster.power,
        "subscription": ref.subscription,
        "settled": cluster.settled,
        "pools": [
            {
                "name": pool.name,
                "mode": pool.mode,
                "os": pool.os,
                "vm_size": pool.vm_size,
                "count": pool.count,
                "min": pool.autoscale.min if pool.autoscale is not None else None,
                "max": pool.autoscale.max if pool.autoscale is not None else None,
                "kubernetes_version": pool.version,
                "provisioning_state": pool.state,
                "power_state": pool.power,
            }
            for pool in cluster.pools
        ],
        "tags": cluster.tags,
        "operation": operation,
    }


def upgrades_view(cluster: Cluster, offer: "Offer") -> "UpgradesView":
    """What AKS offers a cluster, lowest first, and where its pools are."""
    ref = cluster.ref
    return {
        "cluster": {"subscription": ref.subscription, "resource_group": ref.group, "name": ref.name},
        "kubernetes_version": cluster.current_version or cluster.version,
        "targets": [{"version": str(target.version), "preview": target.preview} for target in offer.targets],
        "pools": [
            {
                "name": pool.name,
                "kubernetes_version": pool.version,
                "behind": pool.version != (cluster.current_version or cluster.version),
            }
            for pool in cluster.pools
        ],
    }


def versions_view(location: str, offered: "tuple[Offered, ...]") -> "VersionsView":
    """The versions that AKS offers in a region, in the order given."""
    versions: list[VersionView] = [
        {
            "version": str(found.version),
            "minor": found.version.family,
            "default": found.default,
            "preview": found.preview,
            "support_plans": list(found.plans),
            "upgrades": [str(version) for version in found.upgrades],
        }
        for found in offered
    ]
    return {"location": location, "versions": versions}


def _step(step: Step, state: StepState | None) -> "StepView":
    view: StepView = {"name": step.name, "action": step.action.kind, "limit": _duration(step.limit)}
    if state is not None:
        failure = state.failure if isinstance(state, Waiting | Failed) else None
        view |= {
            "state": state.state,
            "started_at": _began(state),
            "ended_at": _stopped(state),
            "note": _note(state),
            "error": None if failure is None else {"code": failure.code, "message": failure.message},
        }
    return view


def _began(state: StepState) -> str | None:
    return None if isinstance(state, Skipped) else _maybe(state.since)


def _stopped(state: StepState) -> str | None:
    return _maybe(state.ended_at) if isinstance(state, Done | Failed) else None


def _note(state: StepState) -> str | None:
    match state:
        case Done(note=note):
            return note
        case Skipped(because=because):
            return because
        case _:
            return None


def _progress(progress: Progress) -> "ProgressView":
    return {
        "step": progress.step,
        "steps": progress.steps,
        "percent": progress.percent,
        "waiting_for": progress.waiting_for,
        "next_look_at": _maybe(progress.next_look_at),
    }


def _instant(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe(instant: datetime | None) -> str | None:
    return None if instant is None else _instant(instant)


def _duration(span: timedelta) -> str:
    """ISO 8601, in hours, minutes and seconds."""
    seconds = round(span.total_seconds())
    hours, minutes, left = seconds // 3600, seconds % 3600 // 60, seconds % 60
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{left}S" if left or not seconds else "")

"""What AKS refuses because of the state that a cluster or pool is in: busy, stopped, being deleted, or changed meanwhile.

As in `refusals`, codes are Azure's own; texts too where they were recorded or quoted in public, and those marked "ours" are not.
"""

from datetime import datetime, timedelta

from local.arm.refusals import flat
from local.arm.wire import Reply

PENDING = "please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details"


def _since(started_at: datetime, now: datetime) -> str:
    """An instant and how long ago that is, in the words of these errors."""
    elapsed = max(now - started_at, timedelta(0))
    hours, rest = divmod(elapsed.seconds, 3600)
    clock = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    days = f"{elapsed.days} days and " if elapsed.days else ""
    return f"operation started at '{started_at:%Y-%m-%dT%H:%M:%SZ}' and elapsed time is: '{days}{clock}' (RFC3339 format)"


# --------------------------------------------------------------------------------------------------------------------------- busy


def cluster_busy(verb: str, operation: str, started_at: datetime) -> Reply:
    """409: the cluster's own operation is in flight (the text of 2026)."""
    verb = "update" if verb == "scale" else verb
    message = (
        f"Operation is not allowed because there's an in progress {verb} managed cluster operation (operation ID: {operation}) "
        f"on the managed cluster started on UTC {started_at:%Y-%m-%dT%H:%M:%SZ}. "
        "Please wait for it to finish before starting a new operation. "
        "You can also use 'az aks operation-abort' to abort the ongoing operation."
    )
    return flat(409, "OperationNotAllowed", message)


def cluster_busy_for_pools(state: str) -> Reply:
    """409 of a pool's write while its cluster's own operation is in flight (recorded)."""
    return flat(409, "OperationNotAllowed", f"Operation is not allowed: Another operation ({state}) is in progress, {PENDING}")


def pool_busy(pool: str, state: str) -> Reply:
    """409: an operation of one of its pools is in flight."""
    message = f"Operation is not allowed: Another agentpool operation ({pool} - {state}) is in progress, {PENDING}"
    return flat(409, "OperationNotAllowed", message)


def deletion_issued(wanted: str, name: str, started_at: datetime, now: datetime) -> Reply:
    """409 of anything but a deletion on what is being deleted; `wanted` is a provisioning state such as Scaling."""
    message = (
        f"Unable to perform '{wanted}' operation on '{name}' since deletion was issued on '{name}'. "
        f"The only allowed operation is deletion once deletion has started. The delete {_since(started_at, now)}"
    )
    return flat(409, "OperationNotAllowed", message)


def goal_not_saved(subscription: str, group: str, name: str) -> Reply:
    """409 of a deletion that meets another write being saved; seen without any If-Match."""
    message = (
        f"Failed to save managed cluster {name} in subscription {subscription}, resource group {group}. "
        "Operation is not allowed: Another operation is in progress"
    )
    details = [{"code": "Unspecified", "message": "rpc error: code = FailedPrecondition desc = Etag mismatched"}]
    return flat(409, "EtagMismatch", message, subcode="PutManagedClusterAndAgentPools_FailedPrecondition", details=details)


def nothing_to_abort(name: str) -> Reply:
    """409 of an abort when nothing runs, or when it has ended by now (the text is ours)."""
    return flat(409, "OperationNotAllowed", f"There is no operation in progress on '{name}' that can be aborted.")


# -------------------------------------------------------------------------------------------------------------------------- power


def wrong_state(state: str, power: str, wanted: str, started_at: datetime, now: datetime) -> Reply:
    """409 of a stop or a start in a state that does not allow it; `wanted` is Stopping or Starting."""
    message = (
        f"managed cluster is in Provisioning State({state}) and Power State({power}), {wanted.lower()} cannot be performed "
        f"The previous {_since(started_at, now)}"
    )
    return flat(409, "OperationNotAllowed", message)


def not_running(wanted: str, started_at: datetime, now: datetime) -> Reply:
    """409 of a stop, or of any change, of a stopped cluster (quoted in public for stops)."""
    message = f"managed cluster is not currently running, {wanted.lower()} cannot be performed; The stop {_since(started_at, now)}"
    return flat(409, "OperationNotAllowed", message)


def provisions_its_nodes(wanted: str) -> Reply:
    """400 of a stop of a cluster with node auto-provisioning, or of one of its pools."""
    message = f"Unable to perform '{wanted.lower()}' operation since the cluster enables .properties.nodeProvisioningProfile.mode 'Auto'"
    return flat(400, "OperationNotAllowed", message)


def availability_sets() -> Reply:
    """400 of a stop or a start with pools of availability sets."""
    return flat(400, "BadRequest", "Client Error: Availability Sets Not Supported")


def system_pool_runs(pool: str) -> Reply:
    """400 of the stop of a System pool (the text is ours)."""
    return flat(400, "OperationNotAllowed", f"Agent pool '{pool}' has mode System: only User pools can be stopped.")


def pool_not_running(pool: str) -> Reply:
    """409 of a new count for a stopped pool (the text is ours)."""
    return flat(409, "OperationNotAllowed", f"Agent pool '{pool}' is in Power State(Stopped), scaling cannot be performed.")


# ----------------------------------------------------------------------------------------------------------------------- commands


def no_commands(state: str, power: str) -> Reply:
    """409 of a command for a cluster without an API server (the text is ours)."""
    message = f"managed cluster is in Provisioning State({state}) and Power State({power}), running a command cannot be performed"
    return flat(409, "OperationNotAllowed", message)


def command_did_not_start(command: str) -> Reply:
    """400 of a command for a cluster with no node to run it on."""
    message = (
        f"Failed to run command due to cluster perf issue, container command-{command} in aks-command namespace did not start within 30s "
        "on your cluster, retry may helps. If issue persist, you may need to tune your cluster with better performance "
        "(larger node/paid tier)."
    )
    return flat(400, "KubernetesPerformanceError", message)


# -------------------------------------------------------------------------------------------------------------------------- etags


def nothing_to_match() -> Reply:
    """412 of an If-Match on something that does not exist."""
    message = "Resource not found but ETag header is provided. If this is a request to create, please do not provide ETag."
    return flat(412, "PreconditionFailed", message)


def etag_differs() -> Reply:
    """412 of an If-Match that names another version (the text is ours)."""
    return flat(412, "PreconditionFailed", "The ETag provided in the If-Match header does not match the current ETag of the resource.")


def exists_already() -> Reply:
    """412 of `If-None-Match: *` on something that exists (the text is ours)."""
    return flat(412, "PreconditionFailed", "The resource exists, but the If-None-Match header asks that it does not.")

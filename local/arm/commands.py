"""Commands run in a cluster: accepted, run for some seconds, their result kept for a day. Nothing is executed.

Shapes after a recording of 2021: no async-operation header, only Location; Running with 202, then the result with 200.
"""

from datetime import timedelta

from local.arm import clusters, conflicts, machines, refusals
from local.arm.call import Call
from local.arm.records import Cluster, Command
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

KEPT = timedelta(days=1)
"""How long a result can be asked for (ours; how long AKS keeps one is not documented)."""

MOST_LOGS = 512 * 1024
"""Longer output is cut (learn.microsoft.com/azure/aks/access-private-cluster)."""


def run(call: Call) -> Reply:
    """Begin to run a command (202, Location alone)."""
    cluster = clusters.found(call)
    asked = call.document()
    command = asked.get("command")
    if command is not None and not isinstance(command, str):
        raise Refused(refusals.unmarshalled("RunCommandRequest.command", command, "string"))
    if not command:
        raise Refused(refusals.missing("command"))
    if cluster.power == "Stopped" or cluster.state in {"Creating", "Starting", "Deleting"}:
        raise Refused(conflicts.no_commands(cluster.state, cluster.power))
    identifier = call.chance.guid("command").replace("-", "")
    if not any(nodes.count for nodes in cluster.nodes.values()):
        raise Refused(conflicts.command_did_not_start(identifier))
    lasts = call.durations("cluster", "command", call.chance.share("cluster/command"))
    exit_code, logs = _outcome(call, cluster, command, identifier)
    ends_at = call.now + lasts
    call.state.commands[identifier] = Command(
        id=identifier,
        cluster=cluster.key,
        started_at=call.now,
        ends_at=ends_at,
        gone_at=ends_at + KEPT,
        exit_code=exit_code,
        logs=logs[:MOST_LOGS],
    )
    call.applied = True
    return reply(202, headers={"location": _location(call, cluster, identifier)})


def result(call: Call) -> Reply:
    """How a command went: 202 with its own address while it runs, then 200; 404 once it is forgotten."""
    cluster = clusters.found(call)
    command = call.state.commands.get(call.names["command"].lower())
    if command is None or command.cluster != cluster.key:
        raise Refused(refusals.command_not_found(call.names["command"]))
    if call.now < command.ends_at:
        running = {"id": command.id, "properties": {"provisioningState": "Running"}}
        return reply(202, running, headers={"location": _location(call, cluster, command.id)})
    properties: Json = {
        "provisioningState": "Succeeded",
        "exitCode": command.exit_code,
        "startedAt": f"{command.started_at:%Y-%m-%dT%H:%M:%SZ}",
        "finishedAt": f"{command.ends_at:%Y-%m-%dT%H:%M:%SZ}",
        "logs": command.logs,
    }
    return reply(200, {"id": command.id, "properties": properties})


def _location(call: Call, cluster: Cluster, identifier: str) -> str:
    path = f"/subscriptions/{cluster.subscription}/resourceGroups/{cluster.group}/providers/Microsoft.ContainerService"
    return f"https://{call.host}{path}/managedclusters/{cluster.name}/commandResults/{identifier}?api-version={call.version}"


# ---------------------------------------------------------------------------------------------------------------- what they print


def _outcome(call: Call, cluster: Cluster, command: str, identifier: str) -> tuple[int, str]:
    """The exit code and the output: some reads of kubectl are answered from the cluster's document, everything else fails as it would."""
    words = command.split()
    if words[:1] != ["kubectl"]:
        return 127, f"/bin/sh: {words[0] if words else repr(command)}: not found\n"
    match [word for word in words[1:] if not word.startswith("-")]:
        case ["version", *_]:
            version = cluster.body["properties"]["currentKubernetesVersion"]
            return 0, f"Client Version: v{version}\nServer Version: v{version}\n"
        case ["get", "nodes" | "node" | "no", *_]:
            return 0, _table(("NAME", "STATUS", "ROLES", "AGE", "VERSION"), _nodes(cluster))
        case ["get", "pods" | "pod" | "po", *_]:
            return 0, _table(("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"), _pods(call, cluster, identifier))
        case ["get", kind, *_]:
            return 1, f'error: the server doesn\'t have a resource type "{kind}"\n'
        case [verb, *_]:
            return 1, f'error: unknown command "{verb}" for "kubectl"\n'
        case _:
            return 0, "kubectl controls the Kubernetes cluster manager.\n"


def _nodes(cluster: Cluster) -> list[tuple[str, ...]]:
    versions = {name: str(pool["currentOrchestratorVersion"]) for name, pool in cluster.pools.items()}
    return [(node, "Ready", "<none>", "1d", f"v{versions[name]}") for name in cluster.pools for node in machines.names(cluster, name)]


def _pods(call: Call, cluster: Cluster, identifier: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("aks-command", f"command-{identifier}", "0/1", "ContainerCreating", "0", "6s")]
    nodes = sum(pool["count"] for pool in cluster.pools.values())
    for name, replicas in (("coredns", 2), ("konnectivity-agent", 2), ("metrics-server", 2), ("kube-proxy", nodes)):
        rows += [("kube-system", f"{name}-{call.chance.letters('pods', 5)}", "1/1", "Running", "0", "1d") for _ in range(replicas)]
    return rows


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (heads, *rows)) + 3 for column in range(len(heads))]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)]
    return "\n".join(lines) + "\n"

"""Maintenance configurations of a cluster: kept as they are sent, at once and without an operation (recorded). Nothing obeys them."""

from local.arm import clusters, refusals
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

_DEFAULTS = {"utcOffset": "+00:00"}


def put(call: Call) -> Reply:
    """Make or replace a configuration (200 either way)."""
    cluster = clusters.found(call)
    properties = call.document().get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise Refused(refusals.unmarshalled("MaintenanceConfiguration.properties", properties, "MaintenanceConfigurationProperties"))
    sent = _without_nulls(properties or {})
    window = sent.get("maintenanceWindow")
    if window is not None:
        if not isinstance(window, dict) or not window.get("schedule") or not window.get("durationHours") or not window.get("startTime"):
            raise Refused(refusals.invalid("maintenanceWindow"))
        sent["maintenanceWindow"] = {**_DEFAULTS, "startDate": f"{call.now:%Y-%m-%d}", **window}
    elif not sent.get("timeInWeek") and not sent.get("notAllowedTime"):
        raise Refused(refusals.missing("properties.maintenanceWindow"))
    cluster.maintenance[_name(call, cluster)] = sent
    call.applied = True
    return reply(200, _view(cluster, _name(call, cluster)))


def get(call: Call) -> Reply:
    """One configuration."""
    cluster = clusters.found(call)
    name = _name(call, cluster)
    if name not in cluster.maintenance:
        raise Refused(refusals.maintenance_not_found(cluster.subscription, cluster.group, cluster.name, name))
    return reply(200, _view(cluster, name))


def listed(call: Call) -> Reply:
    """The configurations of a cluster."""
    cluster = clusters.found(call)
    return reply(200, {"value": [_view(cluster, name) for name in cluster.maintenance]})


def delete(call: Call) -> Reply:
    """Forget a configuration (200); nothing there is 204."""
    cluster = clusters.found(call)
    call.applied = cluster.maintenance.pop(_name(call, cluster), None) is not None
    return reply(200 if call.applied else 204)


def _name(call: Call, cluster: Cluster) -> str:
    """The name in the path; spelled as it was first."""
    asked = call.names["configuration"]
    return next((name for name in cluster.maintenance if name.casefold() == asked.casefold()), asked)


def _without_nulls(sent: Json) -> Json:
    kept = {name: value for name, value in sent.items() if value is not None}
    return {name: _without_nulls(value) if isinstance(value, dict) else value for name, value in kept.items()}


def _view(cluster: Cluster, name: str) -> Json:
    path = f"/subscriptions/{cluster.subscription}/resourceGroups/{cluster.group}/providers/Microsoft.ContainerService"
    identifier = f"{path}/managedClusters/{cluster.name}/maintenanceConfigurations/{name}"
    return {"id": identifier, "name": name, "properties": cluster.maintenance[name]}

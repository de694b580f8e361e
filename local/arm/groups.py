"""Resource groups, which are ARM's own: made, read, and deleted with every cluster in them."""

import base64
import json
import re
from datetime import timedelta

from local.arm import catalogue, clusters, refusals, signatures
from local.arm.call import Call
from local.arm.records import Group, key
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

RETRY_AFTER = {"retry-after": "15"}
_FILTER = re.compile(r"tagname eq '(?P<name>[^']*)'(?: and tagvalue eq '(?P<value>[^']*)')?", re.IGNORECASE)
_NAME = re.compile(r"[\w().-]{1,89}[\w()-]|[\w()-]")


def put(call: Call) -> Reply:
    """Make a group (201) or change its tags (200), at once."""
    wanted = call.document()
    name = call.group
    if not _NAME.fullmatch(name):
        message = f"The provided resource group name '{name}' has these invalid characters or a wrong length."
        raise Refused(refusals.gateway(400, "InvalidResourceGroup", message))
    if not isinstance(wanted.get("location"), str) or not wanted["location"]:
        raise Refused(refusals.gateway(400, "LocationRequired", "The location property is required for this definition."))
    location = catalogue.region(wanted["location"])
    if location not in catalogue.REGIONS:
        raise Refused(refusals.location_not_available(wanted["location"], "resource group", catalogue.REGIONS))
    group = find(call)
    if group is not None:
        if group.gone_at is not None:
            raise Refused(refusals.group_being_deleted(group.name))
        if group.location != location:
            message = f"Invalid resource group location '{location}'. The Resource group already exists in location '{group.location}'."
            raise Refused(refusals.gateway(409, "InvalidResourceGroupLocation", message))
    made = group is None
    sent = wanted.get("tags")
    tags = _tags(sent) if sent is not None else None if group is None else group.tags
    group = Group(subscription=call.subscription, name=name if group is None else group.name, location=location, tags=tags)
    call.state.groups[key(call.subscription, name)] = group
    call.applied = True
    return reply(201 if made else 200, view(group), gateway=True)


def tag(call: Call) -> Reply:
    """Replace the tags, if the body has any (200, at once)."""
    group = find(call)
    if group is None:
        raise Refused(refusals.group_not_found(call.group))
    if group.gone_at is not None:
        raise Refused(refusals.group_being_deleted(group.name))
    tags = call.document().get("tags")
    if tags is not None:
        group.tags = _tags(tags)
        call.applied = True
    return reply(200, view(group), gateway=True)


def get(call: Call) -> Reply:
    """One group; in state Deleting while it goes."""
    group = find(call)
    if group is None:
        raise Refused(refusals.group_not_found(call.group))
    return reply(200, view(group), gateway=True)


def head(call: Call) -> Reply:
    """Whether there is such a group: 204 or 404, both empty."""
    return reply(404 if find(call) is None else 204)


def listed(call: Call) -> Reply:
    """The groups of the subscription, or those with the tag that `$filter` names: `tagName eq 'a' and tagValue eq 'b'`."""
    mine = [group for group in call.state.groups.values() if key(group.subscription) == key(call.subscription)]
    asked = call.query.get("$filter")
    if asked:
        wanted = _FILTER.fullmatch(asked.strip())
        if wanted is None:
            raise Refused(refusals.gateway(400, "InvalidFilterInQueryString", f"Invalid $filter '{asked}' specified in the query string."))
        mine = [group for group in mine if _has_tag(group, wanted["name"], wanted["value"])]
    return reply(200, {"value": [view(group) for group in mine]}, gateway=True)


def delete(call: Call) -> Reply:
    """Begin a deletion (202, Location, Retry-After): every cluster in the group is deleted first."""
    group = find(call)
    if group is None:
        raise Refused(refusals.group_not_found(call.group))
    if group.gone_at is None:
        ends = [call.now]
        for cluster in call.state.clusters_in(call.subscription, group.name):
            running = call.state.operations.get(cluster.operation or "")
            if running is None or running.verb != "delete":
                clusters.begin_deletion(call, cluster)
                running = call.state.operations[cluster.operation or ""]
            ends.append(running.ends_at or call.now + timedelta(hours=1))
        group.gone_at = max(ends) + call.durations("group", "delete", call.chance.share("group/delete"))
        group.job = _job(group)
        call.state.jobs[group.job] = group.gone_at
        call.applied = True
    return reply(202, headers={"location": _location(call, group.job or ""), **RETRY_AFTER})


def result(call: Call) -> Reply:
    """How a group's deletion goes: 202 with a fresh Location, then 200 without a body."""
    if not signatures.genuine(call.path, call.query, seed=call.seed):
        raise Refused(refusals.bad_signature())
    gone_at = call.state.jobs.get(call.names["job"])
    if gone_at is None:
        raise Refused(refusals.operation_not_found(call.names["job"]))
    if gone_at <= call.now:
        return reply(200)
    return reply(202, headers={"location": _location(call, call.names["job"]), **RETRY_AFTER})


def find(call: Call) -> Group | None:
    """The group in the path, if there is one."""
    return call.state.groups.get(key(call.subscription, call.group))


def view(group: Group) -> Json:
    """A group as it is read."""
    state = "Succeeded" if group.gone_at is None else "Deleting"
    document: Json = {"id": f"/subscriptions/{group.subscription}/resourceGroups/{group.name}", "name": group.name}
    document |= {"type": "Microsoft.Resources/resourceGroups", "location": group.location}
    if group.tags is not None:
        document["tags"] = group.tags
    return document | {"properties": {"provisioningState": state}}


def _tags(sent: object) -> Json:
    """Tags as they are kept: a name for each text."""
    if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
        message = "The 'tags' property is invalid: tags are an object with a text for each name."
        raise Refused(refusals.gateway(400, "InvalidRequestContent", message))
    return dict(sent)


def _has_tag(group: Group, name: str, value: str | None) -> bool:
    """Tag names ignore case, values do not (learn.microsoft.com/azure/azure-resource-manager/management/tag-resources)."""
    return any(tag.casefold() == name.casefold() and value in {None, held} for tag, held in (group.tags or {}).items())


def _job(group: Group) -> str:
    name = "".join(character if character.isalnum() else f":{ord(character):02X}" for character in group.name.upper())
    job = {"jobId": f"RESOURCEGROUPDELETIONJOB-{name}-{group.location.upper()}", "jobLocation": group.location}
    return base64.urlsafe_b64encode(json.dumps(job, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _location(call: Call, job: str) -> str:
    path = f"/subscriptions/{call.subscription}/operationresults/{job}"
    return f"https://{call.host}{path}?api-version={call.version}{signatures.signed(path, call.now, seed=call.seed)}"

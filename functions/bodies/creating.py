"""The body that makes a cluster."""

from functions.bodies.asking import (
    COUNT,
    NAME,
    NONE,
    WHOLE,
    Document,
    body,
    fields,
    list_of,
    mapping,
    number,
    one_of,
    range_of,
    refused,
    text,
    truth,
)
from shared.model.clusters import OsType, PoolMode
from shared.model.errors import Refusal
from shared.model.requests import Create, PoolSpec

_POOL = fields(
    {"name": NAME, "vm_size": text(pattern=r"^[A-Za-z0-9_]{1,60}$"), "count": COUNT},
    {
        "mode": one_of("System", "User"),
        "os": one_of("Linux", "Windows"),
        "zones": list_of(one_of("1", "2", "3")),
        "labels": mapping(text(most=317), text(most=63)),
        "taints": list_of(text(most=400)),
    },
    {"min": COUNT, "max": COUNT, "os_disk_gb": number(1, 2048), "max_pods": number(1, 250)},
    fit={
        "anyOf": [
            {"required": ["min", "max"], "properties": {"min": WHOLE, "max": WHOLE}},
            {"properties": {"min": NONE, "max": NONE}},
        ]
    },
)


def _request(document: Document) -> Create | Refusal:
    pools = []
    for n, pool in enumerate(document["pools"]):
        try:
            pools.append(_pool(pool))
        except ValueError as fault:
            return refused(f"pools/{n}/min", f"pool {pool['name']!a} {fault}")
    return Create(
        location=document["location"].replace(" ", "").lower(),
        pools=tuple(pools),
        version=document.get("version"),
        tier=document.get("tier", "Free"),
        dns_prefix=document.get("dns_prefix"),
        tags=document.get("tags", {}),
        create_resource_group=document.get("create_resource_group", False),
    )


def _pool(document: Document) -> PoolSpec:
    """The pool that is wanted. Raises ValueError where the fields do not fit together."""
    return PoolSpec(
        name=document["name"],
        mode=PoolMode(document.get("mode", "User")),
        vm_size=document["vm_size"],
        count=document["count"],
        os=OsType(document.get("os", "Linux")),
        autoscale=range_of(document),
        os_disk_gb=document.get("os_disk_gb"),
        max_pods=document.get("max_pods"),
        zones=tuple(document.get("zones", ())),
        labels=document.get("labels", {}),
        taints=tuple(document.get("taints", ())),
    )


CREATE = body(
    _request,
    required={"location": text(pattern=r"^[A-Za-z0-9 ]{1,60}$"), "pools": list_of(_POOL, least=1, most=100)},
    optional={
        "tier": one_of("Free", "Standard", "Premium"),
        "tags": mapping(text(most=512), text(most=256), most=50),
        "create_resource_group": truth(),
    },
    nullable={"version": text(pattern=r"^[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$"), "dns_prefix": text(most=60)},
)

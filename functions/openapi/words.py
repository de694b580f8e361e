"""What the request language means, in words, for people who read the document: every action, every field, an example of each action.

A word stands for the field of that name in every action; `action.field` is said of one action alone.
"""

import re
from collections.abc import Mapping
from typing import Any

ABOUT: Mapping[str, str] = {
    "create": "Make a cluster with all its pools; its resource group too, if asked. One that exists and is as asked is left as it is.",
    "delete": "Delete a cluster, and its whole resource group if asked.",
    "scale": "Set a pool's node count (`count`), or its autoscaler's limits (`min` and `max`).",
    "start": "Start a stopped cluster, or one stopped pool of it.",
    "stop": "Stop a cluster, or one User pool of it. Azure keeps what is stopped, and bills no nodes for it.",
    "upgrade": "Move a cluster to another Kubernetes version, one minor on at most: the control plane first, then every pool.",
}

FIELDS: Mapping[str, str] = {
    "action": "What is asked for.",
    "cluster": "`resource-group/name` in the default subscription, `subscription/resource-group/name`, or a full ARM id, in any case.",
    "reason": "Why, in your own words; it is shown with the operation.",
    "idempotency_key": "Makes it safe to send the same request again: the same key and body are the same operation. "
    "As the header Idempotency-Key; send one of them.",
    "not_before": "The instant before which it does not begin, at most 366 days ahead. Until then it holds no cluster.",
    "not_after": "The instant after which it does not begin any more: what has not begun by then ends as `expired`.",
    "location": "A region of Azure.",
    "create.version": "A Kubernetes minor or patch; without one, Azure's default.",
    "upgrade.version": "A patch, a minor (its newest patch that is offered; the patch that runs, where the control plane is of that minor "
    "already), or `latest` (the newest that is offered and is no preview). "
    "Without one: the newest patch of the minor that the cluster runs.",
    "tier": "The tier of the control plane.",
    "dns_prefix": "1 to 54 letters, digits and hyphens; without one, made from the names.",
    "tags": "Tags of the cluster in Azure.",
    "create_resource_group": "Make the resource group if it is not there.",
    "delete_resource_group": "Delete the resource group too, and all that is in it.",
    "confirm": "The cluster's name, to the letter.",
    "pool": "The name of a node pool.",
    "start.pool": "One stopped pool; without it, the whole cluster.",
    "stop.pool": "One User pool; without it, the whole cluster.",
    "count": "A number of nodes.",
    "min": "The autoscaler's lower limit; with `max`.",
    "max": "The autoscaler's upper limit; with `min`.",
    "pools": "Its node pools; at least one of mode System.",
    "name": "A name of 1 to 11 lower-case letters and digits that begins with a letter (1 to 6 for Windows).",
    "vm_size": "A virtual machine size of Azure.",
    "mode": "System pools run the cluster's own pods, User pools only yours.",
    "os": "The operating system of its nodes.",
    "zones": "Availability zones to spread over.",
    "labels": "Kubernetes labels of its nodes.",
    "taints": "Kubernetes taints of its nodes, as `key=value:effect`.",
    "os_disk_gb": "The size of each node's disk, in GiB; without it, Azure's default.",
    "max_pods": "How many pods a node may run; Azure wants 10 at least.",
}

KINDS: Mapping[str, str] = {
    "Code": "A stable word for what went wrong: programs decide by it. What each means, and what to do: docs/operations.md of the project.",
    "Door": "The way in by which a request came.",
    "OsType": "The operating system of a pool's nodes.",
    "PoolMode": "What a pool is for, in AKS's words.",
    "PowerState": "AKS's power state.",
    "Status": "Where an operation stands. `succeeded`, `failed`, `cancelled` and `expired` are for good.",
}
"""Words for the enumerations of the document; what their declarations say is for those who read the code."""

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "create": {
        "action": "create",
        "cluster": "group1/myK8sCluster",
        "location": "centralus",
        "tier": "Standard",
        "create_resource_group": True,
        "pools": [
            {"name": "system", "mode": "System", "vm_size": "Standard_D4s_v5", "count": 1, "os_disk_gb": 128},
            {
                "name": "apps",
                "mode": "User",
                "vm_size": "Standard_D8s_v5",
                "count": 2,
                "max_pods": 60,
                "zones": ["1", "2", "3"],
                "labels": {"workload": "web"},
            },
        ],
        "tags": {"team": "shop", "environment": "test"},
        "reason": "a first cluster for the shop",
    },
    "delete": {
        "action": "delete",
        "cluster": "group1/myK8sCluster",
        "confirm": "myK8sCluster",
        "delete_resource_group": True,
        "reason": "the load test is over",
    },
    "scale": {"action": "scale", "cluster": "group1/myK8sCluster", "pool": "apps", "count": 5, "reason": "load test this afternoon"},
    "start": {"action": "start", "cluster": "group1/myK8sCluster", "reason": "the tests begin"},
    "stop": {"action": "stop", "cluster": "group1/myK8sCluster", "reason": "nobody tests at night"},
    "upgrade": {"action": "upgrade", "cluster": "group1/myK8sCluster", "version": "latest", "reason": "one minor behind"},
}


def _any_case(text: str) -> str:
    """A pattern for a text in any case: patterns of JSON Schema have no switch for that."""
    return "".join(f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else re.escape(letter) for letter in text)


SUBSCRIPTION = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
GROUP = r"(?![^/]*\.\.)[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]"
NAME = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_TYPE = _any_case("providers/Microsoft.ContainerService/managedClusters")
_ID = f"/{_any_case('subscriptions')}/{SUBSCRIPTION}/{_any_case('resourceGroups')}/{GROUP}/{_TYPE}/{NAME}"
CLUSTER = f"^({_ID}|({SUBSCRIPTION}/)?{GROUP}/{NAME})$"
"""The names of clusters that `ClusterRef.parse` takes, as a pattern of JSON Schema; a test holds the two together."""

"""A client that knows nothing of the simulator: the real SDK, the real managed-identity credential, over HTTPS. Prints what it found.

Run by test_server in a process of its own, because the SDK takes its identity and its trust from the environment. Arguments: ARM's
address and the subscription.
"""

import json
import sys
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.containerservice import ContainerServiceClient

GROUP, NAME = "group1", "myK8sCluster"


def main(arm: str, subscription: str) -> dict[str, Any]:
    """Create with two pools, scale one, list, meet a refusal, delete; every poll is the SDK's own."""
    client = ContainerServiceClient(
        ManagedIdentityCredential(),
        subscription,
        base_url=arm,
        credential_scopes=["https://management.azure.com/.default"],
        polling_interval=0.05,
        retry_total=0,
    )
    pools = [
        {"name": "system", "count": 1, "vmSize": "Standard_D4ds_v5", "mode": "System"},
        {"name": "user", "count": 2, "vmSize": "Standard_D4ds_v5", "mode": "User"},
    ]
    wanted: Any = {
        "location": "centralus",
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "my-k8s", "kubernetesVersion": "1.36", "agentPoolProfiles": pools},
    }
    found: dict[str, Any] = {}
    made = client.managed_clusters.begin_create_or_update(GROUP, NAME, wanted).result()
    found["made"] = [made.name, made.provisioning_state, made.current_kubernetes_version]
    pool = client.agent_pools.get(GROUP, NAME, "user")
    pool.count = 5
    scaled = client.agent_pools.begin_create_or_update(GROUP, NAME, "user", pool).result()
    found["scaled"] = [scaled.count, scaled.provisioning_state]
    found["listed"] = [cluster.name for cluster in client.managed_clusters.list()]
    found["pools"] = [[pool.name, pool.count] for pool in client.agent_pools.list(GROUP, NAME)]
    try:
        client.agent_pools.begin_delete(GROUP, NAME, "system")
    except HttpResponseError as refused:
        found["refused"] = [refused.status_code, refused.error.code if refused.error else None]
    found["versions"] = len(client.managed_clusters.list_kubernetes_versions("centralus").values_property or [])
    client.managed_clusters.begin_delete(GROUP, NAME).result()
    found["left"] = [cluster.name for cluster in client.managed_clusters.list()]
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))

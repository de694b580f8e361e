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
from azure.mgmt.containerservice.models import PowerState

GROUP, NAME = "group1", "myK8sCluster"


def main(arm: str, subscription: str) -> dict[str, Any]:
    """Create with two pools, scale one, list, meet a refusal, use every other verb, delete; every poll is the SDK's own."""
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
        "properties": {"dnsPrefix": "my-k8s", "kubernetesVersion": "1.35", "agentPoolProfiles": pools},
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
    found["upgraded"] = _upgrade(client)
    found["powers"] = _power(client)
    found["aborted"] = _abort(client)
    ran = client.managed_clusters.begin_run_command(GROUP, NAME, {"command": "kubectl get nodes"}).result()
    found["ran"] = [ran.provisioning_state, ran.exit_code, len((ran.logs or "").splitlines())]
    credentials = client.managed_clusters.list_cluster_user_credentials(GROUP, NAME).kubeconfigs or []
    found["credentials"] = [[one.name, (one.value or b"")[:14].decode()] for one in credentials]
    client.managed_clusters.begin_delete(GROUP, NAME).result()
    found["left"] = [cluster.name for cluster in client.managed_clusters.list()]
    return found


def _upgrade(client: ContainerServiceClient) -> list[Any]:
    """One minor up as the Azure CLI does it, where the profiles say, and a node image."""
    targets = client.managed_clusters.get_upgrade_profile(GROUP, NAME).control_plane_profile.upgrades or []
    target = targets[-1].kubernetes_version
    cluster = client.managed_clusters.get(GROUP, NAME)
    cluster.kubernetes_version = target
    for pool in cluster.agent_pool_profiles or []:
        pool.orchestrator_version = target
    cluster.service_principal_profile = None
    done = client.managed_clusters.begin_create_or_update(GROUP, NAME, cluster).result()
    imaged = client.agent_pools.begin_upgrade_node_image_version(GROUP, NAME, "user")
    imaged.wait()
    pool_targets = client.agent_pools.get_upgrade_profile(GROUP, NAME, "user").upgrades
    versions = client.agent_pools.get_available_agent_pool_versions(GROUP, NAME).agent_pool_versions or []
    usual = [version.kubernetes_version for version in versions if version.default]
    return [done.provisioning_state, done.current_kubernetes_version, imaged.status(), pool_targets, usual]


def _power(client: ContainerServiceClient) -> list[Any]:
    """The cluster stopped and started, one pool stopped and started, and a stop too many."""
    found: list[Any] = []
    client.managed_clusters.begin_stop(GROUP, NAME).result()
    try:
        client.managed_clusters.begin_stop(GROUP, NAME)
    except HttpResponseError as refused:
        found.append([refused.status_code, refused.error.code if refused.error else None])
    stopped = client.managed_clusters.get(GROUP, NAME)
    found.append([stopped.power_state.code if stopped.power_state else None, [pool.count for pool in stopped.agent_pool_profiles or []]])
    client.managed_clusters.begin_start(GROUP, NAME).result()
    for power in ("Stopped", "Running"):
        pool = client.agent_pools.get(GROUP, NAME, "user")
        pool.power_state = PowerState(code=power)
        pool = client.agent_pools.begin_create_or_update(GROUP, NAME, "user", pool).result()
        found.append([pool.power_state.code if pool.power_state else None, pool.count])
    return found


def _abort(client: ContainerServiceClient) -> list[Any]:
    """A scaling, aborted before it has ended."""
    pool = client.agent_pools.get(GROUP, NAME, "user")
    pool.count = 9
    victim = client.agent_pools.begin_create_or_update(GROUP, NAME, "user", pool, polling=False)
    client.agent_pools.begin_abort_latest_operation(GROUP, NAME, "user").result()
    return [victim.result().provisioning_state, client.agent_pools.get(GROUP, NAME, "user").provisioning_state]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))

"""What the simulator refuses, with the code that Azure gives it, in the shape in which Azure gives it; and a refusal changes nothing."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from local.arm.wire import Json, Reply
from tests.local.arm.asking import CLUSTER, GROUP, ROOT, SYSTEM, USER, Asker, a_cluster, a_pool, an_asker, code

BAD_CLUSTERS: list[tuple[Json, tuple[int, str], str | None]] = [
    ({"properties": {}}, (400, "LocationRequired"), None),
    (a_cluster(location="atlantis"), (400, "LocationNotAvailableForResourceType"), None),
    (a_cluster(dnsPrefix=None), (400, "InvalidParameter"), "properties.dnsPrefix"),
    (a_cluster(dnsPrefix="-web"), (400, "InvalidParameter"), "properties.dnsPrefix"),
    ({**a_cluster(), "identity": None}, (400, "InvalidParameter"), "servicePrincipalProfile"),
    ({**a_cluster(), "properties": {"dnsPrefix": "web"}}, (400, "InvalidParameter"), "properties.agentPoolProfiles"),
    (a_cluster(kubernetesVersion="1.30"), (400, "AgentPoolK8sVersionNotSupported"), None),
    (a_cluster(kubernetesVersion="1.33"), (400, "AgentPoolK8sVersionNotSupported"), None),
    (a_cluster(kubernetesVersion="newest"), (400, "AgentPoolK8sVersionNotSupported"), None),
    (a_cluster(a_pool("user")), (400, "MustDefineAtLeastOneSystemPool"), None),
    (a_cluster(a_pool(), a_pool()), (400, "InvalidParameter"), "agentPoolProfiles"),
    (a_cluster(a_pool("system", count=None)), (400, "InvalidParameter"), "agentPoolProfile.count"),
    (a_cluster(a_pool("system", orchestratorVersion="1.37")), (400, "NodePoolMcVersionIncompatible"), None),
    (a_cluster(a_pool("system", mode="Master")), (400, "InvalidParameter"), "agentPoolProfile.mode"),
    (a_cluster(a_pool("system", osType="Plan9")), (400, "InvalidParameter"), "agentPoolProfile.osType"),
    (a_cluster(a_pool("system", osType="Windows")), (400, "InvalidParameter"), "agentPoolProfile.mode"),
    (a_cluster(a_pool(), a_pool("windows", osType="Windows")), (400, "WindowsAgentPoolNameTooLong"), "agentPoolProfile.name"),
    (a_cluster(*(a_pool(f"p{number}", mode="System") for number in range(101))), (400, "MaxAgentPoolCountReached"), None),
    (a_cluster(a_pool("system", count="2")), (400, "UnmarshalError"), None),
    ({**a_cluster(), "tags": {"a": 1}}, (400, "UnmarshalError"), None),
    ({**a_cluster(), "tags": "a"}, (400, "UnmarshalError"), None),
    ({"location": "centralus", "properties": []}, (400, "UnmarshalError"), None),
    ({"location": "centralus", "properties": {"agentPoolProfiles": [1]}}, (400, "UnmarshalError"), None),
]


@pytest.mark.parametrize(("body", "expected", "target"), BAD_CLUSTERS)
def test_a_cluster_that_aks_would_not_make_is_not_made(body: Json, expected: tuple[int, str], target: str | None) -> None:
    asker = an_asker().with_group()
    refused = asker.put(CLUSTER, body)
    assert code(refused) == expected
    assert refused.document.get("target") == target
    assert code(asker.get(CLUSTER)) == (404, "ResourceNotFound")


BAD_POOLS: list[tuple[Json, tuple[int, str], str | None]] = [
    ({"count": -1}, (400, "InvalidParameter"), "agentPoolProfile.count"),
    ({"count": 1001}, (400, "InvalidParameter"), "agentPoolProfile.count"),
    ({"count": 10**12}, (400, "InvalidParameter"), "agentPoolProfile.count"),
    ({"count": 2.5}, (400, "UnmarshalError"), None),
    ({"count": True}, (400, "UnmarshalError"), None),
    ({"count": 3, "enableAutoScaling": "yes"}, (400, "UnmarshalError"), None),
    ({"enableAutoScaling": True, "maxCount": 3}, (400, "InvalidParameter"), "agentPoolProfile.minCount"),
    ({"enableAutoScaling": True, "minCount": 3}, (400, "InvalidParameter"), "agentPoolProfile.maxCount"),
    ({"enableAutoScaling": True, "minCount": 4, "maxCount": 3}, (400, "InvalidParameter"), "agentPoolProfile.minCount"),
    ({"enableAutoScaling": True, "minCount": -1, "maxCount": 3}, (400, "InvalidParameter"), "agentPoolProfile.minCount"),
    ({"enableAutoScaling": True, "minCount": 1, "maxCount": 1001}, (400, "InvalidParameter"), "agentPoolProfile.maxCount"),
    ({"count": 3, "minCount": 1, "maxCount": 5}, (400, "AutoScalingNotEnabled"), "agentPoolProfile.enableAutoScaling"),
    ({"count": 3, "vmSize": "Standard_D8ds_v5"}, (400, "PropertyChangeNotAllowed"), "properties.vmSize"),
    ({"count": 3, "maxPods": 30}, (400, "PropertyChangeNotAllowed"), "properties.maxPods"),
    ({"count": 3, "osType": "Windows"}, (400, "PropertyChangeNotAllowed"), "properties.osType"),
    ({"count": 3, "orchestratorVersion": "1.37"}, (400, "NodePoolMcVersionIncompatible"), None),
    ({"count": 3, "orchestratorVersion": "1.35"}, (400, "AgentPoolUpgradeVersionNotAllowed"), None),
]


@pytest.mark.parametrize(("properties", "expected", "target"), BAD_POOLS)
def test_a_change_that_aks_would_refuse_leaves_the_pool_as_it_was(properties: Json, expected: tuple[int, str], target: str | None) -> None:
    asker = an_asker().with_cluster()
    before = asker.get(USER).document
    refused = asker.put(USER, {"properties": properties})
    assert code(refused) == expected
    assert "error" not in refused.document  # AKS's own errors are flat
    assert refused.document.get("target") == target
    assert asker.get(USER).document == before


def test_a_system_pool_keeps_at_least_one_node() -> None:
    asker = an_asker().with_cluster()
    refused = asker.put(SYSTEM, {"properties": {"count": 0}})
    assert code(refused) == (400, "InvalidParameter")
    assert "greater or equal to minCount:1" in refused.document["message"]


@pytest.mark.parametrize("name", ["Upper", "1digit", "with-dash", "thirteenchars", "ümlaut"])
def test_a_pool_name_has_up_to_twelve_lower_case_letters_and_digits(name: str) -> None:
    asker = an_asker().with_cluster()
    refused = asker.put(f"{CLUSTER}/agentPools/{name}", {"properties": {"count": 1}})
    assert code(refused) == (400, "InvalidParameter")
    assert refused.document["target"] == "agentPoolProfile.name"


@pytest.mark.parametrize("name", ["-web", "web-", "w" * 64, "we.b"])
def test_a_cluster_name_has_its_rule(name: str) -> None:
    asker = an_asker().with_group()
    assert code(asker.put(CLUSTER.replace("/web", f"/{name}"), a_cluster())) == (400, "InvalidParameter")


def test_a_pool_is_not_added_through_its_cluster() -> None:
    asker = an_asker().with_cluster()
    refused = asker.put(CLUSTER, a_cluster(a_pool(), a_pool("user"), a_pool("extra")))
    assert code(refused) == (400, "BadRequest")
    assert refused.document["target"] == "agentPoolProfiles"


def test_what_a_cluster_keeps_for_ever_is_kept() -> None:
    asker = an_asker().with_cluster()
    assert code(asker.put(CLUSTER, a_cluster(dnsPrefix="other"))) == (400, "PropertyChangeNotAllowed")
    assert code(asker.put(CLUSTER, a_cluster(location="westeurope"))) == (409, "InvalidResourceLocation")
    resized = asker.put(CLUSTER, a_cluster(a_pool(vmSize="Standard_D8ds_v5")))
    assert resized.document["message"] == "Changing property 'agentPoolProfile.vmSize' is not allowed."


def test_a_busy_cluster_refuses_every_other_write_and_says_which_operation_it_is() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster(a_pool(count=3)))
    operation = asker.world.state.running()[0]
    for refused in (asker.put(CLUSTER, a_cluster()), asker.ask("PATCH", CLUSTER, {"tags": {}})):
        assert code(refused) == (409, "OperationNotAllowed")
        assert refused.document["details"] is None
        assert f"(operation ID: {operation.id})" in refused.document["message"]
        assert "in progress update managed cluster operation" in refused.document["message"]
    for refused in (asker.put(USER, {"properties": {"count": 5}}), asker.delete(USER)):
        assert code(refused) == (409, "OperationNotAllowed")
        assert refused.document["details"] is None
        assert refused.document["message"] == (
            "Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish before starting a new "
            "operation. See https://aka.ms/aks-pending-operation for more details"
        )
    asker.later()
    assert asker.put(USER, {"properties": {"count": 5}}).status == 200


def test_a_busy_pool_refuses_writes_to_the_cluster_and_to_every_pool() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"count": 5}})
    for refused in (asker.put(CLUSTER, a_cluster()), asker.put(SYSTEM, {"properties": {"count": 3}}), asker.put(USER, {"properties": {}})):
        assert code(refused) == (409, "OperationNotAllowed")
        assert "Another agentpool operation (user - Updating) is in progress" in refused.document["message"]


def test_what_is_being_deleted_takes_nothing_but_its_deletion() -> None:
    asker = an_asker().with_cluster()
    first = asker.delete(USER)
    asker.later(timedelta(seconds=28))
    refused = asker.put(USER, {"properties": {"count": 5}})
    assert code(refused) == (409, "OperationNotAllowed")
    assert refused.document["message"] == (
        "Unable to perform 'Scaling' operation on 'user' since deletion was issued on 'user'. The only allowed operation is deletion once "
        "deletion has started. The delete operation started at '2026-11-23T12:01:00Z' and elapsed time is: '00:00:28' (RFC3339 format)"
    )
    assert _status_path(asker.delete(USER)) == _status_path(first)
    assert "(user - Deleting) is in progress" in asker.put(SYSTEM, {"properties": {"count": 5}}).document["message"]
    asker.delete(CLUSTER)
    for refused in (asker.put(CLUSTER, a_cluster()), asker.put(SYSTEM, {"properties": {"count": 5}})):
        assert code(refused) == (409, "OperationNotAllowed")
        assert "since deletion was issued on 'web'" in refused.document["message"]


def _status_path(answer: Reply) -> str:
    return urlsplit(answer.headers["azure-asyncoperation"]).path


def test_preconditions_follow_the_documented_table() -> None:
    asker = an_asker().with_group()
    assert code(asker.put(CLUSTER, a_cluster(), if_match="*")) == (412, "PreconditionFailed")
    assert code(asker.put(CLUSTER, a_cluster(), if_match="abc")) == (412, "PreconditionFailed")
    assert asker.put(CLUSTER, a_cluster(), if_none_match="*").status == 201
    asker.later()
    assert code(asker.put(CLUSTER, a_cluster(), if_none_match="*")) == (412, "PreconditionFailed")
    assert code(asker.put(CLUSTER, a_cluster(), if_match="abc")) == (412, "PreconditionFailed")
    assert asker.put(CLUSTER, a_cluster(), if_match=_etag(asker, CLUSTER)).status == 200
    asker.later()
    assert asker.put(CLUSTER, a_cluster(), if_match="*").status == 200
    asker.later()
    pool = asker.get(USER).document["properties"]["eTag"]
    assert asker.put(USER, {"properties": {"count": 4}}, if_match=f'"{pool}"').status == 200
    asker.later()
    assert code(asker.put(USER, {"properties": {"count": 5}}, if_match=pool)) == (412, "PreconditionFailed")
    assert code(asker.delete(USER, if_match=pool)) == (412, "PreconditionFailed")
    assert code(asker.delete(CLUSTER, if_match=pool)) == (412, "PreconditionFailed")
    assert code(asker.ask("PATCH", CLUSTER, {"tags": {}}, if_match=pool)) == (412, "PreconditionFailed")
    assert asker.delete(CLUSTER, if_match=_etag(asker, CLUSTER)).status == 202


def test_a_precondition_on_nothing_is_404_for_tags_and_204_for_a_deletion() -> None:
    asker = an_asker().with_group()
    assert asker.ask("PATCH", CLUSTER, {"tags": {}}, if_match="abc").status == 404
    assert asker.delete(CLUSTER, if_match="abc").status == 204


def _etag(asker: Asker, url: str) -> str:
    return str(asker.get(url).document["eTag"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a": NaN}', b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_the_gateways_400(body: bytes) -> None:
    refused = an_asker().with_group().ask("PUT", CLUSTER, body)
    assert code(refused) == (400, "InvalidRequestContent")
    assert "error" in refused.document


GATEWAY = [
    ("GET", f"{ROOT}/resourceGroups/absent?api-version=2026-08-01", (404, "ResourceGroupNotFound")),
    ("GET", CLUSTER.replace("group1", "absent"), (404, "ResourceGroupNotFound")),
    ("PUT", CLUSTER.replace("group1", "absent"), (404, "ResourceGroupNotFound")),
    ("DELETE", CLUSTER.replace("group1", "absent"), (404, "ResourceGroupNotFound")),
    ("GET", CLUSTER, (404, "ResourceNotFound")),
    ("GET", f"{GROUP}?api-version=", (400, "MissingApiVersionParameter")),
    ("GET", f"{GROUP}?api-version=yesterday", (400, "InvalidApiVersionParameter")),
    ("GET", f"{CLUSTER}?api-version=2031-01-01", (400, "NoRegisteredProviderFound")),
    ("GET", f"{GROUP}/providers/Microsoft.ContainerService/fleets/f", (404, "InvalidResourceType")),
    ("GET", f"{ROOT}/teapots", (404, "NotFound")),
    ("GET", "/teapots", (404, "MissingSubscription")),
    ("GET", "/subscriptions/00000000-0000-0000-0000-00000000ffff/resourceGroups", (404, "SubscriptionNotFound")),
    ("GET", "/subscriptions/mine/resourceGroups", (400, "InvalidSubscriptionId")),
    ("GET", f"{ROOT}/providers/Microsoft.Teapots", (404, "InvalidResourceNamespace")),
    ("GET", CLUSTER.replace("/web", "/a%2Fb"), (400, "InvalidResourceName")),
    ("GET", CLUSTER.replace("/web", "/a%00b"), (400, "InvalidResourceName")),
    ("GET", CLUSTER.replace("/web", "/.."), (400, "InvalidResourceName")),
]


@pytest.mark.parametrize(("method", "url", "expected"), GATEWAY)
def test_the_gateway_refuses_in_its_own_shape(method: str, url: str, expected: tuple[int, str]) -> None:
    refused = an_asker().with_group().ask(method, url, a_cluster())
    assert code(refused) == expected
    assert refused.headers["x-ms-failure-cause"] == "gateway"
    assert refused.headers["content-type"] == "application/json; charset=utf-8"


def test_a_method_that_a_resource_does_not_have_is_405() -> None:
    refused = an_asker().with_group().ask("POST", CLUSTER, {})
    assert (refused.status, refused.document) == (405, {"Message": "The requested resource does not support http method 'POST'."})


def test_a_repeated_put_while_creating_is_busy_not_created_twice() -> None:
    asker = an_asker().with_group()
    asker.put(CLUSTER, a_cluster())
    asker.later(timedelta(seconds=5))
    assert code(asker.put(CLUSTER, a_cluster())) == (409, "OperationNotAllowed")

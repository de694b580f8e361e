"""What is above the resource groups: the cloud's metadata, the tenant, the subscriptions and the regions."""

import pytest

from local.arm.catalogue import REGIONS
from local.arm.wire import Reply, Request
from local.arm.world import SUBSCRIPTION
from tests.local.arm.asking import ROOT, Asker, an_asker, code

OTHER = "00000000-0000-0000-0000-000000000002"
METADATA = "https://127.0.0.1:17445/metadata/endpoints?api-version="


def unsigned(asker: Asker, url: str, method: str = "GET") -> Reply:
    answer = asker.world.handle(Request(method=method, url=url))
    assert isinstance(answer, Reply)
    return answer


def test_the_metadata_of_the_cloud_needs_no_token_and_names_nobody_but_the_simulator() -> None:
    answer = unsigned(an_asker(), f"{METADATA}2022-09-01")
    assert answer.status == 200
    cloud = answer.document
    own = "https://127.0.0.1:17445"
    assert (cloud["resourceManager"], cloud["authentication"]["loginEndpoint"], cloud["authentication"]["audiences"]) == (own, own, [own])
    assert {value for name, value in cloud.items() if isinstance(value, str) and name != "name"} == {own}
    assert cloud["suffixes"]
    assert all(suffix.endswith(".invalid") for suffix in cloud["suffixes"].values())


def test_the_audience_that_the_metadata_names_is_taken() -> None:
    asker = an_asker()
    own = unsigned(asker, f"{METADATA}2022-09-01").document["authentication"]["audiences"][0]
    headers = {"authorization": f"Bearer {asker.world.token(own)}"}
    answer = asker.world.handle(Request(method="GET", url=f"{own}/subscriptions?api-version=2022-12-01", headers=headers))
    assert isinstance(answer, Reply)
    assert answer.status == 200


def test_older_metadata_is_a_list_of_clouds() -> None:
    asker = an_asker()
    for version in ("2019-05-01", "2020-06-01"):
        assert unsigned(asker, METADATA + version).document == [unsigned(asker, f"{METADATA}2022-09-01").document]


@pytest.mark.parametrize("version", ["", "2015-01-01", "newest"])
def test_metadata_of_another_version_is_refused(version: str) -> None:
    assert code(unsigned(an_asker(), METADATA + version)) == (400, "InvalidApiVersionParameter")


def test_metadata_is_only_read() -> None:
    answer = unsigned(an_asker(), f"{METADATA}2022-09-01", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/tenants", "/subscriptions", ROOT, f"{ROOT}/locations"])
def test_all_else_needs_a_token_and_an_api_version(path: str) -> None:
    asker = an_asker()
    assert code(unsigned(asker, f"https://management.azure.com{path}?api-version=2022-12-01")) == (401, "AuthenticationFailed")
    assert code(asker.get(f"{path}?api-version=")) == (400, "MissingApiVersionParameter")


def test_the_one_tenant_is_that_of_the_identity() -> None:
    asker = an_asker()
    (tenant,) = asker.get("/tenants?api-version=2022-12-01").document["value"]
    assert tenant["tenantId"] == asker.world.identity.tenant
    assert tenant["id"] == f"/tenants/{asker.world.identity.tenant}"


def test_all_subscriptions_are_listed_in_their_order_and_each_can_be_read() -> None:
    asker = an_asker(subscriptions=(OTHER, SUBSCRIPTION))
    answer = asker.get("/subscriptions?api-version=2022-12-01").document
    assert [found["subscriptionId"] for found in answer["value"]] == [OTHER, SUBSCRIPTION]
    assert answer["count"] == {"type": "Total", "value": 2}
    one = asker.get(f"/subscriptions/{OTHER}?api-version=2022-12-01").document
    assert one == answer["value"][0]
    assert (one["tenantId"], one["state"]) == (asker.world.identity.tenant, "Enabled")
    assert code(asker.get(f"/subscriptions/{OTHER[:-1]}9?api-version=2022-12-01")) == (404, "SubscriptionNotFound")


def test_lists_above_the_subscriptions_are_only_read() -> None:
    assert an_asker().ask("DELETE", "/subscriptions?api-version=2022-12-01").status == 405


def test_every_region_has_the_name_that_people_use() -> None:
    found = an_asker().get(f"{ROOT}/locations?api-version=2022-12-01").document["value"]
    assert [region["name"] for region in found] == list(REGIONS)
    assert all(region["displayName"].replace(" ", "").lower() == region["name"] for region in found)
    assert {region["type"] for region in found} == {"Region"}


def test_reads_of_the_tenant_have_a_limit_of_their_own() -> None:
    asker = an_asker()
    lefts = [asker.get("/tenants?api-version=2022-12-01").headers["x-ms-ratelimit-remaining-tenant-reads"] for _ in range(2)]
    assert lefts == ["249", "248"]
    for _ in range(248):
        asker.get("/subscriptions?api-version=2022-12-01")
    throttled = asker.get("/subscriptions?api-version=2022-12-01")
    assert code(throttled) == (429, "TenantRequestsThrottled")
    assert throttled.headers["retry-after"] == "1"
    assert asker.get(f"{ROOT}/resourceGroups").status == 200

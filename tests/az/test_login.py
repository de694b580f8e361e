"""From one address to a session: the cloud, the identity, the subscription, and plain requests."""

import pytest

from local.arm.catalogue import REGIONS
from local.arm.world import SUBSCRIPTION
from tests.az.driving import Az


def test_one_address_tells_the_cli_the_whole_cloud_and_leads_nowhere_else(az: Az) -> None:
    cloud = az("cloud show --name Tidekeeper")
    assert cloud["isActive"] is True
    assert cloud["endpoints"]["resourceManager"] == az.address
    assert {endpoint for endpoint in cloud["endpoints"].values() if endpoint is not None} == {az.address}
    assert all(suffix.endswith(".tidekeeper.invalid") for suffix in cloud["suffixes"].values() if suffix is not None)


def test_the_managed_identity_is_logged_in_and_sees_the_subscription(az: Az) -> None:
    account = az("account show")
    assert (account["environmentName"], account["id"], account["state"]) == ("Tidekeeper", SUBSCRIPTION, "Enabled")
    assert account["user"] == {"assignedIdentityInfo": "MSI", "name": "systemAssignedIdentity", "type": "servicePrincipal"}
    assert [row["SubscriptionId"] for row in az.table("account list --all")] == [SUBSCRIPTION]


def test_the_first_requests_were_the_metadata_and_the_subscriptions(az: Az) -> None:
    paths = [entry["path"].partition("?")[0] for entry in az.asked()[:2]]
    assert paths == ["/metadata/endpoints", "/subscriptions"]


def test_a_token_for_other_tools_is_this_tenants(az: Az) -> None:
    token = az("account get-access-token")
    assert token["tokenType"] == "Bearer"
    assert (token["subscription"], token["tenant"]) == (SUBSCRIPTION, az("account show")["tenantId"])


def test_all_regions_are_listed_with_the_names_people_use(az: Az) -> None:
    rows = az.table("account list-locations")
    assert {row["Name"] for row in rows} == set(REGIONS)
    assert {row["DisplayName"] for row in rows if row["Name"] == "westus3"} == {"West US 3"}


@pytest.mark.parametrize(
    ("url", "finds"),
    [
        ("/tenants?api-version=2022-12-01", "tenantId"),
        ("/subscriptions/{subscriptionId}/providers/Microsoft.ContainerService?api-version=2024-11-01", "registrationState"),
    ],
)
def test_rest_asks_what_no_command_asks(az: Az, url: str, finds: str) -> None:
    answer = az(f"rest --method get --url '{url}'")
    assert finds in (answer["value"][0] if "value" in answer else answer)


def test_rest_shows_a_refusal_as_it_came(az: Az) -> None:
    told = az.refused("rest --method get --url '/subscriptions/{subscriptionId}/nothing?api-version=2024-11-01'")
    assert "Not Found" in told

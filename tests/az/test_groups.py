"""Providers and resource groups."""

from tests.az.driving import Az


def test_a_provider_is_registered_by_and_by(az: Az) -> None:
    assert az("provider show --namespace Microsoft.Network --query registrationState") == "NotRegistered"
    since = az.now
    assert "Registering is still on-going" in az.say("provider register --namespace Microsoft.Network").err
    assert [(method, status) for method, _, status in az.writes(since)] == [("POST", 200)]
    rows = az.table("provider list")
    states = {row["Namespace"]: row["RegistrationState"] for row in rows}
    assert states["Microsoft.ContainerService"] == "Registered"
    assert states["Microsoft.Network"] in {"Registering", "Registered"}


def test_an_unknown_provider_is_refused(az: Az) -> None:
    assert "(InvalidResourceNamespace) The resource namespace 'Microsoft.Nothing' is invalid." in az.refused(
        "provider show --namespace Microsoft.Nothing", code=3
    )


def test_a_group_is_made_found_tagged_and_deleted(az: Az) -> None:
    assert az("group exists --name town") is False
    made = az("group create --name town --location 'West US 3' --tags season=winter")
    assert (made["name"], made["location"], made["properties"]["provisioningState"]) == ("town", "westus3", "Succeeded")
    assert az("group exists --name TOWN") is True
    assert az("group update --name town --set tags.season=summer")["tags"] == {"season": "summer"}
    assert az("group show --name town")["tags"] == {"season": "summer"}
    assert {"Name": "town", "Location": "westus3", "Status": "Succeeded"} in az.table("group list")
    az("group delete --name town --yes --no-wait")
    az("group wait --name town --deleted --interval 1 --timeout 60")
    assert az("group exists --name town") is False


def test_a_missing_group_and_an_unknown_region_are_named(az: Az) -> None:
    assert "(ResourceGroupNotFound) Resource group 'nowhere' could not be found." in az.refused("group show --name nowhere", code=3)
    assert "(LocationNotAvailableForResourceGroup)" in az.refused("group create --name far --location moonbase")

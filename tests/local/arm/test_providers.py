"""Resource providers: what each of them says about itself."""

from tests.local.arm.asking import ROOT, VERSION, an_asker, code


def test_a_provider_names_its_types_with_the_versions_and_regions_to_use_them_in() -> None:
    provider = an_asker().get(f"{ROOT}/providers/microsoft.containerservice").document
    assert (provider["namespace"], provider["registrationState"]) == ("Microsoft.ContainerService", "Registered")
    types = {kind["resourceType"]: kind for kind in provider["resourceTypes"]}
    assert types["managedClusters"]["apiVersions"][0] == VERSION
    assert "West US 3" in types["managedClusters"]["locations"]
    assert types["managedClusters/agentPools"]["locations"] == []


def test_all_providers_are_listed_with_their_own_states() -> None:
    states = {one["namespace"]: one["registrationState"] for one in an_asker().get(f"{ROOT}/providers").document["value"]}
    assert (states["Microsoft.ContainerService"], states["Microsoft.Resources"], states["Microsoft.Network"]) == (
        "Registered",
        "Registered",
        "NotRegistered",
    )


def test_an_unknown_provider_is_refused_for_reading_and_registering() -> None:
    asker = an_asker()
    for method, url in (("GET", f"{ROOT}/providers/Nobody.Here"), ("POST", f"{ROOT}/providers/Nobody.Here/register")):
        assert code(asker.ask(method, url)) == (404, "InvalidResourceNamespace")

"""Which Kubernetes versions a region offers: newest first, for whoever reads any cluster, and told apart from what cannot be known."""

from datetime import UTC, datetime
from typing import Any

import pytest

from local.arm.faults import Answer, Effect, Fault, Reset, Silence
from tests.doors import Doors
from tests.functions.test_callers import under

PATH = "/api/versions?location=westeurope"
BOTH = ["KubernetesOfficial", "AKSLongTermSupport"]
PREVIEW_OF_138 = datetime(2027, 1, 22, 9, tzinfo=UTC)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_a_region_is_shown_newest_first_with_its_default_and_what_each_upgrades_to(app: Doors) -> None:
    answer = app.get(PATH)
    assert (answer.status, answer.headers["cache-control"], answer.headers["content-type"]) == (200, "no-store", "application/json")
    found = answer.document
    assert found.keys() == {"location", "versions"}
    assert found["location"] == "westeurope"
    order = [numbers(item["version"]) for item in found["versions"]]
    assert len(set(order)) == len(order) > 5
    assert order == sorted(order, reverse=True)
    by_name = {item["version"]: item for item in found["versions"]}
    assert by_name["1.36.4"] == {
        "version": "1.36.4",
        "minor": "1.36",
        "default": True,
        "preview": False,
        "support_plans": BOTH,
        "upgrades": ["1.37.0", "1.37.1"],
    }
    assert [name for name, item in by_name.items() if item["default"]] == ["1.36.4"]
    assert all(item["minor"] == item["version"].rpartition(".")[0] for item in found["versions"])
    assert {tuple(item["support_plans"]) for item in found["versions"]} == {tuple(BOTH), ("AKSLongTermSupport",)}
    assert all(item["upgrades"] == sorted(item["upgrades"], key=numbers) for item in found["versions"])


def test_one_look_is_one_request_to_azure_and_nothing_is_kept(app: Doors) -> None:
    before = app.kept()
    app.get(PATH)
    assert [(entry.method, entry.path.partition("?")[0].rpartition("/locations/")[2]) for entry in app.world.witness.entries] == [
        ("GET", "westeurope/kubernetesVersions")
    ]
    assert app.kept() == before


def test_a_preview_is_said_to_be_one(app: Doors) -> None:
    app.clock.instant = PREVIEW_OF_138
    found = app.get(PATH).document["versions"]
    previews = {item["version"] for item in found if item["preview"]}
    assert previews == {item["version"] for item in found if item["minor"] == "1.38"}
    assert previews
    assert not any(item["default"] for item in found if item["preview"])


@pytest.mark.parametrize("location", ["West%20Europe", "WESTEUROPE", "westeurope&code=the-function-key"])
def test_a_region_is_known_under_each_of_its_spellings(app: Doors, location: str) -> None:
    assert app.get(f"/api/versions?location={location}").document == app.get(PATH).document


WANTED = "want a region of Azure, for example westeurope"
MALFORMED = {
    "": f"location is missing, {WANTED}",
    "location=": "the parameter location has no value; leave it out, or give it one",
    "location=%20%20": f"location is '  ', {WANTED}",
    "location=..%2F..%2Fx": f"location is '../../x', {WANTED}",
    "location=west-europe": f"location is 'west-europe', {WANTED}",
    "location=westeurope%0D%0AX-Evil:1": f"location is 'westeurope\\r\\nX-Evil:1', {WANTED}",
    "location=westeurope%00": f"location is 'westeurope\\x00', {WANTED}",
    "location=%E2%84%AAoreacentral": f"location is '\\u212aoreacentral', {WANTED}",
    "location=west%D0%B5urope": f"location is 'west\\u0435urope', {WANTED}",
    "location=%D9%A1": f"location is '\\u0661', {WANTED}",
    "location=westeurope&location=eastus": f"location is 'westeurope,eastus', {WANTED}",
    f"location={'a' * 61}": f"location is '{'a' * 60}', {WANTED}",
    "location=westeurope&colour=red": "the parameter 'colour' is not known here",
    "location=westeurope&Location=x": "the parameter 'Location' is not known here",
    "%0d%0aX=1": "the parameter '\\r\\nX' is not known here",
}


@pytest.mark.parametrize("query", MALFORMED)
def test_what_names_no_region_is_refused_and_azure_is_not_asked(app: Doors, query: str) -> None:
    answer = app.get(f"/api/versions?{query}")
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", MALFORMED[query])
    assert (answer.document["instance"], answer.headers["content-type"]) == ("/api/versions", "application/problem+json")
    assert not app.world.witness.entries


def test_a_region_that_azure_does_not_know_is_refused_in_azures_words(app: Doors) -> None:
    answer = app.get("/api/versions?location=nowhere")
    assert (answer.status, answer.code) == (422, "azure_refused")
    assert answer.detail.startswith("LocationNotAvailableForResourceType: The provided location 'nowhere' is not available")
    assert "retry-after" not in answer.headers


AWAY: list[tuple[Effect, str]] = [
    (Reset(), "unreachable"),
    (Silence(), "unreachable"),
    (Answer(status=500), "azure_fault"),
    (Answer(status=503), "azure_fault"),
    (Answer(status=403, code="AuthorizationFailed"), "azure_forbidden"),
    (Answer(status=200, shape="empty"), "azure_fault"),
]


@pytest.mark.parametrize(("effect", "code"), AWAY, ids=range(len(AWAY)))
def test_where_azure_does_not_say_the_answer_is_503_and_never_an_empty_list(app: Doors, effect: Effect, code: str) -> None:
    app.world.faults.add(Fault(effect=effect, times=None))
    answer = app.get(PATH)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, code, "10")


def test_where_azure_throttles_its_word_is_passed_on(app: Doors) -> None:
    app.world.faults.add(Fault(effect=Answer(status=429, code="TooManyRequests", headers={"Retry-After": "17"})))
    answer = app.get(PATH)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, "throttled", "17")


GRANTS: list[tuple[Any, int]] = [
    ([{"actions": ["read"]}], 200),
    ([{"actions": ["read"], "clusters": ["*/test-rg/*"]}], 200),
    ([{"actions": ["scale"]}, {"actions": ["read"], "doors": ["http"]}], 200),
    ([{"actions": ["read"], "doors": ["queue"]}], 403),
    ([{"actions": ["scale", "upgrade", "stop"]}], 403),
    ([{"actions": ["*"], "callers": ["ada@example.org"]}], 403),
    ([], 403),
]


@pytest.mark.parametrize(("grants", "status"), GRANTS, ids=range(len(GRANTS)))
def test_whoever_may_read_any_cluster_may_read_the_versions(grants: Any, status: int) -> None:
    with under(grants) as app:
        asked = len(app.world.witness.entries)
        answer = app.get(PATH)
        assert answer.status == status
        if status == 403:
            assert (answer.code, answer.detail) == ("forbidden", "function-key may read nothing through the http door")
            assert len(app.world.witness.entries) == asked


def test_a_method_that_the_door_has_not_is_not_found(app: Doors) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert app.ask(method, PATH).status == 404

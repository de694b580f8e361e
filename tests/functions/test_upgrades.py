"""What AKS offers one cluster, and which of its pools are behind."""

from datetime import UTC, datetime

import pytest

from local.arm.faults import Answer, Effect, Fault, Reset, Silence
from shared.model.clusters import ClusterRef
from shared.model.plans import UpgradeControlPlane
from tests.builders import SUBSCRIPTION, WEB
from tests.doors import Doors
from tests.functions.test_callers import under

PATH = f"/api/clusters/{SUBSCRIPTION}/prod-rg/web/upgrades"
OTHER = "00000000-0000-0000-0000-000000000002"


def test_an_offer_names_its_targets_lowest_first_and_where_the_pools_are(app: Doors) -> None:
    app.put_cluster(version="1.35.4")
    answer = app.get(PATH)
    assert (answer.status, answer.headers["cache-control"], answer.headers["content-type"]) == (200, "no-store", "application/json")
    assert answer.document == {
        "cluster": {"subscription": SUBSCRIPTION, "resource_group": "prod-rg", "name": "web"},
        "kubernetes_version": "1.35.4",
        "targets": [{"version": version, "preview": False} for version in ("1.35.6", "1.36.2", "1.36.4")],
        "pools": [{"name": name, "kubernetes_version": "1.35.4", "behind": False} for name in ("system", "user")],
    }


def test_the_patch_that_runs_is_shown_and_not_the_minor_that_was_asked_for(app: Doors) -> None:
    app.put_cluster(version="1.36")
    assert app.there().version == "1.36"
    assert app.get(PATH).document["kubernetes_version"] == "1.36.4"


def test_a_pool_that_its_control_plane_has_left_behind_is_shown_so(app: Doors) -> None:
    app.put_cluster(version="1.36.4")
    app.foreign(WEB, UpgradeControlPlane(version="1.37.1"))
    app.clock.advance(app.takes)
    view = app.get(PATH).document
    assert (view["kubernetes_version"], view["targets"]) == ("1.37.1", [])
    assert [(pool["name"], pool["kubernetes_version"], pool["behind"]) for pool in view["pools"]] == [
        ("system", "1.36.4", True),
        ("user", "1.36.4", True),
    ]


def test_a_preview_is_said_to_be_one(app: Doors) -> None:
    app.clock.instant = datetime(2027, 1, 22, 9, tzinfo=UTC)
    app.put_cluster(version="1.37")
    assert app.get(PATH).document["targets"] == [{"version": "1.38.0", "preview": True}]


def test_one_look_is_two_reads_of_azure_and_changes_nothing(peopled: Doors) -> None:
    before, asked = peopled.kept(), len(peopled.world.witness.entries)
    assert peopled.get(PATH).status == 200
    assert [entry.method for entry in peopled.world.witness.entries[asked:]] == ["GET", "GET"]
    assert peopled.kept() == before


def test_a_cluster_that_is_not_there_is_not_found(peopled: Doors) -> None:
    answer = peopled.get(f"/api/clusters/{SUBSCRIPTION}/prod-rg/nothing/upgrades")
    assert (answer.status, answer.code, answer.detail) == (404, "not_found", "cluster prod-rg/nothing does not exist")
    assert answer.document["instance"] == f"/api/clusters/{SUBSCRIPTION}/prod-rg/nothing/upgrades"


def test_a_cluster_that_goes_between_the_two_reads_is_not_found(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(path="upgradeProfiles", effect=Answer(status=404, code="ResourceNotFound", shape="gateway")))
    assert peopled.get(PATH).detail == "cluster prod-rg/web does not exist"


def test_a_cluster_that_may_not_be_seen_is_answered_like_one_that_is_not_there() -> None:
    with under([{"actions": ["*"], "clusters": ["*/test-rg/*"]}]) as app:
        asked = len(app.world.witness.entries)
        hidden, absent = (app.get(f"/api/clusters/{SUBSCRIPTION}/prod-rg/{name}/upgrades") for name in ("web", "nothing"))
        assert (hidden.status, hidden.code) == (absent.status, absent.code) == (404, "not_found")
        assert hidden.detail.replace("web", "nothing") == absent.detail
        assert len(app.world.witness.entries) == asked


def test_reading_is_enough_and_needed() -> None:
    with under([{"actions": ["read"]}]) as app:
        assert app.get(PATH).status == 200
    with under([{"actions": ["upgrade"]}]) as app:
        assert app.get(PATH).status == 404


def test_a_cluster_of_another_subscription_is_not_found_and_azure_is_not_asked(peopled: Doors) -> None:
    asked = len(peopled.world.witness.entries)
    answer = peopled.get(f"/api/clusters/{OTHER}/prod-rg/web/upgrades")
    assert (answer.status, answer.code) == (404, "not_found")
    assert len(peopled.world.witness.entries) == asked


AWAY: list[Effect] = [
    Reset(),
    Silence(),
    Answer(status=500),
    Answer(status=403, code="AuthorizationFailed"),
    Answer(status=200, shape="empty"),
]


@pytest.mark.parametrize("which", ["web(\\?|$)", "upgradeProfiles"])
@pytest.mark.parametrize("effect", AWAY, ids=range(len(AWAY)))
def test_where_azure_does_not_say_the_answer_is_503_and_never_nothing_newer(peopled: Doors, effect: Effect, which: str) -> None:
    peopled.world.faults.add(Fault(path=which, effect=effect, times=None))
    answer = peopled.get(PATH)
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert answer.code in {"unreachable", "azure_fault", "azure_forbidden"}


@pytest.mark.parametrize(("query", "code"), [("colour=red", 400), ("location=", 400), ("code=the-function-key", 200)])
def test_a_parameter_that_is_not_known_is_refused(peopled: Doors, query: str, code: int) -> None:
    answer = peopled.get(f"{PATH}?{query}")
    assert answer.status == code
    if code == 400:
        assert (answer.code, query.partition("=")[0] in answer.detail) == ("malformed", True)


def test_every_spelling_of_a_cluster_has_its_offer(peopled: Doors) -> None:
    ref = ClusterRef(subscription=SUBSCRIPTION, group="PROD-RG", name="Web")
    view = peopled.get(f"/api/clusters/{ref.subscription}/{ref.group}/{ref.name}/upgrades").document
    assert view["cluster"] == {"subscription": SUBSCRIPTION, "resource_group": "PROD-RG", "name": "Web"}
    assert [target["version"] for target in view["targets"]] == ["1.37.0", "1.37.1"]

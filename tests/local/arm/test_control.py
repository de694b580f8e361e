"""The simulator's own routes: what they show, what they take, and what they say to what they do not take."""

import json
from datetime import timedelta

import pytest

from local.arm.wire import Json, Reply, Request
from tests.local.arm.asking import CLUSTER, START, USER, Asker, an_asker


def own(asker: Asker, method: str, path: str, body: object = None) -> Reply:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = asker.world.handle(Request(method=method, url=f"/_simulator{path}", body=content))
    assert isinstance(answer, Reply)
    return answer


FULL: Json = {
    "capacity": [{"region": "centralus", "family": "standardDDSv5Family", "nodes": 6, "vcpus": None}],
    "quotas": {
        "vcpus": [{"region": "centralus", "vcpus": 40, "family": "*", "subscription": "*"}],
        "clusters": [{"region": "centralus", "clusters": 2, "subscription": "*"}],
    },
    "pdbs": [{"cluster": "group1/web", "name": "shop/cart-pdb", "pod": "shop/cart-7c9", "pool": "user", "seen_beforehand": False}],
    "deprecated_apis": [
        {"cluster": "group1/web", "api": "batch.cronjobs.v1beta1", "removed_in": "1.37", "seen_at": "2026-11-23T12:00:00Z"}
    ],
}
NONE: Json = {"capacity": [], "quotas": {"vcpus": [], "clusters": []}, "pdbs": [], "deprecated_apis": []}


def test_circumstances_are_replaced_whole_shown_as_they_stand_and_cleared_by_an_empty_object() -> None:
    asker = an_asker()
    assert own(asker, "GET", "/circumstances").document == NONE
    assert own(asker, "PUT", "/circumstances", FULL).document == FULL
    assert own(asker, "GET", "/circumstances").document == FULL
    pdbs = own(asker, "PUT", "/circumstances", {"pdbs": [{"cluster": "a/b", "name": "c/d"}]}).document
    assert (pdbs["capacity"], len(pdbs["pdbs"])) == ([], 1)
    assert own(asker, "PUT", "/circumstances", {}).document == NONE


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body: Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        ({"capacty": []}, "capacty: Unexpected keyword argument"),
        ({"capacity": {"centralus": 3}}, "capacity: Input should be a valid array"),
        ({"capacity": [{"region": "centralus"}]}, "capacity.0: Value error, a capacity needs nodes or vcpus"),
        (
            {"capacity": [{"region": "Central US", "nodes": 1}]},
            "'Central US' is no region, want one like centralus",
        ),
        ({"capacity": [{"region": "centralus", "nodes": -1}]}, "capacity.0.nodes: Input should be greater than or equal to 0"),
        ({"capacity": [{"region": "centralus", "nodes": "many"}]}, "capacity.0.nodes: Input should be a valid integer"),
        ({"quotas": {"vcpus": [{"region": "centralus"}]}}, "quotas.vcpus.0.vcpus: Field required"),
        ({"quotas": {"cluster": []}}, "quotas.cluster: Unexpected keyword argument"),
        ({"pdbs": [{"cluster": "web", "name": "a/b"}]}, "pdbs.0.cluster: String should match pattern"),
        ({"pdbs": [{"cluster": "group1/web"}]}, "pdbs.0.name: Field required"),
        ({"deprecated_apis": [{"cluster": "a/b", "api": "x", "removed_in": "37"}]}, "deprecated_apis.0.removed_in: String should match"),
        ({"deprecated_apis": [{"cluster": "a/b", "api": "x", "removed_in": "1.37", "seen_at": "2026-11-23T12:00:00"}]}, "timezone"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_wanted_and_changes_nothing(body: object, says: str) -> None:
    asker = an_asker()
    own(asker, "PUT", "/circumstances", FULL)
    refused = own(asker, "PUT", "/circumstances", body)
    assert refused.status == 400
    assert says in refused.document["error"]
    assert own(asker, "GET", "/circumstances").document == FULL


def test_the_world_shows_its_clusters_what_really_runs_and_what_is_going_on() -> None:
    asker = an_asker().with_cluster()
    asker.put(USER, {"properties": {"count": 5}})
    shown = own(asker, "GET", "/world").document
    assert shown["now"] == (START + timedelta(minutes=1)).isoformat()
    (cluster,) = shown["clusters"]
    pools = cluster.pop("pools")
    assert cluster == {
        "subscription": "00000000-0000-0000-0000-000000000001",
        "group": "group1",
        "name": "web",
        "region": "centralus",
        "version": "1.36.4",
        "state": "Succeeded",
        "power": "Running",
    }
    assert [(pool["name"], pool["count"], pool["nodes"], pool["version"]) for pool in pools] == [
        ("system", 2, 2, "1.36.4"),
        ("user", 5, 3, "1.36.4"),
    ]
    (running,) = shown["running"]
    assert (running["verb"], running["pool"], running["outcome"]) == ("scale", "user", "Succeeded")
    assert running["ends"] == (START + timedelta(minutes=2)).isoformat()
    asker.later()
    later = own(asker, "GET", "/world").document
    assert (later["running"], later["clusters"][0]["pools"][1]["nodes"]) == ([], 5)


def test_a_cluster_without_nodes_and_an_operation_without_an_end_are_shown_too() -> None:
    asker = an_asker().with_group()
    own(asker, "POST", "/faults", {"effect": {"kind": "outcome", "ends": "never"}, "method": "PUT"})
    asker.put(CLUSTER, {"location": "centralus", "identity": {"type": "SystemAssigned"}, "properties": _TINY})
    shown = own(asker, "GET", "/world").document
    assert (shown["running"][0]["ends"], shown["clusters"][0]["pools"][0]["nodes"]) == (None, 0)


_TINY: Json = {"dnsPrefix": "web", "agentPoolProfiles": [{"name": "system", "count": 1, "mode": "System"}]}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("DELETE", "/circumstances", 405),
        ("POST", "/circumstances", 405),
        ("PUT", "/faults", 405),
        ("POST", "/world", 404),
        ("GET", "/", 404),
        ("GET", "/log?since=-1", 400),
        ("GET", "/log?since=0", 200),
        ("GET", "/health/", 200),
    ],
)
def test_other_methods_and_paths_are_told_what_there_is(method: str, path: str, expected: int) -> None:
    answer = own(an_asker(), method, path)
    assert answer.status == expected
    assert ("want" in answer.document.get("error", "")) is (expected in {404, 405})


def test_the_simulators_own_routes_are_neither_logged_nor_hit_by_faults() -> None:
    asker = an_asker()
    own(asker, "POST", "/faults", {"effect": {"kind": "reset"}, "times": None})
    assert own(asker, "GET", "/health").status == 200
    assert own(asker, "PUT", "/circumstances", FULL).status == 200
    assert own(asker, "GET", "/log").document["entries"] == []

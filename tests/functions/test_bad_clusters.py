"""Cluster ids that are none, through every HTTP door that takes one: refused before Azure is asked anything."""

from urllib.parse import quote

import pytest

from tests.builders import SUBSCRIPTION
from tests.doors import SCALE, STOP, UPGRADE, Doors

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prod-rg"
CLUSTERS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters"
OTHER = "00000000-0000-0000-0000-000000000002"
WANTS_AN_ID = (
    "cluster is not the id of a managed cluster: want /subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.ContainerService/managedClusters/{name}"
)
WANTS_PARTS = "cluster has no known form, want resource-group/name, subscription/resource-group/name or a full ARM id"


def group(shown: str) -> str:
    return f"cluster has resource group {shown}, want 1 to 90 of A-Z a-z 0-9 _ . ( ) - without '..' and not ending in a full stop"


def name(shown: str) -> str:
    return f"cluster has cluster name {shown}, want 1 to 63 of A-Z a-z 0-9 _ - that begin and end with a letter or digit"


BAD = {
    "another type": (
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web",
        "cluster is the id of a 'Microsoft.Compute/virtualMachines', want a Microsoft.ContainerService/managedClusters",
    ),
    "a fleet": (
        f"{GROUP}/providers/Microsoft.ContainerService/fleets/web",
        "cluster is the id of a 'Microsoft.ContainerService/fleets', want a Microsoft.ContainerService/managedClusters",
    ),
    "a pool of a cluster": (f"{CLUSTERS}/web/agentPools/user", WANTS_AN_ID),
    "a resource group": (GROUP, WANTS_AN_ID),
    "a trailing slash": (f"{CLUSTERS}/web/", WANTS_AN_ID),
    "a query": (f"{CLUSTERS}/web?api-version=2026-08-01", name("'web?api-version=2026-08-01'")),
    "a URL": ("https://management.azure.com/x", WANTS_PARTS),
    "dots for a group": ("../web", group("'..'")),
    "dots for a name": ("prod-rg/..", name("'..'")),
    "dots in an id": (f"{GROUP}/../x/providers/Microsoft.ContainerService/managedClusters/web", WANTS_AN_ID),
    "dots inside a group": ("prod..rg/web", group("'prod..rg'")),
    "a group that ends in a full stop": ("prod-rg./web", group("'prod-rg.'")),
    "an encoded slash": ("prod-rg%2Fweb", WANTS_PARTS),
    "an encoded slash in a group": ("prod-rg%2f..%2fx/web", group("'prod-rg%2f..%2fx'")),
    "a slash encoded twice": ("prod-rg/web%252Fx", name("'web%252Fx'")),
    "a backslash": ("prod-rg\\x/web", group("'prod-rg\\\\x'")),
    "a NUL": ("prod-rg/web\0", name("'web\\x00'")),
    "a carriage return and a line feed": ("prod-rg/web\r\nX-Evil: 1", name("'web\\r\\nX-Evil: 1'")),
    "a trailing newline": ("prod-rg/web\n", name("'web\\n'")),
    "a newline before the name": ("prod-rg/\nweb", name("'\\nweb'")),
    "a look-alike letter": ("prod-rg/w\u0435b", name("'w\\u0435b'")),
    "a full-width slash": ("prod-rg\uff0fweb", WANTS_PARTS),
    "a full-width slash in a group": ("prod-rg\uff0fx/web", group("'prod-rg\\uff0fx'")),
    "a fraction slash": ("prod-rg\u2044web", WANTS_PARTS),
    "the Kelvin sign": ("prod-rg/\u212aube", name("'\\u212aube'")),
    "Arabic digits": ("prod-rg/web\u0661", name("'web\\u0661'")),
    "a zero-width space": ("prod-rg/we\u200bb", name("'we\\u200bb'")),
    "an emoji": ("\U0001f4a5/web", group("'\\U0001f4a5'")),
    "a space": ("prod-rg/my web", name("'my web'")),
    "a subscription that is no GUID": ("prod/prod-rg/web", "cluster has subscription 'prod', want a GUID"),
    "four parts": ("a/b/c/d", WANTS_PARTS),
    "one part": ("web", WANTS_PARTS),
    "no group": ("//web", WANTS_AN_ID),
    "no name": ("prod-rg/", name("''")),
    "a name that begins with a hyphen": ("prod-rg/-web", name("'-web'")),
    "a name of 64 characters": ("prod-rg/" + "a" * 64, name(f"'{'a' * 64}'")),
    "a group of 91 characters": ("a" * 91 + "/web", group(f"'{'a' * 80}'")),
}


@pytest.mark.parametrize("what", BAD)
def test_an_id_that_is_none_is_refused_by_what_is_wrong_with_it(peopled: Doors, what: str) -> None:
    (text, detail), before, asked = BAD[what], peopled.kept(), len(peopled.world.witness.entries)
    answer = peopled.post({**SCALE, "cluster": text})
    assert (answer.status, answer.code, answer.detail, answer.pointers) == (400, "malformed", detail, ["/cluster"])
    assert peopled.kept() == before
    assert len(peopled.world.witness.entries) == asked


@pytest.mark.parametrize("body", [STOP, {**STOP, "pool": "user"}, UPGRADE], ids=lambda body: f"{body['action']} {body.get('pool', '')}")
@pytest.mark.parametrize("what", ["another type", "dots for a name", "a look-alike letter", "a trailing newline", "one part"])
def test_every_verb_refuses_the_same_ids(peopled: Doors, what: str, body: dict[str, str]) -> None:
    (text, detail), before, asked = BAD[what], peopled.kept(), len(peopled.world.witness.entries)
    answer = peopled.post({**body, "cluster": text})
    assert (answer.status, answer.code, answer.detail, answer.pointers) == (400, "malformed", detail, ["/cluster"])
    assert peopled.kept() == before
    assert len(peopled.world.witness.entries) == asked


@pytest.mark.parametrize("what", BAD)
def test_the_list_refuses_the_same_ids(peopled: Doors, what: str) -> None:
    text, detail = BAD[what]
    answer = peopled.get(f"/api/operations?cluster={quote(text, safe='')}")
    assert (answer.status, answer.code, answer.detail) == (400, "malformed", f"the list cannot be asked for so: {detail}")


@pytest.mark.parametrize(
    "path",
    [
        f"{SUBSCRIPTION}/prod-rg/web%2Fx",
        f"{SUBSCRIPTION}/prod-rg%252F..%252Fx/web",
        f"{SUBSCRIPTION}/prod-rg/web%0D%0AX-Evil:1",
        f"{SUBSCRIPTION}/prod-rg/web%0A",
        f"{SUBSCRIPTION}/prod-rg/w%D0%B5b",
        f"{SUBSCRIPTION}/prod-rg%EF%BC%8Fx/web",
        f"{SUBSCRIPTION}/prod..rg/web",
        "prod/prod-rg/web",
        f"{SUBSCRIPTION}/prod-rg/web%3Fapi-version=1",
        f"{SUBSCRIPTION}/prod-rg/%FF",
    ],
)
@pytest.mark.parametrize("tail", ["", "/upgrades"])
def test_a_path_that_spells_no_cluster_is_refused_and_azure_is_not_asked(peopled: Doors, path: str, tail: str) -> None:
    asked = len(peopled.world.witness.entries)
    answer = peopled.get(f"/api/clusters/{path}{tail}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.detail.startswith("the path has ")
    assert answer.body.isascii()
    assert b"\r" not in answer.body
    assert len(peopled.world.witness.entries) == asked


@pytest.mark.parametrize(
    "path", [f"{SUBSCRIPTION}/../prod-rg/web", f"{SUBSCRIPTION}//web", f"{SUBSCRIPTION}/prod-rg/web/x", f"{SUBSCRIPTION}/prod-rg/%00"]
)
def test_a_path_of_another_shape_reaches_no_door(peopled: Doors, path: str) -> None:
    asked = len(peopled.world.witness.entries)
    assert peopled.get(f"/api/clusters/{path}").status == 404
    assert len(peopled.world.witness.entries) == asked


@pytest.mark.parametrize(
    "text", [f"{OTHER}/prod-rg/web", f"/subscriptions/{OTHER}{CLUSTERS.removeprefix(f'/subscriptions/{SUBSCRIPTION}')}/web"]
)
def test_a_cluster_of_another_subscription_is_not_found_and_azure_is_not_asked(peopled: Doors, text: str) -> None:
    before, asked = peopled.kept(), len(peopled.world.witness.entries)
    answer = peopled.post({**SCALE, "cluster": text})
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.detail == f"no cluster prod-rg/web in subscription {OTHER}, or none that function-key may see through this door"
    assert peopled.get(f"/api/clusters/{OTHER}/prod-rg/web").detail == answer.detail
    assert peopled.kept() == before
    assert len(peopled.world.witness.entries) == asked


@pytest.mark.parametrize(
    "text",
    [
        "prod-rg/web",
        "PROD-RG/WEB",
        f"{SUBSCRIPTION}/prod-rg/web",
        f"{CLUSTERS}/web",
        f"{CLUSTERS}/web".upper(),
        f"{CLUSTERS}/web".lower(),
    ],
)
def test_every_spelling_of_a_cluster_is_one_cluster(peopled: Doors, text: str) -> None:
    first = peopled.accepted(SCALE)
    second = peopled.post({**SCALE, "cluster": text, "count": 3}).document
    assert second["queue_position"] == 1
    listed = peopled.get(f"/api/operations?cluster={quote(text, safe='')}").document["operations"]
    assert {item["id"] for item in listed} == {second["id"], peopled.shown(first)["id"]}

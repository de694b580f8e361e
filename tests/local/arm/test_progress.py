"""Operations of the simulator under their cluster and their pool, with a percentage; and the older shapes of status documents."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.local.arm.asking import CLUSTER, SYSTEM, USER, a_cluster, an_asker, code


def test_the_latest_operation_says_how_far_it_is() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    asker.later(timedelta(seconds=15))
    running = asker.get(f"{CLUSTER}/operations/latest").document
    assert (running["percentComplete"], running["startTime"]) == (25.0, "2026-11-23T12:01:00.0000000Z")
    assert running["id"].endswith(f"/managedClusters/web/operations/{running['name']}")
    asker.later()
    ended = asker.get(f"{CLUSTER}/operations/{running['name']}").document
    assert (ended["status"], ended["percentComplete"]) == ("Succeeded", 100.0)
    assert ended["endTime"] == "2026-11-23T12:02:00.0000000Z"


def test_the_latest_of_a_cluster_may_be_a_pools_but_not_the_other_way_round() -> None:
    asker = an_asker().with_cluster()
    made = asker.get(f"{CLUSTER}/operations/latest").document["name"]
    asker.put(USER, {"properties": {"count": 5}})
    scaled = asker.get(f"{USER}/operations/latest").document
    assert scaled["id"].endswith(f"/agentPools/user/operations/{scaled['name']}")
    assert asker.get(f"{CLUSTER}/operations/latest").document["name"] == scaled["name"] != made
    assert code(asker.get(f"{SYSTEM}/operations/latest")) == (404, "NotFound")


def test_an_operation_is_found_under_its_own_cluster_alone() -> None:
    asker = an_asker().with_cluster()
    name = asker.get(f"{CLUSTER}/operations/latest").document["name"]
    other = CLUSTER.replace("/web", "/shop")
    asker.put(other, a_cluster())
    assert code(asker.get(f"{other}/operations/{name}")) == (404, "NotFound")
    assert code(asker.get(f"{CLUSTER}/operations/absent")) == (404, "NotFound")
    assert code(asker.get(f"{CLUSTER}/agentPools/absent/operations/latest")) == (404, "NotFound")


@pytest.mark.parametrize(("version", "swapped"), [("2023-10-01", True), ("2024-01-01", False)])
def test_until_2023_the_name_in_the_document_is_the_id_with_its_first_groups_reversed(version: str, *, swapped: bool) -> None:
    asker = an_asker().with_group()
    url = asker.put(f"{CLUSTER}?api-version={version}", a_cluster()).headers["azure-asyncoperation"]
    inside, outside = (UUID(text) for text in (asker.get(url).document["name"], urlsplit(url).path.rsplit("/", 1)[1]))
    assert (inside.bytes_le == outside.bytes) is swapped
    assert (inside == outside) is not swapped


def test_a_finished_result_still_says_where_it_is() -> None:
    asker = an_asker().with_cluster()
    url = asker.ask("POST", f"{CLUSTER}/stop").headers["location"]
    asker.later()
    done = asker.get(url)
    assert (done.status, done.body, done.headers["location"]) == (204, b"", url)


@pytest.mark.parametrize("verb", ["stop", "start"])
def test_a_stop_and_a_start_only_say_in_progress(verb: str) -> None:
    asker = an_asker().with_cluster()
    if verb == "start":
        asker.ask("POST", f"{CLUSTER}/stop")
        asker.later()
    url = asker.ask("POST", f"{CLUSTER}/{verb}").headers["azure-asyncoperation"]
    seen = set()
    for _ in range(11):
        seen.add(asker.get(url).document["status"])
        asker.later(timedelta(seconds=5))
    assert seen == {"InProgress"}

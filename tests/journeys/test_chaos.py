"""Real processes under fire: hosts are killed, storage is stopped, Azure is at its worst, and nothing that was accepted is lost."""

from pathlib import Path
from typing import Any

import pytest

from local.chaos.judging import differing, judged, requests
from local.chaos.playing import run, told
from local.chaos.storm import FAULTS, Scenario, Tally
from local.storage import find

ROOT = "/subscriptions/s/resourceGroups/chaos/providers/Microsoft.ContainerService/managedClusters/web0"
APPS = f"{ROOT}/agentPools/apps"


def applied(path: str, digest: str, *, n: int = 1, in_flight: int | None = None, really: bool = True) -> dict[str, Any]:
    return {"n": n, "method": "PUT", "path": f"{path}?api-version=1", "applied": really, "digest": digest, "in_flight": in_flight}


@pytest.mark.once
@pytest.mark.skipif(find() is None, reason="Azurite is not installed; `python3 dev.py test` installs it")
def test_ten_operations_on_five_clusters_survive_kills_stops_and_lies(tmp_path: Path) -> None:
    scenario = Scenario(state=tmp_path, seed=7, operations=10, clusters=5, storm=25.0, deadline=90.0)
    tally = run(scenario)
    assert not tally.losses, "\n".join(told(scenario, tally))
    assert (tally.accepted, tally.ended) == (10, {"succeeded": 10})
    assert tally.fallen == 0
    assert tally.kills >= 2
    assert tally.stops >= 1
    assert sum(tally.faults.values()) >= 5
    assert tally.seconds < 90


def test_a_call_that_is_applied_once_more_with_the_same_effect_is_counted_and_no_loss() -> None:
    assert judged([applied(ROOT, "a"), applied(ROOT, "a", n=2), applied(APPS, "b", n=3)], {"chaos/web0": 1}) == ([], 1)


def test_a_call_applied_with_another_effect_than_was_asked_for_is_a_loss() -> None:
    losses, _ = judged([applied(APPS, "a"), applied(APPS, "b", n=2), applied(APPS, "a", n=3)], {"chaos/web0": 2})
    assert [loss.rpartition(" was ")[2] for loss in losses] == ["applied with 3 effects, 2 were asked for"]


def test_a_second_creation_with_another_effect_is_a_loss() -> None:
    losses, _ = judged([applied(ROOT, "a"), applied(ROOT, "b", n=2)], {"chaos/web0": 2})
    assert len(losses) == 1


def test_two_of_ours_in_flight_on_one_cluster_are_a_loss() -> None:
    (loss,), _ = judged([applied(ROOT, "a"), applied(APPS, "b", n=2, in_flight=1)], {"chaos/web0": 1})
    assert loss.endswith("(request 2) began while 1 was in flight there")


def test_a_call_that_was_refused_is_held_against_nobody() -> None:
    assert judged([applied(ROOT, "a"), applied(APPS, "b", n=2, in_flight=1, really=False)], {}) == ([], 0)


def test_each_cluster_is_created_first_and_no_count_is_asked_for_twice_in_a_row() -> None:
    lines = requests(50, 20)
    assert sum(map(len, lines)) == 50
    assert len({request.key for line in lines for request in line}) == 50
    for line in lines:
        assert [request.body["action"] for request in line] == ["create", *["scale"] * (len(line) - 1)]
        assert [request.body["count"] for request in line[1:]] == list(range(2, len(line) + 1))


def test_success_that_azure_does_not_show_is_a_loss() -> None:
    (line,) = requests(2, 1)
    for request in line:
        request.last = {"status": "succeeded"}
    there = {"group": "chaos", "name": "web0", "pools": [{"name": "apps", "count": 2}]}
    assert not differing([line], [there])
    (loss,) = differing([line], [{**there, "pools": [{"name": "apps", "count": 1}]}])
    assert "should have 2 nodes, but has [1]" in loss
    (loss,) = differing([line], [])
    assert loss.endswith("but has none")


def test_what_was_lost_is_told_beside_the_seed() -> None:
    scenario = Scenario(state=Path(), seed=42, operations=1, clusters=1, storm=1, deadline=1)
    lines = told(scenario, Tally(losses=["operation x is left in `open`"]))
    assert "losses      1" in lines
    assert lines[-1].split() == ["seed", "42"]
    assert any("operation x is left" in line for line in lines)


def test_all_four_forms_of_a_429_are_among_the_faults() -> None:
    said = [fault["effect"] for fault in FAULTS.values() if fault["effect"].get("status") == 429]
    assert sorted((effect.get("headers", {}).get("Retry-After"), effect.get("retry_date")) for effect in said if effect.get("headers")) == [
        ("20", None),
        ("86400", None),
    ]
    assert sorted(str(effect.get("retry_date")) for effect in said if not effect.get("headers")) == ["40", "None"]

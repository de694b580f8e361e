"""How long operations take in the simulator, against how long they really took."""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import quantiles

import pytest

from local.arm.durations import recorded

NAMES = {("pool", "upgradenodeimageversion"), ("cluster", "abort"), ("pool", "abort")}  # not served yet


def test_durations_rise_with_the_share_and_stay_within_what_was_seen() -> None:
    seconds = [recorded("cluster", "create", share / 1000).total_seconds() for share in range(1001)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[500], seconds[1000]) == (118.5, 229.3, 4356.9)


def test_the_summaries_agree_with_the_recordings(conformance: Path) -> None:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with (conformance / "operation-durations.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["resource"], row["operation"]].append(float(row["seconds"]))
    compared = 0
    for (resource, verb), seconds in found.items():
        if len(seconds) < 5 or (resource, verb) in NAMES:
            continue
        cuts = quantiles(seconds, n=20, method="inclusive")
        for index in (1, 4, 9, 14, 17):  # 10, 25, 50, 75 and 90 in a hundred
            assert recorded(resource, verb, (index + 1) / 20).total_seconds() == pytest.approx(cuts[index], rel=0.01)
            compared += 1
    assert compared == 5 * 13

"""The catalogue: what a region offers on a day, how a minor comes and goes, and that recorded answers come out of it."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from local.arm import catalogue, releases
from local.arm.catalogue import LONG_TERM, OFFICIAL, REGIONS, Minor
from tests.local.arm.asking import CLUSTER, ROOT, START, USER, Asker, Clock, a_cluster, a_pool, a_world, an_asker, code

DAY = timedelta(days=1)
EVER = [datetime(2018, 1, 1, tzinfo=UTC) + 23 * DAY * step for step in range(280)]  # to the summer of 2035


def on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


def minors(day: str, region: str = "westus2") -> dict[str, Minor]:
    return {minor.name: minor for minor in catalogue.offered(region, on(day))}


# ------------------------------------------------------------------------------------------------------------------ recorded answers


def test_a_recorded_answer_of_june_2023_comes_out_of_the_calendar(conformance: Path) -> None:
    recorded = json.loads((conformance / "spec-examples" / "REAL_kubernetesVersions_westus2_2023-06-25.json").read_text(encoding="utf-8"))

    def known(answer: dict[str, list[dict[str, object]]]) -> dict[str, object]:
        return {
            str(value["version"]): (
                value["capabilities"],
                {patch: sorted(told["upgrades"]) for patch, told in dict(value["patchVersions"]).items()},  # type: ignore[call-overload]  # JSON
            )
            for value in answer["values"]
        }

    assert known(catalogue.listing("westus2", on("2023-06-25"))) == known(recorded)


def test_the_orchestrators_recorded_in_november_2022_come_out_of_the_calendar(conformance: Path) -> None:
    lines = (conformance / "aks-traffic" / "cluster-upgrade-with-pools.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [exchange["response_body"] for exchange in map(json.loads, lines) if "/orchestrators" in exchange["url"]]
    recorded = {
        one["orchestratorVersion"]: [target["orchestratorVersion"] for target in one.get("upgrades", [])]
        for one in answers[0]["properties"]["orchestrators"]
    }
    now = on("2022-11-08")
    stable = [patch for minor in catalogue.offered("westus2", now) if not minor.preview for patch in minor.patches]
    without_previews = {
        patch: [target for target in catalogue.upgrades(patch, "westus2", now) if not catalogue.is_preview(target, "westus2", now)]
        for patch in stable
    }
    assert without_previews == recorded
    assert [one["orchestratorVersion"] for one in answers[0]["properties"]["orchestrators"] if one.get("default")] == ["1.23.12"]
    assert catalogue.patch_for(catalogue.default("westus2", now).name, location="westus2", now=now) == "1.23.12"


def test_the_default_of_the_recording_of_february_2026_comes_out_of_the_calendar() -> None:
    now = on("2026-02-11")
    assert catalogue.default("westus3", now).patches[-1] == "1.33.6"


# ------------------------------------------------------------------------------------------------------------------- a minor's life


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-09-01", None),
        ("2026-10-05", ((OFFICIAL, LONG_TERM), True)),
        ("2026-11-01", ((OFFICIAL, LONG_TERM), False)),
        ("2027-10-31", ((OFFICIAL, LONG_TERM), False)),
        ("2027-11-01", ((LONG_TERM,), False)),
        ("2028-10-31", ((LONG_TERM,), False)),
        ("2028-11-01", None),
    ],
)
def test_a_minor_is_a_preview_then_stable_then_for_long_term_support_only_and_then_gone(
    day: str, expected: tuple[tuple[str, ...], bool] | None
) -> None:
    minor = minors(day).get("1.37")
    assert (None if minor is None else (minor.plans, minor.preview)) == expected


@pytest.mark.parametrize(
    ("version", "last_day"), [("1.34", "2026-11-30"), ("1.35", "2027-03-31"), ("1.36", "2027-06-30"), ("1.37", "2027-10-31")]
)
def test_support_ends_with_the_announced_month(version: str, last_day: str) -> None:
    assert OFFICIAL in minors(last_day)[version].plans
    after = (on(last_day) + DAY).date().isoformat()
    assert minors(after)[version].plans == (LONG_TERM,)


def test_a_preview_becomes_stable_region_by_region() -> None:
    general = releases.release(38).general_on
    late = {region: releases.lag(region, "1.38") for region in REGIONS}
    region = max(late, key=lambda name: late[name])
    assert late[region] > DAY
    assert minors((general + late[region] - DAY).isoformat(), region)["1.38"].preview
    assert not minors((general + late[region]).isoformat(), region)["1.38"].preview


def test_beyond_the_announced_calendar_support_lasts_a_year_and_long_term_support_another() -> None:
    release = releases.release(45)
    assert (release.general_on.isoformat(), release.supported_until.isoformat(), str(release.long_term_until)) == (
        "2029-06-15",
        "2030-06-30",
        "2031-06-30",
    )
    assert releases.release(15).long_term_until is None


def test_there_was_no_long_term_support_before_1_27() -> None:
    assert minors("2024-03-31")["1.26"].plans == (OFFICIAL,)
    assert "1.26" not in minors("2024-04-01")
    assert minors("2024-08-01")["1.27"].plans == (LONG_TERM,)


@pytest.mark.parametrize("region", ["westus2", "brazilsouth"])
def test_in_any_year_two_to_four_minors_are_supported_with_two_patches_at_most_and_a_stable_default(region: str) -> None:
    for now in EVER:
        offered = catalogue.offered(region, now)
        supported = [minor for minor in offered if OFFICIAL in minor.plans and not minor.preview]
        assert 2 <= len(supported) <= 4, now  # two in April 2025: 1.29 had ended with March, 1.32 came in the middle of the month
        assert sum(minor.preview for minor in offered) <= 1, now
        assert all(1 <= len(minor.patches) <= 2 for minor in offered), now
        numbers = [minor.number for minor in offered]
        assert numbers == sorted(set(numbers)), now
        default = catalogue.default(region, now)
        assert default == supported[-2], now


def test_versions_only_ever_rise_as_time_passes() -> None:
    defaults = [catalogue.default("westeurope", now) for now in EVER]
    newest = [catalogue.order(default.patches[-1]) for default in defaults]
    assert newest == sorted(newest)
    assert newest[0][1] < 15
    assert newest[-1][1] > 55


def test_about_three_minors_a_year_and_a_patch_a_month() -> None:
    firsts = [releases.release(number).general_on for number in range(10, 60)]
    assert 2.8 <= 49 / ((firsts[-1] - firsts[0]) / timedelta(days=365)) <= 3.2
    release = releases.release(40)
    days = [day for day, _ in release.patches() if day <= release.supported_until]
    gaps = [(later - day).days for day, later in pairwise(days)]
    assert min(gaps) >= 28
    assert max(gaps) <= 37
    assert [patch for _, patch in release.patches()] == list(range(len(list(release.patches()))))


def test_a_year_has_not_one_cluster_default_that_is_a_preview() -> None:
    for step in range(365):
        now = START + step * DAY
        assert not catalogue.default("centralus", now).preview


# ------------------------------------------------------------------------------------------------------------------------- regions


def test_a_release_reaches_the_regions_over_two_weeks_and_leaves_some_out_for_five() -> None:
    lags = {region: releases.lag(region, "1.37.1").days for region in REGIONS}
    missed = {region for region, days in lags.items() if days > 14}
    assert missed == {"japanwest", "germanywestcentral"}
    assert {lags[region] for region in missed} == {35}
    assert len(set(lags.values()) - {35}) > 5
    came = on("2026-11-05")
    seen = {region: "1.37.1" in minors("2026-11-10", region)["1.37"].patches for region in REGIONS}
    assert seen == {region: lags[region] <= 5 for region in REGIONS}
    assert "1.37.1" not in minors((came + 34 * DAY).date().isoformat(), "japanwest")["1.37"].patches
    assert "1.37.1" in minors((came + 35 * DAY).date().isoformat(), "japanwest")["1.37"].patches


def test_a_whole_minor_can_be_missing_from_a_region_for_weeks() -> None:
    left_out = [
        (region, number) for number in range(28, 60) for region in REGIONS if releases.lag(region, f"1.{number}.0") == timedelta(days=35)
    ]
    assert left_out
    region, number = left_out[0]
    first = datetime.combine(releases.release(number).preview_on, datetime.min.time(), UTC)
    others = [elsewhere for elsewhere in REGIONS if releases.lag(elsewhere, f"1.{number}.0") <= timedelta(days=14)]
    assert any(minor.number == number for minor in catalogue.offered(others[0], first + 20 * DAY))
    assert all(minor.number != number for minor in catalogue.offered(region, first + 20 * DAY))


def test_different_releases_miss_different_regions() -> None:
    left_out = {
        frozenset(region for region in REGIONS if releases.lag(region, f"1.{number}.1") > timedelta(days=14)) for number in range(30, 50)
    }
    assert len(left_out) > 5


# ------------------------------------------------------------------------------------------------------------------------ upgrades


@pytest.mark.parametrize(
    ("day", "patch", "plan", "expected"),
    [
        ("2026-11-23", "1.35.4", None, ["1.35.6", "1.36.2", "1.36.4"]),
        ("2026-11-23", "1.36.4", OFFICIAL, ["1.37.0", "1.37.1"]),
        ("2026-11-23", "1.37.1", None, []),
        # The minor itself has left support: the next one that has not.
        ("2026-11-23", "1.33.6", OFFICIAL, ["1.34.7", "1.34.9"]),
        ("2026-11-23", "1.29.3", OFFICIAL, ["1.34.7", "1.34.9"]),
        ("2026-12-01", "1.33.6", OFFICIAL, ["1.35.4", "1.35.6"]),
        # Long-term support keeps the minors between.
        ("2026-11-23", "1.32.0", LONG_TERM, ["1.32.15", "1.32.16", "1.33.10", "1.33.11"]),
        ("2026-11-23", "1.29.3", LONG_TERM, ["1.31.16", "1.31.17"]),
        # A preview is a target, as recorded.
        ("2027-01-31", "1.37.2", OFFICIAL, ["1.37.3", "1.38.0"]),
    ],
)
def test_upgrades_go_to_every_newer_patch_below_the_second_next_minor_or_to_the_next_supported_minor(
    day: str, patch: str, plan: str | None, expected: list[str]
) -> None:
    assert catalogue.upgrades(patch, "westus2", on(day), plan) == expected


def test_a_preview_is_listed_as_one_and_can_be_asked_for_but_is_never_the_default() -> None:
    now = on("2027-01-31")
    values = {value["version"]: value for value in catalogue.listing("westus2", now)["values"]}
    assert [version for version, value in values.items() if value.get("isPreview")] == ["1.38"]
    assert [version for version, value in values.items() if value.get("isDefault")] == ["1.36"]
    assert catalogue.patch_for("1.38", location="westus2", now=now) == "1.38.0"


def test_a_patch_is_found_by_minor_or_whole_and_only_under_a_plan_that_offers_it() -> None:
    now = START
    assert catalogue.patch_for("1.36", location="westus2", now=now) == "1.36.4"
    assert catalogue.patch_for("1.36.2", location="westus2", now=now) == "1.36.2"
    assert catalogue.patch_for("1.36.1", location="westus2", now=now) is None
    assert catalogue.patch_for("1.33", location="westus2", now=now) is None
    assert catalogue.patch_for("1.33", location="westus2", now=now, plan=LONG_TERM) == "1.33.11"
    assert catalogue.any_patch("1.33", location="westus2", now=now) == "1.33.11"


# ------------------------------------------------------------------------------------------------------------------------- images


def test_a_new_node_image_comes_every_week() -> None:
    images = [catalogue.node_image("1.36.4", "Linux", START + step * DAY) for step in range(28)]
    assert len(set(images)) == 4
    assert images == sorted(images)
    assert images[0] == "AKSUbuntu-2404gen2containerd-202611.09.0"


@pytest.mark.parametrize(
    ("version", "os_type", "begins"),
    [("1.34.7", "Linux", "AKSUbuntu-2204"), ("1.23.12", "Linux", "AKSUbuntu-1804"), ("1.36.4", "Windows", "AKSWindows-2022")],
)
def test_the_image_follows_the_version_and_the_system(version: str, os_type: str, begins: str) -> None:
    assert catalogue.node_image(version, os_type, START).startswith(begins)


# --------------------------------------------------------------------------------------------------------------------- a cluster's


def a_quiet_asker(day: str) -> Asker:
    clock = Clock(now=on(day))
    return Asker(a_world(clock, throttled=False), clock)


def test_a_cluster_whose_version_left_support_runs_on_and_can_be_scaled_but_no_other_can_be_made_like_it() -> None:
    asker = a_quiet_asker("2026-11-23").with_cluster(a_cluster(kubernetesVersion="1.34"))
    asker.later(30 * DAY)
    assert asker.get(CLUSTER).document["properties"]["currentKubernetesVersion"] == "1.34.9"
    assert asker.put(USER, {"properties": {"count": 5}}).status == 200
    asker.later()
    assert asker.put(f"{CLUSTER}/agentPools/more", {"properties": {"count": 1, "vmSize": "Standard_D2s_v5"}}).status == 201
    other = CLUSTER.replace("web", "other")
    assert code(asker.put(other, a_cluster(kubernetesVersion="1.34"))) == (400, "AgentPoolK8sVersionNotSupported")
    assert asker.put(other, a_cluster(kubernetesVersion="1.34", supportPlan=LONG_TERM)).status == 201


def test_a_cluster_far_out_of_support_is_let_up_to_the_oldest_supported_minor_at_once() -> None:
    asker = a_quiet_asker("2026-02-11").with_cluster(a_cluster(kubernetesVersion="1.32"))
    asker.clock.now = START
    upgraded = asker.put(CLUSTER, a_cluster(kubernetesVersion="1.34"))
    assert upgraded.document["properties"]["currentKubernetesVersion"] == "1.34.9"
    asker.later()
    assert code(asker.put(CLUSTER, a_cluster(kubernetesVersion="1.36"))) == (400, "AgentPoolUpgradeVersionNotAllowed")


def test_a_pool_never_gets_a_newer_patch_than_its_control_plane() -> None:
    asker = a_quiet_asker("2026-10-20").with_cluster(a_cluster(kubernetesVersion="1.36"))
    asker.clock.now = START
    assert catalogue.patch_for("1.36", location="centralus", now=START) == "1.36.4"
    made = asker.put(f"{CLUSTER}/agentPools/more", {"properties": {"count": 1, "vmSize": "Standard_D2s_v5", "orchestratorVersion": "1.36"}})
    assert made.document["properties"]["currentOrchestratorVersion"] == "1.36.2"


def test_a_pool_that_follows_its_control_plane_gets_its_patch_too() -> None:
    asker = a_quiet_asker("2026-10-20").with_cluster(
        a_cluster(a_pool(), a_pool("user", orchestratorVersion="1.35"), kubernetesVersion="1.36")
    )
    asker.clock.now = START
    moved = asker.put(USER, {"properties": {"orchestratorVersion": "1.36"}})
    assert moved.document["properties"]["currentOrchestratorVersion"] == "1.36.2"


def test_kubernetes_versions_move_with_the_worlds_clock() -> None:
    asker = an_asker()
    url = f"{ROOT}/providers/Microsoft.ContainerService/locations/westus2/kubernetesVersions"

    def shown() -> dict[str, bool]:
        return {value["version"]: bool(value.get("isPreview")) for value in asker.get(url).document["values"]}

    assert "1.38" not in shown()
    asker.clock.now = on("2027-02-10")
    assert shown()["1.38"] is True
    asker.clock.now = on("2027-03-10")
    assert shown()["1.38"] is False

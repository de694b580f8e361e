"""Maintenance configurations of the simulator: kept as they are sent, at once."""

from pathlib import Path

import pytest

from local.arm.wire import Json
from tests.local.arm.asking import CLUSTER, Clock, a_cluster, a_saved_world, an_asker, code

CONFIGURATIONS = f"{CLUSTER}/maintenanceConfigurations"
NAME = "aksManagedAutoUpgradeSchedule"
URL = f"{CONFIGURATIONS}/{NAME}"
WEEKLY: Json = {"schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Saturday"}}, "durationHours": 4, "startTime": "00:00"}


def a_window(**changes: object) -> Json:
    return {"properties": {"maintenanceWindow": {**WEEKLY, **changes}, "timeInWeek": None}}


def test_a_configuration_is_made_and_replaced_with_200_and_read_back_with_its_defaults() -> None:
    asker = an_asker().with_cluster()
    made = asker.put(URL, a_window(notAllowedDates=None))
    assert made.status == 200
    assert not {"azure-asyncoperation", "location"} & made.headers.keys()
    assert made.document == {
        "id": f"/subscriptions/{CLUSTER.split('/')[2]}/resourceGroups/group1/providers/Microsoft.ContainerService/managedClusters/web"
        f"/maintenanceConfigurations/{NAME}",
        "name": NAME,
        "properties": {"maintenanceWindow": {**WEEKLY, "utcOffset": "+00:00", "startDate": "2026-11-23"}},
    }
    replaced = asker.put(URL.lower(), a_window(durationHours=8, utcOffset="+02:00"))
    assert (replaced.status, replaced.document["name"]) == (200, NAME)
    assert asker.get(URL).document == replaced.document
    assert asker.get(CONFIGURATIONS).document == {"value": [replaced.document]}


def test_a_deleted_configuration_is_gone() -> None:
    asker = an_asker().with_cluster()
    asker.put(URL, a_window())
    assert (asker.delete(URL).status, asker.delete(URL).status) == (200, 204)
    assert code(asker.get(URL)) == (404, "NotFound")
    assert asker.get(CONFIGURATIONS).document == {"value": []}


def test_a_configuration_is_written_while_the_cluster_is_busy_and_goes_with_it() -> None:
    asker = an_asker().with_cluster()
    asker.put(CLUSTER, a_cluster())
    assert asker.put(URL, a_window()).status == 200
    asker.later()
    asker.delete(CLUSTER)
    asker.later()
    assert asker.get(URL).status == 404
    asker.put(CLUSTER, a_cluster())
    assert asker.get(CONFIGURATIONS).document == {"value": []}


def test_configurations_and_their_deletion_outlive_a_restart(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "world.json"
    asker = a_saved_world(file, clock).with_cluster()
    made = asker.put(URL, a_window())
    again = a_saved_world(file, clock)
    assert again.get(URL).document == made.document
    again.delete(URL)
    assert a_saved_world(file, clock).get(URL).status == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "InvalidParameter")),
        ({"properties": {"maintenanceWindow": {}}}, (400, "InvalidParameter")),
        ({"properties": {"maintenanceWindow": "always"}}, (400, "InvalidParameter")),
        ({"properties": {"maintenanceWindow": {**WEEKLY, "schedule": None}}}, (400, "InvalidParameter")),
        ({"properties": []}, (400, "UnmarshalError")),
    ],
)
def test_a_configuration_without_a_window_is_refused(body: Json, expected: tuple[int, str]) -> None:
    asker = an_asker().with_cluster()
    assert code(asker.put(URL, body)) == expected
    assert code(asker.get(URL)) == (404, "NotFound")


def test_the_older_form_by_hours_of_the_week_is_taken_too() -> None:
    asker = an_asker().with_cluster()
    hours = [{"day": "Monday", "hourSlots": [1, 2]}]
    asker.put(f"{CONFIGURATIONS}/default", {"properties": {"timeInWeek": hours}})
    assert asker.get(f"{CONFIGURATIONS}/default").document["properties"] == {"timeInWeek": hours}


def test_configurations_of_no_cluster_are_404() -> None:
    asker = an_asker().with_group()
    assert code(asker.put(URL, a_window())) == (404, "ResourceNotFound")

"""The recordings of the real service, and the description's own examples, held against the description; and that this can fail."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.description import Answered, Departure, Description, describe
from tests.conformance.deviations import DEVIATIONS
from tests.conformance.traffic import RECORDINGS, Exchange, read

CLUSTERS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters"
LOCATION = "/subscriptions/s/providers/Microsoft.ContainerService/locations/westus3"
PENDING = {"azure-asyncoperation": "https://a", "location": "https://b"}


@pytest.fixture(scope="module")
def description(conformance: Path) -> Description:
    return describe(conformance)


def of(exchange: Exchange) -> Answered:
    return Answered(
        method=exchange.method,
        path=exchange.path,
        version=exchange.version,
        status=exchange.status,
        headers=exchange.headers,
        body=exchange.body,
    )


@pytest.mark.parametrize("recording", RECORDINGS)
def test_the_real_service_departs_from_its_description_only_as_listed(conformance: Path, description: Description, recording: str) -> None:
    departures = [departure for exchange in read(conformance, recording) for departure in description.departures(of(exchange))]
    assert [str(departure) for departure in departures if not any(deviation.covers(departure) for deviation in DEVIATIONS)] == []


def test_the_newest_recording_needs_nothing_that_is_kept_for_old_ones(conformance: Path, description: Description) -> None:
    newest = max(RECORDINGS, key=lambda recording: RECORDINGS[recording])
    departures = [departure for exchange in read(conformance, newest) for departure in description.departures(of(exchange))]
    assert departures
    assert all(any(entry.covers(departure) and not entry.of_recordings for entry in DEVIATIONS) for departure in departures)


def test_every_deviation_that_is_said_to_be_recorded_is_and_no_other(conformance: Path, description: Description) -> None:
    departures = [
        departure
        for recording in RECORDINGS
        for exchange in read(conformance, recording)
        for departure in description.departures(of(exchange))
    ]
    shown = [entry for entry in DEVIATIONS if any(entry.covers(departure) for departure in departures)]
    assert [entry.why for entry in DEVIATIONS if entry.recorded != (entry in shown)] == []
    assert all(entry.why and entry.source for entry in DEVIATIONS)


def _examples(conformance: Path, description: Description) -> Iterator[tuple[str, Departure]]:
    """What departs in the examples that come with the description."""
    for file in sorted((conformance / "spec-examples").glob("*.json")):
        example = json.loads(file.read_text(encoding="utf-8"))
        for status, response in example.get("responses", {}).items():
            answered = Answered(
                method="",
                path="",
                version=str(example.get("parameters", {}).get("api-version", "")),
                status=int(status),
                headers={name.lower(): value for name, value in response.get("headers", {}).items()},
                body=response.get("body"),
            )
            for departure in description.departures_of(example["operationId"], answered):
                yield file.stem, departure


def test_the_descriptions_own_examples_follow_it_but_for_their_handles(conformance: Path, description: Description) -> None:
    departures = list(_examples(conformance, description))
    assert [f"{name}: {departure}" for name, departure in departures if departure.kind != "header"] == []


# ------------------------------------------------------------------------------------------------------------------ that it can fail


def a_read(body: object, status: int = 200, path: str = f"{CLUSTERS}/web", method: str = "GET") -> Answered:
    return Answered(method=method, path=path, version="2026-08-01", status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (a_read({"location": "westus3", "properties": {"agentPoolProfiles": [{"name": "a", "count": 1}]}}), []),
        (a_read({"location": "westus3", "colour": "blue"}), [("unnamed", ".colour")]),
        (
            a_read({"location": "westus3", "properties": {"agentPoolProfiles": [{"name": "a", "count": "1"}]}}),
            [("type", ".properties.agentPoolProfiles[].count")],
        ),
        (a_read({"location": "westus3", "properties": {"agentPoolProfiles": None}}), [("type", ".properties.agentPoolProfiles")]),
        (a_read({"properties": {}}), [("missing", ".location")]),
        (a_read({"location": "westus3", "sku": {"tier": "Gold"}}), [("word", ".sku.tier")]),
        (a_read({"location": "westus3", "tags": {"a": 1}}), [("type", ".tags.a")]),
        (a_read(None), [("body", "")]),
        (a_read({"location": "westus3"}, status=203), [("status", "")]),
        (a_read({"error": {"code": "A", "message": "b"}}, status=404), []),
        (a_read({"error": {"code": 404, "message": "b"}}, status=404), [("type", ".error.code")]),
        (
            a_read({"code": "A", "message": "b", "details": None, "subcode": ""}, status=409),
            [("error", ""), ("type", ".details"), ("unnamed", ".subcode")],
        ),
        (a_read("no", status=500), [("error", "")]),
        (a_read({"value": []}, path=f"{CLUSTERS}/web/teapots"), [("path", "")]),
        (
            a_read({"name": "a", "status": "InProgress", "startTime": "2026-01-01T00:00:00.0000000Z"}, path=f"{LOCATION}/operations/a"),
            [("path", "")],
        ),
        (
            a_read({"name": "a", "startTime": "yesterday"}, path=f"{LOCATION}/operations/a"),
            [("format", ".startTime"), ("missing", ".status"), ("path", "")],
        ),
        (a_read({"anything": 1}, path="/subscriptions/s/resourceGroups/g"), []),
        (a_read(None, status=204, path=f"{CLUSTERS}/web/stop", method="POST"), []),
        (
            a_read(None, status=202, path=f"{CLUSTERS}/web/stop", method="POST"),
            [("header", "azure-asyncoperation"), ("header", "location")],
        ),
        (replace(a_read(None, status=202, path=f"{CLUSTERS}/web/stop", method="POST"), headers=PENDING), []),
        (replace(a_read({"location": "westus3"}), headers={"location": "https://b"}), [("header", "location")]),
    ],
)
def test_a_departure_is_found(description: Description, answered: Answered, expected: list[tuple[str, str]]) -> None:
    assert sorted((departure.kind, departure.at) for departure in description.departures(answered)) == expected


def test_what_the_list_excuses_in_one_place_it_does_not_in_another(description: Description) -> None:
    flat = {"code": "NotFound", "message": "b", "details": None, "subcode": ""}
    excused = description.departures(a_read(flat, status=404))
    broken = description.departures(a_read({"location": "a", "properties": {"addonProfiles": {"a": {"enabled": None, "config": None}}}}))
    assert all(any(entry.covers(departure) for entry in DEVIATIONS) for departure in excused)
    assert [departure.at for departure in broken if not any(entry.covers(departure) for entry in DEVIATIONS)] == [
        ".properties.addonProfiles.a.enabled"
    ]

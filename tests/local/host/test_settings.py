"""host.json and local.settings.json: defaults, overrides, and what is refused."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.settings import (
    HostError,
    HostSettings,
    QueueSettings,
    app_environment,
    body_limit,
    connection_string,
    host_settings,
    read_host_settings,
    read_local_settings,
    resolved,
)

PLAIN = {"version": "2.0"}
BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}


def settings(document: dict[str, Any] | None = None, **environment: str) -> HostSettings:
    return host_settings({**PLAIN, **(document or {})}, environment, processors=2)


def test_an_empty_host_json_means_the_defaults_of_development() -> None:
    assert settings() == HostSettings(
        route_prefix="api",
        function_timeout=timedelta(minutes=30),
        bundle=False,
        lock_period=timedelta(seconds=60),
        lock_recheck=timedelta(seconds=60),
        queues=QueueSettings(
            batch_size=16,
            new_batch_threshold=16,
            max_polling_interval=timedelta(seconds=2),
            visibility_timeout=timedelta(0),
            max_dequeue_count=5,
            encoding="base64",
        ),
    )


def test_every_setting_is_read() -> None:
    queues = {"batchSize": 4, "newBatchThreshold": 1, "maxPollingInterval": "00:00:05", "visibilityTimeout": "00:00:30"}
    queues |= {"maxDequeueCount": 3, "messageEncoding": "None"}
    http = {"routePrefix": "v1/", "maxOutstandingRequests": 20, "maxConcurrentRequests": 10}
    read = settings({"extensions": {"queues": queues, "http": http}, "functionTimeout": "-1", "functions": ["One"]})
    assert read.queues == QueueSettings(
        batch_size=4,
        new_batch_threshold=1,
        max_polling_interval=timedelta(seconds=5),
        visibility_timeout=timedelta(seconds=30),
        max_dequeue_count=3,
        encoding="none",
    )
    assert (read.route_prefix, read.max_outstanding_requests, read.max_concurrent_requests) == ("v1", 20, 10)
    assert read.function_timeout is None
    assert read.only_functions == frozenset({"one"})


def test_the_threshold_follows_the_batch_and_the_processors() -> None:
    assert settings({"extensions": {"queues": {"batchSize": 8}}}).queues.new_batch_threshold == 8


def test_a_consumption_plan_counts_as_one_processor_and_outside_development_queues_are_looked_at_less() -> None:
    assert settings(WEBSITE_SKU="Dynamic").queues.new_batch_threshold == 8
    assert settings(AZURE_FUNCTIONS_ENVIRONMENT="Production").queues.max_polling_interval == timedelta(minutes=1)
    assert settings(AZURE_FUNCTIONS_ENVIRONMENT="development").queues.max_polling_interval == timedelta(seconds=2)


def test_the_environment_overrides_host_json_in_any_case() -> None:
    document = {"extensions": {"queues": {"maxDequeueCount": 3}}}
    read = settings(
        document, AzureFunctionsJobHost__extensions__queues__MaxDequeueCount="7", azurefunctionsjobhost__functiontimeout="00:00:09"
    )
    assert (read.queues.max_dequeue_count, read.function_timeout) == (7, timedelta(seconds=9))


def test_log_levels_keep_the_names_of_their_categories() -> None:
    assert settings({"logging": {"logLevel": {"default": "Warning", "Host.Results": "Error"}}}).log_levels == {
        "default": "Warning",
        "Host.Results": "Error",
    }


@pytest.mark.parametrize(
    ("said", "bundle"), [(BUNDLE, True), ({"id": "x"}, False), ({"version": "[4.*, 5.0.0)"}, False), ({}, False), (None, False)]
)
def test_an_extension_bundle_needs_an_id_and_a_version(said: object, bundle: bool) -> None:  # noqa: FBT001 - a table's column
    assert settings({"extensionBundle": said}).bundle is bundle


def test_the_times_of_the_listener_lock_are_read() -> None:
    read = settings({"singleton": {"listenerLockPeriod": "00:00:15", "listenerLockRecoveryPollingInterval": "00:02:00"}})
    assert (read.lock_period, read.lock_recheck) == (timedelta(seconds=15), timedelta(minutes=2))


@pytest.mark.parametrize(
    ("singleton", "fault"),
    [
        ({"listenerLockPeriod": "00:00:14"}, "at least 0:00:15 and at most 0:01:00"),
        ({"listenerLockPeriod": "00:01:01"}, "at least 0:00:15 and at most 0:01:00"),
        ({"listenerLockRecoveryPollingInterval": "00:00:14"}, "at least 0:00:15"),
    ],
)
def test_a_lease_that_blob_storage_would_not_give_is_refused(singleton: dict[str, str], fault: str) -> None:
    with pytest.raises(HostError, match=fault):
        settings({"singleton": singleton})


@pytest.mark.parametrize("timeout", ["00:00:00.5", "soon", "-00:00:02"])
def test_a_time_limit_is_at_least_a_second_or_none(timeout: str) -> None:
    with pytest.raises(HostError, match="functionTimeout"):
        settings({"functionTimeout": timeout})


@pytest.mark.parametrize(("said", "limit"), [({}, 104_857_600), ({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "5"}, 5)])
def test_the_limit_of_bodies_is_a_hundred_mebibytes_or_a_setting(said: dict[str, str], limit: int) -> None:
    assert body_limit(said) == limit


@pytest.mark.parametrize("said", ["", "-1", "5 MB", "\u0665"])
def test_a_limit_of_bodies_that_is_no_number_is_refused(said: str) -> None:
    with pytest.raises(HostError, match="FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"):
        body_limit({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": said})


@pytest.mark.parametrize("document", [{}, {"version": "1.0"}, [], None])
def test_a_host_json_of_no_known_version_is_refused(document: object) -> None:
    with pytest.raises(HostError, match=r"2\.0"):
        host_settings(document, {})


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 0},
        {"batchSize": 33},
        {"batchSize": "many"},
        {"maxDequeueCount": 0},
        {"messageEncoding": "hex"},
        {"maxPollingInterval": "soon"},
        {"maxPollingInterval": "00:00:00"},
        {"visibilityTimeout": "-00:00:01"},
    ],
)
def test_a_value_that_the_host_would_refuse_is_refused_by_name(queues: dict[str, object]) -> None:
    with pytest.raises(HostError, match=next(iter(queues))):
        settings({"extensions": {"queues": queues}})


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_host_json_that_cannot_be_read_is_an_error_of_the_host(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "host.json").write_text(text)
    with pytest.raises(HostError, match=r"host\.json"):
        read_host_settings(tmp_path, {})


def test_the_environment_wins_over_local_settings(tmp_path: Path) -> None:
    document = {"IsEncrypted": False, "Values": {"A": "file", "B": 5}, "Host": {"LocalHttpPort": 7000}, "ConnectionStrings": {"Db": "x"}}
    (tmp_path / "local.settings.json").write_text(json.dumps(document))
    local = read_local_settings(tmp_path)
    seen = app_environment(local, {"A": "machine"}, port=7000)
    assert local.port == 7000
    assert seen == {
        "A": "machine",
        "B": "5",
        "ConnectionStrings__Db": "x",
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "WEBSITE_HOSTNAME": "localhost:7000",
    }


def test_no_local_settings_are_no_fault(tmp_path: Path) -> None:
    assert read_local_settings(tmp_path).values == {}


def test_encrypted_local_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text('{"IsEncrypted": true, "Values": {}}')
    with pytest.raises(HostError, match="encrypted"):
        read_local_settings(tmp_path)


def test_a_setting_between_percent_signs_is_put_in() -> None:
    assert resolved("%A%-%B%-100%", {"A": "x", "B": "y"}) == "x-y-100%"
    with pytest.raises(HostError, match="MISSING"):
        resolved("%MISSING%", {})


def test_a_connection_is_looked_up_with_its_prefix_first() -> None:
    environment = {"AzureWebJobsStorage": "one", "Other": "two", "AzureWebJobsOther": "three", "ConnectionStrings__Db": "four"}
    assert [connection_string(name, environment) for name in ("", "AzureWebJobsStorage", "Storage", "Other", "Db")] == [
        "one",
        "one",
        "one",
        "three",
        "four",
    ]
    with pytest.raises(HostError, match="Nowhere"):
        connection_string("Nowhere", environment)


@pytest.mark.parametrize(
    "setting", ["AzureWebJobsStorage__accountName", "azurewebjobsstorage__queueServiceUri", "AzureWebJobsStorage__credential"]
)
def test_a_connection_by_identity_is_refused_by_its_name(setting: str) -> None:
    with pytest.raises(HostError, match="identity's"):
        connection_string("AzureWebJobsStorage", {setting: "x"})

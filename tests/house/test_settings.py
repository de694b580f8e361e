"""The settings: the sample shows each of them, each fault is told by its name and all at once, and none with a secret."""

import json
from dataclasses import fields
from typing import Any

import pytest

from shared.model.grants import Grant
from shared.settings import NAMES, PUBLIC_ARM, BadSettings, Settings, from_environment, read
from tests.builders import SUBSCRIPTION
from tests.doors import ROOT, environment

HOSTS_OWN = {"FUNCTIONS_WORKER_RUNTIME"}
LINK_KEY = "0123456789abcdef0123456789abcdef"
SECRET = "c2VjcmV0LXNlY3JldA=="
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=tide;AccountKey={SECRET};EndpointSuffix=core.windows.net"
GOOD = {"TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION, "AzureWebJobsStorage": CONNECTION}


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    return values


def test_the_sample_has_exactly_our_settings_and_the_hosts() -> None:
    assert set(sample()) == {*NAMES, *HOSTS_OWN}
    assert sample()["FUNCTIONS_WORKER_RUNTIME"] == "python"


def test_the_sample_is_usable_and_safe() -> None:
    settings = read(sample())
    assert settings.grants == (Grant(),)
    assert settings.reply_queues == {"chat-replies"}
    assert not settings.trusts_principal
    assert settings.storage_connection == "UseDevelopmentStorage=true"


def test_what_is_not_said_has_a_default() -> None:
    settings = read(GOOD)
    assert (settings.subscription, set(settings.subscriptions)) == (SUBSCRIPTION, {SUBSCRIPTION})
    assert (settings.arm_endpoint, settings.arm_audience) == (PUBLIC_ARM, PUBLIC_ARM)
    assert settings.reply_queues == {"chat-replies"}
    assert settings.grants == (Grant(),)
    assert (settings.mutations_per_hour, settings.retention_days, settings.link_key) == (10_000, 90, None)


def test_values_are_read_whatever_their_spaces_and_case() -> None:
    settings = read({
        **GOOD,
        "TIDEKEEPER_SUBSCRIPTION_ID": f" {SUBSCRIPTION.replace('0001', '00aB')} ",
        "TIDEKEEPER_SUBSCRIPTION_IDS": f"{SUBSCRIPTION.upper()}, ,",
        "TIDEKEEPER_ARM_ENDPOINT": " https://arm.example.org:8443/ ",
        "TIDEKEEPER_ARM_AUDIENCE": "https://management.core.windows.net/",
        "TIDEKEEPER_REPLY_QUEUES": "one, two-replies",
        "TIDEKEEPER_MUTATIONS_PER_HOUR": " 25 ",
        "TIDEKEEPER_RETENTION_DAYS": "0",
        "TIDEKEEPER_LINK_KEY": f" {LINK_KEY}\n",
    })  # fmt: skip
    assert settings.subscription.endswith("00ab")
    assert settings.subscriptions == {settings.subscription, SUBSCRIPTION}
    assert settings.arm_endpoint == "https://arm.example.org:8443"
    assert settings.arm_audience == "https://management.core.windows.net"
    assert settings.reply_queues == {"one", "two-replies"}
    assert (settings.mutations_per_hour, settings.retention_days) == (25, 0)
    assert settings.link_key == LINK_KEY


NOT_SET = (
    "AzureWebJobsStorage is not set, want a connection string, or AzureWebJobsStorage__accountName, "
    "or AzureWebJobsStorage__queueServiceUri and AzureWebJobsStorage__tableServiceUri"
)
NO_CONNECTION = "AzureWebJobsStorage is not a storage connection string with an account and its key, a signature, or both service endpoints"
NO_URL = "TIDEKEEPER_ARM_ENDPOINT is not an https URL without a path, want for example https://management.azure.com"
NO_GUID = "TIDEKEEPER_SUBSCRIPTION_ID is not a GUID, want the subscription of the clusters"
NO_QUEUE = "TIDEKEEPER_REPLY_QUEUES has what cannot be a queue's name, want names with commas between them"
FIELDS = "is not an object of actions, callers, clusters, doors"
GUESSED = "TIDEKEEPER_LINK_KEY can be guessed, want at least 32 random characters, as `openssl rand -base64 32` prints them"
UNRESOLVED = "TIDEKEEPER_LINK_KEY is a Key Vault reference that could not be resolved; see that the app's identity may read the secret"
FAULTS: dict[str, tuple[str, str]] = {
    "": ("TIDEKEEPER_SUBSCRIPTION_ID", "TIDEKEEPER_SUBSCRIPTION_ID is not set, want the subscription of the clusters (a GUID)"),
    "prod": ("TIDEKEEPER_SUBSCRIPTION_ID", NO_GUID),
    f"{SUBSCRIPTION}/x": ("TIDEKEEPER_SUBSCRIPTION_ID", NO_GUID),
    "prod,": ("TIDEKEEPER_SUBSCRIPTION_IDS", "TIDEKEEPER_SUBSCRIPTION_IDS has what is not a GUID, want GUIDs with commas between them"),
    "http://management.azure.com": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://management.azure.com/x": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://[": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://arm.example.org:99999": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://arm.example.org?x=1": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "https://me:you@arm.example.org": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    "management.azure.com": ("TIDEKEEPER_ARM_ENDPOINT", NO_URL),
    " ": ("AzureWebJobsStorage", NO_CONNECTION),
    SECRET: ("AzureWebJobsStorage", NO_CONNECTION),
    f"AccountName=tide;AccountKy={SECRET}": ("AzureWebJobsStorage", NO_CONNECTION),
    f"{CONNECTION};junk": ("AzureWebJobsStorage", NO_CONNECTION),
    f"QueueEndpoint=https://q;SharedAccessSignature=sig={SECRET}": ("AzureWebJobsStorage", NO_CONNECTION),
    "0": ("TIDEKEEPER_MUTATIONS_PER_HOUR", "TIDEKEEPER_MUTATIONS_PER_HOUR is not a whole number of 1 to 1000000"),
    "1000001": ("TIDEKEEPER_MUTATIONS_PER_HOUR", "TIDEKEEPER_MUTATIONS_PER_HOUR is not a whole number of 1 to 1000000"),
    "\u0661": ("TIDEKEEPER_MUTATIONS_PER_HOUR", "TIDEKEEPER_MUTATIONS_PER_HOUR is not a whole number of 1 to 1000000"),
    "-1": ("TIDEKEEPER_RETENTION_DAYS", "TIDEKEEPER_RETENTION_DAYS is not a whole number of 0 to 3650"),
    "for ever": ("TIDEKEEPER_RETENTION_DAYS", "TIDEKEEPER_RETENTION_DAYS is not a whole number of 0 to 3650"),
    LINK_KEY[:31]: ("TIDEKEEPER_LINK_KEY", GUESSED),
    "password" * 4: ("TIDEKEEPER_LINK_KEY", GUESSED),
    "@Microsoft.KeyVault(SecretUri=https://tide.vault.azure.net/secrets/link-key)": ("TIDEKEEPER_LINK_KEY", UNRESOLVED),
    "Chat Replies": ("TIDEKEEPER_REPLY_QUEUES", NO_QUEUE),
    "good,bad_one": ("TIDEKEEPER_REPLY_QUEUES", NO_QUEUE),
    "a--b": ("TIDEKEEPER_REPLY_QUEUES", NO_QUEUE),
    "{": ("TIDEKEEPER_GRANTS", "TIDEKEEPER_GRANTS is not JSON, want a list of objects"),
    "{}": ("TIDEKEEPER_GRANTS", "TIDEKEEPER_GRANTS is not a JSON list, want a list of objects"),
    "[1]": ("TIDEKEEPER_GRANTS", f"TIDEKEEPER_GRANTS[0] {FIELDS}"),
    '[{}, {"action": ["*"]}]': ("TIDEKEEPER_GRANTS", f"TIDEKEEPER_GRANTS[1] {FIELDS}"),
    '[{"actions": "scale"}]': ("TIDEKEEPER_GRANTS", "TIDEKEEPER_GRANTS[0] has actions that is not a list of texts"),
    '[{"doors": [1]}]': ("TIDEKEEPER_GRANTS", "TIDEKEEPER_GRANTS[0] has doors that is not a list of texts"),
}  # fmt: skip


@pytest.mark.parametrize("value", FAULTS)
def test_each_fault_is_told_by_its_name_and_without_a_secret(value: str) -> None:
    name, message = FAULTS[value]
    with pytest.raises(BadSettings) as fault:
        read({**GOOD, name: value})
    assert str(fault.value) == message
    assert SECRET not in str(fault.value)
    assert LINK_KEY[:31] not in str(fault.value)


def test_an_unknown_action_in_a_grant_is_told_with_those_that_are_known() -> None:
    with pytest.raises(BadSettings, match=r"TIDEKEEPER_GRANTS\[0\] grants the unknown action 'explode', want of .*delete.*scale"):
        read({**GOOD, "TIDEKEEPER_GRANTS": '[{"actions": ["sc*", "start", "explode"]}]'})


def test_an_unknown_door_in_a_grant_is_told_with_those_that_are_known() -> None:
    with pytest.raises(BadSettings, match=r"TIDEKEEPER_GRANTS\[0\] names the unknown door 'htpp', want of http, queue"):
        read({**GOOD, "TIDEKEEPER_GRANTS": '[{"doors": ["q*", "htpp"]}]'})


def test_all_faults_are_told_at_once() -> None:
    faulty = {
        "TIDEKEEPER_SUBSCRIPTION_IDS": "x", "TIDEKEEPER_ARM_ENDPOINT": "x", "TIDEKEEPER_GRANTS": "x", "TIDEKEEPER_REPLY_QUEUES": "X",
    }  # fmt: skip
    with pytest.raises(BadSettings) as fault:
        read(faulty)
    told = str(fault.value).split("; ")
    assert [text.split()[0] for text in told] == [
        "TIDEKEEPER_SUBSCRIPTION_ID", "TIDEKEEPER_SUBSCRIPTION_IDS", "TIDEKEEPER_ARM_ENDPOINT", "AzureWebJobsStorage",
        "TIDEKEEPER_REPLY_QUEUES", "TIDEKEEPER_GRANTS",
    ]  # fmt: skip
    assert told[3] == NOT_SET


def identity(**names: str) -> Settings:
    return read({"TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION, **{f"AzureWebJobsStorage__{name}": value for name, value in names.items()}})


def test_storage_is_reached_by_identity_as_the_host_names_it() -> None:
    by_account = identity(accountName="tide", clientId="4711")
    assert by_account.storage_connection is None
    assert by_account.storage_queues_url == "https://tide.queue.core.windows.net"
    assert by_account.storage_tables_url == "https://tide.table.core.windows.net"
    assert by_account.storage_client_id == "4711"
    by_urls = identity(queueServiceUri="https://q.example.org", tableServiceUri="https://t.example.org")
    assert (by_urls.storage_queues_url, by_urls.storage_tables_url) == ("https://q.example.org", "https://t.example.org")
    with pytest.raises(BadSettings, match="AzureWebJobsStorage is not set"):
        identity(queueServiceUri="https://q.example.org")


@pytest.mark.parametrize(
    "connection",
    [
        CONNECTION,
        f"{CONNECTION};",
        "UseDevelopmentStorage=true",
        "AccountName=x;SharedAccessSignature=sv=1&sig=x",
        "QueueEndpoint=https://q/;TableEndpoint=https://t/;SharedAccessSignature=sv=1&sig=y",
        "accountname=x;accountkey=a2V5",
    ],
)
def test_what_passes_as_a_connection_string_is_one_to_the_storage_clients(connection: str) -> None:
    from azure.data.tables import TableServiceClient
    from azure.storage.queue import QueueServiceClient

    text = read({**GOOD, "AzureWebJobsStorage": connection}).storage_connection
    assert text == connection
    with TableServiceClient.from_connection_string(connection) as tables, QueueServiceClient.from_connection_string(connection) as queues:
        assert tables.url
        assert queues.url


def test_a_secret_is_not_shown_where_settings_are() -> None:
    assert SECRET not in repr(read(GOOD))
    assert {field.name for field in fields(Settings) if not field.repr} == {"storage_connection", "identity_header", "link_key"}


def test_settings_come_from_the_environment() -> None:
    with environment(**GOOD, WEBSITE_AUTH_ENABLED="True"):
        found: Any = from_environment()
    assert (found.subscription, found.trusts_principal) == (SUBSCRIPTION, True)

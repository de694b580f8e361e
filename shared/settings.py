"""The environment, read once into one frozen value. Every fault is reported at once, by the setting's name, never with a secret's value."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.model.grants import LETTERS, PAUSE, PURGE, READ, Grant
from shared.model.messages import STORAGE
from shared.model.requests import ACTIONS, Door

SHORTEST_SECRET, FEWEST_CHARACTERS = 32, 8
"""How long a secret is at least, and how many different characters it has: 32 random digits of base 16 have fewer once in 30 millions."""
PUBLIC_ARM = "https://management.azure.com"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_QUEUE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
_GRANT_FIELDS = frozenset({"actions", "doors", "callers", "clusters"})
_LATER_ACTIONS = frozenset({"sleep", "wake", "run", "credentials", "rotate_certificates"})
"""Actions that grants may name although this version does not know them, so that a setting outlives an upgrade."""


class BadSettings(Exception):  # noqa: N818 - says what it holds
    """The environment is not usable; the message lists every fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the app was told. Secrets are kept out of `repr`.

    Storage is reached by `storage_connection`, or, where that is None, by the two service URLs with the app's identity.
    `identity_endpoint` and `identity_header`: where App Service gives the app's managed identity its tokens, and the secret it wants to
    hear; None elsewhere. `trusts_principal`: App Service authentication is on, so its caller header may be believed.
    `mutations_per_hour`: how many calls that change something may be made in an hour, over all clusters. `retention_days`: how long what
    has ended is kept; 0: for ever. `link_key`: the secret under which status links are made; None: there are none.
    """

    subscription: str
    subscriptions: frozenset[str]
    arm_endpoint: str
    arm_audience: str
    storage_connection: str | None = field(repr=False)
    storage_queues_url: str | None
    storage_tables_url: str | None
    storage_client_id: str | None
    identity_endpoint: str | None
    identity_header: str | None = field(repr=False)
    client_id: str | None
    reply_queues: frozenset[str]
    grants: tuple[Grant, ...]
    trusts_principal: bool
    mutations_per_hour: int
    retention_days: int
    link_key: str | None = field(repr=False)


NAMES = (
    STORAGE,
    "TIDEKEEPER_SUBSCRIPTION_ID",
    "TIDEKEEPER_SUBSCRIPTION_IDS",
    "TIDEKEEPER_ARM_ENDPOINT",
    "TIDEKEEPER_ARM_AUDIENCE",
    "TIDEKEEPER_REPLY_QUEUES",
    "TIDEKEEPER_GRANTS",
    "TIDEKEEPER_MUTATIONS_PER_HOUR",
    "TIDEKEEPER_RETENTION_DAYS",
    "TIDEKEEPER_LINK_KEY",
)
"""Every setting of ours, as `local.settings.sample.json` shows them."""


def from_environment() -> Settings:
    """The settings of this process. Raises `BadSettings` with every fault."""
    return read(os.environ)


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment. Raises `BadSettings` with every fault.

    Storage follows the Functions host's own rules for the connection `AzureWebJobsStorage`: a connection string, or `__accountName`, or
    `__queueServiceUri` and `__tableServiceUri`, with `__clientId` for a user-assigned identity.
    """
    faults: list[str] = []
    subscription = environment.get("TIDEKEEPER_SUBSCRIPTION_ID", "").strip().lower()
    if not subscription:
        faults.append("TIDEKEEPER_SUBSCRIPTION_ID is not set, want the subscription of the clusters (a GUID)")
    elif not _GUID.fullmatch(subscription):
        faults.append("TIDEKEEPER_SUBSCRIPTION_ID is not a GUID, want the subscription of the clusters")
    more = tuple(word.lower() for word in _words(environment.get("TIDEKEEPER_SUBSCRIPTION_IDS", "")))
    if not all(map(_GUID.fullmatch, more)):
        faults.append("TIDEKEEPER_SUBSCRIPTION_IDS has what is not a GUID, want GUIDs with commas between them")
    endpoint = environment.get("TIDEKEEPER_ARM_ENDPOINT", "").strip().rstrip("/") or PUBLIC_ARM
    if not _is_endpoint(endpoint):
        faults.append("TIDEKEEPER_ARM_ENDPOINT is not an https URL without a path, want for example https://management.azure.com")
    queues, tables = _storage_urls(environment)
    connection = environment.get(STORAGE) or None
    if connection is None and (queues is None or tables is None):
        faults.append(
            f"{STORAGE} is not set, want a connection string, or {STORAGE}__accountName, "
            f"or {STORAGE}__queueServiceUri and {STORAGE}__tableServiceUri"
        )
    elif connection is not None and not _connects(connection):
        faults.append(f"{STORAGE} is not a storage connection string with an account and its key, a signature, or both service endpoints")
    replies = _words(environment.get("TIDEKEEPER_REPLY_QUEUES", ""))
    if not all(map(_QUEUE_NAME.fullmatch, replies)):
        faults.append("TIDEKEEPER_REPLY_QUEUES has what cannot be a queue's name, want names with commas between them")
    grants = _grants(environment.get("TIDEKEEPER_GRANTS", ""), faults)
    mutations = _number(environment, "TIDEKEEPER_MUTATIONS_PER_HOUR", faults, default=10_000, least=1, most=1_000_000)
    days = _number(environment, "TIDEKEEPER_RETENTION_DAYS", faults, default=90, least=0, most=3650)
    link_key = _secret(environment, "TIDEKEEPER_LINK_KEY", faults)
    if faults:
        raise BadSettings("; ".join(faults))
    return Settings(
        subscription=subscription,
        subscriptions=frozenset({subscription, *more}),
        arm_endpoint=endpoint,
        arm_audience=environment.get("TIDEKEEPER_ARM_AUDIENCE", "").strip().rstrip("/") or endpoint,
        storage_connection=connection,
        storage_queues_url=queues,
        storage_tables_url=tables,
        storage_client_id=environment.get(f"{STORAGE}__clientId") or None,
        identity_endpoint=environment.get("IDENTITY_ENDPOINT") or None,
        identity_header=environment.get("IDENTITY_HEADER") or None,
        client_id=environment.get("AZURE_CLIENT_ID") or None,
        reply_queues=frozenset(replies or ("chat-replies",)),
        grants=grants,
        trusts_principal=environment.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true",
        mutations_per_hour=mutations,
        retention_days=days,
        link_key=link_key,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _number(environment: Mapping[str, str], name: str, faults: list[str], *, default: int, least: int, most: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        faults.append(f"{name} is not a whole number of {least} to {most}")
        return default
    return int(text)


def _secret(environment: Mapping[str, str], name: str, faults: list[str]) -> str | None:
    """A secret that nobody can guess, as far as its look tells; None where there is none.

    A Key Vault reference that App Service could not resolve stands in the environment as it was written, which is no secret at all.
    """
    text = environment.get(name, "").strip()
    if text.lower().startswith("@microsoft.keyvault("):
        faults.append(f"{name} is a Key Vault reference that could not be resolved; see that the app's identity may read the secret")
    elif text and (len(text) < SHORTEST_SECRET or len(set(text)) < FEWEST_CHARACTERS):
        faults.append(f"{name} can be guessed, want at least {SHORTEST_SECRET} random characters, as `openssl rand -base64 32` prints them")
    return text or None


def _is_endpoint(text: str) -> bool:
    """Whether a text is an https URL of a host, with or without a port, and nothing more."""
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return False
    return host is not None and parts.username is None and text.lower() == f"https://{parts.netloc.lower()}"


def _connects(connection: str) -> bool:
    """Whether a connection string has the parts that the storage clients need; its values are theirs to judge."""
    parts = [part.partition("=") for part in connection.strip().rstrip(";").split(";")]
    names = {name.strip().lower() for name, _, _ in parts}
    signed = "sharedaccesssignature" in names or {"accountname", "accountkey"} <= names
    whole = "usedevelopmentstorage" in names or (signed and ("accountname" in names or {"queueendpoint", "tableendpoint"} <= names))
    return whole and all(equals for _, equals, _ in parts)


def _storage_urls(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    account = environment.get(f"{STORAGE}__accountName")
    queues = environment.get(f"{STORAGE}__queueServiceUri") or (account and f"https://{account}.queue.core.windows.net")
    tables = environment.get(f"{STORAGE}__tableServiceUri") or (account and f"https://{account}.table.core.windows.net")
    return queues or None, tables or None


def _grants(text: str, faults: list[str]) -> tuple[Grant, ...]:
    """The grants of a JSON list such as `[{"actions": ["*"], "doors": ["http"]}]`; the default grant where there is no text."""
    if not text.strip():
        return (Grant(),)
    try:
        listed = json.loads(text)
    except ValueError:
        faults.append("TIDEKEEPER_GRANTS is not JSON, want a list of objects")
        return ()
    if not isinstance(listed, list):
        faults.append("TIDEKEEPER_GRANTS is not a JSON list, want a list of objects")
        return ()
    grants: list[Grant] = []
    for n, item in enumerate(listed):
        fault = _grant_fault(item)
        if fault is None:
            grants.append(Grant(**{name: frozenset(values) for name, values in item.items()}))
        else:
            faults.append(f"TIDEKEEPER_GRANTS[{n}] {fault}")
    return tuple(grants)


def _grant_fault(item: object) -> str | None:
    if not isinstance(item, dict) or not item.keys() <= _GRANT_FIELDS:
        return f"is not an object of {', '.join(sorted(_GRANT_FIELDS))}"
    for name, values in item.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return f"has {name} that is not a list of texts"
    unknown = [door for door in item.get("doors", ()) if door not in set(Door) and not set("*?[") & set(door)]
    if unknown:
        return f"names the unknown door {unknown[0]!a}, want of {', '.join(sorted(Door))}"
    known = ACTIONS | _LATER_ACTIONS | {READ, LETTERS, PAUSE, PURGE}
    unknown = [action for action in item.get("actions", ()) if action not in known and not set("*?[") & set(action)]
    return f"grants the unknown action {unknown[0]!a}, want of {', '.join(sorted(known))}" if unknown else None

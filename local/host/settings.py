"""What the app's folder says to the host: host.json and local.settings.json, each overridden by the environment as the real host does it.

It reads and checks; it never acts on what it read.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from local.host.timespans import parse_timespan

_OVERRIDE = "azurefunctionsjobhost__"
_SHORTEST_LEASE, _LONGEST_LEASE = timedelta(seconds=15), timedelta(seconds=60)  # what blob storage takes
_SETTING = re.compile(r"%([^%\s]+)%")


class HostError(Exception):
    """The host cannot run this app; the message says what is wrong and what was wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """`extensions.queues` of host.json, with the defaults of a development machine."""

    batch_size: int = 16
    new_batch_threshold: int = 16
    max_polling_interval: timedelta = timedelta(seconds=2)
    visibility_timeout: timedelta = timedelta(0)
    max_dequeue_count: int = 5
    encoding: Literal["none", "base64"] = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """All of host.json that this host honours; a limit of -1 is no limit."""

    route_prefix: str = "api"
    max_outstanding_requests: int = -1
    max_concurrent_requests: int = -1
    queues: QueueSettings = field(default_factory=QueueSettings)
    function_timeout: timedelta | None = timedelta(minutes=30)
    log_levels: Mapping[str, str] = field(default_factory=dict)
    only_functions: frozenset[str] | None = None
    bundle: bool = True
    """Whether host.json names an extension bundle, which brings every binding but HTTP and timers."""
    lock_period: timedelta = timedelta(seconds=60)
    lock_recheck: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """local.settings.json: what becomes environment, and the port that its `Host` section names."""

    values: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None


def host_settings(document: object, environment: Mapping[str, str], *, processors: int | None = None) -> HostSettings:
    """The settings in host.json's `document`, overridden by `AzureFunctionsJobHost__a__b` variables; `HostError` where one is wrong."""
    if not isinstance(document, dict) or document.get("version") != "2.0":
        message = 'host.json must be an object with "version": "2.0"'
        raise HostError(message)
    flat = _Flat(document, environment)
    batch_size = flat.number("extensions:queues:batchSize", 16, least=1, most=32)
    cores = 1 if environment.get("WEBSITE_SKU") == "Dynamic" else processors or os.cpu_count() or 1
    development = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "Development").lower() == "development"
    seldom = timedelta(seconds=2) if development else timedelta(minutes=1)
    encoding = flat.text("extensions:queues:messageEncoding", "base64").lower()
    if encoding not in {"none", "base64"}:
        message = f"host.json: extensions:queues:messageEncoding is {encoding!r}, want none or base64"
        raise HostError(message)
    queues = QueueSettings(
        batch_size=batch_size,
        new_batch_threshold=flat.number("extensions:queues:newBatchThreshold", batch_size // 2 * cores, least=0),
        max_polling_interval=flat.span("extensions:queues:maxPollingInterval", seldom, least=timedelta(milliseconds=100)),
        visibility_timeout=flat.span("extensions:queues:visibilityTimeout", timedelta(0), least=timedelta(0)),
        max_dequeue_count=flat.number("extensions:queues:maxDequeueCount", 5, least=1),
        encoding="none" if encoding == "none" else "base64",
    )
    only = document.get("functions")
    return HostSettings(
        route_prefix=flat.text("extensions:http:routePrefix", "api").strip("/"),
        max_outstanding_requests=flat.number("extensions:http:maxOutstandingRequests", -1, least=-1),
        max_concurrent_requests=flat.number("extensions:http:maxConcurrentRequests", -1, least=-1),
        queues=queues,
        function_timeout=flat.limit("functionTimeout", timedelta(minutes=30)),
        log_levels=flat.under("logging:logLevel"),
        only_functions=frozenset(str(name).casefold() for name in only) if isinstance(only, list) else None,
        bundle=bool(flat.text("extensionBundle:id", "") and flat.text("extensionBundle:version", "")),
        lock_period=flat.span("singleton:listenerLockPeriod", timedelta(seconds=60), least=_SHORTEST_LEASE, most=_LONGEST_LEASE),
        lock_recheck=flat.span("singleton:listenerLockRecoveryPollingInterval", timedelta(seconds=60), least=_SHORTEST_LEASE),
    )


def read_host_settings(root: Path, environment: Mapping[str, str]) -> HostSettings:
    """host.json of the app in `root`, overridden by `environment`; `HostError` where it is missing or not usable."""
    return host_settings(_read_json(root / "host.json"), environment)


def read_local_settings(root: Path) -> LocalSettings:
    """local.settings.json of the app in `root`, or nothing where there is none; `HostError` where it is encrypted or not JSON."""
    path = root / "local.settings.json"
    if not path.exists():
        return LocalSettings()
    document = _read_json(path)
    if not isinstance(document, dict):
        message = "local.settings.json must be an object"
        raise HostError(message)
    if document.get("IsEncrypted"):
        message = "local.settings.json is encrypted; this host reads only plain ones (`func settings decrypt`)"
        raise HostError(message)
    values = {name: str(value) for name, value in _section(document, "Values").items()}
    for name, value in _section(document, "ConnectionStrings").items():
        values[f"ConnectionStrings__{name}"] = str(value["ConnectionString"] if isinstance(value, dict) else value)
    port = _section(document, "Host").get("LocalHttpPort")
    return LocalSettings(values=values, port=int(str(port)) if port is not None else None)


def app_environment(local: LocalSettings, environment: Mapping[str, str], *, port: int) -> dict[str, str]:
    """The environment that the app sees: `environment` wins over local.settings.json; then what Core Tools sets by itself."""
    merged = {**local.values, **environment}
    merged["AZURE_FUNCTIONS_ENVIRONMENT"] = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    merged["WEBSITE_HOSTNAME"] = f"localhost:{port}"
    return merged


def resolved(text: str, environment: Mapping[str, str]) -> str:
    """`text` with every `%NAME%` replaced by that setting; `HostError` names the first that does not exist."""

    def value(found: re.Match[str]) -> str:
        setting = environment.get(found[1])
        if setting is None:
            message = f"{text!r} names the setting {found[1]!r}, which does not exist"
            raise HostError(message)
        return setting

    return _SETTING.sub(value, text)


def connection_string(setting: str, environment: Mapping[str, str]) -> str:
    """The storage connection string that a binding's `connection` names: the setting with its prefix, plain, or among ConnectionStrings."""
    name = setting or "AzureWebJobsStorage"
    for candidate in (f"AzureWebJobs{name}", name, f"ConnectionStrings__{name}"):
        if found := environment.get(candidate):
            return found
    start = f"{name}__".lower()
    if any(setting.lower().startswith((start, f"azurewebjobs{start}")) for setting in environment):
        message = f"the connection {name!r} is an identity's ({name}__...), which this host does not support: it wants a connection string"
    else:
        message = f"the connection {name!r} is not among the settings"
    raise HostError(message)


def body_limit(environment: Mapping[str, str]) -> int:
    """How many bytes a request may bring: 100 MiB, or what FUNCTIONS_REQUEST_BODY_SIZE_LIMIT says; HostError where that is no number."""
    said = environment.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
    if said is None:
        return 104_857_600
    if not (said.isascii() and said.isdigit()):
        message = f"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is {said!r}, want a number of bytes"
        raise HostError(message)
    return int(said)


def switched_on(text: str | None) -> bool:
    """Whether a setting's value means yes to the host: `true` in any case, or `1`."""
    return (text or "").strip().lower() in {"true", "1"}


class _Flat:
    """host.json as .NET's configuration sees it: values by colon-separated path without regard to case, later sources over earlier ones."""

    def __init__(self, document: dict[str, object], environment: Mapping[str, str]) -> None:
        self._values: dict[str, tuple[str, object]] = {}
        self._add("", document)
        for name, value in environment.items():
            if name.lower().startswith(_OVERRIDE):
                path = name[len(_OVERRIDE) :].replace("__", ":")
                self._values[path.lower()] = (path, value)

    def _add(self, path: str, value: object) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._add(f"{path}:{name}" if path else str(name), inner)
        else:
            self._values[path.lower()] = (path, value)

    def _get(self, path: str) -> object:
        return self._values.get(path.lower(), (path, None))[1]

    def text(self, path: str, default: str) -> str:
        value = self._get(path)
        return default if value is None else str(value)

    def number(self, path: str, default: int, *, least: int, most: int | None = None) -> int:
        value = self._get(path)
        if value is None:
            return default
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            message = f"host.json: {path} is {value!r}, want a whole number from {least}" + ("" if most is None else f" to {most}")
            raise HostError(message)
        return number

    def span(self, path: str, default: timedelta, *, least: timedelta, most: timedelta = timedelta.max) -> timedelta:
        value = self._get(path)
        if value is None:
            return default
        try:
            span = parse_timespan(str(value))
        except ValueError as error:
            message = f"host.json: {path}: {error}"
            raise HostError(message) from error
        if not least <= span <= most:
            message = f"host.json: {path} is {value!r}, want at least {least}" + ("" if most == timedelta.max else f" and at most {most}")
            raise HostError(message)
        return span

    def limit(self, path: str, default: timedelta) -> timedelta | None:
        return None if str(self._get(path)) in {"-1", "-1.00:00:00"} else self.span(path, default, least=timedelta(seconds=1))

    def under(self, path: str) -> dict[str, str]:
        start = f"{path.lower()}:"
        return {name[len(start) :]: str(value) for key, (name, value) in self._values.items() if key.startswith(start)}


def _read_json(path: Path) -> object:
    try:
        document: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"{path.name} could not be read in {path.parent}: {error.strerror}"
        raise HostError(message) from error
    except ValueError as error:
        message = f"{path.name} is not JSON: {error}"
        raise HostError(message) from error
    return document


def _section(document: dict[str, object], name: str) -> dict[str, object]:
    section = document.get(name)
    return section if isinstance(section, dict) else {}

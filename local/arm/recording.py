"""Writes down what worlds answer, so that it can be held against a description of the API. No token, secret or kubeconfig is in it.

An answer is written only if it shows something that none before it showed for the same route and status: a field, a type, a word, a
set of fields.
"""

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from local.arm.signatures import PARAMETERS
from local.arm.wire import Json, Reply, Request

VARIABLE = "SIMULATOR_EXCHANGES"
"""The environment variable that names the folder; each process that has a world writes a file of its own there."""

_HEADERS = ("content-type", "azure-asyncoperation", "location", "retry-after", "x-ms-failure-cause", "cache-control", "allow")
_SECRET = frozenset({"secret", "adminpassword", "password", "clientsecret", "kubeconfigs", "access_token"})
_OF_THE_CLIENT = frozenset({"tags", "nodelabels", "patchversions"})
"""Maps whose keys the client or the catalogue chooses: any key stands for all."""

_CHANGING = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|(?<![A-Za-z0-9])[0-9][0-9A-Za-z.:-]*")
"""What differs from one answer to the next of its kind: guids, instants, counts."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}")


@dataclass(slots=True, kw_only=True)
class Recording:
    """What one process has answered; `file` is made with the first answer."""

    file: Path
    _shown: set[tuple[object, ...]] = field(default_factory=set)
    _alike: set[int] = field(default_factory=set)

    def add(self, request: Request, answer: Reply) -> None:
        """Write down an exchange if it shows anything new."""
        path = request.target.partition("?")[0]
        about = (request.method.upper(), route(path), answer.status)
        alike = hash((*about, _CHANGING.sub(b"", answer.body), *(name in answer.headers for name in _HEADERS)))
        if alike in self._alike:  # most answers of a run are, and need no second look
            return
        self._alike.add(alike)
        try:
            body = json.loads(answer.body) if answer.body else None
        except ValueError:
            body = answer.body.decode(errors="replace")
        body = _cleaned(body)
        headers = {name: _unsigned(answer.headers[name]) for name in _HEADERS if name in answer.headers}
        features: set[tuple[object, ...]] = {(*about, feature) for feature in (*headers, *_features("", body))} or {about}
        if features <= self._shown:
            return
        self._shown |= features
        line = {
            "method": request.method.upper(),
            "path": path,
            "query": _query(request.target.partition("?")[2]),
            "request": _asked(request.body),
            "status": answer.status,
            "headers": headers,
            "body": body,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def recording_of(environment: Mapping[str, str]) -> Recording | None:
    """The recording of this process, if the environment names a folder for it; all worlds of a process share one."""
    folder = environment.get(VARIABLE)
    return _of(Path(folder) / f"{os.getpid()}.jsonl") if folder else None


@functools.cache
def _of(file: Path) -> Recording:
    return Recording(file=file)


def read(folder: Path) -> Iterator[Json]:
    """All exchanges in a folder; a line that a kill cut short is left out."""
    for file in sorted(folder.glob("*.jsonl")):
        text = file.read_text(encoding="utf-8")
        for line in text[: text.rfind("\n") + 1].splitlines():
            exchange: Json = json.loads(line)
            yield exchange


def route(path: str) -> str:
    """A path without its names: what stands after each type of resource is one, but for the namespace of a provider."""
    parts = path.strip("/").split("/")
    shown = ["{}" if index % 2 and parts[index - 1].lower() != "providers" else part.lower() for index, part in enumerate(parts)]
    return "/" + "/".join(shown)


def _features(at: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON is any of six types
    match value:
        case dict():
            free = at.rsplit(".", 1)[-1].lower() in _OF_THE_CLIENT
            if not free:
                yield f"{at}{{{','.join(sorted(value))}}}"
            for name, item in value.items():
                yield from _features(f"{at}.{'*' if free else name}", item)
        case list():
            yield f"{at}[]"
            for item in value:
                yield from _features(f"{at}[]", item)
        case str():
            yield f"{at} {value if _WORD.fullmatch(value) and not at.endswith(('.name', '*')) else 'string'}"
        case _:
            yield f"{at} {type(value).__name__}"


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - as above
    match value:
        case dict():
            return {name: _hidden(item) if str(name).lower() in _SECRET else _cleaned(item) for name, item in value.items()}
        case list():
            return [_cleaned(item) for item in value]
        case _:
            return value


def _hidden(value: Any) -> Any:  # noqa: ANN401 - as above
    """The shape of a secret without a word of it but names."""
    match value:
        case dict():
            return {name: item if name == "name" else _hidden(item) for name, item in value.items()}
        case list():
            return [_hidden(item) for item in value]
        case str():
            return "hidden"
        case _:
            return value


def _asked(body: bytes) -> Any:  # noqa: ANN401 - as above
    try:
        return _cleaned(json.loads(body)) if body else None
    except ValueError:
        return "not JSON"


def _unsigned(value: str) -> str:
    """A header without the signature in a status URL."""
    path, mark, query = value.partition("?")
    return f"{path}?{urlencode(_query(query))}" if mark else value


def _query(query: str) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in PARAMETERS}

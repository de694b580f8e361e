"""The outside of the system, as its users have it: HTTP requests, a bot's queues, and what the simulated Azure says it was asked."""

import contextlib
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from local.demo.expecting import BrokenError

Json = dict[str, Any]
_PATIENCE = 20.0  # seconds of real time for one answer
REQUESTS, REPLIES = "cluster-requests", "chat-replies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an HTTP request was answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Json


def ask(method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None, trust: Path | None = None) -> Answer:
    """Send one request, past any proxy; `trust` is the authority of an https server. `BrokenError` for any answer but a JSON object."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})} if data is not None else dict(headers or {})
    request = urllib.request.Request(url, data=data, headers=sent, method=method)  # noqa: S310 - the addresses are the stack's own
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if trust is not None:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(trust))))
    try:
        try:
            answer = urllib.request.build_opener(*handlers).open(request, timeout=_PATIENCE)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            kept = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(status=int(answer.status), headers=kept, body=_object(text))
    except (OSError, ValueError) as fault:
        message = f"{method} {url.partition('?')[0]} should be answered with a JSON object, but: {fault}"
        raise BrokenError(message) from fault


def _object(text: bytes) -> Json:
    document = json.loads(text) if text else {}
    if not isinstance(document, dict):
        message = "it is JSON of another kind"
        raise ValueError(message)  # noqa: TRY004 - what came from outside is a bad value, whatever its type
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app's HTTP doors."""

    url: str

    def get(self, path: str) -> Answer:
        """Read what a path or a link of the app's shows."""
        return ask("GET", f"{self.url}{path}")

    def post(self, path: str, body: object, *, key: str | None = None) -> Answer:
        """Send a JSON body, with an `Idempotency-Key` if there is one."""
        return ask("POST", f"{self.url}{path}", body=body, headers={} if key is None else {"Idempotency-Key": key})

    def operations(self) -> list[Json]:
        """Every operation, oldest first, as its own page shows it."""
        listed = self.get("/api/operations?top=200").body.get("operations")
        if listed is None:
            message = "GET /api/operations should list the operations, and did not"
            raise BrokenError(message)
        return [self.get(summary["links"]["self"]).body for summary in reversed(listed)]


class Bot:
    """A chat bot: it knows two queues and nothing else of the system."""

    def __init__(self, connection: str) -> None:
        self._requests = QueueClient.from_connection_string(connection, REQUESTS)
        self._replies = QueueClient.from_connection_string(connection, REPLIES)
        with contextlib.suppress(ResourceExistsError):
            self._replies.create_queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        self._replies.close()

    def send(self, request: Json) -> None:
        """Put a request into the queue."""
        self._requests.send_message(json.dumps(request))

    def replies(self) -> Iterator[Json]:
        """The replies that are there now; each is taken out of the queue."""
        for message in self._replies.receive_messages(messages_per_page=16):
            self._replies.delete_message(message)
            reply: Json = json.loads(message.content)
            yield reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """The simulated Azure's own routes: what it was asked, and how the next request of a kind is to go."""

    url: str
    authority: Path

    def asked(self, *, since: int = 0) -> list[Json]:
        """Every request that ARM got after that number, oldest first."""
        entries: list[Json] = ask("GET", f"{self.url}/_simulator/log?since={since}", trust=self.authority).body["entries"]
        return entries

    def keep_silent(self, method: str, path: str) -> None:
        """Carry out the next such request and never answer it."""
        fault = {"method": method, "path": path, "effect": {"kind": "silence", "applied": True}}
        taken = ask("POST", f"{self.url}/_simulator/faults", body=fault, trust=self.authority)
        if taken.status != 201:
            message = f"the simulated Azure should take a scripted fault, but answered {taken.status}: {taken.body}"
            raise BrokenError(message)


def until(deadline: float, what: str) -> Iterator[None]:
    """Look again and again, five times a second, until the caller has seen enough; `BrokenError` after `deadline` seconds of real time."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        yield
        time.sleep(0.2)
    message = f"expected within {deadline:.0f} seconds, and it did not come: {what}"
    raise BrokenError(message)

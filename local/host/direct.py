"""An app invoked in this very process, with no socket, worker or queue: for tests that go door to door under their own clock.

Routing, what a function is given and what its outcome means are the host's own code; delivery, retries and time are the caller's.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import azure.functions

from local.host.admitting import Admitted, admit
from local.host.calls import Arrived, Call, Done, HttpAnswer, HttpCall, Outcome, TimerCall, header_values, query_values, queue_call
from local.host.indexing import LoadedFunction, index
from local.host.invoking import invoke, invoke_async
from local.host.routing import decoded_path
from local.host.settings import HostError, HostSettings

_ANY_STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
_LIFE = timedelta(days=7)


class NotSent(Exception):  # noqa: N818 - what happened to the message
    """An outbox could not take a message."""


class DirectApp:
    """A FunctionApp, indexed as the worker and the host index it, whose functions are called at once and in this thread."""

    def __init__(
        self,
        app: azure.functions.FunctionRegister,
        *,
        settings: HostSettings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Index `app`, which can be done once for each FunctionApp; HostError where the host would drop a function.

        `environment` must hold the settings that bindings name, beside AzureWebJobsStorage.
        """
        self._loaded = {loaded.name: loaded for loaded in index(app)}
        functions = [loaded.function for loaded in self._loaded.values()]
        self.admitted: Admitted = admit(functions, settings or HostSettings(), {**_ANY_STORAGE, **(environment or {})})
        if self.admitted.errors:
            raise HostError("; ".join(self.admitted.errors.values()))

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        outbox: Callable[[str, str], object] | None = None,
    ) -> HttpAnswer:
        """The answer to a request for `target` (a path, with or without a query), as the host without `--auth` gives it.

        What the function puts out goes to `outbox` as queue and text, before the answer, as the host writes it; where that raises NotSent,
        the invocation has failed. HostError without an outbox.
        """
        raw, _, query = target.partition("?")
        path = decoded_path(raw)
        found = self.admitted.routes.match(method, path) if path is not None else None
        if found is None:
            return HttpAnswer(status=404)
        sized = [("Content-Length", str(len(body)))] if body else []
        call = HttpCall(
            method=method,
            url=f"http://localhost{target}",
            headers=header_values([("Host", "localhost"), *sized, *headers]),
            query=query_values(query),
            params=found.values,
            body=body,
        )
        outcome = self.invoke(found.function, call)
        if not isinstance(outcome, Done) or outcome.answer is None:
            return HttpAnswer(status=500)
        for binding, texts in outcome.outputs.items():
            queue = self.admitted.outputs[found.function, binding].queue
            for text in texts:
                if outbox is None:
                    message = f"{found.function} put a message out for {queue}, and nobody takes it"
                    raise HostError(message)
                try:
                    outbox(queue, text)
                except NotSent:
                    return HttpAnswer(status=500)
        return outcome.answer

    def listeners(self, queue: str) -> tuple[str, ...]:
        """The functions that a message in `queue` triggers."""
        return tuple(name for name, place in self.admitted.queues.items() if place.queue == queue.lower())

    def deliver(self, function: str, body: str, *, now: datetime, dequeue_count: int = 1, message_id: str | None = None) -> Outcome:
        """Hand the decoded text of a message to a queue function; whether it is deleted or comes again is for the caller to decide."""
        message = Arrived(
            id=message_id or str(uuid.uuid4()),
            pop_receipt="direct",
            text=body,
            dequeue_count=dequeue_count,
            inserted_at=now,
            expires_at=now + _LIFE,
            next_visible_at=now + timedelta(minutes=10),
        )
        return self.invoke(function, queue_call(body, message))

    def tick(self, function: str, *, past_due: bool = False) -> Outcome:
        """Run a timer function as if it had fallen due."""
        return self.invoke(function, TimerCall(past_due=past_due))

    def due_after(self, function: str, now: datetime) -> datetime | None:
        """When the timer function's schedule falls due next."""
        return self.admitted.schedules[function].after(now.astimezone(UTC))

    def invoke(self, function: str, call: Call) -> Outcome:
        """Run `function`; an `async def` one runs to its end on a loop of its own."""
        loaded = self._loaded[function]
        invocation = str(uuid.uuid4())
        return _awaited(loaded, call, invocation) if loaded.is_async else invoke(loaded, call, invocation=invocation)


def _awaited(loaded: LoadedFunction, call: Call, invocation: str) -> Outcome:
    """Run to the end in a thread, so that it works under a caller's own event loop too."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(asyncio.run(invoke_async(loaded, call, invocation=invocation))))
    thread.start()
    thread.join()
    return outcomes[0]

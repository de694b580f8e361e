"""A tap on the wire: counts what goes over it, and breaks it where a test asks for that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

from shared.adapters import clients


@dataclass(slots=True)
class Breaking:
    """Breaks the next request that `struck` picks: before it is sent, or after it took effect."""

    struck: Callable[[HttpRequest], bool]
    after: bool


@dataclass
class Tap(HttpTransport[Any, Any]):
    """The adapter's own transport, with every request that went over it."""

    over: HttpTransport[Any, Any] = field(default_factory=clients.transport)
    asked: list[tuple[str, str]] = field(default_factory=list)
    breaking: list[Breaking] = field(default_factory=list)

    def send(self, request: Any, **options: Any) -> Any:
        self.asked.append((request.method, request.url))
        struck = next((breaking for breaking in self.breaking if breaking.struck(request)), None)
        if struck is None:
            return self.over.send(request, **options)
        self.breaking.remove(struck)
        if struck.after:
            self.over.send(request, **options)
        message = "the connection broke"
        raise ServiceResponseError(message)

    def break_next(self, method: str, *, after: bool = False) -> None:
        """Break the next request of a method."""
        self.breaking.append(Breaking(lambda request: request.method == method, after))

    def cost(self, do: Callable[[], object]) -> int:
        """How many requests doing it takes."""
        before = len(self.asked)
        do()
        return len(self.asked) - before

    def open(self) -> None:
        self.over.open()

    def close(self) -> None:
        self.over.close()

    def __exit__(self, *_: object) -> None:
        self.close()

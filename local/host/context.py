"""The `context` of an invocation, and how code finds out which invocation it runs in; it invokes nothing."""

import contextvars
import threading
from dataclasses import dataclass

import azure.functions
from azure.functions._abc import RetryContext, RpcException, TraceContext  # the library exports no name for what Context must answer

from local.host.indexing import LoadedFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """Which invocation the code at hand runs in."""

    function: str
    invocation: str


current: contextvars.ContextVar[Current | None] = contextvars.ContextVar("current", default=None)
thread_storage = threading.local()
"""Where an app's own threads may write `invocation_id`, so that what they log is told apart; see Context.thread_local_storage."""


class InvocationTrace(TraceContext):
    """W3C trace context whose trace is the invocation itself; the worker offers each part under two names."""

    def __init__(self, invocation: str) -> None:
        self._trace = invocation.replace("-", "").lower().rjust(32, "0")[-32:]

    @property
    def trace_state(self) -> str:
        """Nothing."""
        return ""

    @property
    def trace_parent(self) -> str:
        """The trace and its first span."""
        return f"00-{self._trace}-{self._trace[:16]}-00"

    @property
    def attributes(self) -> dict[str, str]:
        """None."""
        return {}

    Tracestate = trace_state
    Traceparent = trace_parent
    Attributes = attributes


class NoRetries(RetryContext):
    """An invocation that the host does not repeat by itself."""

    @property
    def retry_count(self) -> int:
        """Nothing was repeated."""
        return 0

    @property
    def max_retry_count(self) -> int:
        """Nothing will be."""
        return 0

    @property
    def exception(self) -> RpcException:
        """There was no attempt before this one."""
        message = "this invocation is no retry"
        raise LookupError(message)


class InvocationContext(azure.functions.Context):
    """The `context` parameter."""

    def __init__(self, function: LoadedFunction, invocation: str) -> None:
        self._function = function
        self._invocation = invocation

    @property
    def invocation_id(self) -> str:
        """The id of this invocation."""
        return self._invocation

    @property
    def thread_local_storage(self) -> type[threading.local]:
        """Where threads of the app's own note the invocation they work for."""
        return thread_storage  # type: ignore[return-value]  # the library's annotation says the class and means an instance

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._function.name

    @property
    def function_directory(self) -> str:
        """The directory of the file that defines the function."""
        return self._function.function.directory

    @property
    def trace_context(self) -> TraceContext:
        """A trace that begins here."""
        return InvocationTrace(self._invocation)

    @property
    def retry_context(self) -> RetryContext:
        """No retries: this host does not apply retry policies."""
        return NoRetries()


def current_invocation() -> Current | None:
    """The invocation that this thread or task works for; an app's own thread says so itself in `thread_storage`."""
    found = current.get()
    if found is None and isinstance(noted := getattr(thread_storage, "invocation_id", None), str):
        return Current(function="", invocation=noted)
    return found

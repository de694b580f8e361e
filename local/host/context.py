"""The `context` of an invocation, and how code finds out which invocation it runs in; it invokes nothing."""

import contextvars
import threading
from dataclasses import dataclass

import azure.functions
from azure.functions._abc import RetryContext, RpcException, TraceContext  # the library exports no name for what Context must answer

from local.host.calls import Attempt
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


class Fault(RpcException):
    """What went wrong in the attempt before; all empty where there was none."""

    def __init__(self, attempt: Attempt | None) -> None:
        self._attempt = attempt

    @property
    def source(self) -> str:
        """Nothing: the worker does not say."""
        return ""

    @property
    def stack_trace(self) -> str:
        """Where it came from."""
        return self._attempt.trace if self._attempt else ""

    @property
    def message(self) -> str:
        """The error in one line."""
        return self._attempt.error if self._attempt else ""


class Repetition(RetryContext):
    """Which repetition of a failed invocation this is; the first attempt is number 0."""

    def __init__(self, attempt: Attempt | None) -> None:
        self._attempt = attempt

    @property
    def retry_count(self) -> int:
        """How often it was repeated before, this time included."""
        return self._attempt.count if self._attempt else 0

    @property
    def max_retry_count(self) -> int:
        """How often it may be repeated; -1 is without end."""
        return self._attempt.most if self._attempt else 0

    @property
    def exception(self) -> RpcException:
        """What went wrong in the attempt before this one."""
        return Fault(self._attempt)


class InvocationContext(azure.functions.Context):
    """The `context` parameter."""

    def __init__(self, function: LoadedFunction, invocation: str, attempt: Attempt | None) -> None:
        self._function = function
        self._invocation = invocation
        self._attempt = attempt

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
        """How often the host has repeated it."""
        return Repetition(self._attempt)


def current_invocation() -> Current | None:
    """The invocation that this thread or task works for; an app's own thread says so itself in `thread_storage`."""
    found = current.get()
    if found is None and isinstance(noted := getattr(thread_storage, "invocation_id", None), str):
        return Current(function="", invocation=noted)
    return found

"""The host's half of indexing: which of the worker's functions may run, on which routes and schedules.

A fault drops the one function that has it, with an error for the status page; only a route that cannot even be read stops the host, as the
real one fails while it maps routes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.host.indexing import Binding, Function
from local.host.ncrontab import BadSchedule, Schedule, parse_schedule
from local.host.routing import BadRoute, Route, RouteTable, by_name, full_route, parse_template
from local.host.settings import HostError, HostSettings, connection_string, resolved, switched_on

_FUNCTION_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}|\$return")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_BUILT_IN_ROUTES = ("admin", "runtime")
_BUNDLED = frozenset({"queueTrigger", "queue"})
_KNOWN = frozenset({"httpTrigger", "http", "queueTrigger", "queue", "timerTrigger"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueName:
    """One queue of one storage account."""

    queue: str
    connection: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The functions that may run, by name, and what the host needs to run each kind; `errors` by function."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    routes: RouteTable = field(default_factory=RouteTable)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    queues: Mapping[str, QueueName] = field(default_factory=dict)
    outputs: Mapping[tuple[str, str], QueueName] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    errors: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Function | None:
        """The function called `name`, in any case."""
        return next((function for key, function in self.functions.items() if key.lower() == name.lower()), None)


def admit(functions: Sequence[Function], settings: HostSettings, environment: Mapping[str, str]) -> Admitted:
    """Sort the worker's `functions` into those that may run and the errors of the others; HostError for a route that is no route."""
    admission = _Admission(settings, environment)
    for function in sorted(functions, key=lambda function: by_name(function.name)):
        if settings.only_functions is not None and function.name.casefold() not in settings.only_functions:
            continue
        try:
            admission.admit(function)
        except (HostError, BadSchedule) as error:
            admission.errors[function.name] = f"The function {function.name} cannot run: {error}"
        except BadRoute as error:
            message = f"The function {function.name} stops the host: {error}"
            raise HostError(message) from error
    return admission.result()


class _Admission:
    def __init__(self, settings: HostSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._functions: dict[str, Function] = {}
        self._routes: list[Route] = []
        self._taken: list[tuple[str, frozenset[str] | None, str]] = []
        self._schedules: dict[str, Schedule] = {}
        self._queues: dict[str, QueueName] = {}
        self._outputs: dict[tuple[str, str], QueueName] = {}
        self._disabled: set[str] = set()
        self.errors: dict[str, str] = {}

    def result(self) -> Admitted:
        return Admitted(
            functions=self._functions,
            routes=RouteTable.of(self._routes),
            schedules=self._schedules,
            queues=self._queues,
            outputs=self._outputs,
            disabled=frozenset(self._disabled),
            errors=self.errors,
        )

    def admit(self, function: Function) -> None:
        self._check_names(function)
        trigger = function.trigger
        outputs = {
            (function.name, binding.name): self._queue(binding)
            for binding in function.bindings
            if binding.type == "queue" and not binding.inward
        }
        match trigger.type:
            case "httpTrigger":
                self._route(function, trigger)
            case "timerTrigger":
                self._schedules[function.name] = parse_schedule(resolved(trigger.text("schedule"), self._environment))
            case "queueTrigger":
                self._queues[function.name] = self._queue(trigger)
        self._outputs.update(outputs)
        self._functions[function.name] = function
        if any(switched_on(self._environment.get(name)) for name in _disabling(function.name)):
            self._disabled.add(function.name)

    def _check_names(self, function: Function) -> None:
        if not _FUNCTION_NAME.fullmatch(function.name):
            message = f"{function.name!r} is no name for a function"
            raise HostError(message)
        if any(function.name.lower() == other.lower() for other in self._functions):
            message = "another function has the same name, apart from case"
            raise HostError(message)
        for binding in function.bindings:
            if not _BINDING_NAME.fullmatch(binding.name):
                message = f"{binding.name!r} is no name for a binding: letters and digits only, no underscore"
                raise HostError(message)
            if binding.type not in _KNOWN or (binding.inward and not binding.is_trigger):
                message = f"this host has no binding of type {binding.type} {'for input' if binding.inward else 'for output'}"
                raise HostError(message)
            if binding.type in _BUNDLED and not self._settings.bundle:
                message = f"the binding type {binding.type} is not registered: host.json names no extensionBundle (id and version)"
                raise HostError(message)

    def _queue(self, binding: Binding) -> QueueName:
        queue = resolved(binding.text("queueName"), self._environment).lower()
        if "{" in queue:
            message = f"the queue name {queue!r} is a binding expression, which this host does not evaluate"
            raise HostError(message)
        if not _QUEUE_NAME.fullmatch(queue):
            message = f"{queue!r} is no name for a queue: 3 to 63 letters, digits and single dashes"
            raise HostError(message)
        return QueueName(queue=queue, connection=connection_string(binding.text("connection"), self._environment))

    def _route(self, function: Function, trigger: Binding) -> None:
        own = trigger.text("route").strip() or function.name
        if own.strip("/").lower().startswith(_BUILT_IN_ROUTES):
            message = f"the route {own!r} conflicts with one or more built in routes"
            raise HostError(message)
        listed = trigger.properties.get("methods")
        methods = frozenset(str(method).upper() for method in listed) if listed else None
        for route, other_methods, other in self._taken:
            overlap = methods is None or other_methods is None or methods & other_methods
            if overlap and route == own.strip("/").lower():
                message = f"its route {own!r} conflicts with the route of the function {other}"
                raise HostError(message)
        template = parse_template(full_route(self._settings.route_prefix, own, function.name))
        self._taken.append((own.strip("/").lower(), methods, function.name))
        self._routes.append(Route(function=function.name, template=template, methods=methods))


def _disabling(name: str) -> tuple[str, str]:
    return f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled"

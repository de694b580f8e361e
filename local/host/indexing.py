"""The worker's half of indexing: finds the app, checks every function as the real worker does, and describes them for the host.

Any fault here fails the whole app. What the host refuses by itself (names, routes, schedules) is in `admitting`.
"""

import importlib
import inspect
import json
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions

from local.host.bindings import GENERIC, converter
from local.host.retrying import BadPolicy, RetryPolicy

RETURN = "$return"


class IndexingError(Exception):
    """The app cannot be indexed; the message names the function and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding of a function, as the library describes it for the host."""

    name: str
    type: str
    inward: bool
    properties: Mapping[str, Any]

    @property
    def is_trigger(self) -> bool:
        """Whether it is what starts the function."""
        return self.type.lower().endswith("trigger")

    def text(self, name: str, default: str = "") -> str:
        """The property `name` as text, or `default` where it was not given."""
        value = self.properties.get(name)
        return default if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as the host knows it."""

    name: str
    directory: str
    bindings: tuple[Binding, ...]
    retry: RetryPolicy | None = None

    @property
    def trigger(self) -> Binding:
        """The binding that starts it; the library lets no function be without one."""
        return next(binding for binding in self.bindings if binding.is_trigger)

    def binding(self, name: str) -> Binding:
        """The binding called `name`."""
        return next(binding for binding in self.bindings if binding.name == name)

    def said(self) -> dict[str, Any]:
        """This as JSON, for the pipe."""
        bindings = [dict(binding.properties) for binding in self.bindings]
        retry = None if self.retry is None else self.retry.said()
        return {"name": self.name, "directory": self.directory, "bindings": bindings, "retry": retry}

    @classmethod
    def heard(cls, said: Mapping[str, Any]) -> "Function":
        """Read what `said` wrote."""
        bindings = tuple(_binding(properties) for properties in said["bindings"])
        return cls(name=said["name"], directory=said["directory"], bindings=bindings, retry=RetryPolicy.heard(said["retry"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a function: the binding type whose converter makes its value, and whether it is an `Out`."""

    name: str
    converter: str
    is_out: bool
    annotation: object


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFunction:
    """A function that can be invoked: what the host knows of it, its code, and what each parameter takes."""

    function: Function
    code: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    wants_context: bool
    is_async: bool
    returns: str | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.function.name


def put_first(root: Path) -> None:
    """Make `root` the first place where modules are looked for."""
    if sys.path[:1] != [str(root)]:
        sys.path.insert(0, str(root))


def load_app(root: Path, module_name: str = "function_app") -> azure.functions.FunctionRegister:
    """Import the app in `root`, which comes first on sys.path, and answer its one FunctionApp; what the app itself raises comes through."""
    put_first(root)
    module = importlib.import_module(module_name)
    found = [value for value in vars(module).values() if isinstance(value, azure.functions.FunctionRegister)]
    if len(found) != 1:
        what = "more than one name for a top-level function app" if found else "no top-level function app"
        message = f"{module_name}.py has {what}; want exactly one FunctionApp"
        raise IndexingError(message)
    return found[0]


def index(app: azure.functions.FunctionRegister) -> tuple[LoadedFunction, ...]:
    """Every function of `app`, checked. To be called once for an app: the library takes a second time for duplicate names."""
    return tuple(_loaded(built) for built in app.get_functions())


def _loaded(built: Any) -> LoadedFunction:  # noqa: ANN401 - the library's Function is not exported
    code: Callable[..., Any] = built.get_user_function()
    bindings = tuple(_binding(json.loads(raw)) for raw in built.get_raw_bindings())
    directory = str(Path(inspect.getfile(code)).resolve().parent)
    try:
        retry = RetryPolicy.of_setting(built.get_settings_dict("retry_policy"))
        return _checked(Function(name=built.get_function_name(), directory=directory, bindings=bindings, retry=retry), code)
    except (IndexingError, BadPolicy) as error:
        message = f"cannot load the function {built.get_function_name()}: {error}"
        raise IndexingError(message) from error.__cause__


def _checked(function: Function, code: Callable[..., Any]) -> LoadedFunction:
    declared = set(inspect.signature(code).parameters)
    annotations = typing.get_type_hints(code)
    bound = {binding.name: binding for binding in function.bindings if binding.name != RETURN}
    wants_context = "context" in declared and "context" not in bound
    if wants_context:
        declared.remove("context")
        context = annotations.get("context", azure.functions.Context)
        if not (isinstance(context, type) and issubclass(context, azure.functions.Context)):
            message = "the parameter 'context' must be annotated azure.functions.Context or not at all"
            raise IndexingError(message)
    if missing := declared - set(bound):
        message = f"the parameters {sorted(missing)} have no binding"
        raise IndexingError(message)
    if missing := set(bound) - declared:
        message = f"the bindings {sorted(missing)} have no parameter"
        raise IndexingError(message)
    return LoadedFunction(
        function=function,
        code=code,
        parameters=tuple(_parameter(binding, annotations) for binding in bound.values()),
        wants_context=wants_context,
        is_async=inspect.iscoroutinefunction(code),
        returns=_return_type(function, annotations),
    )


def _parameter(binding: Binding, annotations: Mapping[str, Any]) -> Parameter:
    if binding.name not in annotations:
        return Parameter(name=binding.name, converter=binding.type, is_out=not binding.inward, annotation=None)
    annotation = annotations[binding.name]
    is_out = annotation is azure.functions.Out or typing.get_origin(annotation) is azure.functions.Out
    if is_out:
        inner = typing.get_args(annotation)
        if len(inner) != 1:
            message = f"the parameter {binding.name!r} must be annotated Out[...] with one type"
            raise IndexingError(message)
        annotation = inner[0]
    if not _is_binding_type(annotation):
        message = f"the parameter {binding.name!r} has an annotation that is no type for a binding: {annotation!r}"
        raise IndexingError(message)
    if is_out == binding.inward:
        message = f"the parameter {binding.name!r} is an {'input' if binding.inward else 'output'}, but its annotation says otherwise"
        raise IndexingError(message)
    kind = GENERIC if annotation in {str, bytes} else binding.type
    _check_annotation(binding, kind, annotation)
    return Parameter(name=binding.name, converter=kind, is_out=is_out, annotation=annotation)


def _check_annotation(binding: Binding, kind: str, annotation: object) -> None:
    found = converter(kind)
    if found is None:
        return  # the host drops a function with a binding that it does not know
    check = found.check_input_type_annotation if binding.inward else found.check_output_type_annotation
    try:
        fits = check(annotation)
    except TypeError:
        fits = False
    if not fits:
        message = f"the parameter {binding.name!r} is bound to a {binding.type}, which cannot be {annotation!r}"
        raise IndexingError(message)


def _return_type(function: Function, annotations: Mapping[str, Any]) -> str | None:
    """The binding type that encodes what the function returns; None when it must return nothing."""
    returned = next((binding for binding in function.bindings if binding.name == RETURN), None)
    if returned is None:
        return None
    if "return" in annotations:
        annotation = annotations["return"]
        if not isinstance(annotation, type):
            message = f"the return annotation is no type: {annotation!r}"
            raise IndexingError(message)
        found = converter(returned.type)
        if found is not None and not found.check_output_type_annotation(annotation):
            message = f"it returns to a binding of type {returned.type}, which cannot be {annotation!r}"
            raise IndexingError(message)
    return returned.type


def _is_binding_type(annotation: object) -> bool:
    """A class, or a generic of `typing` such as List[str]; not list[str], which the worker does not know, and no union."""
    generic = typing.get_origin(annotation) not in {None, typing.Union, types.UnionType} and not isinstance(annotation, types.GenericAlias)
    return isinstance(annotation, type) or generic


def _binding(properties: Mapping[str, Any]) -> Binding:
    return Binding(name=properties["name"], type=properties["type"], inward=properties["direction"].upper() == "IN", properties=properties)

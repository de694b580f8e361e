"""Invokes a loaded function: builds what it takes with the converters of azure.functions and encodes what it gives back.

The worker process and tests in one process use this very code. It knows no queue, socket or clock.
"""

import contextlib
import inspect
import json
import traceback
from collections.abc import Mapping
from typing import Any, assert_never

import azure.functions
from azure.functions import meta

from local.host.bindings import converter, datum
from local.host.calls import Attempt, Call, Done, Failed, HttpAnswer, HttpCall, Outcome, QueueCall, TimerCall, timer_json
from local.host.context import Current, InvocationContext, current
from local.host.indexing import RETURN, LoadedFunction

_NOT_FORWARDED = frozenset({"content-length", "transfer-encoding", "connection"})


class OutValue(azure.functions.Out[Any]):
    """An output parameter."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:  # noqa: ANN401 - the library's own signature
        """Remember what is to be written once the function has returned."""
        self._value = val

    def get(self) -> Any:  # noqa: ANN401 - the library's own signature
        """What was set last, or None."""
        return self._value


def invoke(function: LoadedFunction, call: Call, *, invocation: str, attempt: Attempt | None = None) -> Outcome:
    """Run a plain function; every fault, of ours or of the function, is a `Failed`."""
    token = current.set(Current(function=function.name, invocation=invocation))
    try:
        arguments, outs = _arguments(function, call, invocation, attempt)
        return _done(function, function.code(**arguments), outs)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the function raises is this invocation's outcome
        return _failed(error)
    finally:
        current.reset(token)


async def invoke_async(function: LoadedFunction, call: Call, *, invocation: str, attempt: Attempt | None = None) -> Outcome:
    """Run an `async def` function on the running loop; else as `invoke`."""
    token = current.set(Current(function=function.name, invocation=invocation))
    try:
        arguments, outs = _arguments(function, call, invocation, attempt)
        return _done(function, await function.code(**arguments), outs)
    except Exception as error:  # noqa: BLE001 - whatever the function raises is this invocation's outcome
        return _failed(error)
    finally:
        current.reset(token)


def _arguments(
    function: LoadedFunction, call: Call, invocation: str, attempt: Attempt | None
) -> tuple[dict[str, Any], dict[str, OutValue]]:
    trigger = function.function.trigger
    arguments: dict[str, Any] = {}
    outs: dict[str, OutValue] = {}
    for parameter in function.parameters:
        if parameter.is_out:
            arguments[parameter.name] = outs[parameter.name] = OutValue()
            continue
        if parameter.name != trigger.name:
            message = f"the input {parameter.name!r} is not the trigger; this host has no input bindings"
            raise NotImplementedError(message)
        data, metadata = _wire(call)
        found = converter(parameter.converter)
        if found is None:
            message = f"there is no converter for a {parameter.converter}"
            raise NotImplementedError(message)
        arguments[parameter.name] = found.decode(data, trigger_metadata=metadata)
    if function.wants_context:
        arguments["context"] = InvocationContext(function, invocation, attempt)
    return arguments, outs


def _wire(call: Call) -> tuple["meta.Datum", Mapping[str, "meta.Datum"]]:
    """The trigger's data and metadata, in the types that the converters read."""
    match call:
        case HttpCall():
            request = {
                "method": datum(call.method, "string"),
                "url": datum(call.url, "string"),
                "headers": _strings(call.headers),
                "query": _strings(call.query),
                "params": _strings(call.params),
                "body": datum(call.body, "bytes"),
            }
            return datum(request, "http"), {}
        case QueueCall():
            return datum(call.body, "string"), {name: datum(found.value, found.type) for name, found in call.metadata.items()}
        case TimerCall():
            return datum(timer_json(call), "json"), {}
        case _:
            assert_never(call)


def _strings(values: Mapping[str, str]) -> dict[str, "meta.Datum"]:
    return {name: datum(value, "string") for name, value in values.items()}


def _done(function: LoadedFunction, returned: object, outs: Mapping[str, OutValue]) -> Done:
    outputs: dict[str, list[str]] = {}
    for parameter in function.parameters:
        if parameter.is_out and (value := outs[parameter.name].get()) is not None:
            outputs[parameter.name] = _messages(_encoded(parameter.converter, value))
    if function.returns is None:
        if returned is not None:
            if inspect.iscoroutine(returned):
                returned.close()
            message = f"the function {function.name} has no $return binding but returned a {type(returned).__name__}"
            raise RuntimeError(message)
        return Done(outputs=outputs)
    encoded = _encoded(function.returns, returned)
    if function.returns == "http":
        return Done(answer=_answer(encoded), outputs=outputs)
    if encoded is not None:
        outputs[RETURN] = _messages(encoded)
    return Done(outputs=outputs)


def _encoded(kind: str, value: object) -> "meta.Datum | None":
    found = converter(kind)
    if found is not None:
        with contextlib.suppress(NotImplementedError):
            return found.encode(value, expected_type=None)
    if inspect.iscoroutine(value):
        value.close()
    message = f"a {type(value).__name__} cannot be written to a binding of type {kind}"
    raise TypeError(message)


def _messages(encoded: "meta.Datum | None") -> list[str]:
    """The queue messages that an output's value stands for: one, or one for each element of a JSON array."""
    match encoded:
        case None:
            return []
        case meta.Datum(type="json", value=text):
            parsed = json.loads(text)
            return [_message(element) for element in parsed] if isinstance(parsed, list) else [_message(parsed)]
        case meta.Datum(value=bytes() as data):
            return [data.decode(errors="replace")]
        case _:
            return [str(encoded.value)]


def _message(element: object) -> str:
    return element if isinstance(element, str) else json.dumps(element, indent=2)


def _answer(encoded: "meta.Datum | None") -> HttpAnswer:
    if encoded is None or encoded.type != "http":
        return answer_of_text("" if encoded is None else str(encoded.value))
    said: dict[str, Any] = encoded.value
    headers = [(name, value.value) for name, value in said["headers"].items() if name.lower() not in _NOT_FORWARDED]
    for jar in said["cookies"] or ():
        headers += [("Set-Cookie", morsel.OutputString()) for morsel in jar.values()]
    return HttpAnswer(status=int(said["status_code"].value), headers=tuple(headers), body=said["body"].value)


def answer_of_text(text: str) -> HttpAnswer:
    """What the host makes of a function that returned plain text: JSON is parsed, and an object with a `body` is a whole response."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = text
    status = 200
    headers: dict[str, object] = {}
    if isinstance(content, dict):
        said = {str(name).lower(): value for name, value in content.items()}
        if "body" in said:
            content = said["body"]
            status = int(said.get("statuscode", said.get("status", 200)))
            headers = said["headers"] if isinstance(said.get("headers"), dict) else {}
    named = [(str(name), str(value)) for name, value in headers.items()]
    if isinstance(content, str):
        kind, body = "text/plain; charset=utf-8", content.encode()
    else:
        kind, body = "application/json; charset=utf-8", json.dumps(content, separators=(",", ":")).encode()
    if not any(name.lower() == "content-type" for name, _ in named):
        named.append(("Content-Type", kind))
    return HttpAnswer(status=status, headers=tuple(named), body=body)


def _failed(error: BaseException) -> Failed:
    return Failed(error=f"{type(error).__name__}: {error}", trace="".join(traceback.format_exception(error)))

"""The app's bindings against the rules by which the host takes or drops functions, and against what they were when last looked at.

The golden file is renewed, on purpose, by `TIDEKEEPER_GOLDEN=write python3 -m pytest tests/house/test_bindings.py`.
"""

import inspect
import json
import os
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from local.host.direct import DirectApp
from local.host.indexing import Function
from local.host.messages import poison_queue
from local.host.routing import RouteTable, full_route, parse_template
from shared.model.messages import STEPS
from tests.doors import ROOT, host_settings, the_app

GOLDEN = Path(__file__).with_name("golden") / "bindings.json"
SAMPLES = {
    "id": "op-aaaaaaaaaaaaaaaa-0123456789",
    "subscription": "00000000-0000-0000-0000-000000000001",
    "group": "prod-rg",
    "name": "web",
    "letter": "20261123a1b2c3d4e5f60718293a4b5c",
}
FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}|\$return")
QUEUE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@pytest.fixture(scope="module")
def app() -> DirectApp:
    """The app, indexed."""
    return the_app()


@pytest.fixture(scope="module")
def functions(app: DirectApp) -> list[Function]:
    """Its functions, as the host knows them."""
    return sorted(app.admitted.functions.values(), key=lambda function: function.name)


def routes(functions: list[Function]) -> Iterator[tuple[str, str, list[str]]]:
    for function in functions:
        if function.trigger.type == "httpTrigger":
            yield function.name, function.trigger.text("route"), list(function.trigger.properties.get("methods", ()))


def test_the_host_takes_every_function(app: DirectApp, functions: list[Function]) -> None:
    assert app.admitted.errors == {}
    assert not app.admitted.disabled
    assert {function.name for function in functions} == set(codes())


def test_names_of_functions_are_what_the_host_allows_and_differ_by_more_than_case(functions: list[Function]) -> None:
    names = [function.name for function in functions]
    assert all(FUNCTION_NAME.fullmatch(name) and name.lower() != "host" for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_names_of_bindings_have_no_underscore(functions: list[Function]) -> None:
    for function in functions:
        for binding in function.bindings:
            assert BINDING_NAME.fullmatch(binding.name), (function.name, binding.name)


def test_every_function_has_one_trigger_and_only_bindings_of_known_types(functions: list[Function]) -> None:
    for function in functions:
        assert sum(binding.is_trigger for binding in function.bindings) == 1, function.name
        kinds = {binding.type for binding in function.bindings}
        assert kinds in ({"httpTrigger", "http"}, {"httpTrigger", "http", "queue"}, {"queueTrigger"}, {"timerTrigger"}), function.name


def test_what_a_door_puts_out_goes_to_a_queue_that_is_listened_to(app: DirectApp, functions: list[Function]) -> None:
    outputs = [binding for function in functions for binding in function.bindings if binding.type == "queue"]
    assert outputs
    for binding in outputs:
        assert app.listeners(binding.text("queueName")), binding.name
        assert binding.text("connection") == "AzureWebJobsStorage", binding.name


def test_routes_have_no_needless_slash_and_stay_clear_of_the_hosts_own(functions: list[Function]) -> None:
    for name, route, methods in routes(functions):
        assert route, name
        assert not route.startswith("/"), name
        assert not route.endswith("/"), name
        assert "//" not in route, name
        assert not route.lower().startswith(("admin", "runtime")), name
        assert methods, f"{name} takes every method"
        parse_template(full_route(host_settings().route_prefix, route, name))


def test_every_route_is_reached_and_none_is_shadowed(app: DirectApp, functions: list[Function]) -> None:
    """There is no precedence among routes: functions are asked in the order of their names, and the first match wins."""
    for name, route, methods in routes(functions):
        path = "/api/" + re.sub(r"\{(\w+)[^}]*\}", lambda found: SAMPLES[found[1]], route)
        for method in methods:
            match = app.admitted.routes.match(method, path)
            assert match is not None, (method, path)
            assert match.function == name, f"{method} {path} is taken by {match.function}, wanted {name}"


def test_no_route_depends_on_the_order_of_names(app: DirectApp, functions: list[Function]) -> None:
    """A renamed function must not take another's requests: with the table reversed, each sample still reaches its own function."""
    table = RouteTable(routes=tuple(reversed(app.admitted.routes.routes)))
    for name, route, methods in routes(functions):
        path = "/api/" + re.sub(r"\{(\w+)[^}]*\}", lambda found: SAMPLES[found[1]], route)
        for method in methods:
            match = table.match(method, path)
            assert match is not None
            assert match.function == name


def test_every_door_of_http_asks_for_a_key_but_health_and_status_links(functions: list[Function]) -> None:
    levels = {function.name: function.trigger.text("authLevel").upper() for function in functions if function.trigger.type == "httpTrigger"}
    open_ones = {name: level for name, level in levels.items() if level != "FUNCTION"}
    assert open_ones == {"health_read": "ANONYMOUS", "status_read": "ANONYMOUS"}


def test_queues_are_named_as_storage_allows_and_each_has_room_for_its_poison(functions: list[Function]) -> None:
    listened = [function.trigger.text("queueName") for function in functions if function.trigger.type == "queueTrigger"]
    assert len(set(listened)) == len(listened), "two functions share a queue"
    for queue in listened:
        assert QUEUE_NAME.fullmatch(queue), queue
        assert poison_queue(queue) in {None, *listened}, f"nobody listens to the poison of {queue}"
        assert poison_queue(queue) is not None or queue.removesuffix("-poison") in listened


def test_every_queue_uses_the_hosts_own_storage(functions: list[Function]) -> None:
    for function in functions:
        if function.trigger.type == "queueTrigger":
            assert function.trigger.text("connection") == "AzureWebJobsStorage", function.name


def test_our_wake_ups_go_to_a_queue_that_is_listened_to(app: DirectApp) -> None:
    assert app.listeners(STEPS) == ("steps_advance",)


def test_the_queues_encoding_is_the_one_that_we_send_in() -> None:
    settings = host_settings().queues
    assert settings.encoding == "none"
    assert settings.visibility_timeout.total_seconds() == 30
    assert settings.max_dequeue_count == 5


def test_timers_are_six_fields_in_utc_and_keep_their_monitor(functions: list[Function]) -> None:
    for function in functions:
        if function.trigger.type == "timerTrigger":
            assert len(function.trigger.text("schedule").split()) == 6, function.name
            assert function.trigger.properties.get("useMonitor", True) is True
            assert not function.trigger.properties.get("runOnStartup", False)


def codes() -> dict[str, Any]:
    """The code of every function. The library lists them from the app's builders, so that the app is not indexed twice."""
    import function_app

    builders: Any = function_app.app._function_builders  # noqa: SLF001 - the library offers this only once a process
    found = [builder._function for builder in builders]  # noqa: SLF001 - as above
    return {function.get_function_name(): function.get_user_function() for function in found}


ALLOWED = (func.HttpRequest, func.QueueMessage, func.TimerRequest, func.Out[str], str)


def test_annotations_are_types_that_the_worker_knows(functions: list[Function]) -> None:
    for name, code in codes().items():
        hints = typing.get_type_hints(code)
        returned = hints.pop("return")
        kind = next(function for function in functions if function.name == name).trigger.type
        assert returned is (func.HttpResponse if kind == "httpTrigger" else type(None)), name
        assert set(inspect.signature(code).parameters) == set(hints), name
        assert all(hint in ALLOWED for hint in hints.values()), name
        assert not hasattr(code, "__wrapped__"), f"{name} is wrapped: the worker would read another signature"
        assert not inspect.iscoroutinefunction(code), f"{name} is async: a call that blocks in it would stop every other invocation"


def test_bindings_are_as_they_were_when_last_looked_at(functions: list[Function]) -> None:
    now = {function.name: [dict(sorted(binding.properties.items())) for binding in function.bindings] for function in functions}
    if os.environ.get("TIDEKEEPER_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    place = GOLDEN.relative_to(ROOT)
    assert GOLDEN.exists(), f"{place} is missing: renew it as this module's docstring says"
    golden = json.loads(GOLDEN.read_text())
    assert now == golden, f"the bindings are not those of {place}; if that is wanted, renew it as this module's docstring says"

"""What the worker refuses as a whole, what the host drops by itself, and what both take."""

import functools
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from local.host.admitting import Admitted, QueueName, admit
from local.host.indexing import Function, IndexingError, index, load_app
from local.host.settings import HostError, HostSettings

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def route_to(code: Callable[..., Any], **options: Any) -> func.FunctionApp:
    app = func.FunctionApp()
    app.route(**{"route": "x", **options})(code)
    return app


def queue_to(code: Callable[..., Any], name: str = "msg", queue: str = "jobs") -> func.FunctionApp:
    app = func.FunctionApp()
    app.queue_trigger(name, queue, "AzureWebJobsStorage")(code)
    return app


def request(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


def message(msg: func.QueueMessage) -> None:
    del msg


def test_a_function_is_described_as_the_library_describes_it() -> None:
    (loaded,) = index(route_to(request, route="orders/{id}", methods=["GET"], auth_level=func.AuthLevel.ADMIN))
    assert loaded.function.trigger.properties == {
        "direction": "IN",
        "type": "httpTrigger",
        "name": "req",
        "methods": ["GET"],
        "authLevel": "ADMIN",
        "route": "orders/{id}",
    }
    assert (loaded.name, loaded.returns, loaded.is_async) == ("request", "http", False)
    assert Path(loaded.function.directory) == Path(__file__).parent
    assert Function.heard(loaded.function.said()) == loaded.function


def without_parameter() -> None: ...
def with_one_too_many(msg: func.QueueMessage, other: int = 5) -> None: ...
def with_dict(msg: dict[str, str]) -> None: ...
def with_union(msg: func.QueueMessage | None) -> None: ...
def with_out(msg: func.Out[str]) -> None: ...
def with_odd_context(msg: func.QueueMessage, context: dict) -> None: ...  # type: ignore[type-arg]
def with_unknown(msg: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - what the test is about


@pytest.mark.parametrize("code", [without_parameter, with_one_too_many, with_dict, with_union, with_out, with_odd_context])
def test_a_queue_function_that_the_worker_cannot_load_fails_the_app(code: Callable[..., Any]) -> None:
    with pytest.raises(IndexingError, match=code.__name__):
        index(queue_to(code))


def test_an_annotation_that_exists_only_for_type_checkers_fails_the_app() -> None:
    with pytest.raises(NameError, match="Nowhere"):
        index(queue_to(with_unknown))


def returns_union(req: func.HttpRequest) -> func.HttpResponse | None: ...
def returns_nothing(req: func.HttpRequest) -> None: ...
def returns_dict(req: func.HttpRequest) -> dict: ...  # type: ignore[type-arg,empty-body]


@pytest.mark.parametrize("code", [returns_union, returns_nothing, returns_dict])
def test_a_return_annotation_that_is_no_response_fails_the_app(code: Callable[..., Any]) -> None:
    with pytest.raises(IndexingError, match="return"):
        index(route_to(code))


def with_builtin_list(msg: str, out: func.Out[list[str]]) -> None: ...
def with_typing_list(msg: str, out: func.Out[typing.List[str]]) -> None: ...  # noqa: UP006 - the worker knows only this one


def test_the_worker_knows_only_the_old_list_for_outputs() -> None:
    def app(code: Callable[..., Any]) -> func.FunctionApp:
        made = func.FunctionApp()
        made.queue_trigger("msg", "jobs", "AzureWebJobsStorage")(made.queue_output("out", "done", "AzureWebJobsStorage")(code))
        return made

    with pytest.raises(IndexingError, match="out"):
        index(app(with_builtin_list))
    (loaded,) = index(app(with_typing_list))
    assert [parameter.is_out for parameter in loaded.parameters] == [True, False]


def test_a_wrapper_that_hides_a_parameter_fails_the_app() -> None:
    def inner(req: func.HttpRequest, dependency: int) -> func.HttpResponse: ...  # type: ignore[empty-body]

    @functools.wraps(inner)
    def outer(req: func.HttpRequest) -> func.HttpResponse:
        return inner(req, 1)

    with pytest.raises(IndexingError, match="dependency"):
        index(route_to(outer))


def test_no_trigger_two_triggers_or_a_thing_without_a_name_fail_the_app() -> None:
    class Thing:
        def __call__(self, msg: func.QueueMessage) -> None: ...

    without = func.FunctionApp()
    without.queue_output("out", "done", "AzureWebJobsStorage")(message)
    with pytest.raises(ValueError, match="trigger"):
        index(without)
    with pytest.raises(ValueError, match="trigger"):
        two_triggers(func.FunctionApp())
    with pytest.raises(AttributeError, match="__name__"):
        index(queue_to(Thing()))


def two_triggers(app: func.FunctionApp) -> func.FunctionApp:
    app.queue_trigger("msg", "jobs", "AzureWebJobsStorage")(app.timer_trigger("timer", "0 * * * * *")(message))
    return app


@pytest.mark.parametrize("options", [{"auth_level": "SOMETIMES"}, {"methods": ["GIT"]}])
def test_an_unknown_level_or_method_fails_the_app(options: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        index(route_to(request, **options))


def test_an_app_without_functions_is_an_empty_app() -> None:
    assert index(func.FunctionApp()) == ()


def test_two_functions_of_one_name_fail_the_app() -> None:
    app = route_to(request)
    app.route(route="y")(request)
    with pytest.raises(ValueError, match="unique"):
        index(app)


def test_bound_methods_and_async_functions_are_taken() -> None:
    class Door:
        async def answer(self, req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...  # type: ignore[empty-body]

    (loaded,) = index(route_to(Door().answer))
    assert (loaded.is_async, loaded.wants_context) == (True, True)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("x = 1", "no top-level function app"),
        ("import azure.functions as f\na = f.FunctionApp()\nb = f.FunctionApp()", "more than one"),
        ("import azure.functions as f\na = f.FunctionApp()\nb = a", "more than one"),
    ],
)
def test_a_module_has_exactly_one_app(tmp_path: Path, source: str, fault: str) -> None:
    name = f"app_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(IndexingError, match=fault):
        load_app(tmp_path, name)
    sys.path.remove(str(tmp_path))


# ---------------------------------------------------------------------------------------------------------------- the host's half


def admitted(*apps: func.FunctionApp, settings: HostSettings | None = None, environment: Mapping[str, str] | None = None) -> Admitted:
    functions = [loaded.function for app in apps for loaded in index(app)]
    return admit(functions, settings or HostSettings(), {**STORAGE, **(environment or {})})


def named(code: Callable[..., Any], name: str) -> Callable[..., Any]:
    def copy(req: func.HttpRequest) -> func.HttpResponse:
        result: func.HttpResponse = code(req)
        return result

    copy.__name__ = name
    return copy


def my_message(my_msg: func.QueueMessage) -> None: ...
def tick(timer: func.TimerRequest) -> None: ...


def timer_to(schedule: str) -> func.FunctionApp:
    app = func.FunctionApp()
    app.timer_trigger("timer", schedule)(tick)
    return app


@pytest.mark.parametrize(
    ("app", "fault"),
    [
        (lambda: route_to(named(request, "1st")), "no name for a function"),
        (lambda: route_to(named(request, "host")), "no name for a function"),
        (lambda: route_to(named(request, "a b")), "no name for a function"),
        (lambda: route_to(named(request, "a" * 129)), "no name for a function"),
        (lambda: queue_to(my_message, "my_msg"), "no underscore"),
        (lambda: route_to(request, route="administrators"), "built in routes"),
        (lambda: route_to(request, route="runtime/x"), "built in routes"),
        (lambda: timer_to("0 0 0 * * 7"), "no schedule"),
        (lambda: timer_to("%NOWHERE%"), "NOWHERE"),
        (lambda: queue_to(message, queue="{id}"), "binding expression"),
        (lambda: queue_to(message, queue="ab"), "no name for a queue"),
        (lambda: queue_to(message, queue="a--b"), "no name for a queue"),
        (lambda: queue_to(message, queue="a" * 64), "no name for a queue"),
    ],
)
def test_what_the_host_refuses_drops_only_that_function(app: Callable[[], func.FunctionApp], fault: str) -> None:
    found = admitted(app(), route_to(named(request, "other"), route="other"))
    assert list(found.functions) == ["other"]
    ((_, error),) = found.errors.items()
    assert fault in error


def test_without_an_extension_bundle_only_http_and_timers_are_known() -> None:
    apps = [queue_to(message), timer_to("0 0 9 * * *"), route_to(named(request, "plain"))]
    found = admitted(*apps, route_with_output(), settings=HostSettings(bundle=False))
    assert sorted(found.functions) == ["plain", "tick"]
    assert sorted(found.errors) == ["message", "posting"]
    assert "queueTrigger is not registered" in found.errors["message"]


def route_with_output() -> func.FunctionApp:
    def posting(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse: ...  # type: ignore[empty-body]

    app = func.FunctionApp()
    app.route("y")(app.queue_output("out", "done", "AzureWebJobsStorage")(posting))
    return app


def test_a_function_with_a_connection_by_identity_is_dropped_with_the_reason() -> None:
    app = queue_to(message)
    functions = [loaded.function for loaded in index(app)]
    found = admit(functions, HostSettings(), {"AzureWebJobsStorage__accountName": "x"})
    assert "wants a connection string" in found.errors["message"]


def test_a_second_function_on_the_same_route_is_dropped() -> None:
    one, two = route_to(named(request, "b_one"), route="/X/"), route_to(named(request, "a_two"), route="x")
    found = admitted(one, two, settings=HostSettings(route_prefix=""))
    assert list(found.functions) == ["a_two"]
    assert "a_two" in found.errors["b_one"]


def test_one_route_may_serve_two_methods() -> None:
    found = admitted(route_to(named(request, "get"), methods=["GET"]), route_to(named(request, "put"), methods=["PUT"]))
    assert sorted(found.functions) == ["get", "put"]


def test_names_that_differ_only_in_case_are_one_name() -> None:
    found = admitted(route_to(named(request, "Same"), route="a"), route_to(named(request, "same"), route="b"))
    assert (len(found.functions), len(found.errors)) == (1, 1)


@pytest.mark.parametrize("route", ["/a", "a//b", "{a", "{a:nope}"])
def test_a_route_that_cannot_be_read_stops_the_host(route: str) -> None:
    with pytest.raises(HostError, match="request stops the host"):
        admitted(route_to(request, route=route))


def test_settings_are_put_into_names_and_schedules() -> None:
    environment = {"QUEUE": "Jobs", "WHEN": "0 0 9 * * *", "AzureWebJobs.tick.Disabled": "true"}
    found = admitted(queue_to(message, queue="%QUEUE%"), timer_to("%WHEN%"), environment=environment)
    assert found.queues == {"message": QueueName(queue="jobs", connection="UseDevelopmentStorage=true")}
    assert list(found.schedules) == ["tick"]
    assert found.disabled == {"tick"}


def test_a_list_in_host_json_leaves_out_the_others() -> None:
    found = admitted(queue_to(message), timer_to("0 0 9 * * *"), settings=HostSettings(only_functions=frozenset({"tick"})))
    assert list(found.functions) == ["tick"]

"""An app called in this process: what functions are given, and what is made of what they give back."""

import asyncio
import json
import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from local.host.calls import Done, Failed, HttpAnswer
from local.host.context import current_invocation
from local.host.direct import DirectApp
from local.host.invoking import answer_of_text
from local.host.settings import HostError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
seen: dict[str, Any] = {}


def made() -> func.FunctionApp:
    app = func.FunctionApp()

    @app.route("orders/{id}/{*rest}", methods=["GET", "POST"])
    def order(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        seen.update(url=req.url, headers=dict(req.headers), query=dict(req.params), route=dict(req.route_params), body=req.get_body())
        found = current_invocation()
        seen.update(context=context, invocation=found.invocation if found else None)
        return func.HttpResponse("made", status_code=201, headers={"X-A": "1"})

    @app.route("cookies")
    def cookies(req: func.HttpRequest) -> func.HttpResponse:
        answer = func.HttpResponse(b"\xff", mimetype="application/octet-stream", headers={"X-Method": req.method})
        answer.headers.add("Set-Cookie", "a=1; Path=/")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    @app.route("text")
    def text(req: func.HttpRequest) -> str:
        return req.get_body().decode()

    @app.route("odd")
    def odd(req: func.HttpRequest):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an app may leave it out
        return {"none": None, "dict": {"a": 1}, "raise": None}[req.params["what"]] if "what" in req.params else 1 / 0

    @app.route("leave")
    def leave(req: func.HttpRequest) -> func.HttpResponse:
        raise SystemExit(req.method)

    @app.route("later")
    async def later(req: func.HttpRequest) -> func.HttpResponse:
        await asyncio.sleep(0)
        return func.HttpResponse(req.method)

    def hidden(req: func.HttpRequest) -> func.HttpResponse:
        coroutine: Any = later.build(app.auth_level).get_user_function()(req)  # a plain function that answers with a coroutine
        return coroutine  # type: ignore[no-any-return]

    app.route("hidden")(hidden)

    @app.queue_trigger("msg", "jobs", "AzureWebJobsStorage")
    @app.queue_output("many", "many-out", "AzureWebJobsStorage")
    @app.queue_output("one", "one-out", "AzureWebJobsStorage")
    def work(msg: func.QueueMessage, one: func.Out[str], many: func.Out[typing.List[str]]) -> None:  # noqa: UP006 - as the worker wants it
        seen.update(message=msg)
        if msg.get_body() == b"loud":
            one.set("x")
            many.set(["y", "z"])
        if msg.get_body() == b"fail":
            one.set("never")
            raise RuntimeError

    @app.queue_trigger("msg", "texts", "AzureWebJobsStorage")
    def plain(msg: str) -> None:
        seen.update(text=msg)

    @app.queue_trigger("msg", "talk", "AzureWebJobsStorage")
    def talkative(msg: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an app may leave it out
        return msg

    @app.timer_trigger("timer", "0 */5 * * * *")
    def tick(timer: func.TimerRequest) -> None:
        facts: Any = timer  # the library's annotation leaves out what its object has
        seen.update(past_due=timer.past_due, schedule=facts.schedule, status=facts.schedule_status)

    return app


@pytest.fixture(scope="module")
def app() -> DirectApp:
    return DirectApp(made())


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def test_a_request_reaches_its_function_as_the_worker_would_hand_it_over(app: DirectApp) -> None:
    answer = app.request("POST", "/api/Orders/5/a%20b?x=1&x=2&y=", headers=[("X-B", "é")], body=b"hi")
    assert answer == HttpAnswer(status=201, headers=(("X-A", "1"), ("content-type", "text/plain; charset=utf-8")), body=b"made")
    assert seen["url"] == "http://localhost/api/Orders/5/a%20b?x=1&x=2&y="
    assert (seen["query"], seen["route"], seen["body"]) == ({"x": "1,2"}, {"id": "5", "rest": "a b"}, b"hi")
    assert seen["headers"] == {"host": "localhost", "content-length": "2", "x-b": "é"}
    context = seen["context"]
    assert (context.function_name, context.invocation_id) == ("order", seen["invocation"])
    assert context.trace_context.Traceparent.startswith("00-")
    assert context.retry_context.retry_count == 0


def test_no_invocation_is_current_afterwards(app: DirectApp) -> None:
    app.request("GET", "/api/orders/1/")
    assert current_invocation() is None


@pytest.mark.parametrize(
    ("method", "target"), [("DELETE", "/api/orders/5/x"), ("GET", "/api/nothing"), ("GET", "/orders/5"), ("GET", "/%00")]
)
def test_what_matches_no_function_is_not_found(app: DirectApp, method: str, target: str) -> None:
    assert app.request(method, target) == HttpAnswer(status=404)


def test_only_cookies_may_come_twice(app: DirectApp) -> None:
    answer = app.request("GET", "/api/cookies")
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1; Path=/", "b=2"]
    assert answer.body == b"\xff"


@pytest.mark.parametrize("target", ["/api/odd", "/api/odd?what=none", "/api/odd?what=dict", "/api/leave", "/api/hidden"])
def test_a_function_that_raises_or_returns_no_response_is_an_empty_500(app: DirectApp, target: str) -> None:
    assert app.request("GET", target) == HttpAnswer(status=500)


def test_an_async_function_runs_to_its_end(app: DirectApp) -> None:
    assert app.request("GET", "/api/later").status == 200


@pytest.mark.parametrize(
    ("text", "status", "kind", "body"),
    [
        ("hello", 200, "text/plain; charset=utf-8", b"hello"),
        ('{"a": 1}', 200, "application/json; charset=utf-8", b'{"a":1}'),
        ('{"body": "no", "statusCode": 404}', 404, "text/plain; charset=utf-8", b"no"),
        ('{"BODY": {"a": 1}, "status": 202, "headers": {"Content-Type": "x/y"}}', 202, "x/y", b'{"a":1}'),
        ('{"body": ', 200, "text/plain; charset=utf-8", b'{"body": '),
        ('"quoted"', 200, "text/plain; charset=utf-8", b"quoted"),
    ],
)
def test_plain_text_is_read_as_json_and_may_be_a_whole_response(app: DirectApp, text: str, status: int, kind: str, body: bytes) -> None:
    answer = app.request("POST", "/api/text", body=text.encode())
    assert answer == answer_of_text(text)
    assert (answer.status, answer.header("content-type"), answer.body) == (status, kind, body)


def test_a_message_reaches_its_function_with_its_facts(app: DirectApp) -> None:
    assert app.listeners("JOBS") == ("work",)
    assert app.deliver("work", "hé", now=NOW, dequeue_count=3, message_id="m1") == Done(outputs={})
    message = seen["message"]
    assert (message.get_body(), message.id, message.dequeue_count) == ("hé".encode(), "m1", 3)
    assert (message.insertion_time, message.expiration_time) == (NOW, NOW + timedelta(days=7))
    assert message.time_next_visible == NOW + timedelta(minutes=10)


def test_outputs_come_back_as_messages_only_after_success(app: DirectApp) -> None:
    assert app.deliver("work", "loud", now=NOW) == Done(outputs={"one": ["x"], "many": ["y", "z"]})
    assert isinstance(app.deliver("work", "fail", now=NOW), Failed)


def test_a_text_parameter_takes_the_body_itself(app: DirectApp) -> None:
    app.deliver("plain", "hello", now=NOW)
    assert seen["text"] == "hello"


def test_a_queue_function_that_returns_something_has_failed(app: DirectApp) -> None:
    assert isinstance(app.deliver("talkative", "x", now=NOW), Failed)


def test_a_payload_key_can_replace_the_messages_id(app: DirectApp) -> None:
    app.deliver("work", json.dumps({"ID": "mine"}), now=NOW, message_id="real")
    assert seen["message"].id == "mine"


@pytest.mark.parametrize("body", ['{"dequeueCount": "x"}', '{"insertionTime": "soon"}', '{"expirationtime": 5}'])
def test_a_payload_key_can_make_every_attempt_fail_before_the_function_runs(app: DirectApp, body: str) -> None:
    assert isinstance(app.deliver("work", body, now=NOW), Failed)
    assert seen == {}


def test_a_tick_brings_its_schedule(app: DirectApp) -> None:
    assert app.tick("tick", past_due=True) == Done()
    assert seen == {"past_due": True, "schedule": {"AdjustForDST": True}, "status": {}}
    assert app.due_after("tick", NOW) == NOW + timedelta(minutes=5)


def test_a_function_that_the_host_would_drop_is_an_error_here() -> None:
    app = func.FunctionApp()

    @app.timer_trigger("timer", "never")
    def tick(timer: func.TimerRequest) -> None: ...

    with pytest.raises(HostError, match="never"):
        DirectApp(app)

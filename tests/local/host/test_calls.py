"""What a request or a message becomes on its way to a function, and how it crosses the pipe."""

import io
import json
from datetime import UTC, datetime

import pytest

from local.host.calls import (
    Arrived,
    Call,
    Datum,
    Done,
    Failed,
    HttpAnswer,
    HttpCall,
    Outcome,
    QueueCall,
    TimerCall,
    call_frame,
    call_from,
    header_values,
    outcome_frame,
    outcome_from,
    query_values,
    queue_call,
)
from local.host.frames import Frame, packed, read_frame
from local.host.messages import decoded, encoded, poison_queue

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=&b&c=3", {"c": "3"}),
        ("a=1&a=2&A=3", {"a": "1,2,3"}),
        ("a=&a=2", {"a": "2"}),
        ("a=x%20y+z%2B", {"a": "x y z+"}),
        ("", {}),
    ],
)
def test_a_query_loses_its_empty_values_and_joins_the_repeated(query: str, values: dict[str, str]) -> None:
    assert query_values(query) == values


def test_headers_come_in_lower_case_and_joined() -> None:
    assert header_values([("X-A", "1"), ("x-a", "2"), ("Accept", "*/*")]) == {"x-a": "1,2", "accept": "*/*"}


def arrived(body: str) -> dict[str, Datum]:
    message = Arrived(id="m1", pop_receipt="r1", text=body, dequeue_count=2, inserted_at=AT, expires_at=AT, next_visible_at=AT)
    return dict(queue_call(body, message).metadata)


def test_a_message_of_plain_text_brings_only_its_own_facts() -> None:
    at = Datum(type="json", value='"2026-11-23T12:00:00+00:00"')
    assert arrived("hello") == {
        "QueueTrigger": Datum(type="string", value="hello"),
        "Id": Datum(type="string", value="m1"),
        "PopReceipt": Datum(type="string", value="r1"),
        "DequeueCount": Datum(type="json", value="2"),
        "InsertionTime": at,
        "ExpirationTime": at,
        "NextVisibleTime": at,
    }


@pytest.mark.parametrize(
    "key", ["id", "ID", "dequeueCount", "insertiontime", "expirationTime", "nextVisibleTime", "popReceipt", "queueTrigger"]
)
def test_a_payload_key_replaces_the_fact_of_that_name_in_any_case(key: str) -> None:
    metadata = arrived(json.dumps({key: "mine"}))
    name = next(name for name in metadata if name.lower() == key.lower())
    assert metadata[name] == Datum(type="string", value="mine")
    assert len(metadata) == 7


@pytest.mark.parametrize(
    ("value", "datum"),
    [
        ("5", Datum(type="string", value="5")),
        ("1.5", Datum(type="string", value="1.5")),
        ("true", Datum(type="string", value="True")),
        ('{"a": 1}', Datum(type="json", value='{"a": 1}')),
        ("[1]", None),
        ("null", None),
    ],
)
def test_scalars_come_as_text_objects_as_json_and_the_rest_not_at_all(value: str, datum: Datum | None) -> None:
    assert arrived(f'{{"key": {value}}}').get("key") == datum


@pytest.mark.parametrize("body", ["[1]", '"text"', "{broken}", "{" + '"a":' * 2, "null", '{"a":' * 100_000 + "}" * 100_000])
def test_what_is_no_json_object_adds_nothing(body: str) -> None:
    assert len(arrived(body)) == 7


@pytest.mark.parametrize(
    "call",
    [
        HttpCall(method="PUT", url="http://x/y?z=1", headers={"a": "b"}, query={"z": "1"}, params={"id": "é"}, body=b"\x00\xff"),
        QueueCall(body="näh", metadata={"Id": Datum(type="string", value="1"), "DequeueCount": Datum(type="json", value="1")}),
        TimerCall(past_due=True, status={"Last": "x"}),
        TimerCall(),
    ],
)
def test_a_call_crosses_the_pipe_unchanged(call: Call) -> None:
    heard = read_frame(io.BytesIO(packed(call_frame(call, function="f", invocation="i"))))
    assert heard is not None
    assert call_from(heard) == call


@pytest.mark.parametrize(
    "outcome",
    [
        Done(),
        Done(outputs={"out": ["a", "b"]}),
        Done(answer=HttpAnswer(status=201, headers=(("A", "b"), ("Set-Cookie", "c=d")), body=b"\x00"), outputs={"out": ["x"]}),
        Failed(error="no", trace="line 1"),
    ],
)
def test_an_outcome_crosses_the_pipe_unchanged(outcome: Outcome) -> None:
    heard = read_frame(io.BytesIO(packed(outcome_frame(outcome, invocation="i"))))
    assert heard is not None
    assert outcome_from(heard) == outcome


@pytest.mark.parametrize("length", [0, 3, 8, 12])
def test_a_pipe_that_ends_inside_a_frame_says_nothing(length: int) -> None:
    assert read_frame(io.BytesIO(packed(Frame(head={"kind": "load"}, blob=b"body"))[:length])) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [("aGVsbG8=", "hello"), ("aGVs\nbG8=", "hello"), ("hello", None), ("{}", None), ("aGVsbG8", None), ("/w==", "\ufffd"), ("", "")],
)
def test_base64_is_decoded_or_found_out(raw: str, text: str | None) -> None:
    assert decoded(raw, "base64") == text
    assert decoded(raw, "none") == raw


def test_what_is_encoded_can_be_decoded() -> None:
    assert decoded(encoded("né", "base64"), "base64") == "né"
    assert encoded("né", "none") == "né"


@pytest.mark.parametrize(
    ("queue", "poison"), [("jobs", "jobs-poison"), ("jobs-poison", None), ("q" * 56, "q" * 56 + "-poison"), ("q" * 57, None)]
)
def test_a_queue_has_a_poison_queue_unless_it_is_one_or_its_name_is_too_long(queue: str, poison: str | None) -> None:
    assert poison_queue(queue) == poison

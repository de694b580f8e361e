"""Wake-ups: those of nobody, forged ones, doubled ones, and what becomes of those that cannot be read."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.doors import SCALE, STEPS, Doors

A, B = "a" * 16, "b" * 16
GOOD: dict[str, Any] = {"schema": 1, "cluster_key": A, "operation": f"op-{A}-0123456789", "wake": 1}
NONE = "it is not a wake-up: want the texts cluster_key and operation and the number wake"
FORGED = "it is not a wake-up: its operation cannot be one of its cluster's"


def changed(**changes: Any) -> str:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...})


UNREADABLE = {
    "no JSON": ("wake up", "the body is not JSON: Expecting value at line 1, column 1"),
    "a list": ("[]", "the body is a list, want a JSON object"),
    "an empty object": ("{}", NONE),
    "no number": (changed(wake=...), NONE),
    "a number that is a text": (changed(wake="1"), NONE),
    "a number that is a truth value": (changed(wake=True), NONE),
    "a fraction": (changed(wake=1.5), NONE),
    "an operation that is a number": (changed(operation=1), NONE),
    "an operation of another cluster": (changed(cluster_key=B), FORGED),
    "an operation that is none": (changed(operation="op-1"), FORGED),
    "an injection": (changed(operation=f"op-{A}-1' or PartitionKey ne '"), FORGED),
    "a key that is a path": (changed(cluster_key="../head", operation="op-../head-1"), FORGED),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_wake_up_that_cannot_be_read_becomes_a_letter_at_once(peopled: Doors, what: str) -> None:
    (text, reason), before = UNREADABLE[what], peopled.kept()
    peopled.send(text, queue=STEPS)
    peopled.settle()
    ((queue, why),) = [(letter.queue, letter.reason) for letter in peopled.letters.filed.values()]
    assert (queue, why) == (STEPS, reason)
    assert not peopled.failures
    assert peopled.kept() | {"letters": {}} == before


def test_a_wake_up_of_nobody_changes_nothing(peopled: Doors) -> None:
    before, asked = peopled.kept(), len(peopled.world.witness.entries)
    peopled.send(GOOD, queue=STEPS)
    peopled.settle()
    assert not peopled.failures
    assert peopled.kept() == before
    assert len(peopled.world.witness.entries) == asked


def test_a_wake_up_of_another_number_changes_nothing(peopled: Doors) -> None:
    name = peopled.accepted(SCALE).rpartition("/")[2]
    (own,) = peopled.queues.all(STEPS)
    assert json.loads(own.text) == {"schema": 1, "cluster_key": name[3:19], "operation": name, "wake": 1}
    before = peopled.kept()
    for number in (0, 2, -1, 10**30):
        peopled.app.deliver("steps_advance", json.dumps({**json.loads(own.text), "wake": number}), now=peopled.clock.now())
    assert peopled.kept() == before


def test_a_doubled_wake_up_makes_one_call(peopled: Doors) -> None:
    peopled.accepted(SCALE)
    (own,) = peopled.queues.all(STEPS)
    for _ in range(3):
        peopled.send(own.text, queue=STEPS)
    peopled.run()
    assert len(peopled.mutations()) == 1
    assert not peopled.failures


def test_a_wake_up_of_newer_code_comes_again_and_is_then_a_letter(peopled: Doors) -> None:
    before = peopled.kept()
    message = peopled.send({**GOOD, "schema": 2}, queue=STEPS)
    peopled.run(until=peopled.clock.now() + timedelta(minutes=10))
    assert message.dequeues == 5
    (letter,) = peopled.letters.filed.values()
    assert (letter.queue, letter.reason) == (STEPS, "its schema is newer than this code")
    assert peopled.kept() | {"letters": {}} == before


@pytest.mark.parametrize("name", ["id", "dequeueCount", "insertionTime"])
def test_a_wake_up_that_uses_a_name_of_the_hosts_ends_as_one_letter_or_none(peopled: Doors, name: str) -> None:
    before = peopled.kept()
    peopled.send({**GOOD, name: "x"}, queue=STEPS)
    peopled.run(until=peopled.clock.now() + timedelta(hours=1))
    assert len(peopled.letters.filed) == (0 if name == "id" else 1)
    assert peopled.kept() | {"letters": {}} == before

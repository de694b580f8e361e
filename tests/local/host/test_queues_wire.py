"""Queue triggers through the whole host against a real storage: settled, released, poisoned, renewed, and found again after a kill."""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.processes import Keeper
from local.storage import Storage
from local.worldtime import WorldTime

pytestmark = pytest.mark.once

APP = """
    import json, os, pathlib, time, typing
    import azure.functions as func

    app = func.FunctionApp()
    place = pathlib.Path(__file__).parent

    def note(msg, **facts):
        with (place / "seen.jsonl").open("a") as file:
            seen = {"body": msg.get_body().decode(), "id": msg.id, "count": msg.dequeue_count, "pid": os.getpid(), "at": time.time()}
            file.write(json.dumps({**seen, **facts}) + "\\n")

    @app.queue_trigger("msg", "%WORK%", "AzureWebJobsStorage")
    @app.queue_output("one", "%WORK%-one", "AzureWebJobsStorage")
    @app.queue_output("many", "%WORK%-many", "AzureWebJobsStorage")
    @app.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:00:00")  # not for queues: it changes nothing
    @app.queue_output("back", "%WORK%", "AzureWebJobsStorage")
    def work(msg: func.QueueMessage, one: func.Out[str], many: func.Out[typing.List[str]], back: func.Out[str]) -> None:
        note(msg, inserted=str(msg.insertion_time))
        order = msg.get_body().decode()
        if order.startswith("hop ") and order != "hop 0":
            back.set(f"hop {int(order[4:]) - 1}")
            time.sleep(0.05)
        elif order == "outputs":
            one.set("single")
            many.set(["first", "second"])
        elif order == "fail":
            one.set("never written")
            raise RuntimeError("on purpose")
        elif order == "end" and msg.dequeue_count == 1:
            os._exit(1)
        elif order.startswith("wait ") and msg.dequeue_count == 1:
            while not (place / order[5:]).exists():
                time.sleep(0.01)
            note(msg, waited=True)
        elif order.startswith("long "):
            until = time.monotonic() + float(order[5:])
            while time.monotonic() < until:
                time.sleep(0.01)
            note(msg, waited=True)

    @app.queue_trigger("msg", "%WORK%-poison", "AzureWebJobsStorage")
    def poison(msg: func.QueueMessage) -> None:
        note(msg, poison=True)
"""
NONE = {"extensions": {"queues": {"messageEncoding": "none", "maxDequeueCount": 3}}}


class Work:
    """A host on queues of its own, and what its functions have seen."""

    def __init__(self, host: Any, connection: str, name: str, closing: ExitStack) -> None:
        self.host = host
        self.name = name
        self._connection = connection
        self._closing = closing
        self.queue = self.client("")

    def client(self, suffix: str) -> QueueClient:
        return self._closing.enter_context(QueueClient.from_connection_string(self._connection, self.name + suffix, retry_total=0))

    def seen(self, root: Path | None = None) -> list[dict[str, Any]]:
        path = (root or self.host.root) / "seen.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def about(self, body: str) -> list[dict[str, Any]]:
        return [note for note in self.seen() if note["body"] == body]

    def left(self, suffix: str = "") -> int | None:
        try:
            return self.client(suffix).get_queue_properties().approximate_message_count
        except ResourceNotFoundError:
            return None

    def texts(self, suffix: str) -> list[str]:
        try:
            return [str(message.content) for message in self.client(suffix).peek_messages(32)]
        except ResourceNotFoundError:
            return []


StartWork = Callable[..., Work]


@pytest.fixture(scope="module")
def start_work(start_host: Callable[..., Any], azurite: str) -> Iterator[StartWork]:
    with ExitStack() as closing:

        def start(*arguments: str, work: Work | None = None, connection: str = azurite, **options: Any) -> Work:
            name = work.name if work else f"q{uuid.uuid4().hex[:8]}"
            environment = {"AzureWebJobsStorage": connection, "WORK": name, **options.pop("environment", {})}
            options = {"host_json": NONE, "root": work.host.root if work else None, **options}
            return Work(start_host(APP, *arguments, environment=environment, **options), connection, name, closing)

        yield start


@pytest.fixture(scope="module")
def work(start_work: StartWork) -> Work:
    """A host that started before its queue was there."""
    made = start_work("--workers", "2", f"--world={WorldTime.starting_now(60)}")
    made.queue.create_queue()
    return made


Until = Callable[..., bool]


def test_a_message_is_seen_once_and_deleted(work: Work, wait_until: Until) -> None:
    sent = work.queue.send_message("plain é")
    assert wait_until(lambda: work.left() == 0)
    (seen,) = work.about("plain é")
    assert (seen["id"], seen["count"]) == (sent.id, 1)
    assert seen["inserted"] == str(sent.inserted_on)


def test_outputs_are_written_one_message_for_each_element(work: Work, wait_until: Until) -> None:
    work.queue.send_message("outputs")
    assert wait_until(lambda: work.left() == 0)
    assert (work.texts("-one"), work.texts("-many")) == (["single"], ["first", "second"])


def test_a_poisoned_message_lives_for_a_week_of_its_own(start_work: StartWork, wait_until: Until) -> None:
    work = start_work(f"--world={WorldTime.starting_now(60)}", environment={"AzureWebJobs.poison.Disabled": "1"})
    work.queue.create_queue()
    work.queue.send_message("fail", time_to_live=3600)
    assert wait_until(lambda: len(work.texts("-poison")) == 1)
    (message,) = work.client("-poison").peek_messages(1)
    assert message.expires_on is not None
    assert message.inserted_on is not None
    assert message.expires_on - message.inserted_on == timedelta(days=7)


def test_a_function_that_feeds_its_own_queue_is_not_kept_waiting(start_work: StartWork, wait_until: Until) -> None:
    work = start_work()
    work.queue.create_queue()
    work.queue.send_message("hop 30")
    assert wait_until(lambda: len(work.about("hop 0")) == 1)
    at = [note["at"] for note in work.seen()]
    assert len(at) == 31
    # Each hop lasts longer than the look that finds nothing; after that nobody looks for 180 ms, unless the host hears of its own message.
    assert min(after - before for before, after in pairwise(at)) < 0.15


def test_a_message_that_fails_too_often_goes_to_the_poison_queue(work: Work, wait_until: Until) -> None:
    sent = work.queue.send_message("fail")
    assert wait_until(lambda: any("poison" in note for note in work.about("fail")))
    *tries, poisoned = work.about("fail")
    assert [note["count"] for note in tries] == [1, 2, 3]
    assert poisoned["count"] == 1
    assert poisoned["id"] != sent.id
    assert "never written" not in work.texts("-one")
    assert [event["why"] for event in work.host.events("message_poisoned")] == ["failed too often"]
    assert wait_until(lambda: work.left() == work.left("-poison") == 0)


def test_a_worker_that_ends_in_the_middle_is_replaced_and_the_message_comes_again(work: Work, wait_until: Until) -> None:
    work.queue.send_message("end")
    assert wait_until(lambda: len(work.about("end")) == 2)
    first, second = work.about("end")
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] != second["pid"]
    assert wait_until(lambda: work.left() == 0 and len(work.host.events("worker_started")) == 3)


def test_a_payload_that_spoils_its_metadata_is_never_seen_and_poisoned(work: Work, wait_until: Until) -> None:
    body = json.dumps({"dequeueCount": "many", "n": 1})
    work.queue.send_message(body)
    assert wait_until(lambda: len(work.host.events("message_poisoned")) > 0 and work.left() == 0)
    assert work.about(body) == []
    failed = [event for event in work.host.events("function_failed") if "DequeueCount" in event["error"]]
    assert len(failed) >= 3


def test_a_message_dequeued_too_often_before_is_poisoned_unseen(work: Work, wait_until: Until) -> None:
    work.host.request("POST", "/admin/host/drain")
    assert wait_until(lambda: work.host.request("GET", "/admin/host/drain/status").json()["state"] == "Completed")
    work.queue.send_message("worn")
    for _ in range(4):
        assert wait_until(lambda: worn_again(work))
    work.host.request("POST", "/admin/host/resume")
    assert wait_until(lambda: len(work.about("worn")) == 1)
    assert "poison" in work.about("worn")[0]
    assert work.host.events("message_poisoned")[-1]["why"] == "dequeued too often"
    assert wait_until(lambda: work.left() == 0)


def worn_again(work: Work) -> bool:
    for message in work.queue.receive_messages(visibility_timeout=1):
        work.queue.update_message(message.id, message.pop_receipt, visibility_timeout=0)
        return True
    return False


def test_a_function_is_started_by_hand_with_a_message_that_is_in_no_queue(work: Work, wait_until: Until) -> None:
    assert work.host.request("POST", "/admin/functions/work", b'{"input": "by hand"}').status == 202
    assert wait_until(lambda: len(work.about("by hand")) == 1)
    assert work.about("by hand")[0]["count"] == 0


def test_a_batch_is_worked_on_at_the_same_time_by_all_workers(work: Work, wait_until: Until) -> None:
    work.host.workers(2)
    for number in range(8):
        work.queue.send_message(f"wait gate{number}")
    assert wait_until(lambda: sum(note["body"].startswith("wait gate") for note in work.seen()) == 8)
    for number in range(8):
        (work.host.root / f"gate{number}").touch()
    assert wait_until(lambda: work.left() == 0)
    assert len({note["pid"] for note in work.seen() if note["body"].startswith("wait gate")}) == 2


def test_no_body_is_in_the_log(work: Work) -> None:
    text = work.host.log.read_text()
    assert "plain" not in text
    assert "gate3" not in text


def test_a_long_invocation_keeps_its_message_at_any_speed(start_work: StartWork, wait_until: Until) -> None:
    work = start_work(f"--world={WorldTime.starting_now(600)}")  # a lease is one second
    work.queue.create_queue()
    work.queue.send_message("long 2.5")
    assert wait_until(lambda: work.left() == 0)
    assert [note.get("waited", False) for note in work.about("long 2.5")] == [False, True]


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_killed_host_loses_nothing(start_work: StartWork, wait_until: Until, workers: str) -> None:
    options = ["--workers", workers, f"--world={WorldTime.starting_now(600)}"]
    first = start_work(*options)
    first.queue.create_queue()
    first.queue.send_message("wait never")
    assert wait_until(lambda: len(first.about("wait never")) == 1)
    first.host.kill()
    second = start_work(*options, work=first)
    assert wait_until(lambda: second.left() == 0)
    assert [note["count"] for note in second.about("wait never")] == [1, 2]


def test_the_host_ends_with_a_message_under_way_and_finishes_it(start_work: StartWork, wait_until: Until) -> None:
    work = start_work()
    work.queue.create_queue()
    work.queue.send_message("wait go")
    assert wait_until(lambda: len(work.about("wait go")) == 1)
    work.host.process.terminate()
    (work.host.root / "go").touch()
    assert work.host.process.wait(20) == 0
    assert work.left() == 0
    assert [note.get("waited", False) for note in work.about("wait go")] == [False, True]


def test_with_base64_what_is_not_base64_is_poisoned_unseen(start_work: StartWork, wait_until: Until) -> None:
    environment = {"AzureFunctionsJobHost__extensions__queues__messageEncoding": "base64", "AzureWebJobs.poison.Disabled": "1"}
    work = start_work(environment=environment)
    work.queue.create_queue()
    work.queue.send_message("plain")
    work.queue.send_message(base64.b64encode(b"outputs").decode())
    assert wait_until(lambda: work.texts("-poison") == ["plain"] and len(work.texts("-many")) == 2)
    assert [note["body"] for note in work.seen()] == ["outputs"]
    assert [base64.b64decode(text) for text in work.texts("-many")] == [b"first", b"second"]
    assert wait_until(lambda: work.left() == 0)


def test_a_failed_message_rests_as_long_as_host_json_says(start_work: StartWork, wait_until: Until) -> None:
    queues = {"messageEncoding": "none", "maxDequeueCount": 2, "visibilityTimeout": "00:01:00"}
    work = start_work(f"--world={WorldTime.starting_now(60)}", host_json={"extensions": {"queues": queues}})
    work.queue.create_queue()
    work.queue.send_message("fail")
    assert wait_until(lambda: len(work.host.events("function_failed")) == 2)
    first, second = (event["at"] for event in work.host.events("function_failed"))
    assert seconds_between(first, second) >= 0.9


def seconds_between(one: str, other: str) -> float:
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds()


def test_a_storage_that_is_away_for_a_while_is_survived(start_work: StartWork, wait_until: Until, tmp_path: Path, azurite: str) -> None:
    del azurite  # it skips where there is no Azurite
    with Keeper(tmp_path / "logs") as keeper:
        storage = Storage(keeper, state=tmp_path / "state")
        storage.start()
        work = start_work(f"--world={WorldTime.starting_now(60)}", connection=storage.connection_string)
        work.queue.create_queue()
        work.queue.send_message("before")
        assert wait_until(lambda: len(work.about("before")) == 1 and work.left() == 0)
        storage.stop()
        assert wait_until(lambda: any(event["why"] == "trouble" for event in work.host.events("queue_unreadable")))
        storage.start()
        work.queue.send_message("after")
        assert wait_until(lambda: len(work.about("after")) == 1)
        assert len(work.host.events("host_gives_up")) == 0

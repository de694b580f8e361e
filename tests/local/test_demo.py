"""The demo's own parts: what it counts, shows and expects. The stack it plays on is not started here."""

import ast
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from functions import wire
from local.arm import catalogue
from local.demo import programme
from local.demo.acts import ACTS
from local.demo.costs import Cost, Row, after, counted, instant, name_of, real_span, row_of, table, world_span
from local.demo.doors import Answer, App, ask, until
from local.demo.expecting import BrokenError, Expectations
from local.demo.scene import EXAMPLES, alive, example, must, stage, waiting_for
from local.demo.screen import Look, Screen, Style
from local.processes import ROOT
from local.stack import SUBSCRIPTION
from shared.model.requests import Create, Delete, Door, Origin, Scale, Start, Stop, Submission, Upgrade

PLAIN = Look(live=False, colours=False, signs=True, width=60)
NOTHING_YET = {"step": 0, "steps": 0, "waiting_for": "op-2 (scale), which holds its cluster"}
LIVE = Look(live=True, colours=True, signs=True, width=60)


def said(invocation: str, **facts: object) -> str:
    """A line of the host's log with an event of the app's."""
    line = {"event": "app_log", "logger": "tidekeeper", "message": json.dumps(facts), "invocation": invocation}
    return json.dumps(line)


def ended(invocation: str, door: str, arm: int, tables: int, queues: int, **facts: object) -> str:
    return said(invocation, event="invocation_ended", door=door, arm=arm, tables=tables, queues=queues, **facts)


def an_operation(**changes: Any) -> dict[str, Any]:
    operation = {
        "id": "op-1",
        "action": "scale",
        "status": "running",
        "cluster": {"name": "web"},
        "plan": {"steps": [{"name": "scale pool apps to 5 nodes"}]},
        "progress": {"step": 1, "steps": 1, "waiting_for": "Azure to finish"},
        "queue_position": 0,
        "created_at": "2026-11-23T06:00:00.000Z",
        "ended_at": None,
    }
    return {**operation, **changes}


def on_screen(look: Look = PLAIN) -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(out=out, look=look, clock=lambda: 0.0), out


# ---- counting


def test_an_accepted_operation_is_charged_with_its_acceptance_and_with_every_wake_up() -> None:
    costs = counted(
        [
            said("i1", event="operation_accepted", operation="op-1", door="http"),
            ended("i1", "operations_submit", 2, 3, 1),
            ended("i2", "steps_advance", 3, 3, 1, operation="op-1"),
            ended("i3", "steps_advance", 2, 4, 0, operation="op-1"),
        ]
    )
    assert costs.by_operation == {"op-1": Cost(arm=7, tables=10, queues=2, messages=2)}
    assert costs.by_operation["op-1"].storage == 10 + 2 + 2 * 2


def test_a_request_by_queue_costs_the_delivery_of_its_message_too() -> None:
    costs = counted([said("i1", event="operation_accepted", operation="op-1"), ended("i1", "requests_take", 1, 3, 2)])
    assert costs.by_operation["op-1"].storage == 3 + 2 + 2


def test_reads_plans_and_replays_are_in_the_total_and_in_no_operation() -> None:
    costs = counted(
        [ended("i1", "operations_read", 0, 1, 0), ended("i2", "operations_submit", 2, 1, 0), ended("i3", "clusters_list", 1, 0, 0)]
    )
    assert costs.by_operation == {}
    assert costs.total == Cost(arm=3, tables=2)


def test_two_invocations_that_overlap_in_the_log_are_kept_apart() -> None:
    costs = counted(
        [
            said("i1", event="operation_accepted", operation="op-1"),
            said("i2", event="operation_accepted", operation="op-2"),
            ended("i2", "operations_submit", 1, 4, 0),
            ended("i1", "operations_submit", 1, 2, 1),
        ]
    )
    assert costs.by_operation == {"op-1": Cost(arm=1, tables=2, queues=1), "op-2": Cost(arm=1, tables=4)}


def test_an_invocation_that_was_killed_is_not_counted() -> None:
    costs = counted([said("i1", event="step_submitted", operation="op-1")])
    assert costs.by_operation == {}
    assert costs.total == Cost()


def test_an_operation_is_closed_once_the_invocation_that_ended_it_was_counted() -> None:
    lines = [said("i1", event="operation_ended", operation="op-1"), ended("i1", "steps_advance", 2, 4, 0, operation="op-1")]
    assert counted(lines[:1]).closed == frozenset()
    assert counted(lines).closed == {"op-1"}


def test_an_operation_that_is_born_ended_is_charged_and_closed() -> None:
    costs = counted([said("i1", event="operation_born_ended", operation="op-1"), ended("i1", "operations_submit", 1, 5, 0)])
    assert costs.by_operation == {"op-1": Cost(arm=1, tables=5)}
    assert costs.closed == {"op-1"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Traceback (most recent call last):",
        "7",
        '{"event": "app_log", "logger": "tidekeeper", "mess',
        '{"event": "app_log", "logger": "azure.core", "message": "{}", "invocation": "i1"}',
        '{"event": "app_log", "logger": "tidekeeper", "message": "plain words", "invocation": "i1"}',
        '{"event": "app_log", "logger": "tidekeeper", "message": "[1]", "invocation": "i1"}',
        '{"event": "app_log", "logger": "tidekeeper", "message": "{}"}',
        '{"event": "function_succeeded", "invocation": "i1"}',
    ],
)
def test_a_line_that_is_no_event_of_the_app_is_passed_over(line: str) -> None:
    costs = counted([line, ended("i2", "steps_advance", 1, 1, 1, operation="op-1"), line])
    assert costs.total == Cost(arm=1, tables=1, queues=1, messages=1)


# ---- the table


def a_row(operation: str = "op-1", **changes: Any) -> Row:
    cost = changes.pop("cost", Cost(arm=9, tables=10, queues=7, messages=5))
    lasted = changes.pop("lasted", timedelta(minutes=4, seconds=26))
    return Row(operation=operation, name="scale pool apps to 5 nodes", steps=1, lasted=lasted, cost=cost)


def test_the_table_has_a_row_for_each_operation_and_the_sums() -> None:
    long = a_row("op-2", lasted=timedelta(seconds=59), cost=Cost(arm=100, tables=1))
    assert table([a_row(), long], 60) == [
        "operation                   steps  world time   real  ARM calls  storage",
        "--------------------------  -----  ----------  -----  ---------  -------",
        "scale pool apps to 5 nodes      1  4 min 26 s  4.4 s          9       27",
        "scale pool apps to 5 nodes      1        59 s  1.0 s        100        1",
        "--------------------------  -----  ----------  -----  ---------  -------",
        "together                        2                           109       28",
    ]


def test_what_a_killed_process_asked_of_azure_is_added_and_its_storage_marked_as_a_lower_bound() -> None:
    rows = table([a_row().with_lost_calls(3)], 60)
    assert rows[2].split()[-2:] == ["12", "27+"]
    assert rows[-1].split()[-2:] == ["12", "27+"]


def test_the_table_fits_a_narrow_terminal() -> None:
    longest = [a_row(lasted=timedelta(minutes=18, seconds=28), cost=Cost(arm=999, tables=999)).with_lost_calls(1)]
    assert max(len(line) for line in table(longest, 60)) <= 80 - 3


def test_a_row_is_read_from_the_operation() -> None:
    operation = an_operation(status="succeeded", ended_at="2026-11-23T06:04:26.000Z")
    row = row_of(operation, Cost(arm=1))
    assert (row.operation, row.name, row.steps, row.lasted) == ("op-1", "scale pool apps to 5 nodes", 1, timedelta(minutes=4, seconds=26))


def test_an_operation_of_several_steps_or_none_is_named_for_its_action_and_cluster() -> None:
    several = an_operation(action="create", plan={"steps": [{"name": "one"}, {"name": "two"}]})
    assert name_of(several) == "create cluster web"
    assert name_of(an_operation(plan=None)) == "scale cluster web"


def test_times_are_told_to_the_second_in_the_world_and_to_the_tenth_here() -> None:
    span = timedelta(minutes=10, seconds=4, milliseconds=600)
    assert (world_span(span), world_span(timedelta(seconds=7)), real_span(span, 60)) == ("10 min 05 s", "7 s", "10.1 s")
    start = instant("2026-11-23T06:00:00.000Z")
    assert [after(start, start + timedelta(seconds=seconds)) for seconds in (0, 187, 616)] == ["+0:00", "+3:07", "+10:16"]


# ---- expectations


def test_an_expectation_that_holds_is_ticked_and_lets_the_demo_go_on() -> None:
    screen, out = on_screen()
    expect = Expectations(screen=screen)
    expect.same("there is one operation", wanted=1, found=1)
    expect.true("the second began later", so=True, wanted="later", found="later")
    expect.done()
    assert out.getvalue() == "   ✓ there is one operation\n   ✓ the second began later\n"
    assert (expect.met, expect.missed) == (2, [])


def test_an_expectation_that_does_not_hold_says_what_was_expected_and_what_came_and_ends_the_demo() -> None:
    screen, out = on_screen()
    expect = Expectations(screen=screen)
    expect.same("there is one operation", wanted=1, found=2)
    expect.true("it began later", so=False, wanted="after noon", found="before")
    assert out.getvalue() == "   ✗ there is one operation: expected 1, came 2\n   ✗ it began later: expected after noon, came before\n"
    assert (expect.met, len(expect.missed)) == (0, 2)
    with pytest.raises(BrokenError):
        expect.done()


# ---- the screen


def test_without_a_terminal_what_goes_on_is_told_once_and_nothing_is_rewritten() -> None:
    screen, out = on_screen()
    for detail in ("a", "b"):
        screen.progress("step 1 of 2", detail)
    screen.heard("something else")
    screen.progress("step 1 of 2", "c")
    screen.progress("step 2 of 2", "d")
    assert out.getvalue() == "   · step 1 of 2\n   ← something else\n   · step 2 of 2\n"


def test_a_new_act_tells_again_what_goes_on() -> None:
    screen, out = on_screen()
    screen.progress("the bot waits")
    screen.act(2, "Name", "Why.")
    screen.progress("the bot waits")
    assert out.getvalue().count("· the bot waits") == 2


def test_on_a_terminal_the_line_is_rewritten_and_taken_away_before_anything_else_is_told() -> None:
    screen, out = on_screen(LIVE)
    screen.progress("step 1 of 2", "waits for Azure")
    screen.progress("step 2 of 2", "waits for Azure")
    screen.right("done")
    assert "\n" not in out.getvalue().partition("done")[0]
    assert "step 2 of 2  waits for Azure" in out.getvalue()
    assert "\r\x1b[2K   \x1b[32m✓\x1b[0m done\n" in out.getvalue()


def test_a_line_that_is_rewritten_never_fills_the_width() -> None:
    screen, out = on_screen(Look(live=True, colours=False, signs=True, width=40))
    screen.progress("x" * 100)
    assert len(out.getvalue().removeprefix("\r\x1b[2K")) == 39


def test_long_text_is_folded_under_its_first_word() -> None:
    screen, out = on_screen(Look(live=False, colours=False, signs=True, width=40))
    screen.right("one two three four five six seven eight nine")
    screen.heard("one two three four five six seven eight nine")
    assert out.getvalue().splitlines() == [
        "   ✓ one two three four five six seven",
        "     eight nine",
        "   ← one two three four five six seven",
        "     eight nine",
    ]


def test_an_output_that_knows_only_ascii_gets_words_for_signs() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    screen = Screen(out=out, look=Look.of(out))
    screen.act(1, "Name", "Why.")
    screen.asked("a")
    screen.heard("b")
    screen.right("c")
    screen.wrong("d")
    screen.progress("e")
    assert isinstance(out.buffer, io.BytesIO)
    assert out.buffer.getvalue().decode("ascii").splitlines()[4:] == ["   > a", "   < b", "   ok c", "   WRONG d", "   . e"]


def test_an_output_that_is_no_terminal_gets_no_codes() -> None:
    out = io.StringIO()
    look = Look.of(out)
    Screen(out=out, look=look).line("text", style=Style.BOLD)
    assert (look.live, look.colours, out.getvalue()) == (False, False, "text\n")


# ---- what is asked


def test_the_examples_are_requests_that_the_app_can_read() -> None:
    read = {}
    for file in EXAMPLES.glob("*.json"):
        origin = Origin(door=Door.QUEUE, caller="cluster-requests")
        read[file.name] = wire.submission_of(wire.json_of(file.read_bytes()), origin=origin, default_subscription=SUBSCRIPTION)
    requests = {name: found.request for name, found in read.items() if isinstance(found, Submission)}
    assert requests.keys() == read.keys() == {"create.json", "scale.json", "start.json", "stop.json", "upgrade.json", "delete.json"}
    names = ("create", "scale", "start", "stop", "upgrade", "delete")
    create, scale, start, stop, upgrade, delete = (requests[f"{name}.json"] for name in names)
    assert isinstance(create, Create)
    assert (create.location, len(create.pools), sum(pool.count for pool in create.pools)) == ("centralus", 2, 3)
    assert scale == Scale(pool="apps", to=5)
    assert (start, stop, upgrade) == (Start(), Stop(), Upgrade(version="latest"))
    assert delete == Delete(confirm="myK8sCluster", delete_resource_group=True)


def test_on_the_demos_day_the_newest_offer_is_no_preview_and_one_minor_on() -> None:
    region, day = example("create.json")["location"], programme.BEGINS
    made = catalogue.default(region, day).patches[-1]
    newest = catalogue.upgrades(made, region, day)[-1]
    assert catalogue.order(newest)[1] == catalogue.order(made)[1] + 1
    assert not catalogue.is_preview(newest, region, day)


def test_no_example_names_a_version_that_will_leave_support() -> None:
    assert [file.name for file in EXAMPLES.glob("*.json") if example(file.name).get("version", "latest") != "latest"] == []


def test_a_request_over_http_has_no_field_that_is_for_queues_only() -> None:
    assert not {"requested_by", "reply_to", "correlation"} & (example("create.json").keys() | example("delete.json").keys())
    assert example("scale.json").keys() >= {"reply_to", "correlation"}


def test_every_act_says_what_is_shown_and_why_it_matters() -> None:
    assert len(ACTS) == 8
    assert [act.name for act in ACTS if not (act.name and act.why.endswith(".") and len(act.why) <= 2 * 80)] == []


def test_the_demo_goes_through_the_doors_and_imports_nothing_that_ships() -> None:
    imported = set()
    for file in (ROOT / "local" / "demo").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
    assert "local" in imported
    assert not imported & {"shared", "functions", "function_app"}


# ---- how things go


def test_the_stage_of_an_operation_is_told_in_a_few_words() -> None:
    steps = {"steps": [{"name": "one"}, {"name": "two"}]}
    several = an_operation(plan=steps, progress={"step": 2, "steps": 2, "waiting_for": None})
    queued = an_operation(status="queued", plan=None, progress=NOTHING_YET, queue_position=1)
    over = an_operation(status="succeeded", ended_at="2026-11-23T06:04:26.000Z")
    told = [stage(operation) for operation in (several, an_operation(), queued, over, an_operation(plan=None, progress=NOTHING_YET))]
    assert told == ["step 2 of 2, two", "scale pool apps to 5 nodes", "the next waits in line, 1 before it", "succeeded", "running"]


def test_what_is_waited_for_is_that_of_the_operation_at_work() -> None:
    queued = an_operation(status="queued", plan=None, progress=NOTHING_YET)
    assert waiting_for([queued, an_operation()]) == "waits for Azure to finish, "
    assert waiting_for([queued]) == ""


def test_an_answer_with_another_status_breaks_the_demo_with_what_it_says() -> None:
    answer = Answer(status=503, headers={}, body={"detail": "storage did not answer"})
    assert must(answer, 503, "to anything") is answer
    with pytest.raises(BrokenError, match="expected 202 to a request, came 503: storage did not answer"):
        must(answer, 202, "to a request")


def test_waiting_ends_at_its_deadline_with_what_was_expected() -> None:
    with pytest.raises(BrokenError, match="a reply of the moon"):
        for _ in until(0.01, "a reply of the moon"):
            pass


def test_a_process_that_runs_is_alive_and_one_that_has_ended_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert alive([process.pid], within=0) == [process.pid]
        process.kill()
    assert alive([process.pid]) == []


class _Doors(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = {"detail": "no", "sent": json.loads(sent), "key": self.headers["Idempotency-Key"], "type": self.headers["Content-Type"]}
        self._answer(422, json.dumps(body))

    def do_GET(self) -> None:
        self._answer(200, "[]" if self.path == "/list" else "<html>")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("X-Own", "Yes")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the server's
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Doors) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_refusal_is_an_answer_like_any_other(url: str) -> None:
    answer = App(url=url).post("/api/operations", {"count": 0}, key="k1")
    assert (answer.status, answer.headers["x-own"]) == (422, "Yes")
    assert answer.body == {"detail": "no", "sent": {"count": 0}, "key": "k1", "type": "application/json"}


@pytest.mark.parametrize("path", ["/list", "/page"])
def test_an_answer_that_is_no_json_object_breaks_the_demo(url: str, path: str) -> None:
    with pytest.raises(BrokenError, match=f"GET {url}{path} should"):
        ask("GET", f"{url}{path}?code=secret")


def test_a_door_that_nobody_opens_breaks_the_demo() -> None:
    closed = HTTPServer(("127.0.0.1", 0), _Doors)
    closed.server_close()
    with pytest.raises(BrokenError, match="refused"):
        ask("GET", f"http://127.0.0.1:{closed.server_port}/")


def test_a_speed_at_which_the_world_would_stand_still_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "local.demo", "--speed", "0"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--speed wants a number above 0" in done.stderr

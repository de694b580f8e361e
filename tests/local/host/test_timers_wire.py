"""Timer triggers through the whole host: world time, what is remembered, what is repeated, and two hosts with one memory."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.worldtime import WorldTime

APP = """
    import json, os, pathlib
    import azure.functions as func

    app = func.FunctionApp()

    def note(timer, **facts):
        with pathlib.Path(__file__).with_name("ticks.jsonl").open("a") as file:
            said = {"past_due": timer.past_due, "status": timer.schedule_status, "host": os.environ.get("HOST_NAME"), **facts}
            file.write(json.dumps(said) + "\\n")

    @app.timer_trigger("timer", "%WHEN%")
    def tick(timer: func.TimerRequest) -> None:
        note(timer, of="tick")

    @app.timer_trigger("timer", "*/20 * * * * *")
    def often(timer: func.TimerRequest) -> None:
        note(timer, of="often")

    @app.timer_trigger("timer", "%WHEN%", use_monitor=False)
    def careless(timer: func.TimerRequest) -> None:
        note(timer, of="careless")

    @app.timer_trigger("timer", "%WHEN%", run_on_startup=True)
    @app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:05")
    def failing(timer: func.TimerRequest, context: func.Context) -> None:
        retry = context.retry_context
        note(timer, of="failing", count=retry.retry_count, most=retry.max_retry_count, before=retry.exception.message)
        raise RuntimeError(f"failure {retry.retry_count}")

    @app.timer_trigger("timer", "0 0 12 31 2 *")
    def never(timer: func.TimerRequest) -> None:
        note(timer, of="never")

    @app.timer_trigger("timer", "0 0 12 * * 7")
    def refused(timer: func.TimerRequest) -> None:
        note(timer, of="refused")
"""
EVERY_FIVE = {"WHEN": "0 */5 * * * *"}
ONLY = "AzureWebJobs.{}.Disabled"


def only(*wanted: str) -> dict[str, str]:
    names = {"tick", "often", "careless", "failing", "never"}
    return EVERY_FIVE | {ONLY.format(name): "true" for name in names - set(wanted)}


def ticks(host: Any) -> list[dict[str, Any]]:
    path: Path = host.root / "ticks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_timer_ticks_in_world_time_and_says_what_it_missed(
    start_host: Callable[..., Any], wait_until: Callable[..., bool], tmp_path: Path
) -> None:
    environment = only("tick")
    first = start_host(APP, f"--world={WorldTime.starting_now(1200)}", "--state", str(tmp_path), environment=environment)
    assert list(first.said["errors"]) == ["refused"]
    assert wait_until(lambda: len(ticks(first)) >= 2)
    assert first.stop() == 0
    before = ticks(first)
    assert [tick["past_due"] for tick in before] == [False] * len(before)
    kept = json.loads((tmp_path / "timers" / "Host.Functions.tick.json").read_text())
    assert datetime.fromisoformat(kept["Next"]).minute % 5 == 0

    later = datetime.fromisoformat(kept["Next"]) + timedelta(hours=2)
    world = WorldTime(speed=1, real_origin=datetime.now(UTC).timestamp(), world_origin=later.timestamp())
    second = start_host(APP, f"--world={world}", "--state", str(tmp_path), root=first.root, environment=environment)
    assert wait_until(lambda: len(ticks(second)) == len(before) + 1)
    missed = ticks(second)[-1]
    assert missed["past_due"] is True
    assert missed["status"]["Next"] == kept["Next"]


def test_no_monitor_is_kept_for_a_timer_that_fires_often_or_says_so(
    start_host: Callable[..., Any], wait_until: Callable[..., bool], tmp_path: Path
) -> None:
    world = f"--world={WorldTime.starting_now(600)}"
    host = start_host(APP, world, "--state", str(tmp_path), environment=only("tick", "often", "careless", "never"))
    assert wait_until(lambda: {tick["of"] for tick in ticks(host)} == {"tick", "often", "careless"})
    assert {tick["of"] for tick in ticks(host) if tick["status"]} == {"tick"}
    assert [place.name for place in (tmp_path / "timers").glob("*.json")] == ["Host.Functions.tick.json"]
    assert [event["function"] for event in host.events("timer_never_due")] == ["never"]
    assert "often" in {tick["of"] for tick in ticks(host)}


def test_a_failed_timer_is_repeated_as_its_policy_says(start_host: Callable[..., Any], wait_until: Callable[..., bool]) -> None:
    host = start_host(APP, f"--world={WorldTime.starting_now(50)}", environment=only("failing") | {"WHEN": "0 0 0 1 1 *"})
    assert wait_until(lambda: len(ticks(host)) == 3)
    assert [(tick["count"], tick["most"], tick["before"]) for tick in ticks(host)] == [
        (0, 0, ""),
        (1, 2, "RuntimeError: failure 0"),
        (2, 2, "RuntimeError: failure 1"),
    ]
    assert wait_until(lambda: len(host.events("function_failed")) == 3)
    assert len({event["invocation"] for event in host.events("function_failed")}) == 3
    assert host.request("POST", "/admin/functions/failing", b'{"input": ""}').status == 202
    assert wait_until(lambda: len(ticks(host)) >= 4)


def test_of_two_hosts_one_runs_the_timers_and_the_other_takes_over_when_it_is_killed(
    start_host: Callable[..., Any], wait_until: Callable[..., bool], tmp_path: Path
) -> None:
    options = (f"--world={WorldTime.starting_now(60)}", "--state", str(tmp_path))
    every = only("tick") | {"WHEN": "0 * * * * *"}
    first = start_host(APP, *options, environment=every | {"HOST_NAME": "first"})
    second = start_host("", *options, root=first.root, environment=every | {"HOST_NAME": "second"})
    assert wait_until(lambda: len(second.events("lock_held_by_another_host")) == 1)
    assert wait_until(lambda: len(ticks(first)) >= 2)
    assert {tick["host"] for tick in ticks(first)} == {"first"}
    first.kill()
    assert wait_until(lambda: any(tick["host"] == "second" for tick in ticks(second)))
    by = [tick["host"] for tick in ticks(second)]
    assert by == sorted(by)  # never both at a time


def test_a_time_zone_is_not_honoured_and_that_is_said(start_host: Callable[..., Any]) -> None:
    host = start_host(APP, environment=only() | {"WEBSITE_TIME_ZONE": "Europe/Berlin"})
    assert [event["setting"] for event in host.events("time_zone_not_honoured")] == ["WEBSITE_TIME_ZONE"]

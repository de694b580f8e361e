"""Timer triggers through the whole host: world time, and what is remembered from one run of the host to the next."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.worldtime import WorldTime

APP = """
    import json, pathlib
    import azure.functions as func

    app = func.FunctionApp()

    @app.timer_trigger("timer", "%WHEN%")
    def tick(timer: func.TimerRequest) -> None:
        with pathlib.Path(__file__).with_name("ticks.jsonl").open("a") as file:
            file.write(json.dumps({"past_due": timer.past_due, "status": timer.schedule_status}) + "\\n")
"""


def ticks(host: Any) -> list[dict[str, Any]]:
    path: Path = host.root / "ticks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_timer_ticks_in_world_time_and_says_what_it_missed(
    start_host: Callable[..., Any], wait_until: Callable[..., bool], tmp_path: Path
) -> None:
    environment = {"WHEN": "0 */5 * * * *"}
    first = start_host(APP, f"--world={WorldTime.starting_now(1200)}", "--state", str(tmp_path), environment=environment)
    assert wait_until(lambda: len(ticks(first)) >= 2)
    assert first.stop() == 0
    before = ticks(first)
    assert [tick["past_due"] for tick in before] == [False] * len(before)
    kept = json.loads((tmp_path / "timers.json").read_text())["tick"]
    assert datetime.fromisoformat(kept["Next"]).minute % 5 == 0

    later = datetime.fromisoformat(kept["Next"]) + timedelta(hours=2)
    world = WorldTime(speed=1, real_origin=datetime.now(UTC).timestamp(), world_origin=later.timestamp())
    second = start_host(APP, f"--world={world}", "--state", str(tmp_path), root=first.root, environment=environment)
    assert wait_until(lambda: len(ticks(second)) == len(before) + 1)
    missed = ticks(second)[-1]
    assert missed["past_due"] is True
    assert missed["status"]["Next"] == kept["Next"]

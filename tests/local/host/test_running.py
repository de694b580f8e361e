"""One running app in this process: how it ends, with a shorter grace than the real one."""

import asyncio
import io
import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from local.host.calls import Failed, HttpCall, Outcome
from local.host.log import Log
from local.host.running import GRACE, Host, HostOptions
from local.host.settings import HostSettings
from local.worldtime import WorldTime
from tests.local.host.patience import until

APP = """
import pathlib, threading
import azure.functions as func
app = func.FunctionApp()

@app.route("busy")
def busy(req: func.HttpRequest) -> func.HttpResponse:
    pathlib.Path(__file__).with_name("busy").touch()
    threading.Event().wait()
"""
CALL = HttpCall(method="GET", url="http://localhost/", headers={}, query={}, params={})


def test_the_grace_is_ten_seconds_of_real_time() -> None:
    assert timedelta(seconds=10) == GRACE


@pytest.mark.parametrize("grace", [timedelta(seconds=0.4)])
def test_what_is_not_finished_when_the_grace_is_over_is_abandoned(tmp_path: Path, grace: timedelta) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    said = io.StringIO()

    async def main() -> tuple[Outcome, float]:
        options = HostOptions(app_root=tmp_path, environment={}, settings=HostSettings(), world=WorldTime(speed=6000), grace=grace)
        host = Host(options, Log(stream=said))
        await host.start()
        running = asyncio.create_task(host.invoke("busy", CALL))
        await until((tmp_path / "busy").exists)
        asked = time.monotonic()
        await host.close()
        return await running, time.monotonic() - asked

    outcome, took = asyncio.run(main())
    assert isinstance(outcome, Failed)
    assert took >= grace.total_seconds()
    abandoned = [event for line in said.getvalue().splitlines() if (event := json.loads(line))["event"] == "work_abandoned"]
    assert [event["invocations"] for event in abandoned] == [1]

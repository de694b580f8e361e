"""The work of the bench on two other durable engines, run as a script in their own environment: it prints what it took as one JSON line.

    python peer_engines.py durabletask|dbos OPERATIONS FOLDER

It imports nothing of ours, because nothing of ours is installed there. An operation is three steps. A step begins with a look and a call,
waits and polls until the poll is answered, and looks again: `begin` and `ask` are the fewest recorded calls that this takes. Waits are
recorded as the engine records them, and take no time.
"""

import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Generator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

POLLS = (3, 3, 4)
MOMENT = 1e-6
"""Seconds: a wait that is recorded. One of no time is not."""
WITHIN = 120
"""Seconds after which an operation that has not ended is given up."""
_COUNTER = slice(24, 28)
"""Where a SQLite file with a rollback journal counts its commits."""


class Azure:
    """The scripted Azure: each step is polled as often as `POLLS` says. `calls` counts looks, calls and polls."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.calls = 0
        self._asked: dict[str, int] = {}

    def begin(self, step: str) -> str:
        """Look, and call."""
        self.calls += 2
        return step

    def ask(self, step: str) -> bool:
        """Poll; where that is answered, look."""
        self._asked[step] = asked = self._asked.get(step, 0) + 1
        answered = asked == POLLS[int(step.rpartition("/")[2])]
        self.calls += 1 + answered
        return answered


def on_durabletask(operations: int, _: Path) -> dict[str, Any]:
    """In-memory store, worker and client, as the library has them for tests: they speak gRPC over loopback in this process."""
    from durabletask import client, task, worker
    from durabletask.testing import create_test_backend

    azure = Azure()

    def begin(_: task.ActivityContext, step: str) -> str:
        return azure.begin(step)

    def ask(_: task.ActivityContext, step: str) -> bool:
        return azure.ask(step)

    def operation(context: task.OrchestrationContext, name: str) -> Generator[Any, Any, str]:
        for step in range(len(POLLS)):
            handle = yield context.call_activity(begin, input=f"{name}/{step}")
            answered = False
            while not answered:
                yield context.create_timer(timedelta(0))
                answered = yield context.call_activity(ask, input=handle)
        return "succeeded"

    port = _free_port()
    store = create_test_backend(port=port)
    try:
        with worker.TaskHubGrpcWorker(host_address=f"127.0.0.1:{port}") as working:
            working.add_orchestrator(operation)
            working.add_activity(begin)
            working.add_activity(ask)
            working.start()
            asking = client.TaskHubGrpcClient(host_address=f"127.0.0.1:{port}")

            def run(names: list[str]) -> list[str]:
                begun = [asking.schedule_new_orchestration(operation, input=name) for name in names]
                ended = [asking.wait_for_orchestration_completion(each, timeout=WITHIN) for each in begun]
                return [json.loads(state.serialized_output) for state in ended if state is not None and state.serialized_output]

            return _timed(run, operations, azure, lambda: 0)
    finally:
        store.stop()


def on_dbos(operations: int, folder: Path) -> dict[str, Any]:
    """SQLite with the library's own settings; workflows are called one after the other, which was no slower than many at once."""
    from dbos import DBOS

    azure = Azure()
    begin, ask = DBOS.step()(azure_step("begin", azure.begin)), DBOS.step()(azure_step("ask", azure.ask))

    def operation(name: str) -> str:
        for step in range(len(POLLS)):
            handle = begin(f"{name}/{step}")
            answered = False
            while not answered:
                DBOS.sleep(MOMENT)
                answered = ask(handle)
        return "succeeded"

    workflow = DBOS.workflow()(operation)
    file = folder / "dbos.sqlite"
    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{file}", "run_admin_server": False, "log_level": "CRITICAL"})
    DBOS.launch()
    try:
        return _timed(lambda names: [workflow(name) for name in names], operations, azure, lambda: commits(file))
    finally:
        DBOS.destroy()


def azure_step(name: str, call: Callable[[str], Any]) -> Callable[[str], Any]:
    """A function of that name, by which the engine knows the step."""

    def step(handle: str) -> Any:  # noqa: ANN401 - what the call answers
        return call(handle)

    step.__name__ = step.__qualname__ = name
    return step


def commits(file: Path) -> int:
    """How many commits have changed a SQLite file, by its own count."""
    with file.open("rb") as opened:
        return int.from_bytes(opened.read(_COUNTER.stop)[_COUNTER])


def _timed(run: Callable[[list[str]], list[str]], operations: int, azure: Azure, written: Callable[[], int]) -> dict[str, Any]:
    """What so many operations take, after one to warm up. Seconds on the clock, and of this process's processor time."""
    run(["warm"])
    calls, writes = azure.calls, written()
    clock, processor = time.perf_counter(), time.process_time()
    ended = run([f"operation{n}" for n in range(operations)])
    spent = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}
    if ended != ["succeeded"] * operations:
        message = f"{ended.count('succeeded')} of {operations} operations succeeded"
        raise RuntimeError(message)
    return {**spent, "calls": azure.calls - calls, "commits": written() - writes}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    engine, number, place = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    took = {"durabletask": on_durabletask, "dbos": on_dbos}[engine](int(number), Path(place))
    print(json.dumps({"version": version(engine), **took}), flush=True)  # noqa: T201 - its answer

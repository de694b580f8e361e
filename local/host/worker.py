"""A worker process: imports the app, answers its functions to the host, and runs invocations until the host goes away.

It is started by `workers` with the pipe to the host on standard input and output, and knows nothing of queues, routes or schedules.
"""

import asyncio
import contextlib
import ctypes
import importlib
import logging
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from local.host.calls import attempt_from, call_from, outcome_frame
from local.host.context import current_invocation
from local.host.frames import Frame, FrameWriter, read_frame
from local.host.indexing import LoadedFunction, index, load_app, put_first
from local.host.invoking import invoke, invoke_async
from local.worldtime import WorldTime

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class HostLog(logging.Handler):
    """Passes what the app logs to the host, with the function and the invocation that said it."""

    def __init__(self, writer: FrameWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; a record that cannot be formatted is reported the way `logging` does it."""
        try:
            found = current_invocation()
            said = {
                "kind": "log",
                "level": record.levelno,
                "logger": record.name,
                "message": self.format(record),
                "function": found.function if found else "",
                "invocation": found.invocation if found else "",
            }
            self._writer.write(Frame(head=said))
        except Exception:  # noqa: BLE001 - logging must not break the app
            self.handleError(record)


class Worker:
    """The functions of one app, served over one pipe."""

    def __init__(self, writer: FrameWriter) -> None:
        self._writer = writer
        self._functions: dict[str, LoadedFunction] = {}
        self._pool = ThreadPoolExecutor(max_workers=_threads(), thread_name_prefix="function")
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, frame: Frame) -> None:
        """Act on what the host said. It runs on the event loop, so an `async def` function that blocks delays everything, as in Azure."""
        match frame.head:
            case {"kind": "load"}:
                self._load(frame)
            case {"kind": "invoke", "function": name, "invocation": invocation}:
                self._start(self._functions[name], frame, invocation)
            case _:
                message = f"the host said {frame.head.get('kind')!r}, which means nothing to a worker"
                raise ValueError(message)

    def _load(self, frame: Frame) -> None:
        try:
            root = Path(frame.head["app_root"])
            put_first(root)
            if before := frame.head["before"]:
                module, _, function = before.partition(":")
                getattr(importlib.import_module(module), function)(WorldTime.parse(frame.head["world"]))
            loaded = index(load_app(root, frame.head["module"]))
        except Exception as error:  # noqa: BLE001 - whatever the app raises while it is imported fails the app
            said = {"kind": "broken", "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
            self._writer.write(Frame(head=said))
            return
        self._functions = {function.name: function for function in loaded}
        self._writer.write(Frame(head={"kind": "loaded", "functions": [function.function.said() for function in loaded]}))

    def _start(self, function: LoadedFunction, frame: Frame, invocation: str) -> None:
        call, attempt = call_from(frame), attempt_from(frame)
        if function.is_async:

            async def run_async() -> None:
                outcome = await invoke_async(function, call, invocation=invocation, attempt=attempt)
                self._writer.write(outcome_frame(outcome, invocation=invocation))

            task = asyncio.get_running_loop().create_task(run_async())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:

            def run() -> None:
                outcome = invoke(function, call, invocation=invocation, attempt=attempt)
                self._writer.write(outcome_frame(outcome, invocation=invocation))

            self._pool.submit(run)


def main() -> None:
    """Serve the host on the other end of standard input and output, until it goes away."""
    _die_with(int(sys.argv[1]))
    incoming, outgoing = _private_pipe()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the host decides when we end
    writer = FrameWriter(outgoing)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(HostLog(writer))
    asyncio.run(_serve(Worker(writer), incoming))


async def _serve(worker: Worker, incoming: BinaryIO) -> None:
    loop = asyncio.get_running_loop()

    def listen() -> None:
        while (frame := read_frame(incoming)) is not None:
            loop.call_soon_threadsafe(worker.hear, frame)
        os._exit(0)  # the host is gone: nobody wants what still runs

    threading.Thread(target=listen, name="pipe", daemon=True).start()
    await asyncio.Event().wait()


def _private_pipe() -> tuple[BinaryIO, BinaryIO]:
    """The pipe under new numbers, so that what the app prints or reads cannot disturb it; prints go where the log goes."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return incoming, outgoing


def _die_with(parent: int) -> None:
    """Ask the kernel, where it can, to end this process with its parent; the closed pipe does the same everywhere, a little later."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _threads() -> int:
    asked = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else min(32, (os.cpu_count() or 1) + 4)


if __name__ == "__main__":
    main()

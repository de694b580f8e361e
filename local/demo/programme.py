"""The demo from the first line to the last: a stack of its own from nothing, all acts, the end of the stack, and how it went."""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from local.demo.acts import ACTS, Act
from local.demo.doors import App, Azure, Bot
from local.demo.expecting import BrokenError, Expectations
from local.demo.scene import Scene, alive
from local.demo.screen import Screen, Style
from local.processes import ROOT, NotReadyError
from local.stack import Recipe, Stack
from local.storage import LAPTOP
from local.up import alone
from local.worldtime import WorldTime

STATE = LAPTOP / "demo"
BEGINS = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""When the demo's world begins: a day on which AKS offers the versions that docs/examples names, so that it plays alike on any other."""


def run(screen: Screen, *, speed: float, seed: int, ending: Callable[[], None]) -> int:
    """Play on fresh state, and say in the last lines how it went; answers the exit code.

    `ending` is called when the end of the stack begins, which had better not be disturbed.
    """
    begun = time.monotonic()
    expect = Expectations(screen=screen)
    with alone(LAPTOP / "demo.lock"):
        shutil.rmtree(STATE, ignore_errors=True)
        stack = Stack(Recipe(state=STATE, world=WorldTime.starting_at(BEGINS, speed), seed=seed))
        screen.line("Tidekeeper: the main job from start to end", style=Style.BOLD)
        screen.line(f"At {speed:g} times real speed, so that a minute in the world takes {60 / speed:.2g} s here.")
        fault = None
        try:
            _play(stack, screen, expect, ending)
        except (BrokenError, NotReadyError) as broken:
            fault = str(broken)
    if fault is None:
        screen.right(f"all {expect.met} outcomes were as expected, in {time.monotonic() - begun:.0f} s")
        screen.line("Next: `python3 dev.py up` starts the same stack for you to try.", indent=3)
        return 0
    screen.line()
    for text in (*expect.missed, *fault.splitlines()):
        screen.wrong(text)
    screen.line(f"{expect.met} outcomes were as expected before. The logs are in {stack.keeper.logs.relative_to(ROOT)}.", indent=3)
    return 1


def _play_one(act: Act, scene: Scene) -> None:
    try:
        act.play(scene)
    except BrokenError:
        scene.watch()  # a part that has fallen explains more than what came of it
        raise
    except (AzureError, LookupError, OSError, TypeError, ValueError) as fault:
        scene.watch()
        message = f"expected answers of the agreed form, came something that fails with {fault!r}"
        raise BrokenError(message) from fault


def _play(stack: Stack, screen: Screen, expect: Expectations, ending: Callable[[], None]) -> None:
    begun = time.monotonic()
    screen.progress("starting storage, a simulated Azure and the app")
    with stack:
        screen.line(f"Storage, a simulated Azure and the app run on loopback ({time.monotonic() - begun:.1f} s to start).")
        try:
            azure = Azure(url=stack.arm_url, authority=STATE / "certificates" / "authority.pem")
            with Bot(stack.storage.connection_string) as bot:
                scene = Scene(stack=stack, screen=screen, expect=expect, app=App(url=stack.url), bot=bot, azure=azure)
                for number, act in enumerate(ACTS, 1):
                    screen.act(number, act.name, act.why)
                    _play_one(act, scene)
                    expect.done()
            pids = stack.pids
        finally:
            ending()
            screen.progress("ending the app, the simulated Azure and storage")
    screen.line()
    expect.same("the stack has ended, and none of its processes is left", wanted=[], found=alive(pids))
    expect.done()

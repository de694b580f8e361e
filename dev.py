#!/usr/bin/env python3
"""One command line for people: makes the environment it needs, then runs the stack, the demo, the tests, the checks, the bench.

Standard library only. It must not know how the app works: real work is done by modules that it runs inside the environment.
"""

from __future__ import annotations  # so that an old Python can read this file far enough to say what is wrong

import argparse
import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from local import package, suite
from local.interpreters import SUPPORTED, FaultError, Python, chosen_python, find_python, quietly, say

ROOT = Path(__file__).resolve().parent
VENVS = ROOT / ".venv"
LAPTOP = ROOT / ".laptop"
FASTEST = 100_000.0
LOCKED = ROOT / "requirements-dev.txt"
CLI = ROOT / "requirements-az.txt"
PEERS = ROOT / "requirements-bench.txt"
WITH_CLI = ("tests/az", "tests/conformance/test_answers.py")  # what the CLI is answered is held against Azure's description too
BROKEN = ("DO NOT MATCH THE HASHES", "In --require-hashes mode")  # what pip says of a lock that is wrong, network or not
MADE = (".venv", ".laptop", ".cache", ".ruff_cache", ".import_linter_cache", ".hypothesis", "dist")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


@contextlib.contextmanager
def held(lock: Path, *, otherwise: str | None = None) -> Iterator[None]:
    """Hold a lock that the system lets go of however this process ends; wait for it, or, with `otherwise`, say that and give up."""
    import fcntl  # noqa: PLC0415 - not on every system, and `main` has to say so first

    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if otherwise else 0))
        except BlockingIOError:
            raise FaultError(otherwise) from None
        yield


def environment(python: Python, *, prefix: str = "", locked: Path = LOCKED, uv: Path | None = None) -> Path:
    """The interpreter of `.venv/<prefix><pyXY>`, made and filled when it is not there or what `locked` pins has changed.

    `uv` is an interpreter that has uv, which fills it much faster; pip does where uv cannot: it may know of a way out that uv does not.
    """
    home = VENVS / f"{prefix}{python.tag}"
    inside = home / "bin" / "python"
    stamp = home / "made-of"
    made_of = hashlib.sha256(locked.read_bytes()).hexdigest()
    with held(VENVS / f"{home.name}.lock"):
        if inside.exists() and stamp.exists() and stamp.read_text() == made_of:
            return inside
        say(f"making {home.relative_to(ROOT)} with Python {python.name} and what {locked.name} locks (once; about a minute)")
        begun = time.monotonic()
        quietly("the environment could not be made", [python.path, "-m", "venv", "--clear", home])
        options: list[str | Path] = ["install", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", locked]
        by_uv = uv is not None and ended_well([uv, "-m", "uv", "--no-config", "pip", *options, "--python", inside])
        if not by_uv:
            pip: list[str | Path] = [inside, "-m", "pip", "--disable-pip-version-check"]
            quietly("the requirements could not be installed; is there a network?", [*pip, *options])
        stamp.write_text(made_of)
        say(f"made in {time.monotonic() - begun:.0f} seconds")
    return inside


def ended_well(command: list[str | Path]) -> bool:
    """Whether a command ends with 0; nothing of what it says is shown."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def installed_azurite(inside: Path) -> bool:
    """Whether Azurite is here, after installing it where it was not; what went wrong has been said."""
    return subprocess.run([inside, "-m", "local.storage"], cwd=ROOT, check=False).returncode == 0


def become(inside: Path, module: str, arguments: list[str]) -> NoReturn:
    """Turn this process into `python -m module`, so that Ctrl-C and the exit code are the module's own."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(inside, [str(inside), "-m", module, *arguments])  # noqa: S606 - no shell is wanted, and the arguments are the person's own


# --------------------------------------------------------------------------------------------------------------------- the stack


def laptop(module: str, arguments: list[str], python: Python) -> NoReturn:
    """Run a module that needs the environment and Azurite."""
    inside = environment(python)
    if not installed_azurite(inside):
        raise SystemExit(1)
    become(inside, module, arguments)


def clean(*, state_only: bool) -> int:
    """Take away all that this command line has made, or only the rehearsed world; refused while the stack runs."""
    gone = [LAPTOP / "world"] if state_only else [ROOT / name for name in MADE]
    if not state_only:
        gone += [folder for top in suite.CHECKED for folder in (ROOT / top).rglob("__pycache__")] + [ROOT / "__pycache__"]
    running = "is running: end it with Ctrl-C first"
    with contextlib.ExitStack() as locks:
        for name in ("up", "demo", "azure", "chaos"):
            locks.enter_context(held(LAPTOP / f"{name}.lock", otherwise=f"`dev.py {name}` {running}"))
        for path in gone:
            if path.exists():
                say(f"removing {path.relative_to(ROOT)}")
                shutil.rmtree(path)
    return 0


# ---------------------------------------------------------------------------------------------------------------------- tests, checks


def test(arguments: list[str], wanted: str | None) -> int:
    """Checks, then the whole suite on every Python found; with paths or pytest arguments only those, on one Python, without the checks."""
    first = chosen_python(wanted)
    inside = environment(first)
    if not installed_azurite(inside):
        say("going on without Azurite; the tests that need it are skipped")
    outcomes = []
    runs = [(first, inside)]
    if arguments:
        say(f"only what was asked for, on Python {first.name}; `dev.py test` alone runs the checks and everything")
    else:
        say(f"checks on Python {first.name}")
        outcomes.append(suite.checks(inside))
        for version in SUPPORTED if wanted is None else ():
            other = first if version == first.version else find_python(version)
            if other is None:
                say("Python {}.{} is not on this machine, so nothing runs on it".format(*version))
            elif other is not first:
                runs.append((other, environment(other)))
    outcomes += suite.tests(runs, [from_here(argument) for argument in arguments])
    return suite.close(outcomes)


def test_with_cli(arguments: list[str], wanted: str | None) -> int:
    """The official Azure CLI, unmodified, against the simulated Azure; skipped, and said so, where it cannot be installed."""
    python = chosen_python(wanted)
    inside = environment(python)
    without = "the simulated Azure is not tried with the Azure CLI"
    cli = installed_or_not(lambda: environment(python, prefix="az-", locked=CLI, uv=inside), without)
    if cli is None:
        return 0
    paths = [from_here(argument) for argument in arguments]
    named = any(Path(path.partition("::")[0]).exists() for path in paths)
    return suite.close(suite.tests([(python, inside)], [*([] if named else WITH_CLI), f"--az={cli.with_name('az')}", *paths]))


def with_peers(arguments: list[str], python: Python) -> list[str]:
    """The bench's arguments, and the interpreter of the engines that are set beside ours; without it where they cannot be installed."""
    inside = environment(python)
    without = "our engine is not set beside other durable engines"
    peers = installed_or_not(lambda: environment(python, prefix="bench-", locked=PEERS, uv=inside), without)
    return [*arguments, *([f"--peers={peers}"] if peers is not None else [])]


def installed_or_not(make: Callable[[], Path], without: str) -> Path | None:
    """What `make` answers; None, after saying what is done without it, where it cannot be installed. A lock that is wrong is a fault."""
    try:
        return make()
    except FaultError as fault:
        if any(words in str(fault) for words in BROKEN):
            raise
        say(f"skipped: {without}, which could not be installed here\n{fault}")
        return None


def from_here(argument: str) -> str:
    """A path given from where the person stands, made whole, because pytest runs at the root; anything else as it is."""
    path, mark, rest = argument.partition("::")
    here = Path.cwd() / path
    return f"{here}{mark}{rest}" if not argument.startswith("-") and here.exists() else argument


# ------------------------------------------------------------------------------------------------------------------ package, lock


def lock(python: Python, *, upgrade: bool) -> int:
    """Pin what the four `.in` files ask for, with hashes, for all supported Pythons; then see that each pin has a wheel everywhere."""
    inside = environment(python)
    uv: list[str | Path] = [inside, "-m", "uv", "--no-config", "--quiet", "pip"]
    # No address of an index goes into the files, so that they hold with any.
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]
    options += ["--custom-compile-command", "python3 dev.py lock", *(["--upgrade"] if upgrade else [])]
    for name in ("requirements", "requirements-dev", "requirements-az", "requirements-bench"):
        say(f"locking {name}.in into {name}.txt")
        quietly("no set of versions fits", [*uv, "compile", *options, "--output-file", f"{name}.txt", f"{name}.in"])
    nowhere = LAPTOP / "nowhere"
    nowhere.mkdir(parents=True, exist_ok=True)
    for version in SUPPORTED:
        name = "{}.{}".format(*version)
        say(f"wheels for Python {name} on {len(PLATFORMS)} platforms")
        for platform, locked in itertools.product(PLATFORMS, (LOCKED, CLI, PEERS)):
            options = ["--dry-run", "--only-binary=:all:", "--require-hashes", "--no-deps", f"--target={nowhere}"]
            options += [f"--python-version={name}", f"--python-platform={platform}"]
            quietly(f"a pin of {locked.name} has no wheel for Python {name} on {platform}", [*uv, "install", *options, "-r", locked])
    shutil.rmtree(nowhere, ignore_errors=True)
    return 0


# ---------------------------------------------------------------------------------------------------------------------- the command line


def _within(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number of that span from a command line."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            message = f"{text} is not a whole number from {least} to {most}"
            raise argparse.ArgumentTypeError(message)
        return int(text)

    return number


def _speed(text: str) -> float:
    """Reads a speed at which a world can still tell the time."""
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= FASTEST:
        message = f"{text} is not a speed above 0 and up to {FASTEST} (1 is real time, 60 a minute a second)"
        raise argparse.ArgumentTypeError(message)
    return speed


def parser() -> argparse.ArgumentParser:
    """The command line; `python3 dev.py` alone shows its help."""
    top = argparse.ArgumentParser(prog="dev.py", description="Runs, tests, checks and packages Tidekeeper.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", metavar="command")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.add_argument("--python", metavar="X.Y", help="the Python to use, such as 3.12 (default: the one that runs this)")
        return sub

    up = command("up", "start storage, a simulated Azure and the app on loopback; Ctrl-C ends all")
    up.add_argument("--host", choices=("local", "func"), default="local", help="who runs the app: the host in this project, or Core Tools")
    up.add_argument("--speed", type=_speed, default=1.0, help="how many times as fast as real the rehearsed world runs (default 1)")
    up.add_argument("--port", type=_within(0, 65535), default=7071, help="the app's port (default 7071; 0: any free one)")
    up.add_argument("--auth", action="store_true", help="ask for function keys, as Azure does")
    up.add_argument("--workers", type=_within(1, 10), default=1, help="worker processes, 1 to 10 (default 1)")
    azure = command("azure", "start the simulated Azure alone, for the Azure CLI and other clients; Ctrl-C ends it")
    azure.add_argument("--speed", type=_speed, default=1.0, help="how many times as fast as real its world runs (default 1)")
    azure.add_argument("--port", type=_within(0, 65535), default=17445, help="where it listens (default 17445; 0: any free one)")
    azure.add_argument("--seed", type=_within(0, 2**31), help="decides all that is left to chance in a new world (default 1)")
    azure.add_argument("--state", metavar="DIR", type=Path, default=LAPTOP / "azure", help="keeps its world (default .laptop/azure)")
    azure.add_argument("--fresh", action="store_true", help="forget the world that was kept there, and begin a new one")
    command("demo", "the main job at speed 60: create, scale, wait in line, refuse, stop, start, upgrade through a kill, delete")
    chaos = command("chaos", "operations on three hosts that are killed, storage stopped, Azure at its worst; exit 1 if anything is lost")
    chaos.add_argument("--seed", type=_within(0, 2**31), help="decides the storm (default: any)")
    chaos.add_argument("--operations", type=_within(1, 1000), default=50, help="how many operations (default 50)")
    chaos.add_argument("--clusters", type=_within(1, 1000), default=20, help="on how many clusters (default 20)")
    testing = command("test", "checks, then the tests on every Python found; or only the paths and pytest arguments given")
    testing.add_argument("--az", action="store_true", help="only this: the official Azure CLI against the simulated Azure")
    check = command("check", "lint, form, types and imports")
    check.add_argument("--fix", action="store_true", help="mend first what can be mended")
    simulate = command("simulate", "seeded runs of several workers under faults, every invariant checked; exit 1 if one is broken")
    simulate.add_argument("--seeds", type=_within(1, 10_000_000), default=100, help="how many runs (default 100)")
    simulate.add_argument("--seed", type=_within(0, 2**31), default=0, help="the first seed (default 0)")
    simulate.add_argument("--calls", action="store_true", help="first every trouble at every outside call of every scenario")
    command("bench", "count transactions and calls, and measure; a table and JSON")
    command("package", "a zip to deploy, in dist/")
    pins = command("lock", "pin what the requirements*.in files ask for")
    pins.add_argument("--upgrade", action="store_true", help="take newer versions where there are some")
    cleaning = command("clean", "take away what this command line has made")
    cleaning.add_argument("--state", action="store_true", help="only the rehearsed world: storage, the simulated Azure, logs")
    return top


def carry_out(arguments: argparse.Namespace, extra: list[str]) -> int:
    """Do what was asked; answers the exit code."""
    if arguments.command == "clean":
        return clean(state_only=arguments.state)
    if arguments.command == "test":
        return test_with_cli(extra, arguments.python) if arguments.az else test(extra, arguments.python)
    python = chosen_python(arguments.python)
    if arguments.command == "check":
        return 1 if suite.checks(environment(python), fix=arguments.fix).failed else 0
    if arguments.command == "package":
        say(package.build(python, ROOT, ROOT / "dist"))
        return 0
    if arguments.command == "lock":
        return lock(python, upgrade=arguments.upgrade)
    if arguments.command == "simulate":
        become(
            environment(python),
            "tests.simulation",
            [f"--seeds={arguments.seeds}", f"--seed={arguments.seed}", *(["--calls"] if arguments.calls else [])],
        )
    if arguments.command == "azure":
        extra = [f"--speed={arguments.speed}", f"--port={arguments.port}", f"--state={arguments.state.resolve()}"]
        extra += [f"--seed={arguments.seed}"] if arguments.seed is not None else []
        become(environment(python), "local.azure", [*extra, "--fresh"] if arguments.fresh else extra)
    if arguments.command == "up":
        names = ("host", "speed", "port", "workers")
        extra = [f"--{name}={getattr(arguments, name)}" for name in names] + (["--auth"] if arguments.auth else [])
    if arguments.command == "chaos":
        extra = [f"--operations={arguments.operations}", f"--clusters={arguments.clusters}"]
        extra += [f"--seed={arguments.seed}"] if arguments.seed is not None else []
    if arguments.command == "bench" and not {"-h", "--help"} & {*extra}:
        extra = with_peers(extra, python)
    laptop(f"local.{arguments.command}", extra, python)


def move_if_needed() -> None:
    """Go on with a supported Python where this one is not; a fault where there is none, or where the system will not do."""
    if os.name != "posix":
        message = "this command line needs Linux, macOS or the Windows Subsystem for Linux"
        raise FaultError(message)
    if sys.version_info[:2] not in SUPPORTED:
        other = chosen_python()
        say("Python {}.{} is not one this project runs on; going on with {}".format(*sys.version_info[:2], other.path))
        os.execv(other.path, [str(other.path), str(Path(__file__).resolve()), *sys.argv[1:]])  # noqa: S606 - as in `become`


def main() -> int:
    """Read the command line, move to a Python that will do if this one will not, and do it."""
    top = parser()
    arguments, extra = top.parse_known_args()
    if arguments.command is None:
        top.print_help()
        return 0
    if extra and arguments.command not in {"test", "demo", "bench"}:
        top.error(f"{arguments.command} does not know {' '.join(extra)}")
    try:
        move_if_needed()
        return carry_out(arguments, extra)
    except FaultError as fault:
        print(f"dev.py: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

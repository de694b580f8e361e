"""The Pythons of this machine that the project can run on, and how commands are run so that only a failure is heard.

Standard library only, and readable by old Pythons: `dev.py` needs it before there is any environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ((3, 11), (3, 12), (3, 13))


class FaultError(Exception):
    """Something a person can put right; the message says how."""


class Python(NamedTuple):
    """An interpreter that runs and can make environments."""

    version: tuple[int, int]
    path: Path

    @property
    def name(self) -> str:
        """The version as people write it, such as 3.12."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def tag(self) -> str:
        """The version as file names carry it, such as py312."""
        return f"py{self.version[0]}{self.version[1]}"


def say(text: str) -> None:
    """Tell the person what goes on, at once even through a pipe."""
    print(text, flush=True)


def quietly(fault: str, command: Sequence[str | Path], directory: Path = ROOT) -> None:
    """Run it and show nothing unless it fails; then `FaultError` with the end of what it said."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-15:])
        message = f"{fault}\n{tail}"
        raise FaultError(message)


def works(path: Path, version: tuple[int, int]) -> bool:
    """Whether the file there is a Python of this version that can make environments; a pyenv shim or a Debian Python may not be."""
    probe = "import sys, ssl, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.split() == [str(number) for number in version]


def candidates(version: tuple[int, int]) -> list[Path]:
    """Where a Python of this version may be: this process, the PATH, pyenv, uv."""
    name = f"python{version[0]}.{version[1]}"
    places = [Path(sys.executable)] if sys.version_info[:2] == version and sys.executable else []
    places += [Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", "~/.local/share/uv/python")).expanduser()
    for home, pattern in ((pyenv / "versions", f"{version[0]}.{version[1]}.*"), (uv, f"cpython-{version[0]}.{version[1]}.*")):
        places += [folder / "bin" / name for folder in sorted(home.glob(pattern), reverse=True)]
    return [place for place in places if place.exists()]


def find_python(version: tuple[int, int]) -> Python | None:
    """The first Python of this version on the machine that works."""
    return next((Python(version, place) for place in candidates(version) if works(place, version)), None)


def chosen_python(wanted: str | None = None) -> Python:
    """The Python asked for (such as `3.12`), else the running one, else the oldest supported one on the machine."""
    names = ["{}.{}".format(*version) for version in SUPPORTED]
    if wanted is not None:
        if wanted not in names:
            message = f"Python {wanted} is not one this project runs on: {', '.join(names)}"
            raise FaultError(message)
        order = [SUPPORTED[names.index(wanted)]]
    else:
        order = sorted(SUPPORTED, key=lambda version: version != sys.version_info[:2])
    for version in order:
        found = find_python(version)
        if found is not None:
            return found
    running = "{}.{}".format(*sys.version_info[:2])
    message = (
        f"no Python {wanted or ', '.join(names)} was found that can make environments (this is {running}). Install one, for example with\n"
        "  apt install python3.11 python3.11-venv    brew install python@3.13    uv python install 3.13    pyenv install 3.12"
    )
    raise FaultError(message)

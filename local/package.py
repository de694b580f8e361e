"""What ships, as a zip: chosen by `.funcignore`, with bytecode, the same bytes for the same source.

Standard library only: `dev.py` runs it outside of any environment.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import zipfile
from pathlib import Path

from local.interpreters import FaultError, Python, quietly

SHIPPED = frozenset({"host.json", "function_app.py", "functions", "shared", "requirements.txt"})


def left_out(relative: str, rules: list[str]) -> bool:
    """Whether `.funcignore` keeps this file (a path from the root, with slashes) out of what ships."""
    parts = relative.split("/")
    for rule in rules:
        if rule.startswith("**/"):
            if any(fnmatch.fnmatchcase(part, rule[3:]) for part in parts):
                return True
        elif fnmatch.fnmatchcase(parts[0], f"{rule[1:]}*"):
            return True
    return False


def shipped_files(root: Path) -> list[str]:
    """The files that ship, sorted; a fault names anything at the top that neither ships nor is in `.funcignore`."""
    lines = [line.strip() for line in (root / ".funcignore").read_text().splitlines()]
    rules = [line for line in lines if line and not line.startswith("#")]
    odd = [rule for rule in rules if not re.fullmatch(r"(/|\*\*/)[^/!]+", rule)]
    if odd:
        message = f".funcignore has a form that not every tool reads alike: {', '.join(odd)}"
        raise FaultError(message)
    tops = [path for path in root.iterdir() if not left_out(path.name, rules)]
    strays = sorted(path.name for path in tops if path.name not in SHIPPED)
    if strays:
        message = f"at the top of the project, neither shipped nor in .funcignore: {', '.join(strays)}"
        raise FaultError(message)
    missing = sorted(SHIPPED - {path.name for path in tops})
    if missing:
        message = f"should ship and is not there: {', '.join(missing)}"
        raise FaultError(message)
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file()]
    return sorted(name for name in (file.relative_to(root).as_posix() for file in files) if not left_out(name, rules))


# Run in a fresh interpreter, so that the same source gives the same bytes. Unchecked, because a zip does not keep the times of its files.
COMPILE = """
import importlib.util, json, pathlib, py_compile, sys
root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
for name in json.loads(sys.argv[3]):
    place = importlib.util.cache_from_source(name)
    py_compile.compile(str(root / name), str(out / place), dfile=name, doraise=True, invalidation_mode=unchecked)
"""


def name_of(python: Python) -> str:
    """The file's name for that Python."""
    return f"tidekeeper-{python.tag}.zip"


def build(python: Python, root: Path, folder: Path) -> str:
    """Make a zip to deploy in `folder`, with bytecode for `python`; answers a line that tells what and where."""
    files = shipped_files(root)
    sources = [name for name in files if name.endswith(".py")]
    compiled = folder / f"bytecode-{python.tag}"
    shutil.rmtree(compiled, ignore_errors=True)
    compiled.mkdir(parents=True)
    quietly("the source could not be compiled", [python.path, "-I", "-c", COMPILE, root, compiled, json.dumps(sources)])
    content = {name: root / name for name in files}
    content.update({file.relative_to(compiled).as_posix(): file for file in compiled.rglob("*.pyc")})
    target = folder / name_of(python)
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name].read_bytes(), compresslevel=9)
    shutil.rmtree(compiled)
    return f"{target}: {len(files)} files and bytecode for Python {python.name}, {target.stat().st_size:,} bytes"

"""What ships: these files and their bytecode, the same bytes each time, and nothing of the laptop."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local import package
from local.interpreters import FaultError, Python

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = Python((sys.version_info[0], sys.version_info[1]), Path(sys.executable))
TREE = (
    "host.json",
    "function_app.py",
    "requirements.txt",
    "functions/__init__.py",
    "functions/health.py",
    "shared/__init__.py",
    "shared/model/plans.py",
    "shared/model/__pycache__/plans.cpython-311.pyc",
    "shared/stray.pyc",
    "__pycache__/function_app.cpython-311.pyc",
    "local/up.py",
    "local.settings.json",
    "local.settings.sample.json",
    "tests/test_x.py",
    "docs/a.md",
    "README.md",
    ".git/config",
    ".ci/run",
    ".venv/py311/bin/python",
    "requirements.in",
    "requirements-dev.txt",
    "requirements-az.txt",
    "requirements-bench.txt",
    "pyproject.toml",
    "dev.py",
    "LICENSE",
    "dist/old.zip",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of the real one's shape, with the real `.funcignore`."""
    root = tmp_path / "project"
    for name in TREE:
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text('"""Nothing."""\n' if name.endswith(".py") else "{}")
    (root / ".funcignore").write_text((ROOT / ".funcignore").read_text())
    return root


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    if not (ROOT / "function_app.py").exists():
        pytest.skip("function_app.py is not there yet")
    return built(ROOT, tmp_path_factory.mktemp("dist"))


def built(root: Path, folder: Path) -> Path:
    package.build(PYTHON, root, folder)
    return folder / package.name_of(PYTHON)


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_a_tree_ships_its_app_and_nothing_else(tree: Path) -> None:
    assert package.shipped_files(tree) == [
        "function_app.py",
        "functions/__init__.py",
        "functions/health.py",
        "host.json",
        "requirements.txt",
        "shared/__init__.py",
        "shared/model/plans.py",
    ]


def test_a_stray_file_at_the_top_is_named_and_not_shipped(tree: Path) -> None:
    (tree / "secrets.txt").write_text("x")
    with pytest.raises(FaultError, match=r"secrets\.txt"):
        package.shipped_files(tree)


def test_a_missing_file_is_named(tree: Path) -> None:
    (tree / "host.json").unlink()
    with pytest.raises(FaultError, match=r"not there: host\.json"):
        package.shipped_files(tree)


@pytest.mark.parametrize("rule", ["!functions", "shared/model", "local", "/a/b"])
def test_a_rule_that_tools_read_differently_is_refused(tree: Path, rule: str) -> None:
    (tree / ".funcignore").write_text(f"/.*\n{rule}\n")
    with pytest.raises(FaultError, match="not every tool reads alike"):
        package.shipped_files(tree)


def core_tools_leave_out(rules: str, name: str) -> bool:
    """How Core Tools read the file: each rule anchored at the start only, `**` any characters, `*` any but a slash."""
    lines = [line.strip().lstrip("/") for line in rules.splitlines() if line.strip() and not line.startswith("#")]
    patterns = [re.escape(line).replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)") for line in lines]
    return any(re.match(pattern, name) for pattern in patterns)


def test_core_tools_would_ship_the_same_files(tree: Path) -> None:
    rules = (tree / ".funcignore").read_text()
    everything = sorted(file.relative_to(tree).as_posix() for file in tree.rglob("*") if file.is_file())
    assert [name for name in everything if not core_tools_leave_out(rules, name)] == package.shipped_files(tree)


def test_the_same_source_makes_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    first = built(tree, tmp_path / "one").read_bytes()
    for file in tree.rglob("*.py"):
        file.touch()
    assert built(tree, tmp_path / "two").read_bytes() == first


def test_bytecode_is_used_without_asking_after_the_time_of_its_source(tree: Path, tmp_path: Path) -> None:
    archive = built(tree, tmp_path / "dist")
    with zipfile.ZipFile(archive) as opened:
        flags = {name: opened.read(name)[4:8] for name in opened.namelist() if name.endswith(".pyc")}
    assert len(flags) == 5
    assert set(flags.values()) == {b"\x01\x00\x00\x00"}  # hash-based, and not checked


def test_the_package_holds_only_what_ships(archive: Path) -> None:
    tops = {name.split("/")[0] for name in names(archive)}
    assert tops == {"host.json", "function_app.py", "functions", "shared", "requirements.txt", "__pycache__"}
    assert {Path(name).suffix for name in names(archive)} == {".json", ".py", ".txt", ".pyc"}


def test_every_module_ships_with_its_bytecode(archive: Path) -> None:
    every = set(names(archive))
    tag = sys.implementation.cache_tag
    sources = [Path(name) for name in every if name.endswith(".py")]
    assert len(sources) > 5
    assert [str(file) for file in sources if f"{file.parent / '__pycache__' / file.stem}.{tag}.pyc".removeprefix("./") not in every] == []


def test_the_packaged_app_is_imported_without_the_laptop(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    laptop = "[name for name in sys.modules if name.split('.')[0] in ('local', 'tests', 'dev')]"
    code = f"import function_app, json, sys; print(json.dumps({laptop}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_host_settings_are_those_the_app_was_measured_with() -> None:
    settings = json.loads((ROOT / "host.json").read_text())
    assert settings["version"] == "2.0"
    assert settings["functionTimeout"] == "00:05:00"
    assert settings["extensions"]["queues"] == {
        "messageEncoding": "none",
        "maxPollingInterval": "00:00:05",
        "visibilityTimeout": "00:00:30",
        "batchSize": 16,
        "newBatchThreshold": 8,
        "maxDequeueCount": 5,
    }


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-az.txt", "requirements-bench.txt"])
def test_every_requirement_is_pinned_with_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^(\S+) ?(?:;.*)?\\$", text, re.MULTILINE)
    assert len(pins) > 10
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+", pin)] == []
    assert len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)
    assert "://" not in text


def test_what_ships_is_pinned_alike_on_the_laptop() -> None:
    shipped, laptop = (
        {*re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(), re.MULTILINE)} for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert shipped <= laptop


def test_every_direct_dependency_has_its_line_of_reason() -> None:
    wanted = {
        re.split(r"[=<>~;\s\[]", line)[0]
        for name in ("requirements.in", "requirements-dev.in", "requirements-az.in", "requirements-bench.in")
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    }
    told = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE))
    assert told == wanted

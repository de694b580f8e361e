"""Importing the app must be cheap: a cold start pays for every import before the first request."""

import json
import subprocess
import sys

import pytest

from tests.doors import ROOT

HEAVY = (
    "pydantic", "pydantic_core", "azure.data.tables", "azure.storage", "azure.identity", "azure.mgmt", "azure.core", "requests", "urllib3",
    "aiohttp", "cryptography", "msal", "local", "tests",
)  # fmt: skip


def modules_after(code: str) -> set[str]:
    """The modules of a fresh interpreter that has run `code`."""
    text = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """What importing the app imports, beyond what its library does."""
    return modules_after("import function_app") - modules_after("import azure.functions")


@pytest.mark.parametrize("heavy", HEAVY)
def test_importing_the_app_imports_nothing_heavy(imported: set[str], heavy: str) -> None:
    assert not [module for module in imported if module == heavy or module.startswith(f"{heavy}.")]


def test_importing_the_app_imports_its_doors_and_nothing_behind_them(imported: set[str]) -> None:
    assert "functions.requests" in imported
    behind = [module for module in imported if module.startswith(("shared.", "functions.wire", "functions.replies"))]
    assert behind == []


def test_importing_the_app_says_nothing_and_reads_no_setting() -> None:
    code = "import os\nos.environ.clear()\nimport function_app"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")

"""One simulated Azure, started as a person starts it, and one shell that follows the lines it printed: for `python3 dev.py test --az`."""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.processes import Keeper
from local.stack import inherited
from tests.az.driving import Az, a_shell, closed_door, printed

_SPEED = 1000
_START = timedelta(seconds=60)
_SHELL = pytest.StashKey[Az]()
_NOT_OURS = frozenset({"InvalidResourceType", "NoRegisteredProviderFound", "MissingSubscription"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--az", type=Path, default=None, help="the Azure CLI to drive")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """These tests are a step of their own: the ordinary run has no CLI."""
    return None if config.getoption("--az", default=None) else True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    az = config.stash.get(_SHELL, None)
    if az is not None:
        slowest = max(az.history, key=lambda entry: entry[1])
        took = sum(seconds for _, seconds in az.history)
        most = f"slowest, {slowest[1]:.0f} s: az {slowest[0]}"
        terminalreporter.write_line(f"{len(az.history)} commands of the Azure CLI took {took:.0f} s; {most}")


@pytest.fixture(scope="session")
def az(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """A shell that is logged in, in a subscription where AKS is registered; at the end, nothing was asked of anybody but the simulator."""
    place = tmp_path_factory.mktemp("azure")
    with Keeper(place / "logs") as keeper, closed_door() as (door, knocked):
        command: list[str | Path] = [sys.executable, "-m", "local.azure", "--port", "0", "--speed", str(_SPEED), "--state", place / "state"]
        child = keeper.start("azure", command, environment=inherited(os.environ))
        settings, lines = child.await_ready(lambda: printed(child), within=_START)
        shell = Az(command=pytestconfig.getoption("--az"), environment=a_shell(place / "home", settings, door))
        shell.address = lines[0].rpartition(" ")[2]
        pytestconfig.stash[_SHELL] = shell
        for line in lines[:4]:  # register the cloud, choose it, log in, register the provider: just as printed
            shell(line)
        yield shell
        assert knocked == []
        assert [entry for entry in shell.asked() if entry["status"] == 405 or entry["code"] in _NOT_OURS] == []

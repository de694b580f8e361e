"""Fixtures that many tests share: a real storage, the recorded data, and what the simulator answers in this run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.arm.recording import VARIABLE as EXCHANGES
from local.processes import Keeper
from local.storage import Storage, find

if TYPE_CHECKING:
    from tests.doors import Doors

ROOT = Path(__file__).resolve().parent.parent

_MADE = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Have every simulator of this run write down its answers; a folder named from outside is kept afterwards."""
    if not os.environ.get(EXCHANGES):
        config.stash[_MADE] = Path(tempfile.mkdtemp(prefix="exchanges-"))
        os.environ[EXCHANGES] = str(config.stash[_MADE])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take away what this run made."""
    if _MADE in config.stash:
        shutil.rmtree(config.stash[_MADE], ignore_errors=True)
        os.environ.pop(EXCHANGES, None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of all answers run when all have been given."""
    items.sort(key=lambda item: item.path == ROOT / "tests" / "conformance" / "test_answers.py")


@pytest.fixture(scope="session")
def exchanges() -> Path:
    """The folder with what the simulators of this run have answered so far."""
    return Path(os.environ[EXCHANGES])


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an empty Azurite in memory; each pytest process has its own."""
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    with Keeper(tmp_path_factory.mktemp("azurite")) as keeper:
        storage = Storage(keeper)
        storage.start()
        yield storage.connection_string


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of recorded traffic, durations and API descriptions; it is no part of the project."""
    place = Path(os.environ.get("CONFORMANCE_DATA", ROOT.parent / "shared" / "conformance"))
    if not place.is_dir():
        pytest.skip(f"no recorded data at {place}: set CONFORMANCE_DATA to where it is")
    return place


@pytest.fixture
def app() -> Iterator["Doors"]:
    """An app under settings that grant everything, behind its doors, in an empty Azure."""
    from tests.doors import doors

    with doors() as opened:
        yield opened


@pytest.fixture
def peopled(app: "Doors") -> "Doors":
    """The same, with the cluster prod-rg/web in Azure: a System pool of one node and a pool `user` of two."""
    app.put_cluster()
    return app

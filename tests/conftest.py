"""Fixtures that many tests share: a real storage, and the recorded data."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.processes import Keeper
from local.storage import Storage, find

if TYPE_CHECKING:
    from tests.doors import Doors

ROOT = Path(__file__).resolve().parent.parent


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

"""An app for each test, behind its doors."""

from collections.abc import Iterator

import pytest

from tests.doors import Doors, doors


@pytest.fixture
def app() -> Iterator[Doors]:
    """An app under settings that grant everything, in an empty Azure."""
    with doors() as opened:
        yield opened


@pytest.fixture
def peopled(app: Doors) -> Doors:
    """The same, with the cluster prod-rg/web in Azure: a System pool of one node and a pool `user` of two."""
    app.put_cluster()
    return app

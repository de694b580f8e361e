"""What the tests of use cases share."""

import pytest

from tests.builders import a_create, a_submission
from tests.pump import Pump


@pytest.fixture
def pump() -> Pump:
    """An app whose world has prod-rg/web, idle."""
    pump = Pump()
    pump.submit(a_submission(a_create()))
    pump.run()
    return pump

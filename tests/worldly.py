"""A simulated Azure for tests: its clock, how long things take in it, and settings under which everything is granted."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from local import inprocess
from local.arm.world import World
from shared.adapters.arm import ArmClusters
from shared.settings import Settings, read
from tests.builders import SUBSCRIPTION

GRANT_ALL = '[{"actions": ["*"]}]'


def a_world(
    clock: Callable[[], datetime], *, takes: timedelta = timedelta(minutes=3), registered: bool = True, throttled: bool = False
) -> World:
    """A world in which every operation takes `takes`."""
    return World(clock=clock, subscriptions=(SUBSCRIPTION,), durations=lambda *_: takes, registered=registered, throttled=throttled)


def some_settings(changes: Mapping[str, str] | None = None) -> Settings:
    """Settings under which everything is granted."""
    names = {
        "TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "TIDEKEEPER_GRANTS": GRANT_ALL,
    }
    return read({**names, **(changes or {})})


def clusters_of(world: World) -> ArmClusters:
    """The real adapter on a world."""
    return inprocess.clusters_of(world, some_settings())

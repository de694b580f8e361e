"""Rehearsal speed for the app: the same services, with a scaled clock and scaled wake-ups. Shipped code knows only its clock port."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from local.worldtime import WorldTime
from shared.model.operations import Wake
from shared.ports import Wakes
from shared.services import Ports, Services, azure_ports
from shared.services import install as install_services
from shared.settings import Settings, from_environment


class WorldClock:
    """The `Clock` port in world time."""

    def __init__(self, world: WorldTime) -> None:
        """Show the time of `world`."""
        self._world = world

    def now(self) -> datetime:
        """The world's instant."""
        return self._world.now()


class WorldWakes:
    """The `Wakes` port with delays in world time. A queue counts whole seconds, so a delay may come up to a second late, never early."""

    def __init__(self, wakes: Wakes, world: WorldTime) -> None:
        """Send by `wakes`, in the time of `world`."""
        self._wakes = wakes
        self._world = world

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Send a wake-up."""
        self._wakes.send(wake, delay=timedelta(seconds=math.ceil(self._world.real_seconds(delay))))


def install(world: WorldTime) -> None:
    """Make this process's services run in the time of `world`: called by the local host before the app is loaded."""
    if world.speed == 1 and world.real_origin == world.world_origin:
        return
    settings = from_environment()
    install_services(Services(settings, rehearsed(settings, world)))


def rehearsed(settings: Settings, world: WorldTime) -> Ports:
    """The ports on Azure, in the time of `world`."""
    ports = azure_ports(settings, clock=WorldClock(world))
    real = ports.wakes
    return replace(ports, wakes=lambda: WorldWakes(real(), world))

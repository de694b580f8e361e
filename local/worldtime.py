"""World time: the one mapping between this machine's clock and the rehearsed world's.

Every part of the laptop stack is handed the same `WorldTime`, so that the simulator, the host and the app agree on what time it is at any
speed. Shipped code never sees it: it knows only its clock port.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldTime:
    """A clock that shows `world_origin` when the machine shows `real_origin`, and runs `speed` times as fast.

    Both origins are seconds since 1970 UTC.
    """

    speed: float = 1.0
    real_origin: float = 0.0
    world_origin: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a speed that would stop the world or turn it back."""
        if not self.speed > 0:
            message = f"speed is {self.speed}, want a number above 0 (1 is real time, 60 is a minute a second)"
            raise ValueError(message)

    @classmethod
    def starting_now(cls, speed: float) -> Self:
        """A world that shows the real time at this moment and runs at `speed` from here on."""
        moment = time.time()
        return cls(speed=speed, real_origin=moment, world_origin=moment)

    @classmethod
    def starting_at(cls, instant: datetime, speed: float) -> Self:
        """A world that shows `instant` (aware) at this moment, whatever the real time is, and runs at `speed` from here on."""
        return cls(speed=speed, real_origin=time.time(), world_origin=instant.timestamp())

    @classmethod
    def resuming(cls, speed: float, former: float) -> Self:
        """A world that goes on from `former` (its last noted time, seconds since 1970): never back, and never behind the real time."""
        moment = time.time()
        return cls(speed=speed, real_origin=moment, world_origin=max(moment, former))

    def now(self) -> datetime:
        """The instant in the world, aware and UTC."""
        return datetime.fromtimestamp(self.world_origin + (time.time() - self.real_origin) * self.speed, UTC)

    def real_seconds(self, world: timedelta) -> float:
        """How many seconds of this machine's time pass while `world` passes in the world."""
        return world.total_seconds() / self.speed

    def __str__(self) -> str:
        """The form that `parse` reads back, for command lines: `speed@real_origin/world_origin`."""
        return f"{self.speed}@{self.real_origin}/{self.world_origin}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` wrote."""
        speed, _, origins = text.partition("@")
        real, _, world = origins.partition("/")
        return cls(speed=float(speed), real_origin=float(real), world_origin=float(world))

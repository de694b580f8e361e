"""How long things take in the world: summaries of how long they really took, and nothing about when they start.

The knots were computed in November 2026 from 1,502 durations (endTime - startTime), evenly spaced from the 3,764 distinct operations found
in public recordings of AKS made between 2018 and 2026. Some lines are ours and marked: what was not recorded with its end, or too seldom.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

Durations: TypeAlias = Callable[[str, str, float], timedelta]
"""Resource, verb and a share from 0 to 1 -> how long that share of such operations takes at most."""

_SHARES = (0.0, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1.0)

_SECONDS = {
    ("cluster", "create"): (118.5, 154.9, 174.0, 196.9, 229.3, 282.8, 374.6, 480.0, 1055.7, 4356.9),  # 461 of them
    ("cluster", "update"): (19.1, 56.6, 60.3, 70.8, 84.2, 103.3, 159.4, 669.2, 886.7, 1073.1),  # 439
    ("cluster", "scale"): (146.2, 153.9, 162.7, 168.3, 213.5, 248.1, 261.5, 274.4, 279.5, 280.6),  # 25
    ("cluster", "upgrade"): (173.8, 531.5, 571.9, 669.6, 807.4, 888.5, 1097.5, 1471.9, 1579.7, 1582.1),  # 63
    ("cluster", "delete"): (248.9, 320.3, 407.5, 436.7, 488.0, 618.5, 699.1, 956.3, 1054.7, 1077.6),  # 30
    ("cluster", "stop"): (81.3, 98.8, 108.4, 141.7, 203.6, 257.9, 366.8, 411.2, 685.7, 754.3),  # 20
    ("cluster", "start"): (129.9, 148.0, 151.2, 165.1, 183.8, 229.5, 250.3, 294.0, 315.4, 320.7),  # 20
    ("pool", "create"): (117.3, 176.3, 182.0, 208.9, 247.5, 352.1, 387.8, 423.2, 737.4, 2277.8),  # 319
    ("pool", "update"): (3.5, 4.1, 5.0, 6.1, 8.5, 13.8, 55.8, 79.3, 93.3, 105.2),  # 78
    ("pool", "scale"): (160.9, 170.1, 179.4, 207.1, 207.4, 207.8, 208.7, 209.0, 209.2, 209.3),  # 5
    ("pool", "stop"): (36.8, 37.1, 37.3, 42.0, 66.7, 68.1, 105.8, 174.8, 258.2, 279.0),  # 15
    ("pool", "start"): (97.0, 98.8, 106.0, 116.8, 129.4, 174.2, 203.6, 216.4, 217.1, 217.3),  # 15
    ("pool", "delete"): (24.6, 25.3, 26.0, 51.8, 54.3, 55.6, 56.8, 57.5, 58.1, 58.2),  # 9
    ("cluster", "upgrade_control_plane"): (120.0, 150.0, 180.0, 210.0, 270.0, 330.0, 420.0, 480.0, 600.0, 720.0),  # ours
    ("cluster", "abort"): (8.0, 8.1, 8.2, 8.5, 9.0, 9.5, 9.8, 9.9, 10.0, 10.0),  # ours, between the two recorded ones
    ("cluster", "command"): (2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0, 30.0, 45.0),  # ours
    ("pool", "upgrade"): (
        150.0,
        240.0,
        270.0,
        330.0,
        420.0,
        540.0,
        720.0,
        960.0,
        1200.0,
        1320.0,
    ),  # ours: a cluster's, less its control plane
    ("pool", "upgrade_image"): (39.0, 60.0, 90.0, 150.0, 240.0, 330.0, 480.0, 600.0, 780.0, 900.0),  # ours, from the one recorded
    ("pool", "abort"): (8.0, 8.1, 8.2, 8.5, 9.0, 9.5, 9.8, 9.9, 10.0, 10.0),  # ours, as for clusters
    ("provider", "register"): (10.0, 12.0, 15.0, 20.0, 30.0, 45.0, 60.0, 75.0, 90.0, 120.0),  # ours
    ("group", "delete"): (15.0, 16.0, 18.0, 20.0, 25.0, 35.0, 45.0, 60.0, 90.0, 120.0),  # ours, after its last cluster is gone
}


def recorded(resource: str, verb: str, share: float) -> timedelta:
    """The duration below which that share of real operations stayed, on straight lines between the knots."""
    seconds = _SECONDS[resource, verb]
    above = next(index for index, knot in enumerate(_SHARES) if knot >= share)
    if above == 0:
        return timedelta(seconds=seconds[0])
    low, high = _SHARES[above - 1], _SHARES[above]
    return timedelta(seconds=seconds[above - 1] + (seconds[above] - seconds[above - 1]) * (share - low) / (high - low))


def fixed(length: timedelta) -> Durations:
    """Everything takes exactly this long: for tests that count seconds."""
    return lambda _resource, _verb, _share: length

"""Fits when to look at an operation in progress, from how long recorded ones took: the table in `shared/rules/pace.py` is its output.

Theory: each look costs one, each second of lateness costs `LATENESS` of a look. For a known distribution of durations the cheapest looks
follow by going back from the far end: from each instant, the next look is the one with the least cost of itself, of the lateness of all
that ends before it, and of what follows. The distribution is that of the records, smoothed in the logarithm of time, and a little of
something much broader, because nobody has seen everything. `python -m local.pacing FILE` prints the table.
"""

import csv
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

KINDS: Mapping[str, tuple[str, ...]] = {
    "make_cluster": ("cluster/create",),
    "remove_cluster": ("cluster/delete",),
    "scale_pool": ("pool/scale", "cluster/scale"),
    "start_cluster": ("cluster/start",),
    "start_pool": ("pool/start",),
    "stop_cluster": ("cluster/stop",),
    "stop_pool": ("pool/stop",),
}
"""Our actions, and the records that tell how long each takes."""
LATENESS = 0.34
MOST_LOOKS = 12
"""Looks in the table; after them comes `pace`'s own rule for what nobody knows."""
GRID, FAR = 5, 6000
FEWEST = 10
MANY = 60
"""So many records are smoothed by a tenth, fewer by a fifth."""
UNSEEN = 0.02

Looks = tuple[int, ...]


def read(file: Path) -> dict[str, list[float]]:
    """The recorded durations in seconds, by resource and operation."""
    found: dict[str, list[float]] = {}
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(f"{row['resource']}/{row['operation']}", []).append(float(row["seconds"]))
    return found


def durations_of(kind: str, recorded: Mapping[str, Sequence[float]]) -> list[float]:
    """The durations that tell about one of our actions, shortest first."""
    return sorted(seconds for name in KINDS[kind] for seconds in recorded.get(name, ()))


def fitted(seconds: Sequence[float]) -> Looks:
    """When to look, in seconds after Azure took the call, for operations that last as these did."""
    ended = [0.0, *_share_ended(seconds)]
    places = range(len(ended))
    late = [0.0]
    for place in places[1:]:
        late.append(late[-1] + (ended[place] + ended[place - 1]) / 2 * GRID)
    cost = [0.0] * len(ended)
    following: list[int | None] = [None] * len(ended)
    for place in reversed(places[:-1]):
        choices = range(place + FEWEST // GRID, min(len(ended), place + 140))
        priced = ((_price(ended, late, place, choice) + cost[choice], choice) for choice in choices)
        cost[place], following[place] = min(priced, default=(0.0, None))
    looks: list[int] = []
    place_now: int | None = following[0]
    while place_now is not None and len(looks) < MOST_LOOKS:
        looks.append(place_now * GRID)
        place_now = following[place_now]
    return tuple(looks)


def _price(ended: Sequence[float], late: Sequence[float], here: int, there: int) -> float:
    """One look, if there is still something to see, and the lateness of all that ends between."""
    return 1 - ended[here] + LATENESS * (late[there] - late[here] - ended[here] * (there - here) * GRID)


def _share_ended(seconds: Sequence[float]) -> list[float]:
    """Which share has ended at each place of the grid."""
    logs = [math.log(second) for second in seconds]
    middle = sum(logs) / len(logs)
    spread = max(0.25, math.sqrt(sum((each - middle) ** 2 for each in logs) / len(logs)))
    width = 0.1 if len(seconds) > MANY else 0.2
    shares = []
    for place in range(GRID, FAR + GRID, GRID):
        at = math.log(place)
        seen = sum(_normal((at - each) / width) for each in logs) / len(logs)
        shares.append((1 - UNSEEN) * seen + UNSEEN * _normal((at - middle - 0.5) / (2 * spread + 0.4)))
    return shares


def _normal(deviation: float) -> float:
    return (1 + math.erf(deviation / math.sqrt(2))) / 2


def judged(next_after: Callable[[float], float], seconds: Iterable[float]) -> tuple[int, float]:
    """How many looks such operations take, and how many seconds after their ends they are noticed, together."""
    looks, late = 0, 0.0
    for ends in seconds:
        at = 0.0
        while at < ends:
            at = next_after(at)
            looks += 1
        late += at - ends
    return looks, late


def judged_loop(seconds: Iterable[float], every: float = 30.0) -> tuple[int, float]:
    """The same of azure-core's own loop, which looks at once and then every 30 seconds."""
    looks, late = judged(lambda at: at + every, seconds := list(seconds))
    return looks + len(seconds), late


if __name__ == "__main__":
    records = read(Path(sys.argv[1]))
    for action in KINDS:
        print(f'    "{action}": {fitted(durations_of(action, records))},')

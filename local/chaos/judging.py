"""What is asked for in a storm, and what the simulator's own log says of how it was carried out; no process is known here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local.demo.doors import Json

FIRST_COUNT = 1


@dataclass(slots=True, kw_only=True)
class Request:
    """One request, and what became of it."""

    key: str
    cluster: str
    body: Json
    link: str = ""
    last: Json = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the app has said that its operation has ended."""
        return bool(self.last.get("ended_at"))


def requests(operations: int, clusters: int) -> list[list[Request]]:
    """For each cluster its requests in order: it is created, then scaled to another count each time."""
    lines: list[list[Request]] = [[] for _ in range(clusters)]
    for number in range(operations):
        cluster, turn = number % clusters, number // clusters
        name = f"chaos/web{cluster}"
        pools = [{"name": "system", "mode": "System", "vm_size": "Standard_D2s_v5", "count": 1}]
        pools.append({"name": "apps", "mode": "User", "vm_size": "Standard_D2s_v5", "count": FIRST_COUNT})
        body: Json = {"action": "create", "location": "centralus", "create_resource_group": True, "pools": pools}
        if turn:
            body = {"action": "scale", "pool": "apps", "count": turn + 1}
        lines[cluster].append(Request(key=f"chaos-{number}", cluster=name, body={**body, "cluster": name}))
    return lines


def differing(lines: Iterable[Sequence[Request]], clusters: Iterable[Json]) -> list[str]:
    """What Azure has at the end that is not what the last succeeded request for each cluster asked for."""
    there = {f"{cluster['group']}/{cluster['name']}".lower(): cluster for cluster in clusters}
    losses = []
    for line in lines:
        done = [request for request in line if request.last.get("status") == "succeeded"]
        if not done:
            continue
        wanted = int(done[-1].body.get("count", FIRST_COUNT))
        cluster = there.get(done[-1].cluster.lower())
        counts = [] if cluster is None else [pool["count"] for pool in cluster["pools"] if pool["name"] == "apps"]
        if counts != [wanted]:
            losses.append(f"{done[-1].cluster}: all has succeeded, and pool apps should have {wanted} nodes, but has {counts or 'none'}")
    return losses


def judged(log: Iterable[Json], scales: Mapping[str, int]) -> tuple[list[str], int]:
    """What the simulator's log says against us, and how many calls were applied once more with the same effect.

    `scales` says for each cluster (`group/name`) how often a pool of it was to be scaled; its creation is one effect too.
    """
    losses, again = [], 0
    effects: dict[tuple[str, str], list[str]] = {}
    for entry in log:
        path = str(entry["path"]).partition("?")[0].lower()
        if not entry["applied"] or entry["method"] in {"GET", "HEAD"} or "/managedclusters/" not in path:
            continue
        if entry["in_flight"] is not None:
            losses.append(f"{entry['method']} {path} (request {entry['n']}) began while {entry['in_flight']} was in flight there")
        run = effects.setdefault((str(entry["method"]), path), [])
        if run and run[-1] == entry["digest"]:
            again += 1
        else:
            run.append(str(entry["digest"]))
    for (method, path), run in effects.items():
        parts = path.split("/")
        most = scales.get(f"{parts[4]}/{parts[8]}", 0) if "/agentpools/" in path else 1
        if len(run) > most:
            losses.append(f"{method} {path} was applied with {len(run)} effects, {most} were asked for")
    return losses, again

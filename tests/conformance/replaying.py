"""Asks a world in this process what was recorded, exchange by exchange, and moves its clock as the recorded one had moved.

A recorded read says how far things had come: the world is asked again, a moment later each time, until it has come as far or everything
in flight has ended. Writes are asked once, at the instant reached.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.arm.durations import fixed
from local.arm.wire import Reply
from tests.conformance.comparing import Difference, differences
from tests.conformance.traffic import SUBSCRIPTION, Exchange, read
from tests.conformance.translation import Translation, translation
from tests.local.arm.asking import Asker, Clock, a_world

LASTS = timedelta(minutes=10)
MOMENTS = 20
"""So many looks are taken while an operation runs."""

AFTERWARDS = (1, 5, 10, 15, 31)
"""Seconds after an operation's end in which a read may still change: ARM's index follows AKS within half a minute."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """One recording and the world that it is told to; `handles` maps each recorded status URL to the world's."""

    exchanges: Sequence[Exchange]
    asker: Asker
    translation: Translation
    handles: dict[str, str] = field(default_factory=dict)
    seen: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def run(self) -> list[Difference]:
        """Prepare what stood before the first request, then ask everything; all differences."""
        prepare(self)
        found = []
        for exchange in self.exchanges:
            for event in BEFORE.get((exchange.recording, exchange.number), ()):
                event(self)
            answer = self._sought(exchange) if exchange.method == "GET" else self._ask(exchange)
            asked_at = urlsplit(self.handles.get(exchange.url, exchange.url)).path
            found += differences(exchange, answer, self.translation, asked_at=asked_at)
            for name in ("azure-asyncoperation", "location"):
                if name in exchange.headers and name in answer.headers:
                    self.handles[exchange.headers[name]] = answer.headers[name]
            self.seen[exchange.path.casefold()] = self.translation.told(exchange.body), answer.document
        return found

    def _ask(self, exchange: Exchange) -> Reply:
        url = self.handles.get(exchange.url, exchange.url)
        recorded, ours = self.seen.get(exchange.path.casefold(), (None, None))
        return self.asker.ask(exchange.method, url, sent_back(self.translation.told(exchange.request), recorded, ours))

    def _sought(self, exchange: Exchange) -> Reply:
        answer = self._ask(exchange)
        moments = self._moments()
        while _progress(exchange.status, exchange.body) != _progress(answer.status, answer.document):
            moment = next(moments, None)
            if moment is None:
                break
            self.asker.later(moment)
            answer = self._ask(exchange)
        return answer

    def _moments(self) -> Iterator[timedelta]:
        state = self.asker.world.state
        ends = [operation.ends_at for operation in state.running()] + [group.gone_at for group in state.groups.values()]
        ends += [command.ends_at for command in state.commands.values()]
        last = max((end for end in ends if end is not None), default=self.asker.clock.now)
        step = max(last - self.asker.clock.now, timedelta(0)) / MOMENTS
        if step:
            yield from (step for _ in range(MOMENTS))
        for before, after in zip((0, *AFTERWARDS), AFTERWARDS, strict=False):
            yield timedelta(seconds=after - before)


def replay(conformance: Path, recording: str) -> Replay:
    """A recording before its first request, and a new world."""
    exchanges = read(conformance, recording)
    clock = Clock()
    world = a_world(clock, durations=fixed(LASTS), throttled=False, subscriptions=(SUBSCRIPTION,))
    return Replay(
        exchanges=exchanges,
        asker=Asker(world, clock),
        translation=translation(exchanges, _location(exchanges), clock.now),
    )


def sent_back(request: Any, recorded: Any, ours: Any) -> Any:
    """A request with what its client had just read replaced by what it would have read here: it sends back what it does not know."""
    if isinstance(request, dict) and isinstance(recorded, dict) and isinstance(ours, dict):
        kept = {name: value for name, value in request.items() if name not in recorded or name in ours or value != recorded[name]}
        return {name: sent_back(value, recorded.get(name), ours.get(name)) for name, value in kept.items()}
    if isinstance(request, list) and isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours) == len(request):
        return [sent_back(*items) for items in zip(request, recorded, ours, strict=True)]
    return ours if ours is not None and request == recorded else request


def _progress(status: int, body: Any) -> tuple[object, ...]:
    """What tells how far things had come: the status and the state, or the error's code and shape."""
    if not isinstance(body, dict):
        return (status,)
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return status, body.get("status"), state, "error" in body and "status" not in body


# --------------------------------------------------------------------------------------------------------- what stood there before


def prepare(replay: Replay) -> None:
    """Make the group and the cluster if the recording begins with them in place."""
    first = next((exchange for exchange in replay.exchanges if _parts(exchange)[2:3] == ["resourcegroups"]), None)
    if first is None:
        return
    begins_empty = first.method == "PUT" and first.status == 201 and len(_parts(first)) == 4
    if not begins_empty:
        group = {"location": _location(replay.exchanges), "tags": (first.body or {}).get("tags") if len(_parts(first)) == 4 else None}
        _made(replay, "/".join(first.path.split("/")[:5]), group)
    clusters = [exchange for exchange in replay.exchanges if _is_cluster(exchange)]
    if clusters and clusters[0].method == "GET" and clusters[0].status == 200:
        wanted = next(exchange for exchange in clusters if exchange.method == "PUT")
        _made(replay, clusters[0].path, _with(replay.translation.told(wanted.request), MADE_WITH.get(wanted.recording, {})))
        replay.asker.later(LASTS)


def somebody_updates_the_cluster(replay: Replay) -> None:
    """Somebody else begins an update of the cluster: the recording shows only the 409 that came of it."""
    cluster = next(exchange for exchange in replay.exchanges if _is_cluster(exchange) and exchange.method == "PUT")
    answer = replay.asker.put(cluster.path, replay.translation.told(cluster.request))
    assert (answer.status, answer.document["properties"]["provisioningState"]) == (200, "Updating")


def that_update_ends(replay: Replay) -> None:
    """What somebody else began has ended."""
    replay.asker.later(LASTS)


MADE_WITH = {
    "cluster-crud-2025-08-01": {
        "sku": {"name": "Base", "tier": "Standard"},
        "properties": {"addonProfiles": {"azurepolicy": {"enabled": True}}},  # a policy of the subscription put it there
    }
}
"""What the cluster of a recording had, beside what its first PUT sends, when the recording began."""

BEFORE: dict[tuple[str, int], tuple[Callable[[Replay], None], ...]] = {
    ("pool-conflict-409", 15): (somebody_updates_the_cluster,),
    ("pool-conflict-409", 19): (that_update_ends,),
}
"""What happened between two exchanges and is not in the recording."""


def _with(body: Any, more: Any) -> Any:
    return {**body, **{name: _with(body.get(name) or {}, value) for name, value in more.items()}} if isinstance(more, dict) else more


def _made(replay: Replay, path: str, body: object) -> None:
    answer = replay.asker.put(path, body)
    assert answer.status == 201, answer.document


def _parts(exchange: Exchange) -> list[str]:
    return urlsplit(exchange.url).path.casefold().strip("/").split("/")


def _is_cluster(exchange: Exchange) -> bool:
    parts = _parts(exchange)
    return len(parts) == 8 and parts[6] == "managedclusters"


def _location(exchanges: Sequence[Exchange]) -> str:
    bodies = (body for exchange in exchanges for body in (exchange.request, exchange.body) if isinstance(body, dict))
    return next(str(body["location"]) for body in bodies if "location" in body)

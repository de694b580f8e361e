"""How things stand on the stage of a simulated run: who is at work, who holds which cluster, what is still on its way."""

import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.model.clusters import ClusterRef
from shared.model.operations import Operation
from shared.rules import naming
from shared.services import install
from tests.builders import WEB
from tests.doors import REPLIES, STEPS, Doors
from tests.simulation.record import Record
from tests.simulation.trouble import Flaw
from tests.simulation.workers import Errand, Told, Worker

MOST_AT_ONCE = 1000
"""How many pieces of work there may be at one instant; more is a loop."""
LOG = logging.getLogger("tidekeeper")


@dataclass
class Standing(Doors):
    """Doors, those who are at work behind them, and the record of what they do."""

    throttled: bool = True
    flaw: Flaw = field(default_factory=Flaw)
    refs: tuple[ClusterRef, ...] = (WEB,)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.recording = None
        self.record = Record(store=self.operations)
        self._told = Told(self.record.said)
        LOG.addHandler(self._told)
        self.begun: dict[str, datetime] = {}
        self.saved_at: dict[str, datetime] = {}
        self.others: Counter[str] = Counter()
        self.met: Counter[tuple[str, str]] = Counter()
        self.workers: list[Worker] = []
        self.errands: list[tuple[datetime, Errand]] = []
        self.troubled = 0
        self.pieces = 0
        self.began = self.clock.now()

    @property
    def spins(self) -> bool:
        """Whether work goes on and on while no time passes."""
        return self.pieces > MOST_AT_ONCE

    def held(self, about: str) -> Operation | None:
        """The operation that holds a cluster."""
        ref = next((ref for ref in self.refs if ref.key == about), None)
        stored = None if ref is None else self.operations.heads.get(naming.partition(ref))
        return None if stored is None else stored.head.current

    def quiet(self) -> bool:
        """Whether nothing is at work, asked for or on its way, and nothing is open but what rests."""
        if self.workers or self.errands or self.queues.next_at(heard=self.heard) is not None:
            return False
        known = self.operations.operations
        return all(name in known and known[name].resting for name in self.operations.opened)

    def chains(self, *, since: datetime) -> None:
        """While nothing is at work: hold that whatever was saved since has one message that will move it."""
        waiting = self._waiting()
        for stored in self.operations.heads.values():
            held = stored.head.current
            if self.saved_at[held.id] <= since or held.resting or held.attention is not None:
                continue  # what became poison is left to the sweep
            mine = waiting.count((held.id, held.wake))
            if mine != 1:
                self.record.live.append(f"{held.id} is {held.status} and has {mine} messages at {self.clock.now()}")

    def _waiting(self) -> list[tuple[str, int]]:
        """The wake-ups on their way, by operation and number; nonsense in their queue is none."""
        texts = [json_or_none(text) for queue, text in self.queues.everything() if queue == STEPS]
        return [
            (str(found.get("operation")), int(found.get("wake", 0))) for found in texts if isinstance(found, dict) and "schema" in found
        ]

    def closed(self, *, rested: bool) -> Record:
        """The record, complete."""
        for worker in self.workers:
            worker.turn.abandon()
        LOG.removeHandler(self._told)
        install(None)
        record = self.record
        record.rested = rested
        record.messages = [operation for operation, _ in self._waiting()]
        replies = [json.loads(text) for queue, text in self.queues.everything() if queue == REPLIES]
        record.replies = [(str(reply["event"]), str(reply.get("operation", ""))) for reply in replies]
        record.said += [text for _, text in self.queues.everything()] + [repr(letter) for letter in self.letters.filed.values()]
        record.long = list(self.world.state.operations.values())
        return record

    def about(self, text: str) -> str:
        """The key of the cluster that a message is about; empty if it says none of ours."""
        document = json_or_none(text)
        if not isinstance(document, dict):
            return ""
        partition, name = document.get("cluster_key"), str(document.get("cluster")).rpartition("/")[2]
        found = (ref for ref in self.refs if ref.name == name or naming.partition(ref).startswith(str(partition)))
        return next((ref.key for ref in found), "")


def json_or_none(text: str) -> Any:
    """What a text holds; None if it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None

"""What a call can meet with in a simulated run, and what can be built wrongly on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from local.arm.faults import Answer, Effect, Silence
from tests.faulty import Fate

ASLEEP = timedelta(minutes=11)
"""How long a worker sleeps that sleeps past its message's visibility."""
NAP = timedelta(minutes=4)
"""How long one sleeps that wakes before anybody else is given its message."""
LATE = timedelta(minutes=25)
"""How much later a message comes that is late: the sweep has long sent another."""


class Meeting(StrEnum):
    """What happens around a call that itself goes well."""

    SLEEPS_BEFORE = "the worker sleeps past its message's visibility before it"
    SLEEPS_AFTER = "the worker sleeps past its message's visibility after it"
    NAPS_BEFORE = "the worker sleeps for some minutes before it"
    DOUBLED = "the worker's message is delivered to another, which comes first"
    LATE = "the message that it sends comes late"
    REPEATED = "the message that it sends comes again, late"


ON_THE_WIRE: Mapping[Fate, Effect] = {
    Fate.IS_REFUSED: Answer(status=503, code="ServiceUnavailable"),
    Fate.FAILS: Silence(),
    Fate.LOSES_ITS_ANSWER: Silence(applied=True),
}
CHANGES = frozenset({"azure.attempt", "azure.abort"})
"""The calls whose last request changes something in Azure; that is the one that meets with trouble."""
Trouble = Fate | Meeting
SENDS = frozenset({"wakes.send", "outbox.put"})
"""The calls that send a message to ourselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is built wrongly on purpose."""

    operations: Callable[[Any], Any] = field(default=lambda port: port)
    clusters: Callable[[Any], Any] = field(default=lambda port: port)
    sweeps: bool = True

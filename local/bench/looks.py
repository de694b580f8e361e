"""The looks at operations in progress beside azure-core's loop, which looks at once and then every 30 seconds: counts over recorded ones.

Each fifth of the recorded durations is judged by what is fitted to the other four. The records are read where they are; no time is taken
here.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from local import pacing
from shared.rules import pace

ROOT = Path(__file__).resolve().parent.parent.parent
FIFTHS = 5
FEWEST = 4
"""Fewer records than this are fitted to by nobody: such operations are looked at by the rule for unknown ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Looks of so many operations, and the seconds between their ends and the looks that saw them, ours and the loop's."""

    operations: int
    looks: int
    late: float
    loop_looks: int
    loop_late: float

    @property
    def looked(self) -> float:
        """Our looks, as a share of the loop's."""
        return self.looks / self.loop_looks

    @property
    def noticed(self) -> float:
        """How late we notice an end, in times of the loop's lateness."""
        return self.late / self.loop_late

    def __add__(self, other: "Pace") -> "Pace":
        """Both together."""
        return Pace(
            operations=self.operations + other.operations,
            looks=self.looks + other.looks,
            late=self.late + other.late,
            loop_looks=self.loop_looks + other.loop_looks,
            loop_late=self.loop_late + other.loop_late,
        )


def records() -> Path | None:
    """The file of recorded durations, in the folder that `CONFORMANCE_DATA` names; None if it is not there."""
    file = Path(os.environ.get("CONFORMANCE_DATA", ROOT.parent / "shared" / "conformance")) / "operation-durations.csv"
    return file if file.is_file() else None


def judged(recorded: Mapping[str, Sequence[float]]) -> dict[str, Pace]:
    """The pace of each recorded kind, by `resource/operation`; what is judged is never what was fitted to."""
    return {kind: _judged(seconds) for kind, seconds in recorded.items()}


def pooled(paces: Mapping[str, Pace]) -> Pace:
    """All kinds together."""
    return sum(paces.values(), Pace(operations=0, looks=0, late=0.0, loop_looks=0, loop_late=0.0))


def _judged(seconds: Sequence[float]) -> Pace:
    together = Pace(operations=0, looks=0, late=0.0, loop_looks=0, loop_late=0.0)
    for fifth in range(FIFTHS):
        held_out = seconds[fifth::FIFTHS]
        rest = [second for place, second in enumerate(seconds) if place % FIFTHS != fifth]
        table = pacing.fitted(rest) if len(rest) >= FEWEST else ()
        looks, late = pacing.judged(partial(_next_after, table), held_out)
        loop_looks, loop_late = pacing.judged_loop(held_out)
        together += Pace(operations=len(held_out), looks=looks, late=late, loop_looks=loop_looks, loop_late=loop_late)
    return together


def _next_after(table: tuple[int, ...], elapsed: float) -> float:
    return pace.look_after(table, timedelta(seconds=elapsed)).total_seconds()

"""What the bench found, as rows: each with a bound that it must keep, as a table for people and as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

HEADINGS = ("what", "bound", "measured", "holds?", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured. `at` says on which side of `bound` it must be: at most or at least."""

    group: str
    what: str
    unit: str
    at: Literal["most", "least"]
    bound: float
    measured: float
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.measured <= self.bound if self.at == "most" else self.measured >= self.bound

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        sign = "<=" if self.at == "most" else ">="
        bound = f"{sign} {_shown(self.bound)} {self.unit}"
        return self.what, bound, _shown(self.measured), "yes" if self.holds else "NO", self.note


def rendered(rows: Sequence[Row]) -> str:
    """The table in plain text: a heading for each group, and columns as wide as what is in them."""
    cells = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(HEADINGS))]
    lines = [_line(HEADINGS, widths), "  ".join("-" * width for width in widths)]
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", group]
        lines.append(_line(row.cells, widths))
    return "\n".join(lines)


def written(rows: Sequence[Row], facts: dict[str, object], file: Path) -> None:
    """Write the rows, and facts about the run, to a JSON file; a reader never sees half of it."""
    document = {"holds": all(row.holds for row in rows), "facts": facts, "rows": [{**asdict(row), "holds": row.holds} for row in rows]}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(f"{json.dumps(document, indent=2)}\n")
    fresh.replace(file)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.2f}"

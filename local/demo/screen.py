"""What a person sees: headings, lines, ticks, and one line that is rewritten while something goes on. It must not know what is shown.

Where there is no terminal, nothing is rewritten: what goes on is told in plain lines, each once.
"""

import os
import shutil
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TextIO

WIDEST = 118
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_A_SECOND = 8


class Style(StrEnum):
    """How a piece of text stands out on a terminal that has colours; each is the code that turns it on."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    CYAN = "36"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What an output can show: a line that is rewritten, colours, signs beyond ASCII, and how many characters a line has."""

    live: bool
    colours: bool
    signs: bool
    width: int

    @classmethod
    def of(cls, out: TextIO) -> "Look":
        """What `out` can show; `NO_COLOR` and `TERM=dumb` are honoured."""
        live = out.isatty() and os.environ.get("TERM") != "dumb"
        try:
            (_FRAMES + "✓✗→←").encode(out.encoding or "ascii")
            signs = True
        except (UnicodeEncodeError, LookupError):
            signs = False
        columns = shutil.get_terminal_size((WIDEST, 24)).columns if live else WIDEST
        return cls(live=live, colours=live and not os.environ.get("NO_COLOR"), signs=signs, width=max(40, min(columns, WIDEST)))


@dataclass(slots=True, kw_only=True)
class Screen:
    """Writes to `out` as its `look` allows; `clock` counts seconds and only moves the sign of life."""

    out: TextIO
    look: Look
    clock: Callable[[], float] = time.monotonic
    _open: bool = field(default=False, init=False)
    _told: str = field(default="", init=False)

    def line(self, text: str = "", *, style: Style = Style.PLAIN, indent: int = 0, hang: int = 0) -> None:
        """One paragraph, folded to the width; lines after the first are indented by `hang` more."""
        self.settle()
        first, later = " " * indent, " " * (indent + hang)
        folded = textwrap.wrap(text, self.look.width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False) or [""]
        for each in folded:
            self._write(f"{self._styled(each, style)}\n")

    def rows(self, rows: Sequence[str], *, indent: int = 0, heading: bool = False) -> None:
        """Lines of a table as they are, never folded; with `heading` the first stands out."""
        self.settle()
        for number, row in enumerate(rows):
            style = Style.BOLD if heading and number == 0 else Style.PLAIN
            self._write(f"{' ' * indent}{self._styled(row, style)}\n")

    def act(self, number: int, name: str, why: str) -> None:
        """The heading of an act: what will be shown, and why it matters."""
        self._told = ""
        self.line()
        self.line(f"{number}  {name}", style=Style.BOLD)
        self.line(why, style=Style.DIM, indent=3)
        self.line()

    def asked(self, text: str) -> None:
        """What is sent to the system."""
        self.line(f"{'→' if self.look.signs else '>'} {text}", style=Style.CYAN, indent=3, hang=2)

    def heard(self, text: str) -> None:
        """What came from the system."""
        self.line(f"{'←' if self.look.signs else '<'} {text}", indent=3, hang=2)

    def right(self, text: str) -> None:
        """An outcome as expected."""
        self._marked("✓" if self.look.signs else "ok", text, Style.GREEN)

    def wrong(self, text: str) -> None:
        """An outcome that is not as expected."""
        self._marked("✗" if self.look.signs else "WRONG", text, Style.RED)

    def progress(self, text: str, detail: str = "") -> None:
        """What goes on now; `detail` may change often and is shown only where a line can be rewritten."""
        if not self.look.live:
            if text != self._told:
                self._told = text
                self._write(f"   {'·' if self.look.signs else '.'} {text}\n")
            return
        sign = _FRAMES[int(self.clock() * _FRAMES_A_SECOND) % len(_FRAMES)] if self.look.signs else "-"
        shown = f"   {sign} {text}{f'  {detail}' if detail else ''}"[: self.look.width - 1]
        self._write(f"\r\x1b[2K{self._styled(shown, Style.DIM)}")
        self._open = True

    def settle(self) -> None:
        """Take the rewritten line away, so that what was there can be told for good."""
        if self._open:
            self._open = False
            self._write("\r\x1b[2K")

    def _marked(self, sign: str, text: str, style: Style) -> None:
        self.settle()
        hang = len(sign) + 1
        folded = textwrap.wrap(text, self.look.width - 3 - hang, break_on_hyphens=False) or [""]
        self._write(f"   {self._styled(sign, style)} {folded[0]}\n")
        for each in folded[1:]:
            self._write(f"{' ' * (3 + hang)}{each}\n")

    def _styled(self, text: str, style: Style) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.look.colours and style is not Style.PLAIN and text else text

    def _write(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()

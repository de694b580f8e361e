"""Ports that fail on purpose: every outside call is counted, and one of them (or all of some kind) goes wrong in a chosen way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.model.errors import CallFailed, Code, Failure
from tests.pump import Died

AWAY = Failure(code=Code.UNREACHABLE, message="no answer", transient=True, unsure=True)
OUT_OF_SERVICE = Failure(code=Code.UNREACHABLE, message="status 503", transient=True, unsure=True)


class Fate(StrEnum):
    """What happens to the chosen call."""

    DIES_BEFORE = "the worker dies before it"
    DIES_AFTER = "the worker dies after it"
    IS_REFUSED = "it is answered with 503"
    FAILS = "it is not applied and times out"
    LOSES_ITS_ANSWER = "it is applied and times out"


def met(fate: Fate | None, call: Callable[[], Any]) -> Any:
    """The answer of a call that meets its fate."""
    if fate is Fate.DIES_BEFORE:
        raise Died
    if fate in {Fate.FAILS, Fate.IS_REFUSED}:
        raise CallFailed(AWAY if fate is Fate.FAILS else OUT_OF_SERVICE)
    answer = call()
    if fate is Fate.DIES_AFTER:
        raise Died
    if fate is Fate.LOSES_ITS_ANSWER:
        raise CallFailed(AWAY)
    return answer


@dataclass
class Calls:
    """Counts calls and strikes the chosen one."""

    strike: int | None = None
    fate: Fate = Fate.DIES_BEFORE
    also: tuple[int, Fate] | None = None
    made: list[str] = field(default_factory=list)

    def through(self, name: str, call: Callable[[], Any]) -> Any:
        number = len(self.made)
        self.made.append(name)
        fate = self.fate if number == self.strike else None
        if self.also is not None and number == self.also[0]:
            fate = self.also[1]
        return met(fate, call)


class Faulty:
    """A port behind `Calls`. `around` may replace single calls by name."""

    def __init__(self, port: Any, calls: Calls, around: dict[str, Callable[..., Any]] | None = None) -> None:
        self._port = port
        self._calls = calls
        self._around = around or {}

    def __getattr__(self, name: str) -> Any:
        method = self._around.get(name) or getattr(self._port, name)
        kind = type(self._port).__name__

        def called(*arguments: Any, **options: Any) -> Any:
            return self._calls.through(f"{kind}.{name}", lambda: method(*arguments, **options))

        return called

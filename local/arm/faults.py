"""Scripted faults: which requests are hit, how often, and what happens to them. Carrying them out is the world's business."""

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import TypeAdapter

from local.arm.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """The request is answered as usual; only the fault's delay is felt."""

    kind: Literal["slow"] = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The request is not carried out; this error is the answer, wrapped as the gateway does or flat as AKS does."""

    status: int
    code: str = "InternalServerError"
    message: str = "Scripted."
    shape: Literal["gateway", "flat", "empty"] = "flat"
    headers: dict[str, str] = field(default_factory=dict)
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is aborted before anything is carried out."""

    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """The request is carried out, then the connection is aborted."""

    kind: Literal["lost_answer"] = "lost_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No answer comes, for as long as the client waits; with `applied` the request was carried out all the same."""

    applied: bool = False
    kind: Literal["silence"] = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The request is answered as usual, but its operation ends like this, or never; `lost` makes the status URL answer 404."""

    ends: Literal["Succeeded", "Failed", "Canceled", "never"] = "Failed"
    code: str = "InternalOperationError"
    message: str = "Internal server error"
    lost: bool = False
    kind: Literal["outcome"] = "outcome"


Effect: TypeAlias = Slow | Answer | Reset | LostAnswer | Silence | Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hits requests by method and by a pattern that is searched for in the path (no query), ignoring case.

    The first `skip` such requests pass, the next `times` are hit (None: all). `delay` seconds of real time pass before it is felt.
    """

    effect: Effect
    method: str = "*"
    path: str = ""
    skip: int = 0
    times: int | None = 1
    delay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a pattern that is none."""
        try:
            re.compile(self.path)
        except re.error as wrong:
            message = f"path is no regular expression: {wrong}"
            raise ValueError(message) from wrong


@dataclass(slots=True)
class Faults:
    """The faults of one world, in order of adding: the first that is due takes the request. They do not outlive a restart."""

    _faults: list[tuple[Fault, int]] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Script one more fault."""
        self._faults.append((fault, 0))

    def clear(self) -> None:
        """Drop all of them."""
        self._faults.clear()

    def hit(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into, if any; every fault that it matches counts it."""
        struck: Fault | None = None
        for index, (fault, seen) in enumerate(self._faults):
            if fault.method not in {"*", method} or not re.search(fault.path, path, re.IGNORECASE):
                continue
            due = seen >= fault.skip and (fault.times is None or seen < fault.skip + fault.times)
            if due and struck is not None:
                continue  # another one took the request: this one is still owed in full
            self._faults[index] = (fault, seen + 1)
            if due:
                struck = fault
        return struck

    def listing(self) -> list[Json]:
        """Every fault with the number of requests that it has counted, as JSON."""
        return [{**_FORMAT.dump_python(fault, mode="json"), "seen": seen} for fault, seen in self._faults]


def read_fault(document: bytes) -> Fault:
    """A fault from JSON; the effect is told by its `kind`. Raises ValueError for anything else."""
    return _FORMAT.validate_json(document)


_FORMAT = TypeAdapter(Fault)

"""Scripted faults: which requests are hit, how often, and what happens to them. Carrying them out is the world's business."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter

from local.arm.wire import Json

_STRICT = ConfigDict(extra="forbid")
"""A misspelt field is refused: it would script something else than was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """The request is answered as usual; only the fault's delay is felt."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kind: Literal["slow"] = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The request is not carried out; this error is the answer, wrapped as the gateway does or flat as AKS does.

    `headers` go out as they are, so that Retry-After may be seconds, an absurdity, or missing; `retry_date` makes it an HTTP date that
    many seconds from the world's now (a negative number: in the past).
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    status: Annotated[int, Field(ge=100, le=599)]
    code: str = "InternalServerError"
    message: str = "Scripted."
    shape: Literal["gateway", "flat", "empty"] = "flat"
    headers: dict[str, str] = field(default_factory=dict)
    retry_date: float | None = None
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is aborted before anything is carried out."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """The request is carried out, then the connection is aborted."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kind: Literal["lost_answer"] = "lost_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No answer comes, for as long as the client waits; with `applied` the request was carried out all the same."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    applied: bool = False
    kind: Literal["silence"] = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The request is answered as usual, but its operation ends like this, or never; `lost` makes the status URL answer 404."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    ends: Literal["Succeeded", "Failed", "Canceled", "never"] = "Failed"
    code: str = "InternalOperationError"
    message: str = "Internal server error"
    lost: bool = False
    kind: Literal["outcome"] = "outcome"


Effect: TypeAlias = Annotated[Slow | Answer | Reset | LostAnswer | Silence | Outcome, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hits requests by method and by a pattern that is searched for in the path (no query), ignoring case.

    The first `skip` such requests pass, the next `times` are hit (None: all); with `every` the same again for each `every` requests, a
    burst each time. Before `starts_at` and from `ends_at` on, in the world's time, nothing is hit or counted. `delay` seconds of real
    time pass before a hit is felt.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    effect: Effect
    method: str = "*"
    path: str = ""
    skip: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=0)] | None = 1
    delay: Annotated[float, Field(ge=0)] = 0.0
    every: Annotated[int, Field(ge=1)] | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None

    def __post_init__(self) -> None:
        """Refuse a pattern that is none, and bursts without a gap."""
        try:
            re.compile(self.path)
        except re.error as wrong:
            message = f"path is no regular expression: {wrong}"
            raise ValueError(message) from wrong
        if self.every is not None and (self.times is None or self.times >= self.every):
            message = f"every is {self.every}, want more than times ({self.times}), so that some requests pass"
            raise ValueError(message)

    def concerns(self, method: str, path: str, now: datetime) -> bool:
        """Whether a request counts for this fault."""
        if (self.starts_at is not None and now < self.starts_at) or (self.ends_at is not None and now >= self.ends_at):
            return False
        return self.method in {"*", method} and re.search(self.path, path, re.IGNORECASE) is not None

    def due(self, seen: int) -> bool:
        """Whether the next request that counts is hit, after so many."""
        if seen < self.skip:
            return False
        place = (seen - self.skip) % self.every if self.every is not None else seen - self.skip
        return self.times is None or place < self.times


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

    def hit(self, method: str, path: str, now: datetime) -> Fault | None:
        """The fault that this request runs into, if any; every fault that it matches counts it."""
        struck: Fault | None = None
        for index, (fault, seen) in enumerate(self._faults):
            if not fault.concerns(method, path, now):
                continue
            due = fault.due(seen)
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

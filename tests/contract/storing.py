"""What the tests of the store share: clusters that no other test knows, and short ways to make operations and what is written of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

from shared.model.clusters import ClusterRef
from shared.model.errors import Stale
from shared.model.listing import Page, Query, Summary
from shared.model.operations import Done, Event, Head, Operation
from shared.model.requests import PoolSpec
from shared.ports import Change, Operations, Stored
from shared.rules import naming
from tests.builders import SUBSCRIPTION, a_spec, an_operation

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
_days: Iterator[int] = count()


def a_ref() -> ClusterRef:
    """A cluster that no other test uses."""
    return ClusterRef(subscription=SUBSCRIPTION, group="Prod-RG", name=f"web-{uuid4().hex[:12]}")


def a_noon() -> datetime:
    """Noon of a day that no other test uses, with two unused weeks around it."""
    return datetime(1990, 1, 1, 12, tzinfo=UTC) + timedelta(days=28 * next(_days))


def one(ref: ClusterRef, at: datetime, unique: str = "00000001", **changes: object) -> Operation:
    """An open operation on the cluster, made at an instant."""
    identity = f"op-{naming.partition(ref)}-{naming.newest_first(at)}{unique}"
    made: Operation = replace(an_operation(), id=identity, cluster=ref, created_at=at, updated_at=at, headed_at=at)
    return replace(made, **changes)  # type: ignore[arg-type]  # names and values are the tests' own


def ended(operation: Operation, at: datetime | None = None) -> Operation:
    """The same operation, succeeded."""
    done = at or operation.updated_at
    states = tuple(Done(since=done, ended_at=done) for _ in operation.states)
    return replace(operation, states=states, updated_at=done)


def change(operation: Operation, n: int | None = None, text: str = "told") -> Change:
    """The operation as it is, with the history row of its save."""
    return Change(operation=operation, event=Event(n=n or operation.saves, at=operation.updated_at, text=text))


def saved_again(operation: Operation, text: str = "told") -> Change:
    """The operation one save further."""
    return change(replace(operation, saves=operation.saves + 1, updated_at=operation.updated_at + MINUTE), text=text)


def begun(operations: Operations, operation: Operation, *line: str) -> Stored:
    """The operation committed as the head of its cluster."""
    stored = operations.commit(None, Head(current=operation, line=line), (change(operation),))
    assert stored is not None
    return stored


def state_of(operations: Operations, *known: Operation) -> list[object]:
    """Everything the store says about the operations and their clusters: what may not change where nothing was written."""
    partitions = sorted({operation.partition for operation in known})
    ids = sorted(operation.id for operation in known)
    return [operations.head(name) for name in partitions] + [(operations.load(name), operations.history(name)) for name in ids]


def raced(many: int, do: Callable[[int], T]) -> list[T | None]:
    """What each of `many` threads got that began at once; None for who was too late."""
    gate = Barrier(many)

    def run(n: int) -> T | None:
        gate.wait(timeout=30)
        try:
            return do(n)
        except Stale:
            return None

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(run, range(many)))


def many_pools(number: int, label: str = "team") -> tuple[PoolSpec, ...]:
    """That many pools, as full as people make them."""
    return tuple(
        a_spec(
            f"pool{n}",
            vm_size="Standard_D16ads_v5",
            zones=("1", "2", "3"),
            labels={f"example.com/{label}": "payments \u2603 \U0001f680", "environment": "production"},
            taints=("dedicated=payments:NoSchedule",),
        )
        for n in range(number)
    )


def query_of(at: datetime, **changes: object) -> Query:
    """A query about the week around an instant."""
    week: Query = Query(since=at - timedelta(days=3), until=at + timedelta(days=3))
    return replace(week, **changes)  # type: ignore[arg-type]  # names and values are the tests' own


def all_pages(operations: Operations, query: Query, most: int = 40) -> list[Page]:
    """Every page of a list."""
    pages = [operations.page(query)]
    while pages[-1].continuation is not None:
        assert len(pages) < most, "the list does not end"
        pages.append(operations.page(replace(query, continuation=pages[-1].continuation)))
    return pages


def items_of(pages: list[Page]) -> list[Summary]:
    """What is on the pages, in order."""
    return [item for page in pages for item in page.items]


def waiting(operation: Operation) -> Operation:
    """The operation as it stands in line: not planned, not the first."""
    return replace(operation, headed_at=None, plan=None, states=())

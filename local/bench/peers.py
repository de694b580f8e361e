"""Our engine and two other durable engines at the same work, in turns: three steps and ten polls, with the same calls to the same script.

Ours in memory stands beside durabletask with its store in memory, ours on SQLite beside DBOS on SQLite, each in a process that does nothing
else. Ours runs without a host here, so it pays for no messages between processes; durabletask speaks gRPC with itself. On SQLite both
commit as SQLite does by itself, and SQLite counts the commits.
"""

import gc
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.bench.faults import FaultyClusters
from local.bench.peer_engines import commits
from local.bench.scripted import ref_of, submission_of
from local.bench.speed import unheard
from local.bench.sqlite import Database, SqliteActing, SqliteOperations, SqliteWakes
from local.bench.wiring import services_of, settings_of
from local.memory import MemoryClock, MemoryOperations, MemoryWakes
from local.storage import LAPTOP
from shared.model.answers import Taken
from shared.services import Services

HERE = LAPTOP / "bench" / "peers"
STEPS = 3
ROUNDS = 3
IN_MEMORY, ON_SQLITE = 20, 5
"""Operations a round: fewer where each commit waits for the disk."""
WITHIN = 120
SCRIPT = Path(__file__).with_name("peer_engines.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What so many operations took: seconds on the clock and of processor time, commits, and calls to the script."""

    operations: int
    clock: float
    processor: float
    commits: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Rounds of ours and of another engine, in turns."""

    engine: str
    version: str
    ours: tuple[Took, ...]
    theirs: tuple[Took, ...]

    def ratio(self, name: Literal["clock", "processor"]) -> float:
        """How many times as long theirs takes: the median of the rounds."""
        if name == "clock":
            return statistics.median(theirs.clock / ours.clock for ours, theirs in zip(self.ours, self.theirs, strict=True))
        return statistics.median(theirs.processor / ours.processor for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def commits(self) -> tuple[float, float]:
        """Commits an operation, ours and theirs."""
        ours, theirs = self.ours[0], self.theirs[0]
        return ours.commits / ours.operations, theirs.commits / theirs.operations


def beside_durabletask(python: Path, folder: Path) -> Beside:
    """In memory."""
    return _beside("durabletask", python, folder, lambda: in_memory(IN_MEMORY), IN_MEMORY)


def beside_dbos(python: Path, folder: Path) -> Beside:
    """On SQLite, in files of one folder."""
    return _beside("dbos", python, folder, lambda: on_sqlite(folder / "ours.sqlite", ON_SQLITE), ON_SQLITE)


def in_memory(operations: int) -> Took:
    """Ours on ports in memory."""
    clock, store, clusters = MemoryClock(), MemoryOperations(), _clusters()
    wakes = MemoryWakes(clock.now)
    services = services_of(settings_of(), clusters=clusters, operations=store, wakes=wakes, clock=clock)

    def turns() -> Iterator[None]:
        while (due := wakes.next_at()) is not None:
            clock.instant = max(clock.now(), due)
            wake = wakes.due()
            if wake is not None:
                services.advance(wake)
            yield

    return _timed(services, clusters, turns, operations, ended=lambda: len(store.journalled), written=lambda: 0)


def on_sqlite(file: Path, operations: int) -> Took:
    """Ours on a SQLite file, which begins empty."""
    with Database(file) as database:
        clock, clusters = MemoryClock(), _clusters()
        wakes = SqliteWakes(database, clock.now)
        services = services_of(
            settings_of(),
            clusters=clusters,
            operations=SqliteOperations(database),
            wakes=wakes,
            clock=clock,
            acting=SqliteActing(database),
        )

        def turns() -> Iterator[None]:
            while (due := wakes.next_at()) is not None:
                clock.instant = max(clock.now(), due)
                fetched = wakes.fetch()
                if fetched is not None:
                    services.advance(fetched[1])
                    wakes.delete(fetched[0])
                yield

        ended, written = (lambda: database.count("journal ") - database.count("open ")), (lambda: commits(file))
        return _timed(services, clusters, turns, operations, ended=ended, written=written)


def _beside(engine: str, python: Path, folder: Path, ours: Callable[[], Took], operations: int) -> Beside:
    folder.mkdir(parents=True, exist_ok=True)
    rounds: list[tuple[Took, Took]] = []
    version = ""
    with unheard():
        for _ in range(ROUNDS):
            took = ours()
            said = json.loads(_run(python, engine, operations, folder))
            version = str(said.pop("version"))
            rounds.append((took, Took(operations=operations, **said)))
    if len({round_.calls for pair in rounds for round_ in pair}) != 1:
        message = f"not the same work: {rounds}"
        raise RuntimeError(message)
    return Beside(engine=engine, version=version, ours=tuple(ours for ours, _ in rounds), theirs=tuple(theirs for _, theirs in rounds))


def _run(python: Path, engine: str, operations: int, folder: Path) -> str:
    """What the script says; `RuntimeError` with the end of its complaint where it fails."""
    command = [str(python), "-I", str(SCRIPT), engine, str(operations), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    if done.returncode != 0:
        message = f"{engine} ended with exit code {done.returncode}: {done.stderr[-2000:]}"
        raise RuntimeError(message)
    return done.stdout.splitlines()[-1]


def _clusters() -> FaultyClusters:
    return FaultyClusters(attempts=frozenset(), polls=frozenset())


def _timed(
    services: Services,
    clusters: FaultyClusters,
    turns: Callable[[], Iterator[None]],
    operations: int,
    *,
    ended: Callable[[], int],
    written: Callable[[], int],
) -> Took:
    """What so many operations take, after one to warm up; `ended` counts those that have."""
    _play(services, turns, ["warm"])
    calls, writes, before = sum(clusters.made.values()), written(), ended()
    gc.collect()
    clock, processor = time.perf_counter(), time.process_time()
    _play(services, turns, [f"operation{n}" for n in range(operations)])
    spent = time.perf_counter() - clock, time.process_time() - processor
    if ended() - before != operations:
        message = f"{ended() - before} of {operations} operations ended"
        raise RuntimeError(message)
    made = sum(clusters.made.values()) - calls
    return Took(operations=operations, clock=spent[0], processor=spent[1], commits=written() - writes, calls=made)


def _play(services: Services, turns: Callable[[], Iterator[None]], names: list[str]) -> None:
    for name in names:
        taken = services.submit(submission_of(STEPS, ref_of(name)))
        if not isinstance(taken, Taken):
            raise TypeError(taken)
    for _ in turns():
        pass

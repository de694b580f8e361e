"""How fast the use cases and the engine are by themselves: on ports in memory, with an Azure that answers at once."""

import gc
import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.bench.scripted import ScriptedClusters, ref_of, submission_of
from local.bench.wiring import services_of, settings_of
from local.memory import MemoryClock, MemoryOperations, MemoryWakes
from shared.model.answers import Taken
from shared.model.requests import Create

STEPS = 3
ROUNDS = 7
OPERATIONS = 300
LOGGER = "tidekeeper"


def operations_a_second() -> float:
    """Three-step operations a second of one core's time, from acceptance to the journal: the median of rounds, after one to warm up."""
    with unheard():
        _round()
        return statistics.median(OPERATIONS / _round() for _ in range(ROUNDS))


@contextmanager
def unheard() -> Iterator[None]:
    """Events are made and formatted as shipped; only the handler does nothing."""
    logger = logging.getLogger(LOGGER)
    handler, passed_on = logging.NullHandler(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = passed_on
        logger.removeHandler(handler)


def _round() -> float:
    """The seconds of processor time that so many operations take, each on a cluster of its own."""
    clock, store = MemoryClock(), MemoryOperations()
    wakes = MemoryWakes(clock.now)
    clusters = ScriptedClusters((1,) * STEPS, request=Create)
    services = services_of(settings_of(), clusters=clusters, operations=store, wakes=wakes, clock=clock)
    submissions = [submission_of(STEPS, ref_of(f"fast{n}")) for n in range(OPERATIONS)]
    gc.collect()
    begun = time.process_time()
    for submission in submissions:
        taken = services.submit(submission)
        if not isinstance(taken, Taken):
            raise TypeError(taken)
    while (due := wakes.next_at()) is not None:
        clock.instant = max(clock.now(), due)
        wake = wakes.due()
        if wake is not None:
            services.advance(wake)
    spent = time.process_time() - begun
    if len(store.journalled) != OPERATIONS or store.opened:
        message = f"{len(store.journalled)} of {OPERATIONS} operations ended"
        raise RuntimeError(message)
    return spent

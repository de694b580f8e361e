"""`python3 dev.py simulate --seeds N [--seed S] [--calls]`; says how fast, what met what, and which seeds or calls failed."""

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.enumerated import double, faults, single
from tests.simulation.invariants import broken
from tests.simulation.random_run import RandomRun
from tests.simulation.scenarios import SCENARIOS, SMALL


def _say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


def _seeds(first: int, count: int) -> int:
    """Random runs; answers how many failed."""
    began, met, failed = time.monotonic(), Counter[tuple[str, str]](), 0
    for done, seed in enumerate(range(first, first + count), 1):
        run = RandomRun(seed=seed)
        breaches = broken(run.play())
        met.update(run.met)
        if breaches:
            failed += 1
            _say(f"seed {seed}:", *breaches[:10], f"again: python3 dev.py simulate --seeds 1 --seed {seed}")
        if done % 25 == 0 or done == count:
            _say(f"{done} runs, {failed} failed, {done / (time.monotonic() - began):.1f} a second")
    for (state, trouble), times in sorted(met.items()):
        _say(f"{state:18} {trouble:70} {times}")
    return failed


def _calls() -> int:
    """Every trouble at every call of every scenario, every two at every two of the small ones; answers how many failed."""
    failed = 0
    for made, names in ((single, tuple(SCENARIOS)), (double, SMALL)):
        for name in names:
            began, cases = time.monotonic(), list(made(name))
            found = list(faults(name, iter(cases)))
            failed += len(found)
            _say(*found, f"{name}: {len(cases)} runs, {len(found)} failed, {len(cases) / (time.monotonic() - began):.1f} a second")
    return failed


def main() -> int:
    """Run, show, and answer 1 if something failed."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--seeds", type=int, default=100, help="how many random runs")
    reader.add_argument("--seed", type=int, default=0, help="the first seed")
    reader.add_argument("--calls", action="store_true", help="first every trouble at every outside call of every scenario")
    asked = reader.parse_args()
    logging.getLogger("tidekeeper").propagate = False
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # the SDK logs each answer that it cannot read
    failed = _calls() if asked.calls else 0
    return 1 if failed + _seeds(asked.seed, asked.seeds) else 0


if __name__ == "__main__":
    sys.exit(main())

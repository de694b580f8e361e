"""`python3 dev.py simulate --seeds N [--seed S]`; says how fast, what met what, and which seeds failed."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.invariants import broken
from tests.simulation.random_run import RandomRun


def _say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run, show, and answer 1 if a seed failed."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--seeds", type=int, default=100, help="how many runs")
    reader.add_argument("--seed", type=int, default=0, help="the first seed")
    asked = reader.parse_args()
    began, met, failed = time.monotonic(), Counter[tuple[str, str]](), 0
    for done, seed in enumerate(range(asked.seed, asked.seed + asked.seeds), 1):
        run = RandomRun(seed)
        breaches = broken(run.play())
        met.update(run.met)
        if breaches:
            failed += 1
            _say(f"seed {seed}:", *breaches, f"again: python3 dev.py simulate --seeds 1 --seed {seed}")
        if done % 25 == 0 or done == asked.seeds:
            _say(f"{done} runs, {failed} failed, {done / (time.monotonic() - began):.1f} a second")
    for (status, fate), times in sorted(met.items()):
        _say(f"{status:16} {fate:32} {times}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

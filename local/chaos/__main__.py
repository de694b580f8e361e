"""The command line of the storm. Exit code 1 if anything was lost; Ctrl-C ends all that was started."""

import argparse
import random
import shutil
import sys

from local.chaos.playing import run, told
from local.chaos.storm import HOSTS, Scenario
from local.demo.expecting import BrokenError
from local.leaving import break_off_when_told, heed_no_more
from local.processes import ROOT, NotReadyError
from local.storage import LAPTOP, NotInstalledError
from local.up import BusyError, alone

SPEED = 80.0  # slower than in the tests: more operations wait longer for each other, and their time must not run out for that


def main() -> int:
    """Read the command line and play; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="dev.py chaos", description="Operations on real processes that are killed, starved and lied to.")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="decides the storm (default: any)")
    parser.add_argument("--operations", type=int, default=50, help="how many (default 50)")
    parser.add_argument("--clusters", type=int, default=20, help="on how many clusters (default 20)")
    asked = parser.parse_args()
    if not 0 < asked.clusters <= asked.operations:
        parser.error("--clusters wants at least 1, and --operations at least as many")
    state = LAPTOP / "chaos"
    storm = 20.0 + 1.5 * asked.operations
    scenario = Scenario(
        state=state,
        seed=asked.seed,
        operations=asked.operations,
        clusters=asked.clusters,
        storm=storm,
        deadline=120.0 + 2 * storm,
        speed=SPEED,
    )
    break_off_when_told()
    try:
        with alone(LAPTOP / "chaos.lock"):
            shutil.rmtree(state, ignore_errors=True)
            what = f"{asked.operations} operations on {asked.clusters} clusters, {HOSTS} hosts, seed {asked.seed}"
            print(f"{what}; logs in {state.relative_to(ROOT)}", flush=True)
            tally = run(scenario)
            heed_no_more()
    except (BrokenError, BusyError, NotInstalledError, NotReadyError) as fault:
        print(f"dev.py chaos: {fault}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("broken off; nothing is left running")
        return 130
    for line in told(scenario, tally):
        print(line)
    return 1 if tally.losses else 0


if __name__ == "__main__":
    sys.exit(main())

"""The command line of the demo. Exit code 0 only if every outcome was as expected; Ctrl-C ends all that was started.

It loads what it plays with only when it can already be broken off in peace.
"""

import argparse
import sys

from local.demo.screen import Look, Screen
from local.leaving import break_off_when_told, heed_no_more

SEED = 56  # a world in which nothing takes unusually long


def main() -> int:
    """Read the command line and play; answers the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description="The main job from start to end, on a stack of its own.")
    parser.add_argument("--speed", type=float, default=60.0, help="how many times as fast as real the world runs (default 60)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"decides how long things take in the simulated Azure (default {SEED})")
    arguments = parser.parse_args()
    if not arguments.speed > 0:
        parser.error("--speed wants a number above 0")
    screen = Screen(out=sys.stdout, look=Look.of(sys.stdout))
    break_off_when_told()
    try:
        from local.demo import programme
        from local.storage import NotInstalledError
        from local.up import BusyError

        try:
            return programme.run(screen, speed=arguments.speed, seed=arguments.seed, ending=heed_no_more)
        except (BusyError, NotInstalledError) as fault:
            screen.settle()
            print(f"dev.py demo: {fault}", file=sys.stderr, flush=True)
            return 1
    except KeyboardInterrupt:
        screen.line()
        screen.line("broken off; nothing is left running")
        return 130


if __name__ == "__main__":
    sys.exit(main())

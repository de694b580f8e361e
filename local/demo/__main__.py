"""The command line of the demo. Exit code 0 only if every outcome was as expected; Ctrl-C ends all that was started.

It loads what it plays with only when it can already be broken off in peace.
"""

import argparse
import signal
import sys

from local.demo.screen import Look, Screen

SEED = 56  # a world in which nothing takes unusually long
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _leave(*_: object) -> None:
    """Break off once."""
    _heed_no_more_signals()
    raise KeyboardInterrupt


def _heed_no_more_signals() -> None:
    """While all ends in order, which takes a second or two, signals are of no use and do no harm."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    """Read the command line and play; answers the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description="The main job from start to end, on a stack of its own.")
    parser.add_argument("--speed", type=float, default=60.0, help="how many times as fast as real the world runs (default 60)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"decides how long things take in the simulated Azure (default {SEED})")
    arguments = parser.parse_args()
    if not arguments.speed > 0:
        parser.error("--speed wants a number above 0")
    screen = Screen(out=sys.stdout, look=Look.of(sys.stdout))
    for number in _ENDINGS:
        signal.signal(number, _leave)
    try:
        from local.demo import programme
        from local.storage import NotInstalledError
        from local.up import BusyError

        try:
            return programme.run(screen, speed=arguments.speed, seed=arguments.seed, ending=_heed_no_more_signals)
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

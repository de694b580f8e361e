"""How a command line that runs until somebody ends it takes the signals to end: it breaks off once, in order, and heeds no more of them.

Standard library only: it is in force before anything else is loaded.
"""

import signal

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def break_off_when_told(words: str = "") -> None:
    """From now on the first signal to end says `words`, if there are any, and raises KeyboardInterrupt."""

    def leave(*_: object) -> None:
        heed_no_more()
        if words:
            print(words, flush=True)
        raise KeyboardInterrupt

    for number in _ENDINGS:
        signal.signal(number, leave)


def heed_no_more() -> None:
    """While all ends in order, which takes a second or two, signals are of no use and do no harm."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)

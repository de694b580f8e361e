"""Whether a process is still there."""

import contextlib
import os
from pathlib import Path


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked after yet has ended too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return False

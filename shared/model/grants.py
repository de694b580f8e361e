"""Who may do what: grants as values, as the settings state them. Judging them is `rules/admission.py`'s."""

from dataclasses import dataclass

READ = "read"
LETTERS = "letters"
"""To see and handle messages that could not be processed. They are anybody's, so it is asked of every cluster at once."""
PAUSE = "pause"
"""To stop all acting and let it go on. It is of every cluster at once."""
PURGE = "purge"
"""To remove what has ended, with its history."""
DEFAULT_ACTIONS = frozenset({READ, PAUSE, "scale", "start", "stop", "sleep", "wake", "upgrade"})
"""What every door may do until somebody says otherwise. What makes, removes or reveals is granted on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Leave for callers of some doors to do some actions to some clusters. Each field is a set of shell patterns; `*` is all.

    Clusters are matched as `subscription/resource-group/name`, callers and clusters without regard to case.
    """

    actions: frozenset[str] = DEFAULT_ACTIONS
    doors: frozenset[str] = frozenset({"*"})
    callers: frozenset[str] = frozenset({"*"})
    clusters: frozenset[str] = frozenset({"*"})

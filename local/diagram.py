"""Draws the engine's table for `docs/operations.md`: run as `python3 -m local.diagram`, a test sees that the page shows what it prints."""

import sys

from shared.rules.engine import TRANSITIONS

_SAID = {
    "seen": "looked",
    "unseen": "look failed",
    "accepted": "accepted",
    "refused": "refused",
    "still_running": "still running",
    "answered": "answered",
}


def diagram() -> str:
    """The machine as a Mermaid state diagram: one arrow for each pair of states, labelled with the sightings that lead along it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, sighting), afters in TRANSITIONS.items():
        for after in sorted(afters):
            arrows.setdefault((before, after), []).append(_SAID[sighting])
    lines = ["stateDiagram-v2", "    direction LR", "    [*] --> waiting", "    waiting --> skipped : cancelled, or an earlier step failed"]
    lines += ["    settling --> skipped : aborted", "    starting --> waiting : held, or suspended"]
    lines += [f"    {before} --> {after} : {', '.join(said)}" for (before, after), said in arrows.items() if before != after]
    lines += [f"    {before} --> {before} : {', '.join(said)}" for (before, after), said in arrows.items() if before == after]
    lines += [f"    {end} --> [*]" for end in ("done", "failed", "skipped")]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(diagram() + "\n")

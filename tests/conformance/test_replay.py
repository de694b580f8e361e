"""Every recorded exchange with real AKS is asked again of the simulator; whatever differs is in the table of eras, or a fault."""

import functools
from pathlib import Path

import pytest

from tests.conformance.comparing import Difference
from tests.conformance.eras import ERAS
from tests.conformance.replaying import replay
from tests.conformance.traffic import RECORDINGS, read


@functools.cache
def differences(conformance: Path, recording: str) -> tuple[Difference, ...]:
    return tuple(replay(conformance, recording).run())


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recording_is_answered_as_it_was_recorded(conformance: Path, recording: str) -> None:
    unexplained = [str(difference) for difference in differences(conformance, recording) if not any(e.covers(difference) for e in ERAS)]
    assert unexplained == []


def test_every_difference_is_told_once_and_every_entry_of_the_table_is_needed(conformance: Path) -> None:
    found = [difference for recording in RECORDINGS for difference in differences(conformance, recording)]
    told = [(difference, [era for era in ERAS if era.covers(difference)]) for difference in found]
    twice = {f"{difference.kind} {difference.field}: {[era.why for era in eras]}" for difference, eras in told if len(eras) > 1}
    used = [era for _, eras in told for era in eras]
    idle = [f"{era.kind} {era.field}: {era.why}" for era in ERAS if era not in used]
    assert (twice, idle) == (set(), [])


def test_every_entry_says_how_long_it_held_or_that_it_is_of_no_era() -> None:
    timeless = [era for era in ERAS if era.until is None and era.before is None and not era.lasting]
    assert timeless == []
    assert all(era.why and era.source for era in ERAS)


def test_the_newest_recording_differs_only_in_what_is_of_no_era(conformance: Path) -> None:
    newest = max(RECORDINGS, key=lambda recording: RECORDINGS[recording])
    eras = [era for difference in differences(conformance, newest) for era in ERAS if era.covers(difference)]
    assert eras
    assert all(era.lasting for era in eras)


def test_all_recordings_are_replayed(conformance: Path) -> None:
    files = {file.stem for file in (conformance / "aks-traffic").glob("*.jsonl")}
    assert files == set(RECORDINGS)
    assert sum(len(read(conformance, recording)) for recording in RECORDINGS) == 412

"""Every answer that the simulator gave in this run, in this process or in one that a test started, is as the API is described.

tests/conftest.py has the answers written down and lets this file run last.
"""

from pathlib import Path

import pytest

from local.arm.recording import read
from local.arm.wire import Json
from tests.conformance.description import Answered, Departure, Description, describe
from tests.conformance.deviations import DEVIATIONS


@pytest.fixture(scope="module")
def description(conformance: Path) -> Description:
    return describe(conformance)


@pytest.fixture(scope="module")
def departures(exchanges: Path, description: Description) -> list[Departure]:
    answers = [of(exchange) for exchange in read(exchanges)]
    if not answers:
        pytest.skip("nothing was asked of the simulator in this run")
    return [departure for answered in answers for departure in description.departures(answered)]


def of(exchange: Json) -> Answered:
    return Answered(
        method=exchange["method"],
        path=exchange["path"],
        version=exchange["query"].get("api-version", ""),
        status=exchange["status"],
        headers=exchange["headers"],
        body=exchange["body"],
    )


def test_every_answer_is_as_described_or_departs_as_the_real_service_does(departures: list[Departure]) -> None:
    excuses = [deviation for deviation in DEVIATIONS if not deviation.of_recordings]
    assert [str(departure) for departure in departures if not any(excuse.covers(departure) for excuse in excuses)] == []


def test_a_whole_run_needs_every_deviation_that_no_recording_shows(
    departures: list[Departure], exchanges: Path, request: pytest.FixtureRequest
) -> None:
    config = request.config
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.option.keyword or config.option.lf:
        pytest.skip("only a whole run shows whether all are needed")
    idle = [entry.why for entry in DEVIATIONS if not entry.recorded and not any(entry.covers(departure) for departure in departures)]
    assert idle == []
    assert len(list(exchanges.glob("*.jsonl"))) > 1, "no simulator in a process of its own wrote down what it answered"

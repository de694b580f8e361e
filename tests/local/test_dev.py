"""The command line's own decisions: what is skipped where the Azure CLI cannot be installed, and what the new command takes."""

from pathlib import Path

import pytest

import dev
from local.interpreters import FaultError


def failing(message: str) -> Path:
    raise FaultError(message)


def test_what_cannot_be_installed_is_said_and_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.installed_or_not(lambda: failing("the requirements could not be installed; is there a network?"), "no cake") is None
    said = capsys.readouterr().out
    assert said.startswith("skipped: no cake, which could not be installed here\n")
    assert "is there a network?" in said


@pytest.mark.parametrize("words", dev.BROKEN)
def test_a_lock_that_does_not_hold_is_no_reason_to_skip(words: str) -> None:
    with pytest.raises(FaultError, match=words):
        dev.installed_or_not(lambda: failing(f"the requirements could not be installed\n    ERROR: THESE PACKAGES {words}"), "no cake")


def test_what_can_be_installed_is_used() -> None:
    assert dev.installed_or_not(lambda: Path("bin/python"), "no cake") == Path("bin/python")


def test_what_the_cli_is_answered_is_held_against_the_description() -> None:
    assert all((dev.ROOT / path).exists() for path in dev.WITH_CLI)
    assert "tests/conformance/test_answers.py" in dev.WITH_CLI


def test_the_azure_command_keeps_its_world_under_the_laptops_folder() -> None:
    arguments = dev.parser().parse_args(["azure"])
    assert (arguments.speed, arguments.port, arguments.seed, arguments.fresh) == (1.0, 17445, None, False)
    assert arguments.state == dev.LAPTOP / "azure"


@pytest.mark.parametrize("words", [["azure", "--speed", "0"], ["azure", "--port", "65536"], ["azure", "--seed", "-1"]])
def test_an_azure_that_cannot_be_is_refused_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dev.parser().parse_args(words)
    assert "usage: dev.py azure" in capsys.readouterr().err

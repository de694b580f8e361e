"""Keys: what each makes of a request."""

from pathlib import Path

import pytest

from local.host.keys import Keys, Level, needed, opens
from local.host.settings import HostError

KEYS = Keys(master="m", host={"default": "h"}, system={"extension": "s"}, functions={"one": {"default": "f"}})


@pytest.mark.parametrize(
    ("key", "function", "level"),
    [
        ("m", "one", Level.ADMIN),
        ("m", None, Level.ADMIN),
        ("s", "one", Level.SYSTEM),
        ("h", "two", Level.FUNCTION),
        ("f", "ONE", Level.FUNCTION),
        ("f", "two", Level.ANONYMOUS),
        ("f", None, Level.ANONYMOUS),
        ("x", "one", Level.ANONYMOUS),
        ("", "one", Level.ANONYMOUS),
        (None, "one", Level.ANONYMOUS),
        ("é", "one", Level.ANONYMOUS),
    ],
)
def test_a_key_opens_what_it_belongs_to(key: str | None, function: str | None, level: Level) -> None:
    assert KEYS.level(key, function=function) == level


@pytest.mark.parametrize(
    ("asked", "level"), [("ANONYMOUS", Level.ANONYMOUS), ("FUNCTION", Level.FUNCTION), ("ADMIN", Level.ADMIN), ("odd", Level.FUNCTION)]
)
def test_a_binding_asks_for_a_level(asked: str, level: Level) -> None:
    assert needed(asked) == level


@pytest.mark.parametrize("asked", list(Level))
@pytest.mark.parametrize("level", list(Level))
def test_an_administrator_may_do_all_and_every_other_level_only_its_own(level: Level, asked: Level) -> None:
    assert opens(level, asked) is (Level.ADMIN is level or asked in {level, Level.ANONYMOUS})


def test_keys_are_never_shown() -> None:
    assert repr(KEYS) == "Keys()"


def test_generated_keys_differ() -> None:
    one, other = Keys.generated(), Keys.generated()
    assert one.master != other.master
    assert one.master not in one.host.values()


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(HostError, match=r"keys\.json"):
        Keys.read(path)

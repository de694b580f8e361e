"""The `Letters` port: what is filed is kept, once, and never refused for its size or its script."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from local.memory import MemoryLetters
from shared.adapters import clients
from shared.adapters.tables import TableLetters, Tables
from shared.model.letters import Letter
from shared.ports import Letters
from tests.builders import NOON
from tests.worldly import some_settings


@dataclass(frozen=True)
class Files:
    """The port, and a person's way to read what was filed."""

    letters: Letters
    read: Callable[[Letter], Mapping[str, object]]


@pytest.fixture(params=["memory", "tables"])
def files(request: pytest.FixtureRequest) -> Files:
    if request.param == "memory":
        memory = MemoryLetters()
        return Files(
            memory, lambda letter: {name: getattr(memory.filed[letter.id], name) for name in ("queue", "reason", "text", "operation")}
        )
    tables: Tables = request.getfixturevalue("tables")
    service = clients.tables(some_settings({"AzureWebJobsStorage": request.getfixturevalue("azurite")}))
    table = service.get_table_client("letters")
    return Files(TableLetters(tables), lambda letter: table.get_entity("2026-11-23", letter.id))


def a_letter(**changes: str) -> Letter:
    letter = Letter(id=str(uuid4()), queue="cluster-requests", reason="not JSON", text="{", filed_at=NOON, operation="op-1")
    return replace(letter, **changes)  # type: ignore[arg-type]  # names and values are the tests' own


def test_a_letter_is_kept_with_all_it_says(files: Files) -> None:
    letter = a_letter(text='{"a": "caf\u00e9 \U0001f680"}\n\x01')
    files.letters.file(letter)
    kept = files.read(letter)
    assert (kept["queue"], kept["reason"], kept["text"], kept["operation"]) == (letter.queue, letter.reason, letter.text, "op-1")


def test_filing_a_letter_again_changes_nothing(files: Files) -> None:
    letter = a_letter()
    files.letters.file(letter)
    before = dict(files.read(letter))
    files.letters.file(letter)
    assert dict(files.read(letter)) == before


@pytest.mark.parametrize(
    "text", ["x" * 65_536, "\U0001f680" * 16_384, "\U0001f680x" * 13_107, "\u6771" * 21_845], ids=["ascii", "rockets", "both", "kanji"]
)
def test_the_largest_message_a_queue_can_hold_is_filed_from_its_beginning(files: Files, text: str) -> None:
    letter = a_letter(text=text)
    files.letters.file(letter)
    kept = str(files.read(letter)["text"])
    assert text.startswith(kept)
    assert len(kept) >= 16_000

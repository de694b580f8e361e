"""The `Letters` port: what is filed is kept, found by its id, listed newest day first, sent again as it came, removed as it was read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest

from local.memory import MemoryLetters
from shared.adapters import clients
from shared.adapters.letters import TableLetters
from shared.adapters.pages import MOST_REQUESTS
from shared.adapters.queues import Queues
from shared.adapters.tables import Tables
from shared.model.errors import NewerSchema
from shared.model.letters import Letter, LetterQuery, letter_id
from shared.model.listing import BadContinuation
from shared.ports import Letters
from tests.builders import NOON
from tests.contract.storing import a_noon, raced
from tests.contract.tapping import Tap
from tests.worldly import some_settings

DAY = timedelta(days=1)
_marks = count(1)


@dataclass(frozen=True)
class Files:
    """The port, and what was sent to a queue by it."""

    letters: Letters
    sent: Callable[[str], list[str]]


@pytest.fixture(params=["memory", "tables"])
def files(request: pytest.FixtureRequest) -> Files:
    if request.param == "memory":
        memory = MemoryLetters()
        return Files(memory, lambda queue: [text for name, text in memory.sent if name == queue])
    tables: Tables = request.getfixturevalue("tables")
    queues: Queues = request.getfixturevalue("queues")
    service = clients.queues(some_settings({"AzureWebJobsStorage": request.getfixturevalue("azurite")}))

    def sent(queue: str) -> list[str]:
        return [str(message.content) for message in service.get_queue_client(queue).receive_messages()]

    return Files(TableLetters(tables, lambda: queues), sent)


def a_letter(**changes: object) -> Letter:
    filed_at = changes.get("filed_at", NOON)
    letter = Letter(id="", queue="cluster-requests", reason="not JSON", text="{", filed_at=NOON, operation="op-1")
    made: Letter = replace(letter, **changes)  # type: ignore[arg-type]  # names and values are the tests' own
    return replace(made, id=letter_id(filed_at, f"{next(_marks):08x}{uuid4().hex[:16]}"))  # type: ignore[arg-type]  # as above


def loaded(files: Files, letter: Letter) -> Letter | None:
    kept = files.letters.load(letter.id)
    return None if kept is None else kept.letter


def test_a_letter_is_kept_with_all_it_says(files: Files) -> None:
    letter = a_letter(text='{"a": "caf\u00e9 \U0001f680"}\n\x01')
    files.letters.file(letter)
    assert loaded(files, letter) == letter


def test_filing_a_letter_again_changes_nothing(files: Files) -> None:
    letter = a_letter(operation=None)
    files.letters.file(letter)
    files.letters.file(letter)
    assert loaded(files, letter) == letter


@pytest.mark.parametrize(
    "text", ["x" * 65_536, "\U0001f680" * 16_384, "\U0001f680x" * 13_107, "\u6771" * 21_845], ids=["ascii", "rockets", "both", "kanji"]
)
def test_the_largest_message_a_queue_can_hold_is_filed_from_its_beginning_and_says_if_it_was_cut(files: Files, text: str) -> None:
    letter = a_letter(text=text)
    files.letters.file(letter)
    kept = loaded(files, letter)
    assert kept is not None
    assert text.startswith(kept.text)
    assert len(kept.text) >= 16_000
    assert kept.cut is (kept.text != text)


@pytest.mark.parametrize(
    "identifier", ["", "x", "20261123", "20261323" + "0" * 24, "20261123' or '" + "0" * 18, "2026112" + "\u0663" + "0" * 24]
)
def test_what_is_no_id_of_a_letter_names_none(files: Files, identifier: str) -> None:
    assert files.letters.load(identifier) is None


def test_a_letter_is_removed_once_and_removing_it_again_changes_nothing(files: Files) -> None:
    letter, other = a_letter(), a_letter()
    files.letters.file(letter)
    files.letters.file(other)
    kept = files.letters.load(letter.id)
    assert kept is not None
    files.letters.remove(kept)
    files.letters.remove(kept)
    assert (loaded(files, letter), loaded(files, other)) == (None, other)


def test_a_letter_that_was_filed_again_since_it_was_read_stays(files: Files) -> None:
    letter = a_letter()
    files.letters.file(letter)
    kept = files.letters.load(letter.id)
    assert kept is not None
    files.letters.file(letter)
    files.letters.remove(kept)
    assert loaded(files, letter) == letter


def test_two_that_remove_one_letter_at_once_both_do(files: Files) -> None:
    letter = a_letter()
    files.letters.file(letter)
    kept = files.letters.load(letter.id)
    assert kept is not None
    raced(2, lambda _: files.letters.remove(kept))
    assert loaded(files, letter) is None


@pytest.mark.parametrize("text", ['{"action": "scale"}', "not JSON \u2603", " {\n}\n", "eyJhIjogMX0="])
def test_a_text_is_sent_again_as_it_came(files: Files, text: str) -> None:
    queue = f"again-{uuid4().hex[:12]}"
    files.letters.send_again(a_letter(queue=queue, text=text))
    assert files.sent(queue) == [text]


def pages(files: Files, query: LetterQuery) -> list[list[str]]:
    found = [files.letters.page(query)]
    while found[-1].continuation is not None:
        assert len(found) < 20, "the list does not end"
        found.append(files.letters.page(replace(query, continuation=found[-1].continuation)))
    return [[letter.id for letter in page.letters] for page in found]


def filed(files: Files, *instants: object) -> list[Letter]:
    made = [a_letter(filed_at=instant) for instant in instants]
    for letter in made:
        files.letters.file(letter)
    return made


@pytest.mark.parametrize("top", [1, 2, 3, 50])
def test_pages_have_the_newest_day_first_and_each_letter_once(files: Files, top: int) -> None:
    noon = a_noon()
    old, first, second, new = filed(files, noon - 2 * DAY, noon, noon + timedelta(hours=1), noon + DAY)
    found = pages(files, LetterQuery(since=noon - 3 * DAY, until=noon + 3 * DAY, top=top))
    assert [name for page in found for name in page] == [new.id, first.id, second.id, old.id]
    assert all(len(page) <= top for page in found)


def test_a_list_has_what_was_filed_in_its_span_to_the_instant(files: Files) -> None:
    noon = a_noon()
    _, begin, end, _ = filed(files, noon - timedelta(seconds=1), noon, noon + DAY, noon + DAY + timedelta(seconds=1))
    assert pages(files, LetterQuery(since=noon, until=noon + DAY)) == [[end.id, begin.id]]


@pytest.mark.parametrize("token", ["x", "2026-11-23", "20261323" + "0" * 24, "20261123' or RowKey gt '" + "0" * 8])
def test_what_is_no_continuation_is_refused(files: Files, token: str) -> None:
    with pytest.raises(BadContinuation):
        files.letters.page(LetterQuery(since=NOON - DAY, until=NOON, continuation=token))


@pytest.mark.parametrize("day", ["19010101", "29991231"])
def test_a_continuation_of_another_span_shows_nothing_outside_this_one(files: Files, day: str) -> None:
    noon = a_noon()
    (letter,) = filed(files, noon)
    found = files.letters.page(LetterQuery(since=noon - DAY, until=noon + DAY, continuation=day + "0" * 24))
    assert {item.id for item in found.letters} <= {letter.id}


# ---- what only a wire has


def test_reading_by_id_and_removing_are_one_request_each(tables: Tables, tap: Tap) -> None:
    letters = TableLetters(tables, lambda: pytest.fail("nothing is sent"))
    letter = a_letter()
    letters.file(letter)
    assert tap.cost(lambda: letters.load(letter.id)) == 1
    kept = letters.load(letter.id)
    assert kept is not None
    assert tap.cost(lambda: letters.remove(kept)) == 1


def test_a_letter_of_newer_code_is_left_for_newer_code(tables: Tables) -> None:
    letters = TableLetters(tables, lambda: pytest.fail("nothing is sent"))
    letter = a_letter()
    letters.file(letter)
    row = {"PartitionKey": f"{letter.filed_at:%Y-%m-%d}", "RowKey": letter.id, "schema": 99}
    tables.table("letters").update_entity(row)
    with pytest.raises(NewerSchema):
        letters.load(letter.id)


def costs(letters: TableLetters, tap: Tap, query: LetterQuery) -> tuple[list[int], list[Letter]]:
    """The requests of each page of a list, and all that is on them."""
    asked: list[int] = []
    found: list[Letter] = []
    while True:
        before = len(tap.asked)
        page = letters.page(query)
        asked.append(len(tap.asked) - before)
        found += page.letters
        if page.continuation is None:
            return asked, found
        query = replace(query, continuation=page.continuation)


def test_a_page_of_many_days_ends_when_it_has_cost_enough_and_goes_on_where_it_stopped(tables: Tables, tap: Tap) -> None:
    at = a_noon().replace(year=1970)
    letters = TableLetters(tables, Queues)  # type: ignore[arg-type]  # nothing is sent
    made = [a_letter(filed_at=at - timedelta(days=days)) for days in (0, MOST_REQUESTS - 1, MOST_REQUESTS, 59)]
    for letter in made:
        letters.file(letter)
    asked, found = costs(letters, tap, LetterQuery(since=at - timedelta(days=59), until=at))
    # A day on which a page ends is asked once more, for what comes after.
    assert (asked, found) == ([*[MOST_REQUESTS] * 3, 1], made)


def test_a_page_does_not_read_a_whole_day_for_what_was_filed_in_its_first_minute(tables: Tables, tap: Tap) -> None:
    midnight = a_noon().replace(hour=0)
    letters = TableLetters(tables, Queues)  # type: ignore[arg-type]  # nothing is sent
    early = a_letter(filed_at=midnight)
    for letter in (early, *(a_letter(filed_at=midnight + timedelta(hours=1, seconds=n)) for n in range(2 * MOST_REQUESTS))):
        letters.file(letter)
    asked, found = costs(letters, tap, LetterQuery(since=midnight, until=midnight + timedelta(minutes=1), top=1))
    assert found == [early]
    assert max(asked) <= MOST_REQUESTS

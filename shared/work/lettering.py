"""What a person does with letters: see them, as people may see them, send a message again, throw one away. Must not judge who may."""

from shared.log import event
from shared.model.errors import Code, Refusal
from shared.model.letters import LetterQuery, ShownLetter, ShownPage
from shared.ports import Letters
from shared.rules.lettering import as_shown


def page(query: LetterQuery, *, letters: Letters) -> ShownPage:
    """A page of letters. Raises `BadContinuation`, `CallFailed`."""
    found = letters.page(query)
    return ShownPage(letters=tuple(as_shown(letter) for letter in found.letters), continuation=found.continuation)


def read(identifier: str, *, letters: Letters) -> ShownLetter | Refusal:
    """One letter. Raises `CallFailed`."""
    kept = letters.load(identifier)
    return _none(identifier) if kept is None else as_shown(kept.letter)


def requeue(identifier: str, *, by: str, letters: Letters) -> ShownLetter | Refusal:
    """Send a letter's message to its queue again, then remove the letter. Raises `CallFailed`.

    Sent first: who dies between the two leaves a letter that can be sent again, and never a message that is nowhere. So a message may
    arrive twice, as any message may. The letter goes only as it was read: if its message has failed again meanwhile, that letter stays.
    """
    kept = letters.load(identifier)
    if kept is None:
        return _none(identifier)
    if kept.letter.cut:
        message = f"letter {identifier} holds only the beginning of its message, too long to keep: ask its sender to send it again"
        return Refusal(code=Code.IMPOSSIBLE, message=message)
    letters.send_again(kept.letter)
    letters.remove(kept)
    event("letter_requeued", letter=identifier, queue=kept.letter.queue, operation=kept.letter.operation, by=by)
    return as_shown(kept.letter)


def delete(identifier: str, *, by: str, letters: Letters) -> ShownLetter | Refusal:
    """Throw a letter away, and its message with it. Raises `CallFailed`."""
    kept = letters.load(identifier)
    if kept is None:
        return _none(identifier)
    letters.remove(kept)
    event("letter_deleted", letter=identifier, queue=kept.letter.queue, operation=kept.letter.operation, by=by)
    return as_shown(kept.letter)


def _none(identifier: str) -> Refusal:
    """The refusal for a letter that is not there."""
    return Refusal(code=Code.NOT_FOUND, message=f"no letter {identifier[:80]!a}, or it was requeued or deleted already")

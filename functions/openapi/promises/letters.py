"""What the doors to letters promise."""

from functions import views
from functions.openapi.promises.terms import SETTINGS, STORE, Answer, Parameter, Route
from shared.model.errors import Code

_WHEN = {"type": "string", "format": "date-time", "examples": ["2026-11-23T20:00:00Z"]}
_REFUSALS = frozenset({Code.MALFORMED, Code.FORBIDDEN}) | STORE | SETTINGS

LETTERS = (
    Route(
        function="letters_list",
        method="get",
        path="letters",
        tag="letters",
        summary="List letters",
        words="The newest day first, a page at a time; by default those of the last seven days.",
        parameters=(
            Parameter(name="since", words="Only those filed since then; a week before `until` if it is left out.", schema=_WHEN),
            Parameter(name="until", words="Only those filed until then; by default now. At most 92 days after `since`.", schema=_WHEN),
            Parameter(name="top", words="How many at most.", schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
            Parameter(name="continuation", words="Where the last page stopped, as it said.", schema={"type": "string", "minLength": 1}),
        ),
        answers={200: Answer(means="A page.", views=(views.LettersView,))},
        refusals=_REFUSALS,
    ),
    Route(
        function="letters_read",
        method="get",
        path="letters/{letter}",
        tag="letters",
        summary="Read a letter",
        words="Where it was sent, why it could not be processed, and the beginning of its text.",
        answers={200: Answer(means="The letter.", views=(views.LetterView,))},
        refusals=_REFUSALS | {Code.NOT_FOUND},
    ),
    Route(
        function="letters_requeue",
        method="post",
        path="letters/{letter}/requeue",
        tag="letters",
        summary="Send a letter's message again",
        words="To the queue that it came from, as it came; then the letter is removed. If the answer is lost, ask again: the letter is "
        "there until its message was sent. The message may then arrive twice, as any message may.",
        answers={200: Answer(means="The letter as it was; its message is on its way.", views=(views.LetterView,))},
        refusals=_REFUSALS | {Code.NOT_FOUND, Code.IMPOSSIBLE},
    ),
    Route(
        function="letters_delete",
        method="delete",
        path="letters/{letter}",
        tag="letters",
        summary="Delete a letter",
        words="Throws the message away for good.",
        answers={200: Answer(means="The letter as it was; it is gone.", views=(views.LetterView,))},
        refusals=_REFUSALS | {Code.NOT_FOUND},
    ),
)

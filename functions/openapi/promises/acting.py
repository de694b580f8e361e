"""What the doors that stop all acting promise."""

from functions import views
from functions.openapi.promises.terms import SETTINGS, STORE, Answer, Parameter, Route
from shared.model.errors import Code

_ANSWERS = {200: Answer(means="Whether the app acts.", views=(views.ActingView,))}
_REFUSALS = frozenset({Code.MALFORMED, Code.FORBIDDEN}) | STORE | SETTINGS

ACTING = (
    Route(
        function="acting_read",
        method="get",
        path="pause",
        tag="app",
        summary="Does it act?",
        words="Whether all acting is paused, by whom and why, and how many calls that change something were made in this hour.",
        answers=_ANSWERS,
        refusals=_REFUSALS,
    ),
    Route(
        function="acting_pause",
        method="post",
        path="pause",
        tag="app",
        summary="Stop all acting",
        words="Requests are still accepted and recorded, and what is under way in Azure is watched to its end; but no step begins, on any "
        "cluster. Operations say that they wait for this. Asked again, it changes nothing, not even who asked first.",
        parameters=(
            Parameter(name="reason", words="Why, for whoever wonders.", schema={"type": "string", "minLength": 1, "maxLength": 500}),
        ),
        answers=_ANSWERS,
        refusals=_REFUSALS,
    ),
    Route(
        function="acting_unpause",
        method="post",
        path="unpause",
        tag="app",
        summary="Act again",
        words="What was held goes on within a few minutes. Asked of an app that acts, it changes nothing.",
        answers=_ANSWERS,
        refusals=_REFUSALS,
    ),
)

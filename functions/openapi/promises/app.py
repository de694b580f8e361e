"""What the doors about the app itself promise."""

from functions import views
from functions.openapi.promises.terms import SETTINGS, STORE, Answer, Route
from shared.model.errors import Code

APP = (
    Route(
        function="health_read",
        method="get",
        path="health",
        tag="app",
        summary="Is it able to work?",
        words="For probes: asks for no key, and says nothing secret.",
        open=True,
        answers={
            200: Answer(means="The settings are whole, and storage answers.", views=(views.HealthView,)),
            503: Answer(means="Something is wrong.", views=(views.HealthView,)),
        },
    ),
    Route(
        function="paces_list",
        method="get",
        path="paces",
        tag="app",
        summary="When is Azure looked at?",
        words="For each kind of step: the figures that ship, those that hold, which of the two they are and why, and what bounds them. "
        "What is learned is learned every night, from the app's own operations.",
        answers={200: Answer(means="The figures.", views=(views.PacesView,))},
        refusals=frozenset({Code.MALFORMED, Code.FORBIDDEN}) | STORE | SETTINGS,
    ),
    Route(
        function="contract_read",
        method="get",
        path="openapi.json",
        tag="app",
        summary="This document",
        words="OpenAPI 3.1.",
        answers={200: Answer(means="The document.", views=(views.DocumentView,))},
        refusals=frozenset({Code.MALFORMED}),
    ),
)

"""What the doors about the app itself promise."""

from functions import views
from functions.openapi.promises.terms import Answer, Route
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

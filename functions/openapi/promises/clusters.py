"""What the doors to clusters and versions promise."""

from functions import views
from functions.openapi.promises.terms import AZURE, SETTINGS, STORE, Answer, Parameter, Route
from shared.model.errors import Code

_REGION = r"^ *[A-Za-z0-9]( *[A-Za-z0-9]){0,59} *$"

CLUSTERS = (
    Route(
        function="clusters_list",
        method="get",
        path="clusters",
        tag="clusters",
        summary="List clusters",
        words="As Azure shows them now, with one call for each subscription.",
        answers={200: Answer(means="The clusters.", views=(views.ClustersView,))},
        refusals=frozenset({Code.MALFORMED}) | AZURE | STORE | SETTINGS,
    ),
    Route(
        function="clusters_read",
        method="get",
        path="clusters/{subscription}/{group}/{name}",
        tag="clusters",
        summary="Read a cluster",
        words="As Azure shows it now, and which operation holds it.",
        answers={200: Answer(means="The cluster.", views=(views.ClusterView,))},
        refusals=frozenset({Code.MALFORMED, Code.NOT_FOUND}) | AZURE | STORE | SETTINGS,
    ),
    Route(
        function="clusters_upgrades",
        method="get",
        path="clusters/{subscription}/{group}/{name}/upgrades",
        tag="clusters",
        summary="What a cluster can be upgraded to",
        words="What AKS offers its control plane, and which of its pools are behind.",
        answers={200: Answer(means="The offer.", views=(views.UpgradesView,))},
        refusals=frozenset({Code.MALFORMED, Code.NOT_FOUND}) | AZURE | SETTINGS,
    ),
    Route(
        function="versions_list",
        method="get",
        path="versions",
        tag="clusters",
        summary="List Kubernetes versions",
        words="Those that AKS offers in a region, newest first.",
        parameters=(
            Parameter(
                name="location",
                required=True,
                words="A region of Azure, by its name or as people write it.",
                schema={"type": "string", "pattern": _REGION, "examples": ["westeurope"]},
            ),
        ),
        answers={200: Answer(means="The versions.", views=(views.VersionsView,))},
        refusals=frozenset({Code.MALFORMED, Code.FORBIDDEN}) | AZURE | SETTINGS,
    ),
)

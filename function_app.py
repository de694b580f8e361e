"""Registers the doors; nothing else. Importing it must stay cheap: a cold start pays for every import before the first request."""

import azure.functions as func

from functions import acting, clusters, contract, health, letters, operations, paces, queues, requests, status, timers

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for doors in (
    requests.doors,
    operations.doors,
    clusters.doors,
    letters.doors,
    acting.doors,
    status.doors,
    paces.doors,
    health.doors,
    contract.doors,
    queues.doors,
    timers.doors,
):
    app.register_functions(doors)

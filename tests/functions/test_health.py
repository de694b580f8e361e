"""Health: well, or what is wrong; no key needed, and never a secret in it."""

from typing import Any

import pytest

from shared.model.errors import CallFailed, Code, Failure
from tests.builders import SUBSCRIPTION
from tests.doors import SCALE, Doors, environment

SECRET = "c2VjcmV0LXNlY3JldA=="
STORAGE = f"DefaultEndpointsProtocol=https;AccountName=tide;AccountKey={SECRET}"


def test_all_is_well(app: Doors) -> None:
    answer = app.get("/api/health")
    assert (answer.status, answer.document) == (200, {"status": "ok", "checks": {"settings": "ok", "storage": "ok"}})
    assert answer.headers["cache-control"] == "no-store"


def test_health_asks_azure_and_the_store_of_operations_nothing(app: Doors) -> None:
    before = app.kept()
    app.get("/api/health")
    assert not app.world.witness.entries
    assert app.kept() == before


class Away:
    """Storage that does not answer."""

    def check(self) -> None:
        raise CallFailed(Failure(code=Code.UNREACHABLE, message="storage did not answer (ServiceRequestError)", transient=True))


def test_storage_away_is_503_and_says_so(app: Doors) -> None:
    app.behind(app.rebuilt(store=Away()))
    answer = app.get("/api/health")
    assert answer.status == 503
    assert answer.document == {
        "status": "unhealthy",
        "checks": {"settings": "ok", "storage": "storage did not answer (ServiceRequestError)"},
    }


BROKEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing set": ({}, ["TIDEKEEPER_SUBSCRIPTION_ID", "AzureWebJobsStorage"]),
    "only storage set": ({"AzureWebJobsStorage": STORAGE}, ["TIDEKEEPER_SUBSCRIPTION_ID"]),
    "storage that is none": (
        {"AzureWebJobsStorage": f"nonsense {SECRET}", "TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION}, ["AzureWebJobsStorage"],
    ),
    "storage without a key": (
        {"AzureWebJobsStorage": f"AccountName={SECRET}", "TIDEKEEPER_SUBSCRIPTION_ID": SUBSCRIPTION}, ["AzureWebJobsStorage"],
    ),
    "a secret in the wrong place": (
        {"AzureWebJobsStorage": STORAGE, "TIDEKEEPER_SUBSCRIPTION_ID": STORAGE, "TIDEKEEPER_REPLY_QUEUES": STORAGE,
         "TIDEKEEPER_ARM_ENDPOINT": f"http://{SECRET}", "TIDEKEEPER_GRANTS": f"{{{SECRET}"},
        ["TIDEKEEPER_SUBSCRIPTION_ID", "TIDEKEEPER_REPLY_QUEUES", "TIDEKEEPER_ARM_ENDPOINT", "TIDEKEEPER_GRANTS"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_broken_settings_are_503_with_every_name_and_no_secret(app: Doors, what: str) -> None:
    names, faulty = BROKEN[what]
    with environment(**names):
        health, submitted = app.get("/api/health"), app.post(SCALE)
        assert health.status == 503
        said = health.document["checks"]
        assert all(name in said["settings"] for name in faulty)
        assert said["storage"] == "not asked"
        assert (submitted.status, submitted.code, submitted.headers["retry-after"]) == (503, "not_configured", "10")
        assert submitted.detail == f"the app is not configured: {said['settings']}"
        for answer in (health, submitted, app.get("/api/operations"), app.get("/api/clusters")):
            assert answer.status == 503
            assert SECRET.encode() not in answer.body


def test_a_process_that_could_not_start_starts_once_its_settings_are_there(app: Doors) -> None:
    with environment():
        assert app.get("/api/health").status == 503
    app.behind(app.services)
    assert app.get("/api/health").status == 200


def failing(message: str, **more: Any) -> CallFailed:
    return CallFailed(Failure(code=Code.UNREACHABLE, message=message, **more))


def test_storage_away_is_503_at_every_door_of_operations(peopled: Doors) -> None:
    from tests.faulty import Calls, Faulty

    def away(*_: object, **__: object) -> None:
        message = "storage answered 503"
        raise failing(message)

    path = peopled.accepted(SCALE)
    before = peopled.kept()
    around = dict.fromkeys(("head", "load", "page", "commit", "intend", "bind", "bound"), away)
    storage: Any = Faulty(peopled.operations, Calls(), around=around)
    peopled.behind(peopled.rebuilt(operations=storage))
    for answer in (peopled.post(SCALE), peopled.get(path), peopled.get("/api/operations"), peopled.cancel(path)):
        assert (answer.status, answer.code, answer.detail) == (503, "unreachable", "storage answered 503")
        assert answer.headers["retry-after"] == "10"
    assert peopled.kept() == before


def test_a_row_of_newer_code_is_503_and_asks_to_come_again(peopled: Doors) -> None:
    from shared.model.errors import NewerSchema
    from tests.faulty import Calls, Faulty

    def newer(*_: object) -> None:
        raise NewerSchema

    path = peopled.accepted(SCALE)
    storage: Any = Faulty(peopled.operations, Calls(), around={"load": newer, "head": newer})
    peopled.behind(peopled.rebuilt(operations=storage))
    answer = peopled.get(path)
    assert (answer.status, answer.code, answer.detail) == (503, "busy_store", "this is being upgraded; send the request again")

"""Status links over the wire, in a host that asks for keys everywhere else: the link opens without one, and is no key to anything."""

import json
import time
from collections.abc import Iterator

import pytest

from functions.openapi.promises import ROUTES
from functions.openapi.promises.terms import Route
from local.demo.doors import Answer, ask
from local.demo.programme import BEGINS
from local.processes import ROOT
from local.stack import Recipe, Stack
from local.storage import find
from local.worldtime import WorldTime
from tests.builders import SUBSCRIPTION

pytestmark = pytest.mark.once
SPEED = 60
"""So that a cluster is made in seconds."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    with Stack(Recipe(state=tmp_path_factory.mktemp("stack"), auth=True, world=WorldTime.starting_at(BEGINS, SPEED))) as running:
        yield running


@pytest.fixture(scope="module")
def made(stack: Stack) -> Answer:
    """An accepted request for a cluster."""
    body = json.loads((ROOT / "docs" / "examples" / "create.json").read_text())
    answer = ask("POST", f"{stack.url}/api/operations", body=body, headers={"x-functions-key": stack.key or ""})
    assert answer.status == 202, answer.body
    return answer


def test_a_link_is_followed_without_a_key_to_the_end_of_its_operation(stack: Stack, made: Answer) -> None:
    link = f"{stack.url}{made.body['links']['status']}"
    first = ask("GET", link)
    assert (first.status, first.body["id"], int(first.headers["retry-after"])) == (202, made.body["id"], 5)
    deadline = time.monotonic() + 90
    while (seen := ask("GET", link)).status == 202 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (seen.status, seen.body["status"], seen.body["progress"]["percent"]) == (200, "succeeded", 100)


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.open], ids=lambda route: route.function)
def test_a_token_is_a_key_to_no_door(stack: Stack, made: Answer, route: Route) -> None:
    token = made.body["links"]["status"].partition("?token=")[2]
    names = {"subscription": SUBSCRIPTION, "group": "group1", "name": "myK8sCluster"}
    place = route.path.format(id=made.body["id"], letter="20261123" + "0" * 24, **names)
    for query in ("", f"?code={token}", f"?token={token}"):
        answer = ask(route.method.upper(), f"{stack.url}/api/{place}{query}", headers={"x-functions-key": token} if not query else {})
        assert (answer.status, answer.body) == (401, {})


def test_a_link_without_its_token_and_one_with_a_function_key_for_it_open_nothing(stack: Stack, made: Answer) -> None:
    place = f"{stack.url}{made.body['links']['status'].partition('?')[0]}"
    for query in ("", f"?token={stack.key}", f"?code={stack.key}"):
        assert ask("GET", f"{place}{query}").body["code"] == "not_found"


def test_no_log_of_the_stack_has_a_token_or_the_key_of_links(stack: Stack, made: Answer) -> None:
    token = made.body["links"]["status"].partition("?token=")[2]
    ask("GET", f"{stack.url}{made.body['links']['status']}")
    logs = [file.read_text(encoding="utf-8", errors="replace") for file in stack.keeper.logs.iterdir() if file.is_file()]
    assert any("status_read" in log for log in logs)
    assert not [log for log in logs for secret in (token, stack.environment["TIDEKEEPER_LINK_KEY"]) if secret in log]

"""Status links: each opens one operation, to read only and without a key; what they show is for anybody's eyes."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from local.arm.faults import Answer as Said
from local.arm.faults import Fault
from shared.rules import linking
from tests.builders import SUBSCRIPTION
from tests.doors import LINK_KEY, SCALE, STEPS, Answer, Doors, doors
from tests.faulty import Calls, Faulty
from tests.worldly import some_settings

ADA = ("X-MS-CLIENT-PRINCIPAL-NAME", "ada@example.org")
BOB = ("X-MS-CLIENT-PRINCIPAL-NAME", "bob@example.org")
NOBODY = "op-aaaaaaaaaaaaaaaa-0123456789"
SHOWN = {
    "id", "status", "action", "cluster", "progress", "steps", "queue_position", "created_at", "started_at", "ended_at", "error",
}  # fmt: skip


@pytest.fixture
def app() -> Iterator[Doors]:
    """An app with a key for links that believes its callers' names, and prod-rg/web."""
    with doors(settings=some_settings({"TIDEKEEPER_LINK_KEY": LINK_KEY, "WEBSITE_AUTH_ENABLED": "true"})) as opened:
        opened.put_cluster()
        yield opened


def linked(app: Doors, **changes: Any) -> tuple[str, str]:
    """An accepted operation: its path, and its status link."""
    path = app.accepted({**SCALE, **changes}, ADA)
    return path, app.shown(path)["links"]["status"]


def with_other_settings(app: Doors, settings: dict[str, str]) -> None:
    app.settings = some_settings(settings)
    app.behind(app.rebuilt())


def same(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer but for the path that was asked, which a problem repeats."""
    return answer.status, answer.headers, re.sub(rb'"instance":"[^"]*"', b"", answer.body)


def test_a_link_opens_its_operation_from_its_first_moment_to_its_end(app: Doors) -> None:
    path, link = linked(app)
    assert link.startswith(f"{path.replace('/operations/', '/status/')}?token=")
    seen = app.get(link)
    assert (seen.status, seen.headers["retry-after"], seen.headers["cache-control"]) == (202, "5", "no-store")
    assert (seen.document["status"], seen.document["action"], seen.document["cluster"]) == ("running", "scale", "web")
    app.run()
    seen = app.get(link)
    assert (seen.status, "retry-after" in seen.headers) == (200, False)
    assert seen.document.keys() == SHOWN
    whole = app.shown(path)
    for name in SHOWN - {"cluster", "steps"}:
        assert seen.document[name] == whole[name]
    (step,) = seen.document["steps"]
    assert step == {name: whole["plan"]["steps"][0][name] for name in ("name", "state", "started_at", "ended_at")}


def test_a_link_is_given_wherever_one_operation_is_shown_to_those_who_may_read_it_and_in_no_list(app: Doors) -> None:
    accepted = app.post(SCALE, ADA)
    path, link = accepted.headers["location"], accepted.document["links"]["status"]
    assert app.shown(path)["links"]["status"] == link
    assert app.ask("POST", f"{path}/suspend").document["links"]["status"] == link
    assert "token" not in app.get("/api/operations").body.decode()


def test_without_a_key_no_link_is_given_and_none_opens(app: Doors) -> None:
    with_other_settings(app, {})
    accepted = app.post(SCALE)
    assert accepted.document["links"]["status"] is None
    operation = accepted.document["id"]
    for key in ("", "None", LINK_KEY):
        answer = app.get(f"/api/status/{operation}?token={linking.token(key, operation)}")
        assert (answer.status, answer.code, answer.detail) == (404, "not_found", "no operation, or none that this link opens")


def wrong(token: str, other: str) -> dict[str, str]:
    """Tokens that are not the one, as they stand in an address."""
    return {
        "truncated": token[:-1],
        "of one character": token[:1],
        "longer": f"{token}A",
        "padded": f"{token}=",
        "given twice": f"{token}&token={token}",
        "with a space": f"{token}%20",
        "another operation's": other,
        "in capitals": token.upper(),
        "in small letters": token.lower(),
        "with its last character changed": token[:-1] + ("B" if token[-1] == "A" else "A"),
        "of the standard alphabet": f"%2B%2F{token[2:]}",
        "unicode": quote("\u043e" * 43),
        "half a pair of surrogates": "%ED%A0%80",
        "very long": "A" * 3900,
        "the key": LINK_KEY,
        "of the id without its purpose": linking.token(LINK_KEY, ""),
    }


@pytest.mark.parametrize("how", wrong("x" * 43, ""))
def test_a_token_that_is_not_the_one_opens_nothing_and_is_answered_as_if_nothing_were_there(app: Doors, how: str) -> None:
    _, other = linked(app)
    _, link = linked(app, count=3)
    place, _, token = link.partition("?token=")
    nothing = same(app.get(f"/api/status/{NOBODY}?token={'A' * 43}"))
    calls = Calls()
    store: Any = Faulty(app.operations, calls)
    app.behind(app.rebuilt(operations=store))
    assert same(app.get(f"{place}?token={wrong(token, other.partition('?token=')[2])[how]}")) == nothing
    assert calls.made == [], "storage is asked only with the right token, so that nobody learns which operations there are"


def test_no_token_at_all_is_a_wrong_one(app: Doors) -> None:
    _, link = linked(app)
    assert same(app.get(link.partition("?")[0])) == same(app.get(f"/api/status/{NOBODY}"))


@pytest.mark.parametrize("change", [str.upper, lambda name: name[:-1], lambda name: f"{name}0", lambda _: NOBODY, lambda _: "nonsense"])
def test_a_token_opens_no_other_id(app: Doors, change: Any) -> None:
    _, link = linked(app)
    place, _, token = link.partition("?token=")
    answer = app.get(f"/api/status/{change(place.rpartition('/')[2])}?token={token}")
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_purged_operation_is_as_if_it_had_never_been(app: Doors) -> None:
    path, link = linked(app)
    app.run()
    assert app.get(link).status == 200
    assert app.ask("DELETE", path).status == 200
    assert same(app.get(link)) == same(app.get(f"/api/status/{NOBODY}?token={'A' * 43}"))


def test_another_key_ends_every_link(app: Doors) -> None:
    _, link = linked(app)
    with_other_settings(app, {"TIDEKEEPER_LINK_KEY": f"{LINK_KEY[:-1]}!"})
    assert app.get(link).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_link_only_reads(app: Doors, method: str) -> None:
    path, link = linked(app)
    before = app.kept()
    answer = app.ask(method, link)
    assert (answer.status, answer.body) == (404, b"")
    assert (app.kept(), app.shown(path)["status"]) == (before, "running")


def test_a_link_costs_one_read_and_two_while_its_operation_waits_in_line(app: Doors) -> None:
    _, first = linked(app)
    _, second = linked(app, count=3)
    for link, reads in ((first, 1), (second, 2)):
        calls = Calls()
        store: Any = Faulty(app.operations, calls)
        app.behind(app.rebuilt(operations=store))
        assert app.get(link).status == 202
        assert len(calls.made) == reads


def test_a_token_is_in_no_row_no_message_no_problem_and_no_line_of_the_log(app: Doors, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path, link = linked(app)
    token = link.partition("?token=")[2]
    app.send({**SCALE, "count": 3, "reply_to": "chat-replies"})
    app.send({"link": "x"}, queue=STEPS)
    answers = [app.get(f"{link}{more}") for more in ("", "&how=gently", "x", "%20")]
    answers.append(app.get(f"{path}?token={token}"))
    app.run()
    told = [str(app.kept()), *(record.getMessage() for record in caplog.records), *(answer.body.decode() for answer in answers)]
    assert len(told) > 10
    assert not [text for text in told if token in text]
    assert LINK_KEY not in "".join(told)


def sights(app: Doors) -> Iterator[Answer]:
    """What links show of operations that people have handled and Azure has spoken about, with a name or an id in every place there is."""
    path, link = linked(app, reason="for carol@example.org", idempotency_key="the-idempotency-key")
    _, behind = linked(app, count=3)
    yield app.get(link)
    yield app.get(behind)
    app.ask("POST", "/api/pause?reason=because%20of%20carol", headers=[BOB])
    app.settle()
    yield app.get(link)
    app.ask("POST", "/api/unpause", headers=[BOB])
    app.ask("POST", f"{path}/suspend", headers=[BOB])
    yield app.get(link)
    app.ask("POST", f"{path}/resume", headers=[BOB])
    said = Said(status=403, code="AuthorizationFailed", message=f"bob@example.org has no right over /subscriptions/{SUBSCRIPTION}/x")
    app.world.faults.add(Fault(method="PUT", path="agentPools", effect=said, times=1))
    app.run()
    yield app.get(link)
    assert app.shown(path)["error"]["code"] == "azure_forbidden"
    for count, verb in enumerate(("cancel", "cancel?abort=true", "force_close"), 7):
        path, link = linked(app, count=count)
        app.settle()
        app.ask("POST", f"{path}/{verb}", headers=[BOB])
        yield app.get(link)
        app.run()
        yield app.get(link)


def test_what_a_link_shows_names_no_person_no_key_no_other_operation_and_nothing_that_azure_said(app: Doors) -> None:
    seen = [answer.document for answer in sights(app)]
    assert {document["status"] for document in seen} == {"running", "queued", "suspended", "failed", "cancelled", "succeeded"}
    for document in seen:
        text = str({**document, "id": "its own"})
        for secret in ("@example.org", "carol", "idempotency", SUBSCRIPTION, "prod-rg", "op-"):
            assert secret not in text, text
    said = {document["error"]["message"] for document in seen if document["error"]}
    assert said == {"the app may not do this in Azure", "a person closed it"}
    assert "a person has paused all acting" in {document["progress"]["waiting_for"] for document in seen}

"""Letters through the doors: seen without secrets, sent again, thrown away, and only by who may."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.model.letters import Letter, letter_id
from shared.rules.lettering import SHOWN
from tests.doors import REQUESTS, SCALE, STEPS, Doors
from tests.faulty import Calls, Fate, Faulty
from tests.pump import Died
from tests.worldly import some_settings

HANDLING = '[{"actions": ["read", "scale", "letters"]}]'
NOT_HANDLING = [
    "",
    '[{"actions": ["read", "scale"]}]',
    '[{"actions": ["*"], "clusters": ["*/prod-rg/*"]}]',
    '[{"actions": ["*"], "doors": ["queue"]}]',
    '[{"actions": ["*"], "callers": ["ann@example.com"]}]',
    "[]",
]


@pytest.fixture
def app(peopled: Doors) -> Doors:
    """An app whose every caller may handle letters."""
    granted(peopled, HANDLING)
    return peopled


def granted(app: Doors, grants: str) -> None:
    app.settings = some_settings({"TIDEKEEPER_GRANTS": grants})
    app.behind(app.rebuilt())


def filed(app: Doors, text: str = "{", **changes: Any) -> str:
    """The path of a letter filed now."""
    at = changes.pop("filed_at", app.clock.now())
    name = letter_id(at, f"{len(app.letters.filed):024x}")
    app.letters.file(Letter(**{"id": name, "queue": REQUESTS, "reason": "not JSON", "text": text, "filed_at": at, **changes}))
    return f"/api/letters/{name}"


def test_a_letter_is_listed_and_read_as_it_was_filed(app: Doors) -> None:
    app.send("{")
    app.take()
    (letter,) = app.letters.filed.values()
    assert letter.filed_at == app.clock.now()
    (view,) = app.get("/api/letters").document["letters"]
    assert view == {
        "id": letter.id,
        "queue": REQUESTS,
        "reason": letter.reason,
        "text": "{",
        "length": 1,
        "requeueable": True,
        "filed_at": app.get(f"/api/letters/{letter.id}").document["filed_at"],
        "operation": None,
        "links": {"self": f"/api/letters/{letter.id}", "requeue": f"/api/letters/{letter.id}/requeue"},
    }
    assert app.get(view["links"]["self"]).document == view


def test_an_id_begins_with_the_day_on_which_the_letter_was_filed(app: Doors) -> None:
    app.send("{")
    app.take()
    assert next(iter(app.letters.filed)).startswith(f"{app.clock.now():%Y%m%d}")


def test_the_list_is_of_the_last_seven_days_unless_asked_otherwise(app: Doors) -> None:
    now = app.clock.now()
    new, old = filed(app), filed(app, filed_at=now - timedelta(days=8))

    def listed(query: str = "") -> list[str]:
        return [item["links"]["self"] for item in app.get(f"/api/letters{query}").document["letters"]]

    assert listed() == [new]
    assert listed(f"?since={now - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}") == [new, old]
    assert listed(f"?until={now - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}") == [old]


def test_pages_follow_one_another(app: Doors) -> None:
    paths = [filed(app) for _ in range(3)]
    first = app.get("/api/letters?top=2").document
    second = app.get(f"/api/letters?top=2&continuation={first['continuation']}").document
    assert [item["links"]["self"] for item in (*first["letters"], *second["letters"])] == paths
    assert second["continuation"] is None


@pytest.mark.parametrize("query", ["top=0", "top=201", "top=x", "since=yesterday", "until=2026-11-23", "since=2027-01-01T00:00:00Z",
                                   "since=2026-01-01T00:00:00Z", "until=0001-01-01T00:00:00Z", "continuation=x"])  # fmt: skip
def test_a_list_that_cannot_be_asked_for_is_malformed(app: Doors, query: str) -> None:
    assert app.get(f"/api/letters?{query}").code == "malformed"


# ---- never a secret


PASSWORD = "hunter2-swordfish"
SECRET_TEXTS = [
    json.dumps({"password": PASSWORD}),
    json.dumps({"a": [{"ClientSecret": {"deep": PASSWORD}}]}),
    json.dumps({"url": f"https://x.example/?sv=1&sig={PASSWORD}&se=2"}),
    json.dumps({"a": f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={PASSWORD};"}),
    json.dumps({"a": f'{{"token": "{PASSWORD}"}}'}),
    base64.b64encode(json.dumps({"api_key": PASSWORD}).encode()).decode(),
    f'{{"password": "{PASSWORD}',
    f"password={PASSWORD}",
    f"Authorization: Bearer {PASSWORD}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{PASSWORD}\n-----END RSA PRIVATE KEY-----",
    f"{{'secret': '{PASSWORD}'}}",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_what_looks_like_a_secret_is_not_shown(app: Doors, text: str) -> None:
    path = filed(app, text, reason=f"it says {text}")
    for answer in (app.get("/api/letters"), app.get(path), app.ask("POST", f"{path}/requeue")):
        assert answer.status == 200
        assert PASSWORD not in answer.body.decode()
        assert text not in answer.body.decode()
    assert app.queues.all(REQUESTS)[-1].text == text, "what is sent again is whole"


def test_what_is_no_secret_is_shown(app: Doors) -> None:
    text = json.dumps({**SCALE, "reason": "a load test", "idempotency_key": "ci-4711"})
    assert app.get(filed(app, text)).document["text"] == text


@pytest.mark.parametrize("text", ["x" * 30_000, json.dumps(["a"] * 9000), "[" * 30_000, "password" * 4000, "\ud800" * 2000], ids=len)
def test_a_long_text_is_shown_cut(app: Doors, text: str) -> None:
    view = app.get(filed(app, text)).document
    assert (len(view["text"]), view["length"]) == (SHOWN, len(text))


# ---- sent again


def test_a_requeued_request_goes_to_the_queue_it_came_from_and_is_carried_out(app: Doors) -> None:
    path = filed(app, json.dumps(SCALE))
    answer = app.ask("POST", f"{path}/requeue")
    assert (answer.status, answer.document["links"]["self"]) == (200, path)
    assert app.queues.everything() == [(REQUESTS, json.dumps(SCALE))]
    app.run()
    assert [operation.status for operation in app.operations.operations.values()] == ["succeeded"]
    assert not app.letters.filed


def test_a_requeued_letter_is_there_no_more(app: Doors) -> None:
    path = filed(app)
    app.ask("POST", f"{path}/requeue")
    before = app.kept()
    assert [app.ask("POST", f"{path}/requeue").code, app.get(path).code, app.ask("DELETE", path).code] == ["not_found"] * 3
    assert app.kept() == before


def test_a_requeued_wake_up_that_is_late_changes_nothing(app: Doors) -> None:
    app.accepted(SCALE)
    wake = app.queues.all(STEPS)[0].text
    app.run()
    path = filed(app, wake, queue=STEPS)
    assert app.ask("POST", f"{path}/requeue").status == 200
    before = app.kept()
    app.take()
    assert app.kept() | {"messages": []} == before | {"messages": []}


def test_a_letter_whose_message_was_cut_is_not_sent_and_says_so(app: Doors) -> None:
    path = filed(app, "x" * 30_000, cut=True)
    before = app.kept()
    answer = app.ask("POST", f"{path}/requeue")
    assert (answer.status, answer.code) == (422, "impossible")
    assert "only the beginning of its message" in answer.detail
    assert app.get(path).document["requeueable"] is False
    assert app.kept() == before


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("call", range(3))
def test_whatever_dies_while_requeueing_the_message_is_never_nowhere(app: Doors, call: int, fate: Fate) -> None:
    path = filed(app, json.dumps(SCALE))
    calls = Calls(strike=call, fate=fate)
    whole = app.services
    broken: Any = Faulty(app.letters, calls)
    app.behind(app.rebuilt(letters=broken))
    try:
        answer = app.ask("POST", f"{path}/requeue")
    except Died:
        answer = None
    assert calls.made == ["MemoryLetters.load", "MemoryLetters.send_again", "MemoryLetters.remove"][: call + 1]
    assert answer is None or answer.status == 503
    sent, there = bool(app.queues.everything()), bool(app.letters.filed)
    assert sent or there
    app.behind(whole)
    assert app.ask("POST", f"{path}/requeue").status == (200 if there else 404)
    app.run()
    assert app.there().pools[1].count == 5
    assert not app.letters.filed


def test_a_letter_whose_message_failed_again_before_it_was_removed_stays(app: Doors) -> None:
    path = filed(app)
    (letter,) = app.letters.filed.values()

    def fails_at_once(_: Letter) -> None:
        app.letters.file(letter)

    quick: Any = Faulty(app.letters, Calls(), {"send_again": fails_at_once})
    app.behind(app.rebuilt(letters=quick))
    assert app.ask("POST", f"{path}/requeue").status == 200
    assert app.get(path).status == 200


# ---- thrown away


def test_a_deleted_letter_is_gone_and_nothing_is_sent(app: Doors) -> None:
    path, other = filed(app), filed(app)
    assert app.ask("DELETE", path).document["links"]["self"] == path
    assert [f"/api/letters/{name}" for name in app.letters.filed] == [other]
    assert app.queues.everything() == []


# ---- who may


@pytest.mark.parametrize("grants", NOT_HANDLING)
def test_who_has_no_grant_of_letters_on_all_clusters_sees_and_does_nothing(app: Doors, grants: str) -> None:
    path = filed(app)
    granted(app, grants)
    before = app.kept()
    nowhere = f"/api/letters/20261123{'f' * 24}"
    asked = [("GET", "/api/letters"), *(("GET", place) for place in (path, nowhere)), ("POST", f"{path}/requeue"), ("DELETE", path)]
    answers = [app.ask(method, place) for method, place in asked]
    assert [(answer.status, answer.code) for answer in answers] == [(403, "forbidden")] * 5
    assert all("letters" in answer.detail for answer in answers)
    assert app.kept() == before


def test_who_did_it_is_logged(app: Doors, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        app.ask("POST", f"{filed(app)}/requeue")
        app.ask("DELETE", filed(app))
    said = caplog.text + capsys.readouterr().err
    assert "letter_requeued" in said
    assert "letter_deleted" in said

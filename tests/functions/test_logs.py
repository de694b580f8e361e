"""What is logged: events as lines of JSON, with nothing in them that a caller could break a line with, and no secret."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Fault
from tests.builders import SUBSCRIPTION
from tests.doors import JSON, REPLIES, SCALE, STEPS, Doors, doors
from tests.worldly import some_settings

KEY, TOKEN, SIGNATURE = "the-function-key-itself", "Bearer eyJhbGciOi.secret.token", "c2lnbmF0dXJl"
EVIL = 'x\r\n{"event":"operation_ended","status":"succeeded"}\x1b[2J\x00\u2028\u202e'
SECRETS = (KEY, "eyJhbGciOi", "secret.token", "the-code-in-the-url", SIGNATURE, "AccountKey")


def everything_an_attacker_can_say(app: Doors) -> None:
    """Text that breaks lines, and secrets, in every place where a caller can put something."""
    headers = (("X-Functions-Key", KEY), ("Authorization", TOKEN), ("Cookie", TOKEN), ("X-Correlation", EVIL), ("User-Agent", EVIL))
    code = "code=the-code-in-the-url"
    hostile = (
        {**SCALE, "cluster": EVIL}, {**SCALE, "pool": EVIL[:40]}, {**SCALE, "reason": EVIL}, {**SCALE, EVIL: 1}, {**SCALE, "action": EVIL},
        {**SCALE, "count": 3, "idempotency_key": EVIL}, EVIL, {"action": EVIL, "token": TOKEN},
    )  # fmt: skip
    for body in hostile:
        app.post(body, *headers, path=f"/api/operations?{code}")
        app.post(body, *headers, ("Idempotency-Key", EVIL), path=f"/api/operations?plan_only=true&{code}")
        text = body if isinstance(body, str) else json.dumps({**body, "reply_to": REPLIES, "correlation": EVIL, "requested_by": EVIL})
        app.send(text)
        app.send(text, queue=STEPS)
    app.ask("POST", f"/api/operations?{code}", headers=[*headers, ("Content-Type", EVIL)], body=b"x")
    app.post(SCALE, *headers, ("X-MS-CLIENT-PRINCIPAL-NAME", EVIL), path=f"/api/operations?{code}")
    for path in ("/api/operations/x%0d%0ay", "/api/operations", "/api/clusters", f"/api/clusters/{SUBSCRIPTION}/g%0d%0a/n", "/api/health"):
        app.ask("GET", f"{path}?{code}", headers=headers)
        app.ask("GET", f"{path}?{code}&status=%0d%0a&continuation=%0d", headers=headers)
    app.run(until=app.clock.now() + timedelta(minutes=30))


@pytest.fixture
def talkative() -> Any:
    """An app that believes the caller's header, so that this too can be hostile."""
    with doors(settings=some_settings({"WEBSITE_AUTH_ENABLED": "true"})) as app:
        app.put_cluster()
        yield app


def test_no_line_of_the_log_is_broken_and_none_holds_a_secret(talkative: Doors, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    everything_an_attacker_can_say(talkative)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) > 100
    for line in lines:
        assert line.isascii(), line
        assert line.isprintable(), line
    assert not [line for line in lines for secret in SECRETS if secret in line]


def test_every_line_of_the_app_is_one_json_object_with_its_event(talkative: Doors, caplog: pytest.LogCaptureFixture) -> None:
    everything_an_attacker_can_say(talkative)
    ours = [record for record in caplog.records if record.name == "tidekeeper"]
    events = [json.loads(record.getMessage())["event"] for record in ours]
    assert {"invocation_ended", "letter_filed", "operation_accepted", "operation_ended", "step_submitted"} <= set(events)
    assert all(record.exc_info is None for record in ours)


def test_what_azure_says_is_repeated_without_its_secrets(peopled: Doors, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    message = f"see https://x/?sig={SIGNATURE}&a=1 with {TOKEN}\r\nevent: x"
    peopled.world.faults.add(Fault(method="PUT", effect=Answer(status=400, code="BadRequest", message=message)))
    path = peopled.accepted(SCALE)
    peopled.run()
    shown = peopled.get(path)
    assert shown.document["error"]["code"] == "azure_refused"
    assert "BadRequest" in shown.document["error"]["message"]
    assert "\r" not in shown.document["error"]["message"]
    told = [shown.body.decode(), *(record.getMessage() for record in caplog.records)]
    assert not [text for text in told for secret in SECRETS if secret in text]


def test_no_status_url_of_azures_is_shown_or_logged(peopled: Doors, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path = peopled.accepted(SCALE)
    peopled.settle()
    assert "api-version=2025-03-01" in str(peopled.operations.operations)
    peopled.run()
    for text in (peopled.get(f"{path}?history=true").body.decode(), *(record.getMessage() for record in caplog.records)):
        assert "api-version" not in text


def test_an_invocation_says_what_it_cost(peopled: Doors, caplog: pytest.LogCaptureFixture) -> None:
    peopled.ask("POST", "/api/operations", headers=[JSON], body=json.dumps(SCALE).encode())
    last = json.loads(caplog.records[-1].getMessage())
    assert (last["event"], last["door"], last["arm"]) == ("invocation_ended", "operations_submit", 1)

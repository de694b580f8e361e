"""Secrets end nowhere: a stack over the wire, with its keys and tokens, and every row, message, log line and reply read for them."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local.demo.doors import Bot, ask
from local.demo.programme import BEGINS
from local.processes import ROOT
from local.stack import Recipe, Stack
from local.storage import find
from local.worldtime import WorldTime

pytestmark = pytest.mark.once

SPEED, PATIENCE = 120, 60
CLUSTER = {"cluster": "group1/myK8sCluster"}
SCALE = {"action": "scale", **CLUSTER, "pool": "apps"}
CALLERS = {"Authorization": "Bearer eyJjYWxsZXI.of-a.caller", "Cookie": "session=cookie-of-a-caller"}
SAID_BY_AZURE = "refused for https://x/?sig=c2lnbmF0dXJl&a=1, Bearer eyJhenVyZQ.of-an.answer, AccountKey=a2V5LW9mLWFuLWFuc3dlcg=="
OTHERS = ("eyJjYWxsZXI", "cookie-of-a-caller", "c2lnbmF0dXJl", "eyJhenVyZQ", "a2V5LW9mLWFuLWFuc3dlcg")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    with Stack(Recipe(state=tmp_path_factory.mktemp("stack"), auth=True, world=WorldTime.starting_at(BEGINS, SPEED))) as running:
        yield running


class Reader:
    """Asks the app as a careless caller does, its key in the address, and keeps every answer whole."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.answers: list[str] = []

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request and the body of its answer."""
        joint = "&" if "?" in path else "?"
        answer = ask(method, f"{self.stack.url}{path}{joint}code={self.stack.key}", body=body, headers=CALLERS)
        self.answers.append(json.dumps([answer.status, dict(answer.headers), answer.body]))
        return answer.body

    def done(self, body: object) -> Any:
        """Have it done, and the last page of its operation."""
        view = self.ask("POST", "/api/operations", body)
        deadline = time.monotonic() + PATIENCE
        while view["status"] in {"running", "queued"} and time.monotonic() < deadline:
            time.sleep(0.2)
            view = self.ask("GET", f"{view['links']['self']}?history=true")
        return view

    def fault(self, **fault: Any) -> None:
        """Script one in Azure."""
        trust = Path(self.stack.environment["REQUESTS_CA_BUNDLE"])
        assert ask("POST", f"{self.stack.arm_url}/_simulator/faults", body=fault, trust=trust).status < 300


def rows_and_messages(connection: str) -> list[str]:
    """Everything that storage holds."""
    found = []
    with TableServiceClient.from_connection_string(connection) as tables:
        for table in tables.list_tables():
            found += [f"{table.name} {dict(row)}" for row in tables.get_table_client(table.name).list_entities()]
    with QueueServiceClient.from_connection_string(connection) as queues:
        for queue in queues.list_queues():
            found += [f"{queue.name} {message.content}" for message in queues.get_queue_client(queue.name).peek_messages(32)]
    return found


def a_token(stack: Stack) -> str:
    """A token such as the app is given."""
    environment = stack.environment
    request = urllib.request.Request(
        f"{stack.identity_url}?resource={stack.arm_url}&api-version=2019-08-01",
        headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


def test_no_secret_is_in_any_row_message_log_line_or_reply(stack: Stack) -> None:
    reader, connection = Reader(stack), stack.storage.connection_string
    create = json.loads((ROOT / "docs" / "examples" / "create.json").read_text())
    made = reader.done(create)
    assert made["status"] == "succeeded", made
    reader.fault(method="PUT", path="agentPools", effect={"kind": "answer", "status": 400, "code": "BadRequest", "message": SAID_BY_AZURE})
    refused = reader.done({**SCALE, "count": 3})
    assert "refused for https://x/?" in refused["error"]["message"]
    ends = {"kind": "outcome", "ends": "Failed", "code": "QuotaExceeded", "message": SAID_BY_AZURE}
    reader.fault(method="PUT", path="agentPools", effect=ends)
    assert reader.done({**SCALE, "count": 4})["error"]["code"] == "out_of_capacity"
    reader.fault(method="PUT", path="agentPools", effect={"kind": "lost_answer"})
    reader.fault(
        path="/operations/", effect={"kind": "answer", "status": 401, "code": "ExpiredAuthenticationToken", "message": SAID_BY_AZURE}
    )
    reader.done({**SCALE, "count": 5})
    with Bot(connection) as bot:
        bot.send({**SCALE, "count": 2, "reply_to": "chat-replies", "correlation": "c"})
        bot.send({**SCALE, "count": 9, "unknown": 1, "reply_to": "chat-replies"})
    reader.ask("POST", "/api/operations", {**SCALE, "count": -1})
    for path in ("/api/operations", "/api/clusters", "/api/letters", "/api/health", "/api/operations/none", "/api/openapi.json"):
        reader.ask("GET", path)
    stack.storage.stop()
    for path in ("/api/operations", "/api/health"):
        reader.ask("GET", path)
    stack.storage.start()
    deadline = time.monotonic() + PATIENCE
    while reader.ask("GET", "/api/operations?status=running")["operations"] and time.monotonic() < deadline:
        time.sleep(0.2)
    stack.stop_host()

    environment = stack.environment
    key = dict(part.split("=", 1) for part in connection.strip(";").split(";"))["AccountKey"]
    header, token = environment["IDENTITY_HEADER"], a_token(stack)
    assert token.startswith("eyJ")
    secrets = {"storage key": key, "identity header": header, "function key": str(stack.key), "token": token[:30]}
    secrets |= {f"said {n}": text for n, text in enumerate(OTHERS)}
    log = (stack.recipe.state / "logs" / "host.log").read_text()
    places = {"a reply": reader.answers, "storage": rows_and_messages(connection), "the log": log.splitlines()}
    for what, texts in places.items():
        assert any(made["id"] in text for text in texts), f"{what} was not read"
        for name, secret in secrets.items():
            assert not [text for text in texts if secret in text], f"{name} in {what}"

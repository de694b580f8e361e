"""The running app, over the wire and behind its keys, driven by what it publishes: schemathesis makes requests from the document.

No 5xx, no status, header, type or field that is not documented, no request accepted that the document calls invalid. A longer run:
`CONTRACT_EXAMPLES=1000 CONTRACT_SEED=7 python3 dev.py test tests/journeys/test_schemathesis.py`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from local.demo.doors import Answer, Bot, ask
from local.demo.programme import BEGINS
from local.processes import ROOT
from local.stack import Recipe, Stack
from local.storage import find
from local.worldtime import WorldTime
from tests.promised import promised

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
EXAMPLES, SEED = int(os.environ.get("CONTRACT_EXAMPLES", "15")), os.environ.get("CONTRACT_SEED", "1")
NOT_MET = {"operations_force_close 200"}
"""The answer about a record that cannot be read: to read one is a fault (500), so none is here. `tests/functions` brings it about."""
SPEED = 60
"""So that a cluster is made in seconds, and an operation is still open when it is asked after."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if find() is None:
        pytest.skip("Azurite is not installed: `python3 dev.py test` installs it where there is a network")
    with Stack(Recipe(state=tmp_path_factory.mktemp("stack"), auth=True, world=WorldTime.starting_at(BEGINS, SPEED))) as running:
        yield running


def submit(stack: Stack, body: object) -> Answer:
    answer = ask("POST", f"{stack.url}/api/operations", body=body, headers={"x-functions-key": stack.key or ""})
    assert answer.status == 202, answer.body
    return answer


def make_clusters(stack: Stack, *names: str) -> list[str]:
    """Make some by the app, as docs/examples says, and wait until they are there. Answers the ids of the operations that did it."""
    body = json.loads((ROOT / "docs" / "examples" / "create.json").read_text())
    asked = [submit(stack, {**body, "cluster": f"group1/{name}"}) for name in names]
    deadline = time.monotonic() + 90
    for answer in asked:
        now = answer
        while now.status == 202 and time.monotonic() < deadline:
            now = ask("GET", f"{stack.url}{answer.body['links']['self']}", headers={"x-functions-key": stack.key or ""})
        assert (now.status, now.body["status"]) == (200, "succeeded"), now.body
    return [answer.body["id"] for answer in asked]


def a_long_line(stack: Stack, cluster: str) -> list[str]:
    """Operations of one cluster that wait for each other: longer than anybody asks for them."""
    body = {"action": "scale", "cluster": cluster, "pool": "apps"}
    return [submit(stack, {**body, "count": 2 + n % 2}).body["id"] for n in range(1, 31)]


def suspended(stack: Stack, ids: list[str]) -> list[str]:
    """Suspend some, so that there are operations to resume."""
    for operation in ids:
        asked = ask("POST", f"{stack.url}/api/operations/{operation}/suspend", headers={"x-functions-key": stack.key or ""})
        assert asked.status == 202, asked.body
    return ids


def tokens(stack: Stack, ids: Iterable[str]) -> dict[str, str]:
    """The tokens of the status links of some operations, by id."""
    shown = [ask("GET", f"{stack.url}/api/operations/{each}", headers={"x-functions-key": stack.key or ""}).body for each in ids]
    return {view["id"]: view["links"]["status"].partition("?token=")[2] for view in shown}


def letters(stack: Stack, most: int) -> list[str]:
    """Put requests that nobody knows into the queue of requests, and wait until each is a letter. Answers their ids."""
    with Bot(stack.storage.connection_string) as bot:
        for n in range(most):
            bot.send({"action": "dance", "n": n})
    deadline = time.monotonic() + 60
    found: list[str] = []
    while len(found) < most and time.monotonic() < deadline:
        listed = ask("GET", f"{stack.url}/api/letters?top=200", headers={"x-functions-key": stack.key or ""})
        found = [letter["id"] for letter in listed.body["letters"]]
    assert len(found) == most
    return found


def words(place: Path, texts: Iterable[str]) -> None:
    """Write a dictionary for schemathesis."""
    place.write_text("".join(f'"{text}"\n' for text in texts))


def test_the_running_app_does_what_its_document_says(stack: Stack, tmp_path: Path) -> None:
    """Schemathesis is a process of its own, so that what it changes of Python's and hypothesis's settings is its own too."""
    ids = [*make_clusters(stack, "myK8sCluster", "second"), *a_long_line(stack, "group1/second")]
    document, config, seen = tmp_path / "openapi.json", tmp_path / "schemathesis.toml", tmp_path / "seen.json"
    # Nothing else of the run meets the two that stay open.
    linked = [*ids[:2], *suspended(stack, [ids.pop(), ids.pop()])]
    known = tmp_path / "tokens.json"
    known.write_text(json.dumps(tokens(stack, linked)), encoding="utf-8")
    words(tmp_path / "linked.txt", linked)
    document.write_text(json.dumps(promised().document), encoding="utf-8")
    config.write_text((HERE / config.name).read_text())
    words(tmp_path / "operations.txt", ids)
    words(tmp_path / "suspended.txt", suspended(stack, ids[-10:]))
    words(tmp_path / "letters.txt", letters(stack, 30))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)]
    command += ["--url", stack.url, "--header", f"x-functions-key: {stack.key}", "--seed", SEED, "--max-examples", str(EXAMPLES)]
    told = {
        "SCHEMATHESIS_HOOKS": "tests.journeys.schemathesis_hooks",
        "SEEN": str(seen),
        "TOKENS": str(known),
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=60 + 20 * EXAMPLES
    )
    assert done.returncode == 0, f"schemathesis found:\n{done.stdout}\n{done.stderr}"
    answered = json.loads(seen.read_text())
    well = {f"{name} {status}" for name, operation in promised().operations.items() for status in operation["responses"] if status < "300"}
    assert well - NOT_MET <= answered.keys(), "it never came as far as these answers, so it says nothing about them"
    assert stack.fallen() is None

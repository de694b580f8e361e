"""What the document promises of each door is what the door can be brought to do: every status and every code, and no other."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest

from functions.openapi.promises import ROUTES
from functions.openapi.promises.terms import Route
from functions.replies import STATUSES
from shared.adapters import azure_errors
from shared.model.errors import CallFailed, Code, Failure, NewerSchema
from shared.model.letters import Letter, letter_id
from shared.rules import linking
from tests.builders import SUBSCRIPTION
from tests.doors import CREATE, LINK_KEY, REQUESTS, SCALE, Answer, Doors, environment
from tests.worldly import some_settings

ID = "op-aaaaaaaaaaaaaaaa-0123456789"
LETTER = "20261123a1b2c3d4e5f60718293a4b5c"
ROUTE = {route.function: route for route in ROUTES}
EVERYTHING = '[{"actions": ["*"]}]'
READING = '[{"actions": ["read"]}]'
NOTHING = '[{"actions": ["scale"]}]'
KEY = ("Idempotency-Key", "k")


def asked(app: Doors, route: Route) -> Answer:
    """A request of a door that would be answered well, if it were not for what a test does."""
    place = f"/api/{route.path.format(id=ID, letter=LETTER, subscription=SUBSCRIPTION, group='prod-rg', name='web')}"
    return app.post(SCALE, path=place) if route.takes_request else app.ask(route.method.upper(), f"{place}?{required(route)}")


def required(route: Route) -> str:
    """A query with what the door cannot do without."""
    if route.function == "status_read":
        return f"token={linking.token(LINK_KEY, ID)}"
    return "&".join(f"{parameter.name}={parameter.schema['examples'][0]}" for parameter in route.parameters if parameter.required)


class Broken:
    """A port that fails in one way, whatever is asked of it."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_: object, **__: object) -> Any:
            raise self._fault

        return fail


def failed(code: Code) -> CallFailed:
    return CallFailed(Failure(code=code, message="it went wrong"))


def azures_codes() -> set[Code]:
    """Every code that a read of Azure can fail with."""
    words = ("", "EtagMismatch", "NotFound", "SubscriptionNotFound", "AKSOperationPreempted", "ServicePrincipalNotFound", "QuotaExceeded")
    bodies = [json.dumps({"error": {"code": word, "message": text}}) for word in words for text in ("no", "an operation is in progress")]
    found = {azure_errors.from_response(status, {}, body, mutation=False).code for status in range(300, 600) for body in bodies}
    return found | {azure_errors.without_answer("Azure", OSError(), mutation=False).code}


def in_every_trouble(app: Doors, route: Route) -> Iterator[Answer]:
    """The answers of a door when Azure or storage fails, in each way that either can."""
    if route.tag == "letters" or "purge" in route.function:
        granted(app, EVERYTHING)
    if route.function == "status_read":
        app.settings = some_settings({"TIDEKEEPER_LINK_KEY": LINK_KEY})
        app.behind(app.rebuilt())
    whole = app.services
    for code in sorted(azures_codes()):
        azure: Any = Broken(failed(code))
        app.behind(app.rebuilt(clusters=azure))
        yield asked(app, route)
    for code in (Code.UNREACHABLE, Code.BUSY_STORE):
        away: Any = Broken(failed(code))
        app.behind(app.rebuilt(operations=away, store=away, letters=away, acting=away, paces=away))
        yield asked(app, route)
    newer: Any = Broken(NewerSchema("written by newer code"))
    app.behind(app.rebuilt(operations=newer, letters=newer, acting=newer))
    yield asked(app, route)
    with environment():
        yield asked(app, route)
    app.behind(whole)


def granted(app: Doors, grants: str) -> None:
    app.settings = some_settings({"TIDEKEEPER_GRANTS": grants})
    app.behind(app.rebuilt())


def submissions(app: Doors) -> Iterator[Answer]:
    yield app.post(SCALE, path="/api/operations?plan_only=true")
    yield app.post(SCALE, path="/api/operations?plan_onyl=true")
    yield app.post(b" " * 300 * 1024)
    yield app.ask("POST", "/api/operations", body=b"{}")
    yield app.post({**SCALE, "cluster": "prod-rg/nothing"})
    yield app.post({**CREATE, "cluster": "prod-rg/web"})
    yield app.post({**SCALE, "pool": "nothing"})
    yield app.post(SCALE, KEY)
    yield app.post({**SCALE, "count": 9}, KEY)
    app.run()
    yield app.post(SCALE, KEY)
    granted(app, READING)
    yield app.post(SCALE)


def lists(app: Doors) -> Iterator[Answer]:
    yield app.get("/api/operations")
    yield app.get("/api/operations?top=0")


def reads(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield app.get(path)
    yield app.get(f"{path}?history=perhaps")
    yield app.get(f"/api/operations/{ID}")
    app.run()
    yield app.get(path)


def cancellations(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield app.cancel(f"/api/operations/{ID}")
    yield app.ask("POST", f"{path}/cancel?how=gently")
    granted(app, READING)
    yield app.cancel(path)
    granted(app, EVERYTHING)
    yield app.cancel(path)
    app.run()
    yield app.cancel(path)


def suspensions(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield from strangers(app, path, "suspend")
    yield app.ask("POST", f"{path}/suspend")
    yield app.ask("POST", f"{path}/resume")
    app.settle()
    app.cancel(path)
    yield app.ask("POST", f"{path}/suspend")
    app.run()
    yield app.ask("POST", f"{path}/suspend")


def resumptions(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield from strangers(app, path, "resume")
    yield app.ask("POST", f"{path}/resume")
    app.ask("POST", f"{path}/suspend")
    yield app.ask("POST", f"{path}/resume")
    app.run()
    yield app.ask("POST", f"{path}/resume")


def retries(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield from strangers(app, path, "retry")
    yield app.ask("POST", f"{path}/retry")
    app.cancel(path)
    holder = app.accepted(SCALE)
    while app.post(SCALE).status == HTTPStatus.ACCEPTED:
        pass
    yield app.ask("POST", f"{path}/retry")
    app.ask("POST", f"{holder}/force_close")
    yield app.ask("POST", f"{path}/retry")


def closings(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield from strangers(app, path, "force_close")
    yield app.ask("POST", f"{path}/force_close")
    yield app.ask("POST", f"{path}/force_close")
    damaged = app.accepted(SCALE)
    app.operations.damaged.add(damaged.rpartition("/")[2])
    yield app.ask("POST", f"{damaged}/force_close")


def purges(app: Doors) -> Iterator[Answer]:
    path = app.accepted(SCALE)
    yield app.ask("DELETE", f"/api/operations/{ID}")
    yield app.ask("DELETE", f"{path}?how=gently")
    yield app.ask("DELETE", path)
    app.run()
    granted(app, READING)
    yield app.ask("DELETE", path)
    granted(app, EVERYTHING)
    yield app.ask("DELETE", path)


def purges_of_many(app: Doors) -> Iterator[Answer]:
    path = "/api/operations/purge?until=2026-11-23T20:00:00Z"
    yield app.ask("POST", "/api/operations/purge")
    yield app.ask("POST", path)
    granted(app, READING)
    yield app.ask("POST", path)
    granted(app, '[{"actions": ["*"], "clusters": ["*/other-rg/*"]}]')
    yield app.ask("POST", f"{path}&cluster=prod-rg/web")


def pauses(method: str, path: str) -> Callable[[Doors], Iterator[Answer]]:
    def asking(app: Doors) -> Iterator[Answer]:
        yield app.ask(method, path)
        yield app.ask(method, f"{path}?how=gently")
        granted(app, NOTHING)
        yield app.ask(method, path)

    return asking


def strangers(app: Doors, path: str, verb: str) -> Iterator[Answer]:
    """What every verb answers to those who may not, or ask for what is not there."""
    yield app.ask("POST", f"/api/operations/{ID}/{verb}")
    yield app.ask("POST", f"{path}/{verb}?how=gently")
    granted(app, READING)
    yield app.ask("POST", f"{path}/{verb}")
    granted(app, EVERYTHING)


def of_a_cluster(route: Route) -> Callable[[Doors], Iterator[Answer]]:
    def asking(app: Doors) -> Iterator[Answer]:
        path = f"/api/{route.path.format(subscription=SUBSCRIPTION, group='prod-rg', name='web')}"
        yield app.get(path)
        yield app.get(path.replace("web", "nothing"))
        yield app.get(path.replace("prod-rg", "prod..rg"))

    return asking


def status_links(app: Doors) -> Iterator[Answer]:
    app.settings = some_settings({"TIDEKEEPER_LINK_KEY": LINK_KEY})
    app.behind(app.rebuilt())
    path = app.accepted(SCALE)
    link = app.shown(path)["links"]["status"]
    yield app.get(link)
    yield app.get(f"{link}&how=gently")
    app.run()
    yield app.get(link)
    yield app.get(f"{link[:-1]}~")


def listed_clusters(app: Doors) -> Iterator[Answer]:
    yield app.get("/api/clusters")
    yield app.get("/api/clusters?top=5")


def versions(app: Doors) -> Iterator[Answer]:
    yield app.get("/api/versions?location=westeurope")
    yield app.get("/api/versions")
    granted(app, NOTHING)
    yield app.get("/api/versions?location=westeurope")


def a_letter(app: Doors, *, text: str = "{", cut: bool = False) -> str:
    """The path of a letter that was filed just now."""
    granted(app, EVERYTHING)
    mark = f"{len(app.letters.filed):024x}"
    now = app.clock.now()
    app.letters.file(Letter(id=letter_id(now, mark), queue=REQUESTS, reason="not JSON", text=text, filed_at=now, cut=cut))
    return f"/api/letters/{letter_id(now, mark)}"


def listed_letters(app: Doors) -> Iterator[Answer]:
    a_letter(app)
    yield app.get("/api/letters")
    yield app.get("/api/letters?top=0")
    granted(app, READING)
    yield app.get("/api/letters")


def of_a_letter(method: str, verb: str = "") -> Callable[[Doors], Iterator[Answer]]:
    def asking(app: Doors) -> Iterator[Answer]:
        path = f"{a_letter(app)}{verb}"
        yield app.ask(method, f"{path}?how=gently")
        yield app.ask(method, f"/api/letters/{LETTER}{verb}")
        granted(app, READING)
        yield app.ask(method, path)
        granted(app, EVERYTHING)
        yield app.ask(method, path)
        if verb:
            yield app.ask(method, f"{a_letter(app, cut=True)}{verb}")

    return asking


def documents(app: Doors) -> Iterator[Answer]:
    yield app.get("/api/openapi.json")
    yield app.get("/api/openapi.json?format=yaml")


def health(app: Doors) -> Iterator[Answer]:
    yield app.get("/api/health?anything=goes")


SCENES: dict[str, Callable[[Doors], Iterator[Answer]]] = {
    "operations_submit": submissions,
    "operations_list": lists,
    "operations_read": reads,
    "operations_cancel": cancellations,
    "operations_suspend": suspensions,
    "operations_resume": resumptions,
    "operations_retry": retries,
    "operations_force_close": closings,
    "operations_purge": purges,
    "operations_purge_many": purges_of_many,
    "status_read": status_links,
    "acting_read": pauses("GET", "/api/pause"),
    "acting_pause": pauses("POST", "/api/pause"),
    "acting_unpause": pauses("POST", "/api/unpause"),
    "paces_list": pauses("GET", "/api/paces"),
    "clusters_list": listed_clusters,
    "clusters_read": of_a_cluster(ROUTE["clusters_read"]),
    "clusters_upgrades": of_a_cluster(ROUTE["clusters_upgrades"]),
    "versions_list": versions,
    "letters_list": listed_letters,
    "letters_read": of_a_letter("GET"),
    "letters_requeue": of_a_letter("POST", "/requeue"),
    "letters_delete": of_a_letter("DELETE"),
    "health_read": health,
    "contract_read": documents,
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.function)
def test_a_door_answers_all_that_is_promised_of_it_and_nothing_else(peopled: Doors, route: Route) -> None:
    """That each answer is as promised, `Doors` itself sees to."""
    assert route.function in SCENES, "play all that this door promises in a scene"
    seen = set()
    for answer in (*in_every_trouble(peopled, route), *SCENES[route.function](peopled)):
        problem = answer.headers["content-type"] == "application/problem+json"
        seen.add((answer.status, Code(answer.code) if problem else None))
    promised = {(status, None) for status in route.answers} | {(int(STATUSES[code]), code) for code in route.refusals}
    assert seen == promised

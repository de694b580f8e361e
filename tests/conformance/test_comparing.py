"""That the comparison can fail: every kind of difference is found, in one exchange and in a whole replay, and nothing else is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.arm.wire import Json, Reply
from tests.conformance.comparing import differences
from tests.conformance.eras import ERAS
from tests.conformance.replaying import Replay, replay, sent_back
from tests.conformance.traffic import Exchange
from tests.conformance.translation import Translation
from tests.local.arm.asking import Asker

SAME = Translation(recorded=36, ours=36, patches={36: "1.36.4"})
STATUS_URL = "https://management.azure.com/subscriptions/s/providers/p/locations/l/operations/7d3f5b3e-0000-4000-8000-00000000000a"
BODY: Json = {
    "id": "/subscriptions/s/resourcegroups/asotest/providers/Microsoft.ContainerService/managedClusters/web",
    "type": "Microsoft.ContainerService/ManagedClusters",
    "properties": {
        "provisioningState": "Updating",
        "fqdn": "web-ab12cd34.hcp.westus3.azmk8s.io",
        "agentPoolProfiles": [{"name": "one", "count": 1, "enableFIPS": False}, {"name": "two", "count": 2, "nodeTaints": []}],
    },
}
HEADERS = {"content-type": "application/json", "azure-asyncoperation": f"{STATUS_URL}?api-version=2025-03-01&t=1&c=2&s=3&h=4"}
RECORDED = Exchange(
    recording="cluster-crud-2025-08-01",
    number=3,
    method="PUT",
    url="https://management.azure.com/subscriptions/s/resourceGroups/asotest/providers/Microsoft.ContainerService/managedClusters/web"
    "?api-version=2025-08-01",
    request=None,
    status=200,
    headers=HEADERS,
    body=BODY,
)

Tamper = Callable[[Json], object]
Spoil = Callable[[str, Reply], Reply]
"""Makes another answer of an answer; the text is method and URL."""


def an_answer(status: int = 200, headers: dict[str, str] | None = None, body: Any = BODY) -> Reply:
    return Reply(status=status, headers=HEADERS if headers is None else headers, body=json.dumps(body).encode())


def tampered(tamper: Tamper) -> Reply:
    body = json.loads(json.dumps(BODY))
    tamper(body)
    return an_answer(body=body)


def found(answer: Reply) -> list[tuple[str, str]]:
    return [(difference.kind, difference.field) for difference in differences(RECORDED, answer, SAME)]


def test_what_is_the_same_has_no_difference() -> None:
    assert found(an_answer()) == []


def test_another_status_is_one_difference_whatever_else_differs() -> None:
    assert found(an_answer(status=201, headers={}, body={})) == [("status", "status")]


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"content-type": "application/json"}, "azure-asyncoperation"),
        ({**HEADERS, "azure-asyncoperation": f"{STATUS_URL}?api-version=2025-03-01"}, "azure-asyncoperation.signature"),
        ({**HEADERS, "azure-asyncoperation": HEADERS["azure-asyncoperation"].replace("2025-03-01", "2016-03-30")}, "azure-asyncoperation"),
        ({**HEADERS, "azure-asyncoperation": HEADERS["azure-asyncoperation"].replace("operations", "results")}, "azure-asyncoperation"),
        ({**HEADERS, "content-type": "application/json; charset=utf-8"}, "content-type"),
        ({**HEADERS, "location": STATUS_URL}, "location"),
        ({**HEADERS, "retry-after": "10"}, "retry-after"),
        ({**HEADERS, "x-ms-failure-cause": "gateway"}, "x-ms-failure-cause"),
    ],
)
def test_a_header_more_or_less_or_of_another_form_is_found(headers: dict[str, str], field: str) -> None:
    assert found(an_answer(headers=headers)) == [("header", field)]


def test_a_header_that_the_recorder_may_have_dropped_is_not_missed_there() -> None:
    cli = replace(RECORDED, url=RECORDED.url.replace("asotest", "clitest"))
    assert differences(cli, an_answer(headers={**HEADERS, "retry-after": "10"}), SAME) == []
    limited = replace(cli, headers={**HEADERS, "x-ms-ratelimit-remaining-subscription-writes": "1199"})
    assert [difference.at for difference in differences(limited, an_answer(), SAME)] == ["x-ms-ratelimit-remaining-subscription-writes"]


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda body: body["properties"].update(provisioningState="Succeeded"), [("value", "cluster.provisioningState")]),
        (lambda body: body.update(type="Microsoft.ContainerService/managedClusters"), [("value", "cluster.type")]),
        (lambda body: body["properties"].pop("fqdn"), [("missing", "cluster.fqdn")]),
        (lambda body: body["properties"].update(colour="blue"), [("extra", "cluster.colour")]),
        (lambda body: body["properties"]["agentPoolProfiles"][1].update(count="2"), [("type", "pool.count")]),
        (lambda body: body["properties"]["agentPoolProfiles"][0].update(enableFIPS=0), [("type", "pool.enableFIPS")]),
        (lambda body: body["properties"]["agentPoolProfiles"][1].update(nodeTaints=None), [("type", "pool.nodeTaints")]),
        (lambda body: body["properties"]["agentPoolProfiles"].pop(), [("length", "cluster.agentPoolProfiles[]")]),
        (lambda body: body["properties"].update(fqdn="web.hcp.westus3.azmk8s.io"), [("value", "cluster.fqdn")]),
        (lambda body: body["properties"].update(fqdn="web-zz99zz99.hcp.westus3.azmk8s.io"), []),
        (lambda body: body["properties"]["agentPoolProfiles"].reverse(), []),
    ],
)
def test_a_body_is_compared_in_its_fields_types_words_and_forms(tamper: Tamper, expected: list[tuple[str, str]]) -> None:
    assert found(tampered(tamper)) == expected


def test_a_field_has_one_name_wherever_it_is_shown() -> None:
    pool = {"properties": {"count": 3}}
    path = RECORDED.url.replace("?", "/agentPools/one?")
    one = differences(replace(RECORDED, url=path, body=pool), an_answer(body={"properties": {"count": 4}}), SAME)
    many = differences(
        replace(RECORDED, url=RECORDED.url.replace("?", "/agentPools?"), body={"value": [pool]}),
        an_answer(body={"value": [{"properties": {"count": 4}}]}),
        SAME,
    )
    assert [difference.field for difference in (*one, *many)] == ["pool.count", "pool.count"]


def test_the_name_of_an_operation_must_come_of_its_url_as_recorded() -> None:
    there, here = "0011aabb-2233-4455-8899-000000000001", "bbaa1100-3322-5544-8899-000000000001"
    poll = replace(RECORDED, method="GET", url=f"{STATUS_URL[:-36]}{there}?api-version=2016-03-30", body={"name": here}, headers={})
    for asked, name, expected in ((there, here, []), (here, there, []), (here, here, [".name"]), (here, STATUS_URL[-36:], [".name"])):
        answer = an_answer(headers={}, body={"name": name})
        assert [difference.at for difference in differences(poll, answer, SAME, asked_at=f"/operations/{asked}")] == expected


# --------------------------------------------------------------------------------------------------------------- in a whole replay


class TamperedAsker(Asker):
    """An asker that spoils every answer for which `tamper` has another."""

    tamper: Spoil

    def ask(self, method: str, url: str, body: object = None, **headers: str) -> Reply:
        return self.tamper(f"{method} {url}", super().ask(method, url, body, **headers))


def unexplained(conformance: Path, recording: str, tamper: Spoil) -> list[str]:
    whole = replay(conformance, recording)
    asker = TamperedAsker(whole.asker.world, whole.asker.clock)
    asker.tamper = tamper
    found = Replay(exchanges=whole.exchanges, asker=asker, translation=whole.translation).run()
    return [f"{difference.kind} {difference.field}" for difference in found if not any(era.covers(difference) for era in ERAS)]


def _changed(answer: Reply, old: str, new: str) -> Reply:
    return replace(answer, body=answer.body.replace(old.encode(), new.encode()))


def _without(answer: Reply, header: str) -> Reply:
    return replace(answer, headers={name: value for name, value in answer.headers.items() if name != header})


@pytest.mark.parametrize(
    ("recording", "tamper", "expected"),
    [
        ("cluster-stop-start", lambda _, answer: answer, None),
        ("cluster-stop-start", lambda asked, a: _without(a, "location") if asked.startswith("POST") else a, "header location"),
        ("cluster-crud-2025-08-01", lambda asked, a: replace(a, status=202) if "agentPools" in asked else a, "status status"),
        ("cluster-crud-2025-08-01", lambda _, a: _changed(a, '"Updating"', '"Scaling"'), "value pool.provisioningState"),
        ("cluster-crud-2025-08-01", lambda _, a: _changed(a, "ReconcilingDNS", "MakingCoffee"), "value .status"),
        ("cluster-crud-2025-08-01", lambda _, a: _changed(a, '"resourceUID"', '"resourceUid"'), "missing cluster.resourceUID"),
        ("cluster-crud-2025-08-01", lambda _, a: replace(a, headers={**a.headers, "retry-after": "5"}), "header retry-after"),
        ("cluster-abort", lambda _, a: _changed(a, '"Canceled"', '"Failed"'), "value cluster.provisioningState"),
        ("pool-stop-start", lambda _, a: _changed(a, '"Stopped"', '"Running"'), "value pool.powerState.code"),
        ("pool-conflict-409", lambda _, a: _changed(a, '"OperationNotAllowed"', '"Conflict"'), "value .code"),
        ("run-command", lambda asked, a: replace(a, status=200) if "commandResults" in asked else a, "status status"),
    ],
)
def test_a_replay_finds_what_was_spoiled_in_it(conformance: Path, recording: str, tamper: Spoil, expected: str | None) -> None:
    spoiled = unexplained(conformance, recording, tamper)
    assert expected in spoiled if expected is not None else spoiled == []


# --------------------------------------------------------------------------------------------- what is told to today's world, and how


def test_versions_keep_their_distance_and_nothing_else_is_translated() -> None:
    told = Translation(recorded=23, ours=36, patches={36: "1.36.4", 37: "1.37.1"}).told
    assert told({"a": ["1.23.12", "1.24.6", "1.23", "1.25.1"], "b": "v1.23", "c": 1.23}) == {
        "a": ["1.36.4", "1.37.1", "1.36", "1.38.0"],
        "b": "v1.23",
        "c": 1.23,
    }


def test_a_client_sends_back_what_it_read_here_and_what_it_wanted_there() -> None:
    recorded = {"disk": 100, "count": 1, "tags": {"a": "b"}, "old": True, "list": [{"n": 1}]}
    ours = {"disk": 128, "count": 1, "tags": {"a": "c"}, "list": [{"n": 2}]}
    request = {"disk": 100, "count": 3, "tags": {"a": "b"}, "old": True, "new": "x", "list": [{"n": 1}]}
    assert sent_back(request, recorded, ours) == {"disk": 128, "count": 3, "tags": {"a": "c"}, "new": "x", "list": [{"n": 2}]}
    assert sent_back(request, None, None) == request


def test_an_era_ends_with_its_version_or_its_month() -> None:
    difference = differences(RECORDED, tampered(lambda body: body["properties"].update(resourceUID="x")), SAME)[0]
    covering = [era for era in ERAS if era.covers(replace(difference, version="2023-07-01"))]
    assert len(covering) == 1
    assert not any(era.covers(difference) for era in ERAS)
    kubenet = replace(difference, kind="value", at=".properties.networkProfile.networkPlugin", recorded="kubenet", ours="azure")
    assert not any(era.covers(kubenet) for era in ERAS)
    assert any(era.covers(replace(kubenet, month="2023-10")) for era in ERAS)
    assert not any(era.covers(replace(kubenet, month="2023-10", recorded="none")) for era in ERAS)

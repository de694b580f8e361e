"""ARM's front door in the simulator: tokens, providers, groups, limits, and the headers that every answer has."""

import base64
import json
from datetime import timedelta

import pytest

from local.arm.wire import Reply, Request
from local.arm.world import World
from tests.local.arm.asking import CLUSTER, CLUSTERS, GROUP, MINUTE, ROOT, USER, Asker, a_cluster, an_asker, code, state

PROVIDER = f"{ROOT}/providers/Microsoft.ContainerService"


def _with(world: World, authorization: str | None) -> Reply:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = world.handle(Request(method="GET", url=f"https://management.azure.com{GROUP}?api-version=2026-08-01", headers=headers))
    assert isinstance(answer, Reply)
    return answer


def _forged(world: World) -> str:
    head, claims, tail = world.token().split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    content["exp"] += 1
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("="), tail))


def test_only_a_token_of_this_worlds_identity_for_arm_and_not_expired_is_taken() -> None:
    world = an_asker().with_group().world
    refused: dict[str, list[str | None]] = {
        "AuthenticationFailed": [None, "Basic dXNlcjpwYXNz"],
        "InvalidAuthenticationToken": ["Bearer x", "Bearer a.b.c", f"Bearer {_forged(world)}", f"Bearer {an_asker(seed=7).world.token()}"],
        "InvalidAuthenticationTokenAudience": [f"Bearer {world.token('https://vault.azure.net')}"],
        "ExpiredAuthenticationToken": [f"Bearer {world.identity.token('https://management.azure.com', -1)}"],
    }
    for expected, headers in refused.items():
        for header in headers:
            answer = _with(world, header)
            assert code(answer) == (401, expected), header
            assert answer.headers["www-authenticate"].startswith("Bearer ")
    for audience in ("https://management.azure.com", "https://management.azure.com/", "https://management.core.windows.net/"):
        assert _with(world, f"Bearer {world.token(audience)}").status == 200


def test_a_write_waits_for_the_provider_to_be_registered() -> None:
    asker = an_asker(registered=False).with_group()
    refused = asker.put(CLUSTER, a_cluster())
    assert code(refused) == (409, "MissingSubscriptionRegistration")
    assert refused.document["error"]["details"][0]["target"] == "Microsoft.ContainerService"
    assert asker.get(PROVIDER).document["registrationState"] == "NotRegistered"
    registering = asker.ask("POST", f"{PROVIDER}/register")
    assert (registering.status, registering.document["registrationState"]) == (200, "Registering")
    assert code(asker.put(CLUSTER, a_cluster())) == (409, "MissingSubscriptionRegistration")
    asker.later()
    assert asker.get(PROVIDER.lower()).document["registrationState"] == "Registered"
    assert asker.put(CLUSTER, a_cluster()).status == 201


def test_reads_need_no_registration() -> None:
    asker = an_asker(registered=False).with_group()
    assert asker.get(CLUSTERS).document == {"value": []}
    assert code(asker.get(CLUSTER)) == (404, "ResourceNotFound")


def test_registering_twice_does_not_begin_anew() -> None:
    asker = an_asker(registered=False)
    asker.ask("POST", f"{PROVIDER}/register")
    asker.later(MINUTE / 2)
    asker.ask("POST", f"{PROVIDER}/register")
    asker.later(MINUTE / 2)
    assert asker.ask("POST", f"{PROVIDER}/register").document["registrationState"] == "Registered"


def test_a_group_is_201_then_200_and_is_found_by_any_spelling() -> None:
    asker = an_asker()
    assert asker.ask("HEAD", GROUP).status == 404
    made = asker.put(GROUP, {"location": "Central US", "tags": {"a": "b"}})
    assert (made.status, state(made), made.document["location"]) == (201, "Succeeded", "centralus")
    assert asker.put(GROUP.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), {"location": "centralus"}).status == 200
    assert asker.get(GROUP).document["tags"] == {"a": "b"}
    head = asker.ask("HEAD", GROUP)
    assert (head.status, head.body) == (204, b"")
    assert [group["name"] for group in asker.get(f"{ROOT}/resourceGroups").document["value"]] == ["group1"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"location": "atlantis"}, (400, "LocationNotAvailableForResourceGroup")),
        ({}, (400, "LocationRequired")),
        ({"location": "westeurope"}, (409, "InvalidResourceGroupLocation")),
    ],
)
def test_a_group_has_a_region_that_exists_and_keeps_it(body: dict[str, str], expected: tuple[int, str]) -> None:
    assert code(an_asker().with_group().put(GROUP, body)) == expected


def test_a_path_with_doubled_or_trailing_slashes_does_not_reach_another_resource() -> None:
    asker = an_asker().with_cluster()
    assert asker.get(f"{CLUSTER}/").status == 200
    assert asker.get(CLUSTER.replace("/web", "//web")).status == 404


# ------------------------------------------------------------------------------------------------------------------------- limits


def _until_throttled(asker: Asker, method: str, url: str, most: int) -> tuple[int, Reply]:
    for number in range(most):
        answer = asker.ask(method, url, a_cluster() if method == "PUT" else None)
        if answer.status == 429:
            return number, answer
    message = f"{most} requests were let through"
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("method", "url", "burst", "wait"),
    [("GET", CLUSTER, 60, "1"), ("PUT", CLUSTER, 20, "60"), ("PUT", USER, 20, "60"), ("GET", CLUSTERS, 60, "1"), ("GET", USER, 60, "1")],
)
def test_each_bucket_of_aks_empties_after_its_burst(method: str, url: str, burst: int, wait: str) -> None:
    asker = an_asker().with_cluster()
    asker.later()
    allowed, refused = _until_throttled(asker, method, url, 300)
    assert allowed == burst
    assert code(refused) == (429, "Throttled")
    assert refused.headers["retry-after"] == wait
    assert "error" not in refused.document


def test_who_waits_as_long_as_it_was_told_is_let_through_again() -> None:
    asker = an_asker().with_cluster()
    _, refused = _until_throttled(asker, "GET", CLUSTER, 100)
    asker.later(timedelta(seconds=int(refused.headers["retry-after"])))
    assert asker.get(CLUSTER).status == 200


def test_polls_have_a_larger_bucket() -> None:
    asker = an_asker().with_cluster()
    url = asker.put(USER, {"properties": {"count": 5}}).headers["azure-asyncoperation"]
    allowed, refused = _until_throttled(asker, "GET", url, 300)
    assert (allowed, code(refused)) == (200, (429, "Throttled"))


def test_arms_own_limit_answers_in_arms_shape() -> None:
    asker = an_asker()
    allowed, refused = _until_throttled(asker, "GET", f"{ROOT}/resourceGroups", 300)
    assert (allowed, code(refused)) == (250, (429, "SubscriptionRequestsThrottled"))
    assert refused.headers["retry-after"] == "1"
    assert "Number of 'read' requests" in refused.document["error"]["message"]


def test_limits_can_be_switched_off() -> None:
    asker = an_asker(throttled=False).with_cluster()
    assert all(asker.get(CLUSTER).status == 200 for _ in range(400))


# ------------------------------------------------------------------------------------------------------------------------ headers


def test_every_answer_has_arms_common_headers_and_echoes_the_correlation() -> None:
    asker = an_asker().with_cluster()
    for answer in (asker.get(CLUSTER), asker.get(f"{CLUSTER}x"), asker.get(GROUP)):
        common = {"cache-control", "pragma", "expires", "date", "strict-transport-security", "x-content-type-options", "x-ms-request-id"}
        assert common <= answer.headers.keys()
    assert asker.ask("GET", CLUSTER, x_ms_correlation_request_id="abc").headers["x-ms-correlation-request-id"] == "abc"


def test_what_is_left_of_the_limits_is_shown_and_falls() -> None:
    asker = an_asker().with_cluster()
    shown = [int(asker.get(CLUSTER).headers["x-ms-ratelimit-remaining-subscription-global-reads"]) for _ in range(3)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > shown[-1]
    assert "x-ms-ratelimit-remaining-subscription-writes" in asker.put(USER, {"properties": {"count": 5}}).headers


def test_reads_of_a_cluster_lack_the_trace_that_all_else_has() -> None:
    asker = an_asker().with_cluster()
    assert "x-ms-operation-identifier" not in asker.get(CLUSTER).headers
    assert "x-ms-operation-identifier" in asker.get(USER).headers
    assert "x-ms-operation-identifier" in asker.put(CLUSTER, a_cluster()).headers

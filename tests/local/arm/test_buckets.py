"""The limits on how often one may ask, each against its line of the documentation: what it counts by, how much, how fast it comes back."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import pytest

from local.arm.buckets import ARM_DELETES, ARM_READS, ARM_WRITES, Buckets, Limit
from local.arm.wire import Json, Reply
from local.arm.world import SUBSCRIPTION
from tests.local.arm.asking import CLUSTER, CLUSTERS, GROUP, ROOT, START, USER, Asker, Clock, a_cluster, a_world, an_asker, code

AKS = "/providers/Microsoft.ContainerService"
OTHERS = "00000000-0000-0000-0000-000000000002"
NEIGHBOUR = f"{CLUSTERS}/neighbour"
FAR = f"{CLUSTERS}/far"
GROUP_2 = GROUP.replace("group1", "group2")
COUNT: Json = {"properties": {"count": 3}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the documentation, with a request of the kind; `beside` is counted with it, what is in `apart` is not."""

    method: str
    url: str
    burst: int
    per_second: float
    beside: str
    apart: tuple[str, ...]
    body: Json | None = None


LINES = {
    "LIST clusters, by subscription": Line(
        method="GET",
        url=f"{ROOT}{AKS}/managedClusters",
        burst=500,
        per_second=1,
        beside=CLUSTERS,
        apart=(CLUSTER, f"/subscriptions/{OTHERS}{AKS}/managedClusters"),
    ),
    "LIST clusters, by group": Line(
        method="GET",
        url=CLUSTERS,
        burst=60,
        per_second=1,
        beside=CLUSTERS.replace("group1", "GROUP1"),
        apart=(CLUSTERS.replace("group1", "group2"), f"{ROOT}{AKS}/managedClusters"),
    ),
    "PUT a cluster, by cluster": Line(
        method="PUT", url=CLUSTER, body=a_cluster(), burst=20, per_second=1 / 60, beside=f"{CLUSTERS}/WEB", apart=(NEIGHBOUR, USER)
    ),
    "PUT a pool, by pool": Line(
        method="PUT",
        url=USER,
        body=COUNT,
        burst=20,
        per_second=1 / 60,
        beside=f"{CLUSTER}/agentPools/USER",
        apart=(f"{CLUSTER}/agentPools/system", f"{NEIGHBOUR}/agentPools/user", CLUSTER),
    ),
    "GET a cluster, by cluster": Line(
        method="GET",
        url=CLUSTER,
        burst=60,
        per_second=1,
        beside=f"{CLUSTERS}/Web",
        apart=(NEIGHBOUR, CLUSTER.replace("group1", "group2"), USER),
    ),
    "GET an operation's status, by subscription": Line(
        method="GET",
        url=f"{ROOT}{AKS}/locations/centralus/operations/{OTHERS}",
        burst=200,
        per_second=2,
        beside=f"{ROOT}{AKS}/locations/CentralUS/operationresults/{SUBSCRIPTION}",
        apart=(
            f"{ROOT}{AKS}/locations/westus2/operations/{OTHERS}",
            f"/subscriptions/{OTHERS}{AKS}/locations/centralus/operations/{OTHERS}",
        ),
    ),
    "all else, by subscription": Line(
        method="GET",
        url=USER,
        burst=60,
        per_second=1,
        beside=f"{NEIGHBOUR}/agentPools",
        apart=(f"{FAR}/agentPools", f"{ROOT}{AKS}/locations/westus2/kubernetesVersions", CLUSTER),
    ),
}


def a_busy_place() -> Asker:
    """Two subscriptions; in the first one, clusters web and neighbour in centralus and far in westus2; all buckets are full."""
    clock = Clock()
    asker = Asker(a_world(clock, subscriptions=(SUBSCRIPTION, OTHERS)), clock).with_cluster()
    assert asker.put(NEIGHBOUR, a_cluster()).status == 201
    assert asker.put(FAR, a_cluster(location="westus2")).status == 201
    assert asker.put(GROUP_2, {"location": "centralus"}).status == 201
    asker.later(timedelta(hours=1))
    return asker


def asked(asker: Asker, line: Line, url: str | None = None) -> Reply:
    return asker.ask(line.method, url or line.url, line.body)


def emptied(asker: Asker, line: Line) -> tuple[int, Reply]:
    """How many were let in before AKS refused, and the refusal; ARM, which has smaller buckets, is given time to fill its own."""
    began = asker.clock.now
    for number in range(1, 1000):
        answer = asked(asker, line)
        if answer.status == 429:
            assert "error" not in answer.document, "that was ARM's bucket"
            return number - 1 - round((asker.clock.now - began).total_seconds() * line.per_second), answer
        if number % 200 == 0 and line.burst > 240:
            asker.later(timedelta(seconds=8))
    message = "everything was let in"
    raise AssertionError(message)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bucket_of_aks_has_its_burst_and_then_names_the_whole_seconds_until_the_next_token(line: Line) -> None:
    asker = a_busy_place()
    allowed, refused = emptied(asker, line)
    assert allowed == line.burst
    assert code(refused) == (429, "Throttled")
    assert refused.headers["retry-after"] == str(ceil(1 / line.per_second))
    assert refused.document["code"] == "Throttled"


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bucket_of_aks_gains_a_token_when_it_said_and_no_sooner(line: Line) -> None:
    asker = a_busy_place()
    _, refused = emptied(asker, line)
    wait = timedelta(seconds=1 / line.per_second)
    asker.later(wait * 0.9)
    assert asked(asker, line).status == 429
    asker.later(timedelta(seconds=int(refused.headers["retry-after"])) - wait * 0.9)
    let_in = 2 if line.per_second == 2 else 1
    assert [asked(asker, line).status == 429 for _ in range(let_in + 1)] == [False] * let_in + [True]


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bucket_of_aks_counts_together_and_apart_what_the_documentation_does(line: Line) -> None:
    asker = a_busy_place()
    emptied(asker, line)
    assert code(asked(asker, line, line.beside)) == (429, "Throttled")
    assert [code(asked(asker, line, url)) for url in line.apart if asked(asker, line, url).status == 429] == []


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bucket_of_aks_never_holds_more_than_its_burst(line: Line) -> None:
    asker = a_busy_place()
    asker.later(timedelta(days=7))
    assert emptied(asker, line)[0] == line.burst


@pytest.mark.parametrize(
    ("method", "limit", "kind"), [("GET", ARM_READS, "read"), ("PUT", ARM_WRITES, "write"), ("DELETE", ARM_DELETES, "delete")]
)
def test_arms_buckets_answer_in_arms_shape_by_kind_and_subscription(method: str, limit: Limit, kind: str) -> None:
    asker = a_busy_place()
    url = f"{ROOT}/resourceGroups/nowhere"
    for _ in range(limit.burst):
        assert asker.ask(method, url, {}).status != 429
    refused = asker.ask(method, url, {})
    assert code(refused) == (429, "SubscriptionRequestsThrottled")
    assert refused.headers["retry-after"] == "1"
    assert f"Number of '{kind}' requests for subscription '{SUBSCRIPTION}'" in refused.document["error"]["message"]
    assert asker.ask(method, url.replace(SUBSCRIPTION, OTHERS), {}).status != 429
    others = {"GET", "PUT", "DELETE"} - {method}
    assert all(asker.ask(other, url, {}).status != 429 for other in others)
    asker.later(timedelta(seconds=1))
    let_in = [asker.ask(method, url, {}).status != 429 for _ in range(int(limit.per_second) + 1)]
    assert let_in == [True] * int(limit.per_second) + [False]


def test_the_documented_numbers_of_arm() -> None:
    assert (
        Limit(burst=250, per_second=25),
        Limit(burst=200, per_second=10),
        Limit(burst=200, per_second=10),
    ) == (ARM_READS, ARM_WRITES, ARM_DELETES)
    shown = an_asker().with_group().put(GROUP, {"location": "centralus"}).headers
    assert shown["x-ms-ratelimit-remaining-subscription-writes"] == "198"
    assert shown["x-ms-ratelimit-remaining-subscription-global-writes"] == "2998"


def test_arm_comes_before_aks_and_a_refused_request_takes_nothing_from_the_other_bucket() -> None:
    asker = a_busy_place()
    for _ in range(250):
        asker.get(f"{ROOT}/resourceGroups")
    assert {code(asker.get(CLUSTER)) for _ in range(100)} == {(429, "SubscriptionRequestsThrottled")}
    asker.later(timedelta(seconds=10))
    assert [asker.get(CLUSTER).status for _ in range(60)] == [200] * 60


# --------------------------------------------------------------------------------------------------------------------- the buckets


def test_the_wait_is_right_at_every_second_of_a_minutes_token() -> None:
    buckets, limit = Buckets(), Limit(burst=20, per_second=1 / 60)
    for _ in range(20):
        assert buckets.take("a", limit, START) == 0
    assert [buckets.take("a", limit, START + timedelta(seconds=passed)) for passed in range(61)] == [60 - passed for passed in range(61)]


def test_who_comes_back_when_told_is_let_in_whenever_the_last_one_was() -> None:
    limit = Limit(burst=20, per_second=1 / 60)
    for passed in range(1, 60):
        buckets, now = Buckets(), START + timedelta(seconds=60 + passed)
        assert [buckets.take("a", limit, START) for _ in range(20)] == [0] * 20
        assert buckets.take("a", limit, now) == 0
        wait = buckets.take("a", limit, now)
        assert wait == 60 - passed
        assert buckets.take("a", limit, now + timedelta(seconds=wait)) == 0, passed


def test_a_part_of_a_second_is_waited_for_whole() -> None:
    buckets, limit = Buckets(), Limit(burst=1, per_second=1)
    buckets.take("a", limit, START)
    assert buckets.take("a", limit, START + timedelta(milliseconds=999)) == 1
    assert buckets.take("a", limit, START + timedelta(milliseconds=1)) == 1


def test_buckets_that_are_taken_from_together_are_left_alone_together() -> None:
    buckets = Buckets()
    small, large = ("small", Limit(burst=1, per_second=0.1)), ("large", Limit(burst=5, per_second=1))
    assert buckets.take_all([large, small], START) == 0
    assert buckets.take_all([large, small], START) == 10
    assert buckets.left(*large, START) == 4
    for _ in range(4):
        buckets.take(*large, START)
    assert buckets.take_all([large, small], START) == 10  # the longer of the two waits


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    buckets, limit = Buckets(), Limit(burst=1, per_second=1)
    buckets.take("a", limit, START)
    assert buckets.take("a", limit, START - timedelta(hours=1)) == 1

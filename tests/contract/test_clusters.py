"""The `Clusters` port: the real adapter and SDK, on the simulated Azure in this process and over TLS with a managed identity."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from local.certificates import certificates
from shared.model.clusters import Absent, Cluster, ClusterRef, Group, PoolMode, PowerState, Provider, Range, Sight
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Answered, Handle, StillRunning
from shared.model.plans import (
    Action,
    MakeGroup,
    RegisterProvider,
    RemoveCluster,
    RemoveGroup,
    ScalePool,
    StartCluster,
    StartPool,
    StopCluster,
    StopPool,
    UpgradeControlPlane,
    UpgradePool,
)
from shared.rules.goals import gap
from tests.builders import SUBSCRIPTION, a_spec
from tests.contract.azures import OTHER_SUBSCRIPTION, Azure, Served, a_make, in_process, over_the_wire, served

USER = a_spec("user", mode=PoolMode.USER, count=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(certificates(tmp_path_factory.mktemp("certificates") / "loopback")) as running:
        azure = over_the_wire(running)
        azure.clusters.attempt(azure.ref, RegisterProvider(), Provider(namespace="", state=""))
        azure.until(lambda: azure.clusters.look(azure.ref, RegisterProvider()) == registered())
        yield running


@pytest.fixture(params=["in process", "over the wire"])
def azure(request: pytest.FixtureRequest) -> Azure:
    return in_process() if request.param == "in process" else over_the_wire(request.getfixturevalue("server"))


def registered() -> Provider:
    return Provider(namespace="Microsoft.ContainerService", state="Registered")


def refused(azure: Azure, action: Action, sight: Sight | None = None) -> Failure:
    """How an attempt failed that must fail."""
    seen = azure.clusters.look(azure.ref, action) if sight is None else sight
    with pytest.raises(CallFailed) as failed:
        azure.clusters.attempt(azure.ref, action, seen)
    return failed.value.failure


def applied(azure: Azure) -> list[str]:
    return [entry["method"] for entry in azure.entries() if entry["applied"]]


# ---- groups and the provider


def test_a_group_is_absent_then_made_then_seen(azure: Azure) -> None:
    action = MakeGroup(location="westeurope")
    assert azure.clusters.group(azure.ref) == Absent(what=f"resource group {azure.ref.group}")
    assert azure.clusters.look(azure.ref, action) == Absent(what=f"resource group {azure.ref.group}")
    assert azure.clusters.attempt(azure.ref, action, Absent(what="")) is None
    group = Group(name=azure.ref.group, location="westeurope", state="Succeeded")
    assert azure.clusters.look(azure.ref, action) == group
    assert azure.clusters.look(azure.ref, RemoveGroup()) == group
    assert azure.clusters.group(azure.ref) == group


def test_a_group_that_is_being_removed_says_so_and_when_to_look_again(azure: Azure) -> None:
    azure.with_cluster()
    azure.script(method="DELETE", effect={"kind": "outcome", "ends": "never"})
    handle = azure.clusters.attempt(azure.ref, RemoveGroup(), azure.clusters.look(azure.ref, RemoveGroup()))
    assert handle is not None
    assert azure.clusters.poll(handle) == StillRunning(retry_after=timedelta(seconds=15))
    deleting = azure.clusters.look(azure.ref, RemoveGroup())
    assert isinstance(deleting, Group)
    assert deleting.state == "Deleting"


def test_a_group_is_removed_with_its_cluster(azure: Azure) -> None:
    azure.with_cluster()
    handle = azure.clusters.attempt(azure.ref, RemoveGroup(), azure.clusters.look(azure.ref, RemoveGroup()))
    assert handle is not None
    assert azure.polled(handle) == Answered()
    assert azure.clusters.look(azure.ref, RemoveGroup()) == Absent(what=f"resource group {azure.ref.group}")
    assert isinstance(azure.clusters.cluster(azure.ref), Absent)


def test_a_provider_is_registered_once_asked(server: Served) -> None:
    azure = over_the_wire(server)
    ref = replace(azure.ref, subscription=OTHER_SUBSCRIPTION)
    before = azure.clusters.look(ref, RegisterProvider())
    assert before == Provider(namespace="Microsoft.ContainerService", state="NotRegistered")
    assert azure.clusters.attempt(ref, RegisterProvider(), before) is None
    azure.until(lambda: azure.clusters.look(ref, RegisterProvider()) == registered())


# ---- clusters


def test_a_cluster_is_made_with_all_its_pools(azure: Azure) -> None:
    pools = (
        a_spec(count=3, zones=("1", "2"), os_disk_gb=256, max_pods=60),
        a_spec("user", mode=PoolMode.USER, count=2, autoscale=Range(min=1, max=5), labels={"team": "a"}, taints=("a=b:NoSchedule",)),
    )
    action = replace(a_make(*pools), tier="Standard", tags={"owner": "team-a"})
    azure.with_group()
    assert azure.clusters.look(azure.ref, action) == Absent(what=f"cluster {azure.ref}")
    handle = azure.clusters.attempt(azure.ref, action, Absent(what=""))
    assert handle is not None
    assert azure.polled(handle) == Answered()
    cluster = azure.seen()
    assert cluster.settled
    assert (cluster.ref, cluster.location, cluster.tags) == (azure.ref, "westeurope", {"owner": "team-a"})
    assert [(pool.name, pool.mode, pool.count, pool.autoscale) for pool in cluster.pools] == [
        ("system", PoolMode.SYSTEM, 3, None),
        ("user", PoolMode.USER, 2, Range(min=1, max=5)),
    ]
    assert cluster.etag
    assert cluster.uid
    body = azure.ask("GET", azure.ref.id).document
    user = body["properties"]["agentPoolProfiles"][1]
    assert (user["nodeLabels"], user["nodeTaints"], body["sku"]["tier"]) == ({"team": "a"}, ["a=b:NoSchedule"], "Standard")
    assert [entry["method"] for entry in azure.entries() if entry["method"] == "PUT"] == ["PUT", "PUT"]


def test_a_cluster_that_is_being_made_shows_what_is_wanted_and_is_busy(azure: Azure) -> None:
    azure.with_group()
    azure.script(method="PUT", effect={"kind": "outcome", "ends": "never"})
    handle = azure.clusters.attempt(azure.ref, a_make(a_spec(count=3)), Absent(what=""))
    assert handle is not None
    assert azure.clusters.poll(handle) == StillRunning(progress="InProgress")
    cluster = azure.seen()
    assert cluster.busy
    assert [pool.count for pool in cluster.pools] == [3]


def test_a_cluster_is_removed_and_stays_absent_whichever_404_says_so(azure: Azure) -> None:
    azure.with_cluster()
    sight = azure.clusters.look(azure.ref, RemoveCluster())
    handle = azure.clusters.attempt(azure.ref, RemoveCluster(), sight)
    assert handle is not None
    assert azure.polled(handle) == Answered()
    shapes = set()

    def both_seen() -> bool:
        answer = azure.ask("GET", azure.ref.id)
        shapes.add("gateway" if "error" in answer.document else "flat")
        assert answer.status == 404
        assert azure.clusters.look(azure.ref, RemoveCluster()) == Absent(what=f"cluster {azure.ref}")
        return "gateway" in shapes

    azure.until(both_seen)
    assert azure.clusters.attempt(azure.ref, RemoveCluster(), Absent(what="")) is None


@pytest.mark.parametrize("shape", ["flat", "gateway"])
def test_both_shapes_of_404_mean_absent(azure: Azure, shape: str) -> None:
    code = {"flat": "NotFound", "gateway": "ResourceNotFound"}[shape]
    azure.with_cluster()
    azure.script(method="GET", effect={"kind": "answer", "status": 404, "code": code, "shape": shape})
    assert azure.clusters.cluster(azure.ref) == Absent(what=f"cluster {azure.ref}")
    assert isinstance(azure.clusters.cluster(azure.ref), Cluster)


def test_a_cluster_in_a_group_that_does_not_exist_is_absent(azure: Azure) -> None:
    assert azure.ask("GET", azure.ref.id).document["error"]["code"] == "ResourceGroupNotFound"
    assert azure.clusters.cluster(azure.ref) == Absent(what=f"cluster {azure.ref}")


def test_a_cluster_keeps_the_spelling_it_was_asked_by(azure: Azure) -> None:
    azure.with_cluster()
    shouted = replace(azure.ref, group=azure.ref.group.upper(), name=azure.ref.name.upper())
    found = azure.clusters.cluster(shouted)
    assert isinstance(found, Cluster)
    assert found.ref == shouted


def test_names_with_every_allowed_character_reach_azure_as_they_are(azure: Azure) -> None:
    odd = replace(azure, ref=ClusterRef(subscription=SUBSCRIPTION, group=f"{azure.ref.group}_.(x)-y", name="a-b_c"))
    assert odd.with_cluster().ref == odd.ref
    assert odd.ask("GET", odd.ref.id).status == 200


def test_every_cluster_of_a_subscription_is_listed_by_one_call(azure: Azure) -> None:
    cluster = azure.with_cluster(a_spec(), USER)
    before = azure.requests()
    listed = azure.clusters.clusters(SUBSCRIPTION)
    assert azure.requests() == before + 1
    mine = [found for found in listed if found.ref.key == azure.ref.key]
    assert [(found.version, found.pools, found.etag) for found in mine] == [(cluster.version, cluster.pools, cluster.etag)]


# ---- pools


@pytest.mark.parametrize("to", [5, 0, Range(min=1, max=4), Range(min=3, max=9)], ids=str)
def test_a_pool_is_scaled_and_nothing_else_of_it_changes(azure: Azure, to: int | Range) -> None:
    azure.with_cluster(a_spec(), replace(USER, labels={"team": "a"}, taints=("a=b:NoSchedule",), max_pods=60))
    path = f"{azure.ref.id}/agentPools/user"
    before = azure.ask("GET", path).document["properties"]
    action = ScalePool(pool="user", to=to)
    handle = azure.clusters.attempt(azure.ref, action, azure.clusters.look(azure.ref, action))
    assert handle is not None
    assert azure.polled(handle) == Answered()
    pool = azure.seen().pool("user")
    assert pool is not None
    assert (pool.count, pool.autoscale) == ((to, None) if isinstance(to, int) else (max(2, to.min), to))
    after = azure.ask("GET", path).document["properties"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"count", "enableAutoScaling", "minCount", "maxCount", "eTag"}


@pytest.mark.parametrize("settled", [True, False], ids=["and it has ended", "and it is under way"])
def test_a_pool_that_somebody_scaled_between_the_look_and_the_attempt_is_left_to_them(azure: Azure, *, settled: bool) -> None:
    azure.with_cluster(a_spec(), USER)
    action = ScalePool(pool="user", to=5)
    sight = azure.clusters.look(azure.ref, action)
    azure.scale_behind("user", 4, settled=settled)
    theirs = applied(azure)
    failure = refused(azure, action, sight)
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert applied(azure) == theirs
    pool = azure.seen().pool("user")
    assert pool is not None
    assert pool.count == 4


def test_a_pool_that_somebody_gave_limits_between_the_look_and_the_attempt_is_left_to_them(azure: Azure) -> None:
    azure.with_cluster(a_spec(), USER)
    action = ScalePool(pool="user", to=5)
    sight = azure.clusters.look(azure.ref, action)
    path = f"{azure.ref.id}/agentPools/user"
    body = azure.ask("GET", path).document
    body["properties"] |= {"enableAutoScaling": True, "minCount": 1, "maxCount": 3}
    assert azure.ask("PUT", path, body).status == 200
    azure.until(lambda: azure.seen().settled)
    assert refused(azure, action, sight).code is Code.CHANGED_MEANWHILE
    pool = azure.seen().pool("user")
    assert pool is not None
    assert pool.autoscale == Range(min=1, max=3)


def test_a_pool_that_is_gone_or_whose_cluster_is_gone_is_not_made_anew(azure: Azure) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    action = ScalePool(pool="user", to=5)
    assert azure.ask("DELETE", f"{azure.ref.id}/agentPools/user").status == 202
    azure.until(lambda: azure.seen().pool("user") is None)
    assert refused(azure, action, sight).code is Code.CHANGED_MEANWHILE
    assert refused(azure, action, Absent(what="")).code is Code.CHANGED_MEANWHILE
    assert azure.seen().pool("user") is None
    assert azure.ask("DELETE", azure.ref.id).status == 202
    azure.until(lambda: isinstance(azure.clusters.cluster(azure.ref), Absent))
    assert refused(azure, action, sight).code is Code.CHANGED_MEANWHILE
    assert isinstance(azure.clusters.cluster(azure.ref), Absent)


def test_a_pool_beside_one_that_is_being_changed_waits_its_turn(azure: Azure) -> None:
    azure.with_cluster(a_spec(), USER)
    azure.scale_behind("system", 3, settled=False)
    failure = refused(azure, ScalePool(pool="user", to=5))
    assert (failure.code, failure.transient, failure.unsure) == (Code.BUSY, True, False)
    assert failure.azure_code == "OperationNotAllowed"


# ---- starts, stops and upgrades


def made_so(azure: Azure, action: Action) -> Cluster:
    """The cluster once Azure has carried out an action that it must take."""
    sight = azure.clusters.look(azure.ref, action)
    assert gap(action, sight) is not None
    handle = azure.clusters.attempt(azure.ref, action, sight)
    assert handle is not None
    assert azure.polled(handle) == Answered()
    cluster = azure.seen()
    assert gap(action, cluster) is None
    assert cluster.settled
    return cluster


def test_a_cluster_is_stopped_and_started_and_is_as_it_was(azure: Azure) -> None:
    before = azure.with_cluster(a_spec(), USER)
    stopped = made_so(azure, StopCluster())
    assert (stopped.power, stopped.uid) == (PowerState.STOPPED, before.uid)
    started = made_so(azure, StartCluster())
    assert replace(started, etag=before.etag) == before
    assert [entry["method"] for entry in azure.entries() if "/st" in entry["path"].partition("?")[0]] == ["POST", "POST"]


def test_a_pool_is_stopped_and_started_and_nothing_else_of_it_changes(azure: Azure) -> None:
    azure.with_cluster(a_spec(), replace(USER, labels={"team": "a"}, max_pods=60, autoscale=Range(min=1, max=4)))
    path = f"{azure.ref.id}/agentPools/user"
    before = azure.ask("GET", path).document["properties"]
    stopped = made_so(azure, StopPool(pool="user"))
    assert [pool.power for pool in stopped.pools] == [PowerState.RUNNING, PowerState.STOPPED]
    assert stopped.power is PowerState.RUNNING
    during = azure.ask("GET", path).document["properties"]
    assert {name for name in before.keys() | during.keys() if before.get(name) != during.get(name)} <= {"powerState", "count", "eTag"}
    made_so(azure, StartPool(pool="user"))
    after = azure.ask("GET", path).document["properties"]
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= {"eTag"}


def test_a_control_plane_is_upgraded_and_its_pools_stay_where_they_are(azure: Azure) -> None:
    azure.with_cluster(a_spec(), replace(USER, labels={"team": "a"}, taints=("a=b:NoSchedule",)))
    before = azure.ask("GET", azure.ref.id).document["properties"]
    target = azure.offer()[-1]
    cluster = made_so(azure, UpgradeControlPlane(version=target))
    assert cluster.current_version == target
    assert {pool.version for pool in cluster.pools} == {before["currentKubernetesVersion"]}
    after = azure.ask("GET", azure.ref.id).document["properties"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"kubernetesVersion", "currentKubernetesVersion", "agentPoolProfiles"}
    for was, is_ in zip(before["agentPoolProfiles"], after["agentPoolProfiles"], strict=True):
        assert {name for name in was.keys() | is_.keys() if was.get(name) != is_.get(name)} <= {"eTag"}


def test_a_pool_is_upgraded_under_its_control_plane_and_nothing_else_of_it_changes(azure: Azure) -> None:
    azure.with_cluster(a_spec(), replace(USER, labels={"team": "a"}, max_pods=60))
    target = azure.offer()[-1]
    made_so(azure, UpgradeControlPlane(version=target))
    path = f"{azure.ref.id}/agentPools/user"
    before = azure.ask("GET", path).document["properties"]
    cluster = made_so(azure, UpgradePool(pool="user", version=target))
    assert [pool.version == target for pool in cluster.pools] == [False, True]
    after = azure.ask("GET", path).document["properties"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"orchestratorVersion", "currentOrchestratorVersion", "nodeImageVersion", "eTag"}


def test_an_offer_shrinks_to_what_is_newer(azure: Azure) -> None:
    azure.with_cluster()
    before = azure.offer()
    assert before
    made_so(azure, UpgradeControlPlane(version=before[-1]))
    assert not set(azure.offer()) & set(before)


@pytest.mark.parametrize(
    "action", [StopCluster(), StopPool(pool="user"), UpgradeControlPlane(version="1.37.1")], ids=lambda action: action.kind
)
def test_what_azure_has_begun_shows_what_is_wanted_and_is_not_yet_so(action: Action) -> None:
    azure = in_process()
    azure.with_cluster(a_spec(), USER)
    assert azure.clusters.attempt(azure.ref, action, azure.seen()) is not None
    cluster = azure.seen()
    assert cluster.busy
    wanted = gap(action, replace(cluster, state="Succeeded", pools=tuple(replace(pool, state="Succeeded") for pool in cluster.pools)))
    assert wanted is None
    assert gap(action, cluster) is not None


def test_what_a_region_offers_has_the_version_that_a_new_cluster_gets(azure: Azure) -> None:
    offered = azure.clusters.offered(SUBSCRIPTION, "westeurope")
    assert [found.version for found in offered] == sorted((found.version for found in offered), reverse=True)
    (default,) = (found for found in offered if found.default)
    assert azure.with_cluster().current_version == str(default.version)
    assert [str(version) for version in default.upgrades] == azure.offer()


def test_a_region_that_is_none_is_refused(azure: Azure) -> None:
    with pytest.raises(CallFailed) as failed:
        azure.clusters.offered(SUBSCRIPTION, "nowhere")
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.AZURE_REFUSED, False)


def test_the_offer_to_a_cluster_that_is_not_there_is_absent(azure: Azure) -> None:
    assert azure.clusters.offer(azure.ref) == Absent(what=f"cluster {azure.ref}")
    assert azure.clusters.offer(azure.with_group().ref) == Absent(what=f"cluster {azure.ref}")


def test_a_cluster_that_is_stopping_takes_nothing_else_for_now(azure: Azure) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    azure.script(method="POST", effect={"kind": "outcome", "ends": "never"})
    assert azure.clusters.attempt(azure.ref, StopCluster(), sight) is not None
    for action in (StopCluster(), StartCluster(), ScalePool(pool="user", to=5), StopPool(pool="user")):
        failure = refused(azure, action)
        assert (failure.code, failure.transient, failure.unsure) == (Code.BUSY, True, False), action


def test_what_aks_does_not_do_is_refused_for_good(azure: Azure) -> None:
    """Planning refuses these first; should the cluster have changed since, AKS's own refusal ends the step."""
    cluster = azure.with_cluster(a_spec(), USER)
    current = str(cluster.current_version)
    actions: list[Action] = [
        StopPool(pool="system"),
        UpgradeControlPlane(version="1.99.0"),
        UpgradePool(pool="user", version=azure.offer()[-1]),
    ]
    for action in [*actions, UpgradeControlPlane(version="1.30.0")]:
        failure = refused(azure, action)
        assert (failure.code, failure.transient, failure.unsure) == (Code.AZURE_REFUSED, False, False), action
    assert str(azure.seen().current_version) == current


def test_a_cluster_that_changed_since_it_was_seen_is_not_upgraded(azure: Azure) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    target = azure.offer()[-1]
    assert azure.ask("PATCH", azure.ref.id, {"tags": {"owner": "them"}}).status == 200
    theirs = applied(azure)
    failure = refused(azure, UpgradeControlPlane(version=target), sight)
    assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert applied(azure) == theirs
    assert azure.seen().tags == {"owner": "them"}


@pytest.mark.parametrize("action", [StopPool(pool="user"), UpgradePool(pool="user", version="1.36.4")], ids=lambda action: action.kind)
def test_a_pool_that_changed_since_it_was_seen_is_neither_stopped_nor_upgraded(azure: Azure, action: Action) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    azure.scale_behind("user", 4, settled=True)
    theirs = applied(azure)
    assert refused(azure, action, sight).code is Code.CHANGED_MEANWHILE
    assert applied(azure) == theirs


def test_a_verb_on_a_cluster_that_is_gone_makes_nothing(azure: Azure) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    assert azure.ask("DELETE", azure.ref.id).status == 202
    azure.until(lambda: isinstance(azure.clusters.cluster(azure.ref), Absent))
    for action in (StartCluster(), StopCluster(), StopPool(pool="user"), UpgradeControlPlane(version="1.37.1")):
        assert refused(azure, action, sight).code is Code.CHANGED_MEANWHILE
    assert isinstance(azure.clusters.cluster(azure.ref), Absent)


# ---- guards of clusters


def test_a_cluster_that_somebody_made_meanwhile_is_not_touched(azure: Azure) -> None:
    cluster = azure.with_cluster()
    failure = refused(azure, a_make(a_spec(count=7)), Absent(what=""))
    assert (failure.code, failure.transient) == (Code.CHANGED_MEANWHILE, True)
    assert azure.seen() == cluster


def test_a_cluster_that_changed_since_it_was_seen_is_neither_changed_nor_removed(azure: Azure) -> None:
    sight = azure.with_cluster(a_spec(), USER)
    assert azure.ask("PATCH", azure.ref.id, {"tags": {"owner": "them"}}).status == 200
    theirs = applied(azure)
    for action in (a_make(a_spec(count=7), USER), RemoveCluster()):
        failure = refused(azure, action, sight)
        assert (failure.code, failure.transient, failure.unsure) == (Code.CHANGED_MEANWHILE, True, False)
    assert applied(azure) == theirs
    assert azure.seen().tags == {"owner": "them"}


def test_a_cluster_as_it_was_seen_is_reconciled_by_the_same_put(azure: Azure) -> None:
    sight = azure.with_cluster()
    handle = azure.clusters.attempt(azure.ref, a_make(), sight)
    assert handle is not None
    assert azure.polled(handle) == Answered()
    assert azure.seen().settled


# ---- refusals, faults and lost answers


@pytest.mark.parametrize(("shape", "code"), [("flat", "InvalidParameter"), ("gateway", "RequestDisallowedByPolicy")])
def test_both_shapes_of_error_are_read(azure: Azure, shape: str, code: str) -> None:
    azure.with_group()
    effect = {"kind": "answer", "status": 400, "code": code, "message": "No, because.", "shape": shape}
    azure.script(method="PUT", path=f"{azure.ref.group}/.*/managedClusters", effect=effect)
    failure = refused(azure, a_make(), Absent(what=""))
    assert failure == Failure(code=Code.AZURE_REFUSED, message=f"{code}: No, because.", azure_code=code)


def test_a_call_that_was_carried_out_and_not_answered_is_unsure_and_was_sent_once(azure: Azure) -> None:
    azure.with_group()
    azure.script(method="PUT", effect={"kind": "lost_answer"})
    failure = refused(azure, a_make(), Absent(what=""))
    assert (failure.code, failure.transient, failure.unsure) == (Code.UNREACHABLE, True, True)
    assert [entry["fault"] for entry in azure.entries() if entry["method"] == "PUT"] == [None, "lost_answer"]
    assert azure.seen().ref == azure.ref


def test_a_look_that_breaks_is_sent_once_and_is_never_unsure(azure: Azure) -> None:
    azure.script(method="GET", effect={"kind": "reset"})
    with pytest.raises(CallFailed) as failed:
        azure.clusters.cluster(azure.ref)
    failure = failed.value.failure
    assert (failure.code, failure.transient, failure.unsure) == (Code.UNREACHABLE, True, False)
    assert len(azure.entries()) == 1


def test_a_throttled_call_says_when_to_come_back_and_does_not_wait(azure: Azure) -> None:
    azure.with_group()
    effect = {"kind": "answer", "status": 429, "code": "Throttled", "headers": {"Retry-After": "86400"}}
    azure.script(method="PUT", effect=effect)
    failure = refused(azure, a_make(), Absent(what=""))
    assert (failure.code, failure.retry_after, failure.unsure) == (Code.THROTTLED, timedelta(days=1), False)


# ---- handles


def test_a_handle_is_kept_and_asked_verbatim(azure: Azure) -> None:
    azure.with_group()
    handle = azure.clusters.attempt(azure.ref, a_make(), Absent(what=""))
    assert handle is not None
    assert len(handle.url) > 2500
    assert handle.url.startswith(f"{azure.endpoint}/subscriptions/")
    # The simulator signs the URL and refuses one that was shortened or rebuilt.
    assert azure.polled(Handle(url=handle.url)) == Answered()
    with pytest.raises(CallFailed) as failed:
        azure.clusters.poll(Handle(url=handle.url[:-1]))
    assert failed.value.failure.code is Code.AZURE_FORBIDDEN


@pytest.mark.parametrize(
    ("effect", "code", "transient"),
    [
        ({"ends": "Failed", "code": "AllocationFailed"}, Code.OUT_OF_CAPACITY, False),
        ({"ends": "Failed", "code": "UpgradeFailed"}, Code.DRAIN_BLOCKED, False),
        ({"ends": "Failed", "code": "InternalOperationError"}, Code.AZURE_FAULT, True),
        ({"ends": "Failed", "code": "SomethingNew"}, Code.AZURE_FAILED, True),
        ({"ends": "Canceled"}, Code.CANCELLED_EXTERNALLY, False),
    ],
)
def test_an_operation_that_ends_badly_says_how(azure: Azure, effect: dict[str, str], code: Code, *, transient: bool) -> None:
    azure.with_group()
    azure.script(method="PUT", effect={"kind": "outcome", **effect})
    handle = azure.clusters.attempt(azure.ref, a_make(), Absent(what=""))
    assert handle is not None
    failure = azure.polled(handle).failure
    assert failure is not None
    assert (failure.code, failure.transient) == (code, transient)
    assert not azure.seen().settled


def test_an_operation_in_progress_says_how_far_it_is() -> None:
    azure = in_process().with_group()
    handle = azure.clusters.attempt(azure.ref, a_make(a_spec(count=3)), Absent(what=""))
    assert handle is not None
    words: list[str] = []

    def ended() -> bool:
        answer = azure.clusters.poll(handle)
        words.extend([answer.progress or ""] if isinstance(answer, StillRunning) else [])
        return isinstance(answer, Answered)

    azure.until(ended)
    assert any(word.startswith(("Provisioning", "Creating")) for word in words), words


def test_an_operation_that_azure_no_longer_knows_is_gone_and_no_success(azure: Azure) -> None:
    azure.with_group()
    azure.script(method="PUT", effect={"kind": "outcome", "ends": "Succeeded", "lost": True})
    handle = azure.clusters.attempt(azure.ref, a_make(), Absent(what=""))
    assert handle is not None
    with pytest.raises(CallFailed) as failed:
        azure.clusters.poll(handle)
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.HANDLE_GONE, True)


PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/westeurope/operations/x?api-version=2025-03-01"


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: f"https://evil.example{PATH}",
        lambda own: f"http://{own}{PATH}",
        lambda own: f"https://{own}.evil.example{PATH}",
        lambda own: f"https://{own}@evil.example{PATH}",
        lambda own: f"https://user@{own}{PATH}",
        lambda own: f"https://evil.example\\@{own}{PATH}",
        lambda own: f"https://evil.example#{own}{PATH}",
        lambda own: f"https://{own}:1{PATH}" if ":" not in own else f"https://{own.partition(':')[0]}:1{PATH}",
        lambda own: f"https://{own.partition(':')[0]}:port{PATH}",
        lambda own: f"https://{own.partition(':')[0]}:99999{PATH}",
        lambda _: f"https://[::1{PATH}",
        lambda _: f"https://169.254.169.254{PATH}",
        lambda own: f"https://{own}/metadata/identity",
        lambda own: f"https://{own}/subscriptions/\r\nHost: evil.example",
        lambda own: f"https://{own}/subscriptions/\u2025/x",
        lambda own: f"//{own}{PATH}",
        lambda _: PATH,
        lambda _: "",
    ],
    ids=range(18),
)
def test_a_handle_that_is_not_azures_is_refused_and_nothing_is_asked(azure: Azure, forge: Callable[[str], str]) -> None:
    azure.clusters.group(azure.ref)
    before = azure.requests()
    with pytest.raises(CallFailed) as failed:
        azure.clusters.poll(Handle(url=forge(urlsplit(azure.endpoint).netloc)))
    assert (failed.value.failure.code, failed.value.failure.transient) == (Code.HANDLE_FOREIGN, False)
    assert azure.requests() == before

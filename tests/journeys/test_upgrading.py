"""Upgrades, door to door: the control plane, then each pool, one PUT at a time, each read back before the next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.arm.faults import Answer, Fault, LostAnswer, Outcome
from local.arm.obstacles import DeprecatedApi, Obstacles, Pdb, Quotas, VcpuQuota
from local.arm.wire import Reply, Request
from shared.model.clusters import PowerState
from shared.model.plans import RemoveCluster, ScalePool, StopCluster, StopPool, UpgradeControlPlane, UpgradePool
from shared.rules.planning.upgrade import CONTROL_PLANE_LIMIT
from tests.builders import SUBSCRIPTION, WEB
from tests.doors import REPLIES, SCALE, START, UPGRADE, Doors
from tests.faulty import Calls, Faulty

MINUTES = timedelta(minutes=1)
UPGRADES = f"/api/clusters/{SUBSCRIPTION}/prod-rg/web/upgrades"
CONTROL_PLANE = "/managedClusters/web$"
OLD, NEW = "1.36.4", "1.37.1"
MEANWHILE = "meanwhile, and AKS changes nothing that is stopped; start it, then ask again"


def versions(app: Doors) -> list[str | None]:
    """What the control plane and the pools run, in this order."""
    cluster = app.there()
    return [cluster.current_version, *(pool.version for pool in cluster.pools)]


def states(view: Any) -> list[str]:
    return [step["state"] for step in view["plan"]["steps"]]


def asked(app: Doors) -> list[str]:
    """What the app asked Azure to write, by its last name."""
    assert {entry.method for entry in app.mutations()} <= {"PUT"}
    return [entry.path.partition("?")[0].rpartition("/")[2] for entry in app.mutations()]


def done(app: Doors, **changes: Any) -> Any:
    """The page of an upgrade that must be accepted, when all is over."""
    path = app.accepted({**UPGRADE, **changes})
    app.run()
    return ended(app, path)


def ended(app: Doors, path: str) -> Any:
    """The page of an operation that is over, and nothing left of it."""
    assert not app.failures
    assert not app.operations.opened
    assert not app.operations.heads
    return app.shown(path)


def delete_pool(app: Doors, name: str) -> None:
    """Somebody else deletes a pool."""
    token = {"authorization": f"Bearer {app.world.token()}"}
    answer = app.world.handle(Request(method="DELETE", url=f"{WEB.id}/agentPools/{name}?api-version=2026-08-01", headers=token))
    assert isinstance(answer, Reply)
    assert answer.status == 202
    app.not_ours.add(app.world.witness.entries[-1].n)


def test_a_cluster_goes_one_minor_on_control_plane_first_and_then_pool_by_pool(peopled: Doors) -> None:
    before, began = peopled.there(), peopled.clock.now()
    view = done(peopled, version="latest")
    assert (view["status"], view["error"], states(view)) == ("succeeded", None, ["done"] * 3)
    assert view["because"] == f"the control plane of web is at {OLD}, want {NEW}"
    assert [step["name"] for step in view["plan"]["steps"]] == [f"control plane to {NEW}", f"pool system to {NEW}", f"pool user to {NEW}"]
    assert asked(peopled) == ["web", "system", "user"]
    assert [entry.in_flight for entry in peopled.mutations()] == [None] * 3
    assert versions(peopled) == [NEW] * 3
    assert peopled.there().settled
    assert [(pool.count, pool.power, pool.mode) for pool in peopled.there().pools] == [
        (pool.count, pool.power, pool.mode) for pool in before.pools
    ]
    assert peopled.clock.now() - began >= 3 * peopled.takes
    offer = peopled.get(UPGRADES).document
    assert (offer["kubernetes_version"], offer["targets"], {pool["behind"] for pool in offer["pools"]}) == (NEW, [], {False})
    assert done(peopled, version="latest")["plan"]["steps"][0]["note"] == "already so"


def test_the_pools_stay_where_they_are_until_their_turn(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    seen: list[tuple[int, list[str | None]]] = []
    while peopled.turn():
        now = (len(peopled.mutations()), versions(peopled))
        seen += [now] if now not in seen else []
    assert seen == [(1, [NEW, OLD, OLD]), (2, [NEW, NEW, OLD]), (3, [NEW] * 3)]
    assert peopled.shown(path)["status"] == "succeeded"


def test_a_version_that_azure_shows_while_it_works_is_not_the_end(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.run(until=peopled.clock.now() + 2 * MINUTES)
    cluster = peopled.there()
    assert (cluster.current_version, cluster.state) == (NEW, "Upgrading")
    view = peopled.shown(path)
    assert (view["status"], states(view), len(peopled.mutations())) == ("running", ["running", "waiting", "waiting"], 1)


def test_a_status_page_that_ends_too_soon_does_not_begin_the_next_step(peopled: Doors) -> None:
    path, began = peopled.accepted(UPGRADE), peopled.clock.now()
    peopled.world.faults.add(Fault(path="/operations/", effect=Answer(status=200, shape="empty"), times=None))
    peopled.run(until=began + 2 * MINUTES)
    assert states(peopled.shown(path)) == ["settling", "waiting", "waiting"]
    peopled.run()
    assert ended(peopled, path)["status"] == "succeeded"
    assert [entry.in_flight for entry in peopled.mutations()] == [None] * 3


def test_a_bot_upgrades_by_queue_to_the_newest_patch_of_its_minor(app: Doors) -> None:
    app.put_cluster(version="1.35.4")
    app.send({"action": "upgrade", "cluster": "prod-rg/web", "reply_to": REPLIES, "correlation": "c-1"})
    app.run()
    assert [(reply["event"], reply["status"]) for reply in app.replies()] == [
        ("accepted", "running"),
        ("started", "running"),
        ("ended", "succeeded"),
    ]
    assert versions(app) == ["1.35.6"] * 3


def test_a_cluster_that_was_asked_for_by_its_minor_is_upgraded_alike(app: Doors) -> None:
    app.put_cluster(version="1.36")
    assert (done(app)["status"], versions(app)) == ("succeeded", [NEW] * 3)


def test_a_preview_is_taken_only_where_it_is_asked_for_by_its_patch(app: Doors) -> None:
    app.clock.instant = datetime(2027, 1, 22, 9, tzinfo=UTC)
    app.put_cluster(version="1.37")
    answer = app.post({**UPGRADE, "version": "1.38"})
    assert (answer.status, answer.code, answer.pointers) == (422, "impossible", ["/version"])
    assert "only as a preview, which must be asked for by its patch" in answer.detail
    assert done(app, version="latest")["plan"]["steps"][0]["note"] == "already so"
    view = done(app, version="1.38.0")
    assert (view["status"], versions(app)) == ("succeeded", ["1.38.0"] * 3)


def test_only_the_pools_that_are_behind_are_upgraded(peopled: Doors) -> None:
    for action in (UpgradeControlPlane(version=NEW), UpgradePool(pool="system", version=NEW)):
        peopled.foreign(WEB, action)
        peopled.clock.advance(peopled.takes)
    view = done(peopled)
    assert (view["status"], [step["name"] for step in view["plan"]["steps"]]) == ("succeeded", [f"pool user to {NEW}"])
    assert (asked(peopled), versions(peopled)) == (["user"], [NEW] * 3)


def test_a_stopped_pool_is_brought_along_and_stays_stopped(peopled: Doors) -> None:
    peopled.foreign(WEB, StopPool(pool="user"))
    peopled.clock.advance(peopled.takes)
    assert (done(peopled)["status"], versions(peopled)) == ("succeeded", [NEW] * 3)
    pool = peopled.there().pool("user")
    assert pool is not None
    assert (pool.power, pool.count) == (PowerState.STOPPED, 0)


def test_a_cluster_whose_next_minor_nobody_offers_any_more_is_refused_with_what_to_do(app: Doors) -> None:
    app.put_cluster(version="1.35.4")
    app.clock.instant = datetime(2028, 10, 23, 9, tzinfo=UTC)
    first = app.get(UPGRADES).document["targets"][0]["version"]
    for version in ("latest", first.rpartition(".")[0], first):
        answer = app.post({**UPGRADE, "version": version})
        assert (answer.status, answer.code) == (422, "impossible")
        assert "1.36 is not offered any more, so this cluster has to be upgraded whole and by hand" in answer.detail
        assert first in answer.detail
    assert not app.operations.operations


# ---- in line


def test_what_waits_behind_an_upgrade_is_done_after_it(peopled: Doors) -> None:
    first, second = peopled.accepted(UPGRADE), peopled.accepted(SCALE)
    assert peopled.shown(second)["queue_position"] == 1
    peopled.run()
    assert [peopled.shown(path)["status"] for path in (first, second)] == ["succeeded", "succeeded"]
    assert asked(peopled) == ["web", "system", "user", "user"]
    assert [entry.in_flight for entry in peopled.mutations()] == [None] * 4


def test_an_upgrade_in_line_is_planned_by_what_is_offered_at_its_turn(app: Doors) -> None:
    app.put_cluster(version="1.35.4")
    first = app.accepted({**UPGRADE, "version": "1.36"})
    second = app.accepted({**UPGRADE, "version": "latest"})
    assert app.shown(second)["plan"] is None
    app.run()
    views = [app.shown(path) for path in (first, second)]
    assert [view["because"] for view in views] == [
        f"the control plane of web is at 1.35.4, want {OLD}",
        f"the control plane of web is at {OLD}, want {NEW}",
    ]
    assert versions(app) == [NEW] * 3


# ---- others at work


def test_an_operation_of_somebody_else_is_waited_for_at_every_step(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    peopled.settle()
    assert peopled.shown(path)["progress"]["waiting_for"] == f"Azure is at work: the control plane of web is at {OLD}, want {NEW}"
    assert not peopled.mutations()
    peopled.run()
    assert ended(peopled, path)["status"] == "succeeded"
    assert [entry.in_flight for entry in peopled.mutations()] == [None] * 3


@pytest.mark.parametrize(("step", "mutations"), [(0, ["web", "system", "user"]), (1, ["web", "system", "user"])])
def test_a_cluster_that_changes_between_the_look_and_the_write_is_looked_at_again(peopled: Doors, step: int, mutations: list[str]) -> None:
    path = peopled.accepted(UPGRADE)
    attempts: list[None] = []

    def attempt(*arguments: Any) -> Any:
        if len(attempts) == step:
            peopled.foreign(WEB, ScalePool(pool="system", to=3))
            peopled.clock.advance(peopled.takes)
        attempts.append(None)
        return peopled.clusters.attempt(*arguments)

    peopled.behind(peopled.rebuilt(clusters=Faulty(peopled.clusters, Calls(), {"attempt": attempt})))
    peopled.run()
    assert (ended(peopled, path)["status"], len(attempts)) == ("succeeded", 4)
    assert asked(peopled) == mutations
    assert [pool.count for pool in peopled.there().pools] == [3, 2]
    assert versions(peopled) == [NEW] * 3


def test_an_etag_that_differs_at_the_write_is_waited_out(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    effect = Answer(status=412, code="PreconditionFailed", message="The ETag does not match.")
    for where in (CONTROL_PLANE, "/agentPools/"):
        peopled.world.faults.add(Fault(method="PUT", path=where, effect=effect, times=2))
    peopled.run()
    assert ended(peopled, path)["status"] == "succeeded"
    assert asked(peopled) == ["web"] * 3 + ["system"] * 3 + ["user"]
    assert [entry.applied for entry in peopled.mutations()] == [False, False, True] * 2 + [True]


def test_somebody_who_went_beyond_ends_ours_with_where_it_is(app: Doors) -> None:
    app.put_cluster(version="1.35.4")
    path = app.accepted({**UPGRADE, "version": "1.36.2"})
    app.foreign(WEB, UpgradeControlPlane(version="1.36.4"))
    app.clock.advance(app.takes)
    app.run()
    view = ended(app, path)
    assert (view["status"], view["error"]["code"], states(view)) == ("failed", "gone", ["failed", "skipped", "skipped"])
    assert view["error"]["message"] == "the control plane of web is at 1.36.4 meanwhile, beyond 1.36.2, and AKS goes back to no version"
    assert not app.mutations()
    assert versions(app) == ["1.36.4", "1.35.4", "1.35.4"]


def test_somebody_who_does_what_we_want_saves_us_the_calls(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    for action in (UpgradeControlPlane(version=NEW), UpgradePool(pool="system", version=NEW), UpgradePool(pool="user", version=NEW)):
        peopled.foreign(WEB, action)
        peopled.clock.advance(peopled.takes)
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], {step["note"] for step in view["plan"]["steps"]}) == ("succeeded", {"already so"})
    assert not peopled.mutations()


@pytest.mark.parametrize(
    ("what", "at", "message"),
    [
        ("deleted", ["done", "failed", "skipped"], "cluster prod-rg/web does not exist any more"),
        ("stopped", ["done", "done", "failed"], f"cluster web was stopped {MEANWHILE}"),
        ("without the pool", ["done", "done", "failed"], "cluster web has no pool user any more"),
    ],
)
def test_what_is_taken_away_between_two_steps_ends_the_upgrade_and_says_so(peopled: Doors, what: str, at: list[str], message: str) -> None:
    path = peopled.accepted(UPGRADE)
    while versions(peopled) != [NEW, NEW, OLD] or not peopled.there().settled:
        assert peopled.turn()
    if what == "without the pool":
        delete_pool(peopled, "user")
    else:
        peopled.foreign(WEB, RemoveCluster() if what == "deleted" else StopCluster())
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], view["error"]["code"], states(view)) == ("failed", "gone", at)
    assert view["error"]["message"] == message
    assert asked(peopled) == ["web", "system"]


# ---- what goes wrong in Azure


PDB = Pdb(cluster="prod-rg/web", name="shop/web-pdb", pool="system")


def test_a_drain_that_a_budget_blocks_fails_in_azures_words_and_the_rest_is_skipped(peopled: Doors) -> None:
    peopled.world.state.obstacles = Obstacles(pdbs=(PDB,))
    view = done(peopled)
    assert (view["status"], states(view)) == ("failed", ["done", "failed", "skipped"])
    assert (view["error"]["code"], view["error"]["azure_code"]) == ("drain_blocked", "UpgradeFailed")
    assert view["error"]["message"].startswith("UpgradeFailed: Drain node aks-system-")
    assert "blocked by pdb web-pdb" in view["error"]["message"]
    assert asked(peopled) == ["web", "system"]
    assert versions(peopled) == [NEW, OLD, OLD]


def test_an_upgrade_that_a_drain_stopped_is_finished_by_asking_again(peopled: Doors) -> None:
    peopled.world.state.obstacles = Obstacles(pdbs=(PDB,))
    assert done(peopled)["status"] == "failed"
    assert not peopled.there().settled
    peopled.world.state.obstacles = Obstacles()
    view = done(peopled)
    assert (view["status"], view["error"]) == ("succeeded", None)
    assert (versions(peopled), peopled.there().settled) == ([NEW] * 3, True)


def test_a_budget_that_azure_sees_beforehand_is_a_blocked_drain_too(peopled: Doors) -> None:
    peopled.world.state.obstacles = Obstacles(pdbs=(replace(PDB, seen_beforehand=True),))
    view = done(peopled)
    assert (view["status"], states(view)) == ("failed", ["done", "failed", "skipped"])
    assert (view["error"]["code"], view["error"]["azure_code"]) == ("drain_blocked", "UnsatisfiablePDB")
    assert "PDB shop/web-pdb" in view["error"]["message"]
    assert [entry.applied for entry in peopled.mutations()] == [True, False]


def test_an_api_that_is_gone_in_the_next_minor_refuses_the_upgrade_in_azures_words(peopled: Doors) -> None:
    peopled.world.state.obstacles = Obstacles(
        deprecated_apis=(DeprecatedApi(cluster="prod-rg/web", api="batch/v1beta1", removed_in="1.37"),)
    )
    view = done(peopled)
    assert (view["status"], view["error"]["code"], states(view)) == ("failed", "azure_refused", ["failed", "skipped", "skipped"])
    assert "Control Plane upgrade is blocked due to recent usage of a Kubernetes API deprecated" in view["error"]["message"]
    assert versions(peopled) == [OLD] * 3
    assert len(peopled.mutations()) == 1


def test_surge_nodes_for_which_there_is_no_quota_fail_the_pool_and_skip_the_rest(peopled: Doors) -> None:
    peopled.world.state.obstacles = Obstacles(quotas=Quotas(vcpus=(VcpuQuota(region="westeurope", vcpus=12),)))
    view = done(peopled)
    assert (view["status"], view["error"]["code"]) == ("failed", "out_of_capacity")
    assert states(view) == ["done", "failed", "skipped"]
    assert versions(peopled) == [NEW, OLD, OLD]


def test_a_control_plane_that_failed_at_its_target_is_reconciled_by_asking_again(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="QuotaExceeded", message="no room")))
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], view["error"]["message"], states(view)) == (
        "failed",
        "QuotaExceeded: no room",
        ["failed", "skipped", "skipped"],
    )
    assert (peopled.there().current_version, peopled.there().state) == (NEW, "Failed")
    again = done(peopled)
    assert (again["status"], again["because"], states(again)) == ("succeeded", "cluster web is Failed, want Succeeded", ["done"] * 3)
    assert asked(peopled) == ["web", "web", "system", "user"]
    assert (versions(peopled), peopled.there().settled) == ([NEW] * 3, True)


def test_a_start_does_not_mend_what_an_upgrade_broke_and_says_so_at_once(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="QuotaExceeded")))
    assert done(peopled)["status"] == "failed"
    path, began = peopled.accepted(START), peopled.clock.now()
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], view["error"]["code"]) == ("failed", "azure_refused")
    assert "is in Provisioning State(Failed) and Power State(Running), starting cannot be performed" in view["error"]["message"]
    assert peopled.clock.now() - began <= MINUTES


@pytest.mark.parametrize(
    ("where", "mutations"), [(CONTROL_PLANE, ["web", "web", "system", "user"]), ("/user$", ["web", "system", "user", "user"])]
)
def test_a_fault_of_azures_own_is_sent_again_and_the_rest_follows(peopled: Doors, where: str, mutations: list[str]) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.world.faults.add(Fault(method="PUT", path=where, effect=Outcome(ends="Failed", code="InternalOperationError")))
    peopled.run()
    assert (ended(peopled, path)["status"], asked(peopled), versions(peopled)) == ("succeeded", mutations, [NEW] * 3)


@pytest.mark.parametrize("where", [CONTROL_PLANE, "/system$", "/user$"])
def test_an_answer_that_is_lost_at_any_step_is_found_and_nothing_is_written_twice(peopled: Doors, where: str) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.world.faults.add(Fault(method="PUT", path=where, effect=LostAnswer()))
    peopled.run()
    assert (ended(peopled, path)["status"], asked(peopled)) == ("succeeded", ["web", "system", "user"])


def test_a_control_plane_that_is_upgraded_for_ever_is_given_up_within_its_time(peopled: Doors) -> None:
    path, began = peopled.accepted(UPGRADE), peopled.clock.now()
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], view["error"]["code"], states(view)) == ("failed", "still_running_in_azure", ["failed", "skipped", "skipped"])
    assert CONTROL_PLANE_LIMIT <= peopled.clock.now() - began <= CONTROL_PLANE_LIMIT + 10 * MINUTES


def test_somebodys_abort_ends_the_upgrade_where_it_is(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.world.faults.add(Fault(method="PUT", path="/system$", effect=Outcome(ends="Canceled")))
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], view["error"]["code"], states(view)) == ("failed", "cancelled_externally", ["done", "failed", "skipped"])


def test_a_cancelled_upgrade_ends_its_running_step_and_skips_the_rest(peopled: Doors) -> None:
    path = peopled.accepted(UPGRADE)
    peopled.settle()
    assert peopled.cancel(path).status == 202
    peopled.run()
    view = ended(peopled, path)
    assert (view["status"], states(view)) == ("cancelled", ["done", "skipped", "skipped"])
    assert (versions(peopled), asked(peopled)) == ([NEW, OLD, OLD], ["web"])

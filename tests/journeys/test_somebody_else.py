"""Others work on the same cluster: they are waited for, never overtaken, and what they do to our goal is seen."""

from dataclasses import replace
from datetime import datetime, timedelta

from local.arm.faults import Fault, Outcome, Reset
from shared.model.plans import RemoveCluster, ScalePool
from shared.rules.planning.scale import SCALE_LIMIT
from tests.builders import WEB
from tests.doors import CREATE, DELETE, SCALE, Doors


def test_an_operation_of_somebody_else_is_waited_for(peopled: Doors) -> None:
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    path = peopled.accepted(SCALE)
    peopled.settle()
    view = peopled.shown(path)
    assert (view["status"], view["progress"]["waiting_for"]) == ("running", "Azure is at work: pool user has 2 nodes, want 5")
    assert not peopled.mutations()
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert [entry.in_flight for entry in peopled.mutations()] == [None]
    assert [pool.count for pool in peopled.there().pools] == [3, 5]


def test_one_that_never_ends_hands_ours_to_a_person_and_nothing_was_sent(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="never")))
    peopled.foreign(WEB, ScalePool(pool="system", to=3))
    path, began = peopled.accepted(SCALE), peopled.clock.now()
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("needs_attention", "blocked_by_external_operation")
    assert view["error"]["message"] == "step 'scale pool user to 5 nodes' did not end within 1:00:00: pool user has 2 nodes, want 5"
    assert SCALE_LIMIT <= datetime.fromisoformat(view["updated_at"]) - began <= SCALE_LIMIT + timedelta(minutes=5)
    assert not peopled.mutations()
    assert peopled.shown(path)["progress"]["next_look_at"] is None


def test_somebody_who_does_what_we_want_saves_us_the_call(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.foreign(WEB, ScalePool(pool="user", to=5))
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["plan"]["steps"][0]["note"]) == ("succeeded", "already so")
    assert not peopled.mutations()


def test_a_cluster_that_is_deleted_during_its_scaling_is_gone(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    peopled.foreign(WEB, RemoveCluster())
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "gone")
    words = "Azure reported AKSOperationPreemptedByDelete: This operation has been preempted by Deleting operation."
    assert view["error"]["message"] == f"cluster prod-rg/web does not exist any more; {words}"
    assert len(peopled.mutations()) == 1
    assert not peopled.operations.heads


def test_a_cluster_that_is_deleted_before_its_scaling_is_gone(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.foreign(WEB, RemoveCluster())
    peopled.clock.advance(peopled.takes)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "gone")
    assert not peopled.mutations()


def test_a_name_that_somebody_takes_after_our_call_was_lost_is_not_overwritten_either(peopled: Doors) -> None:
    """Our PUT got no answer and never arrived. What is there by then may be ours, so it is sent again, and AKS changes no dns_prefix."""
    theirs = replace(WEB, group="group1")
    path = peopled.accepted({**CREATE, "cluster": "group1/web"})
    peopled.world.faults.add(Fault(method="PUT", path="managedClusters", effect=Reset()))
    while not [entry for entry in peopled.mutations() if "managedClusters" in entry.path]:
        peopled.turn()
    peopled.put_cluster(theirs, location="centralus", pools={"user": 9})
    peopled.run()
    found = peopled.there(theirs).pool("user")
    assert found is not None
    assert (peopled.shown(path)["error"]["code"], found.count) == ("azure_refused", 9)
    assert not [entry for entry in peopled.mutations() if "managedClusters" in entry.path and entry.applied]


ANOTHER = "the cluster prod-rg/web that this was planned for (another was made under its name) does not exist any more"


def made_again(app: Doors) -> None:
    """Somebody deletes the cluster and makes another of its name."""
    app.foreign(WEB, RemoveCluster())
    app.clock.advance(app.takes)
    app.put_cluster()


def test_a_cluster_that_is_made_again_before_its_scaling_is_another_one(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    made_again(peopled)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"], view["error"]["message"]) == ("failed", "gone", ANOTHER)
    assert not peopled.mutations()
    assert not peopled.operations.heads


def test_a_cluster_that_is_made_again_during_its_scaling_is_left_as_it_is(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.settle()
    made_again(peopled)
    peopled.run()
    view = peopled.shown(path)
    assert (view["status"], view["error"]["code"]) == ("failed", "gone")
    assert view["error"]["message"].startswith(ANOTHER)
    assert len(peopled.mutations()) == 1
    assert [pool.count for pool in peopled.there().pools] == [1, 2]


def test_a_cluster_that_is_made_again_while_it_is_deleted_is_not_deleted_too(peopled: Doors) -> None:
    path = peopled.accepted({**DELETE, "delete_resource_group": True})
    peopled.settle()
    peopled.clock.advance(peopled.takes)
    peopled.put_cluster()
    peopled.run()
    view = peopled.shown(path)
    assert [step["state"] for step in view["plan"]["steps"]] == ["done", "failed"]
    assert view["error"]["message"] == "resource group prod-rg holds web, which nobody asked to delete"
    assert peopled.there().settled
    assert len(peopled.mutations()) == 1


def test_what_failed_is_not_retried_on_another_cluster_of_the_name(peopled: Doors) -> None:
    peopled.world.faults.add(Fault(method="PUT", effect=Outcome(ends="Failed", code="QuotaExceeded")))
    path = peopled.accepted(SCALE)
    peopled.run()
    made_again(peopled)
    again = peopled.ask("POST", f"{path}/retry").headers["location"]
    peopled.run()
    assert (peopled.shown(again)["error"]["code"], len(peopled.mutations())) == ("gone", 1)


def test_a_cluster_that_somebody_deletes_is_deleted(peopled: Doors) -> None:
    path = peopled.accepted(DELETE)
    peopled.foreign(WEB, RemoveCluster())
    peopled.run()
    assert peopled.shown(path)["status"] == "succeeded"
    assert peopled.gone()


def test_a_name_that_somebody_takes_meanwhile_is_not_overwritten(peopled: Doors) -> None:
    theirs = replace(WEB, group="group1")
    path = peopled.accepted({**CREATE, "cluster": "group1/web"})
    peopled.put_cluster(theirs, location="centralus", pools={"user": 9})
    peopled.run()
    found = peopled.there(theirs).pool("user")
    assert found is not None
    assert (peopled.shown(path)["status"], found.count) == ("failed", 9)


def test_a_count_that_somebody_changes_back_is_seen_and_set_once_more(peopled: Doors) -> None:
    path = peopled.accepted(SCALE)
    peopled.run(until=peopled.clock.now() + peopled.takes)
    peopled.clock.advance(timedelta(seconds=5))
    peopled.foreign(WEB, ScalePool(pool="user", to=1))
    peopled.run()
    view = peopled.shown(path)
    pool = peopled.there().pool("user")
    assert pool is not None
    assert (view["status"], pool.count) == ("succeeded", 5)
    assert len(peopled.mutations()) == 2

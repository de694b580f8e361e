"""When Azure is looked at, and whether by shipped or by learned figures: for whoever may read anything."""

from dataclasses import replace
from datetime import timedelta

from local.host.calls import Done
from shared.model.paces import Learned
from shared.rules import learning, pace
from tests.doors import SCALE, Doors
from tests.functions.test_callers import under

PATH, KIND = "/api/paces", "scale_pool"
BOUNDS = {"soonest": 0.5, "latest": 3.0, "apart": "PT10S", "samples": 20}


def learned(app: Doors) -> None:
    now = app.clock.now()
    told = Learned(stretch=1.9, operations=34, longer_than=timedelta(seconds=398.6), at_most=timedelta(seconds=470), at=now)
    app.paces.write(None, replace(learning.taken_up(KIND, None, now), samples=3, learned=told))


def test_where_nothing_was_counted_the_shipped_figures_hold_and_it_says_so(app: Doors) -> None:
    answer = app.get(PATH)
    assert (answer.status, answer.headers["cache-control"], answer.document["bounds"]) == (200, "no-store", BOUNDS)
    assert [each["action"] for each in answer.document["paces"]] == [*pace.LOOKS]
    for each in answer.document["paces"]:
        assert each["looks"] == each["shipped"] == list(pace.LOOKS[each["action"]])
        assert (each["holds"], each["learned"], each["samples"], each["counted_at"]) == ("shipped", None, 0, None)
        assert each["because"] == "nothing was counted beside these figures yet"


def test_what_was_learned_is_shown_with_its_reason(app: Doors) -> None:
    learned(app)
    now = app.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    (own,) = (each for each in app.get(PATH).document["paces"] if each["action"] == KIND)
    assert own == {
        "action": KIND,
        "holds": "learned",
        "because": "34 operations say that half of such take longer than 399 s, and half no longer than 470 s; 210 s was expected. "
        "So looks come at 1.9 times the shipped instants",
        "looks": list(learning.stretched(pace.LOOKS[KIND], 1.9)),
        "shipped": list(pace.LOOKS[KIND]),
        "typical": "PT3M30S",
        "samples": 3,
        "counted_at": now,
        "learned": {"stretch": 1.9, "operations": 34, "longer_than": "PT6M39S", "at_most": "PT7M50S", "at": now},
    }


def test_who_may_read_any_cluster_may_see_it_and_who_may_read_none_may_not() -> None:
    with under('[{"actions": ["read"], "clusters": ["*/prod-rg/*"]}]') as app:
        assert app.get(PATH).status == 200
    with under('[{"actions": ["scale"]}]') as app:
        answer = app.get(PATH)
        assert (answer.status, answer.code) == (403, "forbidden")


def test_a_look_costs_nothing_of_azure_and_changes_nothing(app: Doors) -> None:
    learned(app)
    before, asked = app.kept(), len(app.world.witness.entries)
    app.get(PATH)
    assert (app.kept(), len(app.world.witness.entries)) == (before, asked)


def test_the_nightly_timer_counts_what_has_ended(peopled: Doors) -> None:
    assert isinstance(peopled.app.tick("learn_paces"), Done)
    peopled.clock.advance(learning.TAKES_HOLD)
    peopled.accepted(SCALE)
    peopled.run()
    assert isinstance(peopled.app.tick("learn_paces"), Done)
    (own,) = (each for each in peopled.get(PATH).document["paces"] if each["action"] == KIND)
    assert (own["samples"], own["because"]) == (1, "1 of 20 operations that are needed were counted")


def test_learning_happens_every_night_at_a_minute_of_its_own(app: Doors) -> None:
    at = app.app.due_after("learn_paces", app.clock.now())
    assert at is not None
    assert (at.hour, at.minute, at - app.clock.now() <= timedelta(days=1)) == (3, 43, True)

"""One sentence for each save."""

import itertools
from dataclasses import replace

from shared.model.errors import Code, Failure
from shared.model.operations import Accepted, Answered, Handle, Operation, Seen, Unseen
from shared.rules import engine
from shared.rules.telling import told
from tests.builders import NOON, a_cluster, a_plan, a_pool, an_operation

SEEN_GAP, SEEN_GOAL = Seen(sight=a_cluster()), Seen(sight=a_cluster(a_pool(count=5)))


def test_a_whole_life_reads_as_a_story() -> None:
    bare = replace(an_operation(), plan=None, states=(), headed_at=None)
    headed = replace(bare, headed_at=NOON)
    planned = engine.drawn(headed, a_plan(), NOON, already_so=False)
    claimed = engine.record(planned, SEEN_GAP, NOON)
    running = engine.record(claimed, Accepted(handle=Handle(url="https://x")), NOON)
    settling = engine.record(running, Answered(), NOON)
    done = engine.record(settling, SEEN_GOAL, NOON)
    steps: list[Operation | None] = [None, bare, headed, planned, claimed, running, settling, done]
    story = [told(before, after) for before, after in itertools.pairwise(steps) if after is not None]
    assert story == [
        "accepted",
        "first of its cluster",
        "planned 1 step: a test wants it",
        "step 1: starting",
        "step 1: running in Azure",
        "step 1: Azure reported success",
        "step 1: done",
    ]


def test_failures_cancellations_and_calls_for_attention_are_told() -> None:
    failure = Failure(code=Code.AZURE_FORBIDDEN, message="you may not")
    operation = an_operation()
    assert told(operation, engine.record(operation, Unseen(failure=failure), NOON)) == "step 1: failed (you may not)"
    cancelled = engine.cancel(operation, by="ann", now=NOON)
    assert isinstance(cancelled, Operation)
    assert told(operation, cancelled) == "cancellation asked by ann; step 1: skipped (cancelled by ann)"
    assert told(operation, engine.distressed(operation, failure, NOON)) == "needs attention: you may not"


def test_a_save_that_only_moves_the_wake_up_says_so() -> None:
    operation = an_operation()
    assert told(operation, replace(operation, wake=2)) == "woken again"

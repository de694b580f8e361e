"""Who may do what to which cluster."""

from dataclasses import replace

import pytest

from shared.model.errors import Code
from shared.model.grants import DEFAULT_ACTIONS, LETTERS, Grant
from shared.model.requests import Origin
from shared.rules.admission import may, may_everywhere, reads_any, refused
from tests.builders import HTTP, QUEUE, SUBSCRIPTION, WEB

OURS = frozenset({SUBSCRIPTION})
ALL = frozenset({"*"})


@pytest.mark.parametrize("action", ["read", "scale", "start", "stop", "sleep", "wake", "upgrade"])
def test_the_default_grants_what_is_harmless(action: str) -> None:
    assert may([Grant()], HTTP, action, WEB)


@pytest.mark.parametrize("action", ["delete", "run", "credentials", "rotate_certificates", "create"])
def test_the_default_denies_what_makes_removes_or_reveals(action: str) -> None:
    assert action not in DEFAULT_ACTIONS
    refusal = refused([Grant()], HTTP, action, WEB, subscriptions=OURS)
    assert refusal is not None
    assert refusal.code is Code.FORBIDDEN
    assert "TIDEKEEPER_GRANTS" in refusal.message


GRANTS = [
    (Grant(actions=ALL), HTTP, True),
    (Grant(actions=frozenset({"delete", "read"})), HTTP, True),
    (Grant(actions=ALL, doors=frozenset({"queue"})), HTTP, False),
    (Grant(actions=ALL, doors=frozenset({"queue"})), QUEUE, True),
    (Grant(actions=ALL, callers=frozenset({"Ann@example.com"})), replace(HTTP, caller="ann@EXAMPLE.com"), True),
    (Grant(actions=ALL, callers=frozenset({"ann@example.com"})), HTTP, False),
    (Grant(actions=ALL, clusters=frozenset({f"{SUBSCRIPTION}/PROD-RG/*"})), HTTP, True),
    (Grant(actions=ALL, clusters=frozenset({"*/dev-*/*"})), HTTP, False),
]


@pytest.mark.parametrize(("grant", "origin", "allowed"), GRANTS)
def test_a_grant_is_for_its_actions_doors_callers_and_clusters(grant: Grant, origin: Origin, *, allowed: bool) -> None:
    assert may([grant], origin, "delete", WEB) is allowed


def test_what_a_message_says_of_itself_is_never_trusted() -> None:
    grant = Grant(actions=ALL, callers=frozenset({"boss"}))
    assert not may([grant], replace(QUEUE, says="boss"), "scale", WEB)


def test_a_cluster_one_may_not_see_is_answered_like_one_that_is_not_there() -> None:
    blind = Grant(actions=frozenset({"scale"}))
    for grants, cluster in (([blind], WEB), ([], WEB), ([Grant(actions=ALL)], replace(WEB, subscription="another"))):
        refusal = refused(grants, HTTP, "scale", cluster, subscriptions=OURS)
        assert refusal is not None
        assert refusal.code is Code.NOT_FOUND


READERS = [
    (Grant(), HTTP, True),
    (Grant(actions=ALL, clusters=frozenset({"*/dev-*/*"})), HTTP, True),
    (Grant(actions=frozenset({"read"})), QUEUE, True),
    (Grant(actions=frozenset({"scale", "start", "upgrade"})), HTTP, False),
    (Grant(actions=ALL, doors=frozenset({"queue"})), HTTP, False),
    (Grant(actions=ALL, callers=frozenset({"ann@example.com"})), HTTP, False),
    (Grant(actions=ALL, callers=frozenset({"ANN@example.com"})), replace(HTTP, caller="Ann@Example.com"), True),
]


@pytest.mark.parametrize(("grant", "origin", "reads"), READERS)
def test_whoever_reads_some_cluster_reads_what_tells_of_none(grant: Grant, origin: Origin, *, reads: bool) -> None:
    assert reads_any([grant], origin) is reads
    assert reads_any([Grant(actions=frozenset({"stop"})), grant], origin) is reads


def test_without_any_grant_nothing_is_read() -> None:
    assert not reads_any([], HTTP)


EVERYWHERE = [
    (Grant(), False),
    (Grant(actions=frozenset({LETTERS})), True),
    (Grant(actions=ALL), True),
    (Grant(actions=ALL, clusters=frozenset({"*/dev-*/*", "*"})), True),
    (Grant(actions=ALL, clusters=frozenset({"*/dev-*/*"})), False),
    (Grant(actions=ALL, doors=frozenset({"queue"})), False),
    (Grant(actions=ALL, callers=frozenset({"ann@example.com"})), False),
]


@pytest.mark.parametrize(("grant", "allowed"), EVERYWHERE)
def test_what_is_asked_of_all_clusters_takes_one_grant_of_them_all(grant: Grant, *, allowed: bool) -> None:
    assert may_everywhere([grant], HTTP, LETTERS) is allowed


def test_grants_of_some_clusters_do_not_add_up_to_all() -> None:
    grants = [Grant(actions=frozenset({LETTERS}), clusters=frozenset({pattern})) for pattern in ("*/prod-*/*", "*/dev-*/*")]
    assert not may_everywhere([*grants, Grant()], HTTP, LETTERS)

"""Which texts name a cluster, and that none that passes can mean another path to Azure."""

import re
import string
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.model.clusters import Absent, ClusterRef, PowerState, Range
from shared.rules.naming import partition
from tests.builders import SUBSCRIPTION, WEB, a_cluster, a_pool

OTHER = "0f0f0f0f-1111-2222-3333-ABCDEFabcdef"
TAIL = "providers/Microsoft.ContainerService/managedClusters"

GOOD = {
    "prod-rg/web": (SUBSCRIPTION, "prod-rg", "web"),
    "Prod-RG/Web": (SUBSCRIPTION, "Prod-RG", "Web"),
    f"{OTHER}/prod-rg/web": (OTHER.lower(), "prod-rg", "web"),
    f"/subscriptions/{OTHER}/resourceGroups/prod-rg/{TAIL}/web": (OTHER.lower(), "prod-rg", "web"),
    f"/SUBSCRIPTIONS/{OTHER}/resourcegroups/prod-rg/{TAIL.upper()}/web": (OTHER.lower(), "prod-rg", "web"),
    "a/b": (SUBSCRIPTION, "a", "b"),
    "_.(x)-y/a_b-c": (SUBSCRIPTION, "_.(x)-y", "a_b-c"),
    "MC_prod-rg_web_westeurope/1": (SUBSCRIPTION, "MC_prod-rg_web_westeurope", "1"),
    f"{'g' * 90}/{'n' * 63}": (SUBSCRIPTION, "g" * 90, "n" * 63),
}


@pytest.mark.parametrize("text", GOOD)
def test_a_cluster_is_read_from_each_form(text: str) -> None:
    ref = ClusterRef.parse(text, default_subscription=SUBSCRIPTION)
    assert (ref.subscription, ref.group, ref.name) == GOOD[text]
    assert ClusterRef.parse(ref.id, default_subscription=OTHER) == ref
    assert ClusterRef.parse(ref.key, default_subscription=OTHER).key == ref.key


BAD = [
    "", "/", "//", "web", "a/b/c", "a/b/c/d", f"{SUBSCRIPTION}/a/b/c", "a//b", "/a/b", "a/b/", " a/b", "a/b ", "a/b\n", "a\n/b",
    "a/\u200bb", "../b", "a/..", "a../b", "a..b/c", "./b", "a/.", "a./b", "a/-b", "a/b-", "a/_b", "a/b.c", "a/b%2fc",
    "a%2f../b", "a%252fb/c", "a\\b/c",
    "a\uff0fb", "a\u2215b/c", "\uff41/b", "a/\u0432", "a/b\u0301", "a/\u212a", "a/\u0131", "a/\u00df", "a/b?c", "a/b#c", "a/b;c", "a/b&c",
    f"{'g' * 91}/n", f"g/{'n' * 64}", f"{SUBSCRIPTION}x/a/b", f"{SUBSCRIPTION.replace('-', '')}/a/b", f"{{{SUBSCRIPTION}}}/a/b",
    f"/subscriptions/{OTHER}/resourceGroups/a/{TAIL}/b/agentPools/c", f"/subscriptions/{OTHER}/resourceGroups/a/{TAIL}/",
    f"/subscriptions/{OTHER}/resourceGroups/a/{TAIL}/b\n", f"/subscriptions/{OTHER}/{TAIL}/b",
    f"\n/subscriptions/{OTHER}/resourceGroups/a/{TAIL}/b",
    f"/subscriptions/{OTHER}/resourceGroups/a/providers/Microsoft.Compute/disks/b", f"/subscriptions/x/resourceGroups/a/{TAIL}/b",
    f"/\u017fubscriptions/{OTHER}/resourceGroups/a/{TAIL}/b", f"https://management.azure.com/subscriptions/{OTHER}/resourceGroups/a/{TAIL}/b",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_names_no_cluster_is_refused_with_a_printable_reason(text: str) -> None:
    with pytest.raises(ValueError, match="want") as fault:
        ClusterRef.parse(text, default_subscription=SUBSCRIPTION)
    assert str(fault.value).isascii()
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 400


NASTY = st.text(alphabet=string.ascii_letters + string.digits + "/.-_()%?#\\\r\n\0 \u212a\u0131\uff0f\u2044\u0430", max_size=40)
PART = st.one_of(NASTY, st.text(max_size=10), st.sampled_from(["prod-rg", "web", "..", ".", SUBSCRIPTION, "%2e%2e"]))
TYPE = st.sampled_from(["Microsoft.ContainerService/managedClusters", "microsoft.containerservice/MANAGEDCLUSTERS", "x/y"])
FULL = st.builds(lambda s, g, t, n: f"/subscriptions/{s}/resourceGroups/{g}/providers/{t}/{n}", PART,
                 PART, TYPE, PART)  # fmt: skip
TEXTS = st.one_of(st.text(), NASTY, FULL, st.lists(PART, min_size=2, max_size=3).map("/".join))
SAFE = re.compile(r"[A-Za-z0-9_.()-]+")


def parsed(text: str) -> tuple[ClusterRef | None, str]:
    try:
        return ClusterRef.parse(text, default_subscription=SUBSCRIPTION), ""
    except ValueError as fault:
        return None, str(fault)


@given(text=TEXTS)
@example(text="prod-rg/web")
@example(text=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prod-rg/{TAIL}/web")
def test_what_passes_cannot_mean_another_path(text: str) -> None:
    ref, reason = parsed(text)
    assert reason.isascii()
    assert reason.isprintable()
    if ref is None:
        assert reason
        return
    parts = (ref.subscription, ref.group, ref.name)
    assert all(SAFE.fullmatch(part) and part not in {".", ".."} and ".." not in part for part in parts)
    assert ref.id.split("/")[1:] == ["subscriptions", parts[0], "resourceGroups", parts[1], *TAIL.split("/"), parts[2]]
    assert quote(ref.id, safe="/()") == ref.id == unquote(ref.id)
    assert ref.key == ref.key.casefold() == ref.key.lower()
    assert ClusterRef.parse(ref.id, default_subscription=OTHER) == ref
    assert re.fullmatch(r"[0-9a-v]{16}", partition(ref))


def test_equality_of_clusters_is_equality_of_keys_and_partitions() -> None:
    shouted = ClusterRef.parse("PROD-RG/WEB", default_subscription=SUBSCRIPTION.upper())
    assert shouted.key == WEB.key
    assert partition(shouted) == partition(WEB)
    assert partition(ClusterRef(subscription=SUBSCRIPTION, group="prod-r", name="gweb")) != partition(WEB)
    assert str(shouted) == "PROD-RG/WEB"


def test_a_cluster_is_settled_when_it_and_every_pool_are() -> None:
    assert a_cluster().settled
    failed = a_cluster(a_pool(state="Failed"))
    assert (failed.settled, failed.busy, failed.unsettled) == (False, False, "pool user is Failed, want Succeeded")
    scaling = a_cluster(a_pool(state="Scaling"))
    assert (scaling.settled, scaling.busy, scaling.unsettled) == (False, True, "pool user is Scaling, want Succeeded")
    updating = a_cluster(state="Updating")
    assert (updating.settled, updating.busy, updating.unsettled) == (False, True, "cluster web is Updating, want Succeeded")
    assert not a_cluster(state="Canceled").busy
    assert a_cluster(power=PowerState.STOPPED).settled


def test_a_pool_is_found_by_its_name() -> None:
    found = a_cluster().pool("user")
    assert found is not None
    assert found.count == 2
    assert a_cluster().pool("User") is None
    assert (str(Range(min=1, max=5)), Absent(what="x").what) == ("1 to 5 nodes", "x")

"""Versions as AKS spells and orders them, and what can be found in an offer."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.versions import KubernetesVersion, Offer
from tests.builders import an_offer

NUMBERS = st.tuples(st.integers(0, 99), st.integers(0, 999), st.integers(0, 9999))


def v(text: str) -> KubernetesVersion:
    return KubernetesVersion.parse(text)


@given(numbers=NUMBERS)
def test_a_version_is_read_as_it_is_written(numbers: tuple[int, int, int]) -> None:
    version = KubernetesVersion(*numbers)
    assert v(str(version)) == version
    assert str(version) == ".".join(map(str, numbers))


ORDERED = ["0.99.9", "1.9.11", "1.10.0", "1.34.9", "1.35.0", "1.35.2", "1.35.10", "1.35.100", "1.36.0", "2.0.0"]


def test_versions_are_ordered_as_they_were_released_and_not_as_text() -> None:
    versions = [v(text) for text in ORDERED]
    shuffled = random.Random(7).sample(versions, len(versions))
    assert [str(version) for version in sorted(shuffled)] == ORDERED
    assert all(before < after for before, after in pairwise(versions))
    assert max(shuffled) == v("2.0.0")


def test_the_family_is_the_minor_as_aks_writes_it() -> None:
    assert [v(text).family for text in ("1.36.4", "1.9.11", "1.36.0")] == ["1.36", "1.9", "1.36"]


@pytest.mark.parametrize(("here", "there", "hops"), [("1.35.4", "1.36.0", 1), ("1.35.4", "1.35.9", 0), ("1.35.4", "1.33.9", -2)])
def test_hops_are_counted_in_minors_whatever_the_patches(here: str, there: str, hops: int) -> None:
    assert v(here).hops_to(v(there)) == hops


BAD = [
    "", "1", "1.36", "1.36.", ".36.4", "1.36.4.0", "1..4", "v1.36.4", "1.36.4-preview", "1.36.4+aks", " 1.36.4", "1.36.4 ", "1.36.4\n",
    "1,36,4", "1.-36.4", "1.36.x", "latest", "None", "1.36.\u0664", "\uff11.36.4", "1.1234.4", "1.36.12345", "123.36.4",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_version_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no version such as 1\.36\.4") as refused:
        v(text)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


def test_a_long_text_that_is_no_version_is_shown_short() -> None:
    with pytest.raises(ValueError, match="is no version") as refused:
        v("1" * 10_000)
    assert len(str(refused.value)) < 100


# ---- offers

OFFER = an_offer("1.35.6", "1.35.10", "1.36.1", previews=("1.36.2", "1.37.0"))


def test_an_offer_is_searched_for_a_version_and_knows_a_preview() -> None:
    found = OFFER.find(v("1.36.2"))
    assert found is not None
    assert (found.version, found.preview) == (v("1.36.2"), True)
    assert OFFER.find(v("1.36.3")) is None
    assert Offer(targets=()).find(v("1.36.1")) is None


@pytest.mark.parametrize(("family", "wanted"), [("1.35", "1.35.10"), ("1.36", "1.36.1"), ("1.37", None), ("1.3", None), ("1.34", None)])
def test_the_newest_of_a_minor_is_the_highest_patch_that_is_no_preview(family: str, wanted: str | None) -> None:
    found = OFFER.newest(family)
    assert (None if found is None else str(found.version)) == wanted

"""Resource groups beside their making and their end: tags, and finding them by tags."""

import pytest

from tests.local.arm.asking import CLUSTER, GROUP, ROOT, an_asker, code


def test_a_patch_replaces_the_tags_and_nothing_else() -> None:
    asker = an_asker()
    asker.put(GROUP, {"location": "centralus", "tags": {"a": "1"}})
    patched = asker.ask("PATCH", GROUP, {"tags": {"b": "2"}})
    assert (patched.status, patched.document["tags"], patched.document["location"]) == (200, {"b": "2"}, "centralus")
    assert asker.ask("PATCH", GROUP, {}).document["tags"] == {"b": "2"}
    assert asker.get(GROUP).document["tags"] == {"b": "2"}


def test_a_put_without_tags_keeps_them_and_with_none_inside_takes_them_away() -> None:
    asker = an_asker()
    asker.put(GROUP, {"location": "centralus", "tags": {"a": "1"}})
    assert asker.put(GROUP, {"location": "centralus"}).document["tags"] == {"a": "1"}
    assert asker.put(GROUP, {"location": "centralus", "tags": {}}).document["tags"] == {}


@pytest.mark.parametrize("tags", [["a"], "a", 5, {"a": 1}, {"a": None}])
def test_tags_are_texts_by_name(tags: object) -> None:
    asker = an_asker().with_group()
    assert code(asker.put(GROUP, {"location": "centralus", "tags": tags})) == (400, "InvalidRequestContent")
    assert code(asker.ask("PATCH", GROUP, {"tags": tags})) == (400, "InvalidRequestContent")
    assert "tags" not in asker.get(GROUP).document


def test_a_group_that_is_not_there_or_going_is_not_patched() -> None:
    asker = an_asker()
    assert code(asker.ask("PATCH", GROUP, {"tags": {}})) == (404, "ResourceGroupNotFound")
    asker.with_cluster()
    asker.delete(GROUP)
    assert code(asker.ask("PATCH", GROUP, {"tags": {}})) == (409, "ResourceGroupBeingDeleted")
    assert asker.get(CLUSTER).status == 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("tagName eq 'season'", ["north", "south"]),
        ("TAGNAME eq 'SEASON'", ["north", "south"]),
        ("tagName eq 'season' and tagValue eq 'winter'", ["north"]),
        ("tagName eq 'season' and tagValue eq 'Winter'", []),
        ("tagName eq 'other'", []),
    ],
)
def test_groups_are_found_by_tag(asked: str, found: list[str]) -> None:
    asker = an_asker()
    for name, tags in (("north", {"season": "winter"}), ("south", {"season": "summer"}), ("bare", None)):
        asker.put(f"{ROOT}/resourceGroups/{name}", {"location": "centralus", "tags": tags})
    url = f"{ROOT}/resourceGroups?api-version=2024-11-01&$filter={asked}"
    assert [group["name"] for group in asker.get(url).document["value"]] == found


def test_a_filter_that_cannot_be_read_is_refused() -> None:
    assert code(an_asker().get(f"{ROOT}/resourceGroups?api-version=2024-11-01&$filter=name eq 'a'")) == (400, "InvalidFilterInQueryString")

"""Routes: templates, constraints, the order of the table, and the path as the web server decodes it."""

import pytest

from local.host.routing import BadRoute, Route, RouteTable, decoded_path, full_route, parse_template

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/orders", "api/orders", {}),
        ("api/Orders", "API/oRDERS", {}),
        ("api/orders", "api/orders/", {}),
        ("api/orders", "api/orders/5", None),
        ("api/orders", "api", None),
        ("api/{id}", "api/5", {"id": "5"}),
        ("api/{Id}", "api/aB", {"Id": "aB"}),
        ("api/{id}", "api/", None),
        ("api/{id}", "api//", None),
        ("api/{id}/x", "api//x", None),
        ("api/{id?}", "api", {}),
        ("api/{id?}", "api/5", {"id": "5"}),
        ("api/{id=7}", "api", {"id": "7"}),
        ("api/{id=7}", "api/8", {"id": "8"}),
        ("api/{id:int=7}", "api/x", None),
        ("api/{*rest}", "api", {}),
        ("api/{*rest}", "api/a/b/", {"rest": "a/b/"}),
        ("api/{**rest}", "api/a/b", {"rest": "a/b"}),
        ("api/{*rest=all}", "api", {"rest": "all"}),
        ("api/{id:int}/{*rest}", "api/5/a", {"id": "5", "rest": "a"}),
        ("api/{id:int?}", "api", {}),
        ("api/{id:int?}", "api/x", None),
        ("files/{name}.{ext}", "files/a.b.c", {"name": "a.b", "ext": "c"}),
        ("files/{name}.{ext?}", "files/abc", {"name": "abc"}),
        ("files/{name}.{ext?}", "files/a.c", {"name": "a", "ext": "c"}),
        ("v{major}-{minor}", "V1-2", {"major": "1", "minor": "2"}),
        ("v{major}", "1", None),
        ("a{{b}}", "A{B}", {}),
        ("{day:regex(^\\d{{2}}$)}", "12", {"day": "12"}),
        ("{day:regex(^(a|b)/c$)}", "a/c", None),
        ("", "", {}),
        ("", "x", None),
    ],
)
def test_a_template_captures_what_it_names_and_nothing_else(template: str, path: str, values: dict[str, str] | None) -> None:
    assert parse_template(template).values(path) == values


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", ["0", "-7", "2147483647"], ["2147483648", "1.5", "x", "1_0", "\u0663"]),
        ("long", ["2147483648", "-9223372036854775808"], ["9223372036854775808", "x"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("guid", [GUID, GUID.replace("-", ""), "{" + GUID + "}", "(" + GUID.upper() + ")"], [GUID[:-1], "{" + GUID, "x"]),
        ("decimal", ["1.5", "-2", ".5"], ["1e5", "x", "9" * 30]),
        ("double", ["1.5", "1e5", "NaN"], ["x", "1.2.3"]),
        ("float", ["1.5"], ["x"]),
        ("datetime", ["2026-11-23", "2026-11-23T10:00:00Z", "11-23-2026"], ["23-23-2026", "x"]),
        ("alpha", ["abc", "ABC"], ["a1", "é", "a-b"]),
        ("minlength(2)", ["ab", "abc"], ["a"]),
        ("maxlength(2)", ["a", "ab"], ["abc"]),
        ("length(2)", ["ab"], ["a", "abc"]),
        ("length(1,2)", ["a", "ab"], ["abc"]),
        ("min(3)", ["3", "4"], ["2", "x"]),
        ("max(3)", ["3", "-4"], ["4", "x"]),
        ("range(1,3)", ["1", "3"], ["0", "4", "x"]),
        ("regex(^a.c$)", ["abc", "AXC"], ["abcd", "b"]),
        ("required", ["x"], []),
        ("INT", ["5"], ["x"]),
    ],
)
def test_a_constraint_lets_pass_what_it_says(constraint: str, good: list[str], bad: list[str]) -> None:
    template = parse_template("{value:" + constraint + "}")
    assert [value for value in good if template.values(value) is None] == []
    assert [value for value in bad if template.values(value) is not None] == []


@pytest.mark.parametrize(
    "template",
    [
        "api//a",
        "api/{a",
        "api/a}",
        "api/{a{b}",
        "{a}{b}",
        "{*rest}/more",
        "x{*rest}",
        "{*rest?}",
        "{a?}x",
        "{a=1?}",
        "{a}/{A}",
        "{}",
        "{a*}",
        "{***a}",
        "what?",
        "{a:unknown}",
        "{a:int(5)}",
        "{a:range(3,1)}",
        "{a:length}",
        "{a:min(x)}",
        "{a:regex([)}",
        "{a:min(1}",
    ],
)
def test_a_template_that_means_nothing_is_refused(template: str) -> None:
    with pytest.raises(BadRoute):
        parse_template(template)


def table(*routes: tuple[str, str] | tuple[str, str, str]) -> RouteTable:
    return RouteTable.of(
        Route(function=route[0], template=parse_template(route[1]), methods=frozenset(route[2].split()) if len(route) == 3 else None)
        for route in routes
    )


def matched(routes: RouteTable, path: str, method: str = "GET") -> str | None:
    found = routes.match(method, path)
    return found.function if found else None


def test_the_first_function_by_name_wins_even_over_a_better_route() -> None:
    routes = table(("b_stats", "orders/stats"), ("a_item", "orders/{id}"))
    assert matched(routes, "/orders/stats") == "a_item"


def test_names_are_ordered_without_case_and_an_underscore_comes_after_letters() -> None:
    routes = table(("a_b", "{x}"), ("aC", "{x}"), ("Ab", "{x}"))
    assert [route.function for route in routes.routes] == ["Ab", "aC", "a_b"]


def test_a_constraint_lets_a_later_function_have_the_path() -> None:
    routes = table(("a_item", "orders/{id:guid}"), ("b_stats", "orders/stats"))
    assert matched(routes, "/orders/stats") == "b_stats"


def test_a_method_that_is_not_listed_is_no_match() -> None:
    routes = table(("read", "x", "GET"), ("write", "x", "POST"))
    assert matched(routes, "/x", "post") == "write"
    assert matched(routes, "/x", "DELETE") is None


@pytest.mark.parametrize(
    ("prefix", "route", "full"),
    [
        ("api", "a/b", "api/a/b"),
        ("", "a", "a"),
        ("api", None, "api/run"),
        ("v1/x", "", "v1/x/run"),
        ("api", "/a", "api//a"),
        ("api", " ", "api/run"),
    ],
)
def test_the_prefix_comes_before_the_route_or_the_name(prefix: str, route: str | None, full: str) -> None:
    assert full_route(prefix, route, "run") == full


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/a%20b", "/a b"),
        ("/a%2Fb%2fc", "/a%2Fb%2fc"),
        ("/%C3%A9", "/é"),
        ("/%FF", "/%FF"),
        ("/a/../b", "/b"),
        ("/a/%2e%2E/b/.", "/b/"),
        ("/../../b", "/b"),
        ("/a/..", "/"),
        ("/a%00", None),
        ("/a+b", "/a+b"),
    ],
)
def test_a_path_is_decoded_as_the_web_server_does_it(raw: str, path: str | None) -> None:
    assert decoded_path(raw) == path

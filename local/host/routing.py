"""Routes of the Functions host: parsing a template, matching a path, and the order in which functions are asked.

There is no precedence among routes: functions are asked in the order of their names and the first that matches wins. Nothing here serves a
request.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from local.host.constraints import BadConstraint, Constraint, constraint

_ESCAPE = re.compile(rb"%(?!2[fF])[0-9a-fA-F]{2}")
_NAME = re.compile(r"[^/{}?*]+")


class BadRoute(ValueError):  # noqa: N818 - it says what is; the message says why
    """The route template cannot be read; the real host does not start with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A `{parameter}` of a template."""

    name: str
    catch_all: bool = False
    optional: bool = False
    default: str | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def may_be_absent(self) -> bool:
        """Whether a path that ends before it still matches."""
        return self.optional or self.catch_all or self.default is not None


Segment = tuple[str | Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed route template; each segment is a tuple of literal texts and parameters."""

    text: str
    segments: tuple[Segment, ...]

    def values(self, path: str) -> dict[str, str] | None:
        """The route values when `path` (decoded, without the leading slash) matches; None when it does not, or a constraint fails."""
        found = self._captured(path.split("/") if path else [])
        if found is None:
            return None
        for parameter in self.parameters:
            value = found.get(parameter.name)
            if value is None and parameter.optional:
                continue
            if not all(value is not None and passes(value) for passes in parameter.constraints):
                return None
        return found

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, from left to right."""
        return tuple(part for segment in self.segments for part in segment if isinstance(part, Parameter))

    def _captured(self, parts: Sequence[str]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        whole = parts
        if parts and not parts[-1]:
            parts = parts[:-1]  # a slash at the end counts only for a catch-all
        for number, segment in enumerate(self.segments):
            only = segment[0] if len(segment) == 1 else None
            if isinstance(only, Parameter) and only.catch_all:
                _put(found, only, "/".join(whole[number:]))
                return found
            part = parts[number] if number < len(parts) else ""
            if isinstance(only, Parameter):
                if not part and not only.may_be_absent:
                    return None
                _put(found, only, part)
            elif not _segment_matches(segment, part, found):
                return None
        return found if len(parts) <= len(self.segments) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP function's place in the table; `methods` is None when it takes every method."""

    function: str
    template: Template
    methods: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The function that takes a request, and the values its route captured."""

    function: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """All routes of an app in the order in which the host asks them."""

    routes: tuple[Route, ...] = field(default=())

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "RouteTable":
        """The table of `routes`, sorted by the functions' names without regard to case, as .NET's ordinal comparison sorts."""
        return cls(routes=tuple(sorted(routes, key=lambda route: by_name(route.function))))

    def match(self, method: str, path: str) -> Match | None:
        """The first function whose route takes `method` and `path` (decoded, with or without leading slash); a wrong method is no match."""
        path = path.removeprefix("/")
        for route in self.routes:
            if route.methods is not None and method.upper() not in route.methods:
                continue
            values = route.template.values(path)
            if values is not None:
                return Match(function=route.function, values=values)
        return None


def by_name(function: str) -> str:
    """The sort key of .NET's OrdinalIgnoreCase: upper case, so that `_` comes after every letter."""
    return function.upper()


def full_route(prefix: str, route: str | None, function: str) -> str:
    """The template that the host registers: the prefix, a slash, and the route or else the function's name."""
    own = route if route and route.strip() else function
    return f"{prefix}/{own}" if prefix else own


def decoded_path(raw: str) -> str | None:
    """`raw` as the host's web server decodes it: escapes resolved except `%2F`, dot segments removed; None when it is refused (a NUL)."""
    data = _ESCAPE.sub(lambda found: unquote_to_bytes(found[0]), raw.encode())
    if b"\0" in data:
        return None
    try:
        path = data.decode()
    except UnicodeDecodeError:
        path = raw  # escapes that spell no text are left as they came
    kept: list[str] = []
    parts = path.split("/")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "..":
            kept = kept[:1] if len(kept) < 2 else kept[:-1]
        elif part != ".":
            kept.append(part)
            continue
        if last:
            kept.append("")
    return "/".join(kept)


def parse_template(text: str) -> Template:
    """The template that `text` spells in ASP.NET Core's notation; BadRoute when it has no meaning there."""
    trimmed = text.removeprefix("~").removeprefix("/")
    if not trimmed:
        return Template(text=text, segments=())
    segments = tuple(_segment(part, text) for part in _split(trimmed.removesuffix("/"), text))
    template = Template(text=text, segments=segments)
    names = [parameter.name.lower() for parameter in template.parameters]
    if len(set(names)) != len(names):
        raise _bad(text, "a parameter name occurs twice")
    for segment in segments[:-1]:
        if any(isinstance(part, Parameter) and part.catch_all for part in segment):
            raise _bad(text, "a catch-all parameter must be the last segment")
    return template


def _split(text: str, whole: str) -> list[str]:
    """Cut at the slashes that are not inside a parameter (a regular expression may hold one)."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == "/" and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    if "" in parts:
        raise _bad(whole, "the separator '/' cannot appear consecutively")
    return parts


def _segment(text: str, whole: str) -> Segment:
    parts: list[str | Parameter] = []
    literal, place = "", 0
    while place < len(text):
        if text.startswith(("{{", "}}"), place):
            literal += text[place]
            place += 2
        elif text[place] == "}":
            raise _bad(whole, "a brace is closed that was not opened")
        elif text[place] == "{":
            if literal:
                parts.append(literal)
                literal = ""
            end = _closing(text, place, whole)
            parts.append(_parameter(text[place + 1 : end].replace("{{", "{").replace("}}", "}"), whole))
            place = end + 1
        else:
            literal += text[place]
            place += 1
    if literal:
        parts.append(literal)
    _check_segment(parts, whole)
    return tuple(parts)


def _closing(text: str, start: int, whole: str) -> int:
    place = start + 1
    while place < len(text):
        if text.startswith(("{{", "}}"), place):
            place += 2
        elif text[place] == "{":
            raise _bad(whole, "a brace is opened inside a parameter")
        elif text[place] == "}":
            return place
        else:
            place += 1
    raise _bad(whole, "a brace is opened that is not closed")


def _check_segment(parts: list[str | Parameter], whole: str) -> None:
    for place, part in enumerate(parts):
        if isinstance(part, str):
            if "?" in part:
                raise _bad(whole, "a literal cannot contain '?'")
            continue
        if place and isinstance(parts[place - 1], Parameter):
            raise _bad(whole, "two parameters must have a text between them")
        if part.catch_all and len(parts) > 1:
            raise _bad(whole, "a segment with more than one part cannot have a catch-all parameter")
        if part.optional and len(parts) > 1 and (place != len(parts) - 1 or parts[place - 1] != "."):
            raise _bad(whole, "an optional parameter ends its segment and follows a period")


def _parameter(text: str, whole: str) -> Parameter:
    stars = len(text) - len(text.lstrip("*"))
    rest = text[stars:]
    optional = rest.endswith("?")
    rest = rest.removesuffix("?")
    end = min((place for place in (rest.find(":"), rest.find("=")) if place >= 0), default=len(rest))
    name, rest = rest[:end], rest[end:]
    if stars > 2 or not _NAME.fullmatch(name):
        raise _bad(whole, f"{name!r} is no name of a parameter")
    constraints: list[Constraint] = []
    while rest.startswith(":"):
        made, rest = _constraint(rest[1:], whole)
        constraints.append(made)
    default = rest[1:] if rest.startswith("=") else None
    if optional and (default is not None or stars):
        raise _bad(whole, f"the parameter {name!r} cannot be optional as well")
    return Parameter(name=name, catch_all=stars > 0, optional=optional, default=default, constraints=tuple(constraints))


def _constraint(text: str, whole: str) -> tuple[Constraint, str]:
    """The constraint at the start of `text`, and what follows it. An argument ends at the `)` before the end, `:` or `=`."""
    found = re.match(r"(?P<name>[^:=(]*)(?:\((?P<argument>.*?)\)(?=$|:|=))?", text, re.DOTALL)
    if found is None or text[found.end() :].startswith("("):
        raise _bad(whole, f"the constraint {text!r} is not closed")
    try:
        return constraint(found["name"], found["argument"]), text[found.end() :]
    except BadConstraint as error:
        raise _bad(whole, str(error)) from None


def _segment_matches(segment: Segment, part: str, found: dict[str, str]) -> bool:
    """Match a literal, or a segment of several parts; with several, each parameter but the last takes as much as it can."""
    if len(segment) == 1:
        return isinstance(segment[0], str) and segment[0].lower() == part.lower()
    parameters = [piece for piece in segment if isinstance(piece, Parameter)]
    pattern = "".join(re.escape(piece) if isinstance(piece, str) else "(.+)" for piece in segment)
    matched = re.fullmatch(pattern, part, re.IGNORECASE | re.DOTALL)
    if matched is None and parameters and parameters[-1].optional:
        parameters = parameters[:-1]
        pattern = "".join(re.escape(piece) if isinstance(piece, str) else "(.+)" for piece in segment[:-2])
        matched = re.fullmatch(pattern, part, re.IGNORECASE | re.DOTALL)
    if matched is None:
        return False
    found.update({parameter.name: value for parameter, value in zip(parameters, matched.groups(), strict=True)})
    return True


def _put(found: dict[str, str], parameter: Parameter, value: str) -> None:
    if value:
        found[parameter.name] = value
    elif parameter.default is not None:
        found[parameter.name] = parameter.default


def _bad(text: str, why: str) -> BadRoute:
    message = f"the route {text!r} cannot be used: {why}"
    return BadRoute(message)

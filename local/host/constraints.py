"""The constraints that a route may put on a parameter, as ASP.NET Core defines them; it judges single values and knows no routes."""

import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation

Constraint = Callable[[str], bool]
"""Answers whether a route value satisfies it."""

_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)\s*", re.ASCII)
_REAL = re.compile(r"\s*[+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_GUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOT_NUMBERS = frozenset({"nan", "infinity", "-infinity", "∞", "-∞"})
_DATES = (
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y/%m/%d",
    "%d %B %Y",
)
_DECIMAL_LIMIT = Decimal(2) ** 96


class BadConstraint(ValueError):  # noqa: N818 - it says what is; the message says why
    """The route names a constraint that does not exist, or gives it arguments that it cannot take."""


def constraint(name: str, argument: str | None) -> Constraint:
    """The test that `name(argument)` stands for in a route; BadConstraint when the host would refuse to start with it."""
    if argument is None and (simple := _SIMPLE.get(name.lower())):
        return simple
    if argument is not None and name.lower() in _WITH_ARGUMENT:
        try:
            return _WITH_ARGUMENT[name.lower()](argument)
        except (ValueError, re.error) as error:
            message = f"the route constraint {name}({argument}) cannot be read: {error}"
            raise BadConstraint(message) from None
    message = f"there is no route constraint {name if argument is None else f'{name}({argument})'!r}"
    raise BadConstraint(message)


def _whole(bits: int) -> Constraint:
    limit = 2 ** (bits - 1)
    return lambda value: _INTEGER.fullmatch(value) is not None and -limit <= int(value) < limit


def _boolean(value: str) -> bool:
    return value.strip().lower() in {"true", "false"}


def _decimal(value: str) -> bool:
    if _DECIMAL.fullmatch(value) is None:
        return False
    with suppress(InvalidOperation):
        return abs(Decimal(value.replace(",", ""))) < _DECIMAL_LIMIT
    return False


def _real(value: str) -> bool:
    return _REAL.fullmatch(value) is not None or value.strip().lower() in _NOT_NUMBERS


def _instant(value: str) -> bool:
    with suppress(ValueError):
        datetime.fromisoformat(value.strip())
        return True
    for form in _DATES:
        with suppress(ValueError):
            datetime.strptime(value.strip(), form)  # noqa: DTZ007 - only whether it can be read is asked
            return True
    return False


def _guid(value: str) -> bool:
    text = value.strip()
    if (text.startswith("{") and text.endswith("}")) or (text.startswith("(") and text.endswith(")")):
        return _GUID.fullmatch(text[1:-1]) is not None and "-" in text
    return _GUID.fullmatch(text) is not None and uuid.UUID(text) is not None


def _alpha(value: str) -> bool:
    return all("a" <= letter <= "z" for letter in value.lower())


def _least_length(argument: str) -> Constraint:
    least = int(argument)
    return lambda value: len(value) >= least


def _most_length(argument: str) -> Constraint:
    most = int(argument)
    return lambda value: len(value) <= most


def _length(argument: str) -> Constraint:
    least, most = _pair(argument) if "," in argument else (int(argument), int(argument))
    return lambda value: least <= len(value) <= most


def _least(argument: str) -> Constraint:
    least = int(argument)
    return lambda value: _WHOLE_64(value) and int(value) >= least


def _most(argument: str) -> Constraint:
    most = int(argument)
    return lambda value: _WHOLE_64(value) and int(value) <= most


def _range(argument: str) -> Constraint:
    least, most = _pair(argument)
    return lambda value: _WHOLE_64(value) and least <= int(value) <= most


def _pair(argument: str) -> tuple[int, int]:
    least, most = (int(part) for part in argument.split(","))
    if least > most:
        message = f"{least} is more than {most}"
        raise ValueError(message)
    return least, most


def _pattern(argument: str) -> Constraint:
    pattern = re.compile(argument, re.IGNORECASE)
    return lambda value: pattern.search(value) is not None


_WHOLE_64 = _whole(64)
_SIMPLE: dict[str, Constraint] = {
    "int": _whole(32),
    "long": _WHOLE_64,
    "bool": _boolean,
    "datetime": _instant,
    "decimal": _decimal,
    "double": _real,
    "float": _real,
    "guid": _guid,
    "alpha": _alpha,
    "required": bool,
}
_WITH_ARGUMENT: dict[str, Callable[[str], Constraint]] = {
    "minlength": _least_length,
    "maxlength": _most_length,
    "length": _length,
    "min": _least,
    "max": _most,
    "range": _range,
    "regex": _pattern,
}

"""Access keys: who a request is, from its key, and whether that is enough for a function; it never says a key aloud.

Without `--auth` nobody asks: as under Core Tools, everybody is an administrator.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from local.host.settings import HostError


class Level(Enum):
    """What a key was found to be; `opens` says what that is good for."""

    ANONYMOUS = 0
    FUNCTION = 1
    SYSTEM = 2
    ADMIN = 3


_NEEDED = {"anonymous": Level.ANONYMOUS, "function": Level.FUNCTION, "admin": Level.ADMIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one app: the master key, the host's function and system keys by name, and those of single functions."""

    master: str = field(repr=False)
    host: Mapping[str, str] = field(default_factory=dict, repr=False)
    system: Mapping[str, str] = field(default_factory=dict, repr=False)
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def generated(cls) -> "Keys":
        """New ones."""
        return cls(master=secrets.token_urlsafe(32), host={"default": secrets.token_urlsafe(32)})

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """The keys in a JSON file of the form that `said` answers; HostError where it cannot be read."""
        try:
            document: Any = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                master=document["masterKey"],
                host=document.get("functionKeys", {}),
                system=document.get("systemKeys", {}),
                functions={name.lower(): keys for name, keys in document.get("functions", {}).items()},
            )
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            message = f"the keys in {path} cannot be used ({type(error).__name__}); want masterKey, functionKeys, systemKeys, functions"
            raise HostError(message) from None

    def said(self) -> dict[str, Any]:
        """All of them as JSON, for the person who started the host."""
        functions = {name: dict(keys) for name, keys in self.functions.items()}
        return {"masterKey": self.master, "functionKeys": dict(self.host), "systemKeys": dict(self.system), "functions": functions}

    def level(self, key: str | None, *, function: str | None) -> Level:
        """What `key` makes of a request to `function`, or of one to the host when that is None."""
        if not key:
            return Level.ANONYMOUS
        if _same(key, self.master):
            return Level.ADMIN
        if any(_same(key, known) for known in self.system.values()):
            return Level.SYSTEM
        own = self.functions.get(function.lower(), {}) if function else {}
        if any(_same(key, known) for known in [*self.host.values(), *own.values()]):
            return Level.FUNCTION
        return Level.ANONYMOUS


def opens(level: Level, asked: Level) -> bool:
    """Whether a request of `level` may pass where `asked` is asked for: the very level, or any for an administrator.

    The levels are no ladder: a system key, which extensions use for their own webhooks, opens no function.
    """
    return asked is Level.ANONYMOUS or level is Level.ADMIN or level is asked


def needed(auth_level: str) -> Level:
    """The level that a binding's `authLevel` asks for; an unknown word asks for a function key."""
    return _NEEDED.get(auth_level.lower(), Level.FUNCTION)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())

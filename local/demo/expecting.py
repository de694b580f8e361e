"""What was expected and what came: each expectation is one line, and the sum of them decides how the demo ends."""

from dataclasses import dataclass, field

from local.demo.screen import Screen


class BrokenError(RuntimeError):
    """The demo cannot go on; the message says what was expected and what came."""


@dataclass(slots=True, kw_only=True)
class Expectations:
    """The expectations so far."""

    screen: Screen
    met: int = 0
    missed: list[str] = field(default_factory=list)

    def same(self, what: str, *, wanted: object, found: object) -> None:
        """Expect `found` to be `wanted`; `what` says it in words."""
        self.true(what, so=wanted == found, wanted=wanted, found=found)

    def true(self, what: str, *, so: bool, wanted: object, found: object) -> None:
        """Expect that `so` holds; `wanted` and `found` say what was expected and what came where it does not."""
        if so:
            self.met += 1
            self.screen.right(what)
        else:
            missed = f"{what}: expected {_shown(wanted)}, came {_shown(found)}"
            self.missed.append(missed)
            self.screen.wrong(missed)

    def done(self) -> None:
        """At the end of an act: raise `BrokenError` if anything so far was not as expected, because later acts build on earlier ones."""
        if self.missed:
            message = "the acts that follow build on this one and are left out"
            raise BrokenError(message)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)

"""What of a letter is shown to people: its beginning, with what looks like a secret blotted out. Must not change what is kept or sent."""

import base64
import binascii
import json
import re
from typing import Any

from shared.model.letters import Letter, ShownLetter

SHOWN = 1000
"""Characters of a text that are shown."""
_LOOKED_AT = 4 * SHOWN
"""Characters that are searched for secrets, so that no text can make the search long."""
BLOT = "(hidden)"
_NAME = (
    r"[\w.-]{0,40}(?:passw|passphrase|secret|token|credential|kubeconfig|authorization|api_?-?key|access_?-?key|account_?-?key|private_?-?key"
    r"|signature|connection_?-?string)[\w.-]{0,40}"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_NAMED = re.compile(rf"""({_NAME}\\*["']?\s*[:=]\s*)([\[{{].*|\\*"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'}}]+)""", re.IGNORECASE | re.DOTALL)
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_SIGNED = re.compile(r"\b(sig=)[^&\s\"']+", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL)
_TOKEN = re.compile(r"\beyJ[\w-]{10,}(?:\.[\w-]*){0,4}")


def as_shown(letter: Letter) -> ShownLetter:
    """A letter as people may see it."""
    return ShownLetter(
        id=letter.id,
        queue=letter.queue,
        reason=shown(letter.reason),
        text=shown(letter.text),
        length=len(letter.text),
        requeueable=not letter.cut,
        filed_at=letter.filed_at,
        operation=letter.operation,
    )


def shown(text: str) -> str:
    """A text as people may see it: at most 1000 characters; a message that is base64 of a text is shown as that text."""
    plain = _plain(text)
    try:
        plain = json.dumps(_blotted(json.loads(plain)), ensure_ascii=False)
    except (ValueError, RecursionError):
        plain = _without(plain)
    # What another program reads must be a text it can write: half a pair of surrogates is none.
    return plain[:SHOWN].encode("utf-8", "replace").decode()


def _plain(text: str) -> str:
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except (ValueError, binascii.Error):
        return text


def _blotted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            return {_without(name): BLOT if _SECRET_NAME.search(name[:_LOOKED_AT]) else _blotted(item) for name, item in value.items()}
        case list():
            return [_blotted(item) for item in value]
        case str():
            return _without(value)
        case _:
            return value


def _without(text: str) -> str:
    """The beginning of a text without what looks like a secret in it."""
    kept = text[:_LOOKED_AT]
    for pattern, instead in ((_PEM, BLOT), (_BEARER, rf"\1 {BLOT}"), (_SIGNED, rf"\1{BLOT}"), (_TOKEN, BLOT), (_NAMED, rf"\1{BLOT}")):
        kept = pattern.sub(instead, kept)
    return kept

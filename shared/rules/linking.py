"""Tokens of status links: each opens one operation and nothing else. Pure; must not know where a link leads.

A token is an HMAC-SHA256 of the operation's id, so nothing is stored of it, and whoever lacks the key can make none. What is signed names
its purpose: a token of any other use of the same key would be another one.
"""

import base64
import hmac

PURPOSE = "tidekeeper: read the status of one operation"


def token(key: str, operation_id: str) -> str:
    """The token that opens the operation: 256 bits as 43 characters of base64url."""
    signed = hmac.digest(key.encode(), f"{PURPOSE}\n{operation_id}".encode(errors="replace"), "sha256")
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def opens(key: str, operation_id: str, given: str) -> bool:
    """Whether a token was made for the operation, to the letter. How long it takes does not tell how much of it is right."""
    return hmac.compare_digest(token(key, operation_id).encode(), given.encode(errors="replace"))

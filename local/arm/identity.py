"""The managed identity of this machine: App Service's token endpoint, and what ARM thinks of a bearer token. Tokens live in real time.

Tokens are well-formed but unsigned JWTs. That one came from here is told by the claim `uti`, which only a world with this seed makes.
"""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from local.arm.wire import Json, Reply, Request, reply

LIFETIME = 24 * 3600
"""Seconds that a token lives: what App Service gives a managed identity."""

_AUDIENCES = frozenset({"https://management.azure.com", "https://management.core.windows.net"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One system-assigned identity; `clock` gives real seconds since 1970, `secret` is what X-IDENTITY-HEADER must say (None: anything)."""

    seed: int
    clock: Callable[[], float]
    secret: str | None = None

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        return self._named("tenant")

    @property
    def principal(self) -> str:
        """The object id of the identity: the principal that ARM counts requests for."""
        return self._named("principal")

    @property
    def client(self) -> str:
        """The application (client) id of the identity."""
        return self._named("client")

    def token(self, audience: str, lifetime: int = LIFETIME) -> str:
        """A bearer token for an audience, good for `lifetime` real seconds (below 0: it has expired)."""
        now = int(self.clock())
        claims: Json = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": self.client,
            "idtyp": "app",
            "oid": self.principal,
            "sub": self.principal,
            "tid": self.tenant,
            "ver": "1.0",
        }
        claims["uti"] = self._mark(claims)
        return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."

    def objection(self, authorization: str | None, own_host: str) -> tuple[str, str] | None:
        """ARM's error code and message for an Authorization header; None if the token is one of ours, for ARM, and not expired."""
        if not authorization:
            return "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return "AuthenticationFailed", "Authentication failed. The 'Authorization' header is provided in an invalid format."
        claims = _claims(token)
        if claims is None or not hmac.compare_digest(str(claims.pop("uti", "")), self._mark(claims)):
            return "InvalidAuthenticationToken", "The access token is invalid."
        audience = str(claims["aud"]).rstrip("/")
        if audience not in _AUDIENCES | {f"https://{own_host}"}:
            allowed = ",".join(f"'{name}'" for name in sorted(_AUDIENCES))
            message = f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should be one of {allowed}."
            return "InvalidAuthenticationTokenAudience", message
        if claims["exp"] <= self.clock():
            return "ExpiredAuthenticationToken", "The access token has expired."
        return None

    def endpoint(self, request: Request) -> Reply:
        """Answer App Service's token endpoint (api-version 2019-08-01): `resource` in the query, the secret in X-IDENTITY-HEADER."""
        if request.method != "GET":
            return _refused(405, "Only GET is supported.")
        query = {name: values[-1] for name, values in parse_qs(urlsplit(request.url).query).items()}
        header = request.headers.get("x-identity-header")
        if header is None or (self.secret is not None and not hmac.compare_digest(header.encode(), self.secret.encode())):
            return _refused(401, "The X-IDENTITY-HEADER header is missing or wrong.")
        if query.get("api-version") != "2019-08-01":
            return _refused(400, "Unsupported api-version: want 2019-08-01.")
        if "resource" not in query:
            return _refused(400, "The query parameter 'resource' is missing.")
        if {"principal_id", "mi_res_id"} & query.keys() or query.get("client_id", self.client) != self.client:
            return _refused(400, "There is no such user-assigned identity here, only the system-assigned one.")
        return reply(
            200,
            {
                "access_token": self.token(query["resource"]),
                "expires_on": str(int(self.clock()) + LIFETIME),
                "resource": query["resource"],
                "token_type": "Bearer",
                "client_id": self.client,
            },
        )

    def _named(self, what: str) -> str:
        return str(uuid.UUID(bytes=hashlib.sha256(f"{self.seed}/{what}".encode()).digest()[:16], version=4))

    def _mark(self, claims: Json) -> str:
        text = json.dumps(claims, sort_keys=True)
        return hmac.new(f"{self.seed}/tokens".encode(), text.encode(), hashlib.sha256).hexdigest()[:22]


def _segment(content: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _claims(token: str) -> Json | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) and "aud" in claims and isinstance(claims.get("exp"), int) else None


def _refused(status: int, message: str) -> Reply:
    return reply(status, {"statusCode": status, "message": message})

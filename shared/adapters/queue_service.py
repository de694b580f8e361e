"""Storage queues by their REST API: put a message, make a queue. That is all the app does with them; it must not decide what to send.

The SDK for queues stays out of what ships: the app never reads a queue (the host does), and a start would pay for it before it answers.
"""

import base64
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from azure.core.credentials import AzureSasCredential, TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError, map_error
from azure.core.pipeline import Pipeline, PipelineRequest
from azure.core.pipeline.policies import (
    AzureSasCredentialPolicy,
    BearerTokenCredentialPolicy,
    CustomHookPolicy,
    HeadersPolicy,
    HTTPPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from azure.core.utils import parse_connection_string

VERSION = "2021-12-02"
AUDIENCE = "https://storage.azure.com/.default"
LEAST_ERROR = 300
DEVELOPMENT = (
    "AccountName=devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""What `UseDevelopmentStorage=true` stands for; the key is published and guards nothing."""


Signing = SansIOHTTPPolicy[Any, Any] | HTTPPolicy[Any, Any]


class SharedKey(SansIOHTTPPolicy[HttpRequest, Any]):
    """Signs requests with an account's key, in the form that Azure calls Shared Key Lite."""

    def __init__(self, account: str, key: str) -> None:
        """Sign for `account` with its base64 `key`."""
        self._account = account
        self._key = base64.b64decode(key)

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Add the date and the signature, which covers it."""
        http = request.http_request
        http.headers["x-ms-date"] = formatdate(usegmt=True)
        named = {name.lower(): value.strip() for name, value in http.headers.items()}
        own = "".join(f"{name}:{value}\n" for name, value in sorted(named.items()) if name.startswith("x-ms-"))
        resource = f"/{self._account}{urlsplit(http.url).path}"
        text = f"{http.method}\n\n{named.get('content-type', '')}\n\n{own}{resource}"
        signature = base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()
        http.headers["Authorization"] = f"SharedKeyLite {self._account}:{signature}"


class QueueService:
    """The queues of one storage account."""

    def __init__(self, url: str, signing: Signing, *, user_agent: str, over: HttpTransport[Any, Any]) -> None:
        """Reach the queues under `url` over `over`, with requests that `signing` makes acceptable."""
        self.url = url.rstrip("/")
        headers = HeadersPolicy({"x-ms-version": VERSION})
        self._pipeline = Pipeline(over, [headers, UserAgentPolicy(user_agent), CustomHookPolicy(), signing])

    @classmethod
    def of_connection(cls, text: str, *, user_agent: str, over: HttpTransport[Any, Any]) -> "QueueService":
        """The queues that a connection string tells of, by key or by signature."""
        parts = parse_connection_string(text)
        if parts.get("usedevelopmentstorage", "").lower() == "true":
            parts = parse_connection_string(DEVELOPMENT)
        url = parts.get("queueendpoint") or _usual_url(parts)
        if "sharedaccesssignature" in parts:
            signing: Signing = AzureSasCredentialPolicy(AzureSasCredential(parts["sharedaccesssignature"]))
        else:
            signing = SharedKey(parts["accountname"], parts["accountkey"])
        return cls(url, signing, user_agent=user_agent, over=over)

    @classmethod
    def of_identity(cls, url: str, identity: TokenCredential, *, user_agent: str, over: HttpTransport[Any, Any]) -> "QueueService":
        """The queues under a URL, with the app's identity."""
        return cls(url, BearerTokenCredentialPolicy(identity, AUDIENCE), user_agent=user_agent, over=over)

    def put(self, queue: str, text: str, *, hidden: int, lives: int) -> None:
        """Put one message, hidden for so many seconds, to live for so many (-1: for ever). Raises `ResourceNotFoundError`, `AzureError`."""
        content = f"<QueueMessage><MessageText>{escape(text, quote=False)}</MessageText></QueueMessage>"
        query = f"visibilitytimeout={hidden}&messagettl={lives}"
        headers = {"Content-Type": "application/xml"}
        self._send(HttpRequest("POST", f"{self._at(queue)}/messages?{query}", content=content.encode(), headers=headers))

    def make(self, queue: str) -> None:
        """Make a queue. Raises `ResourceExistsError`, `AzureError`."""
        self._send(HttpRequest("PUT", self._at(queue)))

    def _at(self, queue: str) -> str:
        return f"{self.url}/{quote(queue, safe='')}"

    def _send(self, request: HttpRequest) -> None:
        response = self._pipeline.run(request).http_response
        if response.status_code >= LEAST_ERROR:
            map_error(response.status_code, response, {404: ResourceNotFoundError, 409: ResourceExistsError})
            raise HttpResponseError(response=response)


def _usual_url(parts: Mapping[str, str]) -> str:
    protocol, suffix = parts.get("defaultendpointsprotocol", "https"), parts.get("endpointsuffix", "core.windows.net")
    return f"{protocol}://{parts['accountname']}.queue.{suffix}"

"""The app's managed identity on App Service and Functions, by the platform's own token endpoint: one request a token, nothing else.

Must not keep tokens: the policies that use them do, and ask again in time. Nothing it was answered is repeated in an error.
"""

import json
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

API = "2019-08-01"
OK = 200


class ManagedIdentity:
    """A `TokenCredential`, as the SDKs call it.

    The protocol is that of learn.microsoft.com/azure/app-service/overview-managed-identity, "REST endpoint reference".
    """

    def __init__(self, endpoint: str, header: str, *, client_id: str | None, over: HttpTransport[Any, Any]) -> None:
        """Ask `endpoint`, which wants to hear `header`, over `over`; `client_id` picks a user-assigned identity."""
        self._endpoint = endpoint
        self._header = header
        self._client_id = client_id
        self._client: PipelineClient[Any, Any] = PipelineClient(endpoint, policies=[RetryPolicy.no_retries()], transport=over)

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A token for the resource of the one scope. Raises `ClientAuthenticationError` where there is none to be had.

        A managed identity has one tenant and takes no claims, so the rest of what an SDK may ask for is passed over.
        """
        asked = {"api-version": API, "resource": scopes[0].removesuffix("/.default")}
        if self._client_id is not None:
            asked["client_id"] = self._client_id
        request = HttpRequest("GET", self._endpoint, params=asked, headers={"X-IDENTITY-HEADER": self._header})
        try:
            response = self._client.send_request(request)
        except AzureError as fault:
            message = f"the managed identity endpoint did not answer ({type(fault).__name__})"
            raise ClientAuthenticationError(message) from fault
        if response.status_code != OK:
            message = f"the managed identity endpoint answered {response.status_code}"
            raise ClientAuthenticationError(message)
        try:
            document = json.loads(response.text())
            return AccessToken(str(document["access_token"]), int(document["expires_on"]))
        except (ValueError, KeyError, TypeError) as fault:
            message = "the managed identity endpoint gave no token"
            raise ClientAuthenticationError(message) from fault

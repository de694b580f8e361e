"""Every Azure client is built here: no hidden retry, no redirect, short timeouts, each call counted. Must not know what is asked of them.

Nothing below the app repeats or waits: the SDKs by default send a PUT twice when it is answered 500, sleep a `Retry-After` inside the call
and block for over a minute when storage is away. Waiting is a queue message's business, and repeating is the engine's.
"""

from typing import TYPE_CHECKING, Any

from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ContentDecodePolicy,
    CustomHookPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import HttpTransport, RequestsTransport

from shared import log
from shared.adapters.identity import ManagedIdentity
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableServiceClient
    from azure.mgmt.containerservice import ContainerServiceClient
    from azure.storage.queue import QueueServiceClient

CONNECT_SECONDS = 5
READ_SECONDS = 30
USER_AGENT = "tidekeeper"


class Counted(HttpTransport[Any, Any]):
    """A transport that counts every request that goes on the wire under one name, for the invocation it belongs to.

    It counts here and not in a policy, because the storage SDKs drop policies on the way from a service's client to a table's or queue's.
    """

    def __init__(self, name: str, over: HttpTransport[Any, Any]) -> None:
        """Count under `name` what goes over `over`."""
        self._name = name
        self.over = over

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the SDK's own transports
        """Count one request and send it. An answer that breaks off is no answer: the SDKs stumble over an error that has none."""
        log.count(self._name)
        try:
            return self.over.send(request, **options)
        except HttpResponseError as fault:
            message = "the answer broke off"
            raise ServiceResponseError(message, error=fault) from fault

    def open(self) -> None:
        """Open what is below."""
        self.over.open()

    def close(self) -> None:
        """Close what is below."""
        self.over.close()

    def sleep(self, duration: float) -> None:
        """Sleep as what is below does."""
        self.over.sleep(duration)

    def __exit__(self, *_: object) -> None:
        self.close()


def transport() -> HttpTransport[Any, Any]:
    """A transport with short timeouts, in seconds."""
    made: HttpTransport[Any, Any] = RequestsTransport(connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    return made


def credential(settings: Settings, client_id: str | None = None) -> "TokenCredential":
    """The app's identity: its managed identity on App Service and Functions, a developer's own elsewhere.

    `client_id` picks a user-assigned identity; without it, the settings do. On App Service it is asked for directly: loading azure-identity
    would take a start as long as all else that accepts a request (decision 0005).
    """
    client_id = client_id or settings.client_id
    if settings.identity_endpoint is not None and settings.identity_header is not None:
        return ManagedIdentity(settings.identity_endpoint, settings.identity_header, client_id=client_id, over=transport())
    from azure.identity import DefaultAzureCredential

    return (
        DefaultAzureCredential(managed_identity_client_id=client_id, retry_total=0) if client_id else DefaultAzureCredential(retry_total=0)
    )


class Bearer(BearerTokenCredentialPolicy[Any, Any]):
    """The app's token on every request. Where ARM does not take it, a new one is asked for, once: a role or key may have changed."""

    def __init__(self, identity: "TokenCredential", scope: str) -> None:
        """Ask `identity` for tokens for `scope`; they are kept until shortly before they expire."""
        super().__init__(identity, scope)
        self._scope = scope

    def on_challenge(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether the request, which was surely not carried out, is to be sent again, now with a new token."""
        if not super().on_challenge(request, response):
            self.authorize_request(request, self._scope)
        return True


class Arm:
    """ARM by one pipeline: for plain requests, and for the SDK's clients, which are made one per subscription when first needed."""

    def __init__(
        self, settings: Settings, *, identity: "TokenCredential | None" = None, over: HttpTransport[Any, Any] | None = None
    ) -> None:
        """Reach the ARM of the settings, as `identity`, over the transport `over`; both have sensible defaults."""
        self._endpoint = settings.arm_endpoint
        self._identity = identity or credential(settings)
        self._transport = Counted("arm", over or transport())
        scope = f"{settings.arm_audience}/.default"
        self._policies = [
            RequestIdPolicy(),
            HeadersPolicy(),
            UserAgentPolicy(USER_AGENT),
            ContentDecodePolicy(),
            CustomHookPolicy(),
            RetryPolicy.no_retries(),
            Bearer(self._identity, scope),
        ]
        self.plain: PipelineClient[Any, Any] = PipelineClient(settings.arm_endpoint, policies=self._policies, transport=self._transport)
        self._services: dict[str, ContainerServiceClient] = {}

    def container_service(self, subscription: str) -> "ContainerServiceClient":
        """The AKS client of a subscription."""
        known = self._services.get(subscription)
        if known is None:
            from azure.mgmt.containerservice import ContainerServiceClient

            known = ContainerServiceClient(
                self._identity, subscription, base_url=self._endpoint, policies=self._policies, transport=self._transport
            )
            self._services[subscription] = known
        return known


def _storage_options(name: str, over: HttpTransport[Any, Any] | None) -> dict[str, Any]:
    return {
        "retry_total": 0,
        "permit_redirects": False,
        "user_agent": USER_AGENT,
        "transport": Counted(name, over or transport()),
    }


def tables(settings: Settings, *, over: HttpTransport[Any, Any] | None = None) -> "TableServiceClient":
    """The Table service of the app's storage account."""
    from azure.data.tables import TableServiceClient

    options = _storage_options("tables", over)
    if settings.storage_connection is not None:
        return TableServiceClient.from_connection_string(settings.storage_connection, **options)
    return TableServiceClient(settings.storage_tables_url or "", credential=credential(settings, settings.storage_client_id), **options)


def queues(settings: Settings, *, over: HttpTransport[Any, Any] | None = None) -> "QueueServiceClient":
    """The Queue service of the app's storage account."""
    from azure.storage.queue import QueueServiceClient

    options = _storage_options("queues", over)
    if settings.storage_connection is not None:
        return QueueServiceClient.from_connection_string(settings.storage_connection, **options)
    return QueueServiceClient(settings.storage_queues_url or "", credential=credential(settings, settings.storage_client_id), **options)

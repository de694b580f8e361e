"""The clients: what a fault costs in requests and in waiting, where tokens go, and what a settings' `repr` gives away."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import HttpRequest, RequestsTransport, RequestsTransportResponse

from shared.adapters import clients
from shared.adapters.clients import Arm
from shared.adapters.operations import TableOperations
from shared.adapters.queues import QueueAnnouncer, Queues
from shared.adapters.tables import READ_AGAIN_SECONDS, Tables
from shared.log import count, invocation
from shared.model.clusters import Absent
from shared.model.errors import CallFailed, Code, Failure
from shared.model.operations import Handle, Head
from shared.model.plans import MakeCluster, MakeGroup, RegisterProvider, RemoveCluster, RemoveGroup, ScalePool
from shared.ports import Key
from shared.settings import PUBLIC_ARM
from tests.adapters.wires import TOKEN, Reply, SomeCredential, Wire, arm_on, in_turn, said
from tests.builders import SUBSCRIPTION, WEB, a_cluster, a_spec, an_operation
from tests.contract.storing import change, ended
from tests.worldly import some_settings

STORAGE = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=c2VjcmV0LWtleQ==;EndpointSuffix=core.windows.net"
MAKE = MakeCluster(location="westeurope", version=None, tier="Free", dns_prefix="web", pools=(a_spec(),))
STATUS = Handle(
    url=f"{PUBLIC_ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/x/operations/1?api-version=1"
)


class Pauses(list[float]):
    """Every pause before a second read."""


def operations_on(wire: Wire, pauses: Pauses) -> TableOperations:
    return TableOperations(Tables(clients.tables(some_settings({"AzureWebJobsStorage": STORAGE}), over=wire), pause=pauses.append))


def announcer_on(wire: Wire) -> QueueAnnouncer:
    return QueueAnnouncer(Queues(clients.queues(some_settings({"AzureWebJobsStorage": STORAGE}), over=wire)))


Call = Callable[[Wire, Pauses], object]
OPERATION = an_operation()
ARM: dict[str, Call] = {
    "ARM read": lambda wire, _: arm_on(wire).cluster(WEB),
    "ARM list": lambda wire, _: arm_on(wire).clusters(SUBSCRIPTION),
    "ARM poll": lambda wire, _: arm_on(wire).poll(STATUS),
    "ARM plain PUT": lambda wire, _: arm_on(wire).attempt(WEB, MakeGroup(location="x"), Absent(what="")),
    "ARM plain POST": lambda wire, _: arm_on(wire).attempt(WEB, RegisterProvider(), Absent(what="")),
    "ARM plain DELETE": lambda wire, _: arm_on(wire).attempt(WEB, RemoveGroup(), Absent(what="")),
    "ARM PUT by the SDK": lambda wire, _: arm_on(wire).attempt(WEB, MAKE, Absent(what="")),
    "ARM DELETE by the SDK": lambda wire, _: arm_on(wire).attempt(WEB, RemoveCluster(), a_cluster()),
    "ARM read by the SDK": lambda wire, _: arm_on(wire).attempt(WEB, ScalePool(pool="user", to=5), a_cluster()),
}
WRITES: dict[str, Call] = {
    "table transaction": lambda wire, pauses: operations_on(wire, pauses).commit(None, Head(current=OPERATION), (change(OPERATION),)),
    "table insert": lambda wire, pauses: operations_on(wire, pauses).bind("name", Key(operation="op", digest="d")),
    "table upsert": lambda wire, pauses: operations_on(wire, pauses).journal(ended(OPERATION)),
    "table delete": lambda wire, pauses: operations_on(wire, pauses).forget(OPERATION.id),
    "queue send": lambda wire, _: announcer_on(wire).say("replies", {"a": 1}),
}
READS: dict[str, Call] = {
    "table point read": lambda wire, pauses: operations_on(wire, pauses).load(OPERATION.id),
    "table query": lambda wire, pauses: operations_on(wire, pauses).history(OPERATION.id),
    "table scan of open": lambda wire, pauses: list(operations_on(wire, pauses).open()),
}
ONCE: dict[str, Call] = ARM | WRITES
EVERY: dict[str, Call] = ONCE | READS
FAULTS: dict[str, Reply | Exception] = {
    "reset": requests.ConnectionError("reset by peer"),
    "refused connection": requests.exceptions.ConnectTimeout("no connection"),
    "silence": requests.ReadTimeout("no answer"),
    "broken body": requests.exceptions.ChunkedEncodingError("broken"),
    "408": Reply(status=408),
    "429 in 3 s": Reply(status=429, headers={"Retry-After": "3"}),
    "429 in a day": Reply(status=429, headers={"Retry-After": "86400"}),
    "500": Reply(status=500),
    "502": Reply(status=502, body=b"<html>bad gateway</html>", headers={"content-type": "text/html"}),
    "503": Reply(status=503),
    "503 in a day": Reply(status=503, headers={"Retry-After": "86400"}),
    "504": Reply(status=504),
    "302": Reply(status=302, headers={"Location": "https://evil.example/"}),
    "307": Reply(status=307, headers={"Location": "https://evil.example/"}),
    "308": Reply(status=308, headers={"Location": "http://169.254.169.254/"}),
}
TWICE = {"reset", "500", "502", "503", "503 in a day", "504", "broken body"}


def failed(call: Call, fault: Reply | Exception) -> tuple[Failure, Wire, Pauses]:
    """How a call fails on a wire that gives nothing but one fault, and what it did there."""
    wire, pauses = Wire(lambda _: fault), Pauses()
    with pytest.raises(CallFailed) as raised:
        call(wire, pauses)
    return raised.value.failure, wire, pauses


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", ONCE)
def test_a_fault_costs_one_request_and_no_waiting(call: str, fault: str) -> None:
    failure, wire, pauses = failed(ONCE[call], FAULTS[fault])
    assert len(wire.asked) == 1
    assert (wire.slept, pauses) == ([], [])
    assert failure.transient


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", READS)
def test_a_storage_read_is_sent_once_more_after_a_short_pause_where_that_may_help(call: str, fault: str) -> None:
    failure, wire, pauses = failed(READS[call], FAULTS[fault])
    assert len(wire.asked) == (2 if fault in TWICE else 1)
    assert pauses == ([READ_AGAIN_SECONDS] if fault in TWICE else [])
    assert wire.slept == []
    assert (failure.code, failure.transient) == (Code.UNREACHABLE, True)


def test_the_pause_before_a_second_read_is_short() -> None:
    assert 0 < READ_AGAIN_SECONDS <= 0.2


def test_a_storage_read_that_succeeds_the_second_time_is_no_failure() -> None:
    answers = iter([Reply(status=503), said({"odata.error": {"code": "ResourceNotFound", "message": {"value": "no"}}}, status=404)])
    wire = Wire(lambda _: next(answers))
    assert operations_on(wire, Pauses()).load(OPERATION.id) is None
    assert len(wire.asked) == 2


@pytest.mark.parametrize("call", ARM)
def test_a_write_that_may_have_been_applied_is_unsure_and_a_read_never_is(call: str) -> None:
    writes = {name for name in ARM if "read" not in name and "list" not in name and "poll" not in name}
    for fault in ("reset", "silence", "500", "504", "302"):
        assert failed(ARM[call], FAULTS[fault])[0].unsure == (call in writes), fault
    assert not failed(ARM[call], FAULTS["429 in a day"])[0].unsure


@pytest.mark.parametrize("fault", ["302", "307", "308"])
@pytest.mark.parametrize("call", EVERY)
def test_a_redirect_is_not_followed_and_no_secret_goes_elsewhere(call: str, fault: str) -> None:
    _, wire, _ = failed(EVERY[call], FAULTS[fault])
    hosts = {urlsplit(asked.url).hostname for asked in wire.asked}
    assert hosts <= {"management.azure.com", "acc.table.core.windows.net", "acc.queue.core.windows.net"}


@pytest.mark.parametrize("call", EVERY)
def test_every_request_has_short_timeouts(call: str) -> None:
    _, wire, _ = failed(EVERY[call], FAULTS["silence"])
    assert [asked.timeout for asked in wire.asked] == [(clients.CONNECT_SECONDS, clients.READ_SECONDS)]
    assert clients.CONNECT_SECONDS <= 5
    assert clients.READ_SECONDS <= 30


def test_clients_that_are_given_no_transport_make_one_with_short_timeouts() -> None:
    settings = some_settings({"AzureWebJobsStorage": STORAGE})
    arm = Arm(settings, identity=SomeCredential())
    pipelines = [
        arm.plain._pipeline,  # noqa: SLF001 - the SDK shows its transport nowhere else
        arm.container_service(SUBSCRIPTION)._client._pipeline,  # noqa: SLF001
        clients.tables(settings)._client._client._pipeline,  # noqa: SLF001
        clients.queues(settings)._pipeline,  # noqa: SLF001
    ]
    for pipeline in pipelines:
        counted = pipeline._transport  # noqa: SLF001
        assert isinstance(counted, clients.Counted)
        assert isinstance(counted.over, RequestsTransport)
        assert (counted.over.connection_config.timeout, counted.over.connection_config.read_timeout) == (5, 30)


# ---- counting


@pytest.mark.parametrize("call", EVERY)
def test_every_request_on_the_wire_is_counted_under_its_name(call: str, caplog: pytest.LogCaptureFixture) -> None:
    name = {"ARM": "arm", "table": "tables", "queue": "queues"}[call.split(maxsplit=1)[0]]
    with caplog.at_level("INFO", logger="tidekeeper"), invocation("a door"):
        _, wire, _ = failed(EVERY[call], FAULTS["500"])
        count("none of these")
    expected = {"arm": 0, "tables": 0, "queues": 0, name: len(wire.asked)}
    assert {key: f'"{key}":{number}' in caplog.messages[-1] for key, number in expected.items()} == dict.fromkeys(expected, True)


# ---- tokens


def test_the_token_is_asked_for_the_audience_and_goes_to_arm_by_tls() -> None:
    identity = SomeCredential()
    wire = Wire(lambda _: said({"value": []}))
    arm_on(wire, identity).clusters(SUBSCRIPTION)
    assert identity.scopes == [f"{PUBLIC_ARM}/.default"]
    assert [(asked.headers["authorization"], urlsplit(asked.url).scheme) for asked in wire.asked] == [(f"Bearer {TOKEN}", "https")]


def test_a_subscriptions_client_is_made_once() -> None:
    arm = Arm(some_settings(), identity=SomeCredential(), over=Wire(lambda _: Reply()))
    assert arm.container_service(SUBSCRIPTION) is arm.container_service(SUBSCRIPTION)
    assert arm.container_service(SUBSCRIPTION) is not arm.container_service("another")


class NoToken:
    """An identity that gets no token, because the service that gives them says something secret."""

    def get_token(self, *_: str, **__: object) -> None:
        """Fail as a managed identity does."""
        request = HttpRequest("GET", "http://169.254.169.254/msi/token")
        inner = requests.Response()
        inner.status_code, inner._content = 400, b'{"error": {"code": "invalid", "message": "secret=hunter2"}}'  # noqa: SLF001
        message = "no token: hunter2"
        raise ClientAuthenticationError(message, response=RequestsTransportResponse(request, inner))


@pytest.mark.parametrize("call", ["cluster", "attempt"])
def test_without_a_token_nothing_is_sent_and_what_the_identity_service_said_is_not_repeated(call: str) -> None:
    wire = Wire(lambda _: Reply())
    arm = arm_on(wire, NoToken())
    with pytest.raises(CallFailed) as raised:
        arm.cluster(WEB) if call == "cluster" else arm.attempt(WEB, MAKE, Absent(what=""))
    failure = raised.value.failure
    assert (failure.code, failure.transient, failure.unsure) == (Code.AZURE_FORBIDDEN, True, False)
    assert "identity" in failure.message
    assert "hunter2" not in str(raised.value)
    assert wire.asked == []


def test_a_401_of_arm_itself_is_told_from_a_missing_token() -> None:
    for call in ("ARM read", "ARM PUT by the SDK"):
        fault = said({"error": {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}}, status=401)
        failure, wire, _ = failed(ARM[call], fault)
        assert (failure.code, failure.azure_code) == (Code.AZURE_FORBIDDEN, "InvalidAuthenticationToken")
        assert len(wire.asked) == 1


CHALLENGE = said(
    {"error": {"code": "ExpiredAuthenticationToken", "message": "The token is expired."}}, status=401, www_authenticate="Bearer"
)


@pytest.mark.parametrize("call", ["ARM read", "ARM plain PUT", "ARM PUT by the SDK"])
def test_a_token_that_arm_does_not_take_is_renewed_once_and_no_more(call: str) -> None:
    failure, wire, _ = failed(ARM[call], CHALLENGE)
    assert (failure.code, failure.transient) == (Code.AZURE_FORBIDDEN, False)
    assert len(wire.asked) == 2


def test_a_renewed_token_carries_the_call_on() -> None:
    credential = SomeCredential()
    wire = Wire(in_turn([CHALLENGE, said({"code": "NotFound", "message": "there is none"}, status=404)]))
    assert isinstance(arm_on(wire, credential).cluster(WEB), Absent)
    assert len(credential.scopes) == 2


# ---- secrets


@pytest.mark.parametrize(
    "connection",
    [
        STORAGE,
        "QueueEndpoint=https://acc.queue.core.windows.net/;TableEndpoint=https://acc.table.core.windows.net/;SharedAccessSignature=sv=2024&sig=c2VjcmV0LWtleQ==",
    ],
)
def test_no_secret_shows_in_the_settings(connection: str) -> None:
    settings = some_settings({"AzureWebJobsStorage": connection})
    for text in (repr(settings), str(settings), f"{settings}", f"{settings!a}"):
        assert "c2VjcmV0LWtleQ" not in text
        assert "AccountKey" not in text
    assert settings.storage_connection == connection


def test_storage_is_reached_with_the_apps_identity_where_no_connection_string_is_set() -> None:
    settings = some_settings(
        {"AzureWebJobsStorage": "", "AzureWebJobsStorage__accountName": "acc", "AzureWebJobsStorage__clientId": "client"}
    )
    assert settings.storage_connection is None
    assert clients.tables(settings).url == "https://acc.table.core.windows.net"
    assert clients.queues(settings).url.rstrip("/") == "https://acc.queue.core.windows.net"

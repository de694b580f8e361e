"""The managed identity: what is asked of App Service, and that nothing it says gets into an error."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters import clients
from shared.adapters.identity import ManagedIdentity
from tests.adapters.wires import Reply, Wire, said
from tests.worldly import some_settings

ENDPOINT = "http://127.0.0.1:41741/msi/token"
GIVEN = {"access_token": "a.b.c", "expires_on": "1790000000", "resource": "r", "token_type": "Bearer"}


def identity_on(wire: Wire, client_id: str | None = None) -> ManagedIdentity:
    return ManagedIdentity(ENDPOINT, "the-header", client_id=client_id, over=wire)


@pytest.mark.parametrize("client_id", [None, "6b1f"])
def test_a_token_is_asked_for_as_app_service_wants_it(client_id: str | None) -> None:
    wire = Wire(lambda _: said(GIVEN))
    token = identity_on(wire, client_id).get_token("https://management.azure.com/.default", enable_cae=True, tenant_id="t")
    assert token == ("a.b.c", 1790000000)
    asked = urlsplit(wire.asked[0].url)
    expected = {"api-version": ["2019-08-01"], "resource": ["https://management.azure.com"]}
    assert (wire.asked[0].method, f"{asked.scheme}://{asked.netloc}{asked.path}") == ("GET", ENDPOINT)
    assert parse_qs(asked.query) == (expected if client_id is None else {**expected, "client_id": [client_id]})
    assert wire.asked[0].headers["x-identity-header"] == "the-header"


@pytest.mark.parametrize(
    "answer",
    [
        said({"message": "hunter2"}, status=400),
        said({"message": "hunter2"}, status=500),
        Reply(status=302, headers={"Location": "https://evil.example/hunter2"}),
        Reply(body=b"hunter2"),
        Reply(body=b'["hunter2"]'),
        said({"access_token": "hunter2"}),
        said({"access_token": "hunter2", "expires_on": "soon"}),
        requests.ConnectionError("hunter2"),
        requests.ReadTimeout("hunter2"),
    ],
)
def test_without_a_token_there_is_one_request_and_an_error_that_repeats_nothing(answer: Reply | Exception) -> None:
    wire = Wire(lambda _: answer)
    with pytest.raises(ClientAuthenticationError) as raised:
        identity_on(wire).get_token("https://management.azure.com/.default")
    assert "hunter2" not in str(raised.value)
    assert "the-header" not in str(raised.value)
    assert (len(wire.asked), wire.slept) == (1, [])


def test_it_is_used_where_app_service_says_so_and_only_there() -> None:
    on_azure: TokenCredential = clients.credential(some_settings({"IDENTITY_ENDPOINT": ENDPOINT, "IDENTITY_HEADER": "x"}))
    assert isinstance(on_azure, ManagedIdentity)
    for half in ({}, {"IDENTITY_ENDPOINT": ENDPOINT}, {"IDENTITY_HEADER": "x"}):
        assert not isinstance(clients.credential(some_settings(half)), ManagedIdentity)

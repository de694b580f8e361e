"""App Service's managed-identity endpoint, as the simulator serves it."""

import base64
import json

import pytest

from local.arm.identity import Identity
from local.arm.wire import Request

QUERY = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com"


def an_identity() -> Identity:
    return Identity(seed=1, clock=lambda: 1_800_000_000.0, secret="s3cret")


def test_a_token_is_a_well_formed_jwt_with_the_claims_that_clients_read() -> None:
    identity = an_identity()
    answer = identity.endpoint(Request(method="GET", url=QUERY, headers={"x-identity-header": "s3cret"}))
    assert answer.status == 200
    body = answer.document
    assert body.keys() == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    head_part, claims_part, signature = body["access_token"].split(".")
    head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head_part, claims_part))
    assert (head, signature) == ({"alg": "none", "typ": "JWT"}, "")
    assert claims["aud"] == body["resource"] == "https://management.azure.com"
    assert (claims["tid"], claims["oid"], claims["appid"]) == (identity.tenant, identity.principal, identity.client)
    assert str(claims["exp"]) == body["expires_on"] == "1800086400"


@pytest.mark.parametrize(
    ("url", "header", "status"),
    [
        (QUERY, None, 401),
        (QUERY, "wrong", 401),
        (QUERY.replace("2019-08-01", "2017-09-01"), "s3cret", 400),
        ("/msi/token?api-version=2019-08-01", "s3cret", 400),
        (f"{QUERY}&client_id=someone-else", "s3cret", 400),
    ],
)
def test_the_endpoint_gives_no_token_without_its_secret_or_for_another_protocol(url: str, header: str | None, status: int) -> None:
    headers = {} if header is None else {"x-identity-header": header}
    answer = an_identity().endpoint(Request(method="GET", url=url, headers=headers))
    assert answer.status == status
    assert "access_token" not in answer.document


def test_only_get_is_served() -> None:
    assert an_identity().endpoint(Request(method="POST", url=QUERY, headers={"x-identity-header": "s3cret"})).status == 405

"""Tokens of status links, as rules."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from shared.rules import linking

KEY, ID = "a-link-key-that-only-the-tests-know-0123456789", "op-aaaaaaaaaaaaaaaa-0123456789"


def test_a_token_is_the_same_in_every_version_so_that_links_outlive_an_upgrade() -> None:
    said = hmac.new(KEY.encode(), b"tidekeeper: read the status of one operation\n" + ID.encode(), hashlib.sha256).digest()
    assert linking.token(KEY, ID) == urlsafe_b64encode(said).decode().rstrip("=") == "ikI7ohc-1xQgSExh12b9PzM0CAPLNOkYy7wqI-LbU9U"
    assert re.fullmatch("[A-Za-z0-9_-]{43}", linking.token(KEY, ID))


@given(st.text(), st.text(), st.text())
def test_a_token_opens_what_it_was_made_for_and_nothing_else(key: str, one: str, other: str) -> None:
    token = linking.token(key, one)
    assert linking.opens(key, one, token)
    assert linking.opens(key, other, token) == (one == other)
    assert linking.opens(f"{key}x", one, token) is False


@given(st.text(alphabet=st.characters()))
def test_whatever_is_given_for_a_token_is_judged_and_not_taken(given_text: str) -> None:
    assert not linking.opens(KEY, ID, given_text)

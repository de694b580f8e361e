"""The laptop's own certificate authority and the loopback certificate it signs: made once, made anew before they end.

The authority's file is the only trust the rehearsed host is given, so it cannot reach the real Azure by mistake; the authority's key
is never written down.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509

_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Three PEM files: what the server shows, its key, and what a client must trust (`REQUESTS_CA_BUNDLE`)."""

    server: Path
    key: Path
    authority: Path


def certificates(directory: Path, *, now: datetime | None = None) -> Certificates:
    """The certificates in `directory`, valid for 127.0.0.1, ::1 and localhost for at least a month after `now` (the machine's clock)."""
    moment = now or datetime.now(UTC)
    files = Certificates(server=directory / "server.pem", key=directory / "server.key", authority=directory / "authority.pem")
    if not _still_good(files, moment):
        _make(directory, moment)
    return files


def _still_good(files: Certificates, now: datetime) -> bool:
    if not (files.server.exists() and files.key.exists() and files.authority.exists()):
        return False
    try:
        server = x509.load_pem_x509_certificate(files.server.read_bytes())
    except ValueError:
        return False
    return server.not_valid_before_utc <= now and now + _RENEW_BEFORE < server.not_valid_after_utc


def _make(directory: Path, now: datetime) -> None:
    """Write a whole new set beside the old one, then put it in its place."""
    fresh = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    authority = trustme.CA(organization_name="Tidekeeper laptop")
    server = authority.issue_cert("127.0.0.1", "::1", "localhost", not_after=now + _LIFE)
    for number, pem in enumerate(server.cert_chain_pems):
        pem.write_to_path(fresh / "server.pem", append=number > 0)
    (fresh / "server.key").touch(mode=0o600)
    server.private_key_pem.write_to_path(fresh / "server.key")
    authority.cert_pem.write_to_path(fresh / "authority.pem")
    shutil.rmtree(directory, ignore_errors=True)
    fresh.rename(directory)

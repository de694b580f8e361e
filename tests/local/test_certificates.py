"""The laptop's certificates: made once, made anew in time, and good for loopback only."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from local.certificates import Certificates, certificates

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def content(files: Certificates) -> tuple[bytes, bytes, bytes]:
    return files.server.read_bytes(), files.key.read_bytes(), files.authority.read_bytes()


def test_they_are_made_once(tmp_path: Path) -> None:
    first = content(certificates(tmp_path / "certificates"))
    assert content(certificates(tmp_path / "certificates")) == first


def test_they_are_made_anew_a_month_before_they_end(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    first = content(certificates(folder))
    ends = x509.load_pem_x509_certificate(first[0]).not_valid_after_utc
    assert content(certificates(folder, now=ends - timedelta(days=31))) == first
    assert content(certificates(folder, now=ends - timedelta(days=29)))[0] != first[0]


def test_a_broken_or_missing_file_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    files = certificates(folder)
    files.server.write_text("not a certificate")
    certificates(folder)
    assert files.server.read_text().startswith("-----BEGIN CERTIFICATE-----")
    files.key.unlink()
    assert certificates(folder).key.exists()


def test_the_server_is_trusted_by_its_authority_for_loopback_names_only(tmp_path: Path) -> None:
    files = certificates(tmp_path / "certificates")
    names = x509.load_pem_x509_certificate(files.server.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(str(name.value) for name in names) == ["127.0.0.1", "::1", "localhost"]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.server, files.key)
    client = ssl.create_default_context(cafile=files.authority)
    asked, heard = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(heard, asked, server_hostname="127.0.0.1")
    theirs = server.wrap_bio(asked, heard, server_side=True)
    done = False
    for _ in range(6):
        for side in (ours, theirs):
            try:
                side.do_handshake()
                done = side is theirs
            except ssl.SSLWantReadError:
                done = False
    assert done
    assert ours.version() == "TLSv1.3"


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    assert certificates(tmp_path / "certificates").key.stat().st_mode & 0o077 == 0

import subprocess
from pathlib import Path

import pytest

from airgap.certificates.make import issue, issue_from
from airgap.certificates.prove import check, covers, expiry
from airgap.certificates.values import Authority, Tls
from airgap.errors import TrustError

NAMES = (
    "kind-control-plane",
    "kind-worker",
    "localhost",
    "127.0.0.1",
    "::1",
    "registry.registry.svc",
)


@pytest.fixture(scope="module")
def tls() -> Tls:
    return issue(NAMES)


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def verify(tls: Tls, folder: Path, *options: str) -> bool:
    (folder / "ca.pem").write_bytes(tls.ca_pem)
    (folder / "cert.pem").write_bytes(tls.cert_pem)
    files = ("-CAfile", folder / "ca.pem", *options, folder / "cert.pem")
    return openssl("verify", "-x509_strict", *files).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_openssl_accepts_every_name(tls: Tls, tmp_path: Path, name: str) -> None:
    kind = "-verify_ip" if ":" in name or name[0].isdigit() else "-verify_hostname"
    assert verify(tls, tmp_path, "-purpose", "sslserver", kind, name)


def test_openssl_refuses_another_name(tls: Tls, tmp_path: Path) -> None:
    assert not verify(tls, tmp_path, "-verify_hostname", "example.org")


def test_the_ca_can_sign_for_no_other_host(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thief of the CA's key could make is refused by its name constraints."""
    key = tmp_path / "stolen.key"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    text = openssl("x509", "-in", _write(tmp_path / "ca.pem", tls.ca_pem), "-noout", "-text").stdout
    assert "X509v3 Name Constraints: critical" in text
    assert "pathlen:0" in text
    for name in ("DNS:kind-worker", "IP:127.0.0.1/255.255.255.255"):
        assert name in text
    elsewhere = issue(["localhost"])
    monkeypatch.setattr("airgap.certificates.prove._check_constraints", lambda *_: None)
    forged = issue_from(_own_ca(tmp_path, "DNS:localhost"), ["example.org"])
    assert verify(elsewhere, tmp_path, "-verify_hostname", "localhost")
    assert not verify(forged, tmp_path, "-verify_hostname", "example.org")


def _own_ca(folder: Path, constraint: str = "") -> Authority:
    key, cert = folder / "own.key", folder / "own.pem"
    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"]
    if constraint:
        extensions += ["-addext", f"nameConstraints=critical,permitted;{constraint}"]
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "100", "-subj", "/CN=Own CA",
        "-keyout", key, "-out", cert, *extensions,
    )  # fmt: skip
    return Authority(cert.read_bytes(), key.read_bytes())


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_it_covers_its_names_and_no_others(tls: Tls) -> None:
    assert covers(tls.cert_pem, NAMES) == []
    assert covers(tls.cert_pem, ["LOCALHOST", "0:0:0:0:0:0:0:1"]) == []
    assert covers(tls.cert_pem, ["other-control-plane", "localhost"]) == ["other-control-plane"]


def test_it_lasts_ten_years_and_began_yesterday(tls: Tls) -> None:
    from datetime import UTC, datetime, timedelta

    left = expiry(tls.cert_pem) - datetime.now(UTC)
    assert timedelta(days=3640) < left < timedelta(days=3660)
    dates = openssl_dates(tls)
    assert dates < datetime.now(UTC) - timedelta(hours=23)


def openssl_dates(tls: Tls):  # type: ignore[no-untyped-def]
    from cryptography import x509

    return x509.load_pem_x509_certificate(tls.cert_pem).not_valid_before_utc


def test_check_finds_what_does_not_belong_together(tls: Tls) -> None:
    other = issue(NAMES)
    check(tls)
    for wrong, why in (
        (Tls(other.ca_pem, tls.cert_pem, tls.key_pem), "not signed by"),
        (Tls(tls.ca_pem, tls.cert_pem, other.key_pem), "not the key of"),
        (Tls(tls.ca_pem, tls.cert_pem, b"x"), "cannot be read"),
        (Tls(b"x", tls.cert_pem, tls.key_pem), "cannot be read"),
        (Tls(tls.cert_pem, tls.cert_pem, tls.key_pem), "not that of a CA"),
    ):
        with pytest.raises(TrustError, match=why):
            check(wrong)


def test_an_organisation_s_own_ca_signs(tmp_path: Path) -> None:
    own = _own_ca(tmp_path)
    tls = issue_from(own, NAMES)
    check(tls)
    assert verify(tls, tmp_path, "-verify_hostname", "localhost")
    assert expiry(tls.cert_pem) == expiry(own.cert_pem)


def _chain(folder: Path, algorithm: str, identifier: str, days: int = 100) -> Authority:
    """Make a root and an intermediate, whose key identifier need not be the hash of its key."""
    root, key, request, cert = (folder / n for n in ("r.pem", "i.key", "i.csr", "i.pem"))
    kind = ("-algorithm", algorithm)
    openssl("genpkey", *kind, "-out", folder / "r.key")
    openssl("genpkey", *kind, "-out", key)
    ca = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
    openssl(
        "req", "-x509", "-key", folder / "r.key", "-days", days, "-subj", "/CN=Root", *ca,
        "-out", root,
    )  # fmt: skip
    openssl("req", "-new", "-key", key, "-subj", "/CN=Between", "-out", request)
    text = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
    extensions = _write(folder / "ext", f"{text}subjectKeyIdentifier={identifier}\n".encode())
    openssl(
        "x509", "-req", "-in", request, "-CA", root, "-CAkey", folder / "r.key",
        "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", cert,
    )  # fmt: skip
    return Authority(cert.read_bytes() + root.read_bytes(), key.read_bytes())


@pytest.mark.parametrize("algorithm", ["ED25519", "RSA"])
@pytest.mark.parametrize("identifier", ["hash", "01:02:03:04"])
def test_an_intermediate_signs(tmp_path: Path, algorithm: str, identifier: str) -> None:
    tls = issue_from(_chain(tmp_path, algorithm, identifier), NAMES)
    check(tls)
    assert tls.cert_pem.count(b"BEGIN CERTIFICATE") == 2
    assert verify(tls, tmp_path, "-verify_hostname", "localhost")


def test_a_ca_that_would_not_serve_is_refused(tmp_path: Path) -> None:
    chain = _chain(tmp_path, "ED25519", "hash")
    end = b"-----END CERTIFICATE-----\n"
    alone = Authority(chain.cert_pem.partition(end)[0] + end, chain.key_pem)
    with pytest.raises(TrustError, match="the root above it is not in the file"):
        issue_from(alone, NAMES)
    with pytest.raises(TrustError, match="within 60 days"):
        issue_from(_chain(tmp_path, "ED25519", "hash", days=59), NAMES)
    for constraint, name in (
        ("DNS:example.org", "kind-control-plane"),
        ("IP:10.0.0.0/255.0.0.0", "127.0.0.1"),
    ):
        with pytest.raises(TrustError, match=f"may not sign for {name}"):
            issue_from(_own_ca(tmp_path, constraint), NAMES)


def test_the_key_is_not_shown(tls: Tls) -> None:
    assert "PRIVATE" not in repr(tls) + repr(Authority(tls.ca_pem, tls.key_pem))


def test_a_ca_that_is_none_is_refused(tls: Tls, tmp_path: Path) -> None:
    own = _own_ca(tmp_path)
    for authority, why in (
        (Authority(tls.cert_pem, tls.key_pem), "not that of a CA"),
        (Authority(own.cert_pem, tls.key_pem), "not that of the CA certificate"),
        (Authority(own.cert_pem, b"x"), "cannot be read"),
        (Authority(b"x", own.key_pem), "cannot be read"),
    ):
        with pytest.raises(TrustError, match=why):
            issue_from(authority, NAMES)

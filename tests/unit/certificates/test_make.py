from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from airgap.certificates.make import issue, issue_from
from airgap.certificates.prove import check, covers, expiry, leaf, names_of
from airgap.certificates.values import Authority, Tls
from airgap.errors import TrustError
from tests.support.authorities import accepts, chain, own_ca

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


def test_what_a_certificate_says_is_read(tls: Tls) -> None:
    assert sorted(names_of(tls.cert_pem)) == sorted(NAMES)
    assert names_of(tls.ca_pem) == []
    assert leaf(tls.cert_pem + tls.ca_pem) == tls.cert_pem


@pytest.mark.parametrize("name", NAMES)
def test_openssl_accepts_every_name(tls: Tls, tmp_path: Path, name: str) -> None:
    assert accepts(tls, name, tmp_path)


def test_openssl_refuses_another_name(tls: Tls, tmp_path: Path) -> None:
    assert not accepts(tls, "example.org", tmp_path)


def test_the_ca_can_sign_for_no_other_host(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thief of the CA's key could make is refused by its name constraints."""
    own = x509.load_pem_x509_certificate(tls.ca_pem).extensions
    limits = own.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    allowed = [str(one.value) for one in limits.value.permitted_subtrees or ()]
    assert {"kind-worker", "127.0.0.1/32"} <= set(allowed)
    assert own.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    monkeypatch.setattr("airgap.certificates.prove._check_constraints", lambda *_: None)
    for name, taken in (("localhost", True), ("example.org", False)):
        stolen = issue_from(own_ca("localhost"), [name])
        assert accepts(stolen, name, tmp_path) == taken


def test_it_covers_its_names_and_no_others(tls: Tls) -> None:
    assert covers(tls.cert_pem, NAMES) == []
    assert covers(tls.cert_pem, ["LOCALHOST", "0:0:0:0:0:0:0:1"]) == []
    assert covers(tls.cert_pem, ["other-control-plane", "localhost"]) == ["other-control-plane"]


def test_it_lasts_ten_years_and_began_yesterday(tls: Tls) -> None:
    left = expiry(tls.cert_pem) - datetime.now(UTC)
    assert timedelta(days=3640) < left < timedelta(days=3660)
    began = x509.load_pem_x509_certificate(tls.cert_pem).not_valid_before_utc
    assert began < datetime.now(UTC) - timedelta(hours=23)


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
    own = own_ca()
    tls = issue_from(own, NAMES)
    check(tls)
    assert accepts(tls, "localhost", tmp_path)
    assert expiry(tls.cert_pem) == expiry(own.cert_pem)


@pytest.mark.parametrize("algorithm", ["ED25519", "RSA"])
@pytest.mark.parametrize("identifier", [b"", b"\1\2\3\4"])
def test_an_intermediate_signs(tmp_path: Path, algorithm: str, identifier: bytes) -> None:
    tls = issue_from(chain(algorithm, identifier), NAMES)
    check(tls)
    assert tls.cert_pem.count(b"BEGIN CERTIFICATE") == 2
    assert accepts(tls, "localhost", tmp_path)


def test_a_ca_that_would_not_serve_is_refused() -> None:
    whole = chain("ED25519")
    end = b"-----END CERTIFICATE-----\n"
    alone = Authority(whole.cert_pem.partition(end)[0] + end, whole.key_pem)
    with pytest.raises(TrustError, match="the root above it is not in the file"):
        issue_from(alone, NAMES)
    with pytest.raises(TrustError, match="within 60 days"):
        issue_from(chain("ED25519", days=59), NAMES)
    for constraint, name in (
        ("example.org", "kind-control-plane"),
        ("10.0.0.0/8", "127.0.0.1"),
    ):
        with pytest.raises(TrustError, match=f"may not sign for {name}"):
            issue_from(own_ca(constraint), NAMES)


def test_the_key_is_not_shown(tls: Tls) -> None:
    assert "PRIVATE" not in repr(tls) + repr(Authority(tls.ca_pem, tls.key_pem))


def test_a_ca_that_is_none_is_refused(tls: Tls) -> None:
    own = own_ca()
    for authority, why in (
        (Authority(tls.cert_pem, tls.key_pem), "not that of a CA"),
        (Authority(own.cert_pem, tls.key_pem), "not that of the CA certificate"),
        (Authority(own.cert_pem, b"x"), "cannot be read"),
        (Authority(b"x", own.key_pem), "cannot be read"),
    ):
        with pytest.raises(TrustError, match=why):
            issue_from(authority, NAMES)

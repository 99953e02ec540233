import httpx
import pytest

from airgap.registry.auth.challenge import Challenge


@pytest.mark.parametrize(
    ("header", "scheme", "realm", "service"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x"', "bearer", "https://a/t", "s"),
        ("bearer realm=https://a/t , service=s", "bearer", "https://a/t", "s"),
        ('Basic realm="x"', "basic", "x", ""),
    ],
)
def test_challenges(header: str, scheme: str, realm: str, service: str) -> None:
    found = Challenge.of(httpx.Headers({"WWW-Authenticate": header}))
    assert found == Challenge(scheme, realm, service)


def test_a_bearer_challenge_is_preferred() -> None:
    headers = httpx.Headers(
        [("WWW-Authenticate", "Basic realm=x"), ("WWW-Authenticate", "Bearer realm=y")]
    )
    found = Challenge.of(headers)
    assert found is not None
    assert found.scheme == "bearer"
    assert Challenge.of(httpx.Headers({"WWW-Authenticate": "Negotiate"})) is None

import httpx
import pytest

from airgap.registry.auth.challenge import Challenge


@pytest.mark.parametrize(
    ("header", "scheme", "realm", "service"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x"', "bearer", "https://a/t", "s"),
        ("bearer realm=https://a/t , service=s", "bearer", "https://a/t", "s"),
        ('Basic realm="x"', "basic", "x", ""),
        ("BASIC", "basic", "", ""),
        ('Bearer\trealm = "https://a/t"', "bearer", "https://a/t", ""),
        ('Basic realm="x", Bearer realm="https://a/t",service="s"', "bearer", "https://a/t", "s"),
        ('Bearer realm="https://a/t",service="s", Basic realm="x"', "bearer", "https://a/t", "s"),
        ('Negotiate, Basic realm="x"', "basic", "x", ""),
        ('Negotiate YWJj==, NTLM, Basic realm="x"', "basic", "x", ""),
        ('Digest realm="d", nonce="Basic realm=n", Basic realm="x"', "basic", "x", ""),
        ('Basic realm="a, Bearer realm=b"', "basic", "a, Bearer realm=b", ""),
        (r'Bearer realm="https:\/\/a\/t"', "bearer", "https://a/t", ""),
        ('Bearer realm="https://a/t", realm="https://b/t"', "bearer", "https://a/t", ""),
        ('Bearer realm="https://a/t",scope=""', "bearer", "https://a/t", ""),
        ("Basic" + ", " * 1_000_000, "basic", "", ""),
        ("," * 1_000 + 'Basic realm="x"', "basic", "x", ""),
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


BEARER = 'Bearer realm="https://a/t",service="s"'


@pytest.mark.parametrize(
    ("header", "scheme", "realm"),
    [
        ('Negotiate, Basic realm="x"', "basic", "x"),
        ('NTLM, Negotiate YIIabc==, Basic realm="a, Bearer b"', "basic", "a, Bearer b"),
        ('Basic realm="x", charset="UTF-8", Negotiate', "basic", "x"),
        (f'Basic realm="x", {BEARER}', "bearer", "https://a/t"),
        (f'{BEARER}, Basic realm="x"', "bearer", "https://a/t"),
        ("Basic", "basic", ""),
    ],
)
def test_several_in_one_header(header: str, scheme: str, realm: str) -> None:
    found = Challenge.of(httpx.Headers({"WWW-Authenticate": header}))
    assert found is not None
    assert (found.scheme, found.realm) == (scheme, realm)


def test_a_scope_is_of_one_request() -> None:
    one, other = (
        Challenge.of(
            httpx.Headers({"WWW-Authenticate": f'{BEARER},scope="repository:{name}:pull"'})
        )
        for name in "ab"
    )
    assert one == other
    assert one is not None
    assert one.scope == "repository:a:pull"

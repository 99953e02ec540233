import httpx
import pytest

from airgap.errors import TrustError
from airgap.registry.auth.realms import Realms
from airgap.registry.places import Places
from tests.support.stack import addresses

OPEN = addresses(inside_example=["10.0.0.5"])


def check(realm: str, base: str, *, secret: bool, trusted: tuple[str, ...] = ()) -> httpx.URL:
    realms = Realms("r.example", frozenset(trusted), Places(OPEN))
    return realms.check(realm, httpx.URL(base), secret=secret)


@pytest.mark.parametrize(
    ("base", "realm"),
    [
        ("https://r.example", "https://r.example/token"),
        ("https://r.example:5000", "https://r.example:5000/token?account=x"),
        ("http://r.example:5000", "http://r.example:5000/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/token"),
        ("https://[::1]:5000", "https://[::1]:5000/token"),
        # GitLab: the registry at a port of the host, or below it
        ("https://gitlab.example:5050", "https://gitlab.example/jwt/auth"),
        ("https://registry.gitlab.example", "https://gitlab.example/jwt/auth"),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("http://r.example:5000", "https://r.example/token"),
        ("http://r.example:5000", "http://r.example/token"),
        # known pairs
        ("https://registry-1.docker.io", "https://auth.docker.io/token"),
        ("https://docker.elastic.co", "https://docker-auth.elastic.co/auth"),
    ],
)
def test_where_a_password_goes(base: str, realm: str) -> None:
    assert check(realm, base, secret=True) == httpx.URL(realm)


@pytest.mark.parametrize(
    ("base", "realm"),
    [
        # another program of the same host is another's
        ("https://r.example", "https://r.example:8443/token"),
        ("https://r.example:5000", "https://r.example:5001/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ("https://127.0.0.1:5000", "https://127.0.0.2/token"),
        # a neighbour may be a stranger: below fly.dev, blogspot.com, asso.fr and thousands more
        ("https://r.example.org", "https://auth.example.org/token"),
        ("https://mine.fly.dev", "https://yours.fly.dev/token"),
        ("https://mine.asso.fr", "https://yours.asso.fr/token"),
        ("https://r.example", "https://auth.r.example/token"),
        ("https://r.example", "https://evil.example/token"),
        ("https://r.example", "https://r.example.evil.example/token"),
        ("https://xr.example", "https://r.example/token"),
        ("https://auth.docker.io", "https://registry-1.docker.io/token"),
        ("https://1.2.3.4", "https://3.4/token"),
    ],
)
def test_where_a_password_does_not_go_unless_it_is_told_to(base: str, realm: str) -> None:
    with pytest.raises(TrustError, match=r"token server .*, which is not its own") as caught:
        check(realm, base, secret=True)
    name = httpx.URL(realm).netloc.decode()
    assert f"--trust-realm {name}" in caught.value.hint
    for trusted in (name, httpx.URL(realm).host):
        assert check(realm, base, secret=True, trusted=(trusted,)) == httpx.URL(realm)
    with pytest.raises(TrustError):
        check(realm, base, secret=True, trusted=("other.example", f"{httpx.URL(realm).host}:1"))


@pytest.mark.parametrize(
    ("base", "realm"),
    [
        ("https://lscr.io", "https://ghcr.io/token"),
        ("https://r.example.org", "https://auth.example.org/token"),
        ("https://10.0.0.1", "https://10.0.0.2/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ("http://r.example", "http://auth.example/token"),
    ],
)
def test_who_has_no_password_asks_anywhere(base: str, realm: str) -> None:
    assert check(realm, base, secret=False) == httpx.URL(realm)


@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize(
    ("base", "realm"),
    [
        ("https://r.example", "http://r.example/token"),
        ("https://r.example", "https://u:p@r.example/token"),
        ("https://r.example", "https://u@r.example/token"),
        ("https://r.example", "https://169.254.169.254/token"),
        ("http://r.example", "http://169.254.169.254/latest/meta-data"),
        ("https://r.example", "https://127.0.0.1/token"),
        ("https://r.example", "https://localhost/token"),
        ("https://r.example", "https://10.0.0.5/token"),
        ("http://r.example", "http://inside.example/token"),
        ("http://127.0.0.1:5000", "http://169.254.169.254/token"),
        ("https://r.example", "file:///etc/passwd"),
        ("https://r.example", "https://:99999999/"),
        ("https://r.example", "https://[::1/"),
        ("https://r.example", "token"),
        ("https://r.example", "/token"),
        ("https://r.example", ""),
        ("https://r.example", "https://\x00/"),
    ],
)
def test_where_nobody_is_sent(base: str, realm: str, secret: bool) -> None:
    with pytest.raises(TrustError, match="token server") as caught:
        check(realm, base, secret=secret)
    assert "--trust-realm" in caught.value.hint
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()

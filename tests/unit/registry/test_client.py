import contextlib

import pytest

from airgap.errors import InputError
from airgap.registry.credentials import Credentials
from airgap.registry.options import Options
from airgap.registry.route import is_insecure, proxy_for
from airgap.sources.registry import endpoint_of


@pytest.mark.parametrize(
    ("mirror", "base", "prefix"),
    [
        ("mirror.example.org", "//mirror.example.org", ""),
        ("mirror.example.org/hub/proxy/", "//mirror.example.org", "hub/proxy"),
        ("http://127.0.0.1:5000/x", "http://127.0.0.1:5000", "x"),
        ("https://[::1]:5000", "https://[::1]:5000", ""),
    ],
)
def test_mirrors(mirror: str, base: str, prefix: str) -> None:
    found = endpoint_of("docker.io", Options(mirrors={"docker.io": mirror}))
    assert (found.base, found.prefix) == (base, prefix)
    assert found.repository("library/nginx") == f"{prefix}/library/nginx".lstrip("/")


def test_docker_hub_s_own_address() -> None:
    assert endpoint_of("docker.io", Options()).host == "registry-1.docker.io"
    assert endpoint_of("quay.io", Options()).host == "quay.io"
    with pytest.raises(InputError, match="no address of a mirror"):
        endpoint_of("quay.io", Options(mirrors={"quay.io": "ftp://x"}))


@pytest.mark.parametrize(
    ("host", "proxied"),
    [
        ("quay.io", True),
        ("internal.example.org", False),
        ("example.org", False),
        ("notexample.org", True),
        ("localhost", False),
        ("127.0.0.1", False),
    ],
)
def test_which_hosts_are_proxied(host: str, proxied: bool) -> None:
    proxies = {"https": "proxy:3128", "no": "localhost, .example.org"}
    assert (proxy_for(proxies, host, "https") == "http://proxy:3128") is proxied
    assert proxy_for({**proxies, "no": "*"}, host, "https") is None


def test_a_proxy_that_is_not_spoken_is_named() -> None:
    with pytest.raises(InputError, match="socks5 proxy") as caught:
        proxy_for({"all": "socks5://proxy:1080"}, "quay.io", "https")
    assert "https_proxy" in caught.value.hint


@pytest.mark.parametrize(
    ("entry", "host", "port", "direct"),
    [
        ("*.example.org", "a.example.org", 443, True),
        ("*.example.org", "notexample.org", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("example.org:5000", "example.org", 5000, True),
        ("example.org:5000", "example.org", 443, False),
        ("*", "anything", 443, True),
        ("", "anything", 443, False),
    ],
)
def test_no_proxy(entry: str, host: str, port: int, direct: bool) -> None:
    proxies = {"https": "proxy:3128", "no": entry}
    assert (proxy_for(proxies, host, "https", port) is None) is direct


def test_insecure_is_for_that_host_alone() -> None:
    options = Options(insecure=frozenset({"a.test", "b.test:5000", "[::1]:5000"}))
    assert is_insecure(options, "a.test", None)
    assert is_insecure(options, "b.test", 5000)
    assert is_insecure(options, "::1", 5000)
    assert not is_insecure(options, "b.test", None)
    assert not is_insecure(options, "auth.a.test", None)


@pytest.mark.parametrize("auth", ["5", "null", '"%%%"', "[]"])
def test_a_config_that_is_odd(tmp_path, auth: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "config.json"
    path.write_text('{"auths": {"quay.io": {"auth": ' + auth + "}}}")
    with contextlib.suppress(InputError):  # never an error of another kind
        assert Credentials(path).of("quay.io") is None


def test_credentials_of_docker_s_config(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "config.json"
    path.write_text(
        '{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0"},'
        ' "quay.io": {"identitytoken": "token"}}}'
    )
    found = Credentials(path)
    hub, quay = found.of("registry-1.docker.io"), found.of("quay.io")
    assert hub is not None
    assert (hub.username, hub.password) == ("me", "secret")
    assert quay is not None
    assert quay.identity_token == "token"
    assert found.of("ghcr.io") is None
    assert "secret" not in repr(hub)
    assert Credentials(None).of("quay.io") is None


def test_a_credential_helper_that_is_missing_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "config.json"
    path.write_text('{"credHelpers": {"quay.io": "gone"}}')
    with pytest.raises(InputError, match=r"cannot get the credentials for quay\.io"):
        Credentials(path).of("quay.io")

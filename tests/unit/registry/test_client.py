import pytest

from airgap.errors import InputError
from airgap.registry.options import Options
from airgap.registry.route import is_insecure
from airgap.sources.clients import endpoint_of


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
    with pytest.raises(InputError, match="not the address of a mirror"):
        endpoint_of("quay.io", Options(mirrors={"quay.io": "ftp://x"}))


def test_insecure_is_for_that_host_alone() -> None:
    options = Options(insecure=frozenset({"a.test", "b.test:5000", "[::1]:5000"}))
    assert is_insecure(options, "a.test", None)
    assert is_insecure(options, "b.test", 5000)
    assert is_insecure(options, "::1", 5000)
    assert not is_insecure(options, "b.test", None)
    assert not is_insecure(options, "auth.a.test", None)

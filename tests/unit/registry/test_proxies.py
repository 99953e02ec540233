"""Through proxies: which hosts are, and a whole pull and push through each kind."""

import base64
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.oci.descriptor import OCI_MANIFEST
from airgap.oci.reference import Reference
from airgap.registry.errors import FailedError
from airgap.registry.options import Options
from airgap.registry.proxies import proxy_for
from airgap.registry.wire.proxy import Proxy
from airgap.sources.registry import RegistrySource
from airgap.targets.registry import RegistryTarget
from tests.support.clock import FakeClock
from tests.support.peer import answer
from tests.support.registry import MemoryRegistry
from tests.support.registry.storage import ca_pem, tls
from tests.support.tunnel import Tunnels, tunnels
from tests.unit.registry.test_field import BODY, FOUND, LAYER, MANIFEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proxy", Proxy("http", "proxy", 80)),
        ("proxy:3128", Proxy("http", "proxy", 3128)),
        ("http://proxy:3128/", Proxy("http", "proxy", 3128)),
        ("HTTP://Proxy:3128", Proxy("http", "proxy", 3128)),
        ("https://proxy", Proxy("https", "proxy", 443)),
        ("http://[::1]:3128", Proxy("http", "::1", 3128)),
        ("[::1]:3128", Proxy("http", "::1", 3128)),
    ],
)
def test_addresses_of_proxies(text: str, expected: Proxy) -> None:
    assert proxy_for({"https": text}, "quay.io", "https") == expected


def test_credentials_in_the_address_of_a_proxy() -> None:
    found = Proxy.parse("http://me%40x:p%3Ass%20w%C3%B6rd@proxy:3128")
    pair = base64.b64decode(found.credentials.removeprefix("Basic "))
    assert pair.decode() == "me@x:p:ss w\xf6rd"
    assert Proxy.parse("http://me@proxy").credentials == "Basic bWU6"
    assert found.credentials not in repr(found)


@pytest.mark.parametrize(
    "text", ["http://", "http://me:canary@proxy:port", "http://me:canary@:3128", "https://[::1"]
)
def test_an_address_that_is_none_is_told_without_its_password(text: str) -> None:
    with pytest.raises(InputError, match="https_proxy, which is not the address") as caught:
        proxy_for({"https": text}, "quay.io", "https")
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("kind", ["socks5", "socks5h", "socks4", "SOCKS5", "quic"])
def test_a_proxy_that_is_not_spoken_is_named_with_the_way_out(kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind} proxy") as caught:
        proxy_for({"all": f"{kind}://proxy:1080"}, "quay.io", "https")
    assert "https_proxy" in caught.value.hint
    assert "no_proxy" in caught.value.hint
    assert proxy_for({"all": f"{kind}://proxy:1080", "no": "quay.io"}, "quay.io", "https") is None


def test_which_variable_counts() -> None:
    proxies = {"http": "a", "https": "b", "all": "c"}
    assert [
        getattr(proxy_for(given, "quay.io", scheme), "host", None)
        for given in (proxies, {"all": "c"}, {"http": "a"}, {})
        for scheme in ("http", "https")
    ] == ["a", "b", "c", "c", "a", None, None, None]


@pytest.mark.parametrize(
    ("listed", "host", "port", "direct"),
    [
        ("*", "quay.io", 443, True),
        ("a, *", "quay.io", 443, True),
        ("", "quay.io", 443, False),
        (",, ,", "quay.io", 443, False),
        ("example.org", "example.org", 443, True),
        ("example.org", "a.b.example.org", 443, True),
        ("example.org", "notexample.org", 443, False),
        ("example.org", "example.org.evil", 443, False),
        (".example.org", "a.example.org", 443, True),
        (".example.org", "example.org", 443, True),
        (".example.org", "notexample.org", 443, False),
        ("*.example.org", "a.example.org", 443, True),
        ("*.example.org", "notexample.org", 443, False),
        ("Example.ORG", "EXAMPLE.org", 443, True),
        ("example.org.", "example.org", 443, True),
        ("example.org", "example.org.", 443, True),
        ("a.b example.org", "example.org", 443, True),
        ("x,example.org ,y", "example.org", 443, True),
        ("example.org:5000", "example.org", 5000, True),
        ("example.org:5000", "a.example.org", 5000, True),
        ("example.org:5000", "example.org", 443, False),
        ("example.org:443", "example.org", 443, True),
        ("*.example.org:5000", "a.example.org", 5000, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:5000", "10.1.2.3", 5000, True),
        ("10.1.2.3:5000", "10.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.33", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3/8", "10.9.9.9", 443, True),
        ("10.0.0.0/8", "10.example.org", 443, False),
        ("2001:db8::1", "2001:db8::1", 443, True),
        ("[2001:db8::1]", "2001:db8::1", 443, True),
        ("[2001:db8::1]:5000", "2001:db8::1", 5000, True),
        ("[2001:db8::1]:5000", "2001:db8::1", 443, False),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1", 443, True),
        ("2001:db8::/32", "2001:db8:1::5", 443, True),
        ("2001:db8::/32", "2001:db9::5", 443, False),
        ("2001:db8::/32", "10.0.0.1", 443, False),
        ("10.0.0.0/99", "10.0.0.1", 443, False),
        (".", "quay.io", 443, False),
        ("nothing", "localhost", 443, True),
        ("nothing", "127.8.8.8", 443, True),
        ("nothing", "::1", 443, True),
    ],
)
def test_which_hosts_are_reached_directly(listed: str, host: str, port: int, direct: bool) -> None:
    proxies = {"https": "http://proxy:3128", "no": listed}
    assert (proxy_for(proxies, host, "https", port) is None) is direct


class Site:
    """A registry that is reached through a proxy alone, under a name that nobody can look up."""

    def __init__(self, registry: MemoryRegistry, proxy: Tunnels) -> None:
        self.registry, self.proxy, self.clock = registry, proxy, FakeClock()
        self.address = f"registry.test:{registry.address.rpartition(':')[2]}"
        self.proxies: dict[str, str] = {"all": proxy.url}
        self.more: dict[str, object] = {}
        registry.content.add_blob("a/b", BODY)
        registry.content.add_manifest("a/b", MANIFEST, OCI_MANIFEST, "1")

    @property
    def options(self) -> Options:
        return Options(
            clock=self.clock,
            proxies=self.proxies,
            ca_pem=self.registry.ca_pem,
            insecure=frozenset({self.address}),
            **self.more,  # type: ignore[arg-type]
        )

    def pull(self) -> None:
        reference, content = Reference.parse(f"{self.address}/a/b:1"), bytearray()
        with RegistrySource(self.options) as source:
            assert source.resolve(reference) == (FOUND, MANIFEST)
            for _ in range(3):
                content.clear()
                source.fetch(reference, LAYER, content.extend)
                assert content == BODY

    def push(self) -> None:
        with RegistryTarget(self.address, self.options) as target:
            assert target.put_blob("c/d", LAYER, lambda: iter([memoryview(BODY)]))
            target.put_manifest("c/d", "1", FOUND, MANIFEST)
            assert target.find_manifest("c/d", "1") == FOUND.digest

    def fails(self, kind: type[AirgapError] = NetworkError) -> AirgapError:
        with pytest.raises(kind) as caught:
            self.pull()
        return caught.value


@pytest.fixture(params=["http", "https"], ids=["proxy by http", "proxy by TLS"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The registry speaks TLS with a certificate for another name, which is not asked about."""
    context = tls() if request.param == "https" else None
    with MemoryRegistry(tls=tls()) as registry, tunnels(tls=context) as proxy:
        registry.ca_pem, registry.relative = ca_pem(), True
        yield Site(registry, proxy)


def test_a_pull_and_a_push_through_a_tunnel(site: Site) -> None:
    site.pull()
    site.push()
    assert set(site.proxy.asked) == {("CONNECT", site.address)}
    assert len(site.proxy.asked) == 2, "connections are kept"
    assert all("registry.test" in head for head in site.proxy.heads)


def test_a_proxy_that_wants_a_login_gets_it_and_the_registry_does_not(site: Site) -> None:
    site.proxy.login = "Basic bWU6c2VjcmV0"
    site.proxies = {"https": site.proxy.url.replace("://", "://me:secret@")}
    site.pull()
    assert all("Proxy-Authorization" not in r.headers for r in site.registry.requests)


def test_plain_requests_are_handed_to_the_proxy() -> None:
    with MemoryRegistry() as registry, tunnels(login="Basic bWU6c2VjcmV0") as proxy:
        site = Site(registry, proxy)
        address = f"http://{site.address}"
        site.more = {"mirrors": {"docker.io": address}}
        site.proxies = {"http": proxy.url.replace("://", "://me:secret@")}
        with RegistrySource(site.options) as source:
            assert source.resolve(Reference.parse("docker.io/a/b:1")) == (FOUND, MANIFEST)
        assert proxy.asked == [("GET", f"{address}/v2/a/b/manifests/1")]
        assert all("Proxy-Authorization" not in r.headers for r in registry.requests)


@pytest.mark.parametrize("tries", [403, 407, 502, 503, 504, 302, 500])
def test_a_refusal_is_told_as_the_proxy_s(site: Site, tries: int) -> None:
    body = json.dumps({"message": "policy"}).encode()
    site.proxy.refuses = answer(body, f"{tries} No", "Location: https://portal.test/login")
    error = site.fails(FailedError)
    who = f"127.0.0.1:{site.proxy.port} (the proxy on the way to {site.address})"
    assert f"{who} answered {tries} (policy) to GET" in error.message
    assert "registry.test into no_proxy" in error.hint
    assert ("USER:PASSWORD@" in error.hint) is (tries == 407)
    assert ("docker login" in error.hint) is False
    probes = 1
    assert len(site.proxy.asked) == probes + (6 if tries >= 500 else 1)
    assert site.registry.connections == 0


def test_a_login_that_plain_requests_lack_is_told_as_the_proxy_s() -> None:
    with MemoryRegistry() as registry, tunnels(login="Basic bWU6c2VjcmV0") as proxy:
        site = Site(registry, proxy)
        site.more = {"mirrors": {"docker.io": f"http://{site.address}"}}
        with RegistrySource(site.options) as source, pytest.raises(FailedError) as caught:
            source.resolve(Reference.parse("docker.io/a/b:1"))
        assert "the proxy on the way to" in caught.value.message
        assert "USER:PASSWORD@" in caught.value.hint


def test_a_proxy_that_passes_is_tried_again(site: Site) -> None:
    talk, left = site.proxy.talk, [answer(b"", "503 Later"), b""]

    def later(*arguments: object) -> None:
        site.proxy.refuses = left.pop(0) if left else b""
        talk(*arguments)  # type: ignore[arg-type]

    site.more = {"mirrors": {site.address: f"https://{site.address}"}}
    object.__setattr__(site.proxy, "talk", later)
    with MemoryRegistry() as _:
        site.pull()


def test_a_proxy_that_is_not_there_is_named() -> None:
    with MemoryRegistry(tls=tls()) as registry, tunnels() as proxy:
        site = Site(registry, proxy)
        site.proxies = {"https": "http://127.0.0.1:1"}
        site.more = {"mirrors": {site.address: f"https://{site.address}"}}
        error = site.fails()
    assert f"{site.address}: no answer (the proxy 127.0.0.1:1: " in error.message
    assert "https_proxy" in error.hint


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n"])
def test_a_proxy_that_says_nothing_of_use(site: Site, said: bytes) -> None:
    site.more = {"mirrors": {site.address: f"https://{site.address}"}, "tries": 2}
    site.proxy.refuses = said or b"\r\n"
    assert f"the proxy 127.0.0.1:{site.proxy.port}" in site.fails().message


def test_the_certificate_of_a_proxy_is_the_proxy_s() -> None:
    with MemoryRegistry(tls=tls()) as registry, tunnels(tls=tls()) as proxy:
        site = Site(registry, proxy)  # which nobody trusts: no CA is named
        error = site.fails(TrustError)
    assert f"the proxy 127.0.0.1:{proxy.port}" in error.message
    assert "the CA of the proxy" in error.hint


def test_the_certificate_of_a_registry_behind_a_proxy_is_the_registry_s(site: Site) -> None:
    site.more = {"insecure": frozenset()}
    options = Options(clock=site.clock, proxies=site.proxies, ca_pem=ca_pem())
    with RegistrySource(options) as source, pytest.raises(TrustError) as caught:
        source.resolve(Reference.parse(f"{site.address}/a/b:1"))
    assert caught.value.message.startswith(f"{site.address}: its certificate is not valid")


def test_a_host_that_is_excluded_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    site.proxies = {"all": site.proxy.url, "no": "registry.test"}
    site.more = {"tries": 1}
    assert "no answer" in site.fails().message
    assert site.proxy.asked == []


def test_a_context_is_made_for_each_way_once() -> None:
    """What is insecure for one registry is not for the proxy before it."""
    from airgap.registry.route import Route

    route = Route(Options(proxies={"https": "https://proxy"}, insecure=frozenset({"a.test"})))
    made = route._transport(insecure=True, proxy=Proxy("https", "proxy", 443))
    assert made._tls.verify_mode == ssl.CERT_NONE
    assert made._proxy_tls.verify_mode == ssl.CERT_REQUIRED
    assert route._transport(insecure=True, proxy=Proxy("https", "proxy", 443)) is made
    route.close()


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_an_exception_for_a_port_holds_for_the_scheme_s_own(scheme: str, port: int) -> None:
    proxies = {"all": "http://proxy:3128"}
    assert proxy_for(proxies | {"no": f"quay.io:{port}"}, "quay.io", scheme) is None
    assert proxy_for(proxies | {"no": f"quay.io:{port + 1}"}, "quay.io", scheme)

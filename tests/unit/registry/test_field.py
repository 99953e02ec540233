"""What people met with registries, against a registry in memory, through pull and push."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.registry.errors import FailedError
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.targets.registry import RegistryTarget
from tests.support import archives
from tests.support.clock import FakeClock
from tests.support.registry import Fault, MemoryRegistry, error, on, redirect
from tests.support.registry.doors import Passwords, Tokens
from tests.support.registry.storage import Storage, behind_redirects, ca_pem
from tests.support.serving import Answer

BODY = b"layer" * 10_000
LAYER = Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(BODY), len(BODY))
CONFIG = LAYER.to_json() | {"mediaType": "application/vnd.oci.image.config.v1+json"}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER.to_json()]}
).encode()
FOUND = Descriptor(OCI_MANIFEST, Digest.of(MANIFEST), len(MANIFEST))


class Field:
    """A registry with one image, and both ends of airgap for it."""

    def __init__(self, registry: MemoryRegistry, folder: Path) -> None:
        self.registry, self.folder, self.clock = registry, folder, FakeClock()
        self.login = False
        self.files: dict[str, Path] = {}
        registry.content.add_blob("a/b", BODY)
        registry.content.add_manifest("a/b", MANIFEST, OCI_MANIFEST, "1")

    @property
    def options(self) -> Options:
        path = self.folder / "login.json"
        auths = {self.registry.address: {"auth": "bWU6c2VjcmV0"}} if self.login else {}
        path.write_text(json.dumps({"auths": auths}))
        files = self.files or {"docker_config": path}
        return Options(clock=self.clock, ca_pem=self.registry.ca_pem, **files)

    @property
    def reference(self) -> Reference:
        return Reference.parse(f"{self.registry.address}/a/b:1")

    def pull(self) -> bytes:
        content = bytearray()
        with RegistrySource(self.options) as source:
            assert source.resolve(self.reference) == (FOUND, MANIFEST)
            source.fetch(self.reference, LAYER, content.extend)
        return bytes(content)

    def push(self, repository: str = "c/d") -> Digest | None:
        with RegistryTarget(self.registry.address, self.options) as target:
            target.put_blob(repository, LAYER, lambda: iter([memoryview(BODY)]))
            target.put_manifest(repository, "1", FOUND, MANIFEST)
            return target.find_manifest(repository, "1")

    def fails(self, kind: type[AirgapError] = NetworkError) -> AirgapError:
        with pytest.raises(kind) as caught:
            self.pull()
        return caught.value


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with MemoryRegistry() as registry:
        yield Field(registry, tmp_path)


@pytest.fixture(params=[False, True], ids=["http", "TLS"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Field, Storage]]:
    with behind_redirects(secure=request.param) as (registry, storage):
        registry.ca_pem = ca_pem() if request.param else b""
        yield Field(registry, tmp_path), storage


class TestHidden:
    """A registry that lets anybody in, and challenges at ``/v2/`` alone."""

    @pytest.mark.parametrize("hidden", [401, 403, 404])
    @pytest.mark.parametrize("tokens", [True, False])
    def test_credentials_are_shown(self, field: Field, hidden: int, tokens: bool) -> None:
        users = {"me": "secret"}
        field.registry.door = (
            Tokens(field.registry, users, lambda user, *_: user == "me", hidden=hidden,
                   challenges=False)
            if tokens
            else Passwords(users, challenges=False, hidden=hidden)
        )  # fmt: skip
        field.login = True
        assert field.pull() == BODY
        assert field.push() == FOUND.digest
        doors = [r for r in field.registry.requests if r.path == "/v2/"]
        assert len(doors) == 2 * 2, "for the scheme, and once the door"

    @pytest.mark.parametrize("hidden", [401, 403])
    def test_who_has_none_is_told_so(self, field: Field, hidden: int) -> None:
        field.registry.door = Passwords({"me": "secret"}, challenges=False, hidden=hidden)
        assert "has no credentials for it" in field.fails(InputError).message

    def test_what_is_not_there_is_still_not_there(self, field: Field) -> None:
        field.login = True
        with RegistrySource(field.options) as source:
            gone = Reference.parse(f"{field.registry.address}/gone:1")
            for _ in range(5):
                with pytest.raises(InputError, match="does not exist"):
                    source.resolve(gone)
        assert len(field.registry.requests) == 5 + 2


class TestPaths:
    """Credentials for parts of a host."""

    @pytest.mark.parametrize("tokens", [True, False])
    @pytest.mark.parametrize("name", ["config.json", "auth.json"])
    def test_each_repository_is_asked_for_by_its_own(
        self, field: Field, name: str, tokens: bool
    ) -> None:
        users = {"first": "secret", "second": "secret"}
        owners = {"a/b": "first", "c/d": "second"}

        def owned(request: object) -> Answer | None:
            repository = request.repository  # type: ignore[attr-defined]
            user = owners.get(repository, "first")
            return Passwords({user: "secret"})(request)  # type: ignore[arg-type]

        field.registry.door = (
            Tokens(field.registry, users, lambda user, name, _: owners[name] == user)
            if tokens
            else owned
        )
        path = field.folder / name
        auths = {
            f"{field.registry.address}/{name}": {"username": user, "password": "secret"}
            for name, user in (("a", "first"), ("c/d", "second"))
        }
        path.write_text(json.dumps({"auths": auths}))
        field.files = {"docker_config" if name == "config.json" else "auth_file": path}
        assert field.pull() == BODY
        assert field.push() == FOUND.digest


class TestStorage:
    def test_an_address_that_has_expired_is_asked_for_again(
        self, stored: tuple[Field, Storage]
    ) -> None:
        field, storage = stored
        seen: list[str] = []

        def expired(request: object) -> Fault | None:
            seen.append("")
            body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Fault(status=403, body=body) if len(seen) == 1 else None

        storage.server.rules.insert(0, expired)
        assert field.pull() == BODY
        assert field.registry.count("GET", "/blobs/") == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 410, 500, 503])
    def test_it_is_told_as_the_storage_s(self, stored: tuple[Field, Storage], status: int) -> None:
        field, storage = stored
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        storage.server.rules.insert(0, on(Fault(status=status, body=body)))
        field.login = True
        error = field.fails(FailedError)
        who = f"{storage.server.address} (the storage of {field.registry.address})"
        told = f"{who} answered {status} (AccessDenied: Request has expired)"
        assert told in error.message
        assert "docker login" not in error.hint
        assert storage.server.count() == 6

    def test_a_throttled_storage_is_waited_for(self, stored: tuple[Field, Storage]) -> None:
        field, storage = stored
        storage.throttled = 3
        assert field.pull() == BODY
        assert len(field.clock.waits) == 3

    @pytest.mark.parametrize("fault", [Fault(drop=True), Fault(cut=20_000)])
    def test_one_that_breaks(self, stored: tuple[Field, Storage], fault: Fault) -> None:
        field, storage = stored
        storage.server.rules.insert(0, on(fault, times=1))
        assert field.pull() == BODY

    def test_a_blob_that_the_storage_lost(self, stored: tuple[Field, Storage]) -> None:
        field, storage = stored
        storage.server.rules.insert(0, on(Fault(status=404)))
        assert "(the storage of" in field.fails().message

    def test_it_gets_no_credentials(self, stored: tuple[Field, Storage]) -> None:
        field, storage = stored
        field.login = True
        field.registry.door = Passwords({"me": "secret"})
        assert field.pull() == BODY
        assert storage.server.count() == 1
        assert all("Authorization" not in r.headers for r in storage.server.requests)

    def test_connections_to_the_registry_are_kept(self, stored: tuple[Field, Storage]) -> None:
        field, storage = stored
        with RegistrySource(field.options) as source:
            for n in range(20):
                body = BODY + bytes([n])
                blob = Descriptor(
                    LAYER.media_type,
                    Digest.parse(field.registry.content.add_blob("a/b", body)),
                    len(body),
                )
                source.fetch(field.reference, blob, lambda _: None)
        # one that finds out the scheme, one that is kept
        assert field.registry.connections <= 2
        assert storage.server.connections == 1


class TestSick:
    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    def test_a_push_of_one_blob(self, field: Field, status: int) -> None:
        field.registry.rule = on(error(status, "UNKNOWN"), method="POST|PUT|PATCH")
        with pytest.raises(NetworkError):
            field.push()
        assert field.registry.count("POST") <= 8
        assert sum(field.clock.waits) <= 40

    def test_a_manifest(self, field: Field) -> None:
        field.registry.rule = on(
            error(500, "UNKNOWN", "no such table"), method="PUT", part="/manifests/"
        )
        with pytest.raises(NetworkError, match="no such table"):
            field.push()
        assert field.registry.count("PUT", "/manifests/") == 6

    def test_many_images_cost_one_request_each_and_no_wait(self, field: Field) -> None:
        field.registry.rule = on(Fault(status=503), method="GET|HEAD|POST|PUT")
        with RegistrySource(field.options) as source:
            for n in range(100):
                with pytest.raises(NetworkError, match="503"):
                    source.resolve(Reference.parse(f"{field.registry.address}/a{n}:1"))
        assert len(field.registry.requests) <= 110
        assert sum(field.clock.waits) <= 40

    def test_a_host_that_is_gone_costs_its_tries_once(self, field: Field) -> None:
        field.registry.close()
        with RegistrySource(field.options) as source:
            for n in range(100):
                with pytest.raises(NetworkError, match="no answer"):
                    source.resolve(Reference.parse(f"{field.registry.address}/a{n}:1"))
        assert len(field.clock.waits) == 5

    def test_what_other_hosts_have_goes_on(self, field: Field, tmp_path: Path) -> None:
        field.registry.rule = on(Fault(status=503))
        folder = tmp_path / "other"
        folder.mkdir()
        with MemoryRegistry(host="localhost") as other, RegistrySource(field.options) as source:
            found = Field(other, folder)
            with pytest.raises(NetworkError):
                source.resolve(field.reference)
            assert source.resolve(found.reference) == (FOUND, MANIFEST)


class TestElsewhere:
    def test_tokens_of_another_host_are_for_anybody(self, field: Field) -> None:
        with MemoryRegistry(host="localhost") as other:
            tokens = Tokens(field.registry)
            other.pages["/token"] = field.registry.pages["/token"]
            tokens.realm = f"{other.url}/token"
            field.registry.door = tokens
            assert field.pull() == BODY
            field.login = True
            assert "not its own" in field.fails(TrustError).message

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_token_address_that_moves(self, field: Field, status: int) -> None:
        tokens = Tokens(field.registry)
        field.registry.pages["/new"] = field.registry.pages["/token"]

        def moved(request: object, _: bytes) -> Answer:
            query = request.path.partition("?")[2]  # type: ignore[attr-defined]
            return Answer(status, {"Location": f"/new?{query}"})

        field.registry.pages["/token"] = moved
        field.registry.door = tokens
        assert field.pull() == BODY
        assert field.push() == FOUND.digest

    def test_nobody_is_led_to_the_services_of_a_cloud(self, field: Field) -> None:
        field.registry.rule = on(redirect("http://169.254.169.254/latest"), method="GET")
        assert "inside of this network" in field.fails(TrustError).message

    def test_cookies_are_neither_kept_nor_sent(self, field: Field) -> None:
        field.registry.rule = on(Fault(add={"Set-Cookie": "canary=1; Path=/"}))
        assert field.pull() == BODY
        assert field.push() == FOUND.digest
        assert all("Cookie" not in r.headers for r in field.registry.requests)


class TestOdd:
    @pytest.mark.parametrize("part", ["/manifests/", "/blobs/", "/token", ""])
    def test_compressed_in_spite_of_identity(self, field: Field, part: str) -> None:
        field.registry.door = Tokens(field.registry)
        field.registry.rule = on(Fault(gzip=True), method="GET", part=part)
        assert field.pull() == BODY
        assert {r.headers["Accept-Encoding"] for r in field.registry.requests} == {"identity"}

    def test_a_manifest_that_unpacks_without_end(self, field: Field) -> None:
        bomb = archives.zeros(20)
        field.registry.rule = on(
            Fault(status=200, body=bomb, headers={"Content-Encoding": "gzip"}), part="/manifests/"
        )
        assert "more than" in field.fails(InputError).message

    @pytest.mark.parametrize("status", [200, 403, 404, 502])
    def test_a_page_for_browsers(self, field: Field, status: int) -> None:
        page = b"<!doctype html><html><title>Log in to the network</title></html>"
        field.registry.rule = on(Fault(status=status, body=page), part="/manifests/")
        error = field.fails(AirgapError)
        if status != 404:
            assert "a page for browsers" in error.message
            words = "run the same command again" if status == 502 else "login page or a filter"
            assert words in error.hint

    def test_a_registry_that_takes_oci_types_alone(self, field: Field) -> None:
        from tests.support.registry import quirks

        quirks.oci_only(field.registry)
        docker = Descriptor(
            "application/vnd.docker.distribution.manifest.v2+json", FOUND.digest, FOUND.size
        )
        with (
            RegistryTarget(field.registry.address, field.options) as target,
            pytest.raises(InputError, match="unsupported media type") as caught,
        ):
            target.put_manifest("c/d", "1", docker, MANIFEST)
        assert "other media types" in caught.value.hint

"""The two doors, as the cluster's registry is configured, on one folder: who gets in where."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest

from airgap.cluster.doors.door import DOORS, READER, WRITER, Door
from airgap.cluster.doors.login import READING_USER, Login
from airgap.cluster.objects import configuration
from airgap.errors import AirgapError
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES
from airgap.progress import Silent
from airgap.registry.credentials import Credential
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.support.images import Maker
from tests.support.registries import KINDS, Registry

LOGIN, READING = Login.new(), Login.new(READING_USER)


class Doorway(Registry):
    """A registry process behind one door."""

    def __init__(self, kind: str, folder: Path, door: Door, *, guarded: bool) -> None:
        super().__init__(kind, folder, tls=True)
        readers = b"" if door.writes else READING.htpasswd()
        (folder / "htpasswd").write_bytes(readers + LOGIN.htpasswd())
        text = configuration.render(door, guarded=guarded)
        for old, new in (
            (f":{door.port}\n", f"{self.address}\n"),
            (configuration.CONTENT, str(folder.parent / "content")),
            (configuration.CERTIFICATE, str(folder)),
            (configuration.LOGIN, str(folder)),
        ):
            assert old in text or (door is READER and old == configuration.LOGIN)
            text = text.replace(old, new)
        self.text = text

    def _config(self) -> str:
        return self.text

    def client(self, login: tuple[str, str] | None = None) -> httpx.Client:
        verify = ssl.create_default_context(cadata=self.ca_pem.decode())
        accept = {"Accept": ", ".join(MANIFEST_TYPES + INDEX_TYPES)}
        base = f"https://{self.address}"
        return httpx.Client(base_url=base, verify=verify, auth=login, headers=accept)


class Doors:
    def __init__(self, kind: str, folder: Path, *, guarded: bool = False) -> None:
        (folder / "content").mkdir()
        self.writer, self.reader = (
            Doorway(kind, folder / door.name, door, guarded=guarded) for door in DOORS
        )

    @contextmanager
    def open(self) -> Iterator[Self]:
        """Run both."""
        running: list[Doorway] = []
        try:
            for each in (self.writer, self.reader):
                each.start()
                running.append(each)
            yield self
        finally:
            for each in running:
                each.stop()

    def push(self, layout: Layout, login: Login | None) -> None:
        credential = Credential(login.user, login.password) if login else None
        options = Options(ca_pem=self.writer.ca_pem, tries=1)
        with RegistryTarget(self.writer.address, options, credential=credential) as target:
            push(layout.images, layout, target, Silent()).check()


@pytest.fixture(params=KINDS)
def doors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Doors]:
    with Doors(request.param, tmp_path).open() as found:
        yield found


@pytest.fixture(params=KINDS)
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Doors]:
    """Doors that ask for a password where they read, too."""
    with Doors(request.param, tmp_path, guarded=True).open() as found:
        yield found


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    maker.image(maker.bytes(1000), name="docker.io/library/nginx:1.22")
    return maker.layout()


NGINX = "/v2/docker.io/library/nginx"
WRITES = (
    ("POST", f"{NGINX}/blobs/uploads/"),
    ("POST", f"{NGINX}/blobs/uploads/?mount={{digest}}&from=docker.io/library/other"),
    ("PUT", f"{NGINX}/manifests/1.22"),
    ("DELETE", f"{NGINX}/manifests/1.22"),
    ("DELETE", f"{NGINX}/manifests/{{digest}}"),
    ("DELETE", f"{NGINX}/blobs/{{digest}}"),
)


def test_whoever_has_the_password_writes_and_all_read(doors: Doors, layout: Layout) -> None:
    doors.push(layout, LOGIN)
    digest = str(layout.images[0].root.digest)
    with doors.reader.client() as reader:
        assert reader.get("/v2/_catalog").json() == {"repositories": ["docker.io/library/nginx"]}
        assert reader.get(f"{NGINX}/tags/list").json()["tags"] == ["1.22"]
        found = reader.head(f"{NGINX}/manifests/1.22")
        assert found.headers["Docker-Content-Digest"] == digest
        for blob in layout.images[0].blobs:
            assert len(reader.get(f"{NGINX}/blobs/{blob.digest}").content) == blob.size


@pytest.mark.parametrize("login", [None, Login("airgap", "guessed"), Login("root", "")])
def test_the_writer_answers_nobody_else(doors: Doors, layout: Layout, login: Login | None) -> None:
    with pytest.raises(AirgapError, match=r"401"):
        doors.push(layout, login)
    pair = (login.user, login.password) if login else None
    with doors.writer.client(pair) as writer:
        assert writer.get("/v2/").status_code == 401
        assert writer.get("/v2/_catalog").status_code == 401
        for method, path in WRITES:
            url = path.format(digest=layout.images[0].root.digest)
            assert writer.request(method, url, content=b"").status_code == 401, (method, url)
        assert writer.get("/").status_code == 200, "the kubelet looks here whether it is up"
    assert not list((doors.writer.folder.parent / "content").iterdir())


def test_nothing_is_written_through_the_reader(doors: Doors, layout: Layout) -> None:
    """With the password, too."""
    doors.push(layout, LOGIN)
    content = doors.writer.folder.parent / "content"
    before = sorted((path, path.stat().st_mtime_ns) for path in content.rglob("*"))
    for login in (None, (LOGIN.user, LOGIN.password)):
        with doors.reader.client(login) as reader:
            for method, path in WRITES:
                url = path.format(digest=layout.images[0].root.digest)
                assert reader.request(method, url, content=b"{}").status_code == 405, (method, url)
    assert sorted((path, path.stat().st_mtime_ns) for path in content.rglob("*")) == before


@pytest.mark.parametrize("login", [None, Login(READING_USER, "guessed"), Login("root", "")])
def test_a_guarded_reader_answers_nobody_without_a_password(
    guarded: Doors, layout: Layout, login: Login | None
) -> None:
    guarded.push(layout, LOGIN)
    digest = layout.images[0].root.digest
    with guarded.reader.client((login.user, login.password) if login else None) as reader:
        for path in ("/v2/", "/v2/_catalog", f"{NGINX}/tags/list", f"{NGINX}/manifests/{digest}"):
            assert reader.get(path).status_code == 401, path
        assert reader.get("/").status_code == 200, "the kubelet looks here whether it is up"


def test_who_has_a_password_reads_and_the_reader_s_writes_nothing(
    guarded: Doors, layout: Layout
) -> None:
    guarded.push(layout, LOGIN)
    for login in (READING, LOGIN):
        with guarded.reader.client((login.user, login.password)) as reader:
            assert reader.head(f"{NGINX}/manifests/1.22").status_code == 200
            for blob in layout.images[0].blobs:
                assert len(reader.get(f"{NGINX}/blobs/{blob.digest}").content) == blob.size
            assert reader.post(f"{NGINX}/blobs/uploads/").status_code == 405
    with guarded.writer.client((READING.user, READING.password)) as writer:
        assert writer.post(f"{NGINX}/blobs/uploads/").status_code == 401


def test_skopeo_logs_in(doors: Doors, layout: Layout, tmp_path: Path) -> None:
    doors.push(layout, LOGIN)
    target = f"docker://{doors.writer.address}/hello:1"
    command = [
        "skopeo", "copy", f"--src-cert-dir={doors.reader.folder}",
        f"--dest-cert-dir={doors.writer.folder}", f"docker://{doors.reader.address}{NGINX[3:]}:1.22",
        target,
    ]  # fmt: skip
    for folder in (doors.reader.folder, doors.writer.folder):
        for name in ("tls.crt", "tls.key"):
            (folder / name).rename(folder / f"{name}.kept")  # else it sends them as its own
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    command.insert(2, f"--dest-creds={LOGIN.user}:{LOGIN.password}")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with doors.reader.client() as reader:
        assert reader.head("/v2/hello/manifests/1").status_code == 200


def test_the_doors_are_what_the_service_leads_to() -> None:
    assert (READER.service_port, WRITER.writes, READER.writes) == (443, True, False)

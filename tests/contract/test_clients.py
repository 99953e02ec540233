"""Programs that people pull with, reading from serve and from distribution beside it.

docs/guide/serve.md lists what is tried here, and a test keeps that list true.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from airgap.progress import Silent
from airgap.serve.server import Server
from tests.contract.suite import put
from tests.support.registries import REPO, registry
from tests.support.site import CHART, IMAGE, Site

SERVERS = ("serve", "distribution")
_PAGE = REPO / "docs/guide/serve.md"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client works: a registry, what it has, and a folder of the client's own."""

    address: str
    site: Site
    folder: Path

    @property
    def image(self) -> str:
        return f"{self.address}/{IMAGE}"

    def run(self, *command: object) -> str:
        """Run a client; it ends well, or the test fails with its words."""
        name, *rest = map(str, command)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(
            [program(name), *rest], cwd=self.folder, env=environment, capture_output=True,
            text=True, timeout=240, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.fail(f"{name} {' '.join(rest)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def check_layout(self, name: str, *digests: str) -> None:
        """Check that an OCI layout has content, by its bytes' own names."""
        blobs = self.folder / name / "blobs/sha256"
        assert {digest[7:] for digest in digests} <= {path.name for path in blobs.iterdir()}


@functools.cache
def program(name: str) -> str:
    """Return a client: the lab builds some, and Debian has the others."""
    env = subprocess.run([REPO / "scripts/lab", "env"], check=True, stdout=subprocess.PIPE)
    built = Path(json.loads(env.stdout)["clients"]) / name
    found = str(built) if built.exists() else shutil.which(name)
    if not found:
        pytest.fail(f"{name} is missing: run scripts/lab build")
    return found


def crane(place: Place) -> None:
    """pull, digest, ls, catalog, validate"""
    place.run("crane", "pull", "--format=oci", f"{place.image}:1", "out")
    place.check_layout("out", place.site.root, *place.site.layers)
    assert place.run("crane", "digest", f"{place.image}:1").strip() == place.site.root
    assert "1" in place.run("crane", "ls", place.image).split()
    assert IMAGE in place.run("crane", "catalog", place.address).split()
    place.run("crane", "validate", "--remote", f"{place.image}@{place.site.mine}")


def regctl(place: Place) -> None:
    """image copy --referrers, tag ls, repo ls, artifact list"""
    ask = ("regctl", "--host", f"reg={place.address},tls=disabled")
    place.run(*ask, "image", "copy", "--referrers", f"{place.image}:1", "ocidir://out:1")
    place.check_layout("out", place.site.root, place.site.signature, *place.site.layers)
    assert "1" in place.run(*ask, "tag", "ls", place.image).split()
    assert IMAGE in place.run(*ask, "repo", "ls", place.address).split()
    assert place.site.signature in place.run(*ask, "artifact", "list", f"{place.image}:1")


def oras(place: Place) -> None:
    """cp -r, discover, repo tags, manifest fetch, blob fetch"""
    plain = "--plain-http"
    place.run(
        "oras", "cp", "-r", "--from-plain-http", f"{place.image}:1", "--to-oci-layout", "out:1"
    )
    place.check_layout("out", place.site.root, place.site.signature, *place.site.layers)
    found = place.run("oras", "discover", plain, "--format", "json", f"{place.image}:1")
    assert place.site.signature in found
    assert "1" in place.run("oras", "repo", "tags", plain, place.image).split()
    fetched = place.run("oras", "manifest", "fetch", plain, "--descriptor", f"{place.image}:1")
    assert json.loads(fetched)["digest"] == place.site.root
    layer = min(place.site.layers)
    place.run("oras", "blob", "fetch", plain, "-o", "layer", f"{place.image}@{layer}")


def skopeo(place: Place) -> None:
    """copy --all, inspect, list-tags, sync"""
    source, plain = f"docker://{place.image}", "--src-tls-verify=false"
    place.run("skopeo", "copy", "--all", plain, f"{source}:1", "oci:out:1")
    place.check_layout("out", place.site.root, *place.site.layers)
    found = json.loads(place.run("skopeo", "inspect", "--tls-verify=false", f"{source}:1"))
    assert found["Digest"] == place.site.root
    found = json.loads(place.run("skopeo", "list-tags", "--tls-verify=false", source))
    assert "1" in found["Tags"]
    command = ("skopeo", "sync", "--all", plain, "--src", "docker", "--dest", "dir")
    place.run(*command, f"{place.image}:1", "synced")


def podman(place: Place) -> None:
    """pull by tag and by digest"""
    with tempfile.TemporaryDirectory() as folder:  # podman takes short paths alone
        root = ("--root", f"{folder}/root", "--runroot", f"{folder}/run")
        ask = ("podman", *root, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs")
        for name in (f"{place.image}:1", f"{place.image}@{place.site.mine}"):
            place.run(*ask, "pull", "-q", "--tls-verify=false", name)
        place.run(*ask, "image", "exists", f"{place.image}:1")


def helm(place: Place) -> None:
    """pull, show chart"""
    chart = (f"oci://{place.address}/{CHART}", "--version", "1.0.0", "--plain-http")
    place.run("helm", "pull", *chart)
    assert (place.folder / "chart-1.0.0.tgz").exists()
    assert "name: chart" in place.run("helm", "show", "chart", *chart)


def ctr(place: Place) -> None:
    """images pull, content fetch by digest"""
    with tempfile.TemporaryDirectory() as folder, _containerd(Path(folder)) as socket:
        ask = ("ctr", "-a", socket)
        plain = ("--plain-http", "--platform", "linux/amd64")
        place.run(*ask, "images", "pull", "--snapshotter", "native", *plain, f"{place.image}:1")
        assert place.site.root in place.run(*ask, "images", "ls")
        place.run(*ask, "content", "fetch", "--plain-http", f"{place.image}@{place.site.mine}")


def docker(place: Place) -> None:
    """pull by tag and by digest"""
    with tempfile.TemporaryDirectory() as folder, _dockerd(Path(folder)) as socket:
        ask = ("docker", "-H", f"unix://{socket}")
        for name in (f"{place.image}:1", f"{place.image}@{place.site.mine}"):
            place.run(*ask, "pull", "-q", name)
        told = place.run(*ask, "image", "inspect", f"{place.image}:1")
        assert place.site.root in told


def _containerd(folder: Path) -> contextlib.AbstractContextManager[Path]:
    """Run a containerd of its own for the time of a block; yields its socket."""
    where = ["--root", folder / "root", "--state", folder / "state"]
    socket = folder / "socket"
    return _daemon(socket, "containerd", "-c", "/dev/null", "--address", socket, *where)


def _dockerd(folder: Path) -> contextlib.AbstractContextManager[Path]:
    """Run a dockerd without networks of its own for the time of a block; yields its socket."""
    where = ["--data-root", folder / "root", "--exec-root", folder / "run"]
    none = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
    socket = folder / "socket"
    return _daemon(socket, "dockerd", "-H", f"unix://{socket}", "-p", folder / "pid", *where, *none)


@contextlib.contextmanager
def _daemon(socket: Path, name: str, *arguments: object) -> Iterator[Path]:
    log = socket.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen([program(name), *map(str, arguments)], stdout=file, stderr=file)
    try:
        for _ in range(1200):
            if socket.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        if not socket.exists():
            pytest.fail(f"{name} does not answer: {log.read_text()[-2000:]}")
        yield socket
    finally:
        process.terminate()
        process.wait(60)


CLIENTS: Mapping[Callable[[Place], None], tuple[str, ...]] = {
    crane: ("crane", "version"),
    regctl: ("regctl", "version", "--format", "{{.VCSTag}}"),
    oras: ("oras", "version"),
    skopeo: ("skopeo", "--version"),
    podman: ("podman", "--version"),
    docker: ("dockerd", "--version"),
    helm: ("helm", "version", "--short"),
    ctr: ("ctr", "--version"),
}
"""Each client, and the command that tells its version."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site") / "layout")


@pytest.fixture(scope="module", params=SERVERS)
def address(
    request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "serve":
        with Server(site.layout.images, site.layout, ("127.0.0.1", 0), Silent()) as server:
            yield f"127.0.0.1:{server.port}"
            assert server.troubles == 0
    else:
        with registry("distribution", tmp_path_factory.mktemp("registry")) as found:
            put(site.layout, found)
            yield found.address


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads(
    client: Callable[[Place], None], address: str, site: Site, tmp_path: Path
) -> None:
    client(Place(address, site, tmp_path))


def _rows() -> Iterator[str]:
    for client, (name, *rest) in CLIENTS.items():
        command = [program(name), *rest]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        version = re.search(r"[0-9]+(?:\.[0-9]+)+", done.stdout)
        assert version, done.stdout
        yield f"| {client.__name__} | {version[0]} | {client.__doc__} |"


def test_the_page_tells_what_is_tried() -> None:
    """Versions of Debian's programs move on: those on the page are what was tried then."""
    rows = list(_rows())
    told = re.findall(r"^\| [a-z]+ \| [0-9.]+ \| .* \|$", _PAGE.read_text(), re.MULTILINE)
    without = [re.sub(r"[0-9.]+ \|", "", row, count=1) for row in rows]
    assert [re.sub(r"[0-9.]+ \|", "", row, count=1) for row in told] == without, "\n".join(rows)

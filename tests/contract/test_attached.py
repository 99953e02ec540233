"""Signatures and SBOMs of real cosign and oras, from real registries into real registries.

cosign 2 signs under a tag, cosign 3 by a referrer. olareg has the referrers API, distribution has
not. Each image crosses in a bundle, and then holds where it landed.
"""

import contextlib
import functools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.inspect.image_keys import check_signed
from airgap.oci.chart import command
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.signatures.cosign import ImageKey
from airgap.sources.choose import choose
from airgap.sources.registry import RegistrySource
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.contract.landing import TARGETS, landed
from tests.contract.suite import put
from tests.support.charts import Repository, chart
from tests.support.clients import BY_TLS, SBOM, Clients
from tests.support.images import Maker
from tests.support.registries import OLAREG, PASSWORD, REPO, USER, registry
from tests.support.registry import MemoryRegistry

SOURCES = (OLAREG, "distribution")
FORMS = ("2", "3")
IMAGES = ("quay.io/org/single", "quay.io/org/both", "quay.io/org/recursive")


@functools.cache
def lab() -> dict[str, str]:
    done = subprocess.run([REPO / "scripts/lab", "env"], check=True, stdout=subprocess.PIPE)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def clients(folder: Path) -> Clients:
    return Clients(lab(), folder)


@dataclass(frozen=True)
class Crossing:
    """A bundle with the signed images of a source.

    Attributes:
        version: of cosign.
        key: what signed them.
        digests: of the images by name.
    """

    folder: Path
    version: str
    key: ImageKey
    digests: dict[str, str]

    @property
    def bundle(self) -> Path:
        return self.folder / "b.tar"

    def check(self, address: str) -> None:
        """Prove all signatures and find all SBOMs, as people do on the other side."""
        programs = clients(self.folder)
        host = ("--host", f"reg={address},tls=disabled")
        for name, digest in self.digests.items():
            there = f"{address}/{name}:1"
            programs.verify(self.version, there, self.key.name)
            programs.find_sbom(digest, there, "--plain-http")
            assert SBOM in programs.run("regctl", *host, "artifact", "list", there)


def packed(folder: Path, source: str, lines: str, keys: tuple[ImageKey, ...] = ()) -> None:
    spec = Spec(parse_list(lines, "l.txt", folder), all_platforms=True)
    mirrors = {"quay.io": f"{source}/quay.io"}
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(RegistrySource(Options(mirrors=mirrors, tries=2)))
        listed, chosen = choose(spec.images, there, stack, there)
        result = pack(Request(spec, listed, folder / "b.tar", image_keys=keys), chosen, Silent())
    if result.error:
        raise result.error


@pytest.fixture(scope="module", params=[(s, v) for s in SOURCES for v in FORMS], ids="-".join)
def crossing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    kind, version = request.param
    folder = tmp_path_factory.mktemp("crossing")
    maker = Maker(folder / "layout")
    children = {name: maker.image(name.encode(), architecture=name) for name in ("amd64", "arm64")}
    maker.image(b"single", name=f"{IMAGES[0]}:1")
    maker.index(f"{IMAGES[1]}:1", **children)
    maker.index(f"{IMAGES[2]}:1", maker.image(b"third", architecture="s390x"), **children)
    layout = maker.layout()
    digests = {one.reference.name: str(one.root.digest) for one in layout.images}
    programs = clients(folder)
    programs.run(f"cosign-{version}", "generate-key-pair")
    key = ImageKey.load(folder / "cosign.pub")
    with registry(kind, folder / "source") as source:
        put(layout, source)
        for name, digest in digests.items():
            there = f"{source.address}/{name}@{digest}"
            programs.sign(version, there, *["--recursive"] * (name == IMAGES[2]))
            programs.attach(there)
        packed(folder, source.address, "\n".join(f"{name}:1" for name in IMAGES), (key,))
    with Bundle.open(folder / "b.tar") as bundle:
        check_signed(bundle, [key])
    return Crossing(folder, version, key, digests)


@pytest.mark.parametrize("target", TARGETS)
def test_signatures_and_sboms_hold_where_they_land(
    crossing: Crossing, target: str, tmp_path: Path
) -> None:
    with landed(crossing.bundle, target, tmp_path / "target") as address:
        crossing.check(address)


@pytest.mark.parametrize("target", TARGETS)
def test_what_oras_copied_into_a_layout_holds_where_it_lands(target: str, tmp_path: Path) -> None:
    maker, programs = Maker(tmp_path / "made"), clients(tmp_path)
    children = {n: maker.image(n.encode(), architecture=n) for n in ("amd64", "arm64")}
    root = maker.index(f"{IMAGES[1]}:1", **children)
    programs.run("cosign-3", "generate-key-pair")
    with registry(OLAREG, tmp_path / "source") as source:
        put(maker.layout(), source)
        there = f"{source.address}/{IMAGES[1]}"
        programs.sign("3", f"{there}@{root['digest']}")
        programs.attach(f"{there}@{root['digest']}")
        programs.run(
            "oras", "cp", "-r", "--from-plain-http", f"{there}:1", "--to-oci-layout", "copied:1"
        )
    key = ImageKey.load(tmp_path / "cosign.pub")
    packed(tmp_path, "unused", f"oci:copied as {IMAGES[1]}:1", (key,))
    with landed(tmp_path / "b.tar", target, tmp_path / "target") as address:
        Crossing(tmp_path, "3", key, {IMAGES[1]: root["digest"]}).check(address)


def test_all_holds_behind_tls_and_a_login(crossing: Crossing, tmp_path: Path) -> None:
    """As the registry is that unpack brings up, and most registries of sites are."""
    with (
        Bundle.open(crossing.bundle) as bundle,
        registry("distribution", tmp_path, tls=True, password=True) as there,
    ):
        host = there.address.replace("127.0.0.1", "localhost")
        programs = Clients.logged_in(lab(), crossing.folder, host, (USER, PASSWORD), there.ca_pem)
        settings = Options(ca_pem=there.ca_pem, docker_config=crossing.folder / "config.json")
        with RegistryTarget(host, settings) as target:
            push(bundle.images, bundle, target, Silent()).check()
        for name, digest in crossing.digests.items():
            programs.verify(crossing.version, f"{host}/{name}:1", crossing.key.name)
            programs.find_sbom(digest, f"{host}/{name}:1", *BY_TLS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_chart_is_pulled_by_helm_as_it_was(target: str, tmp_path: Path) -> None:
    made = chart(version="1.2.3+b.7")
    with MemoryRegistry() as server:
        repository = Repository(server)
        repository.add(made, version="1.2.3+b.7", provenance=b"signed")
        line = f"helm:{repository.url}/shop:1.2.3+b.7 as charts.example.org/x/shop:1.2.3_b.7"
        packed(tmp_path, server.address, line)
    with landed(tmp_path / "b.tar", target, tmp_path / "target") as address:
        where = (f"oci://{address}/charts.example.org/x/shop", "--version", "1.2.3+b.7")
        helm = functools.partial(clients(tmp_path).run, "helm")
        helm("pull", "--plain-http", "--prov", *where)
        assert (tmp_path / "shop-1.2.3+b.7.tgz").read_bytes() == made
        assert (tmp_path / "shop-1.2.3+b.7.tgz.prov").read_bytes() == b"signed"
        assert "appVersion" in helm("show", "chart", "--plain-http", *where)
        assert "ConfigMap" in helm("template", "--plain-http", "x", *where)


def test_the_line_that_is_printed_for_a_chart(tmp_path: Path) -> None:
    (tmp_path / "shop.tgz").write_bytes(chart(version="1.2.3+b.7"))
    packed(tmp_path, "unused", "helm:shop.tgz as charts.example.org/x/shop:1.2.3_b.7")
    with (
        Bundle.open(tmp_path / "b.tar") as bundle,
        registry("distribution", tmp_path / "target", tls=True, password=True) as there,
    ):
        host = there.address.replace("127.0.0.1", "localhost")
        programs = Clients.logged_in(lab(), tmp_path, host, (USER, PASSWORD), there.ca_pem)
        settings = Options(ca_pem=there.ca_pem, docker_config=tmp_path / "config.json")
        with RegistryTarget(host, settings) as target:
            push(bundle.images, bundle, target, Silent()).check()
        (image,) = bundle.images
        words = command(image, host).split()
        assert words[:3] == ["helm", "install", "NAME"]
        assert "ConfigMap" in programs.run("helm", "template", "x", *words[3:])

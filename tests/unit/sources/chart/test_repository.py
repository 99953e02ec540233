"""Charts by lines of a list: from a repository, a file, a registry; packed as artifacts."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.oci import chart as kinds
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.choose import choose
from airgap.sources.registry import RegistrySource
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support import archives
from tests.support.charts import Repository, chart
from tests.support.clock import FakeClock
from tests.support.registry import MemoryRegistry
from tests.support.serving import Answer


@pytest.fixture
def repository(registry: MemoryRegistry) -> Repository:
    return Repository(registry)


def packed(folder: Path, *lines: str, keep_going: bool = False) -> Result:
    spec = Spec(
        parse_list("\n".join(lines), "l.txt", folder), platforms=(Platform("linux", "amd64"),)
    )
    options = Options(clock=FakeClock(), tries=2)
    with ExitStack() as stack:
        source = stack.enter_context(RegistrySource(options))
        listed, chosen = choose(spec.images, source, stack, source)
        request = Request(spec, listed, folder / "b.tar", keep_going=keep_going)
        result = pack(request, chosen, Silent())
    if result.error:
        raise result.error
    return result


def only(result: Result) -> Image:
    (image,) = result.images
    return image


def content(result: Result) -> list[bytes]:
    """Return config and layers, as the bundle has them."""
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        return [b"".join(map(bytes, bundle.chunks(blob))) for blob in only(result).blobs]


def test_a_chart_of_a_repository_is_an_artifact(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    repository.add(chart(), provenance=b"signed")
    result = packed(tmp_path, f"helm:{repository.url}/shop:1.2.3")
    image = only(result)
    assert str(image.reference) == f"{registry.address}/charts/shop:1.2.3"
    types = [blob.media_type for blob in image.blobs]
    assert types == [kinds.CONFIG, kinds.CONTENT, kinds.PROVENANCE]
    config, layer, provenance = content(result)
    assert (layer, provenance) == (chart(), b"signed")
    assert json.loads(config)["appVersion"] == "1.10"
    with Bundle.open(result.path) as bundle:
        manifest = bundle.manifest_bytes(image.root.digest)
    assert b"created" not in manifest
    (told,) = result.to_json()["charts"]
    assert told["install"].endswith("/charts/shop --version 1.2.3 --ca-file ca.crt")


def test_the_same_bytes_each_time(repository: Repository, tmp_path: Path) -> None:
    repository.add(chart())
    line = f"helm:{repository.url}/shop:1.2.3"
    first = packed(tmp_path, line).path.read_bytes()
    assert packed(tmp_path, line).path.read_bytes() == first


def test_a_file_gives_the_same_artifact(repository: Repository, tmp_path: Path) -> None:
    repository.add(chart(), provenance=b"signed")
    (tmp_path / "shop-1.2.3.tgz").write_bytes(chart())
    (tmp_path / "shop-1.2.3.tgz.prov").write_bytes(b"signed")
    there = only(packed(tmp_path, f"helm:{repository.url}/shop:1.2.3"))
    here = only(packed(tmp_path, "helm:shop-1.2.3.tgz"))
    assert (here.root, str(here.reference)) == (there.root, "localhost/shop:1.2.3")
    named = only(packed(tmp_path, "helm:shop-1.2.3.tgz as charts.example.org/x/shop:1.2.3"))
    assert str(named.reference) == "charts.example.org/x/shop:1.2.3"


def test_a_plus_is_an_underscore_in_the_tag(repository: Repository, tmp_path: Path) -> None:
    repository.add(chart(version="1.2.3+b.7"), version="1.2.3+b.7")
    result = packed(tmp_path, f"helm:{repository.url}/shop:1.2.3+b.7")
    assert only(result).reference.tag == "1.2.3_b.7"
    assert " --version 1.2.3+b.7 " in result.to_json()["charts"][0]["install"]


def test_a_version_is_the_same_with_and_without_v(repository: Repository, tmp_path: Path) -> None:
    repository.add(chart(version="v1.18.2"), version="v1.18.2")
    assert only(packed(tmp_path, f"helm:{repository.url}/shop:1.18.2")).reference.tag == "v1.18.2"


def test_two_charts_read_one_index(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    repository.add(chart())
    repository.add(chart("tool"), name="tool")
    url = repository.url
    assert len(packed(tmp_path, f"helm:{url}/shop:1.2.3", f"helm:{url}/tool:1.2.3").images) == 2
    assert registry.count("GET", "index.yaml") == 1


def test_a_chart_of_a_registry_keeps_its_digest(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    (tmp_path / "shop.tgz").write_bytes(chart(version="1.2.3+b"))
    made = packed(tmp_path, "helm:shop.tgz")
    with Bundle.open(made.path) as bundle:
        image = only(made)
        body = bundle.manifest_bytes(image.root.digest)
        for blob in image.blobs:
            registry.content.add_blob("x/shop", b"".join(map(bytes, bundle.chunks(blob))))
    registry.content.add_manifest("x/shop", body, image.root.media_type, "1.2.3_b")
    found = only(packed(tmp_path, f"helm:oci://{registry.address}/x/shop:1.2.3+b"))
    assert (found.root, found.reference.tag) == (image.root, "1.2.3_b")


def _wrong_digest(repository: Repository) -> None:
    repository.add(chart(), digest="0" * 64)


def _another(repository: Repository) -> None:
    repository.add(chart("tool"))


def _no_file(repository: Repository) -> None:
    repository.add(chart(), url="gone.tgz")


def _no_address(repository: Repository) -> None:
    repository.add(chart(), url="file:///etc/passwd")


def _oci(repository: Repository) -> None:
    repository.add(chart(), url="oci://reg.example/shop:1.2.3")


def _credentials(repository: Repository) -> None:
    repository.add(chart(), url="https://me:secret@example.org/x.tgz")


def _inside(repository: Repository) -> None:
    repository.add(chart(), url="https://169.254.169.254/latest/x.tgz")


def _plain(repository: Repository) -> None:
    repository.add(chart(), url="http://example.org/x.tgz")


def _page(text: bytes) -> Callable[[Repository], None]:
    return lambda repository: repository.page("index.yaml", text)


@pytest.mark.parametrize(
    ("prepare", "kind", "match"),
    [
        (_wrong_digest, TrustError, "in the index"),
        (_another, InputError, "is tool 1.2.3"),
        (_no_file, InputError, r"gone\.tgz, which its index names, is not there"),
        (_no_address, InputError, "not an address on the web"),
        (_oci, InputError, "not an address on the web"),
        (_credentials, InputError, "not an address on the web"),
        (_inside, TrustError, "names https://169.* further inside of this network"),
        (_plain, InputError, "plain http tells nothing"),
        (lambda _: None, InputError, r"index\.yaml is not there"),
        (_page(b"<html>"), InputError, "not the index of a chart repository"),
        (_page(b"\xff"), InputError, "is not UTF-8"),
        (_page(b"entries: [a]"), InputError, "not the index of a chart repository"),
        (_page(b"entries: {shop: 1}"), InputError, "not the index of a chart repository"),
        (_page(b"entries: {shop: [1]}"), InputError, "has no chart shop 1.2.3"),
        (_page(b"entries: {shop: [{version: 1.2.3}]}"), InputError, "does not say where it is"),
        (_page(b"entries: {shop: [{version: 1.2.3, urls: [{}]}]}"), InputError, "does not say"),
        (_page(b"a: &a [x]\nb: *a"), InputError, "anchors and aliases"),
        (_page(b"{" * 10_000), InputError, "nested deeper"),
    ],
)
def test_what_a_repository_may_say_wrong(
    repository: Repository, tmp_path: Path, prepare: Callable[[Repository], None],
    kind: type[AirgapError], match: str,
) -> None:  # fmt: skip
    prepare(repository)
    with pytest.raises(kind, match=match):
        packed(tmp_path, f"helm:{repository.url}/shop:1.2.3")


def test_a_version_that_is_not_there_names_some(repository: Repository, tmp_path: Path) -> None:
    repository.add(chart())
    with pytest.raises(InputError, match=r"has no chart shop 9\.9\.9") as caught:
        packed(tmp_path, f"helm:{repository.url}/shop:9.9.9")
    assert caught.value.hint == "it has 1.2.3"


def test_what_is_very_large_is_not_read_to_its_end(repository: Repository, tmp_path: Path) -> None:
    repository.add(bytes((20 << 20) + 1))
    with pytest.raises(InputError, match="more than 20 MiB"):
        packed(tmp_path, f"helm:{repository.url}/shop:1.2.3")
    (tmp_path / "shop.tgz").write_bytes(archives.zeros(101))
    with pytest.raises(InputError, match="expands to more than 100 MiB"):
        packed(tmp_path, "helm:shop.tgz")


def test_a_server_that_fails(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    registry.pages["/charts/index.yaml"] = lambda *_: Answer(503)
    with pytest.raises(NetworkError, match="503"):
        packed(tmp_path, f"helm:{repository.url}/shop:1.2.3")


def test_a_repository_that_fails_is_asked_once_and_others_go_on(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    repository.add(chart())
    lines = [f"helm:{registry.url}/gone/{name}:1.0.0" for name in ("a", "b")]
    registry.pages["/gone/index.yaml"] = lambda *_: Answer(503)
    good = f"helm:{repository.url}/shop:1.2.3"
    with pytest.raises(NetworkError, match=r"gone/a:1.0.0, .*gone/b:1.0.0: .*503"):
        packed(tmp_path, *lines, good)
    assert registry.count("GET", "/gone/index.yaml") == 2, "two tries"
    result = packed(tmp_path, *lines, good, keep_going=True)
    assert str(only(result).reference) == f"{registry.address}/charts/shop:1.2.3"
    names = [str(reference) for reference in result.failed]
    assert names == [f"{registry.address}/gone/{name}:1.0.0" for name in ("a", "b")]
    assert [line.partition("helm:")[2] for line in result.unfinished] == [
        f"{line.removeprefix('helm:')} as {name}" for line, name in zip(lines, names, strict=True)
    ]


def test_a_chart_may_lie_on_another_host(
    repository: Repository, registry: MemoryRegistry, tmp_path: Path
) -> None:
    """As releases do: the index names one host, and that redirects to its storage."""
    with MemoryRegistry() as storage, MemoryRegistry() as releases:
        there = {"Location": f"{storage.url}/stored"}
        storage.pages["/stored"] = lambda *_: Answer(200, {"Content-Type": "text/plain"}, chart())
        releases.pages["/shop.tgz"] = lambda *_: Answer(302, there)
        repository.add(chart(), url=f"{releases.url}/shop.tgz")
        result = packed(tmp_path, f"helm:{repository.url}/shop:1.2.3")
        assert content(result)[1] == chart()
    assert str(only(result).reference) == f"{registry.address}/charts/shop:1.2.3"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shop\.tgz"):
        packed(tmp_path, "helm:shop.tgz")

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from airgap.certificates.make import issue
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.serve.server import Server, cut, mirrored, repositories, server_context
from airgap.sources.layout import Layout
from airgap.sources.registry import RegistrySource
from tests.support.images import Maker


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    base = maker.bytes(300_000)
    maker.image(base, name="docker.io/library/nginx:1.27")
    amd, arm = maker.image(base, b"amd"), maker.image(base, b"arm", architecture="arm64")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    maker.image(b"x", name="ghcr.io/org/app:1")
    return maker.layout()


@pytest.fixture
def server(layout: Layout) -> Iterator[Server]:
    with Server(layout.images, layout, ("127.0.0.1", 0), Silent()) as found:
        yield found


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as response:
            return response, response.read()


def test_our_own_client_pulls_everything(layout: Layout, server: Server) -> None:
    base = f"127.0.0.1:{server.port}"
    with RegistrySource(Options()) as source:
        for image in layout.images:
            tag = image.reference.tag
            reference = Reference.parse(f"{base}/{image.reference.repository}:{tag}")
            root, body = source.resolve(reference)
            assert (root, body) == (image.root, layout.manifest_bytes(image.root.digest))
            for blob in image.blobs:
                content = bytearray()
                source.fetch(reference, blob, content.extend)
                assert Digest.of(bytes(content)) == blob.digest
        short, _ = source.resolve(Reference.parse(f"{base}/nginx:1.27"))
        assert short == layout.images[0].root


def test_a_short_name_that_two_claim_is_not_served(server: Server) -> None:
    response, body = ask(server, "/v2/org/app/manifests/1")
    assert response.status == 404
    assert json.loads(body)["errors"][0]["code"] == "NAME_UNKNOWN"


def test_a_mirror_of_docker_hub(layout: Layout, server: Server) -> None:
    response, body = ask(server, "/v2/library/nginx/manifests/1.27")
    assert response.status == 200
    assert Digest.of(body) == layout.images[0].root.digest
    _, catalog = ask(server, "/v2/_catalog")
    assert "library/nginx" not in json.loads(catalog)["repositories"]


def test_a_mirrored_path_that_others_claim_is_not_served(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    for host in ("docker.io", "ghcr.io", "quay.io"):
        maker.image(host.encode(), name=f"{host}/library/nginx:1")
    layout = maker.layout()
    with Server(layout.images, layout, ("127.0.0.1", 0), Silent()) as server:
        assert ask(server, "/v2/library/nginx/manifests/1")[0].status == 404
        assert ask(server, "/v2/nginx/manifests/1")[0].status == 200


def test_the_catalog_pages(server: Server) -> None:
    response, body = ask(server, "/v2/_catalog?n=2")
    assert json.loads(body) == {"repositories": ["docker.io/library/nginx", "ghcr.io/org/app"]}
    link = response.headers["Link"]
    assert link == '</v2/_catalog?n=2&last=ghcr.io/org/app>; rel="next"'
    _, rest = ask(server, link[1 : link.index(">")])
    assert json.loads(rest) == {"repositories": ["nginx", "quay.io/org/app"]}
    _, tags = ask(server, "/v2/nginx/tags/list")
    assert json.loads(tags) == {"name": "nginx", "tags": ["1.27"]}


def test_heads_and_ranges(layout: Layout, server: Server) -> None:
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    content = b"".join(map(bytes, layout.chunks(blob)))
    path = f"/v2/nginx/blobs/{blob.digest}"
    head, body = ask(server, path, "HEAD")
    assert (head.status, body, head.headers["Content-Length"]) == (200, b"", str(blob.size))
    assert head.headers["Docker-Content-Digest"] == str(blob.digest)
    for asked, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=262140-262150", 262140, 262150),
        ("bytes=299999-", 299_999, 299_999),
        ("bytes=299990-999999", 299_990, 299_999),
    ):
        response, part = ask(server, path, Range=asked)
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {first}-{last}/300000"
        assert part == content[first : last + 1]
    assert ask(server, path, Range="bytes=300000-")[0].status == 416
    assert ask(server, path, Range="lines=1-2")[1] == content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(server: Server, method: str) -> None:
    response, body = ask(server, "/v2/nginx/blobs/uploads/", method)
    assert response.status == 405
    assert json.loads(body)["errors"][0]["code"] == "UNSUPPORTED"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v2/", 200),
        ("/v2/nginx/manifests/2", 404),
        ("/v2/nginx/manifests/sha256:" + "0" * 64, 404),
        ("/v2/nginx/manifests/sha256:../../etc/passwd", 404),
        ("/v2/nginx/manifests/sha256:x", 400),
        ("/v2/nginx/blobs/sha256:" + "0" * 64, 404),
        ("/v2/../../etc/passwd/blobs/x", 404),
        ("/v2/gone/tags/list", 404),
    ],
)
def test_statuses(server: Server, path: str, status: int) -> None:
    assert ask(server, path)[0].status == status


def test_a_wrong_blob_is_never_complete(layout: Layout, server: Server) -> None:
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    file = layout.path / "blobs/sha256" / blob.digest.hex
    data = bytearray(file.read_bytes())
    data[7] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(http.client.IncompleteRead):
        ask(server, f"/v2/nginx/blobs/{blob.digest}")


def test_a_damaged_manifest_is_an_error_of_the_server(layout: Layout, server: Server) -> None:
    root = layout.images[0].root.digest
    (layout.path / "blobs/sha256" / root.hex).write_bytes(b"{}")
    response, body = ask(server, "/v2/nginx/manifests/1.27")
    assert response.status == 500
    assert json.loads(body)["errors"][0]["message"] == "the manifest is damaged"


@pytest.mark.parametrize("count", ["", "-1", "x", "9" * 5000])
def test_an_absurd_page_size_means_the_usual_one(server: Server, count: str) -> None:
    response, body = ask(server, f"/v2/_catalog?n={count}")
    assert response.status == 200
    assert len(json.loads(body)["repositories"]) == 4


def test_tls_and_ipv6(layout: Layout) -> None:
    tls = issue(["localhost", "::1"])
    context = server_context(tls)
    with Server(layout.images, layout, ("::1", 0), Silent(), context) as server:
        trusting = ssl.create_default_context(cadata=tls.ca_pem.decode())
        connection = http.client.HTTPSConnection("::1", server.port, context=trusting, timeout=10)
        connection.request("GET", "/v2/")
        with closing(connection), connection.getresponse() as response:
            assert response.status == 200


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_pulls(server: Server, tmp_path: Path) -> None:
    source = f"docker://127.0.0.1:{server.port}/quay.io/org/app:1"
    command = ["skopeo", "copy", "--all", "--src-tls-verify=false", source, f"dir:{tmp_path}/copy"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert len(list((tmp_path / "copy").iterdir())) > 5


def test_cut_reads_no_further_than_asked() -> None:
    chunks = iter([memoryview(b"abc"), memoryview(b"def"), memoryview(b"gh")])
    assert b"".join(cut(chunks, 3)) == b"abc"
    assert bytes(next(chunks)) == b"def"


def test_cut() -> None:
    chunks = [memoryview(b"abc"), memoryview(b"def"), memoryview(b"gh")]
    assert b"".join(cut(iter(chunks), 7)) == b"abcdefg"
    assert b"".join(cut(iter(chunks), 8)) == b"abcdefgh"


class Counted(str):
    """A text that counts how often it is looked for in a table."""

    looked = 0

    def __hash__(self) -> int:
        Counted.looked += 1
        return super().__hash__()


@pytest.mark.parametrize("one_repository", [True, False])
def test_naming_costs_as_much_as_there_are_images(layout: Layout, one_repository: bool) -> None:
    def cost(count: int) -> int:
        images = [
            replace(
                layout.images[0],
                reference=Reference(
                    "docker.io", Counted(f"x/{'y' if one_repository else n}"), Counted(f"t{n}")
                ),
            )
            for n in range(count)
        ]
        before = Counted.looked
        mirrored(images, repositories(images))
        return Counted.looked - before

    assert cost(400) <= 2 * cost(200) + 20

"""What a registry promises its clients: run against the registry in memory and real ones alike.

Who runs it gives a fixture ``plain``, a registry that is empty, and subclasses `Contract`.
"""

import hashlib
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.sources.registry import RegistrySource
from airgap.targets.naming import Naming
from airgap.targets.registry import RegistryTarget
from airgap.transfer.check import check
from airgap.transfer.push import push
from tests.support.images import Maker

MIB = 1 << 20


class Served(Protocol):
    """A registry that runs.

    Attributes:
        address: ``HOST:PORT``.
        ca_pem: what to trust, empty for plain http.
    """

    address: str
    ca_pem: bytes


def options(found: Served, **more: Any) -> Options:
    mirrors = {
        host: f"{found.address}/{host}" for host in ("docker.io", "quay.io", "ghcr.io")
    }  # the full names are what a push makes
    return Options(mirrors=mirrors, ca_pem=found.ca_pem, tries=2, **more)


def put(layout: Layout, found: Served, chunk_size: int = 0, **more: Any):  # type: ignore[no-untyped-def]
    names = Naming(short_names=True).names(layout.images)
    with RegistryTarget(found.address, options(found, **more), chunk_size=chunk_size) as target:
        report = push(layout.images, layout, target, Silent(), names=names)
    report.check()
    return report


def check_same(layout: Layout, found: Served, **more: Any) -> None:
    """Everything that was pushed comes back byte for byte."""
    with RegistrySource(options(found, **more)) as source:
        for image in layout.images:
            root, body = source.resolve(image.reference)
            assert root == image.root
            assert body == layout.manifest_bytes(root.digest)
            for manifest in image.manifests:
                assert source.manifest(image.reference, manifest) == layout.manifest_bytes(
                    manifest.digest
                )
            for blob in image.blobs:
                content = bytearray()
                source.fetch(image.reference, blob, content.extend)
                assert Digest.of(bytes(content)) == blob.digest


class Contract:
    """The suite."""

    @pytest.fixture
    def maker(self, tmp_path: Path) -> Maker:
        return Maker(tmp_path / "layout")

    @pytest.fixture
    def layout(self, maker: Maker) -> Layout:
        base = maker.bytes(3 * MIB)
        maker.image(base, maker.bytes(MIB), name="docker.io/library/nginx:1.27")
        amd = maker.image(base, maker.bytes(1000))
        arm = maker.image(base, maker.bytes(1000), architecture="arm64")
        maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
        maker.image(b"", name="ghcr.io/org/empty:1")
        return maker.layout()

    def test_what_is_pushed_is_pulled(self, layout: Layout, plain: Served) -> None:
        report = put(layout, plain)
        blobs = {blob.digest for image in layout.images for blob in image.blobs}
        assert report.uploaded == len(blobs), "each blob is uploaded once"
        assert report.mounted > 0
        check_same(layout, plain)

    def test_the_short_names_serve_the_same(self, layout: Layout, plain: Served) -> None:
        put(layout, plain)
        with RegistrySource(Options()) as source:
            for name in ("nginx:1.27", "org/app:1", "org/empty:1"):
                root, _ = source.resolve(Reference.parse(f"{plain.address}/{name}"))
                assert root.digest in {image.root.digest for image in layout.images}

    def test_large_blobs_go_in_chunks_where_that_is_asked_for(
        self, layout: Layout, plain: Served
    ) -> None:
        put(layout, plain, chunk_size=MIB + 1)
        check_same(layout, plain)

    def test_what_is_there_is_compared(self, layout: Layout, plain: Served) -> None:
        with RegistryTarget(plain.address, options(plain)) as target:
            before = check(layout.images, layout, target)
            assert len(before.unfinished) == 3
            put(layout, plain)
            assert check(layout.images, layout, target).unfinished == []

    def test_a_second_push_sends_nothing(self, layout: Layout, plain: Served) -> None:
        put(layout, plain)
        again = put(layout, plain)
        assert (again.uploaded, again.mounted, again.tags, again.complete) == (0, 0, [], 3)

    def test_a_short_tag_with_another_digest_is_not_moved(
        self, layout: Layout, plain: Served, tmp_path: Path
    ) -> None:
        put(layout, plain)
        other = Maker(tmp_path / "other", seed=2)
        other.image(other.bytes(10), name="docker.io/library/nginx:1.27")
        report = put(other.layout(), plain)
        assert report.left_alone == ["nginx:1.27"]
        assert report.tags == ["docker.io/library/nginx:1.27"]

    def test_a_missing_image_is_named(self, plain: Served) -> None:
        with RegistrySource(options(plain)) as source:
            with pytest.raises(InputError, match=r"gone:1 does not exist at 127\.0\.0\.1"):
                source.resolve(Reference.parse("gone:1"))
            assert not source.has_blob(
                Reference.parse("gone:1"), Descriptor("x/y", Digest.parse("sha256:" + "0" * 64), 1)
            )

    def test_requests_as_the_specification_has_them(self, plain: Served) -> None:
        """What the client relies on, asked by hand: so the registry in memory is like the real."""
        body = b"content"
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        with httpx.Client(base_url=f"http://{plain.address}") as http:
            assert http.get("/v2/").status_code == 200
            assert http.head("/v2/a/b/manifests/1").status_code == 404
            answer = http.get("/v2/a/b/manifests/1")
            assert answer.status_code == 404
            assert answer.json()["errors"][0]["code"] in ("MANIFEST_UNKNOWN", "NAME_UNKNOWN")
            opened = http.post(f"/v2/a/b/blobs/uploads/?mount={digest}&from=a/c")
            assert opened.status_code == 202, "what cannot be mounted opens an upload"
            session = opened.headers["Location"]
            first = {"Content-Range": "0-3", "Content-Type": "application/octet-stream"}
            sent = http.patch(session, content=body[:4], headers=first)
            assert (sent.status_code, sent.headers["Range"]) == (202, "0-3")
            end = {"Content-Range": f"4-{len(body) - 1}", **dict(list(first.items())[1:])}
            url = httpx.URL(sent.headers["Location"]).copy_merge_params({"digest": digest})
            done = http.put(url, content=body[4:], headers=end)
            assert done.status_code == 201, done.text
            part = http.get(f"/v2/a/b/blobs/{digest}", headers={"Range": "bytes=2-4"})
            assert (part.status_code, part.content) == (206, b"nte")
            assert http.head(f"/v2/a/b/blobs/{digest}").headers["Content-Length"] == "7"
            mounted = http.post(f"/v2/a/c/blobs/uploads/?mount={digest}&from=a/b")
            assert mounted.status_code == 201
            wrong = http.post("/v2/a/b/blobs/uploads/").headers["Location"]
            url = httpx.URL(wrong).copy_merge_params({"digest": "sha256:" + "0" * 64})
            refused = http.put(url, content=body)
            assert refused.status_code == 400
            said = refused.json()["errors"][0]["code"]
            assert said in ("DIGEST_INVALID", "BLOB_UPLOAD_INVALID")

    def test_a_manifest_whose_content_is_missing_is_refused(self, plain: Served) -> None:
        body = (
            b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
            b'"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,'
            b'"digest":"sha256:' + b"0" * 64 + b'"},"layers":[]}'
        )
        kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        with httpx.Client(base_url=f"http://{plain.address}") as http:
            answer = http.put("/v2/a/b/manifests/1", content=body, headers=kind)
        assert answer.status_code in (400, 404)
        assert "BLOB_UNKNOWN" in answer.json()["errors"][0]["code"]

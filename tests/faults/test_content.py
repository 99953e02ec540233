"""What a registry says that must not be believed, and odd images that must be carried as they are.

The odd images lie in a real registry; what no registry would take is put in by the proxy.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.oci import descriptor as d
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.faults.conftest import Bench
from tests.support.images import LAYER, Maker
from tests.support.proxy import Fault

GOOD = "sha256:" + "0" * 64
CONFIG = d.CONFIG_TYPES[0]


def descriptor(
    digest: object = GOOD, size: object = 2, media_type: object = LAYER
) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def manifest(*layers: object, **more: object) -> bytes:
    value = {
        "schemaVersion": 2,
        "mediaType": d.OCI_MANIFEST,
        "config": descriptor(media_type=CONFIG),
        "layers": list(layers),
        **more,
    }
    return json.dumps(value).encode()


def serve_manifest(bench: Bench, body: bytes, said: str = d.OCI_MANIFEST) -> None:
    """Let the registry answer ``body`` for nginx."""
    answer = Fault(status=200, body=body, headers={"Content-Type": said})
    bench.proxy.rule = lambda r: answer if "nginx/manifests" in r.path else None


def check_refused(bench: Bench, body: bytes, said: str = d.OCI_MANIFEST, why: str = "") -> None:
    """The image is refused with one error and one hint, and the same command works afterwards."""
    serve_manifest(bench, body, said)
    ended = bench.pack()
    assert ended.code == 3, ended.err
    assert len(ended.errors) == 1, ended.err
    assert len(ended.hints) == 1, ended.err
    assert why in ended.err
    assert "nginx:1.27" in ended.errors[0]
    assert "Traceback" not in ended.err
    assert not bench.bundle.exists()
    bench.check_packs()


@pytest.mark.parametrize(
    ("body", "said", "why"),
    [
        (manifest(manifests=[]), d.OCI_MANIFEST, "both a manifest and an index"),
        (manifest(), d.OCI_INDEX, d.OCI_INDEX),
        (manifest(mediaType=d.OCI_INDEX), d.OCI_MANIFEST, d.OCI_MANIFEST),
        (b'{"schemaVersion": 1}', "application/json", "schema 1"),
    ],
    ids=["both", "type of the answer", "type in the body", "schema 1"],
)
def test_manifests_that_are_two_things(bench: Bench, body: bytes, said: str, why: str) -> None:
    check_refused(bench, body, said, why)


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../etc/x", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32,
        "sha256:" + "é" * 64, "sha256:" + "a" * 63 + "\0", "", None, 5,
    ],
)  # fmt: skip
def test_digests_that_are_none(bench: Bench, digest: object) -> None:
    check_refused(bench, manifest(descriptor(digest)))


@pytest.mark.parametrize("size", [-1, 2**63, 1.5, "10", None, True])
def test_sizes_that_are_none(bench: Bench, size: object) -> None:
    check_refused(bench, manifest(descriptor(size=size)))


def test_a_size_that_is_not_the_real_one(bench: Bench) -> None:
    """More or fewer bytes than announced are found before anything has that name."""
    for change in (-1, 1):
        body = json.loads(bench.layout.manifest_bytes(bench.layout.images[0].root.digest))
        body["layers"][1]["size"] += change
        serve_manifest(bench, json.dumps(body).encode())
        ended = bench.pack()
        assert ended.code in (3, 5), ended.err
        assert "nginx:1.27" in ended.err
        assert not bench.bundle.exists()
    bench.check_packs()


@pytest.mark.parametrize(
    "body",
    [
        b'{"schemaVersion": 2, "schemaVersion": 2}',
        b'{"schemaVersion": NaN}',
        b'{"schemaVersion": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"\xef\xbb\xbf" + manifest(),
        b'{"a": "\xff"}',
        manifest() + b"x",
        b"<html>",
    ],
    ids=["twice", "NaN", "digits", "nesting", "BOM", "UTF-8", "more", "HTML"],
)
def test_json_that_readers_could_disagree_on(bench: Bench, body: bytes) -> None:
    check_refused(bench, body)


@pytest.fixture
def odd(bench: Bench, tmp_path: Path) -> Bench:
    """Images that are unusual and right, in the real registry."""
    maker = Maker(tmp_path / "odd")

    config = maker.blob(b'{"os": "linux", "architecture": "amd64"}', CONFIG)
    helm = maker.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    chart = maker.blob(b"chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    maker.artifact(
        helm, chart, name="docker.io/odd/helm:1", artifactType="application/vnd.cncf.helm"
    )
    maker.artifact(config, name="docker.io/odd/no-layers:1")
    maker.artifact(config, maker.blob(b""), name="docker.io/odd/empty-layer:1")
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    layer = maker.blob(b"zstd", zstd) | {"data": "AAAA"}
    maker.artifact(config, layer, name="docker.io/odd/zstd:1")
    image = maker.artifact(config, maker.blob(b"attested"))
    statement = maker.blob(b"{}", "application/vnd.in-toto+json")
    attestation = maker.artifact(maker.blob(b"{}", CONFIG), statement)
    unknown = attestation | {"platform": {"os": "unknown", "architecture": "unknown"}}
    maker.index("docker.io/odd/attested:1", unknown, amd64=image)
    layout = maker.layout()
    with RegistryTarget(bench.registry.address, Options()) as target:
        push(layout.images, layout, target, Silent()).check()
    bench.layout = layout
    bench.list.write_text("".join(f"{i.reference.familiar}\n" for i in layout.images))
    return bench


@pytest.mark.parametrize("platform", ["linux/amd64", "all"])
def test_odd_images_are_carried_byte_for_byte(odd: Bench, platform: str) -> None:
    ended = odd.pack("--platform", platform)
    assert ended.code == 0, ended.err
    with Bundle.open(odd.bundle) as bundle:
        assert {i.root.digest for i in bundle.images} == {i.root.digest for i in odd.layout.images}
        for image in bundle.images:
            for manifest_ in image.manifests:
                body = odd.layout.manifest_bytes(manifest_.digest)
                assert bundle.manifest_bytes(manifest_.digest) == body
        carried = {i.reference.path: len(i.images) for i in bundle.images}
    assert carried["odd/attested"] == (2 if platform == "all" else 1)
    assert odd.run("verify", odd.bundle).code == 0


def test_a_foreign_layer_is_not_fetched_from_its_urls(bench: Bench) -> None:
    foreign = descriptor(
        "sha256:" + "f" * 64, 7, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    ) | {"urls": [f"http://{bench.proxy.address}/canary"]}
    root = json.loads(bench.layout.manifest_bytes(bench.layout.images[0].root.digest))
    root["layers"].append(foreign)
    serve_manifest(bench, json.dumps(root).encode())
    ended = bench.pack()
    bench.check_failed(ended, 3)
    assert "lives outside its registry" in ended.errors[0]
    assert "--allow-foreign" in ended.hints[0]
    ended = bench.pack("--allow-foreign")
    assert ended.code == 0, ended.err
    assert bench.proxy.count("GET", "canary") == 0
    bench.bundle.unlink()
    bench.check_packs()


@pytest.mark.parametrize(
    "line",
    [
        "$(touch x)", "a;b", "--flag", "../etc/passwd", "a" * 300, "Nginx:1", "a:b:c", "nginx:",
        "[::1:5000/x", "nginx@sha256:" + "a" * 63, "nginx :1", "http://nginx:1", "nginx:1\0",
    ],
)  # fmt: skip
def test_lines_that_are_no_references(bench: Bench, line: str) -> None:
    bench.list.write_text(f"nginx:1.27\n{line}\nbusybox:1.36\n")
    ended = bench.pack()
    bench.check_failed(ended, 3)
    assert f"{bench.list}:2: " in ended.errors[0]
    assert bench.proxy.requests == [], "nothing is asked for before all lines are read"
    assert not Path("x").exists()


def test_lines_that_are_fine_in_spite_of_their_looks(bench: Bench) -> None:
    lines = ["\ufeffnginx:1.27\r", "# a comment", "", "nginx:1.27  # twice", "busybox:1.36\r"]
    bench.list.write_text("\n".join(lines))
    ended = bench.pack("--json")
    assert ended.code == 0, ended.err
    assert len(json.loads(ended.out)["images"]) == 2


def test_every_blob_of_odd_images_is_carried(odd: Bench) -> None:
    assert odd.pack("--platform", "all").code == 0
    with Bundle.open(odd.bundle) as bundle:
        for image in odd.layout.images:
            for blob in image.blobs:
                assert b"".join(map(bytes, bundle.chunks(blob))) == b"".join(
                    map(bytes, odd.layout.chunks(blob))
                )

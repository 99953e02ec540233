"""What is packed is read again, by airgap and by every program that knows tar, OCI or docker."""

import hashlib
import json
import os
import subprocess
import tarfile
from dataclasses import replace

import pytest

from airgap.bundle import tar
from airgap.bundle.archives import docker_archive, oci_archive
from airgap.bundle.plan import plan
from airgap.bundle.reader import Bundle
from airgap.bundle.writer import Writer
from airgap.errors import InputError, ResourceError
from airgap.oci.descriptor import Descriptor
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from tests.support.bundles import Content, fill, layer, sample, write
from tests.support.images import CONFIG, described

EXTRAS = [("airgap/README", b"hello\n"), ("airgap/tls.key", b"key"), ("airgap/files/a b", b"")]


def run(*command, cwd=None, stdin=None):
    return subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, text=True, timeout=60, stdin=stdin
    ).stdout


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.tar"
    write(sample(), path, extras=EXTRAS, serial=3, created="2026-01-01T00:00:00Z")
    return path


def test_all_content_comes_back(bundle):
    content = sample()
    with Bundle.open(bundle) as opened:
        assert [i.reference for i in opened.images] == [i.reference for i in content.images]
        assert [i.manifests for i in opened.images] == [i.manifests for i in content.images]
        assert opened.node is None
        assert opened.registry is None
        assert (opened.table.serial, opened.table.name) == (3, "test")
        assert opened.images[2].platforms == (Platform("linux", "amd64"),)
        assert opened.member("airgap/README") == b"hello\n"
        for image in opened.images:
            for blob in image.blobs:
                got = b"".join(bytes(c) for c in opened.chunks(blob))
                assert got == content.blobs[blob.digest]
            for manifest in image.manifests:
                assert opened.manifest_bytes(manifest.digest) == content.bodies[manifest.digest]
        proved = opened.verify()
        assert proved.members == len(opened.members()) - 2


def test_node_and_registry_come_first(tmp_path):
    content = sample()
    inner = Content()
    node = inner.simple("kindest/node:v1", 50, 3000)
    registry = inner.simple("registry:3", 60, 2000)
    content.blobs |= inner.blobs
    content.bodies |= inner.bodies
    write(content, tmp_path / "b.tar", node=node, registry=registry)
    with Bundle.open(tmp_path / "b.tar") as opened:
        assert opened.node == node
        assert opened.registry == registry
        assert len(opened.images) == 3
        names = [m.name for m in opened.members() if m.name.startswith("blobs/")]
    manifests = len(content.bodies) - 1  # the child for arm64 is not carried
    carried = [f"blobs/sha256/{b.digest.hex}" for b in (*node.blobs, *registry.blobs)]
    assert names[manifests : manifests + len(carried)] == carried


def test_same_input_same_bytes(tmp_path):
    content = sample()
    write(content, tmp_path / "a.tar", extras=EXTRAS)
    planned = plan(content.contents(extras=EXTRAS))
    with Writer(planned, tmp_path / "b.tar") as writer:
        for blob in reversed(writer.missing()):
            sink = writer.sink(blob)
            sink.write(memoryview(content.blobs[blob.digest]))
            sink.finish()
        writer.commit()
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_sums_are_those_of_sha256sum(bundle, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    run("tar", "xf", str(bundle), "-C", str(out))
    run("sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS", cwd=out)
    listed = run("tar", "tf", str(bundle)).splitlines()
    sums = (out / "SHA256SUMS").read_text().splitlines()
    assert [line[66:] for line in sums] == listed[2:]
    assert listed[:3] == ["SHA256SUMS", "SHA256SUMS.minisig", "airgap.json"]
    assert (out / "airgap/tls.key").stat().st_mode & 0o777 == 0o600


def test_python_reads_it(bundle):
    with tarfile.open(bundle) as archive, Bundle.open(bundle) as opened:
        assert [(m.name, m.size, m.offset_data) for m in archive] == [
            (m.name, m.size, m.at) for m in opened.members()
        ]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 8 << 30, (8 << 30) - 1, 1 << 45])
@pytest.mark.parametrize("name", ["a", "n" * 100, "d" * 60 + "/" + "n" * 99, "airgap/bin/kind"])
def test_headers_are_read_by_python(name, size):
    info = tarfile.TarInfo.frombuf(tar.header(name, size), "ascii", "strict")
    assert (info.name, info.size, info.mode, info.mtime) == (name, size, tar.mode_of(name), 0)
    assert info.type == tarfile.REGTYPE


def test_gnu_tar_reads_sizes_from_8_gib_on(tmp_path):
    size = (8 << 30) + 1
    path = tmp_path / "big.tar"
    with path.open("wb") as file:
        file.write(tar.header("big", size))
        file.seek(size + tar.pad(size), 1)
        file.write(tar.header("next", 0) + tar.END)
    assert str(size) in run("tar", "tvf", str(path))


@pytest.mark.parametrize(
    "name",
    ["", "/etc/x", "../x", "a/../b", "./a", "a//b", "a/", "a\\b", "a\0b", "ä", "a\nb", "n" * 101],
)
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(InputError):
        tar.header(name, 0)


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("reference", ["docker.io/library/nginx:1.27", "ghcr.io/org/multi:v2"])
def test_skopeo_reads_both_doors(bundle, reference):
    for door in ("oci-archive", "docker-archive"):
        out = run("skopeo", "inspect", "--config", f"{door}:{bundle}:{reference}")
        assert json.loads(out)["architecture"] == "amd64"


@pytest.mark.needs("skopeo")
def test_skopeo_copies_every_layer(bundle, tmp_path):
    for door in ("oci-archive", "docker-archive"):
        source = f"{door}:{bundle}:quay.io/org/app:v1"
        run("skopeo", "copy", "--insecure-policy", source, f"dir:{tmp_path / door}")


@pytest.mark.needs("umoci")
def test_umoci_reads_it(bundle, tmp_path):
    run("tar", "xf", str(bundle), "-C", str(tmp_path))
    listed = run("umoci", "ls", "--layout", str(tmp_path)).split()
    assert sorted(listed) == [
        "docker.io/library/nginx:1.27",
        "ghcr.io/org/multi:v2",
        "quay.io/org/app:v1",
    ]


@pytest.mark.needs("skopeo")
def test_one_image_streams_as_docker_archive(bundle, tmp_path):
    with Bundle.open(bundle) as opened, (tmp_path / "one.tar").open("wb") as file:
        for chunk in docker_archive(opened, opened.images[0], 0, "nginx:1.27"):
            file.write(chunk)
    out = run("skopeo", "inspect", "--config", f"docker-archive:{tmp_path / 'one.tar'}:nginx:1.27")
    assert json.loads(out)["architecture"] == "amd64"


def test_one_image_streams_as_an_oci_layout_under_its_own_digest(bundle, tmp_path):
    with Bundle.open(bundle) as opened, (tmp_path / "one.tar").open("wb") as file:
        image = opened.images[2]
        name = f"docker.io/airgap/registry@{image.root.digest}"
        for chunk in oci_archive(opened, image, name):
            file.write(chunk)
    run("tar", "xf", str(tmp_path / "one.tar"), "-C", str(tmp_path))
    (entry,) = json.loads((tmp_path / "index.json").read_text())["manifests"]
    assert entry["annotations"] == {"io.containerd.image.name": name}
    assert entry["digest"] == str(image.root.digest)
    for path in (tmp_path / "blobs/sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    wanted = {found.digest.hex for found in (*image.manifests, *image.blobs)}
    assert {path.name for path in (tmp_path / "blobs/sha256").iterdir()} == wanted


def test_what_docker_cannot_express_is_named():
    content = sample()
    digest = content.images[0].root.digest
    content.add(f"nginx@{digest}", content.images[0].root.to_json())
    planned = plan(content.contents())
    assert planned.inexpressible == (content.images[3].reference,)
    assert planned.warnings == ()


def test_sha512_is_refused_by_name():
    content = Content()
    layer = {"mediaType": "x/y", "digest": "sha512:" + "0" * 128, "size": 1}
    root = content.artifact(content.blob(b"{}", CONFIG), layer)
    content.add("odd:1", root)
    with pytest.raises(InputError, match=r"odd:1.*sha512"):
        plan(content.contents())


def test_a_foreign_layer_may_be_absent(tmp_path):
    content = Content()
    layer = content.blob(b"elsewhere", "application/vnd.docker.image.rootfs.foreign.diff.tar")
    foreign = described(layer)
    image = content.add("win:1", content.artifact(content.blob(b"{}", CONFIG), layer))
    planned = write(content, tmp_path / "b.tar", absent=frozenset([foreign.digest]))
    assert planned.inexpressible == (image.reference,)
    with Bundle.open(tmp_path / "b.tar") as opened:
        assert opened.table.images[0].absent == {foreign.digest}
        assert foreign.digest not in opened
        with pytest.raises(InputError, match="no member"):
            opened.chunks(foreign)


def test_only_foreign_layers_may_be_absent():
    content = sample()
    layer = content.images[0].blobs[1]
    with pytest.raises(InputError, match="leaves out more than foreign layers"):
        plan(content.contents(absent=frozenset([layer.digest])))


def test_a_file_must_stay_as_it_was_planned(tmp_path):
    tool = tmp_path / "kind"
    tool.write_bytes(b"before")
    content = sample()
    planned = plan(content.contents(extras=[("airgap/bin/kind", tool)]))
    tool.write_bytes(b"after!")
    with Writer(planned, tmp_path / "b.tar") as writer:
        fill(writer, content)
        with pytest.raises(InputError, match="changed while it was packed"):
            writer.commit()
        tool.write_bytes(b"before")
        writer.commit()
    with Bundle.open(tmp_path / "b.tar") as opened:
        opened.copy_member("airgap/bin/kind", tmp_path / "copy", 0o700)
        with pytest.raises(ResourceError, match="exists"):
            opened.copy_member("airgap/bin/kind", tmp_path / "copy", 0o700)
    assert (tmp_path / "copy").read_bytes() == b"before"
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_a_part_of_a_blob_is_read_from_its_place_on(bundle):
    content = sample()
    with Bundle.open(bundle) as opened:
        blob = max(opened.images[0].blobs, key=lambda b: b.size)
        whole = content.blobs[blob.digest]
        for start in (1, blob.size // 2, blob.size):
            assert b"".join(map(bytes, opened.chunks(blob, start))) == whole[start:]
        with opened.place(blob) as place:
            assert os.pread(place.fd, blob.size, place.at) == whole
            at = place.at
        with bundle.open("r+b") as file:
            file.seek(at)
            file.write(bytes([whole[0] ^ 1]))
        # Nothing before the part is read, and so nothing is hashed.
        assert b"".join(map(bytes, opened.chunks(blob, 1))) == whole[1:]
        with pytest.raises(InputError, match="damaged"):
            list(opened.chunks(blob))


def test_a_wrong_size_is_refused_before_reading(bundle):
    with Bundle.open(bundle) as opened:
        blob = opened.images[0].blobs[1]
        wrong = Descriptor(blob.media_type, blob.digest, blob.size + 1)
        with pytest.raises(InputError, match="as announced"):
            opened.chunks(wrong)


def test_digest_is_that_of_the_sums(bundle):
    with Bundle.open(bundle) as opened:
        assert opened.digest.hex == hashlib.sha256(opened.member("SHA256SUMS")).hexdigest()


def test_a_forged_bundle_of_indexes_that_list_each_other_is_read_at_once(tmp_path):
    """Forty entries on each of four levels: two million paths, and a handful of manifests."""
    content = Content()
    child = content.runnable(layer(1, 100))
    for _ in range(4):
        child = content.index("", *[child] * 40)
    content.add("forged:1", child)
    write(content, tmp_path / "forged.tar")
    with Bundle.open(tmp_path / "forged.tar") as bundle:
        assert len(bundle.images[0].manifests) == 5


def test_one_long_manifest_named_very_often_is_bounded():
    content = Content()
    layers = [content.blob(b"x")] * 20_000
    root = content.artifact(content.blob(b"{}", CONFIG), *layers)
    image = content.add("app", root)  # read once: the names are what there are many of
    for number in range(99):
        content.images.append(replace(image, reference=Reference.parse(f"app:{number}")))
    with pytest.raises(InputError, match="name more than 2000000 blobs"):
        plan(content.contents())

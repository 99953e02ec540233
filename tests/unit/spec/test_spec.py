from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.spec.defaults import NODE_IMAGE
from airgap.spec.image_list import parse_list
from airgap.spec.load import load

DIGEST = "sha256:" + "a" * 64


def write(tmp_path: Path, text: str | bytes, name: str = "shop.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_list_with_everything_that_is_allowed(tmp_path: Path) -> None:
    text = (
        "\ufeff# ours\r\n\r\nnginx:1.27\r\n  quay.io/org/app:1 # why\nnginx:1.27\n"
        f"nginx@{DIGEST}\n[2001:db8::1]:5000/x:1\n\tlocalhost:5000/y\n"
    )
    spec = load(write(tmp_path, text, "images.txt"))
    assert [w.reference.familiar for w in spec.images] == [
        "nginx:1.27",
        "quay.io/org/app:1",
        f"nginx@{DIGEST}",
        "[2001:db8::1]:5000/x:1",
        "localhost:5000/y:latest",
    ]
    assert spec.name == "images"
    assert str(spec.node_image) == NODE_IMAGE


def test_all_bad_lines_are_reported_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_list("nginx\na:b:c\n\n$(touch x)\n--flag\n", "images.txt")
    lines = caught.value.message.split("\n")
    assert [line.split(" ")[0] for line in lines] == [
        "images.txt:2:",
        "images.txt:4:",
        "images.txt:5:",
    ]


def test_very_many_bad_lines_are_counted() -> None:
    with pytest.raises(InputError, match="and 9980 more lines"):
        parse_list("A\n" * 10_000, "images.txt")


def test_ten_thousand_lines() -> None:
    assert len(parse_list("".join(f"r.io/app{n}:1\n" for n in range(10_000)), "x")) == 10_000


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_list_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no image in it"):
        parse_list(text, "images.txt")


def test_a_definition_with_every_key(tmp_path: Path) -> None:
    text = """
name: shop
serial: 7
platforms: [linux/arm64, linux/amd64]
images: ["nginx:1.27", quay.io/org/app]
node-image: kindest/node:v1.34.0
registry-image: registry:2
kind: bin/kind
files: {charts/shop.tgz: shop.tgz}
hosts: [registry.example.org]
cluster-name: shop
workers: 2
"""
    spec = load(write(tmp_path, text))
    assert (spec.name, spec.serial, spec.cluster_name, spec.workers) == ("shop", 7, "shop", 2)
    assert [str(p) for p in spec.platforms] == ["linux/arm64", "linux/amd64"]
    assert spec.kind == tmp_path / "bin/kind"
    assert spec.files == {"charts/shop.tgz": tmp_path / "shop.tgz"}
    assert spec.hosts == ("registry.example.org",)
    assert str(spec.registry_image) == "docker.io/library/registry:2"


def test_all_platforms(tmp_path: Path) -> None:
    spec = load(write(tmp_path, "platforms: [all]\nimages: [nginx]\n"))
    assert spec.all_platforms
    assert spec.platforms == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("imagse: [nginx]", "imagse: unknown key"),
        ("images: [nginx:1.27, 7]", "images: expected a list of texts"),
        ("images: [a:b:c]", r"images\[0\]: invalid reference"),
        ("images: nginx", "images: expected a list"),
        ("serial: -1", "serial: -1 is no whole number"),
        ("serial: yes", "serial: True is no whole number"),
        ("name: ../x", "name: '../x' is no name"),
        ("name: [x]", "name: .* is no name"),
        ("platforms: [linux]", r"platforms\[0\]: invalid platform"),
        ("node-image: a:b:c", "node-image: invalid reference"),
        ("node-image: 7", "node-image: 7 is no text"),
        ("files: {../x: y}", "no name for a file in a bundle"),
        ("files: {/x: y}", "no name for a file in a bundle"),
        ("files: {x: 7}", "files: x: expected a path"),
        ("- nginx", "expected a YAML mapping"),
        ("a: &a [x]\nb: *a", "aliases are not allowed"),
        ("images: [x]\nimages: [y]", "duplicate key 'images'"),
        ("a: !!python/object/apply:os.system [x]", "not valid YAML"),
        ("a: [", "not valid YAML"),
        ("[" * 3000, "not valid YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        load(write(tmp_path, text))
    assert "shop.yaml" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("key", ["control-planes", "controlPlanes", "control_plane_nodes", "nodes"])
def test_several_control_planes_are_refused_with_the_reason(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match=f"{key}: a cluster of several control planes") as caught:
        load(write(tmp_path, f"images: [nginx]\n{key}: 3\nworkers: 1\n"))
    assert "airgap push" in caught.value.hint


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        load(write(tmp_path, b"\xff\xfe", "images.txt"))
    with pytest.raises(InputError, match="is larger than 4194304 bytes"):
        load(write(tmp_path, b"x" * (5 << 20), "images.txt"))
    with pytest.raises(InputError, match="cannot read"):
        load(tmp_path / "missing.txt")
    with pytest.raises(InputError, match="cannot read"):
        load(tmp_path)


def test_platforms_for_one_entry(tmp_path: Path) -> None:
    text = """
platforms: [linux/amd64]
images:
- nginx:1
- {image: redis:7, platforms: [linux/arm64, linux/amd64]}
- {image: quay.io/org/app:1, as: app:1, platforms: [all]}
- --platform linux/arm64 busybox
"""
    assert [w.line for w in load(write(tmp_path, text)).images] == [
        "docker.io/library/nginx:1",
        "--platform linux/arm64,linux/amd64 docker.io/library/redis:7",
        "--platform all docker://quay.io/org/app:1 as docker.io/library/app:1",
        "--platform linux/arm64 docker.io/library/busybox:latest",
    ]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{platforms: [all]}", r"images\[0\]: image: is missing"),
        ("{image: nginx, tag: 1}", r"images\[0\]: tag: unknown key"),
        ("{image: a:b:c}", r"images\[0\]: image: invalid reference"),
        ("{image: nginx, platforms: [linux]}", r"images\[0\]: platforms\[0\]: invalid platform"),
        ("{image: nginx, as: 'a:b:c'}", r"images\[0\]: as: invalid reference"),
        ("7", "images: expected a list of texts or mappings"),
    ],
)
def test_entries_that_are_refused(tmp_path: Path, entry: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        load(write(tmp_path, f"images:\n- {entry}\n"))


def test_an_empty_definition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images: no image in it"):
        load(write(tmp_path, "images: []\n"))

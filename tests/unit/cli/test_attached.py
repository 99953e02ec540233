"""Options of what is attached to images, as people give them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.cli import app
from tests.support import schema
from tests.support.attaching import Place
from tests.support.cosign import ANNOTATION, KeyPair, payload
from tests.support.registry import MemoryRegistry


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with MemoryRegistry() as registry:
        yield Place(registry, tmp_path)


def pack(place: Place, *more: object) -> int:
    listed = place.folder / "images.txt"
    listed.write_text(f"--platform linux/amd64 {place.registry.address}/app:1\n")
    host = ("--insecure-registry", place.registry.address, "--images-only")
    return app.run(["pack", str(listed), "-o", f"{place.folder}/b.tar", *host, *map(str, more)])


def key(place: Place, pair: KeyPair) -> Path:
    path = place.folder / "image.pub"
    path.write_bytes(pair.pem)
    return path


def sign(place: Place, pair: KeyPair) -> None:
    body = payload(str(place.root.digest))
    about = {ANNOTATION: pair.sign(body)}
    place.attach(str(place.root.digest), body, tag=".sig", annotations=about)


def test_pack_and_verify_by_a_key(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    pair = KeyPair()
    sign(place, pair)
    path = key(place, pair)
    assert pack(place, "--image-key", path) == 0
    line = f"cosign verify --key {path} --insecure-ignore-tlog=true REGISTRY/"
    assert line in capsys.readouterr().out
    verify = ["verify", f"{place.folder}/b.tar", "--image-key", str(path)]
    assert app.run(verify) == 0
    assert line in capsys.readouterr().out
    assert app.run([*verify, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert schema.wrong(told, "verify") == []
    assert told["image_key"]["image_count"] == 1


def test_an_image_without_a_signature(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = key(place, KeyPair())
    assert pack(place, "--image-key", path) == 4
    assert "app:1: no cosign signature by" in capsys.readouterr().err
    assert not (place.folder / "b.tar").exists()
    assert pack(place) == 0
    assert app.run(["verify", f"{place.folder}/b.tar", "--image-key", str(path)]) == 4


def test_options_that_do_not_go_together(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = key(place, KeyPair())
    assert pack(place, "--image-key", path, "--without-attached") == 2
    assert "not with --without-attached" in capsys.readouterr().err
    assert app.run(["verify", str(place.folder), "--image-key", str(path)]) == 3


def test_a_limit_that_is_given(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.attach(str(place.root.digest), b"0" * ((1 << 20) + 1), tag=".sig")
    assert pack(place, "--max-attached", 1) == 3
    assert "--max-attached MIB allows more" in capsys.readouterr().err
    assert pack(place, "--max-attached", 2) == 0

import json
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.cli import app
from airgap.inspect.diff import Difference, diff
from tests.support.bundles import Content, layer, write
from tests.support.images import Maker


def made(path: Path, content: Content, **more: object) -> Bundle:
    write(content, path, **more)
    return Bundle.open(path)


def compared(old: Bundle, new: Bundle) -> Difference:
    with old, new:
        return diff(old, new)


def told(found: Difference) -> list[tuple[str, str, str]]:
    """Return role, old and new name of each change."""
    return [
        (
            c.role,
            c.old.reference.familiar if c.old else "",
            c.new.reference.familiar if c.new else "",
        )
        for c in found.changes
    ]


def content(*images: tuple[str, int]) -> Content:
    found = Content()
    for name, seed in images:
        found.simple(name, seed, 1000)
    return found


def test_two_of_the_same_differ_in_nothing(tmp_path: Path) -> None:
    bundles = [made(tmp_path / f"{n}.tar", content(("a:1", 1), ("b:1", 2))) for n in (1, 2)]
    found = compared(*bundles)
    assert (found.changes, found.same, found.members) == ((), 2, {})
    assert (found.new_size, found.gone_size) == (0, 0)


def test_what_is_new_changed_and_gone(tmp_path: Path) -> None:
    old = made(tmp_path / "old.tar", content(("same:1", 1), ("changed:1", 2), ("gone:1", 3)))
    new = made(tmp_path / "new.tar", content(("new:1", 4), ("same:1", 1), ("changed:1", 5)))
    found = compared(old, new)
    assert told(found) == [("", "", "new:1"), ("", "changed:1", "changed:1"), ("", "gone:1", "")]
    assert found.same == 1
    sizes = {i.reference.familiar: i.size for i in new.images}
    assert found.new_size == sizes["new:1"] + sizes["changed:1"]


def test_another_choice_of_platforms_is_a_change(tmp_path: Path) -> None:
    bundles = []
    for number, platforms in enumerate((["linux/amd64"], ["linux/amd64", "linux/arm64"])):
        images = Content()
        images.both("multi:1", 7, *platforms)
        bundles.append(made(tmp_path / f"{number}.tar", images))
    found = compared(*bundles)
    assert told(found) == [("", "multi:1", "multi:1")]
    assert found.new_size > 0
    assert found.gone_size == 0


def test_node_and_registry_are_compared_by_what_they_are_for(tmp_path: Path) -> None:
    bundles = []
    for number in (1, 2):
        images = content(("a:1", 1))
        rest = content((f"kindest/node:v{number}", 10 * number), ("registry:3", 30))
        images.blobs |= rest.blobs
        images.bodies |= rest.bodies
        node, registry = rest.images
        bundles.append(made(tmp_path / f"{number}.tar", images, node=node, registry=registry))
    found = compared(*bundles)
    assert told(found) == [("node", "kindest/node:v1", "kindest/node:v2")]
    assert found.same == 2


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    extras = [("airgap/README", b"1"), ("airgap/files/a", b"a"), ("airgap/bin/kind", b"kind")]
    images = content(("a:1", 1))
    made(tmp_path / "1.tar", images, extras=extras, serial=6).close()
    extras = [("airgap/README", b"2"), ("airgap/files/b", b"b"), ("airgap/bin/kind", b"kind")]
    images = content(("a:1", 2), ("b:1", 3))
    made(tmp_path / "2.tar", images, extras=extras, serial=7).close()
    return [tmp_path / "1.tar", tmp_path / "2.tar"]


def test_members_besides_images(two: list[Path]) -> None:
    found = compared(*map(Bundle.open, two))
    assert found.members == {
        "airgap/README": "changed",
        "airgap/files/a": "removed",
        "airgap/files/b": "added",
    }


def test_the_command(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["diff", *map(str, two)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == [f"- {two[0]}", f"+ {two[1]}"]
    assert [line for line in lines if line[2:] in ("a:1", "b:1")] == ["+ b:1", "~ a:1"]
    assert "+ airgap/files/b" in lines
    assert lines[-1].startswith("0 images the same; ")
    assert app.run(["diff", *map(str, two), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found["old"]["serial"], found["new"]["serial"]] == [6, 7]
    assert [image["role"] for image in found["images"]] == ["image", "image"]
    assert found["images"][0]["old"] is None
    assert app.run(["diff", str(two[0]), str(two[0])]) == 0
    assert "nothing differs" in capsys.readouterr().out


def test_a_key_stops_what_it_did_not_sign(
    two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["keygen", str(tmp_path / "k")]) == 0
    assert app.run(["sign", str(two[0]), "--key", str(tmp_path / "k.key")]) == 0
    capsys.readouterr()
    assert app.run(["diff", *map(str, two), "--key", str(tmp_path / "k.pub")]) == 4
    assert "the bundle is not signed" in capsys.readouterr().err


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    maker = Maker(tmp_path / "built")
    maker.runnable(layer(1, 1000), name="docker.io/library/a:1")
    maker.runnable(layer(9, 50), name="quay.io/org/c:1")
    maker.layout()
    return maker.folder


def test_of_a_layout_the_images_alone_are_compared(
    two: list[Path], layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = content(("node:1", 30))
    images = content(("a:1", 1))
    images.blobs |= node.blobs
    images.bodies |= node.bodies
    made(two[0].with_name("3.tar"), images, node=node.images[0]).close()
    assert app.run(["diff", str(two[0].with_name("3.tar")), str(layout)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"+ {layout}: an OCI layout, of which the images alone are compared"
    assert lines[2] == "+ quay.io/org/c:1"
    assert lines[3].startswith("1 image the same; ")
    assert lines[3].endswith(" new, 0 B gone"), "the node image is not counted"
    assert app.run(["diff", str(layout), str(two[1]), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["old"], found["members"]) == (
        {"layout": str(layout), "signature_proved": []},
        [],
    )
    assert [(i["old"] is None, i["new"] is None) for i in found["images"]] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert app.run(["diff", str(layout), str(layout)]) == 0
    assert "2 images the same; 0 B new, 0 B gone" in capsys.readouterr().out


def test_a_key_is_asked_of_bundles_alone(
    two: list[Path], layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["keygen", str(layout.with_name("k"))]) == 0
    assert app.run(["sign", str(two[0]), "--key", str(layout.with_name("k.key"))]) == 0
    capsys.readouterr()
    code = app.run(["diff", str(two[0]), str(layout), "--key", str(layout.with_name("k.pub"))])
    assert (code, "only bundles are signed" in capsys.readouterr().err) == (3, True)

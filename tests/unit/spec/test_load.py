import io
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.spec.load import PIPE, load


class Pipe(io.StringIO):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(data)  # type: ignore[misc]


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", Pipe(data))


def test_a_list_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"nginx:1\nlocalhost:5000/x:1\n")
    spec = load(PIPE)
    assert [w.reference.familiar for w in spec.images] == ["nginx:1", "localhost:5000/x:1"]
    assert spec.name == "bundle"


def test_a_bad_line_of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"nginx:1\na:b:c\n")
    with pytest.raises(InputError, match=r"^stdin:2: invalid reference"):
        load(PIPE)


def test_a_definition_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"# ours\n\nname: shop\nimages: [nginx:1]\n")
    assert load(PIPE).name == "shop"


def test_a_pipe_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="stdin: it is closed"):
        load(PIPE)


def test_a_list_as_windows_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "images.txt"
    path.write_bytes("nginx:1\r\n".encode("utf-16"))
    with pytest.raises(InputError, match="not UTF-8 text, it is UTF-16") as caught:
        load(path)
    assert "iconv" in caught.value.hint


def test_more_than_one_document(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("images: [nginx:1]\n---\nimages: [redis:1]\n")
    with pytest.raises(InputError, match="2 YAML documents"):
        load(path)

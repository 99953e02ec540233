"""docs/bundle-format.md shows a bundle byte by byte: it must be the one that airgap writes."""

import json
from pathlib import Path

from airgap.bundle.reader import Bundle
from tests.support.bundles import Content, write
from tests.support.images import CONFIG

DOCUMENT = Path(__file__).parents[3] / "docs/bundle-format.md"


def example(path):
    """Write the bundle of the document: one image without layers."""
    content = Content()
    rootfs = {"type": "layers", "diff_ids": []}
    config = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
    blob = content.blob(json.dumps(config).encode(), CONFIG)
    root = content.artifact(blob)
    content.add("example.org/empty:1", root)
    return write(content, path, name="example", tool="example")


def pieces(path):
    """Return the text blocks that the document must contain."""
    planned, data = example(path), path.read_bytes()
    at = {member.name: member for member in planned.members}
    places = [f"{m.header_at:>6} {m.at:>8} {m.size:>6}  {m.name}" for m in planned.members]
    places.append(f"{planned.size - 1024:>6} {'':>8} {1024:>6}  (two blocks of zeros)")
    rows = [(place, data[place : place + 16]) for place in range(0, 512, 16)]
    dump = [
        f"{place:05x}  {row.hex(' ')}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}"
        for place, row in rows
        if any(row)
    ]
    texts = [
        data[at[name].at : at[name].end].decode()
        for name in ("SHA256SUMS", "airgap.json", "index.json", "manifest.json")
    ]
    return ["\n".join(places) + "\n", "\n".join(dump) + "\n", *texts, str(planned.digest)]


def test_the_example_is_what_airgap_writes(tmp_path):
    document = DOCUMENT.read_text()
    for piece in pieces(tmp_path / "example.tar"):
        assert piece in document
    with Bundle.open(tmp_path / "example.tar") as opened:
        opened.verify()

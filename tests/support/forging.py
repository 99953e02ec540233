"""Forged bundles: made from a legal one, with sums and framing that hold, as an attacker would."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airgap.bundle import tar
from airgap.bundle.format import SUMS, TABLE
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST

Members = dict[str, bytes]
_MANIFEST = 4 << 20


@dataclass
class Parts:
    """A bundle in parts.

    Attributes:
        table: airgap.json without its members.
        members: content by name, from the fourth member on.
        listed: what the table says of the members instead of their sizes.
    """

    table: dict[str, Any]
    members: Members
    listed: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, data: bytes) -> "Parts":
        """Take a bundle apart."""
        at, members = 0, {}
        while data[at : at + 1] != b"\0":
            name = data[at : at + 100].rstrip(b"\0").decode()
            size = int(data[at + 124 : at + 135], 8)
            members[name] = data[at + 512 : at + 512 + size]
            at += 512 + size + tar.pad(size)
        table = json.loads(members[TABLE])
        del table["members"]
        return cls(table, dict(list(members.items())[3:]))

    def copy(self) -> "Parts":
        """Return parts that may be changed; contents are shared."""
        return Parts(json.loads(json.dumps(self.table)), dict(self.members))

    def put(self, body: bytes) -> dict[str, Any]:
        """Add a manifest; returns its descriptor."""
        digest = hashlib.sha256(body).hexdigest()
        self.members[f"blobs/sha256/{digest}"] = body
        kind = OCI_INDEX if b'"manifests"' in body else OCI_MANIFEST
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(body)}

    def joined(self, table: bytes | None = None, sums: bytes | None = None) -> bytes:
        """Put the bundle together."""
        sizes = [{"name": name, "size": len(body)} for name, body in self.members.items()]
        whole = self.table | {"members": sizes if self.listed is None else self.listed}
        table = strictjson.dumps(whole) if table is None else table
        listed = {TABLE: table, **self.members}
        if sums is None:
            lines = (f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in listed.items())
            sums = "".join(lines).encode("latin-1")
        out = bytearray()
        for name, body in {SUMS: sums, f"{SUMS}.minisig": b"\n" * 4096, **listed}.items():
            out += tar.header(name, len(body)) + body + bytes(tar.pad(len(body)))
        return bytes(out + tar.END)


def _descriptor(number: int) -> dict[str, Any]:
    return {"mediaType": "a/b", "digest": f"sha256:{number:064x}", "size": 1}


def _manifest(layers: list[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "config": _descriptor(0), "layers": layers}).encode()


def _index(children: list[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": children}).encode()


def _all_name(parts: Parts, root: dict[str, Any], **more: Any) -> None:
    for image in parts.table["images"]:
        image.update(root | more)


def long_manifest(parts: Parts, rng: random.Random) -> bytes:
    """Let every image name one manifest of very many layers, some with urls."""
    layer = _descriptor(1) | ({"urls": ["x"]} if rng.random() < 0.5 else {})
    body = _manifest([layer | {"size": n} for n in range(rng.choice((100, 20_000)))])
    _all_name(parts, parts.put(body[:_MANIFEST]))
    return parts.joined()


def absent_layers(parts: Parts, rng: random.Random) -> bytes:
    """Let every image lack another layer of one long manifest."""
    layers = [_descriptor(n) | {"urls": ["x"]} for n in range(20_000)]
    root = parts.put(_manifest(layers))
    for number, image in enumerate(parts.table["images"]):
        count = rng.choice((1, 1, 900))
        lacking = {layers[(number + n) % len(layers)]["digest"] for n in range(count)}
        image.update(root | {"absent": sorted(lacking)})
    return parts.joined()


def repeated_children(parts: Parts, rng: random.Random) -> bytes:
    """Let every image choose one child that its index lists again and again."""
    child = parts.put(_manifest([]))
    count = rng.choice((100, 101, 20_000))
    platforms = [{"os": "linux", "architecture": f"a{n}"} for n in range(count)]
    root = parts.put(_index([child | {"platform": platform} for platform in platforms]))
    _all_name(parts, root, children=[child["digest"]])
    return parts.joined()


def nested_indexes(parts: Parts, rng: random.Random) -> bytes:
    """Let indexes list each other on several levels."""
    level = [parts.put(_manifest([_descriptor(n)])) for n in range(rng.choice((2, 20)))]
    every = [child["digest"] for child in level]
    for depth in range(rng.choice((3, 6))):
        level = [
            parts.put(_index([*level, _descriptor(depth * 100 + n)])) for n in range(len(level))
        ]
        every += [child["digest"] for child in level]
    _all_name(parts, level[0], children=every)
    return parts.joined()


def tags_with_digests(parts: Parts, rng: random.Random) -> bytes:
    """Give all images one tag, by indexes of two long manifests in turn."""
    size = rng.choice((10, 10_000))
    long = [parts.put(_manifest([_descriptor(n + k) for n in range(size)])) for k in (0, 1)]
    for number, image in enumerate(parts.table["images"]):
        child = long[number % 2]
        root = parts.put(_index([child, _descriptor(number)]))
        name = f"example.org/a:1@{root['digest']}"
        image.update(root | {"reference": name, "children": [child["digest"]]})
    return parts.joined()


def other_members(parts: Parts, rng: random.Random) -> bytes:
    """Add very many members, or let the table say other sizes and names."""
    kind = rng.randrange(6)
    if kind == 0:
        parts.members |= {f"airgap/files/{n}/" + "a/" * 60 + "b": b"" for n in range(9_000)}
        return parts.joined()
    if kind == 1:
        parts.members |= {f"airgap/{n}": b"" for n in range(11_000)}
        return parts.joined()
    listed = [{"name": name, "size": len(body)} for name, body in parts.members.items()]
    if kind == 2:
        rng.choice(listed)["size"] = rng.choice((1 << 50, 1 << 60, -1, 10**39, 0))
    elif kind == 3:
        listed.append(rng.choice(listed))
    elif kind == 4:
        rng.shuffle(listed)
    else:
        rng.choice(listed)["name"] = rng.choice(("../x", "/x", "a" * 300, "", "x\n", "x" * 99))
    parts.listed = listed
    return parts.joined()


def padded_doors(parts: Parts, rng: random.Random) -> bytes:
    """Let a door be long, or show something else."""
    name = rng.choice(("index.json", "manifest.json", "oci-layout"))
    body = parts.members[name]
    at = rng.randrange(len(body))
    more = rng.choice((b" " * 20_000_000, b"x", b"", body))
    parts.members[name] = body[:at] + more + body[at + 1 :]
    return parts.joined()


def hostile_json(parts: Parts, rng: random.Random) -> bytes:
    """Put what is dear to parse into the table or a manifest."""
    unit, end = rng.choice(
        [(b"[", b""), (b"[],", b"0]"), (b'{"":0},', b"0]"), (b"1,", b"0]"), (b'"",', b"0]"),
         (b'"ab",', b"0]"), (b'{"a":', b""), (b'"\\\\', b""), (b"9" * 41 + b",", b"0]"),
         (b"1.5,", b"0]"), (b'"\\u00e9",', b"0]"), (b" ", b"0]")]
    )  # fmt: skip
    count = rng.choice((1_000, 4_000_000 // len(unit)))
    body = b"[" + unit * count + end
    if rng.random() < 0.5:
        return parts.joined(table=b'{"format": 1, "x": ' + body + b"}")
    image = rng.choice(parts.table["images"])
    image |= parts.put(b'{"schemaVersion": 2, "config": ' + body[: _MANIFEST - 50] + b"}")
    return parts.joined()


def hostile_table(parts: Parts, rng: random.Random) -> bytes:
    """Change what an image says of itself."""
    image = rng.choice(parts.table["images"])
    key = rng.choice(("children", "platforms", "absent", "reference", "size", "digest", "requires"))
    digests = [f"sha256:{n:064x}" for n in range(rng.choice((1, 50_000)))]
    values: list[Any] = [digests, digests[:1] * 50_000, "a/" * 100_000, {}, None, -1, True]
    values += ["linux/amd64"] if key == "reference" else [["linux/amd64"] * 50_000]
    image[key] = rng.choice(values)
    return parts.joined()


def hostile_sums(parts: Parts, rng: random.Random) -> bytes:
    """Change SHA256SUMS."""
    line = b"0" * 64 + b"  %d\n"
    many = b"".join(line % n for n in range(rng.choice((10, 300_000))))
    return parts.joined(sums=rng.choice((many, many[:-1], many + line % 1, b"", b"\n" * 100_000)))


KINDS: list[Callable[[Parts, random.Random], bytes]] = [
    long_manifest, absent_layers, repeated_children, nested_indexes, tags_with_digests,
    other_members, padded_doors, hostile_json, hostile_table, hostile_sums,
]  # fmt: skip

"""Readers of foreign bytes, good input for each, and mutations of it."""

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from airgap.bundle.partial.journal import Journal
from airgap.bundle.partial.kept import kept
from airgap.bundle.reader import Bundle
from airgap.bundle.signature.check import inner_signature
from airgap.bundle.table import Table
from airgap.cluster.objects.registry_yaml import check_yaml, render_yaml
from airgap.cluster.parameters import Parameters
from airgap.oci import manifest, strictjson
from airgap.oci.choice import Choice
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.flatten import flattened
from airgap.oci.image import walk
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry import errors
from airgap.registry.auth.challenge import Challenge
from airgap.serve.server import Server
from airgap.signatures.minisign import PublicKey, Signature
from airgap.signatures.secret_key import SecretKey
from airgap.sources.layout import Layout
from airgap.spec.load import load
from tests.support.bundles import sample, write
from tests.support.images import Maker

TOKENS = [
    b"", b"\0", b"\xff", b"..", b"/", b"\\", b":", b"@", b"[", b"]", b"{", b"}", b'"', b",", b"'",
    b"-1", b"1e999", b"NaN", b"null", b"9" * 30, b"\\ud800", b"sha512:", b"sha256:", b"\n", b" ",
    b"- ", b"? ", b": ", b"&a ", b"*a", b"!!int ", b"|\n", b"%", b"\r\n", b"\r\n\r\n", b"chunked",
    b"bytes=-1", b"/../", b"<", b"=", b";", b"[" * 3000, b"- " * 3000,
]  # fmt: skip
_CUT = b"\n--\n"

Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A reader.

    Attributes:
        read: gives a value or an AirgapError.
        seeds: good input.
        lines: the lines that an error's message may have.
    """

    read: Read
    seeds: list[bytes]
    lines: int = 1


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change a few places: flip, insert, cut, double, or put another token there."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        length = rng.choice((1, 1, 2, 8, 64))
        match rng.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at:at] = rng.choice(TOKENS)
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = out[at : at + length] * rng.choice((1, 2, 100))
            case _:
                out[at : at + length] = rng.choice(TOKENS)
    return bytes(out)


@contextlib.contextmanager
def targets(folder: Path) -> Iterator[dict[str, Target]]:
    """Make all readers, in a folder that is theirs."""
    maker = Maker(folder / "layout")
    amd = maker.image(b"base", b"amd", name="docker.io/library/nginx:1.27")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=maker.image(b"arm", architecture="arm64"))
    layout = maker.layout()
    with Server(layout.images, layout, ("127.0.0.1", 0), Silent()) as server:
        yield {**_texts(folder), **_json(folder), **_bundles(folder), "served": _served(server)}


def _texts(folder: Path) -> dict[str, Target]:
    parameters = Parameters(f"sha256:{'1' * 64}", f"sha256:{'2' * 64}").with_doors
    references = [b"nginx:1.27", b"[::1]:5000/a/b:c@sha256:" + b"0" * 64, b"quay.io/org/app"]
    challenges = [
        b'Bearer realm="https://auth.example.org/token",service="a, b",scope="repository:x:pull"',
        b'Basic realm="x", Bearer realm="y\\"z"', b"Negotiate",
    ]  # fmt: skip
    definition = b"""name: shop
serial: 3
platforms: [linux/amd64, "linux/arm64"]
images:
  - nginx:1.27   # a comment
files: {x/y.yaml: 'x.yaml'}
node-image: kindest/node:v1
"""
    return {
        "reference": Target(lambda d: Reference.parse(d.decode("latin-1")), references),
        "image list": Target(
            _loaded(folder / "l.txt"), [b"# list\nnginx:1.27 # a\r\n\n\tquay.io/a/b\n" * 5], 21
        ),
        "definition": Target(_loaded(folder / "d.yaml"), [definition], 21),
        "registry.yaml": Target(lambda d: check_yaml(d, parameters), [render_yaml(parameters)]),
        "challenge": Target(
            lambda d: Challenge.of(httpx.Headers([(b"www-authenticate", d)])), challenges
        ),
        "error body": Target(_refused, _ERRORS),
    }


_ERRORS = [
    b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no","detail":{"Tag":"1"}}]}',
    b'{"errors":[{"code":"DENIED"},{"code":1}],"error":"x","error_description":"y"}',
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>no</Message></Error>",
    b"<!-- x --><!DOCTYPE html><html><body>login</body></html>", b"upstream timed out\n",
]  # fmt: skip


def _refused(data: bytes) -> None:
    for status in (400, 401, 403, 404, 429, 500, 507):
        refusal = errors.read(status, data, registry="r", path="/v2/a/b/manifests/1", method="GET")
        found = errors.error_of(refusal, logged_in=False)
        assert found.message.isprintable(), found.message
        assert len(found.message) < 2000, found.message


def _loaded(path: Path) -> Read:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load(path)

    return read


def _json(folder: Path) -> dict[str, Target]:
    content = sample()
    bodies = list(content.bodies.values())
    index = next(body for body in bodies if b'"manifests"' in body)
    walks = [_CUT.join([index, *(body for body in bodies if body != index)]), bodies[0]]
    layout = (folder / "layout/index.json").read_bytes()
    return {
        "strictjson": Target(
            lambda d: strictjson.loads(d, "fuzz"), [*bodies, b'{"a": ["\\u00e9", 1]}']
        ),
        "manifest": Target(lambda d: manifest.parse(d, "", "fuzz"), bodies),
        "index walk": Target(_walked, walks),
        "layout": Target(_layout(folder / "layout"), [layout]),
    }


def _walked(data: bytes) -> None:
    """Walk documents: the first one is the root, each other one what is asked for next."""
    root, *rest = data.split(_CUT)
    given: dict[Digest, bytes] = {}

    def load(descriptor: Descriptor) -> bytes:
        if descriptor.digest not in given:
            given[descriptor.digest] = rest[len(given) % len(rest)] if rest else root
        return given[descriptor.digest]

    kind = OCI_INDEX if b'"manifests"' in root else OCI_MANIFEST
    top = Descriptor(kind, Digest.of(root), len(root))
    given[top.digest] = root
    for wanted in ([], [Platform("linux", "amd64")]):
        choice = Choice("fuzz", wanted, lambda _: None)
        image = walk(Reference.parse("fuzz:1"), top, load, choice)
        choice.check()
        flattened(image, load)


def _layout(folder: Path) -> Read:
    def read(data: bytes) -> object:
        (folder / "index.json").write_bytes(data)
        return Layout(folder)

    return read


def _bundles(folder: Path) -> dict[str, Target]:
    planned = write(sample(), folder / "good.tar")
    good = (folder / "good.tar").read_bytes()
    key = SecretKey.generate()
    signature = key.sign(b"message", "comment").to_bytes()
    line = f"{planned.blobs[0].digest} 512 100\n".encode()
    return {
        "table": Target(Table.from_bytes, [planned.table.to_bytes()]),
        "public key": Target(
            lambda d: PublicKey.parse(d.decode("latin-1")), [key.public.to_bytes()]
        ),
        "secret key": Target(SecretKey.parse, [key.to_bytes()]),
        "signature": Target(lambda d: Signature.parse(d, "fuzz"), [signature]),
        "signature inside": Target(inner_signature, [signature.ljust(4096, b"\n"), b"\n" * 4096]),
        "journal": Target(_journal(folder / "j", planned.blobs), [line * 3, line[:50]]),
        "bundle": Target(_opened(folder / "fuzz.tar", good), [good]),
    }


def _journal(path: Path, blobs: tuple[Descriptor, ...]) -> Read:
    def read(data: bytes) -> None:
        path.write_bytes(data)
        journal = Journal(path)
        try:
            kept(journal.read(), blobs, 1 << 20)
        finally:
            journal.close()

    return read


def _opened(path: Path, good: bytes) -> Read:
    """Open and prove a bundle; none but the good one may be taken."""

    def read(data: bytes) -> None:
        path.write_bytes(data)
        with Bundle.open(path) as bundle:
            bundle.verify(threads=1)
        assert data == good, "an altered bundle was taken"

    return read


def _served(server: Server) -> Target:
    """Send bytes, and read until the connection is closed."""

    def read(data: bytes) -> None:
        with (
            socket.create_connection(("127.0.0.1", server.port), 5) as sock,
            contextlib.suppress(ConnectionError),
        ):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1 << 16):
                pass
        assert not server.troubles, "a fault of ours"

    head = "Host: localhost\r\nUser-Agent: fuzz\r\n\r\n"
    paths = ["manifests/1.27", "tags/list?n=1", "referrers/x", f"blobs/sha256:{'0' * 64}", "x"]
    seeds = [f"GET /v2/docker.io/library/nginx/{path} HTTP/1.1\r\n{head}" for path in paths]
    seeds += [
        f"HEAD /v2/ HTTP/1.1\r\nRange: bytes=0-1\r\n{head}", "GET /v2/_catalog HTTP/1.0\r\n\r\n",
        f"POST /v2/x/blobs/uploads/ HTTP/1.1\r\nContent-Length: 3\r\n{head}abc",
    ]  # fmt: skip
    return Target(read, [seed.encode() for seed in seeds])

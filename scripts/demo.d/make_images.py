"""Make the demo's two small images as an OCI layout: make_images.py FOLDER.

Each image runs: its program says hello and then waits. It is put together here, byte by byte, so
that the demo needs neither a compiler nor a download.
"""

import gzip
import hashlib
import io
import json
import platform
import struct
import sys
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
BASE = 0x400000  # where the program is loaded
ELF_HEADERS = 64 + 56


def main(folder: Path) -> None:
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(body: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body)}

    shared = layer("etc/motd", b"Welcome to the isolated side.\n" * 1000, 0o644)
    roots = []
    for name in ("hello", "world"):
        layers = [shared, layer(name, program(f"{name} from the isolated side\n"), 0o755)]
        config = {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": {"Entrypoint": [f"/{name}"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(x).hexdigest()}" for x in layers],
            },
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": add(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
            "layers": [add(gzip.compress(x, mtime=0), f"{OCI}.layer.v1.tar+gzip") for x in layers],
        }
        root = add(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
        name_of = {"io.containerd.image.name": f"demo.example.org/{name}:1"}
        roots.append({**root, "annotations": name_of})
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": roots}))


def layer(path: str, content: bytes, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(path)
        member.size, member.mode = len(content), mode
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def program(text: str) -> bytes:
    """Return a static ELF program that writes ``text`` and then waits for ever."""
    message = text.encode()
    machine, code = {
        "amd64": (62, amd64(len(message))),
        "arm64": (183, arm64(len(message))),
    }[ARCHITECTURE]
    body = code + message
    size = ELF_HEADERS + len(body)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)  # 64 bits, little endian
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, BASE + ELF_HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)  # read, execute
    return identity + header + segment + body


def amd64(length: int) -> bytes:
    return (
        b"\xb8\x01\x00\x00\x00"  # mov eax, 1      write(
        b"\xbf\x01\x00\x00\x00"  # mov edi, 1        standard output,
        b"\x48\x8d\x35\x10\x00\x00\x00"  # lea rsi, [rip+16]  what follows the code,
        b"\xba" + struct.pack("<I", length) + b"\x0f\x05"  # mov edx, length; syscall
        b"\xb8\x22\x00\x00\x00\x0f\x05"  # mov eax, 34; syscall  pause()
        b"\xeb\xf7"  # jmp to the line above
    )


def arm64(length: int) -> bytes:
    words = (
        0xD2800808, 0xD2800020, 0x10000141,  # x8 = write, x0 = 1, x1 = what follows the code
        0xD2800002 | length << 5, 0xD4000001,  # x2 = length; svc
        0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003,  # x0..x3 = 0
        0xD2800928, 0xD4000001, 0x17FFFFFA,  # x8 = ppoll; svc; again
    )  # fmt: skip
    return struct.pack(f"<{len(words)}I", *words)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

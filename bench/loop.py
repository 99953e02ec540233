"""A bare loop: the requests of a push, over eight connections, without hashing anything.

It is what a push costs where nothing is decided, proved or told: run as a program of its own.

    python loop.py ADDRESS BLOBS PLAN.json

BLOBS is the folder of a registry's blobs; the plan is what `plan` returns.
"""

import http.client
import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import Any

CONNECTIONS = 8
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_BLOCK = 1 << 18
_here = local()


def plan(digests: dict[str, str], blobs: Path, prefix: str) -> dict[str, Any]:
    """Return what is to be asked: uploads, mounts and manifests, as airgap does it.

    Args:
        digests: each repository's manifest.
        blobs: the folder of their content.
        prefix: stands before each repository.
    """
    homes: dict[str, str] = {}
    mounts, manifests = [], []
    for name, digest in digests.items():
        repository = prefix + name
        value = json.loads(_path(blobs, digest).read_bytes())
        for found in (value["config"], *value["layers"]):
            home = homes.setdefault(found["digest"], repository)
            if home != repository:
                mounts.append((found["digest"], repository, home))
        manifests.append((digest, repository))
    size = {digest: _path(blobs, digest).stat().st_size for digest in homes}
    uploads = sorted(homes.items(), key=lambda pair: -size[pair[0]])
    return {"uploads": uploads, "mounts": mounts, "manifests": manifests}


def main(address: str, blobs: Path, wanted: dict[str, Any]) -> None:
    """Send it all."""
    loop = _Loop(address, blobs)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        _all(pool.map(lambda pair: loop.head(pair[1], 404), wanted["manifests"]))
        for send, items in (
            (loop.upload, wanted["uploads"]),
            (loop.mount, wanted["mounts"]),
            (loop.manifest, wanted["manifests"]),
        ):
            _all(pool.map(_spread(send), items))


def _spread(function: Callable[..., None]) -> Callable[[Iterable[str]], None]:
    return lambda item: function(*item)


def _all(done: Iterable[None]) -> None:
    for _ in done:
        pass


class _Loop:
    def __init__(self, address: str, blobs: Path) -> None:
        self._address, self._blobs = address, blobs

    def head(self, repository: str, status: int) -> None:
        path, headers = f"/v2/{repository}/manifests/1", {"Accept": _MANIFEST}
        self._ask("HEAD", path, status, None, headers)

    def upload(self, digest: str, repository: str) -> None:
        location = self._open(digest, repository, repository, 202)
        path = _path(self._blobs, digest)
        headers = {"Content-Length": str(path.stat().st_size)}
        url = location.partition(self._address)[2] or location
        with path.open("rb", 0) as file:
            body = iter(lambda: file.read(_BLOCK), b"")
            self._ask("PUT", f"{url}&digest={digest}", 201, body, headers)

    def mount(self, digest: str, repository: str, home: str) -> None:
        self._open(digest, repository, home, 201)

    def manifest(self, digest: str, repository: str) -> None:
        body = _path(self._blobs, digest).read_bytes()
        self._ask("PUT", f"/v2/{repository}/manifests/1", 201, body, {"Content-Type": _MANIFEST})
        self.head(repository, 200)

    def _open(self, digest: str, repository: str, home: str, status: int) -> str:
        path = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={home}"
        return self._ask("POST", path, status, b"", {"Content-Length": "0"})

    def _ask(
        self, method: str, path: str, status: int, body: Any = None, headers: Any = None
    ) -> str:
        if not hasattr(_here, "connection"):
            _here.connection = http.client.HTTPConnection(self._address)
        _here.connection.request(method, path, body, headers or {})
        answer = _here.connection.getresponse()
        answer.read()
        if answer.status != status:
            raise SystemExit(f"{method} {path}: {answer.status} instead of {status}")
        location: str = answer.headers.get("Location", "")
        return location


def _path(blobs: Path, digest: str) -> Path:
    return blobs / digest[7:9] / digest[7:] / "data"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))

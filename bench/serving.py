"""The case serve: the same client reads the same images from airgap and from distribution.

Each run meets a server that has just come up: what airgap proves once, it proves every time here.
What is read lies in the page cache of both.
"""

from collections.abc import Callable
from pathlib import Path

from bench import cases, data, peers, servers
from bench.cases import Lab, Result
from bench.clock import Command, Reading, median
from bench.data import Images
from bench.peers import BUNDLE

_OURS, _THEIRS = "airgap", "distribution"
_CONNECTIONS = 16
_MANIFESTS = 400
Asking = Callable[[str, Path], list[str]]
"""Makes the command that reads from an address, in a folder of its own."""


def serve(lab: Lab) -> list[Result]:
    """Read from serve, and from distribution beside it."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    over = f"over {_CONNECTIONS} connections"
    contests = [
        (f"serve: crane pull of {len(images.digests)} images", _pull(lab, images), 0.9, 1.1),
        (f"serve: {_MANIFESTS} manifests {over}", _fetch(lab, _manifests(images)), 2, 4),
        (f"serve: all blobs {over}", _fetch(lab, _blobs(images)), 1, 1.25),
    ]
    with lab.folder() as work:
        with servers.registry(lab.programs / "registry", images.root, work) as up:
            place = lab.place(up.address, images)
            Command(peers.PACK[_OURS](place, work), work, {}).run(lab.tool)
        return [_compared(lab, images, work / BUNDLE, *contest) for contest in contests]


def _compared(
    lab: Lab, images: Images, bundle: Path, case: str, asking: Asking, goal: float, bound: float
) -> Result:
    def once(name: str) -> Reading:
        with lab.folder() as folder:
            if name == _OURS:
                server = servers.served(lab.airgap, bundle, folder)
            else:
                server = servers.registry(
                    lab.programs / "registry", images.root, folder, told=False
                )
            with server as up:
                return Command(asking(up.address, folder), folder, {}).run(lab.tool)

    readings = cases.interleaved(lab, [_OURS, _THEIRS], once)
    ours, theirs = (median(readings[name]).without_sync for name in (_OURS, _THEIRS))
    return Result(case, ours / theirs, goal, bound, _THEIRS, readings)


def _pull(lab: Lab, images: Images) -> Asking:
    def command(address: str, folder: Path) -> list[str]:
        return peers.PACK["crane"](lab.place(address, images), folder)

    return command


def _fetch(lab: Lab, wanted: list[tuple[str, str]]) -> Asking:
    def command(address: str, folder: Path) -> list[str]:
        lines = "".join(f"http://{address}/v2/{path} {digest}\n" for path, digest in wanted)
        (folder / "list.txt").write_text(lines)
        return [str(lab.tool), "fetch", str(_CONNECTIONS), "list.txt"]

    return command


def _manifests(images: Images) -> list[tuple[str, str]]:
    every = [(f"{name}/manifests/1", digest) for name, digest in images.digests.items()]
    return (every * _MANIFESTS)[:_MANIFESTS]


def _blobs(images: Images) -> list[tuple[str, str]]:
    return [(f"{name}/blobs/{digest}", digest) for digest, (_, name) in images.blobs.items()]

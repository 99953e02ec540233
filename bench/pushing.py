"""The cases of a push beside what it cannot be quicker than, and of connections that are kept."""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from bench import cases, checks, data, loop, peers, servers
from bench.cases import Lab, Result
from bench.clock import Command, Reading, median
from bench.data import Images
from bench.peers import BUNDLE

_OURS, _LOOP, _TOKENS, _OPEN = "airgap", "bare loop", "behind tokens", "open"
_TOKEN_SECONDS = 0.05
_THREADS = 4
_HERE = Path(__file__).parent


def push_loop(lab: Lab) -> list[Result]:
    """Push, http, against a bare loop of the same requests that hashes nothing."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    blobs = images.root / "docker/registry/v2/blobs/sha256"
    with lab.folder() as work:
        source = cases.sources(lab, images, work)
        plan = work / "plan.json"
        plan.write_text(json.dumps(loop.plan(images.digests, blobs, peers.HOST)))

        def once(name: str) -> Reading:
            with lab.folder() as folder:
                storage = folder / "storage"
                with servers.registry(lab.programs / "registry", storage, folder) as up:
                    place = lab.place(up.address, images, layouts=source)
                    command = peers.PUSH[_OURS](place, folder)
                    if name == _LOOP:
                        script = str(_HERE / "loop.py")
                        command = [sys.executable, script, up.address, str(blobs), str(plan)]
                    lab.settle(source, images.root)
                    reading = Command(command, folder, {}).run(lab.tool)
                    checks.pushed(images, up.address, storage, prefix=peers.HOST)
            return reading

        readings = cases.interleaved(lab, [_OURS, _LOOP], once)
    ratio = median(readings[_OURS]).seconds / median(readings[_LOOP]).seconds
    return [Result("push, http, against a bare loop", ratio, 1.1, 1.35, _LOOP, readings)]


def push_tokens(lab: Lab) -> list[Result]:
    """Push 2,000 repositories behind a token server of 50 ms, against the same without."""
    count = 200 if lab.quick else 2000
    images = lab.images(data.many(count))
    with lab.folder() as work:
        source = cases.sources(lab, images, work)
        certificate = servers.certificate(work)

        def once(name: str) -> Reading:
            with lab.folder() as folder:
                return _pushed(
                    lab, images, source, folder, certificate if name == _TOKENS else None
                )

        readings = cases.interleaved(lab, [_TOKENS, _OPEN], once)
    ratio = median(readings[_TOKENS]).seconds / median(readings[_OPEN]).seconds
    case = f"push of {count} repositories behind a token server of 50 ms"
    return [Result(case, ratio, 1.2, 1.5, "the same without", readings)]


def _pushed(
    lab: Lab, images: Images, source: Path, folder: Path, certificate: servers.Certificate | None
) -> Reading:
    binary, storage = lab.programs / "registry", folder / "storage"
    with contextlib.ExitStack() as stack:
        auth = None
        if certificate:
            server = stack.enter_context(servers.tokens(certificate, _TOKEN_SECONDS, folder))
            auth = servers.trusting(server, certificate)
        up = stack.enter_context(servers.registry(binary, storage, folder, told=False, auth=auth))
        place = lab.place(up.address, images, layouts=source)
        return Command(peers.PUSH[_OURS](place, folder), folder, {}).run(lab.tool)


def redirects(lab: Lab) -> list[Result]:
    """Count the connections to a registry that sends its clients elsewhere for blobs, over TLS."""
    from tests.support.images import Maker
    from tests.support.pushing import put
    from tests.support.registry.storage import behind_redirects, ca_pem

    with tempfile.TemporaryDirectory() as name, behind_redirects(secure=True) as (registry, _):
        folder, ca = Path(name), Path(name) / "ca.crt"
        ca.write_bytes(ca_pem())
        registry.ca_pem = ca_pem()
        maker = Maker(folder / "layout")
        maker.image(*(maker.bytes(20_000 + n) for n in range(19)), name="quay.io/org/app:1")
        put(maker.layout(), registry).check()
        (folder / "images.txt").write_text("quay.io/org/app:1\n")
        before = registry.connections
        mirror = f"quay.io={registry.address}/quay.io"
        arguments = [
            str(lab.airgap), "pack", "images.txt", "--images-only", "-o", BUNDLE, "-q",
            "--registry-mirror", mirror, "--ca", str(ca), "--connections", str(_THREADS),
        ]  # fmt: skip
        reading = Command(arguments, folder, {}).run(lab.tool)
        made = registry.connections - before
    case = f"connections for 20 blobs behind redirects over TLS, of {_THREADS} threads"
    return [Result(case, made / _THREADS, 1, 1.25, "threads", {_OURS: [reading]}, {"made": made})]

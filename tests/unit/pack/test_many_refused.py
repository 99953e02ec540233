"""pack from a registry of which a third of the repositories is refused, each in another way."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.oci import descriptor as d
from airgap.oci.platform import Platform
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.choose import choose
from airgap.sources.registry import RegistrySource
from airgap.spec.image_list import parse_line
from airgap.spec.spec import Spec
from airgap.transfer.stop import Stop
from tests.support.clock import FakeClock
from tests.support.registry import MemoryRegistry, error, on
from tests.support.registry.storage import ca_pem, tls
from tests.unit.transfer.test_many_refused import IDLE, IMAGES, WAYS

PULL_WAYS = {
    **WAYS,
    "507": error(507, "UNKNOWN", "insufficient storage"),
    "full": error(500, "UNKNOWN", "write /cache: no space left on device"),
}
LAYER = "application/vnd.oci.image.layer.v1.tar"


def stock(registry: MemoryRegistry) -> list[str]:
    """Put images with a layer of all, a layer of ten, and one of their own; return their names."""
    chance = random.Random(1)
    base, groups = chance.randbytes(20_000), [chance.randbytes(5000) for _ in range(10)]
    names = []
    for number in range(IMAGES):
        name = f"org{number % 7}/app{number}"
        config = json.dumps({"os": "linux", "architecture": "amd64", "n": number}).encode()
        content = [
            (config, d.CONFIG_TYPES[0]), (base, LAYER), (groups[number % 10], LAYER),
            (chance.randbytes(300 + number), LAYER),
        ]  # fmt: skip
        first, *layers = [
            {"mediaType": kind, "digest": registry.content.add_blob(name, body), "size": len(body)}
            for body, kind in content
        ]
        value = {
            "schemaVersion": 2, "mediaType": d.OCI_MANIFEST, "config": first, "layers": layers,
        }  # fmt: skip
        registry.content.add_manifest(name, json.dumps(value).encode(), d.OCI_MANIFEST, "1")
        names.append(name)
    return names


def packed(registry: MemoryRegistry, names: list[str], folder: Path) -> Result:
    """Pack all, on a clock of the test."""
    clock = FakeClock()
    stop = Stop(clock)
    lines = [parse_line(f"{registry.address}/{name}:1") for name in names]
    spec = Spec(tuple(lines), platforms=(Platform("linux", "amd64"),))
    options = Options(ca_pem=registry.ca_pem, clock=clock, idle=IDLE)
    with ExitStack() as stack:
        source = stack.enter_context(RegistrySource(options, None, stop))
        listed, chosen = choose(spec.images, source, stack)
        request = Request(spec, listed, folder / "b.tar", keep_going=True)
        return pack(request, chosen, Silent(), stop)


@dataclass
class Whole:
    """A registry with many images, and what came of a run that nothing disturbed."""

    registry: MemoryRegistry
    names: list[str]
    result: Result
    needed: int
    """How many requests that took."""


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Whole]:
    """Without TLS or with it."""
    with MemoryRegistry(tls=tls() if request.param else None) as registry:
        registry.ca_pem = ca_pem() if request.param else b""
        names = stock(registry)
        result = packed(registry, names, tmp_path_factory.mktemp("whole"))
        assert len(result.images) == IMAGES
        yield Whole(registry, names, result, len(registry.requests))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "whole"),
    [("", False), ("/blobs/", False), ("", True), ("/manifests/", True)],
    ids=["all", "blobs", "all, TLS", "manifests, TLS"],
    indirect=["whole"],
)
def test_the_other_two_thirds_are_packed(tmp_path: Path, part: str, whole: Whole) -> None:
    registry, names = whole.registry, whole.names
    registry.requests.clear()
    registry.rules.clear()

    ways, refused = list(PULL_WAYS), dict[str, str]()
    for number, name in enumerate(names[::3][: IMAGES // 3]):
        way = ways[number % len(ways)]
        # Waiting is real time: one image of that kind is enough.
        spent = way == "time-out" and way in refused.values()
        refused[name] = "reset" if spent else way
        registry.rules.append(on(PULL_WAYS[refused[name]], part=part, repository=name))
    result = packed(registry, names, tmp_path)

    full = {f"{registry.address}/{name}:1": way for name, way in refused.items()}
    assert [str(reference) for reference in result.failed] == list(full)
    assert [line.rpartition(" ")[2] for line in result.unfinished] == list(full)
    for failure in result.to_json()["failed"]:
        way = full[failure["reference"]].replace("full", "500")
        assert failure["status"] == (int(way) if way.isdigit() else None), way
        assert failure["hint"]
    digests = {image.reference: image.root.digest for image in whole.result.images}
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert {image.reference: image.root.digest for image in bundle.images} == {
            reference: found for reference, found in digests.items() if str(reference) not in full
        }
    most = 1.2 * whole.needed + 8 * len(full)
    assert len(registry.requests) <= most, "what is refused costs little"

"""A push of a made layout into a registry in memory, on a clock of the test."""

from collections.abc import Mapping, Sequence
from typing import Any

from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from tests.support.clock import FakeClock
from tests.support.registry import MemoryRegistry


def put(
    layout: Layout,
    registry: MemoryRegistry,
    *,
    clock: FakeClock | None = None,
    names: Mapping[Reference, Sequence[str]] | None = None,
    chunk_size: int = 0,
    **more: Any,
) -> Report:
    """Push all of a layout; nothing waits in earnest."""
    clock = clock or FakeClock()
    stop = Stop(clock)
    options = Options(ca_pem=registry.ca_pem, clock=clock, **more)
    scheme = registry.url.partition(":")[0]
    with RegistryTarget(
        registry.address, options, scheme=scheme, chunk_size=chunk_size, stop=stop
    ) as target:
        return push(layout.images, layout, target, Silent(), names=names, stop=stop)


def failed(report: Report) -> list[str]:
    """Return the references of what failed, in order, each once."""
    return list(dict.fromkeys(failure.reference.familiar for failure in report.failed))


def tags(registry: MemoryRegistry) -> dict[str, str]:
    """Return the digest of every tag, by ``REPOSITORY:TAG``."""
    return {
        f"{name}:{tag}": digest
        for name, found in registry.content.repositories.items()
        for tag, digest in found.tags.items()
    }


def wanted(layout: Layout, *without: str) -> dict[str, str]:
    """Return what `tags` is to be after a push, but for some references."""
    return {
        f"{image.reference.repository}:{image.reference.tag}": str(image.root.digest)
        for image in layout.images
        if image.reference.familiar not in without
    }

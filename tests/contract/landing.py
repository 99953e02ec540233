"""Where bundles land: real registries, and serve."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from airgap.bundle.reader import Bundle
from airgap.progress import Silent
from airgap.serve.server import Server
from airgap.targets.registry import RegistryTarget
from airgap.transfer.check import check
from airgap.transfer.push import push
from tests.contract.suite import options
from tests.support.registries import OLAREG, registry

TARGETS = (OLAREG, "distribution", "serve")


@contextlib.contextmanager
def landed(path: Path, kind: str, folder: Path) -> Iterator[str]:
    """Put a bundle into a registry, twice; yields where it is."""
    with Bundle.open(path) as bundle:
        bundle.verify()
        if kind == "serve":
            with Server(bundle.images, bundle, ("127.0.0.1", 0), Silent()) as server:
                yield f"127.0.0.1:{server.port}"
            return
        with registry(kind, folder) as there:
            with RegistryTarget(there.address, options(there)) as target:
                push(bundle.images, bundle, target, Silent()).check()
                again = push(bundle.images, bundle, target, Silent())
                again.check()
                assert (again.uploaded, again.tags) == (0, [])
                check(bundle.images, bundle, target).check()
            yield there.address

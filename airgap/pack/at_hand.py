"""at_hand: what need not be fetched, since a bundle on this machine has it.

The older bundle, layout or archive that somebody names, and the finished bundle that is about to be
replaced: packing again to the same name fetches only what is new.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError, InputError, ResourceError
from airgap.files import inputs
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest, shown
from airgap.sources.place import open_place, split
from airgap.spec.wanted import Place
from airgap.transfer.ports import Store


@contextmanager
def at_hand(named: Path | Place | None, output: Path) -> Iterator[Store | None]:
    """Open what has content that need not be fetched; None where there is nothing.

    Args:
        named: a bundle's file, or another place on this machine that has images; a daemon is none.
        output: where a bundle is to be; what is there now is used if it is one, else passed over.

    Raises:
        InputError: ``named`` is not what it is said to be, or one image of it is named.
        ResourceError: ``named`` cannot be read.
    """
    with ExitStack() as stack:
        stores: list[Store] = []
        if named:
            stores.append(_opened(named, stack))
        if inputs.is_file(output):
            with suppress(AirgapError):
                stores.append(Passing(stack.enter_context(Bundle.open(output))))
        yield Stores(stores) if len(stores) > 1 else next(iter(stores), None)


def _opened(named: Path | Place, stack: ExitStack) -> Store:
    if isinstance(named, Path):
        return stack.enter_context(Bundle.open(named))
    path, text = split(named)
    if text and path.exists():
        raise InputError(
            f"--reuse takes all that {path} has, and {shown(text)} is one image",
            hint=f"write --reuse {named.transport}:{path}",
        )
    return open_place(path, stack, is_bundle=named.transport == "bundle")


class Stores:
    """Several stores as one: the first that has a content gives it."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def __contains__(self, digest: object) -> bool:
        """Tell whether one of them has the content of a digest."""
        return any(digest in store for store in self._stores)

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes; see `airgap.transfer.ports.Store`."""
        return self._having(digest).manifest_bytes(digest)

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store`."""
        return self._having(blob.digest).chunks(blob, start)

    def _having(self, digest: Digest) -> Store:
        for store in self._stores:
            if digest in store:
                return store
        raise InputError(f"{digest} is not at hand")


class Passing:
    """A store that nobody asked for: where its medium fails, it just does not have the content."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, digest: object) -> bool:
        """Tell whether it has the content of a digest."""
        return digest in self._store

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes; see `airgap.transfer.ports.Store`."""
        try:
            return self._store.manifest_bytes(digest)
        except ResourceError as error:
            raise InputError(error.message, hint=error.hint) from error

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store`."""
        try:
            yield from self._store.chunks(blob, start)
        except ResourceError as error:
            raise InputError(error.message, hint=error.hint) from error

"""ahead: what the push will read is proved while docker and kind are busy.

The push then hashes nothing again. What was proved is this open file, as it was: where its identity
or its times are others by then, or it changed only a moment before, it is hashed as it is sent.
"""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self

from airgap.bundle.medium import chunks_at, damaged
from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.transfer.ports import Store

_Identity = tuple[int, ...]
_MOMENT_NS = 2_000_000_000
"""Times are kept in steps: what changed so recently may change once more unseen."""
_NICE = 10


class Content(Store, Protocol):
    """A store that knows its images."""

    @property
    def images(self) -> Sequence[Image]:
        """The images, in order."""


class Ahead:
    """The images of a bundle, proved in a thread of its own; implements Content.

    A context manager, in which the thread works until something is read; it ends with it.

    Args:
        bundle: an open one.
        at_work: whether there is time to prove anything.
        attached: whether what is attached to its images counts among them.
        now: tells the time of this host, in nanoseconds since 1970.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        at_work: bool,
        attached: bool = True,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._bundle, self._now, self._attached = bundle, now, attached
        self._enough = threading.Event()
        self._proved: dict[Digest, _Identity] = {}
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
        self._at_work = at_work

    def __enter__(self) -> Self:
        if self._at_work:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def images(self) -> Sequence[Image]:
        """The images of the bundle."""
        every = self._bundle.images
        return every if self._attached else tuple(one for one in every if not one.attached)

    def __contains__(self, digest: object) -> bool:
        """Tell whether the bundle carries the content of a digest."""
        return digest in self._bundle

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes; see `airgap.transfer.ports.Store.manifest_bytes`."""
        return self._bundle.manifest_bytes(digest)

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob; see `airgap.transfer.ports.Store.chunks`."""
        self._end()
        with self._bundle.place(blob) as place:
            identity = self._proved.get(blob.digest)
            if start or identity is None or _identity(place.fd) != identity:
                return self._bundle.chunks(blob, start)
            return self._unchanged(blob, place.fd, place.at, identity)

    def _unchanged(
        self, blob: Descriptor, fd: int, at: int, identity: _Identity
    ) -> Iterator[memoryview]:
        """Read a blob that is proved; the last piece is held back until the file is the same."""
        left = blob.size
        for chunk in chunks_at(fd, blob.size, at, self._bundle.path):
            left -= len(chunk)
            if not left and _identity(fd) != identity:
                raise damaged(f"{self._bundle.path} changed while it was read")
            yield chunk

    def _end(self) -> None:
        self._enough.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        with contextlib.suppress(OSError):  # a courtesy: what boots meanwhile comes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        blobs = {blob.digest: blob for image in self.images for blob in image.blobs}
        for blob in blobs.values():
            if self._enough.is_set():
                return
            if blob.digest in self._bundle:
                # What is wrong, or cannot be read, is told by who needs it.
                with contextlib.suppress(AirgapError):
                    self._prove(blob)

    def _prove(self, blob: Descriptor) -> None:
        with self._bundle.place(blob) as place:
            identity = _identity(place.fd)
            if self._now() - max(identity[-2:]) < _MOMENT_NS:
                return
            running = hashlib.sha256()
            for chunk in chunks_at(place.fd, blob.size, place.at, self._bundle.path):
                running.update(chunk)
                if self._enough.is_set():
                    return
            if running.hexdigest() == blob.digest.hex and _identity(place.fd) == identity:
                self._proved[blob.digest] = identity


def _identity(fd: int) -> _Identity:
    """Tell a file from every other one, and from itself after a change."""
    found = os.fstat(fd)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

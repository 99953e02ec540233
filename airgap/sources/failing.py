"""Failing: an image that is known not to be had, so that it is told with all that fail."""

from typing import NoReturn

from airgap.errors import AirgapError
from airgap.oci.descriptor import Descriptor
from airgap.oci.reference import Reference
from airgap.transfer.ports import Sink


class Failing:
    """Implements Source; every question is answered with the error."""

    def __init__(self, error: AirgapError) -> None:
        self._error = error

    def resolve(self, reference: Reference) -> NoReturn:
        """Fail; see `airgap.transfer.ports.Source.resolve`."""
        raise self._error

    def manifest(self, reference: Reference, descriptor: Descriptor) -> NoReturn:
        """Fail; see `airgap.transfer.ports.Source.manifest`."""
        raise self._error

    def has_blob(self, reference: Reference, blob: Descriptor) -> NoReturn:
        """Fail; see `airgap.transfer.ports.Source.has_blob`."""
        raise self._error

    def remaining_pulls(self, reference: Reference) -> None:
        """There is no limit."""

    def fetch(
        self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0
    ) -> NoReturn:
        """Fail; see `airgap.transfer.ports.Source.fetch`."""
        raise self._error

import pytest

from airgap.errors import NetworkError
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.sources.failing import Failing
from airgap.transfer.ports import Source


def test_every_question_has_the_one_answer() -> None:
    source: Source = Failing(NetworkError("it is down"))
    name, what = Reference.parse("x:1"), Descriptor(OCI_MANIFEST, Digest.of(b""), 0)
    assert source.remaining_pulls(name) is None
    for ask in (
        lambda: source.resolve(name),
        lambda: source.manifest(name, what),
        lambda: source.has_blob(name, what),
        lambda: source.fetch(name, what, bytes),
    ):
        with pytest.raises(NetworkError, match="it is down"):
            ask()

"""A registry as a source: what it answers to the questions that no image hangs on."""

import json
from collections.abc import Iterator

import pytest

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import CONFIG_TYPES, OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from tests.support.clock import FakeClock
from tests.support.registry import Fault, MemoryRegistry, error, on
from tests.support.registry.storage import ca_pem, tls

CONFIG = b"{}"
BLOB = Descriptor(CONFIG_TYPES[0], Digest.of(CONFIG), len(CONFIG))
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": BLOB.to_json(), "layers": []}
).encode()


@pytest.fixture(params=[False, True], ids=["http", "TLS"])
def registry(request: pytest.FixtureRequest) -> Iterator[MemoryRegistry]:
    with MemoryRegistry(tls=tls() if request.param else None) as found:
        found.ca_pem = ca_pem() if request.param else b""
        found.content.add_blob("a/b", CONFIG)
        found.content.add_manifest("a/b", MANIFEST, OCI_MANIFEST, "1")
        yield found


@pytest.fixture
def source(registry: MemoryRegistry) -> Iterator[RegistrySource]:
    with RegistrySource(Options(clock=FakeClock(), ca_pem=registry.ca_pem)) as found:
        yield found


@pytest.fixture
def reference(registry: MemoryRegistry) -> Reference:
    return Reference.parse(f"{registry.address}/a/b:1")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 500, 501, 502])
def test_a_head_that_is_refused_says_nothing(
    registry: MemoryRegistry, source: RegistrySource, reference: Reference, status: int
) -> None:
    registry.rule = on(error(status, "UNSUPPORTED"), method="HEAD")
    assert source.has_blob(reference, BLOB)
    found = source.find(reference, "1")
    # That a tag is not there is believed: nearly all that are asked for are not.
    assert found == (None if status == 404 else source.resolve(reference))


@pytest.mark.parametrize("status", [200, 405])
def test_what_is_not_there_is_not_there(
    registry: MemoryRegistry, source: RegistrySource, reference: Reference, status: int
) -> None:
    if status == 405:
        registry.rule = on(error(405, "UNSUPPORTED"), method="HEAD")
    other = Descriptor(BLOB.media_type, Digest.of(b"other"), 5)
    assert not source.has_blob(reference, other)
    assert source.find(reference, "2") is None
    assert source.find(reference, str(other.digest)) is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (error(403, "DENIED"), InputError),
        (error(400, "NAME_INVALID"), InputError),
        (error(503, "UNKNOWN"), NetworkError),
        (Fault(drop=True), NetworkError),
    ],
)
def test_who_answers_nothing_does_not_say_that_it_is_not_there(
    registry: MemoryRegistry,
    source: RegistrySource,
    reference: Reference,
    fault: Fault,
    kind: type[AirgapError],
) -> None:
    registry.rule = on(fault, method="HEAD|GET", repository="a/b")
    with pytest.raises(kind):
        source.has_blob(reference, BLOB)
    with pytest.raises(kind):
        source.find(reference, "1")

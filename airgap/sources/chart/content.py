"""content: one chart as a Store, the OCI artifact that ``helm push`` makes, but for the date."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from airgap.errors import InputError
from airgap.oci import chart, strictjson
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.sources.chart.metadata import Metadata, read
from airgap.sources.chart.packed import chart_yaml
from airgap.sources.named import Named


class Chart:
    """A chart in memory; implements Store.

    Args:
        packed: the .tgz.
        provenance: the .prov file, empty where there is none.
        path: what it is called in errors.
        below: where it is on the other side, ``HOST[/PATH]``.

    Attributes:
        named: the one artifact.

    Raises:
        InputError: it is no chart, or there is no name for it on the other side.
    """

    def __init__(self, packed: bytes, provenance: bytes, path: Path, below: str) -> None:
        self.path = path
        self.metadata = read(chart_yaml(packed, str(path)), str(path))
        parts = [(chart.CONTENT, packed)] + [(chart.PROVENANCE, provenance)] * bool(provenance)
        self._content = {Digest.of(body): body for _, body in parts}
        config = self._kept(chart.CONFIG, self.metadata.config)
        layers = [self._kept(kind, body) for kind, body in parts]
        self._manifest = _manifest(self.metadata, config, layers)
        root = Descriptor(OCI_MANIFEST, Digest.of(self._manifest), len(self._manifest))
        name = named(f"{below}/{self.metadata.name}", self.metadata.version)
        self.named: Sequence[Named] = (Named("", name, root),)

    def __contains__(self, digest: object) -> bool:
        """Tell whether it is of this chart."""
        return digest in self._content or digest == self.named[0].root.digest

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return the manifest.

        Raises:
            InputError: it is another one's.
        """
        if digest != self.named[0].root.digest:
            raise InputError(f"{self.path} has no manifest {digest}")
        return self._manifest

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store.chunks`."""
        found = self._content.get(blob.digest)
        if found is None:
            raise InputError(f"{self.path} has no {blob.digest}")
        yield memoryview(found)[start:]

    def _kept(self, media_type: str, body: bytes) -> Descriptor:
        digest = Digest.of(body)
        self._content[digest] = body
        return Descriptor(media_type, digest, len(body))


def _manifest(metadata: Metadata, config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """Write the manifest: no date, so the same chart has the same bytes each time."""
    annotations = {
        "org.opencontainers.image.title": metadata.name,
        "org.opencontainers.image.version": metadata.version,
    }
    if metadata.description:
        annotations["org.opencontainers.image.description"] = metadata.description
    return strictjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
            "annotations": annotations,
        }
    )


def named(path: str, version: str) -> Reference:
    """Return what a version of a chart is called on the other side.

    Raises:
        InputError: it is no name of an image.
    """
    try:
        return Reference.parse(f"{path}:{chart.tag_of(version)}")
    except InputError as error:
        raise InputError(error.message, hint="name it: helm:… as HOST/PATH/NAME:VERSION") from error

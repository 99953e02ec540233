"""chart: a Helm chart as an OCI artifact, as ``helm pull oci://`` reads it (Helm's HIP 6)."""

from airgap.oci.image import Image

CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def tag_of(version: str) -> str:
    """Return the tag of a version: tags have no ``+``, helm writes ``_`` for it."""
    return version.replace("+", "_")


def is_chart(image: Image) -> bool:
    """Tell whether an image is a chart."""
    return [m.config.media_type for m in image.images] == [CONFIG]


def command(image: Image, registry: str = "REGISTRY") -> str:
    """Return the line that installs a chart on the other side."""
    reference = image.reference
    return (
        f"helm install NAME oci://{registry}/{reference.repository}"
        f" --version {reference.tag.replace('_', '+')} --ca-file ca.crt"
    )

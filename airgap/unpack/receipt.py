"""What unpack did."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airgap.transfer.report import Report


@dataclass(frozen=True, slots=True)
class Receipt:
    """What unpack did.

    Attributes:
        bundle: the file.
        digest: the bundle's.
        cluster: the kind cluster.
        registry: where this host reaches the registry.
        created: whether this run made the cluster.
        images: how many the bundle holds.
        steps: title and outcome of each.
        push: what landed.
        kubeconfig: the file with the cluster's access; None where none was written.
        seconds: how long it took.
    """

    bundle: Path
    digest: str
    cluster: str
    registry: str
    created: bool
    images: int
    steps: Sequence[tuple[str, str]]
    push: Report
    kubeconfig: Path | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as ``unpack --json`` prints it."""
        return {
            "bundle": str(self.bundle),
            "digest": self.digest,
            "cluster": self.cluster,
            "registry": self.registry,
            "created": self.created,
            "image_count": self.images,
            "steps": [{"step": title, "outcome": outcome} for title, outcome in self.steps],
            "push": self.push.to_json(),
            "kubeconfig": str(self.kubeconfig) if self.kubeconfig else None,
            "seconds": round(self.seconds, 3),
        }

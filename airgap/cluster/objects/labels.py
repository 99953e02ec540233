"""The mark that every object of airgap's carries: what lacks it is somebody else's."""

from airgap.cluster.ports import Object

MANAGED = {"app.kubernetes.io/managed-by": "airgap"}
SELECTOR = "app.kubernetes.io/managed-by=airgap"


def is_ours(found: Object) -> bool:
    """Tell whether airgap made an object."""
    labels = found.get("metadata", {}).get("labels") or {}
    return MANAGED.items() <= labels.items()

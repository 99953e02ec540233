"""One control plane: why there are no more, in a definition as in a cluster."""

import re

WHY = (
    "a cluster of several control planes is not supported: kind's do not come back after a restart,"
    " and the registry's content lies on the first"
)
INSTEAD = (
    "use one control plane, with workers for more nodes; for a cluster that has to outlive a node,"
    " airgap push brings the images into a registry outside of it"
)
_KEY = re.compile(r"(control[-_ ]?planes?|masters?|nodes)([-_ ]?(nodes|count))?", re.IGNORECASE)


def asks_for_more(key: str) -> bool:
    """Tell whether a key of a definition is meant to say how many control planes there are."""
    return bool(_KEY.fullmatch(key))

"""Mark: how a node container shows that airgap made it.

docker gives no labels to a container that exists, and kind sets its own alone. What kind hands
through is a mount: each node of ours gets the host's ``/dev/null`` at a path that says which run
made it. It is there from the container's first moment, cannot be changed, is seen from outside
also where the node does not run, and goes with the container.

Releases before marked a finished cluster by a file in its control plane; it is written still,
since it tells a cluster that is finished from one that is half-made.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

FINISHED = "/kind/airgap-created"
"""Written into the control-plane node once kind has finished."""
_SOURCE = "/dev/null"
_BIND = re.compile(r"/dev/null:/kind/airgap-made-by-([0-9a-f]{16})(-with-network)?(:[a-zA-Z,]*)?")


@dataclass(frozen=True, slots=True)
class Mark:
    """Which run made a node.

    Attributes:
        run: its random name.
        network: whether airgap made the docker network that the node is in.
    """

    run: str
    network: bool

    @classmethod
    def new(cls, *, network: bool) -> Self:
        """Return the mark of a new run."""
        return cls(secrets.token_hex(8), network)

    @classmethod
    def of_binds(cls, binds: Iterable[str]) -> Self | None:
        """Find the mark among a container's mounts (docker's ``HostConfig.Binds``)."""
        for bind in binds:
            if found := _BIND.fullmatch(bind):
                return cls(found[1], bool(found[2]))
        return None

    @property
    def path(self) -> str:
        """Where the mark is mounted."""
        return f"/kind/airgap-made-by-{self.run}{'-with-network' if self.network else ''}"

    def on(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """Return a kind configuration whose nodes carry the mark."""
        mount = {"hostPath": _SOURCE, "containerPath": self.path, "readOnly": True}
        nodes = [
            {**node, "extraMounts": [*(node.get("extraMounts") or []), mount]}
            for node in configuration["nodes"]
        ]
        return {**configuration, "nodes": nodes}

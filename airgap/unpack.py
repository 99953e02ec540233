"""unpack: from a bundle file to a kind cluster whose own registry serves every image.

The work is a list of steps. Each is idempotent: it says what it did, or that it was done
already; a second run does nothing, an interrupted one goes on. A cluster that this run made is
removed when a step fails, one that existed is never touched beyond airgap's own objects.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airgap.bundle.archive import docker_archive
from airgap.bundle.reader import Bundle
from airgap.cluster import kind as kind_config
from airgap.cluster import manifests, preflight, trust
from airgap.cluster.engine import Engine
from airgap.cluster.kind import Kind
from airgap.cluster.kube import Kube
from airgap.cluster.node import Node
from airgap.cluster.parameters import Parameters
from airgap.errors import AirgapError, ClusterError, InputError, ResourceError
from airgap.oci.copy import Report, push
from airgap.pki import Tls, check, covers, issue
from airgap.progress import Progress
from airgap.registry.options import Options as RegistryOptions
from airgap.registry.push import RegistryTarget


@dataclass(frozen=True, slots=True)
class Options:
    """How to unpack.

    Attributes:
        cluster_name: instead of the bundle's.
        host_port: instead of the bundle's: where the registry answers on this host.
        workers: instead of the bundle's number of worker nodes.
        retain: keep a cluster that this run made also when a step fails.
        smoke_test: run one pod from the registry at the end.
        kubeconfig: the file that gets the cluster's access; None for kubectl's default.
        verify_first: prove the whole file before anything is changed.
        kind_patch: a kind configuration to merge into the rendered one.
        kind: a kind binary instead of the bundle's.
        docker_host: the docker daemon; None for docker's own choice.
    """

    cluster_name: str | None = None
    host_port: int | None = None
    workers: int | None = None
    retain: bool = False
    smoke_test: bool = True
    kubeconfig: Path | None = None
    verify_first: bool = False
    kind_patch: Path | None = None
    kind: Path | None = None
    docker_host: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What unpack did; the receipt."""

    bundle: Path
    digest: str
    cluster: str
    registry: str
    created: bool
    steps: Sequence[tuple[str, str]]
    push: Report
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as ``unpack --json`` prints it."""
        return {
            "bundle": str(self.bundle),
            "digest": self.digest,
            "cluster": self.cluster,
            "registry": self.registry,
            "created": self.created,
            "steps": [{"step": title, "outcome": outcome} for title, outcome in self.steps],
            "push": self.push.to_json(),
            "seconds": round(self.seconds, 3),
        }


ALREADY = "already there"

"""Podman as kind's provider, through its docker API; experimental, as kind's provider is.

What differs from docker: there is no daemon, the volume of a node is one that kind made and not an
anonymous one, removal waits for the stop's time-out, and who it is changes with each question.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from airgap.cluster.command import run
from airgap.cluster.docker.endpoint import Endpoint
from airgap.cluster.docker.engine import DockerEngine, client
from airgap.cluster.docker.node import Node, State
from airgap.cluster.docker.provider import PODMAN, VARIABLE
from airgap.cluster.docker.service import Service
from airgap.cluster.ports import Patience
from airgap.errors import ResourceError

_ELSEWHERE = ("CONTAINER_HOST", "CONTAINER_CONNECTION")
_DOCKERS = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_START_SECONDS = 30


class PodmanEngine(DockerEngine):
    """Podman on this host, with an API service of this run's own."""

    provider = PODMAN
    _service: Service
    _facts: Mapping[str, Any]

    @classmethod
    def connect(cls, environment: Mapping[str, str], patience: Patience) -> Self:
        """Start podman's API service, and connect to it.

        Raises:
            ResourceError: podman is not installed, does not run as root, or is on another machine.
        """
        _check(environment)
        told = {name: value for name, value in environment.items() if name not in _DOCKERS}
        told[VARIABLE] = PODMAN.name
        seconds = min(_START_SECONDS, patience.docker)
        facts = json.loads(run(["podman", "info", "--format", "json"], env=told, seconds=60))
        service = Service.start(told, seconds)
        try:
            found = Endpoint(service.address, None, verify=False, environment=told)
            engine = cls(client(found, patience.docker, PODMAN), told, patience)
        except BaseException:
            service.end()
            raise
        engine._service, engine._facts = service, facts
        return engine

    def close(self) -> None:
        """End the connection, and the service."""
        super().close()
        self._service.end()

    def info(self) -> dict[str, Any]:
        """Return what the API says, with what podman's own words say besides.

        ``ID`` is another one at each question, so that its folder stands for it.
        """
        found = super().info()
        host, store = self._facts.get("host") or {}, self._facts.get("store") or {}
        return found | {
            "ID": f"podman {found.get('DockerRootDir')}",
            "NetworkBackend": host.get("networkBackend"),
            "CopyFolder": store.get("imageCopyTmpDir")
            or self.environment.get("TMPDIR")
            or "/var/tmp",  # noqa: S108  (podman's own)
        }

    def image_id(self, name: str) -> str:
        """Return the image's id with its algorithm, as docker does."""
        return _with_algorithm(super().image_id(name))

    def remove(self, node: Node) -> None:
        """Remove a node with its volumes; a running one is killed, for that needs no waiting."""
        from docker.errors import APIError

        if node.state is not State.STOPPED:
            with self._translated(), suppress(APIError):  # it is gone, or ends already
                self._client.containers.get(node.id or node.name).kill()
        super().remove(node)
        self._remove_volumes(re.compile(re.escape(node.name)))

    def remove_volumes(self, cluster: str) -> list[str]:
        """Remove the volumes of a cluster's nodes that are gone; returns their names."""
        names = rf"{re.escape(cluster)}-(control-plane|worker)[0-9]*"
        return self._remove_volumes(re.compile(names))

    def _remove_volumes(self, of: re.Pattern[str]) -> list[str]:
        """Remove volumes by kind's label, which is the node's name; what is in use stays."""
        from docker.errors import APIError, NotFound

        removed = []
        with self._translated():
            for volume in self._client.volumes.list():
                if not any(of.fullmatch(label) for label in volume.attrs.get("Labels") or {}):
                    continue
                try:
                    volume.remove()
                    removed.append(str(volume.name))
                except NotFound:
                    continue
                except APIError as error:
                    if error.status_code != 409:
                        raise
        return removed

    def _node(self, attributes: Mapping[str, Any]) -> Node:
        image = _with_algorithm(str(attributes.get("Image") or ""))
        return super()._node({**attributes, "Image": image})


def _check(environment: Mapping[str, str]) -> None:
    if os.geteuid() != 0:
        raise ResourceError(
            f"podman would run rootless, for uid {os.geteuid()}: airgap works with podman as root",
            hint="run airgap as root (sudo); rootless nodes would need cgroup v2 with cpu, memory"
            " and pids delegated (Delegate=yes of user@.service), and were not tried",
        )
    for name in _ELSEWHERE:
        if environment.get(name):
            raise ResourceError(
                f"{name} leads podman to another machine: the registry's port would open there",
                hint=f"run airgap on that machine, or unset {name}",
            )


def _with_algorithm(image_id: str) -> str:
    return f"sha256:{image_id}" if re.fullmatch("[0-9a-f]{64}", image_id) else image_id

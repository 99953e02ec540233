"""connect: to what kind would use here, docker or podman."""

from collections.abc import Mapping

from airgap.cluster.docker import provider
from airgap.cluster.docker.engine import DockerEngine
from airgap.cluster.docker.podman import PodmanEngine
from airgap.cluster.docker.provider import DOCKER, PODMAN, VARIABLE
from airgap.cluster.ports import Patience
from airgap.errors import ResourceError


def connect(environment: Mapping[str, str], patience: Patience) -> DockerEngine:
    """Connect to docker or podman.

    A DOCKER_HOST that is podman's socket means podman: kind's provider for docker fails there.

    Raises:
        ResourceError: it is not installed, does not answer, or is on another machine.
    """
    chosen = provider.choose(environment)
    if chosen is PODMAN:
        return PodmanEngine.connect(environment, patience)
    try:
        found = DockerEngine.connect(environment, patience)
    except ResourceError as error:
        if environment.get(VARIABLE):
            raise
        more = provider.other(environment, chosen)
        raise ResourceError(error.message, hint=f"{error.hint}{more}") from error
    if not found.is_podman:
        return found
    root = found.info().get("DockerRootDir")
    found.close()
    if environment.get(VARIABLE) == DOCKER.name:
        raise ResourceError(
            "what docker is to talk to is podman, with which kind's nodes do not start",
            hint="--provider podman uses it as podman; or unset DOCKER_HOST",
        )
    taken = PodmanEngine.connect(environment, patience)
    if taken.info().get("DockerRootDir") != root:
        taken.close()
        raise ResourceError(
            f"DOCKER_HOST leads to a podman that keeps its data in {root}, and is not root's",
            hint="unset DOCKER_HOST, and name --provider",
        )
    return taken

"""A user's logins at registries, where docker or podman keeps them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airgap.cli import environment

if TYPE_CHECKING:
    from airgap.cluster.docker.provider import Provider
    from airgap.cluster.docker.registry_login import Docker


def of(told: Mapping[str, str], provider: "Provider | None" = None) -> "Docker":
    """Return this user's logins, of what is used, or of what kind would choose."""
    from airgap.cluster.docker.provider import DOCKER, choose
    from airgap.cluster.docker.registry_login import Docker
    from airgap.errors import ResourceError

    try:
        provider = provider or choose(told)
    except ResourceError:
        provider = DOCKER
    file = environment.podman_auth() if provider.auth else environment.docker_config()
    return Docker(file, told, provider.name)

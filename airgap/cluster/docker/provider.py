"""Provider: the program that runs containers here, docker or podman, and what differs in words."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from airgap.cluster.command import run
from airgap.errors import AirgapError, ResourceError

VARIABLE = "KIND_EXPERIMENTAL_PROVIDER"
"""Names kind's provider; airgap and kind follow it alike."""
_DOCKER_NETWORK_VARIABLE = "KIND_EXPERIMENTAL_DOCKER_NETWORK"
_PODMAN_NETWORK_VARIABLE = "KIND_EXPERIMENTAL_PODMAN_NETWORK"


@dataclass(frozen=True, slots=True)
class Provider:
    """What runs containers.

    Attributes:
        name: as in words, and of its program.
        speaker: who answers.
        log: the command that shows its log.
        denied: what to do where its socket is not to be opened.
        stopped: what to do where it does not answer.
        prune: how to free room, and where it keeps its data.
        network: the variable that names another network than ``kind`` to kind.
        prefix: before a name that no registry has, so that kind and it agree on what that means.
        auth: whether its logins are in ``auth.json``, not in docker's config.json.
    """

    name: str
    speaker: str
    log: str
    denied: str
    stopped: str
    prune: str
    network: str
    prefix: str = ""
    auth: bool = False

    def network_of(self, environment: Mapping[str, str]) -> str:
        """Return the network that kind makes and uses."""
        return environment.get(self.network) or "kind"


DOCKER = Provider(
    name="docker",
    speaker="the docker daemon",
    log="journalctl -u docker",
    denied="run as root, or add yourself to the group docker",
    stopped="start the docker daemon, then run the same command again",
    prune="free some with docker system prune, or move docker's data-root to a larger disk",
    network=_DOCKER_NETWORK_VARIABLE,
)
PODMAN = Provider(
    name="podman",
    speaker="podman's API service",
    log="journalctl -t podman",
    denied="run as root",
    stopped="see whether podman info works, then run the same command again",
    prune="free some with podman system prune, or move graphroot (storage.conf) to a larger disk",
    network=_PODMAN_NETWORK_VARIABLE,
    prefix="localhost/",
    auth=True,
)
_KNOWN = {provider.name: provider for provider in (DOCKER, PODMAN)}


def choose(environment: Mapping[str, str]) -> Provider:
    """Choose as kind does: what the variable names, else docker, else podman.

    Raises:
        ResourceError: neither is installed, or the variable names another one.
    """
    path = environment.get("PATH")
    if named := environment.get(VARIABLE):
        if named not in _KNOWN:
            raise ResourceError(
                f"{VARIABLE} is {named}, and airgap works with docker and podman",
                hint=f"unset {VARIABLE}, or name one with --provider",
            )
        return _KNOWN[named]
    docker, podman = (shutil.which(name, path=path) for name in _KNOWN)
    if docker and not (podman and _is_shim(environment)):
        return DOCKER
    if podman:
        return PODMAN
    raise ResourceError(
        "neither docker nor podman is on PATH, and kind needs one",
        hint="install docker (the daemon and its command line program), or podman 4.3 or newer",
    )


def _is_shim(environment: Mapping[str, str]) -> bool:
    """Tell whether the program docker is podman-docker's, as kind tells it."""
    try:
        return not run(["docker", "-v"], env=environment, seconds=60).startswith(b"Docker version")
    except AirgapError:
        return False  # a docker that does not work is told of as such


def other(environment: Mapping[str, str], provider: Provider) -> str:
    """Return what to try besides a provider that does not answer: empty where there is no other."""
    found = next(name for name in _KNOWN if name != provider.name)
    installed = shutil.which(found, path=environment.get("PATH"))
    return f"; or --provider {found}, which is installed, too" if installed else ""

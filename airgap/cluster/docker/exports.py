"""What the docker daemon has, or podman behind its docker socket, as a source of images."""

import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from airgap.cluster.checks import surroundings
from airgap.cluster.docker import endpoint
from airgap.cluster.docker.engine import client
from airgap.cluster.docker.translation import translated
from airgap.errors import ResourceError
from airgap.progress import size as told

if TYPE_CHECKING:
    import docker

_SOCKET = "unix:///var/run/docker.sock"
_SECONDS = 3600.0
"""How long the daemon may say nothing: it stages a large image before its first byte."""
_CHUNK = 1 << 20


class Exports:
    """Implements `airgap.sources.docker_daemon.Daemon`.

    Args:
        client: a connection to the daemon.
        is_local: whether it runs on this machine, so that its disk can be asked.
    """

    def __init__(self, client: "docker.DockerClient", *, is_local: bool) -> None:
        self._client, self._is_local = client, is_local

    @classmethod
    def connect(cls, environment: Mapping[str, str]) -> Self:
        """Connect to the daemon that the docker program would use, on whatever machine.

        Raises:
            ResourceError: it does not answer.
        """
        has_program = shutil.which("docker", path=environment.get("PATH"))
        if not environment.get("DOCKER_HOST") and not has_program:
            environment = {**environment, "DOCKER_HOST": _SOCKET}
        found = endpoint.find(environment)
        endpoint.check_files(found)
        return cls(client(found, _SECONDS), is_local=found.is_local)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """Return what ``docker image inspect`` says; None where there is no such image."""
        from docker.errors import ImageNotFound

        api: Any = self._client.api
        with translated():
            try:
                about: dict[str, Any] = api.inspect_image(name)
            except ImageNotFound:
                return None
        return about

    def check_room(self, size: int) -> None:
        """Check the room where docker stages an export; its other store and podman need none there.

        Raises:
            ResourceError: it does not suffice.
        """
        with translated():
            info: dict[str, Any] = self._client.info()
        in_containerd = surroundings.store(info) == "containerd"
        folder = Path(str(info.get("DockerRootDir") or "/var/lib/docker"), "tmp")
        if in_containerd or "BuildahVersion" in info or not self._is_local or not folder.is_dir():
            return
        free = shutil.disk_usage(folder).free
        if size > free:
            raise ResourceError(
                f"docker stages an image of {told(size)} in {folder}, and {told(free)} are free",
                hint="free some space: docker system df",
            )

    def export(self, name: str) -> Generator[bytes]:
        """Give an image as ``docker save`` does.

        Raises:
            ResourceError: the daemon does not, or broke off.
        """
        api: Any = self._client.api
        url = f"{api.base_url}/v{api.api_version}/images/{quote(name, safe='/:@')}/get"
        with translated(), api.get(url, stream=True, timeout=_SECONDS) as answer:
            if answer.status_code != 200:
                raise ResourceError(
                    f"docker does not export {name}: {_words(answer.content)}",
                    hint="try docker save, and look at docker's log (journalctl -u docker)",
                )
            yield from answer.iter_content(_CHUNK)


def _words(body: bytes) -> str:
    return " ".join(body[:500].decode("utf-8", "replace").split())

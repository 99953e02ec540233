"""A daemon that exports images, as `airgap.sources.docker_daemon.Daemon` has it, in memory."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from airgap.errors import ResourceError
from tests.support.images import Json


@dataclass
class Daemon:
    """Has images by name.

    Attributes:
        about: what is said of each.
        tars: its export.
        room: bytes that it can stage.
        begun: the names of the exports that were begun, in order.
        cut: how many bytes an export has before it breaks off.
    """

    about: dict[str, Json] = field(default_factory=dict)
    tars: dict[str, bytes] = field(default_factory=dict)
    room: int = 1 << 40
    begun: list[str] = field(default_factory=list)
    cut: int | None = None

    def have(self, name: str, data: bytes, **about: Any) -> None:
        self.tars[name] = data
        self.about[name] = {"Id": "sha256:0", "Size": len(data), "RepoDigests": []} | about

    def inspect(self, name: str) -> Json | None:
        return self.about.get(name)

    def check_room(self, size: int) -> None:
        if size > self.room:
            raise ResourceError("docker has no room")

    def export(self, name: str) -> Generator[bytes]:
        self.begun.append(name)
        data = self.tars[name][: self.cut]
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]

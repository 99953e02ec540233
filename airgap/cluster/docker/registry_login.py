"""The docker program's login at the registry: it alone knows where this user's passwords are kept.

A config.json may name a store or a helper for them; ``docker login`` follows that, and proves the
password with the daemon, which verifies the registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airgap.cluster.command import run
from airgap.cluster.doors.login import USER, Login
from airgap.errors import AirgapError
from airgap.registry.credentials import Credential, Credentials


@dataclass(frozen=True, slots=True)
class Docker:
    """The docker program of a user, or podman.

    Attributes:
        config: its config.json, podman's auth.json; None where there is none.
        environment: it runs in.
        program: ``docker`` or ``podman``.
    """

    config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    program: str = "docker"

    def has(self, address: str, login: Login) -> bool:
        """Tell whether it knows a registry's password already."""
        found = self._knows(address)
        return found is not None and (found.username, found.password) == (
            login.user, login.password,
        )  # fmt: skip

    def enter(self, address: str, login: Login) -> None:
        """Log in.

        Raises:
            ClusterError: docker or the registry refused.
            ResourceError: there is no docker program.
        """
        arguments = [self.program, "login", address, "--username", login.user, "--password-stdin"]
        run(arguments, env=self.environment, stdin=login.password.encode(), seconds=60)

    def leave(self, address: str) -> bool:
        """Log out where `enter` logged in; tells whether it had.

        Raises:
            ClusterError: docker refused.
            ResourceError: there is no docker program.
        """
        found = self._knows(address)
        if found is None or found.username != USER:
            return False
        run([self.program, "logout", address], env=self.environment, seconds=60)
        return True

    def _knows(self, address: str) -> Credential | None:
        try:
            return Credentials(self.config).of(address)
        except AirgapError:  # a file or a helper that cannot be read has no password of ours
            return None

"""host: this host's own trust in the registry, for ``docker push`` and ``docker pull``.

A line in /etc/hosts makes the control plane's name mean this host, and docker's certs.d holds
the CA for it. Both are marked as airgap's, so that they can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airgap.errors import ResourceError

HOSTS = Path("/etc/hosts")
CERTS_D = Path("/etc/docker/certs.d")
_CA_FILE = "airgap-ca.crt"


@dataclass(frozen=True, slots=True)
class HostTrust:
    """What this host needs for one cluster.

    Attributes:
        name: the name that is to mean this host, ``NAME-control-plane``.
        addresses: ``HOST:PORT`` under which docker is to believe the CA.
        ca_pem: the CA.
    """

    name: str
    addresses: Sequence[str]
    ca_pem: bytes
    hosts: Path = HOSTS
    certs: Path = CERTS_D

    @property
    def line(self) -> str:
        """The line for /etc/hosts."""
        return f"127.0.0.1 {self.name} # airgap\n"

    def missing(self) -> list[str]:
        """Say what is not as it should be, one change a line."""
        changes = [] if self.line in _read(self.hosts) else [f"{self.hosts}: {self.line.strip()}"]
        lacking = [p for p in self._ca_files() if not p.exists() or p.read_bytes() != self.ca_pem]
        return changes + [f"{path}: the registry's CA" for path in lacking]

    def apply(self) -> None:
        """Write what is missing.

        Raises:
            ResourceError: it cannot be written.
        """
        try:
            text = _read(self.hosts)
            if self.line not in text:
                _write(self.hosts, text + ("" if text.endswith("\n") else "\n") + self.line)
            for path in self._ca_files():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.ca_pem)
        except OSError as error:
            raise _denied(error) from error

    def undo(self) -> list[str]:
        """Take back what `apply` wrote; returns what was changed.

        Raises:
            ResourceError: it cannot be changed.
        """
        changed = []
        try:
            text = _read(self.hosts)
            if self.line in text:
                _write(self.hosts, text.replace(self.line, ""))
                changed.append(str(self.hosts))
            for path in self._ca_files():
                if path.exists():
                    path.unlink()
                    changed.append(str(path))
                _remove_if_empty(path.parent)
            _remove_if_empty(self.certs)
        except OSError as error:
            raise _denied(error) from error
        return changed

    def _ca_files(self) -> list[Path]:
        return [self.certs / address / _CA_FILE for address in self.addresses]


def of_cluster(cluster: str, port: int, ca_pem: bytes) -> HostTrust:
    """Return what this host needs for a cluster whose registry answers at ``port``."""
    name = f"{cluster}-control-plane"
    return HostTrust(name, [f"{name}:{port}", f"localhost:{port}"], ca_pem)


def undo(cluster: str, hosts: Path = HOSTS, certs: Path = CERTS_D) -> list[str]:
    """Take back what was written for a cluster, which may be gone; returns what was changed.

    Raises:
        ResourceError: it cannot be changed.
    """
    name = f"{cluster}-control-plane"
    ports = [path.parent.name.rpartition(":")[2] for path in certs.glob(f"{name}:*/{_CA_FILE}")]
    addresses = [f"{host}:{port}" for port in sorted(ports) for host in (name, "localhost")]
    return HostTrust(name, addresses, b"", hosts, certs).undo()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    """Write in place: /etc/hosts may be a mount of its own, which cannot be replaced."""
    with path.open("r+" if path.exists() else "w") as file:
        file.write(text)
        file.truncate()


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _denied(error: OSError) -> ResourceError:
    return ResourceError(
        f"cannot change {error.filename}: {error.strerror}",
        hint="run as root (sudo), or look with airgap trust --print and do it by hand",
    )

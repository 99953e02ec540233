"""This host's own trust in the registry, for ``docker push`` and ``docker pull``.

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
    def line(self) -> bytes:
        """The line for /etc/hosts, with the mark that it is airgap's."""
        return f"127.0.0.1 {self.name} # airgap\n".encode()

    def missing(self) -> list[str]:
        """Say what is not as it should be, one change a line.

        Raises:
            ResourceError: something cannot be read.
        """
        try:
            shown = self.line.decode().strip()
            changes = [] if self.line in _lines(self.hosts) else [f"{self.hosts}: {shown}"]
            lacking = [
                path for path in self._ca_files()
                if not path.exists() or path.read_bytes() != self.ca_pem
            ]  # fmt: skip
        except OSError as error:
            raise _denied(error) from error
        return changes + [f"{path}: the registry's CA" for path in lacking]

    def by_hand(self) -> list[str]:
        """Return lines of /etc/hosts that somebody else wrote for the name.

        Raises:
            ResourceError: it cannot be read.
        """
        try:
            found = [
                line.decode("utf-8", "replace").strip()
                for line in _lines(self.hosts)
                if line != self.line and self.name.encode() in line.partition(b"#")[0].split()[1:]
            ]
        except OSError as error:
            raise _denied(error) from error
        return found

    def apply(self) -> None:
        """Write what is missing.

        Raises:
            ResourceError: it cannot be written.
        """
        try:
            lines = _lines(self.hosts)
            if self.line not in lines:
                # Before a last line that lacks its end: so that taking ours out again leaves
                # every byte as it was.
                place = len(lines) - (1 if lines and not lines[-1].endswith(b"\n") else 0)
                _write(self.hosts, b"".join([*lines[:place], self.line, *lines[place:]]))
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
            lines = _lines(self.hosts)
            if self.line in lines:
                _write(self.hosts, b"".join(line for line in lines if line != self.line))
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
    try:
        return _at_hand(name, hosts, certs).undo()
    except OSError as error:
        raise _denied(error) from error


def left(cluster: str, hosts: Path = HOSTS, certs: Path = CERTS_D) -> bool:
    """Tell whether something is there that was written for a cluster.

    Raises:
        ResourceError: it cannot be read.
    """
    found = _at_hand(f"{cluster}-control-plane", hosts, certs)
    try:
        return found.line in _lines(hosts) or any(path.exists() for path in found._ca_files())
    except OSError as error:
        raise _denied(error) from error


def _at_hand(name: str, hosts: Path, certs: Path) -> HostTrust:
    """Return what was written for a name, by what is there."""
    ports = [path.parent.name.rpartition(":")[2] for path in certs.glob(f"{name}:*/{_CA_FILE}")]
    addresses = [f"{host}:{port}" for port in sorted(ports) for host in (name, "localhost")]
    return HostTrust(name, addresses, b"", hosts, certs)


def _lines(path: Path) -> list[bytes]:
    """Return a file's lines with their ends, as bytes: comments may be in any encoding."""
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def _write(path: Path, content: bytes) -> None:
    """Write in place: /etc/hosts may be a mount of its own, which cannot be replaced."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)
        file.truncate()


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _denied(error: OSError) -> ResourceError:
    return ResourceError(
        f"cannot change {error.filename}: {error.strerror}",
        hint="run as root (sudo), or look with airgap trust --print and do it by hand",
    )

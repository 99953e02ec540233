"""This host's own trust in the registry, for ``docker push`` and ``docker pull``.

A line in /etc/hosts gives the control plane's name its address, and docker's certs.d holds the CA
for it. Both are marked as airgap's, so that they can be taken back.

docker does not verify a registry whose name means 127.0.0.0/8 (it counts as insecure): so the name
means the node's own address wherever this host reaches that.
"""

import re
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
        name: the name that gets an address, ``NAME-control-plane``.
        ip: that address.
        addresses: ``HOST:PORT`` under which docker is to believe the CA.
        ca_pem: the CA.
    """

    name: str
    ip: str
    addresses: Sequence[str]
    ca_pem: bytes
    hosts: Path = HOSTS
    certs: Path = CERTS_D

    @property
    def line(self) -> bytes:
        """The line for /etc/hosts, with the mark that it is airgap's."""
        return f"{self.ip} {self.name} # airgap\n".encode()

    def missing(self) -> list[str]:
        """Say what is not as it should be, one change a line.

        Raises:
            ResourceError: something cannot be read.
        """
        try:
            shown = self.line.decode().strip()
            ours = _ours(_lines(self.hosts), self.name)
            changes = [] if ours == [self.line] else [f"{self.hosts}: {shown}"]
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
            lines = _lines(self.hosts)
            ours, name = _ours(lines, self.name), self.name.encode()
            found = [
                line.decode("utf-8", "replace").strip()
                for line in lines
                if line not in ours and name in line.partition(b"#")[0].split()[1:]
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
            self._write_line()
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
            if ours := _ours(lines, self.name):
                _write(self.hosts, b"".join(line for line in lines if line not in ours))
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

    def _write_line(self) -> None:
        lines = _lines(self.hosts)
        ours = _ours(lines, self.name)
        if ours == [self.line]:
            return
        lines = [line for line in lines if line not in ours]
        # Before a last line that lacks its end: so that taking ours out again leaves every byte
        # as it was.
        place = len(lines) - (1 if lines and not lines[-1].endswith(b"\n") else 0)
        _write(self.hosts, b"".join([*lines[:place], self.line, *lines[place:]]))

    def renew(self) -> bool:
        """Give the name its address again, if it has one by airgap; tells whether that changed.

        Raises:
            ResourceError: it cannot be written.
        """
        try:
            ours = _ours(_lines(self.hosts), self.name)
            if not ours or ours == [self.line]:
                return False
            self._write_line()
        except OSError as error:
            raise _denied(error) from error
        return True

    def _ca_files(self) -> list[Path]:
        return [self.certs / address / _CA_FILE for address in self.addresses]


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


def believe(cluster: str, ca_pem: bytes, hosts: Path = HOSTS, certs: Path = CERTS_D) -> bool:
    """Let docker believe another CA where it believes the cluster's; tells whether that changed.

    Raises:
        ResourceError: it cannot be written.
    """
    try:
        paths = _at_hand(f"{cluster}-control-plane", hosts, certs)._ca_files()
        stale = [path for path in paths if path.exists() and path.read_bytes() != ca_pem]
        for path in stale:
            fresh = path.with_suffix(".new")  # docker reads the CA at each pull and push
            fresh.write_bytes(ca_pem)
            fresh.replace(path)
    except OSError as error:
        raise _denied(error) from error
    return bool(stale)


def left(cluster: str, hosts: Path = HOSTS, certs: Path = CERTS_D) -> bool:
    """Tell whether something is there that was written for a cluster.

    Raises:
        ResourceError: it cannot be read.
    """
    found = _at_hand(f"{cluster}-control-plane", hosts, certs)
    try:
        return bool(_ours(_lines(hosts), found.name)) or any(p.exists() for p in found._ca_files())
    except OSError as error:
        raise _denied(error) from error


def _at_hand(name: str, hosts: Path, certs: Path) -> HostTrust:
    """Return what was written for a name, by what is there."""
    ports = [path.parent.name.rpartition(":")[2] for path in certs.glob(f"{name}:*/{_CA_FILE}")]
    addresses = [f"{host}:{port}" for port in sorted(ports) for host in (name, "localhost")]
    return HostTrust(name, "", addresses, b"", hosts, certs)


def addresses(cluster: str, certs: Path = CERTS_D) -> list[str]:
    """Return the addresses at which docker believes a cluster's CA by the cluster's name."""
    name = f"{cluster}-control-plane"
    return sorted(path.parent.name for path in certs.glob(f"{name}:*/{_CA_FILE}"))


def _ours(lines: Sequence[bytes], name: str) -> list[bytes]:
    """Return the lines that airgap wrote for a name, whatever the address."""
    pattern = re.compile(rb"[0-9A-Fa-f.:]+ " + re.escape(name.encode()) + rb" # airgap\n")
    return [line for line in lines if pattern.fullmatch(line)]


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

"""Endpoint: which daemon the docker program would use, and how it is reached.

The docker package knows nothing of contexts, and takes addresses in fewer spellings than the
program does; kind calls the program. So the program's own rules are followed here (DOCKER_HOST,
else DOCKER_CONTEXT, else the current context), and both are given the same daemon.
"""

import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airgap.cluster.command import run
from airgap.errors import AirgapError, ResourceError

_PORTS = {False: 2375, True: 2376}  # without TLS, and with it
_FILES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A docker daemon.

    Attributes:
        address: ``unix:///…`` or ``tcp://HOST:PORT``.
        tls: the folder with ca.pem, cert.pem and key.pem; None without TLS.
        verify: whether the daemon's certificate is checked.
        environment: for programs that have to reach the same daemon.
    """

    address: str
    tls: Path | None
    verify: bool
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Tell whether it is on this machine."""
        url = urlsplit(self.address)
        if url.scheme == "unix":
            return True
        if url.scheme != "tcp":
            return False
        host = url.hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def file(self, name: str) -> str | None:
        """Return a TLS file where there is one."""
        path = self.tls / name if self.tls else None
        return str(path) if path and path.is_file() else None


def find(environment: Mapping[str, str]) -> Endpoint:
    """Find the daemon that the docker program would use.

    Raises:
        ResourceError: its address or its context makes no sense.
    """
    child = dict(environment)
    named = environment.get("DOCKER_HOST")
    if named:
        return _with_port(_of_variables(named, child))
    address, tls, verify = _of_context(child)
    if tls is None and address.startswith("tcp:"):
        return _with_port(_of_variables(address, child))
    # The docker program is asked again by kind: by the context, which alone names the TLS files.
    return _with_port(Endpoint(address, tls, verify, child))


def _of_variables(address: str, child: Mapping[str, str]) -> Endpoint:
    """Apply DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH, which go with DOCKER_HOST."""
    if "://" not in address:
        address = f"tcp://{address}"
    verify = bool(child.get("DOCKER_TLS_VERIFY"))
    if not address.startswith("tcp:") or not (verify or child.get("DOCKER_TLS")):
        return Endpoint(address, None, verify=False, environment=child)
    folder = child.get("DOCKER_CERT_PATH") or child.get("DOCKER_CONFIG")
    path = Path(folder) if folder else Path(child.get("HOME", "/")) / ".docker"
    return Endpoint(address, path, verify, child)


def _of_context(child: Mapping[str, str]) -> tuple[str, Path | None, bool]:
    """Ask the docker program which context it uses, and what is in it."""
    arguments = ["docker", "context", "inspect"]
    try:
        found: Any = json.loads(run(arguments, env=child, seconds=60))[0]
        endpoint = found["Endpoints"]["docker"]
        address, verify = str(endpoint["Host"]), not endpoint.get("SkipTLSVerify", False)
        files = (found.get("TLSMaterial") or {}).get("docker") or []
        folder = Path(found["Storage"]["TLSPath"]) / "docker" if files else None
    except AirgapError as error:
        raise ResourceError(error.message, hint="check docker context ls") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ResourceError(
            "docker context inspect says nothing of use", hint="check docker context ls"
        ) from error
    return address, folder, verify


def _with_port(endpoint: Endpoint) -> Endpoint:
    """Add docker's own port where none is named, as the program does."""
    url = urlsplit(endpoint.address)
    if url.scheme != "tcp":
        return endpoint
    try:
        port = url.port or _PORTS[endpoint.tls is not None]
    except ValueError as error:
        raise ResourceError(
            f"the docker daemon's address {endpoint.address} has no valid port",
            hint="tcp://HOST:PORT is what DOCKER_HOST takes",
        ) from error
    host = url.hostname or "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return replace(endpoint, address=f"tcp://{shown}:{port}")


def check_files(endpoint: Endpoint) -> None:
    """Check that the TLS files are there and can be used.

    Raises:
        ResourceError: one is not, naming it.
    """
    if endpoint.tls is None:
        return
    cert, key, authority = (endpoint.file(n) for n in ("cert.pem", "key.pem", "ca.pem"))
    try:
        context = ssl.create_default_context()
        if cert and key:
            context.load_cert_chain(cert, key)
        if authority:
            context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise ResourceError(
            f"docker's TLS files in {endpoint.tls} cannot be used: {error.strerror or error}",
            hint=f"they are {', '.join(_FILES)}; DOCKER_CERT_PATH names their folder",
        ) from error
    if endpoint.verify and not authority:
        raise ResourceError(
            f"{endpoint.tls} has no ca.pem, and DOCKER_TLS_VERIFY asks for one",
            hint="DOCKER_CERT_PATH names the folder with ca.pem, cert.pem and key.pem",
        )

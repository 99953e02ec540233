"""trust: what this host needs to use a cluster's registry with docker."""

from dataclasses import dataclass
from pathlib import Path

from airgap.cluster import host_trust
from airgap.cluster.docker.registry_login import Docker
from airgap.cluster.doors.login import Login
from airgap.cluster.host_trust import HostTrust
from airgap.cluster.kube import ready
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.site import Site, landed
from airgap.errors import AirgapError, ClusterError
from airgap.progress import Progress

_HERE = "127.0.0.1"
_PASSWORD = (
    f"kubectl -n {NAMESPACE} get secret registry -o jsonpath='{{.data.password}}' | base64 -d"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this host needs to write into the registry with docker.

    Attributes:
        host: the name's address, and the CA.
        address: where docker pushes to.
        login: what the registry asks for.
        verified: whether docker verifies the registry there: else it gets no password.
    """

    host: HostTrust
    address: str
    login: Login
    verified: bool

    def warnings(self, docker: Docker) -> list[str]:
        """Say what keeps docker from verifying the registry.

        Args:
            docker: whose login it is.
        """
        said = [
            f"{self.host.hosts} has a line by hand, which is left as it is: {line}"
            for line in self.host.by_hand()
        ]
        if not self.verified:
            said.append(
                f"{docker.program} gets no password: {self.host.name} has to mean {_HERE} here,"
                " since this host does not reach the node itself, and there docker verifies nothing"
            )
        return said

    def missing(self, docker: Docker) -> list[str]:
        """Say what is not as it should be, one change a line.

        Args:
            docker: whose login it is.

        Raises:
            ResourceError: something cannot be read.
        """
        changes = self.host.missing()
        if self._lacks_login(docker):
            who = f"--username {self.login.user} --password-stdin"
            changes.append(f"{docker.program} login {self.address} {who}   # {_PASSWORD}")
        return changes

    def apply(self, docker: Docker) -> None:
        """Write what is missing, and log docker in.

        Raises:
            ResourceError: something cannot be written.
            ClusterError: docker or the registry refused the login.
        """
        self.host.apply()
        if self._lacks_login(docker):
            docker.enter(self.address, self.login)

    def _lacks_login(self, docker: Docker) -> bool:
        """Tell whether docker may have the password, and does not.

        A line by hand may lead the name to where docker verifies nothing.
        """
        may = self.verified and not self.host.by_hand()
        return may and not docker.has(self.address, self.login)


def wanted(site: Site, hosts: Path = host_trust.HOSTS, certs: Path = host_trust.CERTS_D) -> Wanted:
    """Return what this host needs to use the registry with docker.

    Raises:
        ClusterError: no registry of airgap's runs in the cluster.
    """
    kube = site.kube()
    secret, bundles = ready.secret(kube, "registry", NAMESPACE), landed(kube)
    if not secret or not bundles:
        raise ClusterError(
            f"the cluster {site.name} has no registry of airgap's",
            hint="airgap unpack BUNDLE.tar",
        )
    login = Login.of_secret(secret)
    if login is None:
        raise ClusterError(
            f"the registry of the cluster {site.name} is from a release before, and open to all",
            hint=f"airgap up --cluster-name {site.name} closes it",
        )
    node_port = bundles[-1].parameters.node_port
    node, ca_pem = site.control_plane, secret["ca.crt"]
    here = node.ports.get(node_port, node_port)
    name, ip = f"{site.name}-control-plane", node.address
    verified = bool(ip) and site.tools.reach(ip, node_port, name, ca_pem)
    ports = sorted({node_port, here})
    addresses = [f"{host}:{port}" for port in ports for host in (name, "localhost")]
    host = HostTrust(name, ip if verified else _HERE, addresses, ca_pem, hosts, certs)
    return Wanted(host, f"{name}:{node_port if verified else here}", login, verified)


def withdraw(
    cluster: str, docker: Docker, hosts: Path = host_trust.HOSTS, certs: Path = host_trust.CERTS_D
) -> list[str]:
    """Take back what `trust` did for a cluster, which may be gone; returns what was changed.

    Raises:
        ResourceError: something cannot be changed.
        ClusterError: docker did not log out.
    """
    addresses = host_trust.addresses(cluster, certs)
    left = [
        f"{docker.program}'s login at {address}" for address in addresses if docker.leave(address)
    ]
    return [*host_trust.undo(cluster, hosts, certs), *left]


def keep(site: Site, progress: Progress, hosts: Path = host_trust.HOSTS) -> None:
    """Give the cluster's name its address again, if it has one by `trust`: nodes move."""
    try:
        found = wanted(site, hosts).host
        if found.renew():
            progress.note(f"{found.hosts}: {found.line.decode().strip()}")
    except AirgapError as error:
        progress.warn(f"{error.message}; airgap trust --cluster-name {site.name} repairs it")

"""renew: a new CA and key for the registry of a cluster that runs, without a pull that fails.

Nodes trust both CAs first, then the registry changes, then the old CA goes. A run that was
interrupted anywhere is gone on with by the next.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from airgap.certificates.make import issue, issue_from
from airgap.certificates.prove import expiry, names_of
from airgap.certificates.values import Authority, Tls
from airgap.cluster import host_trust, mirrors
from airgap.cluster.doors import deploy, renewal
from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site, landed, trusted_files
from airgap.errors import ClusterError, ResourceError
from airgap.progress import Progress, count

_NODES_SECONDS = 60


def renew(
    site: Site,
    progress: Progress,
    authority: Authority | None = None,
    hosts: Path = host_trust.HOSTS,
    certs: Path = host_trust.CERTS_D,
) -> datetime:
    """Give the registry a new CA and a new key; returns when its certificate ends.

    Args:
        site: the cluster.
        progress: is told each step.
        authority: an organisation's CA, which signs instead of a new one.
        hosts: what `trust` wrote names into.
        certs: below which `trust` wrote the CA for docker.

    Raises:
        ClusterError: no registry runs in the cluster, or something is not in time.
        TrustError: the authority may not sign.
    """
    kube, bundles = _begin(site, progress)
    parameters = bundles[-1].parameters
    progress.step("Make a certificate")
    secret = _secret(kube)
    if renewal.is_under_way(secret):
        progress.note("the change that was begun before goes on")
    else:
        names = _names(site, bundles, secret["tls.crt"])
        made = issue_from(authority, names) if authority else issue(names)
        renewal.begin(kube, secret, made)
        progress.note(f"valid until {expiry(made.cert_pem):%Y-%m-%d}")
    own = _Believers(site, bundles, secret, progress, (hosts, certs))
    progress.step("Let nodes trust both CAs")
    own.believe(_secret(kube)["ca.crt"])
    if slow := renewal.wait_for_fetches(site):
        progress.warn(
            f"{', '.join(slow)} still fetched what was begun before: such a pull may be tried again"
        )
    progress.step("Change the registry")
    renewal.turn(kube, _secret(kube))
    secret = _secret(kube)
    tls = Tls(secret["ca.crt"], secret["tls.crt"], secret["tls.key"])
    changed = renewal.hand_over(site, kube, parameters, tls)
    progress.note("it has the new certificate" if changed else "it has it already")
    progress.step("Forget the CA before")
    renewal.end(kube, secret)
    own.believe(_secret(kube)["ca.crt"])
    return expiry(tls.cert_pem)


def _begin(site: Site, progress: Progress) -> tuple[Kube, Sequence[Landed]]:
    """Check that there is a registry, and that it can change."""
    if site.resting:
        raise ClusterError(
            f"the cluster {site.name} does not run: {', '.join(n.name for n in site.resting)}",
            hint=f"airgap up --cluster-name {site.name} starts it",
        )
    kube = site.kube()
    bundles, secret = landed(kube), _secret(kube)
    if not bundles or not secret:
        raise ClusterError(
            f"the cluster {site.name} has no registry of airgap's", hint="airgap unpack BUNDLE.tar"
        )
    ready.wait_nodes(kube, len(site.nodes), _NODES_SECONDS, site.tools.clock)
    guarded = Login.for_reading(secret) is not None
    if deploy.take_over(site, kube, bundles[-1].parameters, guarded=guarded):
        progress.note("the registry of a release before was changed first")
    return kube, bundles


def _secret(kube: Kube) -> dict[str, bytes]:
    return ready.secret(kube, "registry", NAMESPACE)


def _names(site: Site, bundles: Sequence[Landed], cert_pem: bytes) -> list[str]:
    """Return what the certificate is for: what it was, what bundles ask for, nodes added since."""
    asked = [name for bundle in bundles for name in bundle.parameters.names]
    nodes = [node.name for node in site.nodes]
    return list(dict.fromkeys([*bundles[-1].parameters.names, *nodes, *asked, *names_of(cert_pem)]))


class _Believers:
    """All who know the registry by its CA: the nodes, and docker on this host after `trust`."""

    def __init__(
        self, site: Site, bundles: Sequence[Landed], secret: Mapping[str, bytes],
        progress: Progress, docker: tuple[Path, Path],
    ) -> None:  # fmt: skip
        self._site, self._progress = site, progress
        self._files = trusted_files(site, bundles, secret)
        self._docker = docker

    def believe(self, ca_pem: bytes) -> None:
        """Tell them whom to believe; what docker cannot be told is told to the user."""
        for node in self._site.nodes:
            mirrors.trust_node(node, self._files, ca_pem)
        self._progress.note(f"{count(len(self._site.nodes), 'node')} told")
        try:
            if host_trust.believe(self._site.name, ca_pem, *self._docker):
                self._progress.note("docker on this host told")
        except ResourceError as error:
            self._progress.warn(
                f"{error.message}: docker on this host does not know the new CA;"
                f" sudo airgap trust --cluster-name {self._site.name} tells it"
            )

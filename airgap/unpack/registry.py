"""The registry in the cluster: its image, whom it is believed by, its objects, the images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from airgap.bundle.archives import oci_archive
from airgap.bundle.certificate import carried_tls
from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.certificates.prove import covers
from airgap.certificates.values import Tls
from airgap.cluster import mirrors, own
from airgap.cluster.doors import deploy
from airgap.cluster.doors.login import READING_USER, Entrance, Login
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.progress import Progress
from airgap.registry.credentials import Credential
from airgap.registry.options import Options as RegistryOptions
from airgap.targets.naming import Naming
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from airgap.unpack.ahead import Content
from airgap.unpack.landed import ids


def import_image(found: Site, bundle: Bundle, name: str) -> bool:
    """Import the registry image where the registry runs; tells whether it had to be.

    Raises:
        ClusterError: the node has another image under its name still.
    """
    node, image = found.control_plane, bundle.registry
    if image is None or node.has_image(name, digest := str(image.root.digest)):
        return False
    node.import_image(name, oci_archive(bundle, image, name))
    if not node.has_image(name, digest):
        program = found.engine.provider.name
        raise ClusterError(
            f"containerd on {node.name} does not have {digest} as {name}",
            hint=f"look: {program} exec {node.name} ctr -n k8s.io images ls",
        )
    return True


def end_foreign(found: Site, kube: Kube, bundle: Bundle, before: Sequence[Landed]) -> list[str]:
    """End pods of the registry that run what no bundle brought; returns their names.

    Raises:
        ClusterError: one is there still.
    """
    recorded = {each for landed in before for each in landed.registry_ids}
    known = recorded.union(ids(bundle.registry)) if recorded else recorded
    return own.end_foreign(found.control_plane, kube, known, found.tools.clock)


def choose_tls(
    kube: Kube, bundle: Bundle, parameters: Parameters, progress: Progress, *, own: bool = False
) -> Tls:
    """Take the cluster's certificate, else the bundle's, else make one.

    Args:
        kube: the cluster.
        bundle: may carry one.
        parameters: say which names it is for.
        progress: is told where the key is from.
        own: make one rather than take the bundle's.

    Raises:
        TrustError: the bundle's is not valid.
    """
    found = ready.secret(kube, "registry", NAMESPACE)
    if found:
        return Tls(found["ca.crt"], found["tls.crt"], found["tls.key"])
    carried = None if own else carried_tls(bundle)
    if carried:
        lacking = covers(carried.cert_pem, parameters.names)
        if not lacking:
            progress.note(
                "the registry's key came with the bundle: who has a copy of it can pose as this"
                " registry (--tls host makes a key here instead)"
            )
            return carried
        progress.warn(
            f"the bundle's certificate is not for {', '.join(lacking)}: a new CA is made here"
        )
    return issue(parameters.names)


@dataclass(frozen=True, slots=True)
class Reading:
    """What it takes to read; None where that is open to all.

    Attributes:
        told: what nodes are told until the registry has changed: where it is about to be open
            again, they keep the password until it is.
        wanted: what is to be.
    """

    told: Login | None
    wanted: Login | None

    @classmethod
    def choose(cls, kube: Kube, registry_auth: str | None) -> Self:
        """Choose: as the cluster has it, or as is asked for."""
        told = Login.for_reading(ready.secret(kube, "registry", NAMESPACE))
        if told is None and registry_auth == "all":
            told = Login.new(READING_USER)
        return cls(told, None if registry_auth == "write" else told)


def hosts(bundle: Bundle, before: Sequence[Landed]) -> list[str]:
    """Return whose images the registry serves: the bundle's, and those that landed before."""
    own = {image.reference.host for image in bundle.images}
    return sorted(own.union(*(landed.hosts for landed in before)))


def trust_nodes(
    found: Site, hosts: Sequence[str], parameters: Parameters, ca_pem: bytes, reading: Login | None
) -> int:
    """Write CA, names and password into every node; returns the number of files written."""
    names = [node.name for node in found.nodes]
    wanted = mirrors.files(hosts, parameters, names, parameters.host_port, reading)
    return sum(mirrors.trust_node(node, wanted, ca_pem) for node in found.nodes)


def start(
    found: Site, kube: Kube, bundle: Bundle, parameters: Parameters, tls: Tls, reading: Reading
) -> tuple[bool, Login]:
    """Apply the registry's objects and wait until it answers.

    A bundle that brings no registry leaves the image of the one that is there.

    Returns whether that changed anything, and what the registry's writing door asks for.

    Raises:
        ClusterError: it does not come up in time.
    """
    guarded, changed = reading.wanted is not None, False
    if bundle.registry:
        found.control_plane.prepare_storage()
        changed = kube.apply(objects.namespace())
    made, login = deploy.put_secret(kube, tls)
    made |= deploy.guard(kube, reading.wanted, login)
    if bundle.registry:
        return deploy.deploy(found, kube, parameters, guarded=guarded) or changed or made, login
    changed = deploy.take_over(found, kube, parameters, guarded=guarded)
    deploy.wait(found, kube, parameters, changed=changed)
    return changed or made, login


def push_images(content: Content, entrance: Entrance, progress: Progress) -> Report:
    """Push what is missing.

    Raises:
        AirgapError: an image did not land; the others did.
    """
    stop = Stop()
    options = RegistryOptions(ca_pem=entrance.ca_pem, tries=8, why_silent=entrance.why_silent)
    credential = Credential(entrance.login.user, entrance.login.password)
    names = Naming(short_names=True).names(content.images)
    with RegistryTarget(
        entrance.endpoint, options, progress, scheme="https", stop=stop, credential=credential
    ) as target:
        report = push(content.images, content, target, progress, names=names, stop=stop)
    report.check()
    return report
